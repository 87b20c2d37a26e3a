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
 * other operations; the actor takes a claim along.
 */
#include <errno.h>

#include "actor_pvt.h"
#include "annex_pvt.h"
#include "ask_pvt.h"
#include "assert_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "flight_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "shortage_pvt.h"
#include "touch_pvt.h"

/* ---- Making ------------------------------------------------------------------- */

static void
deadline_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_cell *cell = container_of(timer, struct hmi_cell, future.timer);

	if (cell->future.owner != NULL)
		hmi_flight_note(ctx, cell->future.owner, HM_EVENT_DEADLINE, HM_TYPE_NONE);
	hmi_future_fail(ctx, cell, HM_FUTURE_TIMEOUT);
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
	hmi_wheel_add_unstarted(&ctx->worker.wheel, &cell->future.timer, hmi_timeout_ns(timeout_us));
	return cell;
}

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
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

static const struct hmi_process_ops claimed_ops;

/* The owner leaves this lcore, and claims the answer. */
static void
future_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, future.owned);
	uint64_t home = hmi_pid_of(ctx, cell->future.owner).local;

	HMI_ASSERT(!cell->future.done);
	(void)hmi_claim_make(ctx, owned, hmi_pid_of(ctx, cell), cell->future.on_reply, cell->future.arg);
	cell->ops = &claimed_ops;
	cell->future.owner = NULL;
	cell->future.home = home;
}

static const struct hmi_owned_ops future_owned_ops = {
	.drop = future_drop,
	.may_move = hmi_link_may_move,
	.is_claimed = true,
	.leave = future_leave,
};

/* The end of the actor waits for the future. Returns it, or NULL: no memory; then it is gone. */
static __attribute__((noinline)) struct hmi_cell *
await_in_stop(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (hmi_stop_await(&ctx->extras, ctx->cell, cell))
		return cell;
	hmi_future_undo(ctx, cell);
	return NULL;
}

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

/* For hm_ask in its place. */
static inline struct hmi_cell *
future_ask(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	struct hmi_cell *cell = hmi_future_new(ctx, timeout_us);

	if (cell != NULL) {
		cell->future.owner = ctx->cell;
		cell->future.on_reply = on_reply;
		cell->future.arg = arg;
		hmi_owned_add(&ctx->cell->actor.owned, &cell->future.owned, &future_owned_ops);
		if (unlikely((ctx->cell->pending & HMI_PENDING_STOP) != 0))
			return await_in_stop(ctx, cell);
	}
	return cell;
}

struct hmi_cell *
hmi_future_ask(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	return future_ask(ctx, timeout_us, on_reply, arg);
}

