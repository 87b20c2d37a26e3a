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

/* Free any message. */
void hmi_msg_release(struct hmi_msg_cache *cache, struct hm_msg *msg);

#endif /* MSG_PVT_H */
