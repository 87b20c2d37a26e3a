/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor's turn: from its mailbox into its receive function.
 */
#include "actor_pvt.h"
#include "counter_pvt.h"
#include "msg_pvt.h"
#include "receive_pvt.h"

/*
 * turn() counts what it takes from the mailbox; poison, deadlines, notifications and identities are the
 * engine's own messages, which were not counted as sent.
 */
static void
uncount(struct hm_ctx *ctx)
{
	hmi_count(&ctx->stats.received, (uint64_t)-1);
}

/* A notification, a poison pill, or the last message of a process that the actor owns. */
static __attribute__((noinline)) void
special_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_cell *process = hmi_cells_at(&ctx->cells, msg->to);

	ctx->msg = msg;
	if (msg->type < HM_TYPE_USER)
		uncount(ctx);
	if (msg->flags & HMI_MSG_SYSTEM) {
		hmi_terminated_receive(ctx, cell, msg);
		hmi_msg_release(&ctx->cache, msg);
	} else if (msg->flags & HMI_MSG_POISON) {
		hmi_msg_release(&ctx->cache, msg);
		hmi_actor_stop(ctx, cell, HM_TERMINATED_STOPPED);
	} else {
		process->ops->resume(ctx, process, msg);
		if (ctx->msg != NULL)
			hmi_msg_release(&ctx->cache, msg);
	}
}

/* Whether the running actor still exists, and handles user messages. */
static inline bool
may_receive(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (likely(cell->pending == 0))
		return true;
	hmi_actor_handle_pending(ctx, cell);
	return ctx->cell != NULL && cell->pending == 0;
}

/* One user message. Returns whether the actor may handle another one. */
static inline bool
user_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely((msg->flags & HMI_MSG_SPECIAL) != 0)) {
		special_receive(ctx, cell, msg);
		if (unlikely(ctx->cell == NULL))
			return false;
	} else {
		hmi_receive(ctx, cell, msg);
		if (likely(ctx->msg != NULL))
			hmi_msg_release(&ctx->cache, msg);
	}
	return may_receive(ctx, cell);
}

/* Few messages where receive functions are slow, so that others get their turn in time. */
static inline void
turn(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t quantum = RTE_MIN(ctx->quantum, hmi_worker_steps_max(&ctx->worker)), left = quantum;
	struct hm_msg *msg;

	while (left > 0 && (msg = hmi_fifo_pop(&cell->box)) != NULL) {
		left--;
		if (unlikely(!user_receive(ctx, cell, msg)))
			break;
	}
	hmi_count(&ctx->stats.received, quantum - left);
	(void)hmi_worker_steps(&ctx->worker, quantum - left);
}

/* Whether an actor has anything to do that need not wait for a message. */
static inline bool
is_ready(const struct hmi_cell *cell)
{
	if (likely(cell->pending == 0))
		return cell->box.head != NULL;
	return (cell->pending & (HMI_PENDING_SYSTEM | HMI_PENDING_END)) != 0 || cell->stops_left > 0;
}

void
hmi_actor_run(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_cell *cell = (struct hmi_cell *)(void *)runnable;

	ctx->cell = cell;
	if (may_receive(ctx, cell))
		turn(ctx, cell);
	/* An actor that is gone has left no cell. */
	if (likely(ctx->cell != NULL)) {
		cell->scheduled = 0;
		if (is_ready(cell))
			hmi_schedule(ctx, cell);
		ctx->cell = NULL;
	}
	ctx->msg = NULL;
}
