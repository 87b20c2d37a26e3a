/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a supervisor does with those that have failed: it resumes, restarts or stops them, within limits, after a delay, one
 * alone or several. Who decides: test_engine_decider.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_family.h"
#include "hmt_shortage.h"

TestSuite(engine_supervisor, .init = hmt_eal_start);

#define SECOND 1000000u

static struct hmt_family family;

/* ---- Directives -------------------------------------------------------------------------- */

/* Ten failures in ten seconds are restarts, the eleventh is the end. */
Test(engine_supervisor, default__restarts_ten_times_in_ten_seconds)
{
	hmt_family_start(&family, NULL);
	for (uint32_t i = 1; i <= 10; i++) {
		hmt_child_fail(&family, 0);
		cr_assert_eq(hmt_child_restarts(&family, 0), i);
		cr_assert_eq(hmt_decision_last(&family)->failure.failures, i);
		cr_assert_eq(hmt_decision_last(&family)->directive, HM_DIRECTIVE_RESTART);
		hmt_elapse(&family.node, SECOND - 1000);
	}
	hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_child_restarts(&family, 0), 10);
	cr_assert(hmt_child_is_gone(&family, 0));
	cr_assert_eq(hmt_decision_last(&family)->directive, HM_DIRECTIVE_STOP);
	cr_assert_eq(hmt_decision_last(&family)->failure.failures, 11);
	cr_assert(hm_pid_equal(hmt_decision_last(&family)->supervisor, family.parent.pid));
	hmt_node_end(&family.node);
}

Test(engine_supervisor, default__forgets_failures_that_are_ten_seconds_old)
{
	hmt_family_start(&family, NULL);
	for (uint32_t i = 1; i <= 30; i++) {
		hmt_child_fail(&family, 1);
		hmt_elapse(&family.node, SECOND);
	}
	cr_assert_eq(hmt_child_restarts(&family, 1), 30);
	cr_assert_eq(hmt_decision_last(&family)->failure.failures, 10);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, restarts__of_none_stops_at_the_first_failure)
{
	static const struct hm_supervisor none = { .window_us = SECOND };

	hmt_family_start(&family, &none);
	hmt_child_fail(&family, 0);
	cr_assert(hmt_child_is_gone(&family, 0));
	cr_assert_eq(hmt_child_restarts(&family, 0), 0);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, window__of_none_counts_for_ever)
{
	static const struct hm_supervisor two = { .restarts = 2 };

	hmt_family_start(&family, &two);
	for (int i = 0; i < 3; i++) {
		hmt_child_fail(&family, 0);
		hmt_elapse(&family.node, 3600u * SECOND);
	}
	cr_assert_eq(hmt_child_restarts(&family, 0), 2);
	cr_assert(hmt_child_is_gone(&family, 0));
	hmt_node_end(&family.node);
}

Test(engine_supervisor, window__of_the_longest_time_counts_for_ever)
{
	static const struct hm_supervisor one = { .restarts = 1, .window_us = UINT64_MAX };

	hmt_family_start(&family, &one);
	hmt_child_fail(&family, 0);
	for (int i = 0; i < 24; i++)
		hmt_elapse(&family.node, 3600ull * SECOND);
	cr_assert_eq(hmt_child_restarts(&family, 0), 1);
	hmt_child_fail(&family, 0);
	cr_assert(hmt_child_is_gone(&family, 0));
	hmt_node_end(&family.node);
}

Test(engine_supervisor, restarts__up_to_the_documented_maximum_are_counted)
{
	static const struct hm_supervisor most = { .restarts = HM_RESTARTS_MAX };

	hmt_family_start(&family, &most);
	for (uint32_t i = 0; i < HM_RESTARTS_MAX; i++)
		hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_stats(&family.node).restarted, HM_RESTARTS_MAX);
	hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_stats(&family.node).restarted, HM_RESTARTS_MAX);
	cr_assert_eq(hmt_decision_last(&family)->directive, HM_DIRECTIVE_RESTART,
		     "the last that there was room for");
	hmt_node_end(&family.node);
}

