/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a lane, the inject ring, the network or the outbox into a mailbox.
 */
#include "deliver_pvt.h"

static void
deliver_core(struct hm_ctx *ctx, struct hm_msg *msg)
{
	/* Only the node itself may talk to its lcores. */
	if ((msg->flags & (HMI_MSG_SYSTEM | HMI_MSG_NETWORK)) == HMI_MSG_SYSTEM)
		hmi_core_receive(ctx, msg);
	else
		hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
}

static void
mailbox_append(struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->flags & HMI_MSG_SYSTEM)
		hmi_cell_push_system(cell, msg);
	else
		hmi_mailbox_push(&cell->box, msg);
}

__attribute__((noinline)) void
hmi_deliver_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	switch (cell->kind) {
	case HMI_CELL_ACTOR:
		hmi_cell_push_system(cell, msg);
		hmi_schedule(ctx, cell);
		break;
	case HMI_CELL_FUTURE:
		hmi_future_deliver(ctx, cell, msg);
		break;
	case HMI_CELL_CORE:
		deliver_core(ctx, msg);
		break;
	case HMI_CELL_DEAD_LETTERS:
		hmi_dead(ctx, msg, HM_DEAD_SENT_THERE);
		break;
	case HMI_CELL_GRANTED:
		/* The spawn is on its way through another lane; what overtakes it waits here. */
		if (msg->flags & HMI_MSG_NETWORK)
			hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
		else
			mailbox_append(cell, msg);
		break;
	default:
		hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
		break;
	}
}

void
hmi_deliver(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_deliver_to(ctx, hmi_cells_at(&ctx->cells, msg->to), msg);
}

/*
 * Delivering may send: to a future's owner, a watcher, a subscriber of dead letters. That goes
 * behind what is there, and is delivered in the same sweep.
 */
static inline void
outbox_sweep(struct hm_ctx *ctx)
{
	ctx->delivering = true;
	for (uint32_t i = 0; i < ctx->outbox_count; i++)
		hmi_deliver_to(ctx, ctx->outbox[i].cell, ctx->outbox[i].msg);
	ctx->outbox_count = 0;
	ctx->delivering = false;
}

void
hmi_outbox_flush(struct hm_ctx *ctx)
{
	if (ctx->outbox_count > 0)
		outbox_sweep(ctx);
}

__attribute__((noinline)) void
hmi_outbox_full(struct hm_ctx *ctx)
{
	if (!ctx->delivering)
		outbox_sweep(ctx);
	else if (ctx->outbox_count == HMI_OUTBOX + HMI_OUTBOX_SPARE)
		hmi_deliver(ctx, ctx->outbox[--ctx->outbox_count].msg);
}

static void
ops_deliver(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(msgs[i], 1);
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(hmi_cells_at(&ctx->cells, msgs[i]->to), 1);
	for (uint32_t i = 0; i < count; i++) {
		if (unlikely(msgs[i]->to_node != 0))
			hmi_provider_deliver(ctx, msgs[i]);
		else
			hmi_deliver(ctx, msgs[i]);
	}
	hmi_outbox_flush(ctx);
}

static void
ops_settle(struct hmi_worker *worker)
{
	hmi_outbox_flush(hmi_ctx_of(worker));
}

static void
ops_fire(struct hmi_worker *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	hmi_timer_fire(ctx, timer);
	hmi_outbox_flush(ctx);
}

const struct hmi_worker_ops hmi_engine_ops = {
	.deliver = ops_deliver,
	.run = hmi_actor_run,
	.settle = ops_settle,
	.fire = ops_fire,
};
