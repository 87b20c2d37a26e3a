/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making messages of any type and size, and messages of the engine itself.
 */
#include "msg_pvt.h"

#include <stdlib.h>

#include <protobuf-c/protobuf-c.h>

#include "annex_pvt.h"
#include "assert_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "lcore_pvt.h"
#include "mark_pvt.h"
#include "proto_copy_pvt.h"
#include "replies_pvt.h"
#include "shortage_pvt.h"

_Static_assert(HMI_TYPE_HANDLED >> HMI_TYPE_FLAGS_SHIFT == HMI_MSG_BY_TYPE, "the flag of a handled type");

/* size_class: HMI_POOL_CLASSES if there is none so big. */
static struct hm_msg *
msg_get(struct hmi_msg_cache *cache, uint16_t type, unsigned int size_class, size_t length,
	enum hm_result *result)
{
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

/* Whether a body points to anything: by its type, or by fields that its type does not know. */
static bool
is_deep(uint32_t info, const void *body)
{
	if (body == NULL || (info & HMI_TYPE_PROTO) == 0)
		return false;
	return (info & HMI_TYPE_DEEP) != 0 || ((const ProtobufCMessage *)body)->n_unknown_fields != 0;
}

enum hm_result
hmi_body_measure(const struct hm_system *sys, uint16_t type, const void *body, struct hmi_body *measured)
{
	uint32_t info = sys->types->info[type];
	const ProtobufCMessage *message = body;

	*measured = (struct hmi_body){ .from = body, .bytes = info & HMI_TYPE_SIZE };
	if (unlikely(info == 0))
		return HM_UNKNOWN_TYPE;
	if (unlikely(is_deep(info, body))) {
		/* Zeros, or a message of another type: not to be walked by what it says of itself. */
		if (unlikely(message->descriptor != hmi_type_entry(sys->types, type)->type.descriptor))
			return HM_INVALID;
		measured->is_deep = true;
		measured->bytes = hmi_proto_bytes(message);
	}
	return measured->bytes <= HM_MSG_BODY_MAX ? HM_OK : HM_TOO_BIG;
}

void
hmi_body_touch(const struct hmi_body *body)
{
	/* What points to more was read when it was measured. */
	if (likely(body->from != NULL && !body->is_deep))
		hmi_memory_touch(body->from, body->bytes);
}

void
hmi_body_copy(void *to, const struct hmi_body *body)
{
	if (unlikely(body->is_deep))
		hmi_proto_copy(to, body->from);
	else
		memcpy(to, body->from, body->bytes);
}

static void
body_fill(const struct hm_system *sys, struct hm_msg *msg, const struct hmi_body *body)
{
	msg->flags = hmi_type_flags(sys->types->info[msg->type]);
	if (likely(body->from != NULL))
		hmi_body_copy(msg->body, body);
	else
		body_init(sys, msg->type, sys->types->info[msg->type], msg);
}

__attribute__((noinline)) struct hm_msg *
hmi_msg_make_as(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type, const void *body,
		bool with_word, enum hm_result *result)
{
	struct hmi_body measured;
	struct hm_msg *msg;

	*result = hmi_body_measure(sys, type, body, &measured);
	if (unlikely(*result != HM_OK))
		return NULL;
	hmi_body_touch(&measured);
	HMI_MARKED(hmi_ctx_of_cache(cache));
	msg = msg_get(cache, type,
		      with_word ? hmi_pool_class_word(measured.bytes) : hmi_pool_class(measured.bytes),
		      measured.bytes, result);
	if (likely(msg != NULL))
		body_fill(sys, msg, &measured);
	return msg;
}

struct hm_msg *
hmi_msg_copy(struct hm_ctx *ctx, const struct hm_msg *from, bool with_word)
{
	bool is_annexed = (from->size_class & HMI_MSG_ANNEXED) != 0;
	enum hm_result result;
	struct hm_msg *msg;

	with_word |= is_annexed;
	if ((ctx->sys->types->info[from->type] & HMI_TYPE_PROTO) != 0) {
		msg = hmi_msg_make_as(ctx->sys, &ctx->cache, from->type, hm_msg_body(from), with_word,
				      &result);
	} else {
		msg = msg_get(&ctx->cache, from->type,
			      with_word ? hmi_pool_class_word(from->length) : hmi_pool_class(from->length),
			      from->length, &result);
		if (msg != NULL)
			memcpy(msg->body, from->body, from->length);
	}
	if (msg != NULL && is_annexed && hmi_annex_copy(&ctx->cache, msg, from) != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		msg = NULL;
	}
	if (msg == NULL)
		return NULL;
	msg->flags = 0;
	msg->sender = from->sender;
	return msg;
}

/* ---- The reserve ----------------------------------------------------------------- */

static bool
reserve_take(struct hmi_pool *pool, size_t bytes)
{
	int64_t left = atomic_fetch_sub_explicit(&pool->reserve_left, (int64_t)bytes, memory_order_relaxed);

	if (left >= (int64_t)bytes)
		return true;
	atomic_fetch_add_explicit(&pool->reserve_left, (int64_t)bytes, memory_order_relaxed);
	return false;
}

static void
reserve_give(struct hmi_pool *pool, size_t bytes)
{
	atomic_fetch_add_explicit(&pool->reserve_left, (int64_t)bytes, memory_order_relaxed);
}

struct hm_msg *
hmi_msg_make_reserved(struct hm_ctx *ctx, uint16_t type, const void *body)
{
	struct hmi_pool *pool = &ctx->sys->pool;
	struct hmi_body measured;
	struct hm_msg *msg;

	if (hmi_body_measure(ctx->sys, type, body, &measured) != HM_OK ||
	    !reserve_take(pool, sizeof(*msg) + measured.bytes))
		return NULL;
	msg = malloc(sizeof(*msg) + measured.bytes);
	if (msg == NULL) {
		reserve_give(pool, sizeof(*msg) + measured.bytes);
		return NULL;
	}
	hmi_msg_describe(msg, type, measured.bytes, HMI_MSG_CLASS_RESERVE);
	body_fill(ctx->sys, msg, &measured);
	hmi_count(&ctx->stats.reserved, 1);
	return msg;
}

/* ---- Made by an actor ---------------------------------------------------------------- */

struct hm_msg *
hm_msg_new(struct hm_ctx *ctx, uint16_t type, size_t extra)
{
	uint32_t info = ctx->sys->types->info[type];
	size_t bytes = info & HMI_TYPE_SIZE;
	enum hm_result result;
	struct hm_msg *msg;

	hmi_check_ctx(ctx, "hm_msg_new");
	hmi_check_body(ctx->sys, type, NULL, "hm_msg_new");
	HMI_MARKED(ctx);
	if (info == 0 || extra > HM_MSG_BODY_MAX)
		return NULL;
	msg = msg_get(&ctx->cache, type,
		      hmi_pool_class_word(extra > 0 ? ((bytes + 7) & ~(size_t)7) + extra : bytes), bytes,
		      &result);
	if (msg == NULL) {
		if (result == HM_NO_MEMORY)
			hmi_no_memory_new(ctx, type);
		return NULL;
	}
	hmi_made_add(ctx, msg);
	msg->flags |= hmi_type_flags(info);
	body_init(ctx->sys, type, info, msg);
	return msg;
}

struct hm_msg *
hm_msg_alloc(struct hm_ctx *ctx, uint16_t type, size_t bytes)
{
	unsigned int size_class = hmi_pool_class(bytes);
	struct hm_msg *msg;

	hmi_check_ctx(ctx, "hm_msg_alloc");
	if (unlikely(size_class >= HMI_POOL_CLASSES))
		return NULL;
	HMI_MARKED(ctx);
	msg = hmi_pool_get(&ctx->cache, size_class);
	if (likely(msg != NULL)) {
		hmi_msg_describe(msg, type, bytes, size_class);
		msg->flags = HMI_MSG_MADE;
	}
	return msg;
}

struct hm_msg *
hm_msg_alloc_control(struct hm_ctx *ctx, uint16_t type, size_t bytes)
{
	struct hm_msg *msg;

	hmi_check_ctx(ctx, "hm_msg_alloc_control");
	HMI_MARKED(ctx);
	msg = hmi_control(&ctx->cache, type, bytes);
	msg->flags |= HMI_MSG_MADE;
	return msg;
}

size_t
hm_msg_capacity(const struct hm_msg *msg)
{
	unsigned int size_class = hmi_msg_class(msg);

	/* What the heap gave is as long as it is. */
	if (size_class >= HMI_POOL_CLASSES)
		return msg->length;
	return (msg->size_class & HMI_MSG_ANNEXED) == 0 ? hmi_pool_capacity(size_class)
							: hmi_pool_capacity_word(size_class);
}

void *
hm_msg_reserve(struct hm_msg *msg, size_t bytes)
{
	size_t start = ((size_t)msg->length + 7) & ~(size_t)7, capacity = hm_msg_capacity(msg);
	char *room = (char *)msg->body + start;

	/* Headers may still come. */
	if (hmi_msg_class(msg) < HMI_POOL_CLASSES)
		capacity = hmi_pool_capacity_word(hmi_msg_class(msg));
	if (start > capacity || bytes > capacity - start)
		return NULL;

	memset(room, 0, bytes);
	msg->length = (uint16_t)(start + bytes);
	return room;
}

__attribute__((noinline)) void
hmi_msg_release_other(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	if (unlikely(msg->size_class & HMI_MSG_ANNEXED))
		hmi_annex_release(cache, msg);
	if (unlikely(msg->size_class == HMI_MSG_CLASS_REPLIES))
		hmi_replies_empty(cache, msg);
	if (likely(msg->size_class < HMI_MSG_CLASS_REPLIES)) {
		hmi_pool_put(cache, msg);
		return;
	}
	if (msg->size_class == HMI_MSG_CLASS_RESERVE)
		reserve_give(cache->pool, sizeof(*msg) + msg->length);
	free(msg);
}

/* What the caller has done with a message that is not his. */
static void
not_owned(const struct hm_ctx *ctx, const struct hm_msg *msg, const char *function)
{
	if (HMI_DEBUG)
		hmi_misuse(function, "a %s that %s is not the caller's", hm_type_name(ctx->sys, msg->type),
			   msg == ctx->msg ? "is being received" : "was sent before");
}

bool
hmi_msg_is_owned(const struct hm_ctx *ctx, const struct hm_msg *msg, const char *function)
{
	uint16_t type;

	if (hmi_guard_is_free(msg, &type))
		hmi_misuse(function, "a %s that was freed before, or sent and received, is not the caller's",
			   hm_type_name(ctx->sys, type));
	if (likely((msg->flags & HMI_MSG_MADE) != 0))
		return true;
	not_owned(ctx, msg, function);
	return false;
}

bool
hmi_msg_take(struct hm_ctx *ctx, struct hm_msg *msg, const char *function)
{
	if (unlikely(!hmi_msg_is_owned(ctx, msg, function)))
		return false;
	/* One that was kept is the caller's: nobody waits for it, or knows until when it is good. */
	msg->flags &= HMI_MSG_BY_TYPE;
	if (msg->to_node >= HMI_TO_NODE_KEPT) {
		HMI_MARKED(ctx);

		hmi_made_remove(msg);
	}
	return true;
}

void
hm_msg_free(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_check_ctx(ctx, "hm_msg_free");
	if (msg == NULL || !hmi_msg_take(ctx, msg, "hm_msg_free"))
		return;
	HMI_MARKED(ctx);
	hmi_msg_release(&ctx->cache, msg);
}

struct hm_msg *
hmi_control(struct hmi_msg_cache *cache, uint16_t type, size_t bytes)
{
	enum hm_result result;
	struct hm_msg *msg = msg_get(cache, type, hmi_pool_class(bytes), bytes, &result);

	if (unlikely(msg == NULL)) {
		/* Control traffic outlives an exhausted pool: losing it would lose a Terminated or a stop. */
		msg = malloc(sizeof(*msg) + bytes);
		/* Not abort, which would be the running actor's own failure. */
		HMI_ASSERT(msg != NULL);
		hmi_msg_describe(msg, type, bytes, HMI_MSG_CLASS_HEAP);
	}
	msg->flags = HMI_MSG_SYSTEM;
	msg->sender = hm_pid_none();
	/* Nearly all are of the smallest class, all of whose body costs less than a call. */
	if (likely(msg->size_class == 0))
		memset(msg->body, 0, HMI_SMALL_BODY);
	else
		memset(msg->body, 0, bytes);
	return msg;
}
