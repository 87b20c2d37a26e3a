/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor that asks while it stops, and does not simply get its answers: it fails, it restarts, it is to stop by a directive,
 * its name is wanted, the system stops in order or by force.
 */
#include "hm_supervisor.h"
#include "hmt_log.h"
#include "test_engine_stop_ask.h"

TestSuite(engine_stop_ask_end, .init = hmt_eal_start);

static void
fail_on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	on_reply(ctx, state, result, reply, arg);
	hm_fail(ctx, "while it stops");
}

static void
ask_twice(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	ask_by(ctx, fail_on_reply);
	ask_by(ctx, fail_on_reply);
}

Test(engine_stop_ask_end, failure__of_a_reply_function_ends_the_wait)
{
	start(ask_twice, NULL);
	stop_asker();
	cr_assert_eq(kept_count, 2);
	answer_one(1);
	cr_assert_eq(replies.count, 1);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	cr_assert_eq(hmt_stats(&node).restarted, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1);
	ended_check(HM_TERMINATED_FAILED);
	answer_one(1);
	cr_assert_eq(replies.count, 1);
	hmt_node_end(&node);
}

static void
ask_and_fail(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	ask_by(ctx, on_reply);
	hm_fail(ctx, "as it stops");
}

Test(engine_stop_ask_end, failure__in_stopping_waits_for_nothing)
{
	start(ask_and_fail, NULL);
	stop_asker();
	ended_check(HM_TERMINATED_FAILED);
	answer_one(1);
	cr_assert_eq(replies.count, 0);
	hmt_node_end(&node);
}

/* The state that asked is gone. */
Test(engine_stop_ask_end, restart__drops_what_is_asked_in_restarting)
{
	start(ask_at, &at_restarting);
	hmt_do(&node, asker.pid, hmt_fail, NULL);
	HMT_SEQUENCE(&asker, HM_STARTED, HM_RESTARTING, HM_STARTED);
	answer_one(1);
	cr_assert_eq(replies.count, 0);
	cr_assert_eq(hmt_stats(&node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY], 1);
	hmt_node_end(&node);
}

/* A supervisor's stop is a stop: the asker has failed before, but not while it stops. */
Test(engine_stop_ask_end, directive__to_stop_waits_for_the_reply)
{
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };

	start(ask_at, &at_stopping);
	node.sys->guardian.supervisor = &stop;
	hmt_do(&node, asker.pid, hmt_fail, NULL);
	waits_check();
	answer_one(3);
	cr_assert_eq(replies.sum, 3);
	ended_check(HM_TERMINATED_FAILED);
	hmt_node_end(&node);
}

Test(engine_stop_ask_end, name__is_taken_until_the_end)
{
	struct hmt_probe *probe = &child;
	struct hm_pid pid;

	start(ask_at, &at_stopping);
	stop_asker();
	cr_assert_eq(hm_system_spawn(node.sys, hmt_probe_props(0), "asker", &probe, &pid), -EEXIST);
	answer_one(1);
	cr_assert_eq(hm_system_spawn(node.sys, hmt_probe_props(0), "asker", &probe, &pid), 0);
	hmt_node_end(&node);
}

/* Actors under /system live on while those under /user stop. */
static void
start_with_late_keeper(const char *options)
{
	struct hmt_probe *late = &keeper;

	asker = (struct hmt_probe){ .on_msg = ask_at, .arg = (void *)(uintptr_t)&at_stopping };
	keeper = (struct hmt_probe){ .on_msg = keep };
	memset(&replies, 0, sizeof(replies));
	kept_count = 0;
	hmt_node_start_with(&node, 1, 0, options);
	hmt_probe_spawn(&node, &asker, 0, "asker");
	cr_assert_eq(hm_system_spawn_system(node.sys, hmt_probe_props(0), NULL, &late, &keeper.pid), 0);
	hmt_turn_until_idle(&node);
}

Test(engine_stop_ask_end, forced_stop__waits_no_longer)
{
	struct hmt_log log;

	start_with_late_keeper("--stop-timeout-ms 100");
	hmt_log_start(&log);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	hmt_elapse(&node, 99000);
	cr_assert_not(atomic_load(&node.sys->forced));
	hmt_elapse(&node, 2000);
	hmt_elapse(&node, 101000);
	cr_assert(atomic_load(&node.sys->forced));
	cr_assert(hmt_log_has(&log, "/user/asker has not stopped"), "%s", hmt_log_text(&log));
	cr_assert_eq(replies.count, 0);
	cr_assert_eq(hmt_seen_count(&asker, HM_STOPPED), 0);
	hmt_log_end(&log);
	hmt_node_drop(&node);
}

Test(engine_stop_ask_end, stop_of_the_system__waits_for_the_deadline)
{
	start_with_late_keeper(NULL);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	hmt_elapse(&node, TIMEOUT_US - 1000);
	cr_assert_not(atomic_load(&node.sys->actors_gone));
	cr_assert_eq(hmt_seen_count(&asker, HM_STOPPED), 0);
	hmt_elapse(&node, 2000);
	cr_assert_eq(replies.timeouts, 1);
	cr_assert_eq(hmt_seen_count(&asker, HM_STOPPED), 1);
	cr_assert(atomic_load(&node.sys->actors_gone));
	hmt_node_end(&node);
}

/* Whom it asks may stop as well: that it is gone is known at once. */
Test(engine_stop_ask_end, stop_of_the_system__waits_for_nobody_who_is_gone)
{
	start(ask_at, &at_stopping);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	cr_assert_eq(replies.count, 1);
	cr_assert_eq(replies.timeouts, 0);
	cr_assert(atomic_load(&node.sys->actors_gone));
	hmt_node_end(&node);
}
