/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BELL_PVT_H
#define BELL_PVT_H

/*
 * A bell: an eventfd on which a thread waits for the other side of a ring, without a system call while both are busy.
 *
 *     waiter: finds nothing              ringer
 *     read(fd), state = armed            publish: a message, or room in the ring
 *     full fence           (ST1)         full fence           (ST1)
 *     look once more: nothing            armed? ─▶ ringing ─▶ write(fd) ─▶ rung
 *     poll(fd)
 *
 * One of the two sees what the other one has written, so that nothing is missed. `ringing` lies between: a waiter that
 * finds it neither arms the bell nor reads the eventfd, which would be written to behind its back and stay readable.
 *
 * Who may call what: arm one thread; ring any.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <rte_branch_prediction.h>

enum hmi_bell_state {
	HMI_BELL_RUNG,    /* the eventfd is readable */
	HMI_BELL_ARMED,   /* it is not: who publishes writes to it */
	HMI_BELL_RINGING, /* somebody is about to */
};

struct hmi_bell {
	_Alignas(64) _Atomic int state;
	int fd; /* constant */
};

/* Not readable, and armed. Returns 0 or a negative errno. */
int hmi_bell_init(struct hmi_bell *bell);

void hmi_bell_fini(struct hmi_bell *bell);

/* Nothing was found: look once more behind this, before waiting. */
void hmi_bell_arm(struct hmi_bell *bell);

/* Make it readable, if it is armed. */
void hmi_bell_write(struct hmi_bell *bell);

/* As hmi_bell_ring: whether it would make it readable. */
static inline bool
hmi_bell_is_armed(const struct hmi_bell *bell)
{
	return atomic_load_explicit(&bell->state, memory_order_relaxed) == HMI_BELL_ARMED;
}

/* Something was published, and a full fence executed (hmi_wake_fence): ST1. */
static inline void
hmi_bell_ring(struct hmi_bell *bell)
{
	if (unlikely(hmi_bell_is_armed(bell)))
		hmi_bell_write(bell);
}

#endif /* BELL_PVT_H */
