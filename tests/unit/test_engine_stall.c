/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lcores that hang, and what is told of them. Actors hang until the report that the test waits for has come,
 * and not for a time, so that a busy machine does not matter: on one an lcore may answer late, after the first report.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hm_move.h"
#include "hm_system.h"
#include "hmt_actor.h"
#include "hmt_backtrace.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "sample_pvt.h"

#define LIMIT_MS 20

static void
three_lcores_start(void)
{
	hmt_eal_start_with(3, 64);
}

TestSuite(engine_stall, .init = three_lcores_start);

/* ---- What is told ---------------------------------------------------------------------- */

/* A report as it was, and how many of its kind there were. */
struct report {
	_Atomic uint32_t count;
	struct hm_stall stall;
	char path[HM_PATH_MAX], type_name[64], backtrace[32 * HMI_BACKTRACE_LINE];
};

/* Reports of the actors of one system; those of its other lcores, which a busy machine may have, do not count. */
struct told {
	struct hm_system *sys;
	struct hm_pid actor;
	struct report reports[HM_STALL_ENDED + 1];
	_Atomic uint32_t with_backtrace;
	int wakes; /* a pipe; 0: none */
};

static void
keep(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "(none)");
}

static void
tell(void *arg, const struct hm_stall *stall)
{
	struct told *told = arg;
	struct report *report = &told->reports[stall->event];

	if (!hm_pid_is_none(told->actor) && !hm_pid_equal(stall->actor, told->actor))
		return;
	/* The first one is kept, but for one with more to say. */
	if (report->count == 0 || (stall->backtrace != NULL && report->stall.backtrace == NULL)) {
		report->stall = *stall;
		keep(report->path, sizeof(report->path), stall->path);
		keep(report->type_name, sizeof(report->type_name), stall->type_name);
		keep(report->backtrace, sizeof(report->backtrace), stall->backtrace);
	}
	told->with_backtrace += stall->backtrace != NULL;
	report->count++;
	if (told->wakes != 0 && stall->backtrace != NULL)
		cr_assert_eq(write(told->wakes, "x", 1), 1);
}

/* The report to which the lcore has answered. */
static const struct report *
answered(const struct told *told)
{
	const struct report *began = &told->reports[HM_STALL_BEGAN];

	return began->stall.backtrace != NULL ? began : &told->reports[HM_STALL_GOES_ON];
}

static uint32_t
count_of(struct told *told, enum hm_stall_event event)
{
	return told->reports[event].count;
}

static void
await(struct told *told, enum hm_stall_event event, uint32_t count)
{
	while (count_of(told, event) < count)
		sched_yield();
}

/* ---- What hangs -------------------------------------------------------------------------- */

enum {
	HANG = HMT_TYPE_NEXT,
};

/* How long an actor hangs, and how. */
struct hang {
	void (*fn)(struct told *told);
	struct told *told;
};

static _Atomic bool may_end;

static HMT_NAMED void
spin_until_told(struct told *told)
{
	while (told->with_backtrace == 0)
		;
}

static HMT_NAMED void
spin_until_it_may_end(struct told *told)
{
	(void)told;
	while (!may_end)
		;
}

static void
hang_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hang *hang = hm_msg_body(msg);

	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) == HANG)
		hang->fn(hang->told);
}

static const struct hm_props on_lcore[] = { { .receive = hang_receive, .lcore = HM_LCORE(0) },
					    { .receive = hang_receive, .lcore = HM_LCORE(1) } };

static struct hm_system *
make(struct told *told, uint32_t lcores, uint32_t stall_ms)
{
	static const struct hm_type types[] = {
		{ .id = HANG, .name = "hang", .size = sizeof(struct hang) },
		{ .id = HMT_EMPTY, .name = "empty", .size = 0 },
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND,
				    .lcores = lcores,
				    .stall_ms = stall_ms,
				    .on_stall = tell,
				    .on_stall_arg = told };

	cr_assert_eq(hm_system_create(&told->sys, 0, NULL, &config), 0);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(told->sys, &types[i]), 0);
	return told->sys;
}

