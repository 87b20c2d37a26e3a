/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures with a handle: a process that takes one answer, and keeps it for all who wait for it.
 *
 *     pending ──(answer, deadline, dead letter, cancel)──▶ ended: serves who waits ──▶ kept ──▶ slot is free
 *                                                                 (released: not kept) ────────────▲
 *
 * It is a resource of the actor that made it. When that ends or restarts, a pending one is cancelled; its slot is free
 * when all who wait are served. If the actor moves to another lcore, the future stays, and the actor takes a claim along.
 */
#include "actor_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "flight_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "shared_future_pvt.h"
#include "shortage_pvt.h"

/* ---- Making ------------------------------------------------------------------------- */

static void
deadline_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_cell *cell = container_of(timer, struct hmi_cell, shared.timer);

	if (cell->shared.owner != NULL)
		hmi_flight_note(ctx, cell->shared.owner, HM_EVENT_DEADLINE, HM_TYPE_NONE);
	hmi_shared_end(ctx, cell, HM_FUTURE_TIMEOUT, NULL);
}

static const struct hmi_owned_ops pending_owned_ops, ended_owned_ops;

static void
end_note(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	/* The request may still wait for its receiver's turn. */
	if (result != HM_FUTURE_REPLY)
		ctx->special |= HMI_MSG_EXPIRES;
	cell->shared.flags |= HMI_SHARED_ENDED;
	cell->shared.result = (uint8_t)result;
	cell->shared.owned.ops = &ended_owned_ops;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->shared.timer);
}

/*
 * Its actor ends or restarts. Who waits is served later: what is posted now may be delivered at once, and end another
 * future of the owner, whose resources are being walked over.
 */
static void
give_up(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->shared.owner = NULL;
	cell->shared.flags &= (uint8_t)~HMI_SHARED_CLAIMED;
	if ((cell->shared.flags & HMI_SHARED_ENDED) == 0) {
		end_note(ctx, cell, HM_FUTURE_CANCELLED);
		if (cell->shared.first != NULL)
			hmi_await_serve_later(ctx, cell);
	}
	hmi_shared_release(ctx, cell);
}

static void
shared_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)owner;
	give_up(ctx, container_of(owned, struct hmi_cell, shared.owned));
}

/* The owner leaves this lcore. */
static void
shared_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, shared.owned);
	uint64_t home = hmi_pid_of(ctx, cell->shared.owner).local;

	(void)hmi_claim_make(ctx, owned, hmi_pid_of(ctx, cell), NULL, NULL);
	cell->shared.flags |= HMI_SHARED_CLAIMED;
	cell->shared.owner = NULL;
	cell->shared.home = home;
}

static const struct hmi_owned_ops pending_owned_ops = {
	.drop = shared_drop,
	.may_move = hmi_link_may_move,
	.is_claimed = true,
	.leave = shared_leave,
	.is_awaited = true,
};

/* It is kept for who asks for its answer: nothing is under way any more. */
static const struct hmi_owned_ops ended_owned_ops = {
	.drop = shared_drop,
	.may_move = hmi_link_may_move,
	.is_claimed = true,
	.leave = shared_leave,
};

struct hmi_cell *
hmi_shared_new(struct hm_ctx *ctx, uint64_t timeout_us)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);

	if (cell == NULL)
		return NULL;
	cell->ops = &hmi_shared_ops;
	cell->shared.owner = ctx->cell;
	cell->shared.last = &cell->shared.first;
	cell->shared.timer.fire = deadline_fire;
	hmi_wheel_add_unstarted(&ctx->worker.wheel, &cell->shared.timer, hmi_timeout_ns(timeout_us));
	hmi_owned_add(&ctx->cell->actor.owned, &cell->shared.owned, &pending_owned_ops);
	return cell;
}

void
hmi_shared_undo(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->shared.timer);
	hmi_shared_free(ctx, cell);
}

