/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On which lcore an actor comes to live.
 */
#include "placement_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "load_pvt.h"
#include "random_pvt.h"

/* So many actors that do nothing are as much load as one that waits for its turn. */
#define WAITING_WEIGHT 16u

/* An lcore as this one knows it. */
struct known {
	uint64_t load;  /* what it had published when this turn began to place actors */
	uint32_t dealt; /* actors sent to it since it published something else */
};

struct hmi_placement {
	uint64_t turns; /* of this lcore's loop, when `lcores` was last brought up to date */
	struct known lcores[];
};

int
hmi_placement_create(struct hm_ctx *ctx)
{
	uint32_t n = ctx->sys->lcores_count;

	ctx->placement = calloc(1, sizeof(*ctx->placement) + n * sizeof(ctx->placement->lcores[0]));
	if (ctx->placement == NULL)
		return -ENOMEM;
	ctx->placement->turns = UINT64_MAX;
	ctx->deal = hmi_index(ctx);
	return 0;
}

void
hmi_placement_destroy(struct hm_ctx *ctx)
{
	free(ctx->placement);
	ctx->placement = NULL;
}

/* ---- The least loaded --------------------------------------------------------- */

/* Once in a turn, however many actors it spawns: what others have published lies in their caches. */
static void
known_refresh(struct hm_ctx *ctx)
{
	struct hmi_placement *placement = ctx->placement;

	if (placement->turns == ctx->worker.turns)
		return;
	placement->turns = ctx->worker.turns;
	for (uint32_t i = 0; i < ctx->worker.lcores_count; i++) {
		struct known *known = &placement->lcores[i];
		bool is_own = i == hmi_index(ctx);
		uint64_t load = is_own ? hmi_load_now(ctx) : hmi_load_published(ctx->sys->lcores[i]);

		/* One that publishes again has got what was sent to it, but for the last turn's. */
		if (is_own || load != known->load)
			known->dealt = 0;
		known->load = load;
	}
}

static uint64_t
known_score(const struct known *known)
{
	struct hm_load load = hmi_load_of(known->load);

	return (uint64_t)load.actors + known->dealt + (uint64_t)WAITING_WEIGHT * load.waiting;
}

/* Of equals the own lcore, whose actors need no lane, and then the next ones. */
static uint32_t
least_loaded(struct hm_ctx *ctx)
{
	uint32_t n = ctx->worker.lcores_count, best = hmi_index(ctx);
	const struct known *known = ctx->placement->lcores;

	known_refresh(ctx);
	for (uint32_t i = 1; i < n; i++) {
		uint32_t lcore = (hmi_index(ctx) + i) % n;

		if (known_score(&known[lcore]) < known_score(&known[best]))
			best = lcore;
	}
	return best;
}

/* ---- All policies --------------------------------------------------------------- */

bool
hmi_placement_is_valid(const struct hm_ctx *ctx, uint32_t where)
{
	return where <= ctx->worker.lcores_count || where == HM_LCORE_ANY || where == HM_LCORE_LEAST ||
	       where == HM_LCORE_KEY;
}

uint32_t
hmi_placement_choose(struct hm_ctx *ctx, uint32_t where, uint64_t key)
{
	switch (where) {
	case HM_LCORE_SAME:
		return hmi_index(ctx);
	case HM_LCORE_ANY:
		return ctx->deal++ % ctx->worker.lcores_count;
	case HM_LCORE_LEAST:
		return least_loaded(ctx);
	case HM_LCORE_KEY:
		return hm_system_lcore_of_key(ctx->sys, key);
	default:
		return where - HM_LCORE(0);
	}
}

void
hmi_placement_done(struct hm_ctx *ctx, uint32_t where, uint32_t lcore)
{
	if (where == HM_LCORE_LEAST)
		ctx->placement->lcores[lcore].dealt++;
}

/* ---- Keys -------------------------------------------------------------------------- */

uint64_t
hm_key(const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint32_t
hm_system_lcore_of_key(const struct hm_system *sys, uint64_t key)
{
	/* Mixed, since keys that are counted up have nothing in their upper half. */
	uint64_t mixed = hmi_random(&key) >> 32;

	return (uint32_t)(mixed * sys->lcores_count >> 32);
}

/* ---- Inspect ------------------------------------------------------------------------ */

int
hm_system_load(const struct hm_system *sys, uint32_t lcore, struct hm_load *load)
{
	if (sys == NULL || load == NULL || lcore >= sys->lcores_count)
		return -EINVAL;
	*load = hmi_load_of(hmi_load_published(sys->lcores[lcore]));
	return 0;
}
