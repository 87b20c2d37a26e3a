/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_pvt.h"

#include <string.h>

#include <rte_branch_prediction.h>

#include "ring_pvt.h"

int
hmi_lane_create(struct hmi_lane *lane, uint32_t size, int socket)
{
	memset(lane, 0, sizeof(*lane));
	return hmi_ring_create(&lane->ring, size, RING_F_SP_ENQ | RING_F_SC_DEQ, socket);
}

/* The waiting messages leave before the buffered ones, so that order is kept. */
static void
overflow_flush(struct hmi_lane *lane)
{
	struct hm_msg *msg;

	while ((msg = lane->overflow.head) != NULL) {
		/* After the enqueue the message, and its link with it, is the receiver's. */
		hmi_fifo_pop(&lane->overflow);
		if (rte_ring_sp_enqueue(lane->ring, msg) != 0) {
			hmi_fifo_unpop(&lane->overflow, msg);
			return;
		}
	}
}

uint32_t
hmi_lane_flush(struct hmi_lane *lane)
{
	uint32_t n = 0;

	if (unlikely(lane->overflow.count > 0))
		overflow_flush(lane);
	if (likely(lane->overflow.count == 0))
		n = rte_ring_sp_enqueue_burst(lane->ring, (void **)lane->buffer, lane->buffered, NULL);
	for (; unlikely(n < lane->buffered); n++) {
		hmi_fifo_push(&lane->overflow, lane->buffer[n]);
		lane->overflowed++;
	}
	lane->buffered = 0;
	return lane->overflow.count;
}

struct hm_msg *
hmi_lane_drain(struct hmi_lane *lane)
{
	void *msg;

	if (lane->ring == NULL)
		return NULL;
	hmi_lane_flush(lane);
	return rte_ring_sc_dequeue(lane->ring, &msg) == 0 ? msg : NULL;
}

void
hmi_lane_destroy(struct hmi_lane *lane)
{
	hmi_ring_destroy(lane->ring);
	lane->ring = NULL;
}
