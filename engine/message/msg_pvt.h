/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MSG_PVT_H
#define MSG_PVT_H

/*
 * Making messages: the fast path, for bodies that fit beside the header in one cache line.
 * Everything else, failure included, is for hmi_msg_make in msg.c.
 */

#include <string.h>

#include "hm_result.h"
#include "pool_pvt.h"
#include "type_pvt.h"

struct hm_ctx;
struct hm_system;

#define HMI_SMALL_BODY (HMI_POOL_SMALLEST - sizeof(struct hm_msg))

static inline void
hmi_msg_describe(struct hm_msg *msg, uint16_t type, size_t length, unsigned int size_class)
{
	msg->type = type;
	msg->length = (uint16_t)length;
	msg->size_class = (uint8_t)size_class;
	msg->flags = 0;
	msg->to_node = 0;
}

/* The common sizes are whole words; a call to memcpy would cost more than the copy. */
static inline void
hmi_small_copy(uint64_t *to, const void *from, size_t bytes)
{
	const char *words = from;

	switch (bytes) {
	case 24:
		memcpy(&to[2], words + 16, 8);
		/* fall through */
	case 16:
		memcpy(&to[1], words + 8, 8);
		/* fall through */
	case 8:
		memcpy(&to[0], words, 8);
		break;
	default:
		memcpy(to, from, bytes);
		break;
	}
}

/* A message that is known, not deep, small, and has a body; NULL if it is not, or none is free. */
static inline struct hm_msg *
hmi_msg_make_small(const uint32_t *type_info, struct hmi_msg_cache *cache, uint16_t type, const void *body)
{
	uint32_t info = type_info[type];
	size_t bytes = info & HMI_TYPE_SIZE;
	struct hm_msg *msg;

	if (unlikely((info & (HMI_TYPE_KNOWN | HMI_TYPE_DEEP)) != HMI_TYPE_KNOWN || bytes > HMI_SMALL_BODY ||
		     body == NULL))
		return NULL;
	msg = hmi_pool_get(cache, 0);
	if (unlikely(msg == NULL))
		return NULL;
	hmi_msg_describe(msg, type, bytes, 0);
	hmi_small_copy(msg->body, body, bytes);
	return msg;
}

/* Make a message of a registered type; sets *result if it answers NULL. */
struct hm_msg *hmi_msg_make(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type,
			    const void *body, enum hm_result *result);

/* A control message: never fails, the heap stands behind the pool. Zeroed but for type and sizes. */
struct hm_msg *hmi_control(struct hmi_msg_cache *cache, uint16_t type, size_t bytes);

/* What is not of the smallest class, or from the heap. */
void hmi_msg_release_other(struct hmi_msg_cache *cache, struct hm_msg *msg);

/* Free any message. */
static inline void
hmi_msg_release(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	hmi_guard_owned(msg);
	if (likely(msg->size_class == 0))
		hmi_pool_put(cache, msg);
	else
		hmi_msg_release_other(cache, msg);
}

/*
 * Take over a message that the caller has made. Returns false if it is not his: because it was sent,
 * freed or received. In debug builds that ends the process.
 */
bool hmi_msg_take(const struct hm_ctx *ctx, struct hm_msg *msg, const char *function);

/* A body that is to be copied. */
struct hmi_body {
	const void *from; /* NULL: what the type looks like before anything is set */
	size_t bytes;     /* of the copy */
	bool is_deep;     /* it points to more */
};

/* Whether a body may be sent as a type, and how long it is. */
enum hm_result hmi_body_measure(const struct hm_system *sys, uint16_t type, const void *body,
				struct hmi_body *measured);

/* Copy a measured body that is not NULL to memory aligned to 8. */
void hmi_body_copy(void *to, const struct hmi_body *body);

/*
 * A message to the running actor itself, or from a timer of its own, when message memory is used up:
 * from the reserve. NULL: that is used up as well.
 */
struct hm_msg *hmi_msg_make_reserved(struct hm_ctx *ctx, uint16_t type, const void *body);

#endif /* MSG_PVT_H */