struct hmi_cell *
hmi_shared_of(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, local);

	return cell != NULL && !hmi_cell_is_actor(cell) && cell->ops == &hmi_shared_ops ? cell : NULL;
}

/* A future that the running actor has made and not released; NULL: it is none. */
static struct hmi_cell *
own(struct hm_ctx *ctx, struct hm_future future)
{
	struct hmi_cell *cell = future.pid.node == ctx->node ? hmi_shared_of(ctx, future.pid.local) : NULL;

	return cell != NULL && cell->shared.owner == ctx->cell &&
			       (cell->shared.flags & HMI_SHARED_RELEASED) == 0
		       ? cell
		       : NULL;
}

/* ---- Ending ---------------------------------------------------------------------------- */

void
hmi_shared_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result, struct hm_msg *answer)
{
	end_note(ctx, cell, result);
	if (answer != NULL) {
		answer->flags = 0;
		hmi_fifo_push(&cell->box, answer);
	}
	hmi_await_serve(ctx, cell);
}

static bool
is_pending(const struct hmi_cell *cell)
{
	return (cell->shared.flags & HMI_SHARED_ENDED) == 0;
}

/* ---- The future as a process --------------------------------------------------------------- */

static void
accept_answer(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	hmi_guard_received(msg);
	hmi_count(&ctx->received, 1);
	hmi_shared_end(ctx, cell, HM_FUTURE_REPLY, msg);
}

static void
shared_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if ((msg->flags & HMI_MSG_BY_TYPE) != 0 && hmi_future_handles(ctx, cell, msg))
		return;
	if (!is_pending(cell))
		hmi_dead(ctx, msg, HM_DEAD_LATE_REPLY);
	else if (msg->type == HM_FUTURE_FAILED)
		hmi_shared_end(ctx, cell, hmi_future_failure(ctx, msg), NULL);
	else if (msg->type == HM_IDENTITY || (cell->shared.expects != 0 && msg->type != cell->shared.expects))
		hmi_dead(ctx, msg, HM_DEAD_UNEXPECTED);
	else
		accept_answer(ctx, cell, msg);
}

/* A process whose end is waited for is gone. Returns whether the message is taken over. */
static bool
accept_terminated(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hm_terminated *body = hm_msg_body_mut(msg);
	bool from_network = (msg->flags & HMI_MSG_NETWORK) != 0;

	/* Another node can speak for its own processes alone. */
	if (!is_pending(cell) || (from_network && body->who.node == ctx->node) ||
	    hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_END, body->who) == NULL)
		return false;
	body->reserved = 0;
	msg->type = HM_TERMINATED;
	hmi_shared_end(ctx, cell, HM_FUTURE_REPLY, msg);
	return true;
}

static void
shared_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	switch (msg->type) {
	case HM_SYS_UNDELIVERED:
		if (is_pending(cell) && cell->shared.expects == 0)
			hmi_shared_end(ctx, cell, HM_FUTURE_DEAD_LETTER, NULL);
		break;
	case HM_SYS_WATCH:
		hmi_terminated_post(ctx, msg->sender, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
		break;
	case HM_SYS_TERMINATED:
		if (accept_terminated(ctx, cell, msg))
			return;
		break;
	case HMI_SYS_FUTURE_SERVE:
		hmi_await_serve(ctx, cell);
		break;
	default:
		break;
	}
	hmi_msg_release(&ctx->cache, msg);
}

/* The answer was received already. */
static bool
shared_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *answer = hmi_fifo_pop(&cell->box);

	if (answer != NULL)
		hmi_msg_release(&ctx->cache, answer);
	return answer != NULL;
}

/* Whose end it waits for; NULL: it waits for no process to end. */
static struct hmi_link *
ending_of(struct hmi_cell *cell)
{
	struct hmi_owned *first = cell->shared.first;

	return first != NULL && cell->shared.expects == HM_TERMINATED
		       ? container_of(first, struct hmi_link, owned)
		       : NULL;
}

