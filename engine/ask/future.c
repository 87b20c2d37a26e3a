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
 * Until its reply function is called a future is a resource of the actor that asked: it ends with it, and with a
 * restart, since the function's argument may refer to what was the state. The answer, if there is one, is a dead
 * letter then.
 */
#include <errno.h>

#include "actor_pvt.h"
#include "ask_pvt.h"
#include "assert_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "shortage_pvt.h"

/* ---- Making ------------------------------------------------------------------- */

static void
deadline_fire(void *worker, struct hmi_timer *timer)
{
	hmi_future_fail(hmi_ctx_of(worker), container_of(timer, struct hmi_cell, future.timer),
			HM_FUTURE_TIMEOUT);
}

struct hmi_cell *
hmi_future_new(struct hm_ctx *ctx, uint64_t timeout_us)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);

	if (cell == NULL)
		return NULL;
	cell->ops = &hmi_future_ops;
	cell->future.timer.fire = deadline_fire;
	/* Most are answered before anybody has to look at the clock. */
	hmi_wheel_add_unstarted(&ctx->worker.wheel, &cell->future.timer,
				timeout_us < UINT64_MAX / 1000 ? timeout_us * 1000 : UINT64_MAX);
	return cell;
}

/* The owner ends, or restarts: nobody is left to be notified. What is done is in its mailbox still. */
static void
future_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, future.owned);

	(void)owner;
	if (cell->future.done) {
		cell->future.dropped = true;
		return;
	}
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

static const struct hmi_owned_ops future_owned_ops = { .drop = future_drop };

struct hmi_cell *
hmi_future_own(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	struct hmi_cell *cell = hmi_future_new(ctx, timeout_us);

	if (cell != NULL) {
		cell->future.owner = ctx->cell;
		cell->future.on_reply = on_reply;
		cell->future.arg = arg;
		hmi_owned_add(&ctx->cell->actor.owned, &cell->future.owned, &future_owned_ops);
	}
	return cell;
}

void
hmi_future_undo(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_owned_remove(&cell->future.owned);
	future_drop(ctx, ctx->cell, &cell->future.owned);
}

/* ---- Ending ------------------------------------------------------------------- */

/* From here on nothing but a mailbox, and its owner's list, know the future. */
static void
future_close(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	cell->future.done = true;
	cell->future.result = (uint8_t)result;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
}

/* The owner's turn has come to what ended it. */
static inline void
future_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (likely(!cell->future.dropped))
		hmi_owned_remove(&cell->future.owned);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

/* Put what ends the future into its owner's mailbox. */
static void
owner_notify(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_cell *owner = cell->future.owner;

	msg->flags = HMI_MSG_RESUME;
	hmi_cell_push(ctx, owner, msg);
	hmi_schedule(ctx, owner);
}

/* Nobody but the external thread knows the future. */
static __attribute__((noinline)) void
waiter_finish(struct hm_ctx *ctx, struct hmi_cell *cell, int rc, const struct hm_msg *reply)
{
	hmi_call_finish(cell->future.waiter, rc, reply);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

void
hmi_future_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	struct hm_msg *msg;

	if (cell->future.done)
		return;
	future_close(ctx, cell, result);
	if (cell->future.owner == NULL) {
		waiter_finish(ctx, cell, result == HM_FUTURE_TIMEOUT ? -ETIMEDOUT : -ENOENT, NULL);
		return;
	}
	msg = hmi_control(&ctx->cache, HM_TYPE_NONE, 0);
	msg->to = hmi_pid_of(ctx, cell).local;
	owner_notify(ctx, cell, msg);
}

static __attribute__((noinline)) void
waiter_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	hmi_guard_received(msg);
	hmi_count(&ctx->stats.received, 1);
	waiter_finish(ctx, cell, 0, msg);
	hmi_msg_release(&ctx->cache, msg);
}

static inline void
accept_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	future_close(ctx, cell, HM_FUTURE_REPLY);
	if (unlikely(cell->future.owner == NULL))
		waiter_reply(ctx, cell, msg);
	else
		owner_notify(ctx, cell, msg);
}

/* ---- The future as a process ------------------------------------------------------- */

