/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>
#include <rte_memcpy.h>

#include "engine_pvt.h"
#include "stats_pvt.h"

static inline void
msg_describe(struct hm_msg *msg, uint16_t type, size_t length, unsigned int size_class)
{
	msg->type = type;
	msg->length = (uint16_t)length;
	msg->size_class = (uint8_t)size_class;
	msg->flags = 0;
	msg->to_node = 0;
}

/* ---- Making messages ------------------------------------------------------ */

static struct hm_msg *
msg_get(const struct hmi_msg_cache *cache, uint16_t type, size_t bytes, size_t length, enum hm_result *result)
{
	unsigned int size_class = hmi_pool_class(bytes);
	struct hm_msg *msg;

	if (unlikely(size_class >= HMI_POOL_CLASSES)) {
		*result = HM_TOO_BIG;
		return NULL;
	}
	msg = hmi_pool_get(cache, size_class);
	if (unlikely(msg == NULL)) {
		*result = HM_NO_MEMORY;
		return NULL;
	}
	msg_describe(msg, type, length, size_class);
	return msg;
}

/* What a type looks like before anything is set. */
static void
body_init(const struct hm_system *sys, uint16_t type, uint32_t info, struct hm_msg *msg)
{
	memset(msg->body, 0, info & HMI_TYPE_SIZE);
	if (info & HMI_TYPE_PROTO)
		protobuf_c_message_init(hmi_type_entry(&sys->types, type)->type.descriptor, msg->body);
}

static struct hm_msg *
make_deep(const struct hmi_msg_cache *cache, uint16_t type, const ProtobufCMessage *body, enum hm_result *result)
{
	size_t bytes = hmi_proto_bytes(body);
	struct hm_msg *msg = msg_get(cache, type, bytes, bytes, result);

	if (msg != NULL)
		hmi_proto_copy(msg->body, body);
	return msg;
}

struct hm_msg *
hmi_msg_make(const struct hm_system *sys, const struct hmi_msg_cache *cache, uint16_t type, const void *body,
	     enum hm_result *result)
{
	uint32_t info = sys->types.info[type];
	size_t bytes = info & HMI_TYPE_SIZE;
	struct hm_msg *msg;

	if (unlikely(info == 0)) {
		*result = HM_UNKNOWN_TYPE;
		return NULL;
	}
	if (unlikely((info & HMI_TYPE_DEEP) != 0 && body != NULL))
		return make_deep(cache, type, body, result);
	msg = msg_get(cache, type, bytes, bytes, result);
	if (unlikely(msg == NULL))
		return NULL;
	if (likely(body != NULL))
		rte_memcpy(msg->body, body, bytes);
	else
		body_init(sys, type, info, msg);
	return msg;
}

struct hm_msg *
hm_msg_new(struct hm_ctx *ctx, uint16_t type, size_t extra)
{
	uint32_t info = ctx->sys->types.info[type];
	size_t bytes = info & HMI_TYPE_SIZE;
	enum hm_result result;
	struct hm_msg *msg;

	if (info == 0 || extra > HM_MSG_BODY_MAX)
		return NULL;
	msg = msg_get(&ctx->cache, type, extra > 0 ? ((bytes + 7) & ~(size_t)7) + extra : bytes, bytes, &result);
	if (msg != NULL)
		body_init(ctx->sys, type, info, msg);
	return msg;
}

struct hm_msg *
hm_msg_alloc(struct hm_ctx *ctx, uint16_t type, size_t bytes)
{
	enum hm_result result;

	return msg_get(&ctx->cache, type, bytes, bytes, &result);
}

size_t
hm_msg_capacity(const struct hm_msg *msg)
{
	return hmi_pool_capacity(msg->size_class);
}

void *
hm_msg_reserve(struct hm_msg *msg, size_t bytes)
{
	size_t start = ((size_t)msg->length + 7) & ~(size_t)7, capacity = hm_msg_capacity(msg);

	if (start > capacity || bytes > capacity - start)
		return NULL;

	char *room = (char *)msg->body + start;

	memset(room, 0, bytes);
	msg->length = (uint16_t)(start + bytes);
	return room;
}

void
hmi_msg_release(const struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	if (unlikely(msg->size_class == HMI_MSG_CLASS_HEAP))
		free(msg);
	else
		hmi_pool_put(cache, msg);
}

