/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_bank_pvt.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <rte_common.h>
#include <rte_pause.h>

#include "assert_pvt.h"
#include "hm_pid.h"
#include "memory_pvt.h"

#define LIST_BYTES ((size_t)HM_SLOTS_MAX * sizeof(uint64_t))
/* Places of the list that get their memory together. */
#define LIST_CHUNK (uint32_t)(HMI_HUGEPAGE_BYTES / sizeof(uint64_t))
/* How often to look at a taken lock before the core is yielded. */
#define LOCK_SPINS 100u

struct hmi_slot_bank *
hmi_slot_bank_create(void)
{
	struct hmi_slot_bank *bank = hmi_memory_map_small(sizeof(*bank));

	if (bank == NULL)
		return NULL;
	bank->slots = hmi_memory_reserve(LIST_BYTES);
	if (bank->slots != NULL)
		return bank;
	hmi_slot_bank_destroy(bank);
	return NULL;
}

void
hmi_slot_bank_destroy(struct hmi_slot_bank *bank)
{
	if (bank == NULL)
		return;
	hmi_memory_release(bank->slots, LIST_BYTES);
	hmi_memory_unmap_small(bank, sizeof(*bank));
}

static void
lock(struct hmi_slot_bank *bank)
{
	uint32_t looks = 0;

	while (atomic_exchange_explicit(&bank->lock, 1, memory_order_acquire) != 0) { /* B1 */
		while (atomic_load_explicit(&bank->lock, memory_order_relaxed) != 0) {
			if (++looks % LOCK_SPINS == 0)
				sched_yield();
			else
				rte_pause();
		}
	}
}

static void
unlock(struct hmi_slot_bank *bank)
{
	atomic_store_explicit(&bank->lock, 0, memory_order_release); /* B1 */
}

int
hmi_slot_bank_back(struct hmi_slot_bank *bank, uint32_t count)
{
	for (; bank->backed < count; bank->backed += LIST_CHUNK) {
		if (hmi_memory_commit_small(bank->slots + bank->backed, HMI_HUGEPAGE_BYTES) != 0)
			return -ENOMEM;
	}
	return 0;
}

void
hmi_slot_bank_deposit(struct hmi_slot_bank *bank, const uint64_t *slots, uint32_t count)
{
	uint32_t before;

	lock(bank);
	before = atomic_load_explicit(&bank->count, memory_order_relaxed);
	HMI_ASSERT(before + count <= bank->backed);
	memcpy(bank->slots + before, slots, count * sizeof(*slots));
	atomic_store_explicit(&bank->count, before + count, memory_order_relaxed);
	unlock(bank);
}

uint32_t
hmi_slot_bank_withdraw(struct hmi_slot_bank *bank, uint64_t *slots, uint32_t max)
{
	uint32_t before, count;

	/* Mostly there are none; who misses the first ones takes others. */
	if (atomic_load_explicit(&bank->count, memory_order_relaxed) == 0)
		return 0;
	lock(bank);
	before = atomic_load_explicit(&bank->count, memory_order_relaxed);
	count = RTE_MIN(before, max);
	memcpy(slots, bank->slots + before - count, count * sizeof(*slots));
	atomic_store_explicit(&bank->count, before - count, memory_order_relaxed);
	unlock(bank);
	return count;
}

uint32_t
hmi_slot_bank_reserve(struct hmi_slot_bank *bank, uint32_t max, uint32_t *first)
{
	uint32_t next = atomic_load_explicit(&bank->next, memory_order_relaxed), count;

	do
		count = RTE_MIN(max, HM_SLOTS_MAX - next);
	while (count > 0 &&
	       !atomic_compare_exchange_weak_explicit(&bank->next, &next, next + count, memory_order_relaxed,
						      memory_order_relaxed));
	*first = next;
	return count;
}
