/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What an idle lcore does, told by what it asks of the kernel, not by how long that takes:
 * nanosleep and sched_yield are this file's own.
 */
#include <sched.h>
#include <time.h>

#include <criterion/criterion.h>

#include "idle_pvt.h"
#include "rcu_pvt.h"

#define SLEEP_NS_MAX 100000
#define TURNS_MAX    10000u
#define FOREVER      UINT64_MAX

static struct {
	uint32_t yields;
	uint32_t sleeps;
	int64_t last_ns, longest_ns;
} asked;

int
nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	asked.sleeps++;
	asked.last_ns = time->tv_sec * 1000000000ll + time->tv_nsec;
	if (asked.last_ns > asked.longest_ns)
		asked.longest_ns = asked.last_ns;
	return 0;
}

int
sched_yield(void)
{
	asked.yields++;
	return 0;
}

/* To go offline a thread must be a reader. */
static void
idle_start(void)
{
	hmi_rcu_enter();
}

static void
idle_end(void)
{
	hmi_rcu_leave();
}

TestSuite(idle, .init = idle_start, .fini = idle_end);

/* Turns without work until the lcore sleeps; TURNS_MAX: it never does. */
static uint32_t
turns_until_sleep(struct hmi_idle *idle, uint64_t until_ns)
{
	uint32_t turns = 0, before = asked.sleeps;

	while (asked.sleeps == before && turns < TURNS_MAX) {
		hmi_idle_wait(idle, until_ns);
		turns++;
	}
	return turns;
}

Test(idle, spin__never_gives_the_core_away)
{
	struct hmi_idle idle;

	hmi_idle_init(&idle, HM_IDLE_SPIN, false);
	cr_assert_eq(turns_until_sleep(&idle, FOREVER), TURNS_MAX);
	cr_assert_eq(asked.yields, 0);
}

Test(idle, pause__never_gives_the_core_away)
{
	struct hmi_idle idle;

	hmi_idle_init(&idle, HM_IDLE_PAUSE, false);
	cr_assert_eq(turns_until_sleep(&idle, FOREVER), TURNS_MAX);
	cr_assert_eq(asked.yields, 0);
}

Test(idle, yield__gives_the_core_away_every_turn)
{
	struct hmi_idle idle;

	hmi_idle_init(&idle, HM_IDLE_YIELD, false);
	cr_assert_eq(turns_until_sleep(&idle, FOREVER), TURNS_MAX);
	cr_assert_eq(asked.yields, TURNS_MAX);
}

Test(idle, adaptive__spins_then_yields_then_sleeps)
{
	struct hmi_idle idle;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	cr_assert_lt(turns_until_sleep(&idle, FOREVER), TURNS_MAX);
	cr_assert_gt(asked.yields, 0);
	/* Work that comes soon finds the core awake. */
	hmi_idle_reset(&idle);
	asked.yields = 0;
	for (uint32_t turn = 0; turn < 1000; turn++)
		hmi_idle_wait(&idle, FOREVER);
	cr_assert_eq(asked.sleeps, 1);
	cr_assert_eq(asked.yields, 0);
}

Test(idle, adaptive__sleeps_grow_to_their_bound)
{
	struct hmi_idle idle;
	int64_t first_ns;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	turns_until_sleep(&idle, FOREVER);
	first_ns = asked.last_ns;
	for (uint32_t turn = 0; turn < 1000; turn++)
		hmi_idle_wait(&idle, FOREVER);
	cr_assert_eq(asked.sleeps, 1001, "an lcore that sleeps goes on sleeping");
	cr_assert_lt(first_ns, SLEEP_NS_MAX);
	cr_assert_eq(asked.last_ns, SLEEP_NS_MAX);
	cr_assert_eq(asked.longest_ns, SLEEP_NS_MAX);
}

Test(idle, adaptive__work_makes_sleeps_short_again)
{
	struct hmi_idle idle;
	int64_t first_ns;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	turns_until_sleep(&idle, FOREVER);
	first_ns = asked.last_ns;
	for (uint32_t turn = 0; turn < 100; turn++)
		hmi_idle_wait(&idle, FOREVER);
	hmi_idle_reset(&idle);
	turns_until_sleep(&idle, FOREVER);
	cr_assert_eq(asked.last_ns, first_ns);
}

Test(idle, adaptive__sleep_ends_before_the_next_timer)
{
	struct hmi_idle idle;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	for (uint32_t turn = 0; turn < TURNS_MAX; turn++)
		hmi_idle_wait(&idle, 30000);
	cr_assert_gt(asked.sleeps, 0);
	cr_assert_eq(asked.longest_ns, 30000);
}

Test(idle, adaptive__timer_is_near_or_due)
{
	struct hmi_idle idle;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	cr_assert_eq(turns_until_sleep(&idle, 999), TURNS_MAX);
	cr_assert_eq(turns_until_sleep(&idle, 0), TURNS_MAX);
	cr_assert_gt(asked.yields, 0);
}

/* With more lcores than cores, spinning takes time from those who have work. */
Test(idle, adaptive__crowded_gives_the_core_away_sooner)
{
	struct hmi_idle idle;
	uint32_t alone, crowded;

	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, false);
	alone = turns_until_sleep(&idle, FOREVER);
	hmi_idle_init(&idle, HM_IDLE_ADAPTIVE, true);
	asked.yields = 0;
	crowded = turns_until_sleep(&idle, FOREVER);
	cr_assert_lt(crowded, alone / 10);
	cr_assert_gt(asked.yields, 0);
}
