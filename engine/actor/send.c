/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor calls to send.
 */
#include "buffer_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "expire_pvt.h"
#include "hm_keep.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "shortage_pvt.h"

/* ---- Sending ---------------------------------------------------------------- */

static enum hm_result
refused(struct hm_ctx *ctx, uint16_t type, enum hm_result result)
{
	if (result == HM_NO_MEMORY)
		hmi_no_memory(ctx, type);
	return result;
}

/*
 * The sender of the running actor's message. Without one, the receiver's lcore may still have to find it, to mute it: see
 * pressure_pvt.h.
 */
static inline struct hm_pid
sender_of(const struct hm_ctx *ctx, bool has_sender)
{
	return has_sender ? hmi_pid_of(ctx, ctx->cell) : (struct hm_pid){ 0, (uintptr_t)ctx->cell };
}

static bool
is_self(const struct hm_ctx *ctx, struct hm_pid to)
{
	return ctx->cell != NULL && hm_pid_equal(to, hmi_pid_of(ctx, ctx->cell));
}

static enum hm_result
post(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, struct hm_msg *msg)
{
	HMI_MARKED(ctx);

	msg->sender = sender;
	return hmi_post(ctx, to, msg);
}

/* A message whose sender is set; takes it over. */
static enum hm_result
send_whole(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	HMI_MARKED(ctx);
	enum hm_result result;

	hmi_guard_handed(msg);
	result = hmi_post(ctx, to, msg);
	hmi_sent_add(ctx, result == HM_OK);
	return result;
}

/* ---- Through the stages of middleware ------------------------------------------- */

static enum hm_result
plain_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	(void)how;
	return hm_msg_send(ctx, to, msg);
}

static enum hm_result
request_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	(void)how;
	return hm_msg_request(ctx, to, msg);
}

static enum hm_result
forward_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	(void)how;
	return msg == ctx->msg ? hm_forward(ctx, to) : hm_msg_forward(ctx, to, msg);
}

static const struct hmi_send plain = { .last = plain_last };
static const struct hmi_send as_request = { .last = request_last };
static const struct hmi_send as_forward = { .last = forward_last, .is_forward = true };

static const struct hmi_send *
kind_of(bool has_sender)
{
	return has_sender ? &as_request : &plain;
}

/* ---- A body --------------------------------------------------------------------- */

/*
 * What is no small message; to another node, the provider may take it straight from its body. All parameters
 * are in registers: a sender that was passed in memory would be read before its stores have left the core.
 */
static __attribute__((noinline)) enum hm_result
send_any(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, bool has_sender)
{
	struct hm_pid sender = sender_of(ctx, has_sender);
	struct hm_outgoing out = { .to = to.local, .sender = sender, .body = body, .type = type };
	enum hm_result result = HM_OK;
	struct hm_msg *msg;

	if (ctx->sending != NULL)
		return hmi_send_body_through(ctx, kind_of(has_sender), to, type, body);
	if (to.node == ctx->node || body == NULL || !hmi_send_remote(ctx, to.node, &out)) {
		msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);
		if (msg == NULL && result == HM_NO_MEMORY && is_self(ctx, to))
			msg = hmi_msg_make_reserved(ctx, type, body);
		if (msg == NULL)
			return refused(ctx, type, result);
		result = post(ctx, to, sender, msg);
	}
	hmi_sent_add(ctx, result == HM_OK);
	return result;
}

/* To another lcore or node; clears the engine's mark. */
static __attribute__((noinline)) enum hm_result
send_away(struct hm_ctx *ctx, uint64_t node, struct hm_msg *msg)
{
	enum hm_result result;

	if (unlikely(node != ctx->node))
		hmi_mark_touch(ctx);
	result = hmi_post_away(ctx, node, msg);
	hmi_sent_add(ctx, result == HM_OK);
	hmi_mark_clear(ctx);
	return result;
}

