/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INJECT_PVT_H
#define INJECT_PVT_H

/*
 * The inject ring brings messages from threads that are no lcore to one lcore.
 *
 *     thread ─┐
 *     thread ─┼─▶ rte_ring (MP/SC) ──▶ lcore
 *     thread ─┘
 *
 * Who may call what at the same time ("-": same thread only):
 *
 *               push   pop_burst   create/destroy
 *   push        yes       yes            no
 *   pop_burst   yes        -             no
 *
 * Ownership: a push that succeeds hands the message over; pop_burst hands it to the caller.
 * Ordering:  I1: push releases, pop_burst acquires (rte_ring's tail of the producers). One
 *            thread's messages keep their order.
 * Limits:    bounded: a full ring is the caller's to handle. Producers synchronise by relaxed
 *            tail: one that is preempted in the middle holds up no other producer, but what is
 *            pushed behind it is seen only when it is done.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "hm_msg.h"
#include "ring_pvt.h"
#include "tsan_pvt.h"

struct hmi_inject {
	struct rte_ring *ring;
};

/* Create an inject ring; `size` is a power of two. Returns 0, -EINVAL or -ENOMEM. */
static inline int
hmi_inject_create(struct hmi_inject *inject, uint32_t size, int socket)
{
	int rc = hmi_ring_create(&inject->ring, size, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ, socket);

	/* Behind a preempted producer the others see a full ring, rather than spin. */
	return rc == 0 ? rte_ring_set_prod_htd_max(inject->ring, rte_ring_get_capacity(inject->ring)) : rc;
}

/* Any thread. Returns whether there was room. */
HMI_TSAN_OFF static inline bool
hmi_inject_push(struct hmi_inject *inject, struct hm_msg *msg)
{
	HMI_TSAN_RELEASE(msg);
	return rte_ring_enqueue(inject->ring, msg) == 0;
}

/* The lcore. Takes up to `max` messages; returns how many. */
HMI_TSAN_OFF static inline uint32_t
hmi_inject_pop_burst(struct hmi_inject *inject, struct hm_msg **msgs, uint32_t max)
{
	uint32_t n = rte_ring_sc_dequeue_burst(inject->ring, (void **)msgs, max, NULL);

	for (uint32_t i = 0; i < n; i++)
		HMI_TSAN_ACQUIRE(msgs[i]);
	return n;
}

/* The lcore. Messages that are in it, about. */
HMI_TSAN_OFF static inline uint32_t
hmi_inject_count(const struct hmi_inject *inject)
{
	return rte_ring_count(inject->ring);
}

static inline void
hmi_inject_destroy(struct hmi_inject *inject)
{
	hmi_ring_destroy(inject->ring);
	inject->ring = NULL;
}

#endif /* INJECT_PVT_H */
