/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FULL_PVT_H
#define FULL_PVT_H

/*
 * Actors that external threads may not send to for now: their mailboxes are full.
 *
 * Lcores add and remove, any thread asks. A hint: what is under way when it changes is not ordered by it. When more than
 * HMI_FULL_MAX are full, the others are not known.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HMI_FULL_MAX 256u

struct hmi_full {
	_Atomic uint32_t count;
	_Atomic uint64_t locals[HMI_FULL_MAX]; /* local parts of PIDs; 0: a free place */
};

/* It is not there yet. */
void hmi_full_add(struct hmi_full *full, uint64_t local);

/* One that is not there is ignored. */
void hmi_full_remove(struct hmi_full *full, uint64_t local);

bool hmi_full_has(const struct hmi_full *full, uint64_t local);

#endif /* FULL_PVT_H */
