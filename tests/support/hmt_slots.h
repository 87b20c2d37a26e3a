/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_SLOTS_H
#define HMT_SLOTS_H

/**
 * @file
 * An lcore without slots.
 */

#include "cell_pvt.h"

/** What an lcore had. */
struct hmt_slots {
	uint32_t fresh, fresh_end, free_count, bank_next;
};

/** As if every slot were taken. @return what is to be given back */
static inline struct hmt_slots
hmt_slots_use_all(struct hmi_cells *cells)
{
	struct hmt_slots slots = { cells->fresh, cells->fresh_end, cells->free_count, cells->bank->next };

	cells->bank->next = HM_SLOTS_MAX;
	cells->fresh = cells->fresh_end = HM_SLOTS_MAX;
	cells->free_count = 0;
	return slots;
}

/** There are slots again. */
static inline void
hmt_slots_give_back(struct hmi_cells *cells, const struct hmt_slots *slots)
{
	cells->fresh = slots->fresh;
	cells->fresh_end = slots->fresh_end;
	cells->bank->next = slots->bank_next;
	cells->free_count = slots->free_count;
}

#endif /* HMT_SLOTS_H */