/* An actor hangs as soon as the system runs. */
static void
hang_spawn(struct told *told, const struct hm_props *props, const char *name, void (*fn)(struct told *told))
{
	struct hang hang = { fn, told };

	cr_assert_eq(hm_system_spawn(told->sys, props, name, NULL, &told->actor), 0);
	cr_assert_eq(hm_system_send(told->sys, told->actor, HANG, &hang), HM_OK);
}

static void
start(struct told *told, uint32_t lcores, void (*fn)(struct told *told))
{
	make(told, lcores, LIMIT_MS);
	hang_spawn(told, &on_lcore[lcores - 1], "hanging", fn);
	cr_assert_eq(hm_system_start(told->sys), 0);
}

static void
end(struct told *told)
{
	hm_system_stop(told->sys);
	cr_assert_eq(hm_system_join(told->sys), 0);
	hmt_books_check(told->sys);
	hmt_system_free(told->sys);
}

/* ---- Told -------------------------------------------------------------------------------- */

Test(engine_stall, told__of_an_actor_that_computes)
{
	static struct told told;
	const struct report *ended = &told.reports[HM_STALL_ENDED], *began;
	struct hm_stats stats;

	start(&told, 2, spin_until_told);
	await(&told, HM_STALL_ENDED, 1);
	began = answered(&told);
	cr_expect_eq(began->stall.lcore_index, 1);
	cr_expect_geq(began->stall.duration_ns, LIMIT_MS * 1000000u);
	cr_expect_str_eq(began->path, "/user/hanging");
	cr_expect_eq(began->stall.type, HANG);
	cr_expect_str_eq(began->type_name, "hang");
	/* On a busy machine others may have its core. */
	cr_expect(began->stall.state == HM_STALL_COMPUTES || began->stall.state == HM_STALL_PREEMPTED, "%u",
		  began->stall.state);
	cr_expect_eq(strncmp(began->backtrace, "#0 ", 3), 0, "%s", began->backtrace);
	if (hmt_has_names())
		cr_expect_not_null(strstr(began->backtrace, " spin_until_told+"), "%s", began->backtrace);
	cr_expect_str_eq(ended->path, "/user/hanging");
	cr_expect_eq(ended->stall.type, HANG);
	cr_expect_geq(ended->stall.duration_ns, began->stall.duration_ns);
	cr_expect_eq(count_of(&told, HM_STALL_BEGAN), 1);
	cr_expect_eq(ended->count, 1);
	hm_system_stats(told.sys, &stats);
	cr_expect_geq(stats.stalls, 1);
	end(&told);
}

static int wait_pipe[2];
static ssize_t wait_got;

static HMT_NAMED void
read_until_told(struct told *told)
{
	char byte;

	(void)told;
	wait_got = read(wait_pipe[0], &byte, 1);
}

/* The call that it waits in goes on, and nothing is lost. */
Test(engine_stall, told__of_an_actor_that_waits_in_the_kernel)
{
	static struct told told;
	const struct report *began;

	cr_assert_eq(pipe(wait_pipe), 0);
	told.wakes = wait_pipe[1];
	start(&told, 1, read_until_told);
	await(&told, HM_STALL_ENDED, 1);
	began = answered(&told);
	cr_expect_eq(wait_got, 1);
	cr_expect_eq(began->stall.state, HM_STALL_WAITS);
	cr_expect_eq(began->stall.type, HANG);
	if (hmt_has_names())
		cr_expect_not_null(strstr(began->backtrace, " read_until_told+"), "%s", began->backtrace);
	end(&told);
}

static void
spin_on_and_on(struct told *told)
{
	while (count_of(told, HM_STALL_GOES_ON) < 2 || told->with_backtrace == 0)
		;
}

Test(engine_stall, told__again_while_it_lasts)
{
	static struct told told;
	const struct report *ended = &told.reports[HM_STALL_ENDED];
	struct hm_stats stats;

	start(&told, 1, spin_on_and_on);
	await(&told, HM_STALL_ENDED, 1);
	/* One of them may be a late answer. */
	cr_expect_geq(ended->stall.duration_ns, 2 * LIMIT_MS * 1000000u);
	cr_expect_eq(count_of(&told, HM_STALL_BEGAN), 1);
	hm_system_stats(told.sys, &stats);
	cr_expect_eq(stats.stalls, 1, "it is one stall");
	end(&told);
}

