/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLOT_BANK_PVT_H
#define SLOT_BANK_PVT_H

/*
 * The slots of one lcore that nobody holds: those that were never used, as one number, and freed ones, which
 * their lcore deposits.
 *
 *     the lcore ──deposit──▶ [ freed: slot and generation, youngest on top ] ──withdraw──▶ any lcore
 *                            [ never used: from `next` on ] ──────────────────reserve────▶ any lcore
 *
 * So any lcore may take slots of any other one without asking it, and knows the PID of what it will spawn
 * there; the cells themselves are touched by their lcore alone. Slots are moved HMI_SLOT_BATCH at a time.
 *
 * Who may call what: back and deposit, the lcore; withdraw and reserve, any thread, at the same time;
 * create and destroy alone. Ordering:  B1: the lock's holder releases the list, the next one acquires it.
 * `next` is relaxed: a slot
 *            that was never used has nothing to be seen.
 * Limits:    HM_SLOTS_MAX. The lock is held for one batch; who is preempted then holds up the others, who
 * yield.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HMI_SLOT_BATCH 256u
/* Freed slots that an lcore keeps itself, at most. */
#define HMI_SLOT_OWN (2 * HMI_SLOT_BATCH)

struct hmi_slot_bank {
	_Alignas(64) _Atomic uint32_t next; /* the lowest slot that was given to nobody */
	_Atomic uint32_t lock;
	_Atomic uint32_t count; /* freed slots; changed under the lock, read by anybody as a hint */
	uint32_t backed;        /* places of the list that have memory; the lcore's */
	uint64_t *slots;        /* address space for all: slot << 32 | generation */
	/* The lcore's own: freed slots that it keeps itself, a list that the cells know. */
	_Alignas(64) uint64_t own[HMI_SLOT_OWN];
};

/* A bank of slots that were never used; NULL: no memory. */
struct hmi_slot_bank *hmi_slot_bank_create(void);

/* NULL is allowed. */
void hmi_slot_bank_destroy(struct hmi_slot_bank *bank);

/* Make sure that there is memory for so many freed slots, so that no deposit ever fails. Returns 0 or -ENOMEM. */
int hmi_slot_bank_back(struct hmi_slot_bank *bank, uint32_t count);

/* Put freed slots aside for any lcore. */
void hmi_slot_bank_deposit(struct hmi_slot_bank *bank, const uint64_t *slots, uint32_t count);

/* Take up to `max` freed slots. Returns how many. */
uint32_t hmi_slot_bank_withdraw(struct hmi_slot_bank *bank, uint64_t *slots, uint32_t max);

/* Take up to `max` slots that were never used, and follow each other. Returns how many; *first is the lowest. */
uint32_t hmi_slot_bank_reserve(struct hmi_slot_bank *bank, uint32_t max, uint32_t *first);

#endif /* SLOT_BANK_PVT_H */
