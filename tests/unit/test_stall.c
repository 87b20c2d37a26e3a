/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a worker that does not move is news, and what a thread is seen to do.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "stall_pvt.h"

#define MS    1000000u
#define LIMIT (100u * MS)
#define LOOK  (25u * MS)

static struct hmi_stall
stall_made(void)
{
	struct hmi_stall stall;

	hmi_stall_init(&stall, LIMIT);
	cr_assert_eq(hmi_stall_interval_ns(&stall), LOOK);
	/* Turns that it has not seen before. */
	cr_assert_eq(hmi_stall_look(&stall, 7, false, LOOK), HMI_STALL_NONE);
	return stall;
}

/* Looks in a row at which nothing has moved; the news of the last one, and none before. */
static enum hmi_stall_news
looks(struct hmi_stall *stall, uint32_t count)
{
	for (; count > 1; count--)
		cr_assert_eq(hmi_stall_look(stall, 7, false, LOOK), HMI_STALL_NONE);
	return hmi_stall_look(stall, 7, false, LOOK);
}

Test(stall, look__begins_at_the_limit_and_comes_back_ever_more_rarely)
{
	struct hmi_stall stall = stall_made();

	cr_expect_eq(looks(&stall, 4), HMI_STALL_BEGAN);
	cr_expect_eq(stall.held_ns, LIMIT);
	cr_expect_eq(looks(&stall, 4), HMI_STALL_GOES_ON);
	cr_expect_eq(looks(&stall, 8), HMI_STALL_GOES_ON);
	cr_expect_eq(looks(&stall, 16), HMI_STALL_GOES_ON);
	cr_expect_eq(stall.held_ns, 8 * LIMIT);
}

Test(stall, look__below_the_limit_is_none)
{
	struct hmi_stall stall = stall_made();

	for (uint64_t turns = 8; turns < 100; turns++) {
		for (int i = 0; i < 3; i++)
			cr_assert_eq(hmi_stall_look(&stall, turns - 1, false, LOOK), HMI_STALL_NONE);
		cr_assert_eq(hmi_stall_look(&stall, turns, false, LOOK), HMI_STALL_NONE);
		cr_assert_eq(stall.held_ns, 0);
	}
}

Test(stall, look__idle_is_none_however_long)
{
	struct hmi_stall stall = stall_made();

	for (int i = 0; i < 100; i++)
		cr_assert_eq(hmi_stall_look(&stall, 7, true, LOOK), HMI_STALL_NONE);
	/* Its time counts from the last look at which it slept. */
	cr_expect_eq(looks(&stall, 4), HMI_STALL_BEGAN);
	cr_expect_eq(stall.held_ns, LIMIT);
}

Test(stall, look__ends_when_turns_move_or_when_it_sleeps)
{
	struct hmi_stall stall = stall_made();

	cr_assert_eq(looks(&stall, 4), HMI_STALL_BEGAN);
	cr_assert_eq(looks(&stall, 1), HMI_STALL_NONE);
	cr_expect_eq(hmi_stall_look(&stall, 8, false, LOOK), HMI_STALL_ENDED);
	cr_expect_eq(stall.lasted_ns, LIMIT + LOOK);
	cr_expect_eq(hmi_stall_look(&stall, 7, false, LOOK), HMI_STALL_NONE);
	/* The next one is another one, from the beginning. */
	cr_assert_eq(looks(&stall, 4), HMI_STALL_BEGAN);
	cr_expect_eq(hmi_stall_look(&stall, 7, true, LOOK), HMI_STALL_ENDED);
	cr_expect_eq(stall.lasted_ns, LIMIT);
	cr_expect_eq(hmi_stall_look(&stall, 7, true, LOOK), HMI_STALL_NONE);
}

/* The process was stopped for an hour, and with it who looks. */
Test(stall, look__of_a_long_gap_little_counts)
{
	struct hmi_stall stall = stall_made();

	cr_expect_eq(hmi_stall_look(&stall, 7, false, 3600000ull * MS), HMI_STALL_NONE);
	cr_expect_eq(stall.held_ns, 2 * LOOK);
	/* But a watcher that is always late finds it all the same. */
	cr_expect_eq(hmi_stall_look(&stall, 7, false, 10 * LIMIT), HMI_STALL_BEGAN);
}

