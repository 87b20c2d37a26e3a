/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How long a worker has been busy, as others see it.
 */
#include <criterion/criterion.h>

#include "busy_pvt.h"

TestSuite(busy);

Test(busy, ticks__grow_while_it_is_busy_and_stand_still_while_it_is_idle)
{
	struct hmi_busy busy = { 0 };

	cr_assert_eq(hmi_busy_ticks(&busy, 1000), 0);
	hmi_busy_end(&busy, 1000);
	cr_assert_eq(hmi_busy_ticks(&busy, 5000), 0);
	/* It was last found idle at 6,000. */
	hmi_busy_end(&busy, 6000);
	hmi_busy_begin(&busy);
	cr_assert_eq(hmi_busy_ticks(&busy, 6000), 0);
	cr_assert_eq(hmi_busy_ticks(&busy, 6001), 1);
	/* It hangs in a turn: all see that. */
	cr_assert_eq(hmi_busy_ticks(&busy, 9000), 3000);
	hmi_busy_end(&busy, 10000);
	cr_assert_eq(hmi_busy_ticks(&busy, 10000), 4000);
	cr_assert_eq(hmi_busy_ticks(&busy, 90000), 4000);
	hmi_busy_end(&busy, 90000);
	hmi_busy_begin(&busy);
	cr_assert_eq(hmi_busy_ticks(&busy, 90500), 4500);
	hmi_busy_end(&busy, 91000);
	cr_assert_eq(hmi_busy_ticks(&busy, 91000), 5000);
}

Test(busy, ticks__of_a_clock_that_is_behind)
{
	struct hmi_busy busy = { 0 };

	hmi_busy_end(&busy, 1000);
	hmi_busy_begin(&busy);
	cr_assert_eq(hmi_busy_ticks(&busy, 900), 0, "not before it has begun");
}

Test(busy, add__of_a_worker_outside_its_loop)
{
	struct hmi_busy busy = { 0 };

	hmi_busy_end(&busy, 1000);
	hmi_busy_add(&busy, 70);
	hmi_busy_add(&busy, 30);
	cr_assert_eq(hmi_busy_ticks(&busy, 5000), 100);
	hmi_busy_end(&busy, 5000);
	hmi_busy_begin(&busy);
	cr_assert_eq(hmi_busy_ticks(&busy, 5100), 200);
}
