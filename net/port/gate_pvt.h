/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATE_PVT_H
#define GATE_PVT_H

/*
 * A gate before EAL's interrupt thread.
 *
 * memif's driver serves its sockets in that thread, and unmaps the rings there when the other side
 * is gone, without asking whether an lcore is in the middle of a burst. So the thread is held at
 * this gate while the lcore uses the port, and is let through when the lcore does not: when
 * there is no link, and again and again when nothing has been heard for a while. One port of a
 * process has a gate; if there are other memif ports, it opens every half second for them.
 *
 *     lcore               interrupt thread
 *     ask ──alarm──▶      stands at the gate        (G1: what the driver did is visible)
 *     is_held: bursts
 *     release ──sem──▶    goes on: sockets, unmapping
 *
 * The lcore's thread calls everything but the callback.
 */

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum hmi_gate_state {
	HMI_GATE_OPEN,
	HMI_GATE_ASKED,
	HMI_GATE_HELD
};

struct hmi_gate {
	_Atomic uint32_t state; /* enum hmi_gate_state */
	sem_t go_on;
};

/* Returns 0 or a negative errno. */
int hmi_gate_init(struct hmi_gate *gate);

/* Ask the interrupt thread to come to an open gate. Returns whether it will. */
bool hmi_gate_ask(struct hmi_gate *gate);

/* Whether it stands at the gate. */
static inline bool
hmi_gate_is_held(const struct hmi_gate *gate)
{
	/* G1, acquire: pairs with the release in stand. */
	return atomic_load_explicit(&gate->state, memory_order_acquire) == HMI_GATE_HELD;
}

/* Ask, and sleep until it stands at the gate. Returns whether it came within a second. */
bool hmi_gate_wait(struct hmi_gate *gate);

/* Let it go on. The gate was held. */
void hmi_gate_release(struct hmi_gate *gate);

/* Open the gate for good. */
void hmi_gate_fini(struct hmi_gate *gate);

#endif /* GATE_PVT_H */
