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
		hmi_fifo_push(&cell->box, msg);
}

/*
 * News that a process is gone comes behind what that process has sent, so it waits among user
 * messages; but whoever stops handles none of these any more.
 */
static void
actor_append(struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->type == HM_SYS_TERMINATED && cell->actor.life != HMI_LIFE_STOPPING)
		hmi_fifo_push(&cell->box, msg);
	else
		hmi_cell_push_system(cell, msg);
}

__attribute__((noinline)) void
hmi_deliver_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	switch (cell->kind) {
	case HMI_CELL_ACTOR:
		actor_append(cell, msg);
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

/* ---- The outbox ------------------------------------------------------------- */

static inline void
outbox_fetch(struct hmi_outbox *outbox)
{
	uint32_t until = outbox->head + RTE_MIN(hmi_outbox_count(outbox), HMI_OUTBOX_AHEAD);

	/* What was delivered early may be gone. */
	if ((int32_t)(outbox->fetched - outbox->head) < 0)
		outbox->fetched = outbox->head;
	for (; (int32_t)(until - outbox->fetched) > 0; outbox->fetched++) {
		const struct hmi_sent *sent = &outbox->ring[outbox->fetched & outbox->mask];

		__builtin_prefetch(sent->cell, 1);
		__builtin_prefetch(sent->msg, 1);
	}
}

/* Deliver a batch. Returns how many there were. */
static inline uint32_t
outbox_deliver(struct hm_ctx *ctx)
{
	struct hmi_outbox *outbox = &ctx->outbox;
	uint32_t n = RTE_MIN(hmi_outbox_count(outbox), HMI_OUTBOX_BATCH);

	outbox_fetch(outbox);
	for (uint32_t i = 0; i < n; i++) {
		struct hmi_sent sent = hmi_outbox_pop(outbox);

		hmi_deliver_to(ctx, sent.cell, sent.msg);
	}
	return n;
}

void
hmi_outbox_flush(struct hm_ctx *ctx)
{
	/* Delivering may send: to a watcher, a subscriber of dead letters. */
	while (hmi_outbox_count(&ctx->outbox) > 0)
		outbox_deliver(ctx);
}

__attribute__((noinline)) void
hmi_outbox_full(struct hm_ctx *ctx, struct hm_msg *msg)
{
	/* Delivering one may send another, into the room that it made. */
	while (hmi_outbox_count(&ctx->outbox) > ctx->outbox.mask) {
		struct hmi_sent oldest = hmi_outbox_pop(&ctx->outbox);

		hmi_deliver_to(ctx, oldest.cell, oldest.msg);
	}
	hmi_outbox_push(&ctx->outbox, msg, hmi_cells_at(&ctx->cells, msg->to));
}

/* ---- What the loop calls ------------------------------------------------------- */

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
}

static uint32_t
ops_settle(struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	return hmi_outbox_count(&ctx->outbox) > 0 ? outbox_deliver(ctx) : 0;
}

const struct hmi_worker_ops hmi_engine_ops = {
	.deliver = ops_deliver,
	.run = hmi_actor_run,
	.settle = ops_settle,
};
