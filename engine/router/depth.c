/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many messages wait for a routee. Of one on another lcore its cell is looked at, as it happens to be: a hint.
 */
#include <string.h>

#include "box_pvt.h"
#include "router_pvt.h"
#include "tsan_pvt.h"

/*
 * Cells stay mapped as long as the system runs. The count is changed by its lcore while this reads it: it is aligned, so the
 * read finds an old value or a new one.
 */
static HMI_TSAN_OFF uint32_t
peek(const struct hmi_cell *cell, uint64_t local)
{
	/* allowed: the lcore that owns it writes it as plain memory, and nothing follows from what is read */
	const volatile struct hmi_cell *there = cell;

	if (there->generation != (uint32_t)local || there->state_at == 0)
		return HMI_DEPTH_UNKNOWN;
	return there->box.count;
}

uint32_t
hmi_router_waiting(struct hm_ctx *ctx, struct hm_pid routee)
{
	uint32_t lcore = hmi_local_lcore(routee.local);
	const struct hmi_cell *cell;

	/* A router's mailbox says nothing of those of its routees. */
	if (routee.node != ctx->node || lcore >= ctx->sys->lcores_count || hmi_local_is_router(routee.local))
		return HMI_DEPTH_UNKNOWN;
	cell = hmi_cells_at(&ctx->sys->lcores[lcore]->cells, routee.local);
	if (lcore != hmi_index(ctx))
		return peek(cell, routee.local);
	if (cell->generation != (uint32_t)routee.local || !hmi_cell_is_actor(cell))
		return HMI_DEPTH_UNKNOWN;
	return hmi_cell_count(cell);
}

bool
hmi_router_looks(const struct hm_router *config)
{
	return config->kind == HM_ROUTER_SMALLEST || (config->kind == HM_ROUTER_HASH && config->bound != 0);
}

/* What was sent in earlier turns has arrived, or nearly so. The table's address may be that of one that was freed: then so is its turn. */
void
hmi_router_depths(struct hm_ctx *ctx, const struct hmi_router_table *table)
{
	struct hmi_router_lcore *own = &table->router->lcores[hmi_index(ctx)];

	if (own->turn == ctx->worker.turns && own->table == table)
		return;
	own->turn = ctx->worker.turns;
	own->table = table;
	memset(own->sent, 0, table->count * sizeof(own->sent[0]));
}

uint32_t
hmi_router_depth(struct hm_ctx *ctx, const struct hmi_router_table *table, uint32_t index)
{
	uint32_t depth = hmi_router_waiting(ctx, table->routees[index]);

	return depth != HMI_DEPTH_UNKNOWN ? depth + table->router->lcores[hmi_index(ctx)].sent[index] : depth;
}
