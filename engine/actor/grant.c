/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots that an lcore grants to another one in advance, which may spawn actors in them without
 * asking: the PID is known at once, and the spawn is one message.
 *
 *     lcore 1 ── grant: 256 slots, at start-up ──────────▶ lcore 0's stock
 *     lcore 0 ── spawn(slot) ────────────────────────────▶ lcore 1: the granted cell becomes an actor
 *     lcore 1 ── grant: 64 more, each time 64 are used ──▶ lcore 0's stock
 *     lcore 0 ── want, when its stock is empty ──────────▶ lcore 1: grants what it owes
 *
 * What is in the stock, on its way, or owed is always the same number, so a stock never overflows.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine_pvt.h"

#define STOCK 256u
#define GRANT 64u

static struct hm_pid
core_of(const struct hm_ctx *ctx, uint32_t lcore)
{
	struct hm_pid core = { ctx->node, hmi_local(lcore, HMI_SLOT_CORE, 1) };

	return core;
}

/* ---- On the granting lcore ----------------------------------------------------- */

static uint64_t
grant_one(struct hm_ctx *ctx)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);

	if (cell == NULL)
		return 0;
	cell->kind = HMI_CELL_GRANTED;
	return hmi_local(hmi_index(ctx), cell->slot, cell->generation);
}

/* Grant an lcore up to GRANT of the slots that it is owed. */
static void
grant_send(struct hm_ctx *ctx, uint32_t lcore)
{
	int32_t owed = ctx->granted_used[lcore];
	uint32_t max = owed < 0 ? 0 : RTE_MIN((uint32_t)owed, GRANT);
	struct hm_msg *msg =
		hmi_control(&ctx->cache, HMI_CORE_GRANT, sizeof(struct hmi_grant) + max * sizeof(uint64_t));
	struct hmi_grant *grant = hm_msg_body_mut(msg);

	grant->lcore = hmi_index(ctx);
	while (grant->count < max && (grant->locals[grant->count] = grant_one(ctx)) != 0)
		grant->count++;
	ctx->granted_used[lcore] -= (int32_t)grant->count;
	(void)hmi_post(ctx, core_of(ctx, lcore), msg);
}

void
hmi_grant_used(struct hm_ctx *ctx, uint32_t lcore)
{
	if (++ctx->granted_used[lcore] >= (int32_t)GRANT)
		grant_send(ctx, lcore);
}

void
hmi_grant_wanted(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	grant_send(ctx, hm_pid_lcore(msg->sender));
}

/* ---- On the spawning lcore ----------------------------------------------------- */

void
hmi_grant_take(struct hm_ctx *ctx, const struct hmi_grant *grant)
{
	struct hmi_stock *stock = &ctx->stock[grant->lcore];

	for (uint32_t i = 0; i < grant->count; i++)
		stock->locals[stock->count++] = grant->locals[i];
	stock->asked = false;
	stock->none_left = grant->count == 0;
}

/* Before anything runs this thread may touch every lcore, and nobody would answer a message. */
static void
refill_stopped(struct hm_ctx *ctx, uint32_t lcore)
{
	struct hmi_stock *stock = &ctx->stock[lcore];
	struct hm_ctx *there = ctx->sys->lcores[lcore];
	uint64_t local;

	if (ctx->sys->mode != HM_MODE_STEPPED &&
	    atomic_load_explicit(&ctx->sys->state, memory_order_relaxed) != HMI_CREATED)
		return;
	local = grant_one(there);
	if (local == 0)
		return;
	stock->locals[stock->count++] = local;
	/* Granted before it is used, so not owed any more when it is. */
	there->granted_used[hmi_index(ctx)]--;
}

int
hmi_stock_ready(struct hm_ctx *ctx, uint32_t lcore)
{
	struct hmi_stock *stock = &ctx->stock[lcore];
	bool none_left = stock->none_left;

	if (stock->count == 0)
		refill_stopped(ctx, lcore);
	if (stock->count > 0)
		return 0;
	if (!stock->asked) {
		stock->asked = true;
		stock->none_left = false;
		hmi_control_post(ctx, core_of(ctx, lcore), core_of(ctx, hmi_index(ctx)), HMI_CORE_WANT);
	}
	return none_left ? -ENOMEM : -EAGAIN;
}

/* ---- Set-up --------------------------------------------------------------------- */

static uint32_t
stock_size(const struct hm_system *sys)
{
	/* Many lcores share the slots that may be reserved; few have plenty. */
	return sys->lcores_count <= 32 ? STOCK : GRANT * 2;
}

static int
stock_fill(struct hm_ctx *ctx)
{
	uint32_t size = stock_size(ctx->sys);

	for (uint32_t i = 0; i < ctx->sys->lcores_count; i++) {
		struct hmi_stock *stock = &ctx->stock[i];

		if (i == hmi_index(ctx))
			continue;
		stock->locals = calloc(size, sizeof(*stock->locals));
		if (stock->locals == NULL)
			return -ENOMEM;
		while (stock->count < size) {
			stock->locals[stock->count] = grant_one(ctx->sys->lcores[i]);
			if (stock->locals[stock->count++] == 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int
hmi_grant_setup(struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		int rc = stock_fill(sys->lcores[i]);

		if (rc != 0)
			return rc;
	}
	return 0;
}
