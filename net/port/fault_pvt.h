/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULT_PVT_H
#define FAULT_PVT_H

/*
 * Faults, by a seed: what becomes of a packet on a bad network.
 *
 * The port asks for each frame that it sends, the simulation of the session's test for each
 * packet. Packets are opaque pointers; the same seed and calls give the same faults.
 */

#include <stdbool.h>
#include <stdint.h>

#define HMI_FAULT_PARTS 10000u /* odds are given as parts of it */
#define HMI_FAULT_HELD  256u   /* packets that can be late at the same time */

/* How bad. */
struct hmi_fault_odds {
	uint64_t drop, duplicate, reorder, corrupt; /* of HMI_FAULT_PARTS */
	uint64_t delay_ns;                          /* every packet takes this longer */
	uint64_t reorder_ns;                        /* reordered ones up to this longer; 0: 50 us */
	uint64_t seed;
};

/* What becomes of a packet. */
struct hmi_fault_verdict {
	bool drop, duplicate, corrupt;
	uint32_t bit; /* corrupt: which one to flip, modulo the packet's bits */
	uint64_t delay_ns;
};

struct hmi_fault_held {
	void *packet;
	uint64_t due_ns;
};

struct hmi_fault {
	struct hmi_fault_odds odds;
	uint64_t random;
	uint32_t held_count;
	struct hmi_fault_held held[HMI_FAULT_HELD];
};

void hmi_fault_init(struct hmi_fault *fault, const struct hmi_fault_odds *odds);

/* Whether there is any fault to expect at all. */
bool hmi_fault_is_on(const struct hmi_fault *fault);

/* The next random number; also for what a test chooses. */
uint64_t hmi_fault_random(struct hmi_fault *fault);

/* Decide about one packet. */
struct hmi_fault_verdict hmi_fault_decide(struct hmi_fault *fault);

/* Hold a packet back until `due_ns`. Returns whether there was room; if not, it goes out at once. */
bool hmi_fault_hold(struct hmi_fault *fault, void *packet, uint64_t due_ns);

/* A packet whose time has come, the earliest first; NULL: none. */
void *hmi_fault_due(struct hmi_fault *fault, uint64_t now);

#endif /* FAULT_PVT_H */
