/* SPDX-License-Identifier: Apache-2.0 */
#include "quantum_pvt.h"

#include <rte_common.h>

uint32_t
hmi_quantum_next(uint32_t steps, uint32_t done, uint64_t ticks, uint64_t limit_ticks, uint32_t steps_max)
{
	if (ticks > limit_ticks)
		return (uint32_t)RTE_MAX(done * limit_ticks / ticks, 1u);
	if (done == steps && 2 * ticks <= limit_ticks)
		return RTE_MIN(2 * steps, steps_max);
	return steps;
}
