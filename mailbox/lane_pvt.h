/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANE_PVT_H
#define LANE_PVT_H

/*
 * A lane carries messages from one lcore to one other, in order.
 *
 *     sender lcore                                  receiver lcore
 *     push ──▶ buffer[] ──flush──▶ ring of slots ──▶ pop_burst
 *                  └─▶ overflow list, when the ring is full
 *
 * Each ordered pair of lcores has its own lane, so both ends are single: no compare-and-swap.
 *
 * A slot holds the address of a message and, in its lowest bit, the parity of the lap in which it was
 * written. The receiver sees by that bit alone whether a slot is new: no index passes between the
 * lcores, and a message that travels alone moves two cache lines, its slot's and its own. With an
 * index, as in rte_ring, it would move four (docs/decisions/0006).
 *
 *     lap 0:  a|1  b|1  c|1  d|1     lap 1:  e|0  f|0  c|1  d|1
 *                                                      └─ not new: the receiver waits here
 *
 * The receiver counts what it has taken in a line of its own, which the sender reads when the ring
 * seems full: once a lap.
 *
 * Who may call what at the same time ("-": same thread only):
 *
 *                  push/flush   pop_burst   create/destroy
 *   push/flush         -           yes            no
 *   pop_burst         yes           -             no
 *
 * Ownership: push hands the message over; pop_burst hands it to the caller.
 * Ordering:  L1: flush releases each slot, pop_burst acquires it: header and body of the message are
 *            written before the receiver reads them. L2: pop_burst releases `taken`, flush acquires it:
 *            a slot is read before it is written anew.
 * Limits:    the overflow list is bounded only by message memory, and counted.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fifo_pvt.h"
#include "hm_msg.h"

#define HMI_LANE_BUFFER 64u

/* Shared by both ends; what is constant is in both of them, since the line of `taken` is the receiver's. */
struct hmi_lane_ring {
	_Atomic uint32_t taken; /* messages that the receiver has taken; free-running */
	_Alignas(64) _Atomic uintptr_t slots[];
};

/* The sender's end, written by the sender alone. */
struct hmi_lane {
	struct hmi_lane_ring *ring;
	uint32_t size;  /* slots of the ring, a power of two */
	uint32_t sent;  /* messages that were put into the ring; free-running */
	uint32_t taken; /* of them the receiver has taken so many, or more by now */
	uint32_t buffered;
	bool dirty;          /* the owner's marks: it is among those to be flushed, ... */
	bool unchecked;      /* ... among those whose receiver may have fallen asleep, ... */
	bool crowded;        /* ... and messages waited for room when they were flushed last */
	uint64_t overflowed; /* messages that ever waited, for the statistics */
	struct hmi_fifo overflow;
	struct hm_msg *buffer[HMI_LANE_BUFFER];
	uint64_t looked;          /* of `overflowed` the owner has looked at so many, ... */
	struct hm_msg *looked_at; /* ... and last at this one, if it still waits */
} __attribute__((aligned(64)));

/* The receiver's end, written by the receiver alone. */
struct hmi_lane_rx {
	struct hmi_lane_ring *ring;
	uint32_t taken; /* free-running */
	uint32_t size;  /* slots of the ring */
};

/*
 * Create a lane; `size` is a power of two, memory comes from `socket` if that has any left. Returns 0,
 * -EINVAL or -ENOMEM.
 */
int hmi_lane_create(struct hmi_lane *lane, uint32_t size, int socket);

/* The receiver's end of a lane that was just created. */
static inline struct hmi_lane_rx
hmi_lane_receiver(const struct hmi_lane *lane)
{
	return (struct hmi_lane_rx){ .ring = lane->ring, .size = lane->size };
}

/* Publish what was pushed, oldest first, as far as there is room. Returns what still waits. */
uint32_t hmi_lane_flush(struct hmi_lane *lane);

/* Append a message; the receiver sees it after the next flush. */
static inline void
hmi_lane_push(struct hmi_lane *lane, struct hm_msg *msg)
{
	hmi_guard_listed(msg, __func__);
	lane->buffer[lane->buffered++] = msg;
	if (lane->buffered == HMI_LANE_BUFFER)
		hmi_lane_flush(lane);
}

/* Lowest bit of the slot that the message of this number comes into. Memory that was never written holds 0. */
static inline uintptr_t
hmi_lane_lap(uint32_t number, uint32_t size)
{
	return (number & size) == 0;
}

/* Whether a message waits; for the receiver. A look only: hmi_lane_pop_burst acquires what it takes. */
static inline bool
hmi_lane_is_ready(const struct hmi_lane_rx *rx)
{
	uintptr_t slot =
		atomic_load_explicit(&rx->ring->slots[rx->taken & (rx->size - 1)], memory_order_relaxed);

	return (slot & 1) == hmi_lane_lap(rx->taken, rx->size);
}

/* Take up to `max` messages in the order in which they were pushed. Returns how many. */
static inline uint32_t
hmi_lane_pop_burst(struct hmi_lane_rx *rx, struct hm_msg **msgs, uint32_t max)
{
	struct hmi_lane_ring *ring = rx->ring;
	uint32_t n;

	for (n = 0; n < max; n++) {
		uint32_t number = rx->taken + n;
		uintptr_t slot = atomic_load_explicit(&ring->slots[number & (rx->size - 1)],
						      memory_order_acquire); /* L1 */

		if ((slot & 1) != hmi_lane_lap(number, rx->size))
			break;
		msgs[n] = (struct hm_msg *)(slot & ~(uintptr_t)1);
		hmi_guard_unlisted(msgs[n]);
		/* To write: a line that is fetched to be read moves a second time, when the message is queued. */
		__builtin_prefetch(msgs[n], 1);
	}
	if (n > 0) {
		rx->taken += n;
		atomic_store_explicit(&ring->taken, rx->taken, memory_order_release); /* L2 */
	}
	return n;
}

/* Messages that wait are not to be looked at, up to here. */
static inline void
hmi_lane_look_past(struct hmi_lane *lane)
{
	lane->looked = lane->overflowed;
	lane->looked_at = lane->overflow.tail;
}

/* The oldest message that waits and was not looked at; NULL: none. From now on it was. */
static inline const struct hm_msg *
hmi_lane_look(struct hmi_lane *lane)
{
	uint64_t gone = lane->overflowed - lane->overflow.count;

	if (lane->looked == lane->overflowed || lane->overflow.count == 0)
		return NULL;
	lane->looked_at = lane->looked > gone ? lane->looked_at->next : lane->overflow.head;
	lane->looked = (lane->looked > gone ? lane->looked : gone) + 1;
	return lane->looked_at;
}

/* Take a message after both lcores have left their loops; NULL: none is left, or no lane. */
struct hm_msg *hmi_lane_drain(struct hmi_lane *lane);

/* Free a drained lane. */
void hmi_lane_destroy(struct hmi_lane *lane);

#endif /* LANE_PVT_H */