static inline enum hm_result
send_from(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, bool has_sender)
{
	struct hm_msg *msg;
	uint64_t before;

	hmi_stack_touch_page();
	msg = hmi_msg_make_small(ctx->small_types, &ctx->cache, type, body);
	if (unlikely(msg == NULL))
		return send_any(ctx, to, type, body, has_sender);
	before = hmi_mark_without(ctx);
	hmi_mark_store(ctx, before | HMI_MARK);
	msg->sender = sender_of(ctx, has_sender);
	msg->to = to.local;
	if (unlikely(!hmi_is_here(ctx, to)))
		return send_away(ctx, to.node, msg);
	hmi_post_here(ctx, msg, before);
	return HM_OK;
}

enum hm_result
hm_send(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body)
{
	hmi_check_send(ctx, type, body, "hm_send");
	return send_from(ctx, to, type, body, false);
}

enum hm_result
hm_request(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body)
{
	hmi_check_send(ctx, type, body, "hm_request");
	return send_from(ctx, to, type, body, true);
}

static enum hm_result
from_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	if (!hmi_msg_take(ctx, msg, "hm_send_next"))
		return HM_INVALID;
	if (!hm_pid_is_none(how->sender))
		msg->flags |= HMI_MSG_REQUEST;
	msg->sender = how->sender;
	return send_whole(ctx, to, msg);
}

enum hm_result
hm_request_from(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, uint16_t type, const void *body)
{
	const struct hmi_send how = { .last = from_last, .sender = sender };
	enum hm_result result;
	struct hm_msg *msg;

	hmi_check_send(ctx, type, body, "hm_request_from");
	if (unlikely(hm_pid_is_none(to)))
		return HM_NO_RECEIVER;
	if (unlikely(ctx->sending != NULL))
		return hmi_send_body_through(ctx, &how, to, type, body);
	msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);
	if (msg == NULL && result == HM_NO_MEMORY && is_self(ctx, to))
		msg = hmi_msg_make_reserved(ctx, type, body);
	if (msg == NULL)
		return refused(ctx, type, result);
	/* It may be a future, which is to learn of the request's death. */
	if (!hm_pid_is_none(sender))
		msg->flags |= HMI_MSG_REQUEST;
	hmi_sent_add(ctx, 1);
	return post(ctx, to, sender, msg);
}

enum hm_result
hm_respond(struct hm_ctx *ctx, uint16_t type, const void *body)
{
	struct hm_pid to;

	hmi_check_send(ctx, type, body, "hm_respond");
	to = hm_sender(ctx);
	if (unlikely(hm_pid_is_none(to)))
		return HM_NO_SENDER;
	return send_from(ctx, to, type, body, true);
}

/* One after the other: what refuses one refuses those behind it, too. */
enum hm_result
hm_send_batch(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *bodies, uint32_t count,
	      uint32_t *sent)
{
	enum hm_result result = HM_OK;
	size_t bytes;
	uint32_t n;

	hmi_check_ctx(ctx, "hm_send_batch");
	bytes = ctx->sys->types->info[type] & HMI_TYPE_SIZE;
	if (bodies != NULL)
		hmi_memory_touch(bodies, count * bytes);
	for (n = 0; n < count; n++) {
		const void *body = bodies != NULL ? (const char *)bodies + n * bytes : NULL;

		hmi_check_body(ctx->sys, type, body, "hm_send_batch");
		result = send_from(ctx, to, type, body, false);
		if (unlikely(result != HM_OK))
			break;
	}
	if (sent != NULL)
		*sent = n;
	return result;
}

/* ---- Messages that are made ----------------------------------------------------- */

static enum hm_result
send_made(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, bool has_sender, const char *function)
{
	hmi_check_ctx(ctx, function);
	if (unlikely(msg == NULL || !hmi_msg_take(ctx, msg, function)))
		return HM_INVALID;
	if (unlikely(ctx->sending != NULL)) {
		hmi_made_again(ctx, msg);
		return hmi_send_through(ctx, kind_of(has_sender), to, msg);
	}
	msg->sender = sender_of(ctx, has_sender);
	return send_whole(ctx, to, msg);
}

