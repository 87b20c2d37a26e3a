/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lcores that hang, and what is told of them, and logged: of whom, since when, where. What is in the way of that:
 * test_engine_stall_edges.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hm_event_stream.h"
#include "hmt_log.h"
#include "hmt_stalls.h"

static void
three_lcores_start(void)
{
	hmt_eal_start_with(3, 64);
}

TestSuite(engine_stall, .init = three_lcores_start);

Test(engine_stall, told__of_an_actor_that_computes)
{
	static struct hmt_stalls told;
	const struct hmt_stall_report *ended = &told.reports[HM_STALL_ENDED], *began;
	struct hm_stats stats;

	hmt_stalls_start(&told, 2, hmt_spin_until_told);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	began = hmt_stalls_answered(&told);
	cr_expect_eq(began->stall.lcore_index, 1);
	cr_expect_geq(began->stall.duration_ns, HMT_STALL_MS * 1000000u);
	cr_expect_str_eq(began->path, "/user/hanging");
	cr_expect_eq(began->stall.type, HMT_HANG);
	cr_expect_str_eq(began->type_name, "hang");
	/* On a busy machine others may have its core. */
	cr_expect(began->stall.state == HM_STALL_COMPUTES || began->stall.state == HM_STALL_PREEMPTED, "%u",
		  began->stall.state);
	cr_expect_eq(strncmp(began->backtrace, "#0 ", 3), 0, "%s", began->backtrace);
	if (hmt_has_names())
		cr_expect_not_null(strstr(began->backtrace, " hmt_spin_until_told+"), "%s", began->backtrace);
	cr_expect_str_eq(ended->path, "/user/hanging");
	cr_expect_eq(ended->stall.type, HMT_HANG);
	cr_expect_geq(ended->stall.duration_ns, began->stall.duration_ns);
	cr_expect_eq(hmt_stalls_count(&told, HM_STALL_BEGAN), 1);
	cr_expect_eq(ended->count, 1);
	hm_system_stats(told.sys, &stats);
	cr_expect_geq(stats.stalls, 1);
	hmt_stalls_end(&told);
}

static _Atomic uint32_t stalled_lcore;

static void
stall_note(void *arg, const struct hm_msg *event)
{
	const struct hm_stalled *stalled = hm_msg_body(event);

	/* Another lcore may hang, too, on a busy machine. */
	if (hm_pid_equal(stalled->actor, ((struct hmt_stalls *)arg)->actor))
		stalled_lcore = stalled->lcore_index + 1;
}

static void
spin_until_event(struct hmt_stalls *told)
{
	(void)told;
	while (stalled_lcore == 0)
		;
}

/* Another lcore publishes it, while this one hangs. */
Test(engine_stall, event__comes_while_the_lcore_hangs)
{
	static struct hmt_stalls told;
	struct hm_event_subscriber subscriber = { .first = HM_STALL, .callback = stall_note, .arg = &told };

	hmt_stalls_start(&told, 2, spin_until_event);
	/* If it comes too late for the first report, there is another one. */
	cr_assert_eq(hm_event_subscribe(told.sys, &subscriber, NULL), 0);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	cr_expect_eq(stalled_lcore, 1 + 1);
	hmt_stalls_end(&told);
}

static int wait_pipe[2];
static ssize_t wait_got;

static HMT_NAMED void
read_until_told(struct hmt_stalls *told)
{
	char byte;

	(void)told;
	wait_got = read(wait_pipe[0], &byte, 1);
}

/* The call that it waits in goes on, and nothing is lost. */
Test(engine_stall, told__of_an_actor_that_waits_in_the_kernel)
{
	static struct hmt_stalls told;
	const struct hmt_stall_report *began;

	cr_assert_eq(pipe(wait_pipe), 0);
	told.wakes = wait_pipe[1];
	hmt_stalls_start(&told, 1, read_until_told);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	began = hmt_stalls_answered(&told);
	cr_expect_eq(wait_got, 1);
	cr_expect_eq(began->stall.state, HM_STALL_WAITS);
	cr_expect_eq(began->stall.type, HMT_HANG);
	if (hmt_has_names())
		cr_expect_not_null(strstr(began->backtrace, " read_until_told+"), "%s", began->backtrace);
	hmt_stalls_end(&told);
}

