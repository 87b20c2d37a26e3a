/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The interrupt guard: EAL's interrupt thread is blocked from when the guard is held until it is released.
 */
#include <stdatomic.h>

#include <criterion/criterion.h>
#include <rte_alarm.h>
#include <rte_cycles.h>

#include "guard_pvt.h"
#include "hmt_eal.h"

#define TRIES_MAX 5000u

static void
eal_start(void)
{
	hmt_eal_start_with(1, 32);
}

TestSuite(net_guard, .init = eal_start, .timeout = 60);

/* An alarm's callback: the interrupt thread has come by. */
static void
came_by(void *count)
{
	atomic_fetch_add_explicit((_Atomic unsigned int *)count, 1, memory_order_relaxed);
}

/* Let the interrupt thread come by, if it can. */
static void
alarm_set(_Atomic unsigned int *count)
{
	cr_assert_eq(rte_eal_alarm_set(1, came_by, (void *)(uintptr_t)count), 0);
}

/* Whether the interrupt thread has come by so often, given time. */
static bool
comes_by(_Atomic unsigned int *count, unsigned int times)
{
	for (unsigned int i = 0; i < TRIES_MAX; i++) {
		if (atomic_load_explicit(count, memory_order_relaxed) == times)
			return true;
		rte_delay_us_sleep(1000);
	}
	return false;
}

Test(net_guard, init__is_released)
{
	struct hmi_guard guard;

	cr_assert_eq(hmi_guard_init(&guard), 0);
	cr_assert_not(hmi_guard_is_held(&guard));
	hmi_guard_fini(&guard);
}

Test(net_guard, wait__holds_the_interrupt_thread_until_it_is_released)
{
	_Atomic unsigned int count = 0;
	struct hmi_guard guard;

	cr_assert_eq(hmi_guard_init(&guard), 0);
	cr_assert(hmi_guard_wait(&guard));
	cr_assert(hmi_guard_is_held(&guard));
	alarm_set(&count);
	/* Time enough for an alarm of a microsecond. */
	rte_delay_us_sleep(20000);
	cr_assert_eq(count, 0);
	hmi_guard_release(&guard);
	cr_assert_not(hmi_guard_is_held(&guard));
	cr_assert(comes_by(&count, 1));
	hmi_guard_fini(&guard);
}

Test(net_guard, wait__of_one_that_is_held_is_at_once)
{
	struct hmi_guard guard;

	cr_assert_eq(hmi_guard_init(&guard), 0);
	cr_assert(hmi_guard_wait(&guard));
	cr_assert(hmi_guard_wait(&guard));
	cr_assert(hmi_guard_request(&guard));
	cr_assert(hmi_guard_is_held(&guard));
	/* One release is enough: none of the three asked for another turn of the thread. */
	hmi_guard_release(&guard);
	for (unsigned int i = 0; i < 20; i++) {
		cr_assert_not(hmi_guard_is_held(&guard));
		rte_delay_us_sleep(1000);
	}
	hmi_guard_fini(&guard);
}

Test(net_guard, request__again_and_again)
{
	_Atomic unsigned int count = 0;
	struct hmi_guard guard;

	cr_assert_eq(hmi_guard_init(&guard), 0);
	for (unsigned int round = 1; round <= 20; round++) {
		cr_assert(hmi_guard_request(&guard));
		for (unsigned int i = 0; i < TRIES_MAX && !hmi_guard_is_held(&guard); i++)
			rte_delay_us_sleep(100);
		cr_assert(hmi_guard_is_held(&guard), "round %u", round);
		alarm_set(&count);
		hmi_guard_release(&guard);
		cr_assert(comes_by(&count, round), "round %u", round);
	}
	hmi_guard_fini(&guard);
}

Test(net_guard, fini__in_each_state_lets_the_thread_go)
{
	_Atomic unsigned int count = 0;

	for (unsigned int state = 0; state < 3; state++) {
		struct hmi_guard guard;

		cr_assert_eq(hmi_guard_init(&guard), 0);
		if (state == 1)
			cr_assert(hmi_guard_request(&guard));
		else if (state == 2)
			cr_assert(hmi_guard_wait(&guard));
		hmi_guard_fini(&guard);
		alarm_set(&count);
		cr_assert(comes_by(&count, state + 1), "state %u", state);
	}
}
