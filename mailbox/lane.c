/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_pvt.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_malloc.h>

#include "memory_pvt.h"

#define SIZE_MAX_SLOTS (1u << 30) /* so that numbers of messages wrap around at the end of a lap */

int
hmi_lane_create(struct hmi_lane *lane, uint32_t size, int socket)
{
	size_t bytes = sizeof(struct hmi_lane_ring) + size * sizeof(uintptr_t);
	struct hmi_lane_ring *ring;

	memset(lane, 0, sizeof(*lane));
	if (size == 0 || (size & (size - 1)) != 0 || size > SIZE_MAX_SLOTS)
		return -EINVAL;
	ring = hmi_zalloc_near(bytes, socket);
	if (ring == NULL)
		return -ENOMEM;
	lane->ring = ring;
	lane->size = size;
	return 0;
}

/* How many of `wanted` messages there is room for. */
static uint32_t
room(struct hmi_lane *lane, uint32_t wanted)
{
	uint32_t size = lane->size;

	if (lane->sent - lane->taken + wanted > size)
		lane->taken = atomic_load_explicit(&lane->ring->taken, memory_order_acquire); /* L2 */
	return RTE_MIN(wanted, size - (lane->sent - lane->taken));
}

/* From here on the message, and its link with it, is the receiver's. */
static inline void
put(struct hmi_lane *lane, struct hm_msg *msg)
{
	uint32_t number = lane->sent++;

	atomic_store_explicit(&lane->ring->slots[number & (lane->size - 1)],
			      (uintptr_t)msg | hmi_lane_lap(number, lane->size),
			      memory_order_release); /* L1 */
}

/* The waiting messages leave before the buffered ones, so that order is kept. */
static void
overflow_flush(struct hmi_lane *lane)
{
	for (uint32_t n = room(lane, lane->overflow.count); n > 0; n--) {
		struct hm_msg *msg = hmi_fifo_pop(&lane->overflow);

		hmi_guard_listed(msg, __func__);
		put(lane, msg);
	}
}

uint32_t
hmi_lane_flush(struct hmi_lane *lane)
{
	uint32_t n = 0, end;

	if (unlikely(lane->overflow.count > 0))
		overflow_flush(lane);
	end = likely(lane->overflow.count == 0) ? room(lane, lane->buffered) : 0;
	for (; n < end; n++)
		put(lane, lane->buffer[n]);
	for (; unlikely(n < lane->buffered); n++) {
		hmi_guard_unlisted(lane->buffer[n]);
		hmi_fifo_push(&lane->overflow, lane->buffer[n]);
		lane->overflowed++;
	}
	lane->buffered = 0;
	return lane->overflow.count;
}

struct hm_msg *
hmi_lane_drain(struct hmi_lane *lane)
{
	struct hmi_lane_rx rx;
	struct hm_msg *msg;

	if (lane->ring == NULL)
		return NULL;
	hmi_lane_flush(lane);
	rx = hmi_lane_receiver(lane);
	rx.taken = atomic_load_explicit(&lane->ring->taken, memory_order_acquire); /* L2 */
	return hmi_lane_pop_burst(&rx, &msg, 1) == 1 ? msg : NULL;
}

void
hmi_lane_destroy(struct hmi_lane *lane)
{
	rte_free(lane->ring);
	lane->ring = NULL;
}
