/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULT_PVT_H
#define FAULT_PVT_H

/*
 * Fault injection, by a seeded generator.
 *
 * The port uses it for each frame that it sends, and the session's simulation test for each packet.
 * Packets are opaque pointers. The same seed and the same calls give the same faults.
 */

#include <stdbool.h>
#include <stdint.h>

#define HMI_FAULT_PARTS    10000u /* denominator of the odds */
#define HMI_FAULT_BITS_MAX 64u    /* flipped in one packet */
#define HMI_FAULT_HELD     256u   /* packets that can be held back at the same time */

/* Probability and size of each fault. */
struct hmi_fault_odds {
	uint64_t drop, duplicate, reorder, corrupt; /* of HMI_FAULT_PARTS */
	uint64_t corrupt_bits;                      /* that are flipped in a corrupted packet; 0: one */
	uint64_t delay_ns;                          /* added to every packet */
	uint64_t reorder_ns;                        /* most that is added to a reordered one; 0: 50 us */
	uint64_t seed;
};

/* Faults of one packet. */
struct hmi_fault_verdict {
	bool drop, duplicate;
	uint32_t corrupt; /* bits to flip, each by hmi_fault_flip */
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

/* Whether any fault is configured. */
bool hmi_fault_is_on(const struct hmi_fault *fault);

/* The next random number; tests use it, too. */
uint64_t hmi_fault_random(struct hmi_fault *fault);

/* Choose the faults of one packet. */
struct hmi_fault_verdict hmi_fault_decide(struct hmi_fault *fault);

/* Flip a bit in a packet of so many bytes, which may be one that was flipped before. */
void hmi_fault_flip(struct hmi_fault *fault, uint8_t *packet, uint32_t bytes);

/* Hold a packet back until `due_ns`. Returns whether there was room; if not, the caller sends it at once. */
bool hmi_fault_hold(struct hmi_fault *fault, void *packet, uint64_t due_ns);

/* The packet that is due first, if it is due; NULL: none. */
void *hmi_fault_due(struct hmi_fault *fault, uint64_t now);

#endif /* FAULT_PVT_H */
