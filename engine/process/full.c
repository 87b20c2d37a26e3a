/* SPDX-License-Identifier: Apache-2.0 */
#include "full_pvt.h"

void
hmi_full_add(struct hmi_full *full, uint64_t local)
{
	for (uint32_t i = 0; i < HMI_FULL_MAX; i++) {
		uint64_t place = 0;

		if (atomic_compare_exchange_strong_explicit(&full->locals[i], &place, local,
							    memory_order_relaxed, memory_order_relaxed)) {
			atomic_fetch_add_explicit(&full->count, 1, memory_order_relaxed);
			return;
		}
	}
}

void
hmi_full_remove(struct hmi_full *full, uint64_t local)
{
	for (uint32_t i = 0; i < HMI_FULL_MAX; i++) {
		if (atomic_load_explicit(&full->locals[i], memory_order_relaxed) != local)
			continue;
		/* Nobody else adds or removes it: an actor is of one lcore. */
		atomic_store_explicit(&full->locals[i], 0, memory_order_relaxed);
		atomic_fetch_sub_explicit(&full->count, 1, memory_order_relaxed);
		return;
	}
}

bool
hmi_full_has(const struct hmi_full *full, uint64_t local)
{
	if (atomic_load_explicit(&full->count, memory_order_relaxed) == 0)
		return false;
	for (uint32_t i = 0; i < HMI_FULL_MAX; i++) {
		if (atomic_load_explicit(&full->locals[i], memory_order_relaxed) == local)
			return true;
	}
	return false;
}