Test(engine_supervisor, always__has_no_limit)
{
	hmt_family_start(&family, &hm_supervisor_always);
	for (int i = 0; i < 2000; i++)
		hmt_child_fail(&family, 1);
	cr_assert_eq(hmt_stats(&family.node).restarted, 2000);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, resume__keeps_the_state_and_drops_the_message)
{
	static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };

	hmt_family_start(&family, &resume);
	for (int i = 0; i < 20; i++)
		hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_child_restarts(&family, 0), 0);
	cr_assert_eq(hmt_seen_count(&family.children[0], HMT_NUMBER), 20);
	cr_assert_eq(hmt_seen_count(&family.children[0], HM_STARTED), 1);
	cr_assert_eq(hmt_stats(&family.node).dead[HM_DEAD_FAILED], 20);
	hmt_node_end(&family.node);
}

/* A stop is told with its reason, on this lcore and on the other one. */
Test(engine_supervisor, stop__tells_parent_and_watchers_why)
{
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };
	static struct hmt_probe watcher;
	const struct hmt_seen *seen;

	watcher = (struct hmt_probe){ 0 };
	hmt_family_start(&family, &stop);
	hmt_probe_spawn(&family.node, &watcher, 1, NULL);
	hmt_do(&family.node, watcher.pid, hmt_watch, &family.children[0].pid);
	hmt_child_fail(&family, 0);
	cr_assert(hmt_child_is_gone(&family, 0));
	seen = hmt_seen_last(&watcher, HM_TERMINATED);
	cr_assert_eq(seen->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_str_eq((const char *)&seen->words[sizeof(struct hm_terminated) / 8], "told to fail");
	seen = hmt_seen_last(&family.parent, HM_TERMINATED);
	cr_assert_eq(seen->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_str_eq((const char *)&seen->words[sizeof(struct hm_terminated) / 8], "told to fail");
	/* The others live on. */
	cr_assert(!hmt_child_is_gone(&family, 1) && !hmt_child_is_gone(&family, 2) &&
		  !hmt_child_is_gone(&family, 3));
	hmt_node_end(&family.node);
}

static void
text_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HM_TERMINATED)
		snprintf(probe->arg, HM_FAILURE_REASON_MAX, "%s", hm_terminated_text(msg));
}

Test(engine_supervisor, text__of_an_actor_that_just_stopped_is_empty)
{
	char text[HM_FAILURE_REASON_MAX] = "not yet";

	hmt_family_start(&family, NULL);
	family.parent.on_msg = text_note;
	family.parent.arg = text;
	hmt_child_fail(&family, 0);
	hmt_stop(&family.node, family.children[0].pid);
	cr_assert_str_eq(text, "", "it had failed before, but was not stopped for that");
	hmt_node_end(&family.node);
}

static void
fail_at_length(struct hm_ctx *ctx, void *length)
{
	char text[2 * HM_FAILURE_REASON_MAX];

	memset(text, 'x', sizeof(text));
	text[*(size_t *)length] = '\0';
	hm_fail(ctx, text);
}

Test(engine_supervisor, reason__is_cut_at_its_longest)
{
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };
	char text[HM_FAILURE_REASON_MAX] = "";
	size_t length = HM_FAILURE_REASON_MAX - 1;

	hmt_family_start(&family, &stop);
	family.parent.on_msg = text_note;
	family.parent.arg = text;
	hmt_do(&family.node, family.children[0].pid, fail_at_length, &length);
	cr_assert_eq(strlen(text), HM_FAILURE_REASON_MAX - 1);
	length = sizeof(text) + 50;
	text[0] = '\0';
	hmt_do(&family.node, family.children[1].pid, fail_at_length, &length);
	cr_assert_eq(strlen(text), HM_FAILURE_REASON_MAX - 1);
	hmt_node_end(&family.node);
}

