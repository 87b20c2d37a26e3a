/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The time limit of a stage: how soon it is noticed, and what noticing costs.
 */
#include <criterion/criterion.h>

#include "deadline_pvt.h"

#define US 1000u

static uint64_t now_ns, reads;
static struct hmi_clock clock_of_test;
static struct hmi_deadline deadline;

static uint64_t
clock_read(void *arg)
{
	reads++;
	return *(const uint64_t *)arg;
}

static void
start(void)
{
	now_ns = 1000 * US;
	clock_of_test.read = clock_read;
	clock_of_test.arg = &now_ns;
	hmi_deadline_init(&deadline, HMI_DEADLINE_STEPS);
}

TestSuite(deadline, .init = start);

static void
stage_begin(uint32_t limit_us)
{
	hmi_deadline_begin(&deadline, limit_us);
	hmi_deadline_start(&deadline, &clock_of_test);
}

/* Steps of a length until the stage ends; returns how many. */
static uint32_t
stage(uint32_t limit_us, uint64_t step_ns)
{
	uint32_t steps = 0;

	stage_begin(limit_us);
	do {
		now_ns += step_ns;
		steps++;
	} while (!hmi_deadline_step(&deadline, &clock_of_test, 1));
	return steps;
}

Test(deadline, step__fast_ones_read_the_clock_rarely)
{
	stage_begin(50);
	for (unsigned int i = 0; i < 1600; i++) {
		now_ns += 10;
		cr_assert_not(hmi_deadline_step(&deadline, &clock_of_test, 1));
	}
	cr_assert_leq(reads, 1600 / HMI_DEADLINE_STEPS + 1);
}

/* The interval is one of steps, not of stages. */
Test(deadline, step__short_stages_of_fast_steps)
{
	for (unsigned int i = 0; i < 1600; i++) {
		stage_begin(50);
		now_ns += 10;
		cr_assert_not(hmi_deadline_step(&deadline, &clock_of_test, 1));
	}
	cr_assert_leq(reads, 3 * 1600 / HMI_DEADLINE_STEPS);
	cr_assert_eq(deadline.steps, HMI_DEADLINE_STEPS);
}

Test(deadline, step__short_stages_of_slow_steps_are_found)
{
	for (unsigned int i = 0; i < HMI_DEADLINE_STEPS + 1; i++) {
		stage_begin(50);
		now_ns += 100 * US;
		(void)hmi_deadline_step(&deadline, &clock_of_test, 1);
	}
	cr_assert_eq(deadline.steps, 1);
}

Test(deadline, step__of_a_microsecond_end_in_time)
{
	(void)stage(40, 1 * US);
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t begin_ns = now_ns;

		cr_assert_geq(stage(40, 1 * US), 40);
		cr_assert_leq(now_ns - begin_ns, (40 + 8) * US);
	}
}

/* The first stage has to learn it; then one step at most comes after the end. */
Test(deadline, step__slow_ones_are_looked_at_one_by_one)
{
	(void)stage(40, 30 * US);
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t begin_ns = now_ns;

		cr_assert_eq(stage(40, 30 * US), 2);
		cr_assert_eq(now_ns - begin_ns, 60 * US);
	}
}

Test(deadline, step__one_slower_than_the_stage_ends_it)
{
	(void)stage(40, 5000 * US);
	cr_assert_eq(stage(40, 5000 * US), 1);
}

/* The worst there is: what was fast turns slow. */
Test(deadline, step__from_fast_to_slow)
{
	uint64_t begin_ns;

	for (unsigned int i = 0; i < 100; i++)
		(void)stage(40, 20);
	begin_ns = now_ns;
	(void)stage(40, 10 * US);
	cr_assert_leq(now_ns - begin_ns, (40 + (HMI_DEADLINE_STEPS + 1) * 10) * US);
	begin_ns = now_ns;
	(void)stage(40, 10 * US);
	cr_assert_leq(now_ns - begin_ns, (40 + 10) * US);
}

Test(deadline, step__from_slow_to_fast)
{
	(void)stage(40, 100 * US);
	for (unsigned int i = 0; i < 4; i++)
		(void)stage(40, 20);
	cr_assert_eq(deadline.steps, HMI_DEADLINE_STEPS);
}

/* What was fast before a slow step does not count: the interval grows only when that many looks in a row were fast. */
Test(deadline, step__slow_now_and_then_stay_looked_at)
{
	(void)stage(40, 1000 * US);
	for (unsigned int i = 0; i < 100; i++) {
		stage_begin(1000);
		for (unsigned int k = 0; k < 5; k++) {
			now_ns += 20;
			(void)hmi_deadline_step(&deadline, &clock_of_test, 1);
		}
		now_ns += 30 * US;
		(void)hmi_deadline_step(&deadline, &clock_of_test, 1);
		cr_assert_eq(deadline.steps, 1, "after %u slow steps", i + 1);
	}
}

/* A mean would hide the one that is slow. */
Test(deadline, step__one_slow_among_fast_ones)
{
	(void)stage(40, 1000 * US);
	for (unsigned int i = 0; i < 100; i++) {
		stage_begin(40);
		for (unsigned int k = 0; k < 15; k++) {
			now_ns += 20;
			cr_assert_not(hmi_deadline_step(&deadline, &clock_of_test, 1));
		}
		now_ns += 1000 * US;
		if (!hmi_deadline_step(&deadline, &clock_of_test, 1)) {
			now_ns += 20;
			cr_assert(hmi_deadline_step(&deadline, &clock_of_test, 1));
		}
	}
}

Test(deadline, step__after_the_end_says_so_again)
{
	(void)stage(40, 1 * US);
	cr_assert(hmi_deadline_step(&deadline, &clock_of_test, 1));
	cr_assert(hmi_deadline_look(&deadline, &clock_of_test, 0));
	cr_assert(deadline.expired);
	stage_begin(40);
	cr_assert_not(deadline.expired);
	cr_assert_not(hmi_deadline_step(&deadline, &clock_of_test, 1));
}

Test(deadline, step__many_at_once)
{
	stage_begin(40);
	cr_assert_not(hmi_deadline_step(&deadline, &clock_of_test, 2 * HMI_DEADLINE_STEPS));
	cr_assert_eq(reads, 1);
	now_ns += 41 * US;
	cr_assert(hmi_deadline_step(&deadline, &clock_of_test, 32));
}

/* A clock that stands still, as in a stepped system, ends no stage. */
Test(deadline, step__clock_that_stands_still)
{
	stage_begin(40);
	for (unsigned int i = 0; i < 100000; i++)
		cr_assert_not(hmi_deadline_step(&deadline, &clock_of_test, 1));
}

/* An lcore that polls an empty port begins a million stages a second. */
Test(deadline, begin__without_work_reads_no_clock_however_slow_steps_were)
{
	uint32_t before;

	stage(40, 100 * US);
	cr_assert(hmi_deadline_is_tight(&deadline));
	before = reads;
	for (unsigned int i = 0; i < 100; i++)
		hmi_deadline_begin(&deadline, 40);
	cr_assert_eq(reads, before);
}
