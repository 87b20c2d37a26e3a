/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor's turn: from its mailbox into its receive function.
 */
#include "engine_pvt.h"
#include "counter_pvt.h"

void
hmi_lifecycle_receive(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t type)
{
	struct hm_msg *msg = ctx->lifecycle, *outer = ctx->msg;

	msg->type = type;
	msg->sender = hm_pid_none();
	ctx->msg = msg;
	cell->receive(ctx, hmi_cell_state(cell), msg);
	ctx->msg = outer;
}

/* turn() counts what it takes from the mailbox; poison, deadlines and news are nobody's message. */
static void
uncount(struct hm_ctx *ctx)
{
	hmi_count(&ctx->stats.received, (uint64_t)-1);
}

/* A poison pill, news, or a reply to one of the actor's futures. Returns whether the actor still exists. */
static bool
special_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->flags & HMI_MSG_SYSTEM) {
		bool exists;

		uncount(ctx);
		exists = hmi_terminated_receive(ctx, cell, msg);
		hmi_msg_release(&ctx->cache, msg);
		return exists;
	}
	if (msg->flags & HMI_MSG_POISON) {
		uncount(ctx);
		hmi_msg_release(&ctx->cache, msg);
		return hmi_actor_stop(ctx, cell, HM_TERMINATED_STOPPED);
	}
	if (msg->type == HM_TYPE_NONE)
		uncount(ctx);
	hmi_future_reply(ctx, msg);
	if (ctx->msg != NULL)
		hmi_msg_release(&ctx->cache, msg);
	return true;
}

/* One user message. Returns whether the actor may handle another one. */
static inline bool
user_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	ctx->msg = msg;
	if (unlikely((msg->flags & HMI_MSG_SPECIAL) != 0)) {
		if (!special_receive(ctx, cell, msg))
			return false;
	} else {
		cell->receive(ctx, hmi_cell_state(cell), msg);
		if (likely(ctx->msg != NULL))
			hmi_pool_put(&ctx->cache, msg);
	}
	return likely(cell->attention == 0) || hmi_actor_attend(ctx, cell);
}

static inline void
turn(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t left = ctx->quantum;
	struct hm_msg *msg;

	while (left > 0 && (msg = hmi_fifo_pop(&cell->box)) != NULL) {
		left--;
		if (unlikely(!user_receive(ctx, cell, msg)))
			break;
	}
	hmi_count(&ctx->stats.received, ctx->quantum - left);
}

void
hmi_actor_run(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_cell *cell = (struct hmi_cell *)(void *)runnable;

	ctx->cell = cell;
	if (likely(cell->attention == 0) || hmi_actor_attend(ctx, cell))
		turn(ctx, cell);
	/* An actor that is gone has left no cell. */
	if (likely(ctx->cell != NULL)) {
		cell->scheduled = 0;
		if (cell->box.head != NULL && cell->attention == 0)
			hmi_schedule(ctx, cell);
		ctx->cell = NULL;
	}
	ctx->msg = NULL;
}