void
hmi_future_undo(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_stop_await_end(ctx->cell, cell);
	hmi_owned_remove(&cell->future.owned);
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

/* ---- Ending ------------------------------------------------------------------- */

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

/* Its owner has left this lcore. */
static void
claimed_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result, struct hm_msg *msg)
{
	uint64_t home = cell->future.home, local = hmi_place_of(ctx, cell);

	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	msg->flags &= HMI_MSG_BY_TYPE;
	hmi_answer_post(ctx, home, local, result, msg);
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
		claimed_end(ctx, cell, result, hmi_control(&ctx->cache, HM_TYPE_NONE, 0));
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
		claimed_end(ctx, cell, HM_FUTURE_REPLY, msg);
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

/* ---- The future as a process ------------------------------------------------------- */

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

/* It leaves this lcore with the answer in its mailbox, which may be nobody's since a restart. */
static struct hm_msg *
future_part(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	enum hm_future_result result = (enum hm_future_result)cell->future.result;
	struct hm_pid pid = hmi_pid_of(ctx, cell);
	struct hmi_claim *claim = NULL;

	if (cell->future.on_reply != NULL)
		claim = hmi_claim_make(ctx, &cell->future.owned, pid, cell->future.on_reply,
				       cell->future.arg);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	msg->flags &= HMI_MSG_BY_TYPE;
	return hmi_answer_new(ctx, claim, pid.local, result, msg);
}

/* A node is asked. It may be lost since its actor has said so, and then nobody looks at this future any more. */
static void
node_note(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t index)
{
	cell->future.node = index;
	ctx->nodes_referenced[index / 64] |= 1ull << index % 64;
	if (index != 0 && hmi_nodes_id(&ctx->sys->nodes, index) == 0)
		hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
}

static void
future_claimed(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint32_t number)
{
	if (order == HMI_CLAIM_NODE) {
		node_note(ctx, cell, (uint16_t)number);
	} else if (order == HMI_CLAIM_DROP) {
		ctx->special |= HMI_MSG_EXPIRES;
		hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
		hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	}
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
	.part = future_part,
	.waits_until_ns = future_waits_until_ns,
	.shut_down = future_shut_down,
	.node_down = future_node_down,
};

/* Of an actor that has left this lcore. */
static const struct hmi_process_ops claimed_ops = {
	.deliver = future_deliver,
	.system = future_system,
	.claimed = future_claimed,
	.waits_until_ns = future_waits_until_ns,
	.node_down = future_node_down,
};

/* ---- What actors call ------------------------------------------------------------- */

/*
 * To another lcore, whose clock shows the same, or to another node, to which no deadline goes. Clears the engine's
 * mark.
 */
static __attribute__((noinline)) enum hm_result
ask_away(struct hm_ctx *ctx, struct hmi_cell *cell, uint64_t node, struct hm_msg *msg, uint64_t timeout_us)
{
	enum hm_result result;

	if (node != ctx->node) {
		cell->future.node = hmi_node_reference(ctx, node);
		msg->flags = HMI_MSG_REQUEST;
	} else {
		*hmi_msg_word(msg) = hmi_worker_clock(&ctx->worker) + hmi_timeout_ns(timeout_us);
	}
	if (unlikely(node != ctx->node))
		hmi_mark_touch(ctx);
	result = hmi_post_away(ctx, node, msg);
	hmi_mark_clear(ctx);
	return result;
}

/* A request with the deadline that it carries on this lcore; NULL if it is not small, or none is cached. */
static inline struct hm_msg *
request_make_small(struct hm_ctx *ctx, uint16_t type, const void *body, uint64_t timeout_us)
{
	struct hm_msg *msg =
		hmi_msg_make_small_up_to(ctx->small_types, &ctx->cache, type, body, HMI_SMALL_BODY_WORD);

	if (likely(msg != NULL)) {
		msg->flags = HMI_MSG_REQUEST | HMI_MSG_EXPIRES;
		msg->body[HMI_SMALL_WORD] = hmi_worker_turn_ns(&ctx->worker) + hmi_timeout_ns(timeout_us);
	}
	return msg;
}

static __attribute__((noinline)) struct hm_msg *
request_make(struct hm_ctx *ctx, uint16_t type, const void *body, uint64_t timeout_us, enum hm_result *result)
{
	struct hm_msg *msg = hmi_msg_make_word(ctx->sys, &ctx->cache, type, body, result);

	if (msg != NULL) {
		msg->flags |= HMI_MSG_REQUEST | HMI_MSG_EXPIRES;
		*hmi_msg_word(msg) = hmi_worker_turn_ns(&ctx->worker) + hmi_timeout_ns(timeout_us);
	} else if (*result == HM_NO_MEMORY) {
		hmi_no_memory(ctx, type);
	}
	return msg;
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
	hmi_stack_touch_page();
	msg = request_make_small(ctx, type, body, timeout_us);
	if (unlikely(msg == NULL)) {
		msg = request_make(ctx, type, body, timeout_us, &result);
		if (unlikely(msg == NULL))
			return result;
	}
	hmi_mark_set(ctx);
	cell = future_ask(ctx, timeout_us, on_reply, arg);
	if (unlikely(cell == NULL)) {
		hmi_msg_release(&ctx->cache, msg);
		hmi_mark_clear(ctx);
		return HM_NO_MEMORY;
	}
	/* Futures stay where they are. */
	msg->sender = (struct hm_pid){ ctx->node, hmi_place_of(ctx, cell) };
	msg->to = to.local;
	if (unlikely(!hmi_is_here(ctx, to))) {
		hmi_count(&ctx->sent, 1);
		return ask_away(ctx, cell, to.node, msg, timeout_us);
	}
	hmi_post_here(ctx, msg);
	return HM_OK;
}

/* Whether a made message may be asked, and its deadline, which needs memory beside a buffer. */
static enum hm_result
ask_prepare(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint64_t timeout_us)
{
	uint64_t at_ns = hmi_worker_clock(&ctx->worker) + hmi_timeout_ns(timeout_us);
	enum hm_result result;

	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	if (to.node != ctx->node)
		return HM_OK;
	result = hmi_annex_deadline_set(&ctx->cache, msg, at_ns);
	if (result == HM_NO_MEMORY)
		hmi_no_memory(ctx, msg->type);
	return result;
}

enum hm_result
hm_msg_ask(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint64_t timeout_us,
	   hm_reply_fn *on_reply, void *arg)
{
	enum hm_result result = HM_INVALID;
	struct hmi_cell *cell = NULL;

	hmi_check_ctx(ctx, "hm_msg_ask");
	if (msg == NULL || !hmi_msg_take(ctx, msg, "hm_msg_ask"))
		return HM_INVALID;
	HMI_MARKED(ctx);
	if (timeout_us > 0 && on_reply != NULL)
		result = ask_prepare(ctx, to, msg, timeout_us);
	if (result == HM_OK && (cell = hmi_future_ask(ctx, timeout_us, on_reply, arg)) == NULL)
		result = HM_NO_MEMORY;
	if (result != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		return result;
	}
	if (to.node != ctx->node)
		cell->future.node = hmi_node_reference(ctx, to.node);
	msg->sender = hmi_pid_of(ctx, cell);
	msg->flags |= HMI_MSG_REQUEST;
	hmi_guard_handed(msg);
	hmi_count(&ctx->sent, 1);
	return hmi_post(ctx, to, msg);
}
