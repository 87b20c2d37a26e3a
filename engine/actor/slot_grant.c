/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_grant_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "assert_pvt.h"
#include "granted_pvt.h"
#include "memory_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* Slots in one grant. */
#define GRANT 64u

/* Slots on one other lcore, granted to this one. */
struct slot_cache {
	uint64_t *locals; /* of slots that were in use before */
	uint32_t count;
	uint32_t next, end; /* a range of slots that were never used, whose generation will be 1 */
	bool asked;         /* a grant request is on its way */
	bool exhausted;     /* the last answer was that there are none */
};

/* By the other lcore's index. */
struct hmi_grants {
	uint64_t *locals;  /* of all caches; mostly never touched, for with many lcores it is long */
	int32_t *used;     /* slots that it has used and that were not replaced yet */
	uint32_t capacity; /* slots of one cache */
	struct slot_cache caches[];
};

/* Body of HMI_COMMAND_GRANT. */
struct grant {
	uint32_t count, lcore;
	bool exhausted;
	uint64_t locals[];
};

/* ---- On the granting lcore ----------------------------------------------------- */

static uint64_t
grant_one(struct hm_ctx *ctx)
{
	struct hmi_cell *cell = hmi_granted_new(ctx);

	return cell != NULL ? hmi_pid_of(ctx, cell).local : 0;
}

/* Grant an lcore up to GRANT of the slots that it is owed. */
static void
grant_send(struct hm_ctx *ctx, uint32_t lcore)
{
	int32_t owed = ctx->grants->used[lcore];
	uint32_t max = owed < 0 ? 0 : RTE_MIN((uint32_t)owed, GRANT);
	struct hm_msg *msg =
		hmi_control(&ctx->cache, HMI_COMMAND_GRANT, sizeof(struct grant) + max * sizeof(uint64_t));
	struct grant *grant = hm_msg_body_mut(msg);

	grant->lcore = hmi_index(ctx);
	while (grant->count < max && (grant->locals[grant->count] = grant_one(ctx)) != 0)
		grant->count++;
	grant->exhausted = grant->count < max;
	ctx->grants->used[lcore] -= (int32_t)grant->count;
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
}

void
hmi_grant_used(struct hm_ctx *ctx, uint32_t lcore)
{
	if (++ctx->grants->used[lcore] >= (int32_t)GRANT)
		grant_send(ctx, lcore);
}

void
hmi_grant_lost(struct hm_system *sys, uint64_t local, uint32_t lcore)
{
	sys->lcores[hmi_local_lcore(local)]->grants->used[lcore]++;
}

void
hmi_grant_request_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	grant_send(ctx, hm_pid_lcore(msg->sender));
}

/* ---- On the spawning lcore ----------------------------------------------------- */

void
hmi_grant_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct grant *grant = hm_msg_body(msg);
	struct slot_cache *cache = &ctx->grants->caches[grant->lcore];

	HMI_ASSERT(cache->count + grant->count <= ctx->grants->capacity);
	for (uint32_t i = 0; i < grant->count; i++)
		cache->locals[cache->count++] = grant->locals[i];
	cache->asked = false;
	cache->exhausted = grant->exhausted;
}

void
hmi_grant_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	const struct grant *grant = hm_msg_body(msg);

	(void)reason;
	ctx->sys->lcores[grant->lcore]->grants->used[hmi_local_lcore(msg->to)] += (int32_t)grant->count;
}

/* Before anything runs this thread may touch every lcore, and nobody would answer a message. */
static void
refill_stopped(struct hm_ctx *ctx, uint32_t lcore)
{
	struct slot_cache *cache = &ctx->grants->caches[lcore];
	struct hm_ctx *there = ctx->sys->lcores[lcore];
	uint64_t local;

	if (ctx->sys->mode != HM_MODE_STEPPED &&
	    atomic_load_explicit(&ctx->sys->state, memory_order_relaxed) != HMI_CREATED)
		return;
	local = grant_one(there);
	if (local == 0)
		return;
	cache->locals[cache->count++] = local;
	/* Granted before it is used, so not owed any more when it is. */
	there->grants->used[hmi_index(ctx)]--;
}

