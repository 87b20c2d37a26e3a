/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lcores that hang, and what is in the way of telling it: they do not answer, or have lost their stack; systems start, stop
 * and sleep beside.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "hm_move.h"
#include "hmt_shortage.h"
#include "hmt_stalls.h"

static void
three_lcores_start(void)
{
	hmt_eal_start_with(3, 64);
}

TestSuite(engine_stall_edges, .init = three_lcores_start);

/* ---- An lcore that does not answer ------------------------------------------------------- */

static HMT_NAMED void
spin_deaf_until_told(struct hmt_stalls *told)
{
	hmt_signals_mask(SIG_BLOCK);
	hmt_stalls_await(told, HM_STALL_BEGAN, 1);
	cr_assert_eq(told->with_backtrace, 0);
	hmt_signals_mask(SIG_UNBLOCK);
	while (told->with_backtrace == 0)
		;
}

/* Its actor is told at once, as is known from outside; the rest when it answers. */
Test(engine_stall_edges, told__late_when_the_lcore_answers_late)
{
	static struct hmt_stalls told;
	const struct hmt_stall_report *began = &told.reports[HM_STALL_BEGAN],
				      *on = &told.reports[HM_STALL_GOES_ON];

	hmt_stalls_start(&told, 1, spin_deaf_until_told);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	cr_expect_null(began->stall.backtrace);
	cr_expect_str_eq(began->path, "/user/hanging");
	cr_expect_eq(began->stall.type, 0);
	cr_expect_eq(on->stall.type, HMT_HANG);
	cr_expect_not_null(on->stall.backtrace);
	if (hmt_has_names())
		cr_expect_not_null(strstr(on->backtrace, " spin_deaf_until_told+"), "%s", on->backtrace);
	hmt_stalls_end(&told);
}

static uint64_t
moved(const struct hmt_stalls *told)
{
	struct hm_stats stats;

	hm_system_stats(told->sys, &stats);
	return stats.moved;
}

/* It has another PID than the slot that it is in. */
Test(engine_stall_edges, told__of_an_actor_that_has_moved)
{
	static struct hmt_stalls told;
	struct hmt_hang hang = { spin_deaf_until_told, &told };
	const struct hmt_stall_report *began = &told.reports[HM_STALL_BEGAN];

	hmt_stalls_make(&told, 2);
	cr_assert_eq(hm_system_spawn(told.sys, &hmt_hang_props[1], "hanging", NULL, &told.actor), 0);
	cr_assert_eq(hm_system_start(told.sys), 0);
	cr_assert_eq(hm_system_move(told.sys, told.actor, 0), 0);
	while (moved(&told) == 0)
		sched_yield();
	cr_assert_eq(hm_system_send(told.sys, told.actor, HMT_HANG, &hang), HM_OK);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	cr_expect_eq(began->stall.lcore_index, 0);
	cr_expect(hm_pid_equal(began->stall.actor, told.actor));
	cr_expect_str_eq(began->path, "/user/hanging");
	cr_expect(hm_pid_equal(told.reports[HM_STALL_GOES_ON].stall.actor, told.actor));
	hmt_stalls_end(&told);
}

static void
spin_deaf(struct hmt_stalls *told)
{
	hmt_signals_mask(SIG_BLOCK);
	hmt_stalls_await(told, HM_STALL_BEGAN, 1);
}

/* The signal stays under way when the system is gone, and reaches the thread when it runs another one. */
Test(engine_stall_edges, stop__beside_a_signal_that_nobody_has_taken)
{
	static struct hmt_stalls told, next;

	hmt_stalls_start(&told, 1, spin_deaf);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	hmt_stalls_end(&told);
	hmt_stalls_start(&next, 1, hmt_spin_until_told);
	hmt_stalls_await(&next, HM_STALL_ENDED, 1);
	cr_expect_eq(told.with_backtrace, 0);
	cr_expect_str_eq(hmt_stalls_answered(&next)->path, "/user/hanging");
	hmt_stalls_end(&next);
}

/* ---- A stack that cannot be walked --------------------------------------------------------- */

#ifdef __x86_64__
static int lost_end;

/* Loops without a stack: what a damaged one looks like to the walk. */
static HMT_NAMED void
spin_lost(struct hmt_stalls *told)
{
	(void)told;
	__asm__ volatile("movq %%rsp, %%r12\n\t"
			 "movq %%rbp, %%r13\n\t"
			 "movq $64, %%rsp\n\t"
			 "movq $64, %%rbp\n"
			 "1:\tcmpl $0, (%0)\n\t"
			 "je 1b\n\t"
			 "movq %%r12, %%rsp\n\t"
			 "movq %%r13, %%rbp"
			 :
			 : "r"(&lost_end)
			 : "r12", "r13", "memory", "cc");
}