enum hm_result
hm_msg_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	return send_made(ctx, to, msg, false, "hm_msg_send");
}

enum hm_result
hm_msg_request(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	return send_made(ctx, to, msg, true, "hm_msg_request");
}

enum hm_result
hm_msg_respond(struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct hm_pid to;

	hmi_check_ctx(ctx, "hm_msg_respond");
	if (unlikely(msg == NULL || !hmi_msg_take(ctx, msg, "hm_msg_respond")))
		return HM_INVALID;
	to = hm_sender(ctx);
	if (unlikely(hm_pid_is_none(to))) {
		HMI_MARKED(ctx);

		hmi_msg_release(&ctx->cache, msg);
		return HM_NO_SENDER;
	}
	if (unlikely(ctx->sending != NULL)) {
		hmi_made_again(ctx, msg);
		return hmi_send_through(ctx, &as_request, to, msg);
	}
	msg->sender = sender_of(ctx, true);
	return send_whole(ctx, to, msg);
}

enum hm_result
hm_send_buffer(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
	       struct hm_buffer *buffer)
{
	enum hm_result result;
	struct hm_msg *msg;

	hmi_check_send(ctx, type, body, "hm_send_buffer");
	msg = hmi_msg_make_buffer(ctx->sys, &ctx->cache, type, body, buffer, &result);
	if (unlikely(msg == NULL))
		return refused(ctx, type, result);
	if (unlikely(ctx->sending != NULL)) {
		hmi_made_again(ctx, msg);
		return hmi_send_through(ctx, &plain, to, msg);
	}
	msg->sender = sender_of(ctx, false);
	return send_whole(ctx, to, msg);
}

/* Hand a message on that was received; takes it over. */
static enum hm_result
forward(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	if (msg->sender.node == 0)
		msg->sender.local = (uintptr_t)ctx->cell;
	if (unlikely((msg->flags & HMI_MSG_EXPIRES) != 0 && !hmi_is_here(ctx, to)))
		hmi_deadline_settle(ctx, msg);
	/* A sender on another node may be a future as well. */
	msg->flags = (uint8_t)((msg->flags & (HMI_MSG_BY_TYPE | HMI_MSG_EXPIRES)) |
			       (msg->flags & (HMI_MSG_REQUEST | HMI_MSG_NETWORK) ? HMI_MSG_REQUEST : 0));
	msg->to_node = 0;
	hmi_guard_handed(msg);
	hmi_sent_add(ctx, 1);
	return hmi_post(ctx, to, msg);
}

enum hm_result
hm_forward(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hm_msg *msg = ctx->msg;

	hmi_check_ctx(ctx, "hm_forward");
	/* HM_STARTED and its like are this actor's own affair. */
	if (msg == NULL || msg->type < HM_TYPE_USER || hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	if (unlikely(ctx->sending != NULL))
		return hmi_send_through(ctx, &as_forward, to, msg);
	HMI_MARKED(ctx);
	hmi_received_take(ctx);
	return forward(ctx, to, msg);
}

/* Of one that hm_msg_new has made nobody else is the sender. */
static bool
is_kept(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	if (!hmi_msg_is_owned(ctx, msg, "hm_msg_forward"))
		return false;
	if (HMI_DEBUG && msg->to_node != HMI_TO_NODE_KEPT)
		hmi_misuse("hm_msg_forward", "a %s that was made, and not received; hm_msg_send sends it",
			   hm_type_name(ctx->sys, msg->type));
	return msg->to_node == HMI_TO_NODE_KEPT;
}

enum hm_result
hm_msg_forward(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	hmi_check_ctx(ctx, "hm_msg_forward");
	if (unlikely(msg == NULL || !is_kept(ctx, msg)))
		return HM_INVALID;
	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	if (unlikely(ctx->sending != NULL))
		return hmi_send_through(ctx, &as_forward, to, msg);
	HMI_MARKED(ctx);
	hmi_made_remove(msg);
	return forward(ctx, to, msg);
}
