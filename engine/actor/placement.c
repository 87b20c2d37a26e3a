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
	for (uint32_t i = 0; i < ctx->sys->lcores_shared; i++) {
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
	uint32_t n = ctx->sys->lcores_shared, first = hmi_index(ctx) % n, best = first;
	const struct known *known = ctx->placement->lcores;

	known_refresh(ctx);
	for (uint32_t i = 1; i < n; i++) {
		uint32_t lcore = (first + i) % n;

		if (known_score(&known[lcore]) < known_score(&known[best]))
			best = lcore;
	}
	return best;
}

/* ---- Lcores of one's own --------------------------------------------------------- */

static int
own_take(struct hm_system *sys, uint32_t *lcore)
{
	for (uint32_t i = sys->lcores_shared; i < sys->lcores_count; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;

		if ((atomic_fetch_or_explicit(&sys->lcores_owned[i / 64], bit, memory_order_relaxed) & bit) ==
		    0) {
			*lcore = i;
			return 0;
		}
	}
	return -EBUSY;
}

void
hmi_placement_own_leave(struct hm_system *sys, uint32_t lcore)
{
	atomic_fetch_and_explicit(&sys->lcores_owned[lcore / 64], ~(UINT64_C(1) << lcore % 64),
				  memory_order_relaxed);
}

/* ---- All policies --------------------------------------------------------------- */

bool
hmi_placement_is_valid(const struct hm_ctx *ctx, uint32_t where)
{
	return where <= ctx->worker.lcores_count || where == HM_LCORE_ANY || where == HM_LCORE_LEAST ||
	       where == HM_LCORE_KEY || where == HM_LCORE_OWN;
}

int
hmi_placement_choose(struct hm_ctx *ctx, uint32_t where, uint64_t key, uint32_t *lcore)
{
	switch (where) {
	case HM_LCORE_SAME:
		*lcore = hmi_index(ctx);
		break;
	case HM_LCORE_ANY:
		*lcore = ctx->deal++ % ctx->sys->lcores_shared;
		break;
	case HM_LCORE_LEAST:
		*lcore = least_loaded(ctx);
		break;
	case HM_LCORE_KEY:
		*lcore = hm_system_lcore_of_key(ctx->sys, key);
		break;
	case HM_LCORE_OWN:
		return own_take(ctx->sys, lcore);
	default:
		*lcore = where - HM_LCORE(0);
		break;
	}
	return 0;
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

	return (uint32_t)(mixed * sys->lcores_shared >> 32);
}

/* ---- Inspect ------------------------------------------------------------------------ */

uint32_t
hm_system_lcores_shared(const struct hm_system *sys)
{
	return sys->lcores_shared;
}

int
hm_system_load(const struct hm_system *sys, uint32_t lcore, struct hm_load *load)
{
	const struct hm_ctx *ctx;
	uint64_t now = 0;

	if (sys == NULL || load == NULL || lcore >= sys->lcores_count)
		return -EINVAL;
	ctx = sys->lcores[lcore];
	*load = hmi_load_of(hmi_load_published(ctx));
	/* A clock of the program's own is read in turns alone; so it has lcores that are idle outside of them. */
	if (sys->clock.read == NULL)
		now = hmi_clock_ticks(&sys->clock);
	load->busy_ns = hmi_clock_ns_of(&sys->clock, hmi_busy_ticks(&ctx->worker.busy, now));
	return 0;
}
