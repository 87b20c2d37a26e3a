/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANE_PVT_H
#define LANE_PVT_H

/*
 * A lane carries messages from one lcore to one other, in order.
 *
 *     sender lcore                                      receiver lcore
 *     push ──▶ buffer[] ──flush──▶ rte_ring (SP/SC) ──▶ pop_burst
 *                  └─▶ overflow list, when the ring is full
 *
 * Each ordered pair of lcores has its own lane, so both ends are single: no compare-and-swap,
 * and one cache line moves for a burst of eight pointers.
 *
 * Who may call what at the same time ("-": same thread only):
 *
 *                  push/flush   pop_burst   create/destroy
 *   push/flush         -           yes            no
 *   pop_burst         yes           -             no
 *
 * Ownership: push hands the message over; pop_burst hands it to the caller.
 * Ordering:  L1: flush releases what was pushed (rte_ring's tail of the producer), pop_burst
 *            acquires it; L2: pop_burst releases the slots (tail of the consumer), flush
 *            acquires them.
 * Limits:    the overflow list is bounded only by message memory, and counted.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "fifo_pvt.h"
#include "hm_msg.h"

#define HMI_LANE_BUFFER 64u

/* The sender's end, written by the sender alone. */
struct hmi_lane {
	struct rte_ring *ring;
	uint32_t buffered;
	bool dirty;          /* the owner's marks: it is among those to be flushed, ... */
	bool untold;         /* ... and among those whose receiver may have fallen asleep */
	uint64_t overflowed; /* messages that ever waited, for the statistics */
	struct hmi_fifo overflow;
	struct hm_msg *buffer[HMI_LANE_BUFFER];
} __attribute__((aligned(64)));

/* The receiver's end: apart from the sender's, so that polling it costs no shared line but the ring's. */
struct hmi_lane_rx {
	struct rte_ring *ring;
};

/*
 * Create a lane; `size` is a power of two, memory comes from `socket` if that has any left. Returns 0,
 * -EINVAL or -ENOMEM.
 */
int hmi_lane_create(struct hmi_lane *lane, uint32_t size, int socket);

/* Publish what was pushed, oldest first, as far as there is room. Returns what still waits. */
uint32_t hmi_lane_flush(struct hmi_lane *lane);

/* Append a message; the receiver sees it after the next flush. */
static inline void
hmi_lane_push(struct hmi_lane *lane, struct hm_msg *msg)
{
	lane->buffer[lane->buffered++] = msg;
	if (lane->buffered == HMI_LANE_BUFFER)
		hmi_lane_flush(lane);
}

/* Take up to `max` messages in the order in which they were pushed. Returns how many. */
static inline uint32_t
hmi_lane_pop_burst(const struct hmi_lane_rx *lane, struct hm_msg **msgs, uint32_t max)
{
	return rte_ring_sc_dequeue_burst(lane->ring, (void **)msgs, max, NULL);
}

/* Take a message after both lcores have left their loops; NULL: none is left, or no lane. */
struct hm_msg *hmi_lane_drain(struct hmi_lane *lane);

/* Free a drained lane. */
void hmi_lane_destroy(struct hmi_lane *lane);

#endif /* LANE_PVT_H */
