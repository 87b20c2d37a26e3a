/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_pvt.h"

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_errno.h>

int
hmi_lane_create(struct hmi_lane *lane, const char *name, uint32_t size, int socket)
{
	memset(lane, 0, sizeof(*lane));
	lane->ring = rte_ring_create(name, size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return lane->ring != NULL ? 0 : -rte_errno;
}

static void
overflow_append(struct hmi_lane *lane, struct hm_msg *msg)
{
	msg->next = NULL;
	if (lane->overflow_head != NULL)
		lane->overflow_tail->next = msg;
	else
		lane->overflow_head = msg;
	lane->overflow_tail = msg;
	lane->overflow_count++;
	lane->overflowed++;
}

/* The list goes first, so that order is kept. */
static void
overflow_flush(struct hmi_lane *lane)
{
	while (lane->overflow_head != NULL) {
		/* After the enqueue the message is the receiver's, and its link with it. */
		struct hm_msg *msg = lane->overflow_head, *next = msg->next;

		if (rte_ring_sp_enqueue(lane->ring, msg) != 0)
			return;
		lane->overflow_head = next;
		lane->overflow_count--;
	}
}

uint32_t
hmi_lane_flush(struct hmi_lane *lane)
{
	uint32_t n = 0;

	if (unlikely(lane->overflow_count > 0))
		overflow_flush(lane);
	if (likely(lane->overflow_count == 0))
		n = rte_ring_sp_enqueue_burst(lane->ring, (void **)lane->buffer, lane->buffered, NULL);
	for (; unlikely(n < lane->buffered); n++)
		overflow_append(lane, lane->buffer[n]);
	lane->buffered = 0;
	return lane->overflow_count;
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
	rte_ring_free(lane->ring);
	lane->ring = NULL;
}