static void
shared_node_down(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t node)
{
	const struct hmi_link *ending = ending_of(cell);

	if (cell->shared.node != node || !is_pending(cell))
		return;
	if (ending == NULL) {
		hmi_shared_end(ctx, cell, HM_FUTURE_DEAD_LETTER, NULL);
	} else {
		struct hm_msg *msg = hmi_terminated_new(ctx, ending->pid, HM_TERMINATED_NODE_LOST, NULL);

		msg->type = HM_TERMINATED;
		hmi_shared_end(ctx, cell, HM_FUTURE_REPLY, msg);
	}
}

static struct hmi_cell *
shared_owner(struct hmi_cell *cell)
{
	return cell->shared.owner;
}

static void
cancel(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (is_pending(cell))
		hmi_shared_end(ctx, cell, HM_FUTURE_CANCELLED, NULL);
}

static void
release(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	/* A pending one stays the actor's, so that it ends with it. */
	if (is_pending(cell))
		cell->shared.flags |= HMI_SHARED_RELEASED;
	else
		hmi_shared_release(ctx, cell);
}

static void
shared_claimed(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint64_t node)
{
	(void)node;
	if (order == HMI_CLAIM_DROP)
		give_up(ctx, cell);
	else if ((cell->shared.flags & HMI_SHARED_RELEASED) != 0)
		return;
	else if (order == HMI_CLAIM_CANCEL)
		cancel(ctx, cell);
	else if (order == HMI_CLAIM_RELEASE)
		release(ctx, cell);
}

const struct hmi_process_ops hmi_shared_ops = {
	.claimed = shared_claimed,
	.owner = shared_owner,
	.deliver = shared_deliver,
	.system = shared_system,
	.shut_down = shared_shut_down,
	.node_down = shared_node_down,
};

/* ---- What actors call ------------------------------------------------------------------------ */

static enum hm_result
future_make(struct hm_ctx *ctx, uint64_t timeout_us, const struct hm_future *future, struct hmi_cell **cell)
{
	if (timeout_us == 0 || future == NULL)
		return HM_INVALID;
	*cell = hmi_shared_new(ctx, timeout_us);
	return *cell != NULL ? HM_OK : HM_NO_MEMORY;
}

enum hm_result
hm_future_new(struct hm_ctx *ctx, uint64_t timeout_us, struct hm_future *future)
{
	struct hmi_cell *cell;
	enum hm_result result;

	hmi_check_ctx(ctx, "hm_future_new");
	hmi_memory_touch_out(future, sizeof(*future));
	HMI_MARKED(ctx);
	result = future_make(ctx, timeout_us, future, &cell);
	if (result == HM_OK)
		future->pid = hmi_pid_of(ctx, cell);
	return result;
}

/* A future for a request, whose PID becomes the sender. */
static enum hm_result
request_own(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint64_t timeout_us,
	    struct hm_future *future)
{
	struct hmi_cell *cell;
	enum hm_result result = future_make(ctx, timeout_us, future, &cell);

	if (result != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		return result;
	}
	if (to.node != ctx->node)
		cell->shared.node = hmi_node_reference(ctx, to.node);
	future->pid = hmi_pid_of(ctx, cell);
	msg->sender = future->pid;
	return HM_OK;
}

/* All stages of middleware have gone on. */
static enum hm_result
future_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	enum hm_result result;

	if (!hmi_msg_take(ctx, msg, "hm_send_next"))
		return HM_INVALID;
	HMI_MARKED(ctx);
	result = hmi_ask_prepare(ctx, to, msg, how->timeout_us);
	if (result != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		return result;
	}
	result = request_own(ctx, to, msg, how->timeout_us, how->future);
	if (result != HM_OK)
		return result;
	msg->flags |= HMI_MSG_REQUEST;
	hmi_guard_handed(msg);
	hmi_sent_add(ctx, 1);
	return hmi_post(ctx, to, msg);
}

