/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUARD_PVT_H
#define GUARD_PVT_H

/*
 * Interrupt guard: keeps EAL's interrupt thread away from a port while an lcore uses it.
 *
 * memif's driver serves its control socket in the interrupt thread. When the other side disconnects,
 * the driver unmaps the rings in that thread, even if an lcore is inside a burst. So an alarm's
 * callback blocks the interrupt thread while the lcore uses the port. The lcore releases the thread
 * when there is no link, and whenever no frame has arrived for a while. One port of a process has a
 * guard; if the process has other memif ports, the guard is released every half second for them.
 *
 *     lcore                interrupt thread
 *     request ──alarm──▶   blocks in the callback       (G1: the lcore sees what the driver did)
 *     is_held: bursts
 *     release ──sem──▶     continues: sockets, unmapping (G2: the driver sees what the lcore did)
 *
 * The port's lcore calls these functions; before and after its run, the thread that opens and closes the
 * port.
 */

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum hmi_guard_state {
	HMI_GUARD_RELEASED,
	HMI_GUARD_REQUESTED,
	HMI_GUARD_HELD /* the interrupt thread is blocked */
};

struct hmi_guard {
	_Atomic uint32_t state; /* enum hmi_guard_state */
	sem_t released;
};

/* Returns 0 or a negative errno. */
int hmi_guard_init(struct hmi_guard *guard);

/* Request that the interrupt thread blocks, unless that was done. Returns whether it will block. */
bool hmi_guard_request(struct hmi_guard *guard);

/* Whether the interrupt thread is blocked. */
static inline bool
hmi_guard_is_held(const struct hmi_guard *guard)
{
	/* G1, acquire: pairs with the release in block. */
	return atomic_load_explicit(&guard->state, memory_order_acquire) == HMI_GUARD_HELD;
}

/* Request, and sleep until the interrupt thread is blocked. Returns whether it was within a second. */
bool hmi_guard_wait(struct hmi_guard *guard);

/* Let the interrupt thread continue. The guard must be held. */
void hmi_guard_release(struct hmi_guard *guard);

/* Release the interrupt thread for good. */
void hmi_guard_fini(struct hmi_guard *guard);

#endif /* GUARD_PVT_H */
