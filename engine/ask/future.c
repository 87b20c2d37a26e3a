/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: a process on the asking actor's lcore that takes one answer.
 *
 *     pending ──(answer, deadline, dead letter)──▶ done ──(owner's turn)──▶ slot is free
 *
 * The answer itself is handed to the owner's mailbox, behind what came before it, so that
 * a reply does not overtake a message of the same sender. From done on, every further answer
 * is a dead letter; once the slot is free the PID is stale, with the same effect.
 *
 * A future is a resource of the actor that asked, until its function is called: if the actor ends or restarts, that is
 * not called any more, though the answer be in the mailbox. If the actor moves to another lcore, the future stays, and has
 * other operations; the actor takes a claim along (future_claim.c).
 */
#include <errno.h>

#include "actor_pvt.h"
#include "ask_pvt.h"
#include "box_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "flight_pvt.h"
#include "future_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "touch_pvt.h"

static const struct hmi_process_ops claimed_ops;

void
hmi_future_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	hmi_cells_put_many(&ctx->cells, cell, HM_DEAD_LATE_REPLY, cell->future.requests + 1u);
}

struct hmi_cell *
hmi_future_due(struct hm_ctx *ctx, struct hmi_timer *timer)
{
	struct hmi_cell *cell = container_of(timer, struct hmi_cell, future.timer);

	if (cell->future.owner != NULL)
		hmi_flight_note(ctx, cell->future.owner, HM_EVENT_DEADLINE, HM_TYPE_NONE);
	return cell;
}

/* ---- Ending ---------------------------------------------------------------------------- */

static void
future_close(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	cell->future.done = true;
	cell->future.result = (uint8_t)result;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
}

/* Put what ends the future into its owner's mailbox. */
static void
owner_notify(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_cell *owner = cell->future.owner;

	/* A reply of a type that is answered automatically may be forwarded. */
	msg->flags = (uint8_t)((msg->flags & HMI_MSG_BY_TYPE) | HMI_MSG_RESUME);
	hmi_cell_push(ctx, owner, msg);
	hmi_schedule(ctx, owner);
}

/* Nobody but the external thread knows the future. */
static __attribute__((noinline)) void
waiter_finish(struct hm_ctx *ctx, struct hmi_cell *cell, int rc)
{
	(void)hmi_call_finish(cell->future.waiter, rc, NULL);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

static int
errno_of(enum hm_future_result result)
{
	switch (result) {
	case HM_FUTURE_TIMEOUT:
		return -ETIMEDOUT;
	case HM_FUTURE_CANCELLED:
		return -ECANCELED;
	case HM_FUTURE_NO_MEMORY:
		return -ENOMEM;
	default:
		return -ENOENT;
	}
}

/* Its actor has left this lcore, or an external thread waits. */
static void
ownerless_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	if (cell->ops == &claimed_ops)
		hmi_future_claimed_end(ctx, cell, result, hmi_control(&ctx->cache, HM_TYPE_NONE, 0));
	else
		waiter_finish(ctx, cell, errno_of(result));
}

void
hmi_future_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	struct hm_msg *msg;

	if (cell->future.done)
		return;
	/* The request may still wait for its receiver's turn. */
	ctx->special |= HMI_MSG_EXPIRES;
	future_close(ctx, cell, result);
	if (cell->future.owner == NULL) {
		ownerless_fail(ctx, cell, result);
		return;
	}
	msg = hmi_control(&ctx->cache, HM_TYPE_NONE, 0);
	msg->to = hmi_pid_of(ctx, cell).local;
	owner_notify(ctx, cell, msg);
}

static __attribute__((noinline)) void
ownerless_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_call *call = cell->future.waiter;

	if (cell->ops == &claimed_ops) {
		hmi_future_claimed_end(ctx, cell, HM_FUTURE_REPLY, msg);
		return;
	}
	hmi_guard_received(msg);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	switch (hmi_call_finish(call, 0, msg)) {
	case HMI_REPLY_KEPT:
		hmi_count(&ctx->received, 1);
		break;
	case HMI_REPLY_COPIED:
		hmi_count(&ctx->received, 1);
		hmi_msg_release(&ctx->cache, msg);
		break;
	default:
		hmi_dead(ctx, msg, HM_DEAD_LATE_REPLY);
		break;
	}
}

static inline void
accept_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	future_close(ctx, cell, HM_FUTURE_REPLY);
	if (unlikely(cell->future.owner == NULL))
		ownerless_reply(ctx, cell, msg);
	else
		owner_notify(ctx, cell, msg);
}

/* ---- What the actor owns --------------------------------------------------------------- */

/* The owner ends or restarts: its function is not to be called any more. */
static void
future_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, future.owned);

	(void)owner;
	ctx->special |= HMI_MSG_EXPIRES;
	hmi_count(&ctx->stats.continuations_dropped, 1);
	if (cell->future.done) {
		/* What ended it is in the mailbox. */
		cell->future.on_reply = NULL;
		return;
	}
	hmi_future_free(ctx, cell);
}

