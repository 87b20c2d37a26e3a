/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: a future of the running actor, and a message that has its PID and its deadline. What becomes of the future:
 * future.c.
 */
#include "actor_pvt.h"
#include "annex_pvt.h"
#include "ask_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "future_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "shortage_pvt.h"

/* ---- Making a future ------------------------------------------------------------------- */

static void
deadline_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	hmi_future_fail(ctx, hmi_future_due(ctx, timer), HM_FUTURE_TIMEOUT);
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

/* The end of the actor waits for the future. Returns it, or NULL: no memory; then it is gone. */
static __attribute__((noinline)) struct hmi_cell *
await_in_stop(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (hmi_stop_await(&ctx->extras, ctx->cell, cell))
		return cell;
	hmi_future_undo(ctx, cell);
	return NULL;
}

/* For hm_ask in its place. */
static inline struct hmi_cell *
future_own(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	struct hmi_cell *cell = hmi_future_new(ctx, timeout_us);

	if (cell != NULL) {
		cell->future.owner = ctx->cell;
		cell->future.on_reply = on_reply;
		cell->future.arg = arg;
		hmi_owned_add(&ctx->cell->actor.owned, &cell->future.owned, &hmi_future_owned_ops);
	}
	return cell;
}

struct hmi_cell *
hmi_future_own(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	return future_own(ctx, timeout_us, on_reply, arg);
}

/* The same. */
static inline struct hmi_cell *
future_ask(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	struct hmi_cell *cell = future_own(ctx, timeout_us, on_reply, arg);

	if (cell != NULL && unlikely((ctx->cell->pending & HMI_PENDING_STOP) != 0))
		return await_in_stop(ctx, cell);
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

/* ---- What actors call ------------------------------------------------------------------ */

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

static enum hm_result
ask_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	return hm_msg_ask(ctx, to, msg, how->timeout_us, how->on_reply, how->arg);
}

static __attribute__((noinline)) enum hm_result
ask_through(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, struct hmi_send how)
{
	how.last = ask_last;
	return hmi_send_body_through(ctx, &how, to, type, body);
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
		if (ctx->sending != NULL)
			return ask_through(ctx, to, type, body,
					   (struct hmi_send){ .timeout_us = timeout_us,
							      .on_reply = on_reply,
							      .arg = arg });
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
		hmi_sent_add(ctx, 1);
		return ask_away(ctx, cell, to.node, msg, timeout_us);
	}
	hmi_post_here(ctx, msg, hmi_mark_without(ctx));
	return HM_OK;
}

enum hm_result
hmi_ask_prepare(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint64_t timeout_us)
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
hmi_ask_post(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid to, struct hm_msg *msg)
{
	if (to.node != ctx->node)
		cell->future.node = hmi_node_reference(ctx, to.node);
	msg->sender = hmi_pid_of(ctx, cell);
	msg->flags |= HMI_MSG_REQUEST;
	hmi_guard_handed(msg);
	hmi_sent_add(ctx, 1);
	return hmi_post(ctx, to, msg);
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
	/* What is HM_INVALID, and gone, comes to no stage, which would take it to be its own. */
	if (unlikely(ctx->sending != NULL && timeout_us > 0 && on_reply != NULL)) {
		const struct hmi_send how = {
			.last = ask_last, .timeout_us = timeout_us, .on_reply = on_reply, .arg = arg
		};

		hmi_made_again(ctx, msg);
		return hmi_send_through(ctx, &how, to, msg);
	}
	HMI_MARKED(ctx);
	if (timeout_us > 0 && on_reply != NULL)
		result = hmi_ask_prepare(ctx, to, msg, timeout_us);
	if (result == HM_OK && (cell = hmi_future_ask(ctx, timeout_us, on_reply, arg)) == NULL)
		result = HM_NO_MEMORY;
	if (result != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		return result;
	}
	return hmi_ask_post(ctx, cell, to, msg);
}
