/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BUFFER_PVT_H
#define BUFFER_PVT_H

/*
 * Buffers: memory that messages refer to. The block that counts the references is an object of the pool.
 *
 * Ordering: BF1: who gives a reference back releases it by the count, and the last one acquires that: all that
 * others have done with the bytes comes before they are freed.
 */

#include <stdatomic.h>

#include <rte_branch_prediction.h>

#include "hm_buffer.h"
#include "pool_pvt.h"

/* Where the bytes of a buffer come from. */
enum hmi_buffer_memory {
	HMI_BUFFER_USER, /* from the user, with a function */
	HMI_BUFFER_EAL,
	HMI_BUFFER_HEAP,
};

struct hm_buffer {
	void *data;
	size_t length;
	hm_buffer_free_fn *free;
	void *arg;
	struct hm_system *sys;
	_Atomic uint32_t references; /* BF1 */
	enum hmi_buffer_memory memory;
};

/*
 * A message of a registered type with a buffer, whose reference it takes over; sets *result if it answers NULL, and
 * gives the reference back.
 */
struct hm_msg *hmi_msg_make_buffer(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type,
				   const void *body, struct hm_buffer *buffer, enum hm_result *result);

/* Give a reference back; the block, if it was the last one, to this cache. */
void hmi_buffer_put(struct hmi_msg_cache *cache, struct hm_buffer *buffer);

/* What a message takes, with the buffer that it refers to. */
static inline uint64_t
hmi_msg_bytes(const struct hm_msg *msg)
{
	size_t length = 0;

	if (unlikely((msg->size_class & HMI_MSG_ANNEXED) != 0)) {
		hmi_guard_received(msg);
		(void)hm_msg_data(msg, &length);
	}
	return sizeof(*msg) + msg->length + length;
}

#endif /* BUFFER_PVT_H */
