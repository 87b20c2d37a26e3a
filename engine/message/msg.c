/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making messages of any type and size, and messages of the engine itself.
 */
#include "msg_pvt.h"

#include <stdlib.h>

#include <protobuf-c/protobuf-c.h>

#include "lcore_pvt.h"
#include "proto_copy_pvt.h"

static struct hm_msg *
msg_get(struct hmi_msg_cache *cache, uint16_t type, size_t bytes, size_t length, enum hm_result *result)
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
	hmi_msg_describe(msg, type, length, size_class);
	return msg;
}

/* What a type looks like before anything is set. */
static void
body_init(const struct hm_system *sys, uint16_t type, uint32_t info, struct hm_msg *msg)
{
	memset(msg->body, 0, info & HMI_TYPE_SIZE);
	if (info & HMI_TYPE_PROTO)
		protobuf_c_message_init(hmi_type_entry(sys->types, type)->type.descriptor, msg->body);
}

static struct hm_msg *
make_deep(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type,
	  const ProtobufCMessage *body, enum hm_result *result)
{
	struct hm_msg *msg;
	size_t bytes;

	/* Zeros, or a message of another type: not to be walked by what it says of itself. */
	if (unlikely(body->descriptor != hmi_type_entry(sys->types, type)->type.descriptor)) {
		*result = HM_INVALID;
		return NULL;
	}
	bytes = hmi_proto_bytes(body);
	msg = msg_get(cache, type, bytes, bytes, result);
	if (msg != NULL)
		hmi_proto_copy(msg->body, body);
	return msg;
}

/* Whether a body points to anything: by its type, or by fields that its type does not know. */
static bool
is_deep(uint32_t info, const void *body)
{
	if (body == NULL || (info & HMI_TYPE_PROTO) == 0)
		return false;
	return (info & HMI_TYPE_DEEP) != 0 || ((const ProtobufCMessage *)body)->n_unknown_fields != 0;
}

__attribute__((noinline)) struct hm_msg *
hmi_msg_make(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type, const void *body,
	     enum hm_result *result)
{
	uint32_t info = sys->types->info[type];
	size_t bytes = info & HMI_TYPE_SIZE;
	struct hm_msg *msg;

	if (unlikely(info == 0)) {
		*result = HM_UNKNOWN_TYPE;
		return NULL;
	}
	if (unlikely(is_deep(info, body)))
		return make_deep(sys, cache, type, body, result);
	msg = msg_get(cache, type, bytes, bytes, result);
	if (unlikely(msg == NULL))
		return NULL;
	if (likely(body != NULL))
		memcpy(msg->body, body, bytes);
	else
		body_init(sys, type, info, msg);
	return msg;
}

struct hm_msg *
hm_msg_new(struct hm_ctx *ctx, uint16_t type, size_t extra)
{
	uint32_t info = ctx->type_info[type];
	size_t bytes = info & HMI_TYPE_SIZE;
	enum hm_result result;
	struct hm_msg *msg;

	if (info == 0 || extra > HM_MSG_BODY_MAX)
		return NULL;
	msg = msg_get(&ctx->cache, type, extra > 0 ? ((bytes + 7) & ~(size_t)7) + extra : bytes, bytes,
		      &result);
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

struct hm_msg *
hm_msg_alloc_control(struct hm_ctx *ctx, uint16_t type, size_t bytes)
{
	return hmi_control(&ctx->cache, type, bytes);
}

size_t
hm_msg_capacity(const struct hm_msg *msg)
{
	/* What the heap gave is as long as it is. */
	return msg->size_class < HMI_POOL_CLASSES ? hmi_pool_capacity(msg->size_class) : msg->length;
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
hmi_msg_release(struct hmi_msg_cache *cache, struct hm_msg *msg)
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
hmi_control(struct hmi_msg_cache *cache, uint16_t type, size_t bytes)
{
	enum hm_result result;
	size_t room = bytes > hmi_pool_capacity(HMI_POOL_CONTROL_CLASS)
			      ? bytes
			      : hmi_pool_capacity(HMI_POOL_CONTROL_CLASS);
	struct hm_msg *msg = msg_get(cache, type, room, bytes, &result);

	if (unlikely(msg == NULL)) {
		/* Control traffic outlives an exhausted pool: losing it would lose a Terminated or a stop. */
		msg = malloc(sizeof(*msg) + bytes);
		if (msg == NULL)
			abort();
		hmi_msg_describe(msg, type, bytes, HMI_MSG_CLASS_HEAP);
	}
	msg->flags = HMI_MSG_SYSTEM;
	msg->sender = hm_pid_none();
	memset(msg->body, 0, bytes);
	return msg;
}