static void
lost_tell(void *arg, const struct hm_stall *stall)
{
	hmt_stalls_tell(arg, stall);
	if (stall->backtrace != NULL)
		__atomic_store_n(&lost_end, 1, __ATOMIC_RELAXED);
}

/* The fault of the walk is not the actor's: what is told has one frame, and all else goes on. */
Test(engine_stall_edges, told__of_an_lcore_whose_stack_is_damaged)
{
	static struct hmt_stalls told;
	const struct hmt_stall_report *began;
	struct hm_stats stats;

	hmt_stalls_make(&told, 1);
	told.sys->on_stall = lost_tell;
	hmt_hang_spawn(&told, &hmt_hang_props[0], "lost", spin_lost);
	cr_assert_eq(hm_system_start(told.sys), 0);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	began = hmt_stalls_answered(&told);
	cr_expect_str_eq(began->path, "/user/lost");
	cr_expect_eq(strchr(began->backtrace, '\n'), began->backtrace + strlen(began->backtrace) - 1, "%s",
		     began->backtrace);
	if (hmt_has_names())
		cr_expect_not_null(strstr(began->backtrace, " spin_lost+"), "%s", began->backtrace);
	hm_system_stats(told.sys, &stats);
	cr_expect_eq(stats.failed, 0);
	hmt_stalls_end(&told);
}
#endif

/* ---- Start and stop ------------------------------------------------------------------------ */

static _Atomic bool may_end;

static HMT_NAMED void
spin_until_it_may_end(struct hmt_stalls *told)
{
	(void)told;
	while (!may_end)
		;
}

Test(engine_stall_edges, stop__while_an_lcore_hangs)
{
	static struct hmt_stalls told;

	hmt_stalls_start(&told, 2, spin_until_it_may_end);
	/* On a busy machine the lcore may hang before it runs the actor, and then that has begun without it. */
	hmt_stalls_await(&told, HM_STALL_GOES_ON, 1);
	hm_system_stop(told.sys);
	hmt_stalls_await(&told, HM_STALL_GOES_ON, hmt_stalls_count(&told, HM_STALL_GOES_ON) + 1);
	may_end = true;
	cr_assert_eq(hm_system_join(told.sys), 0);
	/* The end is told by then. */
	cr_expect_eq(hmt_stalls_count(&told, HM_STALL_ENDED), 1);
	hmt_books_check(told.sys);
	hmt_system_free(told.sys);
}

/* One system's end takes neither the signal nor the reports of the other one away. */
Test(engine_stall_edges, told__of_systems_side_by_side)
{
	static struct hmt_stalls a, b;

	hmt_stalls_start(&a, 1, spin_until_it_may_end);
	hmt_stalls_start(&b, 1, hmt_spin_on_and_on);
	hmt_stalls_await(&a, HM_STALL_BEGAN, 1);
	hmt_stalls_await(&b, HM_STALL_ENDED, 1);
	cr_expect_str_eq(hmt_stalls_answered(&b)->path, "/user/hanging");
	hm_system_stop(b.sys);
	cr_assert_eq(hm_system_join(b.sys), 0);
	hm_system_destroy(b.sys);
	hmt_stalls_await(&a, HM_STALL_GOES_ON, a.reports[HM_STALL_GOES_ON].count + 1);
	while (a.with_backtrace == 0)
		sched_yield();
	may_end = true;
	hmt_stalls_await(&a, HM_STALL_ENDED, 1);
	cr_expect_str_eq(hmt_stalls_answered(&a)->path, "/user/hanging");
	hmt_stalls_end(&a);
}

/* It sleeps, and its turns do not move. */
Test(engine_stall_edges, told__nothing_of_an_lcore_that_sleeps)
{
	static struct hmt_stalls told;
	struct hm_stats before, after;
	struct hmi_worker *worker;

	hmt_stalls_make(&told, 1);
	cr_assert_eq(hm_system_start(told.sys), 0);
	worker = &told.sys->lcores[0]->worker;
	do {
		while (!atomic_load(&worker->wake.asleep))
			sched_yield();
		hm_system_stats(told.sys, &before);
		usleep(10 * HMT_STALL_MS * 1000);
		hm_system_stats(told.sys, &after);
		/* Unless something has woken it. */
	} while (after.turns != before.turns || !atomic_load(&worker->wake.asleep));
	cr_expect_eq(after.stalls, before.stalls);
	hmt_stalls_end(&told);
}

Test(engine_stall_edges, start__again_when_there_is_no_thread_for_it)
{
	static struct hmt_stalls told;
	int rc;

	hmt_stalls_make(&told, 1);
	hmt_hang_spawn(&told, &hmt_hang_props[0], "hanging", hmt_spin_until_told);
	hmt_memory_refuse();
	rc = hm_system_start(told.sys);
	hmt_memory_allow();
	cr_assert_eq(rc, -EAGAIN);
	cr_assert_eq(hm_system_start(told.sys), 0);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	hmt_stalls_end(&told);
}