enum hm_result
hm_request_future(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, uint64_t timeout_us,
		  struct hm_future *future)
{
	const struct hmi_send how = { .last = future_last, .timeout_us = timeout_us, .future = future };
	enum hm_result result;
	struct hm_msg *msg;

	hmi_check_send(ctx, type, body, "hm_request_future");
	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	hmi_memory_touch_out(future, sizeof(*future));
	/* What is HM_INVALID comes to no stage. */
	if (unlikely(ctx->sending != NULL && timeout_us > 0 && future != NULL))
		return hmi_send_body_through(ctx, &how, to, type, body);
	msg = hmi_msg_make_word(ctx->sys, &ctx->cache, type, body, &result);
	if (msg == NULL) {
		if (result == HM_NO_MEMORY)
			hmi_no_memory(ctx, type);
		return result;
	}
	HMI_MARKED(ctx);
	result = request_own(ctx, to, msg, timeout_us, future);
	if (result != HM_OK)
		return result;
	hmi_request_mark(ctx, msg, to, hmi_worker_clock(&ctx->worker) + hmi_timeout_ns(timeout_us));
	hmi_sent_add(ctx, 1);
	return hmi_post(ctx, to, msg);
}

static enum hm_result
end_await(struct hm_ctx *ctx, struct hm_pid who, uint64_t timeout_us, struct hm_future *future)
{
	struct hmi_cell *cell;
	enum hm_result result;

	if (hm_pid_is_none(who) || hm_pid_equal(who, hmi_pid_of(ctx, ctx->cell)))
		return HM_NO_RECEIVER;
	hmi_memory_touch_out(future, sizeof(*future));
	HMI_MARKED(ctx);
	result = future_make(ctx, timeout_us, future, &cell);
	if (result != HM_OK)
		return result;
	cell->shared.expects = HM_TERMINATED;
	if (!hmi_await_add(ctx, cell, HMI_LINK_END, who)) {
		hmi_shared_undo(ctx, cell);
		return HM_NO_MEMORY;
	}
	if (who.node != ctx->node)
		cell->shared.node = hmi_node_reference(ctx, who.node);
	future->pid = hmi_pid_of(ctx, cell);
	hmi_control_post(ctx, who, future->pid, HM_SYS_WATCH);
	return HM_OK;
}

enum hm_result
hm_stop_future(struct hm_ctx *ctx, struct hm_pid who, uint64_t timeout_us, struct hm_future *future)
{
	enum hm_result result;

	hmi_check_ctx(ctx, "hm_stop_future");
	result = end_await(ctx, who, timeout_us, future);
	if (result == HM_OK)
		hm_stop(ctx, who);
	return result;
}

enum hm_result
hm_poison_future(struct hm_ctx *ctx, struct hm_pid who, uint64_t timeout_us, struct hm_future *future)
{
	enum hm_result result;

	hmi_check_ctx(ctx, "hm_poison_future");
	result = end_await(ctx, who, timeout_us, future);
	return result == HM_OK ? hm_poison(ctx, who) : result;
}

/* To a future of the running actor, wherever that was made. */
static void
order_give(struct hm_ctx *ctx, struct hm_future future, enum hmi_claim_order order)
{
	struct hmi_cell *cell;

	HMI_MARKED(ctx);
	cell = own(ctx, future);
	if (cell != NULL)
		shared_claimed(ctx, cell, order, 0);
	else
		(void)hmi_claim_order(ctx, future.pid, order, 0);
}

void
hm_future_cancel(struct hm_ctx *ctx, struct hm_future future)
{
	hmi_check_ctx(ctx, "hm_future_cancel");
	order_give(ctx, future, HMI_CLAIM_CANCEL);
}

void
hm_future_release(struct hm_ctx *ctx, struct hm_future future)
{
	hmi_check_ctx(ctx, "hm_future_release");
	order_give(ctx, future, HMI_CLAIM_RELEASE);
}
