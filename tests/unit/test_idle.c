/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What an idle lcore does, turn by turn.
 */
#include <criterion/criterion.h>

#include "idle_pvt.h"

#define TURNS_MAX 10000u
#define FOREVER   UINT64_MAX

static struct hmi_idle idle;
static uint32_t steps[HMI_IDLE_SLEEP + 1]; /* how often each came */

/* Turns without work until the lcore sleeps; TURNS_MAX: it never does. */
static uint32_t
turns_until_sleep(uint64_t until_ns)
{
	for (uint32_t turns = 1; turns < TURNS_MAX; turns++) {
		enum hmi_idle_step step = hmi_idle_next(&idle, until_ns);

		steps[step]++;
		if (step == HMI_IDLE_SLEEP)
			return turns;
	}
	return TURNS_MAX;
}

Test(idle, spin__never_gives_the_core_away)
{
	hmi_idle_init(&idle, HM_IDLE_SPIN, false);
	cr_assert_eq(turns_until_sleep(FOREVER), TURNS_MAX);
	cr_assert_eq(steps[HMI_IDLE_TURN], TURNS_MAX - 1);
}

Test(idle, pause__never_gives_the_core_away)
{
	hmi_idle_init(&idle, HM_IDLE_PAUSE, false);
	cr_assert_eq(turns_until_sleep(FOREVER), TURNS_MAX);
	cr_assert_eq(steps[HMI_IDLE_PAUSE], TURNS_MAX - 1);
}

Test(idle, yield__gives_the_core_away_every_turn)
{
	hmi_idle_init(&idle, HM_IDLE_YIELD, false);
	cr_assert_eq(turns_until_sleep(FOREVER), TURNS_MAX);
	cr_assert_eq(steps[HMI_IDLE_YIELD], TURNS_MAX - 1);
}

Test(idle, adaptive__spins_then_yields_then_sleeps)
{
	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	cr_assert_lt(turns_until_sleep(FOREVER), TURNS_MAX);
	cr_assert_gt(steps[HMI_IDLE_YIELD], 0);
	cr_assert_eq(hmi_idle_next(&idle, FOREVER), HMI_IDLE_SLEEP, "an lcore that sleeps goes on sleeping");
	/* Work that comes soon finds the core awake. */
	hmi_idle_reset(&idle);
	steps[HMI_IDLE_YIELD] = 0;
	for (uint32_t turn = 0; turn < 1000; turn++)
		steps[hmi_idle_next(&idle, FOREVER)]++;
	cr_assert_eq(steps[HMI_IDLE_SLEEP], 1);
	cr_assert_eq(steps[HMI_IDLE_YIELD], 0);
}

Test(idle, adaptive__timer_is_near_or_due)
{
	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	cr_assert_eq(turns_until_sleep(999), TURNS_MAX);
	cr_assert_eq(turns_until_sleep(0), TURNS_MAX);
	cr_assert_gt(steps[HMI_IDLE_YIELD], 0);
	cr_assert_lt(turns_until_sleep(1000000), 2);
}

/* With more lcores than cores, spinning takes time from those who have work. */
Test(idle, adaptive__crowded_gives_the_core_away_sooner)
{
	uint32_t alone;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	alone = turns_until_sleep(FOREVER);
	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, true);
	cr_assert_lt(turns_until_sleep(FOREVER), alone / 10);
}

Test(idle, poll__sleeps_grow_to_their_bound)
{
	uint64_t first_ns, last_ns = 0;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	first_ns = hmi_idle_poll_ns(&idle, FOREVER);
	cr_assert_lt(first_ns, HMI_IDLE_POLL_NS_MAX / 10);
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t ns = hmi_idle_poll_ns(&idle, FOREVER);

		cr_assert_geq(ns, last_ns);
		last_ns = ns;
	}
	cr_assert_eq(last_ns, HMI_IDLE_POLL_NS_MAX);
	cr_assert_eq(hmi_idle_poll_ns(&idle, 30000), 30000, "a timer is nearer");
	/* Work makes them short again. */
	hmi_idle_reset(&idle);
	(void)turns_until_sleep(FOREVER);
	cr_assert_eq(hmi_idle_poll_ns(&idle, FOREVER), first_ns);
}
