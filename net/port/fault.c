/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fault injection, by a seeded generator: drop, duplicate, reorder, corrupt, delay.
 */
#include <stddef.h>

#include "fault_pvt.h"
#include "random_pvt.h"

#define REORDER_NS 50000u

void
hmi_fault_init(struct hmi_fault *fault, const struct hmi_fault_odds *odds)
{
	fault->odds = *odds;
	if (fault->odds.reorder_ns == 0)
		fault->odds.reorder_ns = REORDER_NS;
	fault->random = odds->seed;
	fault->held_count = 0;
}

bool
hmi_fault_is_on(const struct hmi_fault *fault)
{
	const struct hmi_fault_odds *odds = &fault->odds;

	return (odds->drop | odds->duplicate | odds->reorder | odds->corrupt | odds->delay_ns) != 0;
}

uint64_t
hmi_fault_random(struct hmi_fault *fault)
{
	return hmi_random(&fault->random);
}

static bool
happens(struct hmi_fault *fault, uint64_t parts)
{
	return parts != 0 && hmi_fault_random(fault) % HMI_FAULT_PARTS < parts;
}

struct hmi_fault_verdict
hmi_fault_decide(struct hmi_fault *fault)
{
	struct hmi_fault_verdict verdict = { .delay_ns = fault->odds.delay_ns };

	verdict.drop = happens(fault, fault->odds.drop);
	verdict.duplicate = happens(fault, fault->odds.duplicate);
	if (happens(fault, fault->odds.corrupt))
		verdict.corrupt = fault->odds.corrupt_bits != 0 ? (uint32_t)fault->odds.corrupt_bits : 1;
	if (happens(fault, fault->odds.reorder))
		verdict.delay_ns += hmi_fault_random(fault) % fault->odds.reorder_ns + 1;
	return verdict;
}

void
hmi_fault_flip(struct hmi_fault *fault, uint8_t *packet, uint32_t bytes)
{
	uint64_t bit = hmi_fault_random(fault) % (bytes * UINT64_C(8));

	packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

bool
hmi_fault_hold(struct hmi_fault *fault, void *packet, uint64_t due_ns)
{
	if (fault->held_count == HMI_FAULT_HELD)
		return false;
	fault->held[fault->held_count++] = (struct hmi_fault_held){ packet, due_ns };
	return true;
}

void *
hmi_fault_due(struct hmi_fault *fault, uint64_t now)
{
	uint32_t first = 0;
	void *packet;

	for (uint32_t i = 1; i < fault->held_count; i++) {
		if (fault->held[i].due_ns < fault->held[first].due_ns)
			first = i;
	}
	if (fault->held_count == 0 || fault->held[first].due_ns > now)
		return NULL;
	packet = fault->held[first].packet;
	/* Keep the order: of packets due at the same time the oldest goes first. */
	fault->held_count--;
	for (uint32_t i = first; i < fault->held_count; i++)
		fault->held[i] = fault->held[i + 1];
	return packet;
}