/* Out of line: what the common reply does not need would cost it registers. */
static __attribute__((noinline)) void
refuse_reply(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->flags & HMI_MSG_POISON)
		hmi_msg_release(&ctx->cache, msg);
	else
		hmi_dead(ctx, msg, cell->future.done ? HM_DEAD_LATE_REPLY : HM_DEAD_UNEXPECTED);
}

static void
future_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely((msg->flags & HMI_MSG_POISON) != 0 || cell->future.done ||
		     (cell->future.expects != 0 && msg->type != cell->future.expects)))
		refuse_reply(ctx, cell, msg);
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

static void
discard_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg, enum hm_dead_reason reason)
{
	bool is_reply = cell->future.result == HM_FUTURE_REPLY;

	future_free(ctx, cell);
	msg->flags = 0;
	if (is_reply)
		hmi_dead(ctx, msg, reason);
	else
		hmi_msg_release(&ctx->cache, msg);
}

/* The actor has restarted since the answer came. */
static __attribute__((noinline)) void
dropped_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	/* Its turn has counted it; what is of the engine was uncounted again. */
	if (msg->type >= HM_TYPE_USER)
		hmi_count(&ctx->stats.received, (uint64_t)-1);
	ctx->msg = NULL;
	discard_reply(ctx, cell, msg, HM_DEAD_LATE_REPLY);
}

static void
run_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	hm_reply_fn *on_reply = cell->future.on_reply;
	void *arg = cell->future.arg;
	enum hm_future_result result = (enum hm_future_result)cell->future.result;

	if (unlikely(cell->future.dropped)) {
		dropped_reply(ctx, cell, msg);
		return;
	}
	future_free(ctx, cell);
	msg->flags = 0;
	hmi_reply_run(ctx, on_reply, result, arg);
}

/* An external thread would wait for ever. */
static bool
future_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (cell->future.done || cell->future.owner != NULL)
		return false;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	waiter_finish(ctx, cell, -ESHUTDOWN, NULL);
	return true;
}

static struct hmi_cell *
future_owner(struct hmi_cell *cell)
{
	return cell->future.owner;
}

const struct hmi_process_ops hmi_future_ops = {
	.owner = future_owner,
	.deliver = future_deliver,
	.system = future_system,
	.resume = run_reply,
	.discard = discard_reply,
	.shut_down = future_shut_down,
};

/* ---- What actors call ------------------------------------------------------------- */

/* To another lcore or node. */
static __attribute__((noinline)) enum hm_result
ask_away(struct hm_ctx *ctx, struct hmi_cell *cell, uint64_t node, struct hm_msg *msg)
{
	if (node != ctx->node)
		cell->future.node = hmi_node_reference(ctx, node);
	return hmi_post_away(ctx, node, msg);
}

enum hm_result
hm_ask(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, uint64_t timeout_us,
       hm_reply_fn *on_reply, void *arg)
{
	enum hm_result result;
	struct hmi_cell *cell;
	struct hm_msg *msg;

	hmi_check_send(ctx, type, body, "hm_ask");
	if (unlikely(timeout_us == 0 || on_reply == NULL))
		return HM_INVALID;
	if (unlikely(hm_pid_is_none(to)))
		return HM_NO_RECEIVER;
	msg = hmi_msg_make_small(ctx->small_types, &ctx->cache, type, body);
	if (unlikely(msg == NULL))
		msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);
	if (unlikely(msg == NULL)) {
		if (result == HM_NO_MEMORY)
			hmi_no_memory(ctx, type);
		return result;
	}
	cell = hmi_future_own(ctx, timeout_us, on_reply, arg);
	if (unlikely(cell == NULL)) {
		hmi_msg_release(&ctx->cache, msg);
		return HM_NO_MEMORY;
	}
	msg->sender = hmi_pid_of(ctx, cell);
	msg->to = to.local;
	msg->flags = HMI_MSG_REQUEST;
	hmi_count(&ctx->stats.sent, 1);
	if (unlikely(!hmi_is_here(ctx, to)))
		return ask_away(ctx, cell, to.node, msg);
	hmi_post_here(ctx, msg);
	return HM_OK;
}
