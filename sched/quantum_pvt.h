/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QUANTUM_PVT_H
#define QUANTUM_PVT_H

/*
 * The quantum of time of one runnable: how many steps its next turn may take, so that the turn lasts no longer.
 *
 *     turn of `steps` steps ──▶ what it took ──▶ steps of the next turn
 *
 * The clock is read twice in a turn, not at each step. It begins with one step; as long as turns take less than half of the
 * quantum, the next one may take twice as many steps.
 *
 * Limits: a turn exceeds the quantum by part of a step where steps are alike. Where they turn slow, it is exceeded
 *         once, by as many steps as took half of it before.
 */

#include <stdint.h>

/* Of a runnable that has not run yet. */
#define HMI_QUANTUM_STEPS_FIRST 1u

/* Steps of the next turn, 1 to `steps_max`, after one that was allowed `steps`, made `done`, and took `ticks`. */
uint32_t hmi_quantum_next(uint32_t steps, uint32_t done, uint64_t ticks, uint64_t limit_ticks,
			  uint32_t steps_max);

#endif /* QUANTUM_PVT_H */