/* ---- Scopes -------------------------------------------------------------------------------- */

Test(engine_supervisor, all_for_one__restarts_all_children)
{
	static const struct hm_supervisor all = { .scope = HM_ALL_FOR_ONE,
						  .restarts = 1,
						  .window_us = SECOND };

	hmt_family_start(&family, &all);
	hmt_child_fail(&family, 1);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert_eq(hmt_child_restarts(&family, i), 1, "child %u", i);
	/* The limit is that of the one that fails. */
	hmt_child_fail(&family, 2);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert_eq(hmt_child_restarts(&family, i), 2, "child %u", i);
	hmt_child_fail(&family, 1);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert(hmt_child_is_gone(&family, i), "child %u", i);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, all_for_one__resumes_the_failing_one_alone)
{
	static const struct hm_supervisor all = { .scope = HM_ALL_FOR_ONE, .directive = HM_DIRECTIVE_RESUME };

	hmt_family_start(&family, &all);
	hmt_child_fail(&family, 1);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert_eq(family.children[i].count, i == 1 ? 2 : 1);
	hmt_node_end(&family.node);
}

/* In the order of the spawn calls, whatever lcores they live on. */
Test(engine_supervisor, rest_for_one__restarts_those_that_were_spawned_later)
{
	static const struct hm_supervisor rest = { .scope = HM_REST_FOR_ONE, .restarts = 3 };

	hmt_family_start(&family, &rest);
	hmt_child_fail(&family, 2);
	cr_assert(hmt_child_restarts(&family, 0) == 0 && hmt_child_restarts(&family, 1) == 0 &&
		  hmt_child_restarts(&family, 2) == 1 && hmt_child_restarts(&family, 3) == 1);
	hmt_child_fail(&family, 1);
	cr_assert(hmt_child_restarts(&family, 0) == 0 && hmt_child_restarts(&family, 1) == 1 &&
		  hmt_child_restarts(&family, 2) == 2 && hmt_child_restarts(&family, 3) == 2);
	hmt_stop(&family.node, family.children[3].pid);
	hmt_child_fail(&family, 0);
	cr_assert(hmt_child_restarts(&family, 0) == 1 && hmt_child_restarts(&family, 1) == 2 &&
		  hmt_child_restarts(&family, 2) == 3 && hmt_child_restarts(&family, 3) == 2);
	hmt_node_end(&family.node);
}

/* ---- Shortage ---------------------------------------------------------------------------------- */

static void
spawn_refused(struct hm_ctx *ctx, void *result)
{
	static struct hmt_probe late;
	struct hmi_slab full = hmt_slab_drain(&ctx->records);

	hmt_memory_refuse();
	*(int *)result = hmt_probe_child(ctx, &late, HMT_LCORE_SAME, NULL);
	hmt_memory_allow();
	ctx->records = full;
}

Test(engine_supervisor, rest_for_one__without_memory_for_the_order_spawns_nobody)
{
	static const struct hm_supervisor rest = { .scope = HM_REST_FOR_ONE, .restarts = 3 };
	uint64_t spawned;
	int rc = 0;

	hmt_family_start(&family, &rest);
	spawned = hmt_stats(&family.node).spawned;
	hmt_do(&family.node, family.parent.pid, spawn_refused, &rc);
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(hmt_stats(&family.node).spawned, spawned);
	hmt_node_end(&family.node);
}

