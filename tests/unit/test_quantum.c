/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How many steps a runnable's next turn may take, by what the last one took.
 */
#include <criterion/criterion.h>

#include "quantum_pvt.h"

#define MAX 64u

TestSuite(quantum);

/* Turns of steps that all take so long, until nothing changes any more; each checked. Returns the steps. */
static uint32_t
settle(uint32_t steps, uint64_t step_ticks, uint64_t limit_ticks)
{
	for (uint32_t turn = 0; turn < 20; turn++)
		steps = hmi_quantum_next(steps, steps, steps * step_ticks, limit_ticks, MAX);
	return steps;
}

Test(quantum, next__doubles_up_to_half_of_the_quantum)
{
	cr_assert_eq(hmi_quantum_next(1, 1, 10, 100, MAX), 2);
	cr_assert_eq(hmi_quantum_next(4, 4, 50, 100, MAX), 8);
	cr_assert_eq(hmi_quantum_next(4, 4, 51, 100, MAX), 4);
	cr_assert_eq(hmi_quantum_next(4, 4, 100, 100, MAX), 4);
	cr_assert_eq(hmi_quantum_next(32, 32, 0, 100, MAX), MAX);
	cr_assert_eq(hmi_quantum_next(48, 48, 0, 100, MAX), MAX);
	cr_assert_eq(hmi_quantum_next(MAX, MAX, 0, 100, MAX), MAX);
}

/* A turn that had less to do says nothing of what a whole one would take. */
Test(quantum, next__stays_after_a_turn_with_little_to_do)
{
	cr_assert_eq(hmi_quantum_next(8, 7, 1, 100, MAX), 8);
	cr_assert_eq(hmi_quantum_next(8, 1, 100, 100, MAX), 8);
}

Test(quantum, next__shrinks_to_what_fits)
{
	cr_assert_eq(hmi_quantum_next(8, 8, 101, 100, MAX), 7);
	cr_assert_eq(hmi_quantum_next(64, 64, 6400, 100, MAX), 1);
	cr_assert_eq(hmi_quantum_next(64, 10, 200, 100, MAX), 5);
	/* One step alone is longer. */
	cr_assert_eq(hmi_quantum_next(1, 1, 1000000, 100, MAX), 1);
	cr_assert_eq(hmi_quantum_next(64, 64, UINT64_MAX, 100, MAX), 1);
}

Test(quantum, next__turns_of_like_steps_keep_to_the_quantum)
{
	for (uint64_t step = 1; step < 300; step++) {
		uint32_t slow = settle(1, step, 100), fast = settle(MAX, step, 100);

		cr_assert(slow == 1 || slow * step <= 100, "%lu ticks: %u steps", step, slow);
		cr_assert(fast == 1 || fast * step <= 100, "%lu ticks: %u steps", step, fast);
		/* And use at least half of it, as far as steps allow. */
		cr_assert(slow == MAX || 2 * (slow + 1) * step > 100, "%lu ticks: %u steps", step, slow);
	}
}