Test(engine_stall, told__each_stall_anew)
{
	static struct told told;
	struct hm_stats stats;

	start(&told, 1, spin_until_told);
	await(&told, HM_STALL_ENDED, 1);
	told.with_backtrace = 0;
	cr_assert_eq(hm_system_send(told.sys, told.actor, HANG, &(struct hang){ spin_until_told, &told }),
		     HM_OK);
	await(&told, HM_STALL_ENDED, 2);
	hm_system_stats(told.sys, &stats);
	cr_expect_eq(stats.stalls, 2);
	end(&told);
}

static void
forward_and_hang(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct told *told = *(struct told **)state;

	if (hm_msg_type(msg) != HANG)
		return;
	cr_assert_eq(hm_forward(ctx, hm_system_dead_letters(hm_system(ctx))), HM_OK);
	spin_until_told(told);
}

/* What it hangs in is no message any more; and it has no name. */
Test(engine_stall, told__of_an_actor_without_name_and_message)
{
	static const struct hm_props props = { .receive = forward_and_hang,
					       .state_size = sizeof(void *),
					       .args_size = sizeof(void *) };
	static struct told told;
	struct told *arg = &told;
	const struct report *began;

	make(&told, 1, LIMIT_MS);
	cr_assert_eq(hm_system_spawn(told.sys, &props, NULL, &arg, &told.actor), 0);
	cr_assert_eq(hm_system_send(told.sys, told.actor, HANG, &(struct hang){ NULL, NULL }), HM_OK);
	cr_assert_eq(hm_system_start(told.sys), 0);
	await(&told, HM_STALL_ENDED, 1);
	began = answered(&told);
	cr_expect_null(began->stall.path);
	cr_expect_eq(began->stall.type, 0);
	cr_expect_null(began->stall.type_name);
	end(&told);
}

static void
hang_when_started(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct told *told = *(struct told **)state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	told->actor = hm_self(ctx);
	spin_until_told(told);
}

/* The first turn of its lcore. */
Test(engine_stall, told__of_an_actor_that_starts)
{
	static const struct hm_props props = { .receive = hang_when_started,
					       .state_size = sizeof(void *),
					       .args_size = sizeof(void *) };
	static struct told told;
	struct told *arg = &told;

	make(&told, 1, LIMIT_MS);
	cr_assert_eq(hm_system_spawn(told.sys, &props, "starter", &arg, NULL), 0);
	cr_assert_eq(hm_system_start(told.sys), 0);
	await(&told, HM_STALL_ENDED, 1);
	cr_expect_str_eq(answered(&told)->type_name, "started");
	cr_expect_str_eq(answered(&told)->path, "/user/starter");
	end(&told);
}