/* The owner leaves this lcore, and claims the answer. */
static void
future_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	hmi_future_leave(ctx, owned);
	container_of(owned, struct hmi_cell, future.owned)->ops = &claimed_ops;
}

const struct hmi_owned_ops hmi_future_owned_ops = {
	.drop = future_drop,
	.may_move = hmi_link_may_move,
	.is_claimed = true,
	.leave = future_leave,
	.is_awaited = true,
};

/* ---- The future as a process ----------------------------------------------------------- */

bool
hmi_future_handles(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->type == HM_TOUCH) {
		hmi_count(&ctx->received, 1);
		hmi_touch_answer(ctx, hmi_pid_of(ctx, cell), msg);
		return true;
	}
	if (msg->type != HM_SYS_POISON)
		return false;
	hmi_msg_release(&ctx->cache, msg);
	return true;
}

enum hm_future_result
hmi_future_failure(struct hm_ctx *ctx, struct hm_msg *msg)
{
	const struct hm_future_failed *failed = hm_msg_body(msg);
	enum hm_future_result result = (enum hm_future_result)failed->result;

	hmi_count(&ctx->received, 1);
	hmi_msg_release(&ctx->cache, msg);
	return result;
}

/* Out of line: what the common reply does not need would cost it registers. */
static __attribute__((noinline)) void
deliver_unusual(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (hmi_future_handles(ctx, cell, msg))
		return;
	if (cell->future.done)
		hmi_dead(ctx, msg, HM_DEAD_LATE_REPLY);
	else if (msg->type == HM_FUTURE_FAILED)
		hmi_future_fail(ctx, cell, hmi_future_failure(ctx, msg));
	else if (cell->future.expects != 0 && msg->type != cell->future.expects)
		hmi_dead(ctx, msg, HM_DEAD_UNEXPECTED);
	else
		accept_reply(ctx, cell, msg);
}

static void
future_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely((msg->flags & HMI_MSG_BY_TYPE) != 0 || cell->future.done ||
		     (cell->future.expects != 0 && msg->type != cell->future.expects)))
		deliver_unusual(ctx, cell, msg);
	else
		accept_reply(ctx, cell, msg);
}

static void
future_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->type == HM_SYS_UNDELIVERED)
		hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
	else if (msg->type == HM_SYS_WATCH)
		hmi_terminated_post(ctx, msg->sender, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
	hmi_msg_release(&ctx->cache, msg);
}

/* The actor has restarted since it asked. */
static __attribute__((noinline)) void
drop_resumed(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	bool is_reply = cell->future.result == HM_FUTURE_REPLY;

	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	hmi_continuation_drop(ctx, msg, is_reply);
}

static void
run_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	hm_reply_fn *on_reply = cell->future.on_reply;
	void *arg = cell->future.arg;
	enum hm_future_result result = (enum hm_future_result)cell->future.result;

	if (unlikely(on_reply == NULL)) {
		drop_resumed(ctx, cell, msg);
		return;
	}
	hmi_owned_remove(&cell->future.owned);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	msg->flags &= HMI_MSG_BY_TYPE;
	hmi_reply_run(ctx, on_reply, result, result == HM_FUTURE_REPLY ? msg : NULL, arg);
}

static void
discard_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg, enum hm_dead_reason reason)
{
	bool is_reply = cell->future.result == HM_FUTURE_REPLY;

	if (cell->future.on_reply != NULL) {
		hmi_owned_remove(&cell->future.owned);
		hmi_count(&ctx->stats.continuations_dropped, 1);
	}
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	hmi_continuation_discard(ctx, msg, is_reply, reason);
}

static void
future_node_down(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t node)
{
	if (cell->future.node == node)
		hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
}

/* An external thread would wait for ever. */
static bool
future_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (cell->future.done || cell->future.owner != NULL)
		return false;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	waiter_finish(ctx, cell, -ESHUTDOWN);
	return true;
}

static struct hmi_cell *
future_owner(struct hmi_cell *cell)
{
	return cell->future.owner;
}

static uint64_t
future_waits_until_ns(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	if (cell->future.done)
		return 0;
	return hmi_timer_at_ns(&cell->future.timer, hmi_worker_clock(&ctx->worker));
}

const struct hmi_process_ops hmi_future_ops = {
	.owner = future_owner,
	.deliver = future_deliver,
	.system = future_system,
	.resume = run_reply,
	.discard = discard_reply,
	.part = hmi_future_part,
	.waits_until_ns = future_waits_until_ns,
	.shut_down = future_shut_down,
	.node_down = future_node_down,
};

/* Of an actor that has left this lcore. */
static const struct hmi_process_ops claimed_ops = {
	.deliver = future_deliver,
	.system = future_system,
	.claimed = hmi_future_claimed,
	.waits_until_ns = future_waits_until_ns,
	.node_down = future_node_down,
};