Test(stall, interval__of_a_short_limit_is_no_shorter_than_a_millisecond)
{
	struct hmi_stall stall;

	hmi_stall_init(&stall, MS);
	cr_expect_eq(hmi_stall_interval_ns(&stall), MS);
	cr_expect_eq(hmi_stall_look(&stall, 0, false, MS), HMI_STALL_BEGAN);
	cr_expect_eq(hmi_stall_look(&stall, 0, false, MS), HMI_STALL_GOES_ON);
	hmi_stall_init(&stall, 4 * MS);
	cr_expect_eq(hmi_stall_interval_ns(&stall), MS);
}

/* ---- What a thread does ------------------------------------------------------------------ */

Test(stall, does__by_its_share_of_a_core)
{
	cr_expect_eq(hmi_thread_does('R', 100), HMI_THREAD_COMPUTES);
	cr_expect_eq(hmi_thread_does('R', 50), HMI_THREAD_COMPUTES);
	cr_expect_eq(hmi_thread_does('R', 49), HMI_THREAD_READY);
	cr_expect_eq(hmi_thread_does('R', UINT32_MAX), HMI_THREAD_COMPUTES);
	/* A short wait at the moment of the look does not count. */
	cr_expect_eq(hmi_thread_does('S', 50), HMI_THREAD_COMPUTES);
	cr_expect_eq(hmi_thread_does('S', 49), HMI_THREAD_WAITS);
	cr_expect_eq(hmi_thread_does('S', UINT32_MAX), HMI_THREAD_WAITS);
	cr_expect_eq(hmi_thread_does('D', 0), HMI_THREAD_WAITS);
	cr_expect_eq(hmi_thread_does('t', 0), HMI_THREAD_UNKNOWN);
	cr_expect_eq(hmi_thread_does('\0', 0), HMI_THREAD_UNKNOWN);
}

static int wait_pipe[2];
static _Atomic pid_t waiter_id;

static void *
waiter_main(void *arg)
{
	char byte;

	/* What ends the name in /proc/PID/stat stands in it, too. */
	pthread_setname_np(pthread_self(), "a) S (b) R c");
	waiter_id = gettid();
	(void)!read(wait_pipe[0], &byte, 1);
	return arg;
}

Test(stall, look__at_a_thread_that_waits)
{
	struct hmi_thread_look look;
	pthread_t thread;
	clockid_t clock;

	cr_assert_eq(pipe(wait_pipe), 0);
	cr_assert_eq(pthread_create(&thread, NULL, waiter_main, NULL), 0);
	cr_assert_eq(pthread_getcpuclockid(thread, &clock), 0);
	do {
		hmi_thread_look(waiter_id, clock, &look);
	} while (look.state != 'S');
	cr_expect_gt(look.cpu_ns, 0);
	cr_expect_str_neq(look.wait, "0");
	cr_assert_eq(write(wait_pipe[1], "x", 1), 1);
	pthread_join(thread, NULL);
}

Test(stall, look__at_itself)
{
	struct hmi_thread_look before, after;

	hmi_thread_look(gettid(), CLOCK_THREAD_CPUTIME_ID, &before);
	do {
		hmi_thread_look(gettid(), CLOCK_THREAD_CPUTIME_ID, &after);
	} while (after.cpu_ns < before.cpu_ns + MS);
	cr_expect_eq(after.state, 'R');
	cr_expect_str_empty(after.wait);
}

Test(stall, look__at_no_thread)
{
	struct hmi_thread_look look = { .cpu_ns = 1, .state = 'x', .wait = "x" };

	hmi_thread_look(0, -1, &look);
	cr_expect_eq(look.state, '\0');
	cr_expect_eq(look.cpu_ns, 0);
	cr_expect_str_empty(look.wait);
}