/* What it has done before is not known: so it is not restarted for ever. */
Test(engine_supervisor, supervise__without_memory_for_the_record_stops_the_child)
{
	struct hm_ctx *ctx;
	struct hmi_slab full;

	hmt_family_start(&family, NULL);
	ctx = family.node.sys->lcores[0];
	full = hmt_slab_drain(&ctx->records);
	hmt_number(&family.node, family.children[0].pid, 1);
	hmt_memory_refuse();
	for (int i = 0; i < 8; i++)
		hm_system_turn(family.node.sys);
	hmt_memory_allow();
	ctx->records = full;
	hmt_turn_until_idle(&family.node);
	cr_assert(hmt_child_is_gone(&family, 0));
	cr_assert_eq(hmt_decision_last(&family)->directive, HM_DIRECTIVE_STOP);
	hmt_node_end(&family.node);
}

/* ---- Back-off ---------------------------------------------------------------------------------- */

static uint64_t
delay_of(uint32_t child)
{
	uint32_t before = hmt_child_restarts(&family, child);
	uint64_t us = 0;

	hmt_child_fail(&family, child);
	for (; hmt_child_restarts(&family, child) == before; us += 1000)
		hmt_elapse(&family.node, 1000);
	return us;
}

Test(engine_supervisor, backoff__doubles_up_to_its_cap_and_begins_anew_after_quiet)
{
	static const struct hm_supervisor backoff = {
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = 10000, .max_us = 65000, .reset_us = SECOND },
	};
	static const uint64_t delays[] = { 10000, 20000, 40000, 65000, 65000 };

	hmt_family_start(&family, &backoff);
	for (size_t i = 0; i < RTE_DIM(delays); i++) {
		uint64_t delay = delay_of(0);

		cr_assert(delay >= delays[i] && delay <= delays[i] + 1000, "%zu: %lu us", i,
			  (unsigned long)delay);
		cr_assert_eq(hmt_decision_last(&family)->delay_us, delays[i]);
	}
	hmt_elapse(&family.node, 2 * SECOND);
	cr_assert_leq(delay_of(0), 11000);
	/* A child of the other lcore has its own. */
	cr_assert_leq(delay_of(1), 11000);
	hmt_node_end(&family.node);
}

/* The least and the greatest of many delays of 10 ms, of which a part is left to chance. */
static void
jitter_spread(uint32_t percent, uint64_t *least, uint64_t *most)
{
	struct hm_supervisor backoff = {
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = 10000, .max_us = 10000, .jitter = percent },
	};

	*least = UINT64_MAX;
	*most = 0;
	hmt_family_start(&family, &backoff);
	for (int i = 0; i < 50; i++) {
		(void)delay_of(0);
		*least = RTE_MIN(*least, hmt_decision_last(&family)->delay_us);
		*most = RTE_MAX(*most, hmt_decision_last(&family)->delay_us);
	}
	hmt_node_end(&family.node);
}

Test(engine_supervisor, backoff__jitter_is_a_part_of_the_delay)
{
	uint64_t least, most;

	jitter_spread(50, &least, &most);
	cr_assert(least >= 5000 && most <= 10000, "%lu to %lu", (unsigned long)least, (unsigned long)most);
	cr_assert(least < 7000 && most > 8000, "%lu to %lu", (unsigned long)least, (unsigned long)most);
}

Test(engine_supervisor, backoff__jitter_may_be_all_of_the_delay)
{
	uint64_t least, most;

	jitter_spread(100, &least, &most);
	cr_assert(least < 2000 && most > 8000 && most <= 10000, "%lu to %lu", (unsigned long)least,
		  (unsigned long)most);
}

Test(engine_supervisor, backoff__of_a_child_that_is_stopped_meanwhile_ends)
{
	static const struct hm_supervisor backoff = {
		.restarts = 3,
		.backoff = { .min_us = SECOND },
	};

	hmt_family_start(&family, &backoff);
	hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_child_restarts(&family, 0), 0);
	hmt_stop(&family.node, family.children[0].pid);
	cr_assert(hmt_child_is_gone(&family, 0));
	hmt_elapse(&family.node, 2 * SECOND);
	/* The parent's end while another one waits. */
	hmt_child_fail(&family, 1);
	hmt_node_end(&family.node);
}