Test(engine_stall, log__names_actor_message_and_stack)
{
	static struct told told;
	char pid[HM_PID_TEXT_SIZE];
	struct hmt_log log;

	make(&told, 1, LIMIT_MS);
	hmt_log_start(&log);
	hang_spawn(&told, &on_lcore[0], "hanging", spin_until_told);
	cr_assert_eq(hm_system_start(told.sys), 0);
	await(&told, HM_STALL_ENDED, 1);
	hm_system_stop(told.sys);
	cr_assert_eq(hm_system_join(told.sys), 0);
	hm_pid_format(told.actor, pid);
	cr_expect(hmt_log_has(&log, "lcore 0 has not ended its turn for "), "%s", hmt_log_text(&log));
	/* What the lcore has recorded before. */
	cr_expect(hmt_log_has(&log, " handles started\n"), "%s", hmt_log_text(&log));
	cr_expect(hmt_log_has(&log, pid), "%s", hmt_log_text(&log));
	cr_expect(hmt_log_has(&log, " /user/hanging, message type hang; it "), "%s", hmt_log_text(&log));
	cr_expect(hmt_log_has(&log, "\n#0 "), "%s", hmt_log_text(&log));
	cr_expect(hmt_log_has(&log, "lcore 0 goes on; its turn has lasted for "), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_system_free(told.sys);
}

/* ---- An lcore that does not answer ------------------------------------------------------- */

static void
mask(int how)
{
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(how, &set, NULL);
}

static HMT_NAMED void
spin_deaf_until_told(struct told *told)
{
	mask(SIG_BLOCK);
	await(told, HM_STALL_BEGAN, 1);
	cr_assert_eq(told->with_backtrace, 0);
	mask(SIG_UNBLOCK);
	while (told->with_backtrace == 0)
		;
}

/* Its actor is told at once, as is known from outside; the rest when it answers. */
Test(engine_stall, told__late_when_the_lcore_answers_late)
{
	static struct told told;
	const struct report *began = &told.reports[HM_STALL_BEGAN], *on = &told.reports[HM_STALL_GOES_ON];

	start(&told, 1, spin_deaf_until_told);
	await(&told, HM_STALL_ENDED, 1);
	cr_expect_null(began->stall.backtrace);
	cr_expect_str_eq(began->path, "/user/hanging");
	cr_expect_eq(began->stall.type, 0);
	cr_expect_eq(on->stall.type, HANG);
	cr_expect_not_null(on->stall.backtrace);
	if (hmt_has_names())
		cr_expect_not_null(strstr(on->backtrace, " spin_deaf_until_told+"), "%s", on->backtrace);
	end(&told);
}

static uint64_t
moved(const struct told *told)
{
	struct hm_stats stats;

	hm_system_stats(told->sys, &stats);
	return stats.moved;
}

/* It has another PID than the slot that it is in. */
Test(engine_stall, told__of_an_actor_that_has_moved)
{
	static struct told told;
	struct hang hang = { spin_deaf_until_told, &told };
	const struct report *began = &told.reports[HM_STALL_BEGAN];

	make(&told, 2, LIMIT_MS);
	cr_assert_eq(hm_system_spawn(told.sys, &on_lcore[1], "hanging", NULL, &told.actor), 0);
	cr_assert_eq(hm_system_start(told.sys), 0);
	cr_assert_eq(hm_system_move(told.sys, told.actor, 0), 0);
	while (moved(&told) == 0)
		sched_yield();
	cr_assert_eq(hm_system_send(told.sys, told.actor, HANG, &hang), HM_OK);
	await(&told, HM_STALL_ENDED, 1);
	cr_expect_eq(began->stall.lcore_index, 0);
	cr_expect(hm_pid_equal(began->stall.actor, told.actor));
	cr_expect_str_eq(began->path, "/user/hanging");
	cr_expect(hm_pid_equal(told.reports[HM_STALL_GOES_ON].stall.actor, told.actor));
	end(&told);
}

static void
spin_deaf(struct told *told)
{
	mask(SIG_BLOCK);
	await(told, HM_STALL_BEGAN, 1);
}

/* The signal stays under way when the system is gone, and reaches the thread when it runs another one. */
Test(engine_stall, stop__beside_a_signal_that_nobody_has_taken)
{
	static struct told told, next;

	start(&told, 1, spin_deaf);
	await(&told, HM_STALL_ENDED, 1);
	end(&told);
	start(&next, 1, spin_until_told);
	await(&next, HM_STALL_ENDED, 1);
	cr_expect_eq(told.with_backtrace, 0);
	cr_expect_str_eq(answered(&next)->path, "/user/hanging");
	end(&next);
}

/* ---- A stack that cannot be walked --------------------------------------------------------- */

#ifdef __x86_64__
static int lost_end;

/* Loops without a stack: what a damaged one looks like to the walk. */
static HMT_NAMED void
spin_lost(struct told *told)
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
	tell(arg, stall);
	if (stall->backtrace != NULL)
		__atomic_store_n(&lost_end, 1, __ATOMIC_RELAXED);
}

