/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_grant_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "assert_pvt.h"
#include "granted_pvt.h"
#include "memory_pvt.h"

/* Slots on one other lcore, held in advance. */
struct slot_cache {
	uint64_t *slots; /* that were in use before: slot << 32 | generation */
	uint32_t count;
	uint32_t next, end; /* a range of slots that were never used, whose generation will be 1 */
};

/* By the other lcore's index. */
struct hmi_grants {
	uint64_t *slots; /* of all caches; mostly never touched */
	struct slot_cache caches[];
};

/* ---- On the spawning lcore ----------------------------------------------------- */

/* Returns whether there is a slot now. Freed ones first: their memory is there already. */
static bool
cache_fill(struct hm_ctx *ctx, uint32_t lcore)
{
	struct slot_cache *cache = &ctx->grants->caches[lcore];
	struct hmi_slot_bank *bank = ctx->sys->lcores[lcore]->cells.bank;

	cache->count = hmi_slot_bank_withdraw(bank, cache->slots, HMI_SLOT_BATCH);
	if (cache->count == 0)
		cache->end = hmi_slot_bank_reserve(bank, HMI_SLOT_BATCH, &cache->next) + cache->next;
	return cache->count > 0 || cache->next < cache->end;
}

int
hmi_grant_peek(struct hm_ctx *ctx, uint32_t lcore, uint64_t *local)
{
	struct slot_cache *cache = &ctx->grants->caches[lcore];

	if (cache->count == 0 && cache->next == cache->end && !cache_fill(ctx, lcore))
		return -ENOMEM;
	*local = hmi_local(lcore, 0, 0) |
		 (cache->count > 0 ? cache->slots[cache->count - 1] : hmi_local(0, cache->next, 1));
	return 0;
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

/* ---- On the actor's lcore ------------------------------------------------------ */

struct hmi_cell *
hmi_grant_arrive(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, local);

	if (hmi_granted_is_free(ctx, local)) {
		cell = hmi_granted_take(ctx, local);
		ctx->cells.lost += cell == NULL;
	} else {
		/* A message has overtaken the spawn. */
		HMI_ASSERT(cell->ops == &hmi_granted_ops && cell->generation == (uint32_t)local);
		ctx->cells.early--;
	}
	return cell;
}

void
hmi_grant_lost(struct hm_system *sys, uint64_t local)
{
	struct hm_ctx *ctx = sys->lcores[hmi_local_lcore(local)];

	if (hmi_granted_is_free(ctx, local))
		ctx->cells.lost++;
	else
		ctx->cells.early--;
}

/* ---- Set-up --------------------------------------------------------------------- */

static size_t
slots_bytes(const struct hm_system *sys)
{
	return (size_t)sys->lcores_count * HMI_SLOT_BATCH * sizeof(uint64_t);
}

int
hmi_grants_create(struct hm_ctx *ctx)
{
	uint32_t n = ctx->sys->lcores_count;
	struct hmi_grants *grants = calloc(1, sizeof(*grants) + n * sizeof(grants->caches[0]));

	ctx->grants = grants;
	if (grants == NULL)
		return -ENOMEM;
	if (n == 1)
		return 0;
	grants->slots = hmi_memory_map_small(slots_bytes(ctx->sys));
	if (grants->slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		grants->caches[i].slots = grants->slots + (size_t)i * HMI_SLOT_BATCH;
	return 0;
}

void
hmi_grants_destroy(struct hm_ctx *ctx)
{
	if (ctx->grants == NULL)
		return;
	hmi_memory_unmap_small(ctx->grants->slots, slots_bytes(ctx->sys));
	free(ctx->grants);
	ctx->grants = NULL;
}

/* Slots of an lcore that nobody uses: they lie in its own list and bank, and in the caches of others. */
static uint32_t
unused(const struct hm_system *sys, uint32_t lcore)
{
	const struct hmi_cells *cells = &sys->lcores[lcore]->cells;
	uint32_t sum = cells->free_count + (cells->fresh_end - cells->fresh) +
		       atomic_load_explicit(&cells->bank->count, memory_order_relaxed) + HMI_CELLS_ROUTERS;

	for (uint32_t i = 0; i < RTE_DIM(cells->routers); i++)
		sum -= (uint32_t)__builtin_popcountll(cells->routers[i]);
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		const struct slot_cache *cache = &sys->lcores[i]->grants->caches[lcore];

		sum += cache->count + (cache->end - cache->next);
	}
	return sum;
}

void
hmi_grants_check(const struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		/* A system that could not be created has not spawned. */
		if (sys->lcores[i] == NULL || sys->lcores[i]->grants == NULL)
			return;
	}
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		const struct hmi_cells *cells = &sys->lcores[i]->cells;

		/* Those that were taken early lie among the unused, too. */
		HMI_ASSERT(cells->live - cells->early + cells->retired + cells->lost + unused(sys, i) ==
			   hmi_cells_end(cells));
	}
}