static void
grant_request(struct hm_ctx *ctx, struct slot_cache *cache, uint32_t lcore)
{
	if (cache->asked)
		return;
	cache->asked = true;
	cache->exhausted = false;
	hmi_control_post(ctx, hmi_lcore_process(ctx->sys, lcore), hmi_lcore_process(ctx->sys, hmi_index(ctx)),
			 HMI_COMMAND_GRANT_REQUEST);
}

int
hmi_grant_peek(struct hm_ctx *ctx, uint32_t lcore, uint64_t *local)
{
	struct slot_cache *cache = &ctx->grants->caches[lcore];
	bool exhausted = cache->exhausted;

	if (cache->count == 0 && cache->next == cache->end)
		refill_stopped(ctx, lcore);
	if (cache->count > 0) {
		*local = cache->locals[cache->count - 1];
		return 0;
	}
	if (cache->next < cache->end) {
		*local = hmi_local(lcore, cache->next, 1);
		return 0;
	}
	grant_request(ctx, cache, lcore);
	return exhausted ? -ENOMEM : -EAGAIN;
}

void
hmi_grant_use(struct hm_ctx *ctx, uint32_t lcore)
{
	struct slot_cache *cache = &ctx->grants->caches[lcore];

	if (cache->count > 0)
		cache->count--;
	else
		cache->next++;
}

/* ---- Set-up --------------------------------------------------------------------- */

/* All lcores together reserve at most half of an lcore's slots. */
static uint32_t
cache_capacity(const struct hm_system *sys)
{
	return RTE_MIN(HMI_GRANTED_SLOTS, HM_SLOTS_MAX / 2 / sys->lcores_count);
}

static size_t
locals_bytes(const struct hm_system *sys)
{
	return (size_t)sys->lcores_count * cache_capacity(sys) * sizeof(uint64_t);
}

int
hmi_grants_create(struct hm_ctx *ctx)
{
	uint32_t n = ctx->sys->lcores_count, capacity = cache_capacity(ctx->sys);
	struct hmi_grants *grants = calloc(1, sizeof(*grants) + n * sizeof(grants->caches[0]));

	ctx->grants = grants;
	if (grants == NULL)
		return -ENOMEM;
	if (n == 1)
		return 0;
	grants->capacity = capacity;
	grants->used = calloc(n, sizeof(*grants->used));
	grants->locals = hmi_memory_map_small(locals_bytes(ctx->sys));
	if (grants->used == NULL || grants->locals == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		grants->caches[i].locals = grants->locals + (size_t)i * capacity;
	return 0;
}

void
hmi_grants_destroy(struct hm_ctx *ctx)
{
	if (ctx->grants == NULL)
		return;
	free(ctx->grants->used);
	hmi_memory_unmap_small(ctx->grants->locals, locals_bytes(ctx->sys));
	free(ctx->grants);
	ctx->grants = NULL;
}

static int
range_grant(struct hm_ctx *ctx, uint32_t lcore)
{
	struct slot_cache *cache = &ctx->grants->caches[lcore];

	if (lcore == hmi_index(ctx))
		return 0;
	cache->next = hmi_cells_reserve(&ctx->sys->lcores[lcore]->cells, ctx->grants->capacity);
	cache->end = cache->next + ctx->grants->capacity;
	return cache->next != 0 ? 0 : -ENOMEM;
}

int
hmi_grants_exchange(struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		for (uint32_t lcore = 0; lcore < sys->lcores_count; lcore++) {
			int rc = range_grant(sys->lcores[i], lcore);

			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

/* Slots that an lcore has of another one, or is owed. */
static int64_t
sum(const struct hm_ctx *ctx, const struct hm_ctx *there)
{
	const struct slot_cache *cache = &ctx->grants->caches[hmi_index(there)];

	return (int64_t)cache->count + (cache->end - cache->next) + there->grants->used[hmi_index(ctx)];
}

void
hmi_grants_check(const struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		const struct hm_ctx *ctx = sys->lcores[i];

		for (uint32_t lcore = 0; lcore < sys->lcores_count; lcore++) {
			/* A system that could not be created has granted nothing. */
			if (ctx == NULL || ctx->grants == NULL || ctx->grants->caches[lcore].end == 0)
				continue;
			HMI_ASSERT(sum(ctx, sys->lcores[lcore]) == ctx->grants->capacity);
		}
	}
}