/* The fault of the walk is not the actor's: what is told has one frame, and all else goes on. */
Test(engine_stall, told__of_an_lcore_whose_stack_is_damaged)
{
	static struct told told;
	const struct report *began;
	struct hm_stats stats;

	make(&told, 1, LIMIT_MS);
	told.sys->on_stall = lost_tell;
	hang_spawn(&told, &on_lcore[0], "lost", spin_lost);
	cr_assert_eq(hm_system_start(told.sys), 0);
	await(&told, HM_STALL_ENDED, 1);
	began = answered(&told);
	cr_expect_str_eq(began->path, "/user/lost");
	cr_expect_eq(strchr(began->backtrace, '\n'), began->backtrace + strlen(began->backtrace) - 1, "%s",
		     began->backtrace);
	if (hmt_has_names())
		cr_expect_not_null(strstr(began->backtrace, " spin_lost+"), "%s", began->backtrace);
	hm_system_stats(told.sys, &stats);
	cr_expect_eq(stats.failed, 0);
	end(&told);
}
#endif

/* ---- Start and stop ------------------------------------------------------------------------ */

Test(engine_stall, stop__while_an_lcore_hangs)
{
	static struct told told;

	start(&told, 2, spin_until_it_may_end);
	await(&told, HM_STALL_BEGAN, 1);
	hm_system_stop(told.sys);
	await(&told, HM_STALL_GOES_ON, 1);
	may_end = true;
	cr_assert_eq(hm_system_join(told.sys), 0);
	/* The end is told by then. */
	cr_expect_eq(count_of(&told, HM_STALL_ENDED), 1);
	hmt_books_check(told.sys);
	hmt_system_free(told.sys);
}

/* One system's end takes neither the signal nor the reports of the other one away. */
Test(engine_stall, told__of_systems_side_by_side)
{
	static struct told a, b;

	start(&a, 1, spin_until_it_may_end);
	start(&b, 1, spin_on_and_on);
	await(&a, HM_STALL_BEGAN, 1);
	await(&b, HM_STALL_ENDED, 1);
	cr_expect_str_eq(answered(&b)->path, "/user/hanging");
	hm_system_stop(b.sys);
	cr_assert_eq(hm_system_join(b.sys), 0);
	hm_system_destroy(b.sys);
	await(&a, HM_STALL_GOES_ON, a.reports[HM_STALL_GOES_ON].count + 1);
	while (a.with_backtrace == 0)
		sched_yield();
	may_end = true;
	await(&a, HM_STALL_ENDED, 1);
	cr_expect_str_eq(answered(&a)->path, "/user/hanging");
	end(&a);
}

/* It sleeps, and its turns do not move. */
Test(engine_stall, told__nothing_of_an_lcore_that_sleeps)
{
	static struct told told;
	struct hm_stats before, after;
	struct hmi_worker *worker;

	make(&told, 1, LIMIT_MS);
	cr_assert_eq(hm_system_start(told.sys), 0);
	worker = &told.sys->lcores[0]->worker;
	do {
		while (!atomic_load(&worker->wake.asleep))
			sched_yield();
		hm_system_stats(told.sys, &before);
		usleep(10 * LIMIT_MS * 1000);
		hm_system_stats(told.sys, &after);
		/* Unless something has woken it. */
	} while (after.turns != before.turns || !atomic_load(&worker->wake.asleep));
	cr_expect_eq(after.stalls, before.stalls);
	end(&told);
}

Test(engine_stall, start__again_when_there_is_no_thread_for_it)
{
	static struct told told;
	struct rlimit before, none;

#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("the sanitizer needs address space");
#endif
	make(&told, 1, LIMIT_MS);
	hang_spawn(&told, &on_lcore[0], "hanging", spin_until_told);
	cr_assert_eq(getrlimit(RLIMIT_AS, &before), 0);
	none = (struct rlimit){ .rlim_cur = 1 << 20, .rlim_max = before.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_AS, &none), 0);
	cr_assert_eq(hm_system_start(told.sys), -EAGAIN);
	cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0);
	cr_assert_eq(hm_system_start(told.sys), 0);
	await(&told, HM_STALL_ENDED, 1);
	end(&told);
}