void
hm_msg_free(struct hm_ctx *ctx, struct hm_msg *msg)
{
	if (msg != NULL)
		hmi_msg_release(&ctx->cache, msg);
}

struct hm_msg *
hmi_control(const struct hmi_msg_cache *cache, uint16_t type, size_t bytes)
{
	enum hm_result result;
	size_t room = bytes > hmi_pool_capacity(HMI_POOL_CONTROL_CLASS) ? bytes
									 : hmi_pool_capacity(HMI_POOL_CONTROL_CLASS);
	struct hm_msg *msg = msg_get(cache, type, room, bytes, &result);

	if (unlikely(msg == NULL)) {
		/* Control traffic outlives an exhausted pool: losing it would lose a Terminated or a stop. */
		msg = malloc(sizeof(*msg) + bytes);
		if (msg == NULL)
			abort();
		msg_describe(msg, type, bytes, HMI_MSG_CLASS_HEAP);
	}
	msg->flags = HMI_MSG_SYSTEM;
	msg->sender = hm_pid_none();
	memset(msg->body, 0, bytes);
	return msg;
}

/* ---- Routing --------------------------------------------------------------- */

static inline void
outbox_push(struct hm_ctx *ctx, struct hm_msg *msg)
{
	__builtin_prefetch(hmi_cells_at(&ctx->cells, msg->to), 1);
	ctx->outbox[ctx->outbox_count++] = msg;
	if (unlikely(ctx->outbox_count == HMI_OUTBOX))
		hmi_outbox_flush(ctx);
}

enum hm_result
hmi_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	uint32_t lcore = hmi_local_lcore(to.local);

	msg->to = to.local;
	if (unlikely(to.node != ctx->node))
		return hmi_post_remote(ctx, to, msg);
	if (likely(lcore == hmi_index(ctx))) {
		outbox_push(ctx, msg);
		return HM_OK;
	}
	if (likely(lcore < ctx->worker.lcores_count))
		hmi_worker_push(&ctx->worker, lcore, msg);
	else
		hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
	return HM_OK;
}

void
hmi_control_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, uint16_t type)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, type, 0);

	msg->sender = sender;
	(void)hmi_post(ctx, to, msg);
}

/* ---- Sending ---------------------------------------------------------------- */

static enum hm_result
refused(struct hm_ctx *ctx, enum hm_result result)
{
	if (result == HM_NO_MEMORY)
		hmi_count(&ctx->stats.no_memory, 1);
	return result;
}

static inline enum hm_result
send_from(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, struct hm_pid sender)
{
	enum hm_result result;
	struct hm_msg *msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);

	if (unlikely(msg == NULL))
		return refused(ctx, result);
	msg->sender = sender;
	hmi_count(&ctx->stats.sent, 1);
	return hmi_post(ctx, to, msg);
}

enum hm_result
hm_send(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body)
{
	return send_from(ctx, to, type, body, hm_pid_none());
}

enum hm_result
hm_request(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body)
{
	return send_from(ctx, to, type, body, hmi_pid_of(ctx, ctx->cell));
}

enum hm_result
hm_respond(struct hm_ctx *ctx, uint16_t type, const void *body)
{
	struct hm_pid to = hm_sender(ctx);

	if (unlikely(hm_pid_is_none(to)))
		return HM_NO_SENDER;
	return send_from(ctx, to, type, body, hmi_pid_of(ctx, ctx->cell));
}

static enum hm_result
send_made(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, struct hm_pid sender)
{
	msg->sender = sender;
	hmi_count(&ctx->stats.sent, 1);
	return hmi_post(ctx, to, msg);
}

enum hm_result
hm_msg_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	return send_made(ctx, to, msg, hm_pid_none());
}

enum hm_result
hm_msg_request(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	return send_made(ctx, to, msg, hmi_pid_of(ctx, ctx->cell));
}

enum hm_result
hm_forward(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hm_msg *msg = ctx->msg;

	/* HM_STARTED and its like are this actor's own affair. */
	if (msg == NULL || msg->type < HM_TYPE_USER || hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	ctx->msg = NULL;
	/* A sender on another node may be a future as well. */
	msg->flags = msg->flags & (HMI_MSG_REQUEST | HMI_MSG_NETWORK) ? HMI_MSG_REQUEST : 0;
	msg->to_node = 0;
	hmi_count(&ctx->stats.sent, 1);
	return hmi_post(ctx, to, msg);
}