Test(engine_stall, told__again_while_it_lasts)
{
	static struct hmt_stalls told;
	const struct hmt_stall_report *ended = &told.reports[HM_STALL_ENDED];
	struct hm_stats stats;

	hmt_stalls_start(&told, 1, hmt_spin_on_and_on);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	/* One of them may be a late answer. */
	cr_expect_geq(ended->stall.duration_ns, 2 * HMT_STALL_MS * 1000000u);
	cr_expect_eq(hmt_stalls_count(&told, HM_STALL_BEGAN), 1);
	hm_system_stats(told.sys, &stats);
	cr_expect_eq(stats.stalls, 1, "it is one stall");
	hmt_stalls_end(&told);
}

Test(engine_stall, told__each_stall_anew)
{
	static struct hmt_stalls told;
	struct hm_stats stats;

	hmt_stalls_start(&told, 1, hmt_spin_until_told);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	told.with_backtrace = 0;
	cr_assert_eq(hm_system_send(told.sys, told.actor, HMT_HANG,
				    &(struct hmt_hang){ hmt_spin_until_told, &told }),
		     HM_OK);
	hmt_stalls_await(&told, HM_STALL_ENDED, 2);
	hm_system_stats(told.sys, &stats);
	cr_expect_eq(stats.stalls, 2);
	hmt_stalls_end(&told);
}

static void
forward_and_hang(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hmt_stalls *told = *(struct hmt_stalls **)state;

	if (hm_msg_type(msg) != HMT_HANG)
		return;
	cr_assert_eq(hm_forward(ctx, hm_system_dead_letters(hm_system(ctx))), HM_OK);
	hmt_spin_until_told(told);
}

/* What it hangs in is no message any more; and it has no name. */
Test(engine_stall, told__of_an_actor_without_name_and_message)
{
	static const struct hm_props props = { .receive = forward_and_hang,
					       .state_size = sizeof(void *),
					       .args_size = sizeof(void *) };
	static struct hmt_stalls told;
	struct hmt_stalls *arg = &told;
	const struct hmt_stall_report *began;

	hmt_stalls_make(&told, 1);
	cr_assert_eq(hm_system_spawn(told.sys, &props, NULL, &arg, &told.actor), 0);
	cr_assert_eq(hm_system_send(told.sys, told.actor, HMT_HANG, &(struct hmt_hang){ NULL, NULL }), HM_OK);
	cr_assert_eq(hm_system_start(told.sys), 0);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	began = hmt_stalls_answered(&told);
	cr_expect_null(began->stall.path);
	cr_expect_eq(began->stall.type, 0);
	cr_expect_null(began->stall.type_name);
	hmt_stalls_end(&told);
}

static void
hang_when_started(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hmt_stalls *told = *(struct hmt_stalls **)state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	told->actor = hm_self(ctx);
	hmt_spin_until_told(told);
}

/* The first turn of its lcore. */
Test(engine_stall, told__of_an_actor_that_starts)
{
	static const struct hm_props props = { .receive = hang_when_started,
					       .state_size = sizeof(void *),
					       .args_size = sizeof(void *) };
	static struct hmt_stalls told;
	struct hmt_stalls *arg = &told;

	hmt_stalls_make(&told, 1);
	cr_assert_eq(hm_system_spawn(told.sys, &props, "starter", &arg, NULL), 0);
	cr_assert_eq(hm_system_start(told.sys), 0);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
	cr_expect_str_eq(hmt_stalls_answered(&told)->type_name, "started");
	cr_expect_str_eq(hmt_stalls_answered(&told)->path, "/user/starter");
	hmt_stalls_end(&told);
}

Test(engine_stall, log__names_actor_message_and_stack)
{
	static struct hmt_stalls told;
	char pid[HM_PID_TEXT_SIZE];
	struct hmt_log log;

	hmt_stalls_make(&told, 1);
	hmt_log_start(&log);
	hmt_hang_spawn(&told, &hmt_hang_props[0], "hanging", hmt_spin_until_told);
	cr_assert_eq(hm_system_start(told.sys), 0);
	hmt_stalls_await(&told, HM_STALL_ENDED, 1);
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
