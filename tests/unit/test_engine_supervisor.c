/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What supervisors decide, and what becomes of it.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "hmt_shortage.h"

TestSuite(engine_supervisor, .init = hmt_eal_start);

#define CHILDREN 4u
#define SECOND   1000000u

/* A parent with a strategy of its own and its children, some of them on the other lcore. */
struct family {
	struct hmt_node node;
	struct hm_props props;
	struct hmt_probe parent, children[CHILDREN], subscriber;
	struct hm_supervision decisions[64];
	uint32_t decisions_count;
};

static struct family family;

static void
supervision_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HM_SUPERVISION && family.decisions_count < RTE_DIM(family.decisions))
		memcpy(&family.decisions[family.decisions_count++], hm_msg_body(msg),
		       sizeof(struct hm_supervision));
}

static void
fail_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_fail(ctx, "told to fail");
}

static void
children_make(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < CHILDREN; i++) {
		family.children[i].on_msg = fail_on_number;
		cr_assert_eq(hmt_probe_child(ctx, &family.children[i], i % 2, NULL), 0);
	}
}

static void
family_start(const struct hm_supervisor *supervisor)
{
	struct hmt_probe *parent = &family.parent;

	memset(&family, 0, sizeof(family));
	hmt_node_start(&family.node, 2);
	family.props = *hmt_probe_props(0);
	family.props.supervisor = supervisor;
	family.subscriber.on_msg = supervision_note;
	hmt_probe_spawn(&family.node, &family.subscriber, 0, NULL);
	cr_assert_eq(hm_supervision_subscribe(family.node.sys, family.subscriber.pid), 0);
	cr_assert_eq(hm_system_spawn(family.node.sys, &family.props, NULL, &parent, &parent->pid), 0);
	hmt_do(&family.node, parent->pid, children_make, NULL);
}

static void
child_fail(uint32_t child)
{
	hmt_number(&family.node, family.children[child].pid, child);
	hmt_turn_until_idle(&family.node);
}

static uint32_t
restarts(uint32_t child)
{
	return hmt_seen_count(&family.children[child], HM_RESTARTING);
}

static bool
is_gone(uint32_t child)
{
	return hmt_seen_count(&family.children[child], HM_STOPPED) > 0;
}

static const struct hm_supervision *
decision_last(void)
{
	cr_assert_gt(family.decisions_count, 0);
	return &family.decisions[family.decisions_count - 1];
}

/* ---- Directives -------------------------------------------------------------------------- */

/* Ten failures in ten seconds are restarts, the eleventh is the end. */
Test(engine_supervisor, default__restarts_ten_times_in_ten_seconds)
{
	family_start(NULL);
	for (uint32_t i = 1; i <= 10; i++) {
		child_fail(0);
		cr_assert_eq(restarts(0), i);
		cr_assert_eq(decision_last()->failure.failures, i);
		cr_assert_eq(decision_last()->directive, HM_DIRECTIVE_RESTART);
		hmt_elapse(&family.node, SECOND - 1000);
	}
	child_fail(0);
	cr_assert_eq(restarts(0), 10);
	cr_assert(is_gone(0));
	cr_assert_eq(decision_last()->directive, HM_DIRECTIVE_STOP);
	cr_assert_eq(decision_last()->failure.failures, 11);
	cr_assert(hm_pid_equal(decision_last()->supervisor, family.parent.pid));
	hmt_node_end(&family.node);
}

Test(engine_supervisor, default__forgets_failures_that_are_ten_seconds_old)
{
	family_start(NULL);
	for (uint32_t i = 1; i <= 30; i++) {
		child_fail(1);
		hmt_elapse(&family.node, SECOND);
	}
	cr_assert_eq(restarts(1), 30);
	cr_assert_eq(decision_last()->failure.failures, 10);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, restarts__of_none_stops_at_the_first_failure)
{
	static const struct hm_supervisor none = { .window_us = SECOND };

	family_start(&none);
	child_fail(0);
	cr_assert(is_gone(0));
	cr_assert_eq(restarts(0), 0);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, window__of_none_counts_for_ever)
{
	static const struct hm_supervisor two = { .restarts = 2 };

	family_start(&two);
	for (int i = 0; i < 3; i++) {
		child_fail(0);
		hmt_elapse(&family.node, 3600u * SECOND);
	}
	cr_assert_eq(restarts(0), 2);
	cr_assert(is_gone(0));
	hmt_node_end(&family.node);
}

Test(engine_supervisor, restarts__up_to_the_documented_maximum_are_counted)
{
	static const struct hm_supervisor most = { .restarts = HM_RESTARTS_MAX };

	family_start(&most);
	for (uint32_t i = 0; i < HM_RESTARTS_MAX; i++)
		child_fail(0);
	cr_assert_eq(hmt_stats(&family.node).restarted, HM_RESTARTS_MAX);
	child_fail(0);
	cr_assert_eq(hmt_stats(&family.node).restarted, HM_RESTARTS_MAX);
	cr_assert_eq(decision_last()->directive, HM_DIRECTIVE_RESTART, "the last that there was room for");
	hmt_node_end(&family.node);
}

Test(engine_supervisor, always__has_no_limit)
{
	family_start(&hm_supervisor_always);
	for (int i = 0; i < 2000; i++)
		child_fail(1);
	cr_assert_eq(hmt_stats(&family.node).restarted, 2000);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, resume__keeps_the_state_and_drops_the_message)
{
	static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };

	family_start(&resume);
	for (int i = 0; i < 20; i++)
		child_fail(0);
	cr_assert_eq(restarts(0), 0);
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
	family_start(&stop);
	hmt_probe_spawn(&family.node, &watcher, 1, NULL);
	hmt_do(&family.node, watcher.pid, hmt_watch, &family.children[0].pid);
	child_fail(0);
	cr_assert(is_gone(0));
	seen = hmt_seen_last(&watcher, HM_TERMINATED);
	cr_assert_eq(seen->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_str_eq((const char *)&seen->words[sizeof(struct hm_terminated) / 8], "told to fail");
	seen = hmt_seen_last(&family.parent, HM_TERMINATED);
	cr_assert_eq(seen->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_str_eq((const char *)&seen->words[sizeof(struct hm_terminated) / 8], "told to fail");
	/* The others live on. */
	cr_assert(!is_gone(1) && !is_gone(2) && !is_gone(3));
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

	family_start(NULL);
	family.parent.on_msg = text_note;
	family.parent.arg = text;
	child_fail(0);
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

	family_start(&stop);
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

	family_start(&all);
	child_fail(1);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(restarts(i), 1, "child %u", i);
	/* The limit is that of the one that fails. */
	child_fail(2);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(restarts(i), 2, "child %u", i);
	child_fail(1);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert(is_gone(i), "child %u", i);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, all_for_one__resumes_the_failing_one_alone)
{
	static const struct hm_supervisor all = { .scope = HM_ALL_FOR_ONE, .directive = HM_DIRECTIVE_RESUME };

	family_start(&all);
	child_fail(1);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(family.children[i].count, i == 1 ? 2 : 1);
	hmt_node_end(&family.node);
}

/* In the order of the spawn calls, whatever lcores they live on. */
Test(engine_supervisor, rest_for_one__restarts_those_that_were_spawned_later)
{
	static const struct hm_supervisor rest = { .scope = HM_REST_FOR_ONE, .restarts = 3 };

	family_start(&rest);
	child_fail(2);
	cr_assert(restarts(0) == 0 && restarts(1) == 0 && restarts(2) == 1 && restarts(3) == 1);
	child_fail(1);
	cr_assert(restarts(0) == 0 && restarts(1) == 1 && restarts(2) == 2 && restarts(3) == 2);
	hmt_stop(&family.node, family.children[3].pid);
	child_fail(0);
	cr_assert(restarts(0) == 1 && restarts(1) == 2 && restarts(2) == 3 && restarts(3) == 2);
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

	family_start(&rest);
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

	family_start(NULL);
	ctx = family.node.sys->lcores[0];
	full = hmt_slab_drain(&ctx->records);
	hmt_number(&family.node, family.children[0].pid, 1);
	hmt_memory_refuse();
	for (int i = 0; i < 8; i++)
		hm_system_turn(family.node.sys);
	hmt_memory_allow();
	ctx->records = full;
	hmt_turn_until_idle(&family.node);
	cr_assert(is_gone(0));
	cr_assert_eq(decision_last()->directive, HM_DIRECTIVE_STOP);
	hmt_node_end(&family.node);
}

/* ---- Back-off ---------------------------------------------------------------------------------- */

static uint64_t
delay_of(uint32_t child)
{
	uint32_t before = restarts(child);
	uint64_t us = 0;

	child_fail(child);
	for (; restarts(child) == before; us += 1000)
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

	family_start(&backoff);
	for (size_t i = 0; i < RTE_DIM(delays); i++) {
		uint64_t delay = delay_of(0);

		cr_assert(delay >= delays[i] && delay <= delays[i] + 1000, "%zu: %lu us", i,
			  (unsigned long)delay);
		cr_assert_eq(decision_last()->delay_us, delays[i]);
	}
	hmt_elapse(&family.node, 2 * SECOND);
	cr_assert_leq(delay_of(0), 11000);
	/* A child of the other lcore has its own. */
	cr_assert_leq(delay_of(1), 11000);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, backoff__jitter_is_a_part_of_the_delay)
{
	static const struct hm_supervisor backoff = {
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = 10000, .max_us = 10000, .jitter = 50 },
	};
	uint64_t least = UINT64_MAX, most = 0;

	family_start(&backoff);
	for (int i = 0; i < 50; i++) {
		(void)delay_of(0);
		least = RTE_MIN(least, decision_last()->delay_us);
		most = RTE_MAX(most, decision_last()->delay_us);
	}
	cr_assert(least >= 5000 && most <= 10000, "%lu to %lu", (unsigned long)least, (unsigned long)most);
	cr_assert(least < 7000 && most > 8000, "%lu to %lu", (unsigned long)least, (unsigned long)most);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, backoff__of_a_child_that_is_stopped_meanwhile_ends)
{
	static const struct hm_supervisor backoff = {
		.restarts = 3,
		.backoff = { .min_us = SECOND },
	};

	family_start(&backoff);
	child_fail(0);
	cr_assert_eq(restarts(0), 0);
	hmt_stop(&family.node, family.children[0].pid);
	cr_assert(is_gone(0));
	hmt_elapse(&family.node, 2 * SECOND);
	/* The parent's end while another one waits. */
	child_fail(1);
	hmt_node_end(&family.node);
}

/* ---- Deciders ------------------------------------------------------------------------------------ */

static enum hm_directive
decide_by_reason(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	cr_assert(hm_pid_equal(hm_self(ctx), family.parent.pid));
	cr_assert_eq(*(struct hmt_probe **)state, &family.parent);
	return failure->failures == 1   ? HM_DIRECTIVE_RESUME
	       : failure->failures == 2 ? HM_DIRECTIVE_RESTART
					: HM_DIRECTIVE_STOP;
}

Test(engine_supervisor, decider__decides_each_failure)
{
	static const struct hm_supervisor own = { .restarts = HM_RESTARTS_UNLIMITED,
						  .decide = decide_by_reason };

	family_start(&own);
	child_fail(0);
	cr_assert_eq(family.children[0].count, 2, "started, number");
	child_fail(0);
	cr_assert_eq(restarts(0), 1);
	child_fail(0);
	cr_assert(is_gone(0));
	hmt_node_end(&family.node);
}

static enum hm_directive
decide_nonsense(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	(void)failure;
	return (enum hm_directive)77;
}

Test(engine_supervisor, decider__of_no_directive_stops)
{
	static const struct hm_supervisor own = { .decide = decide_nonsense, .restarts = 5 };

	family_start(&own);
	child_fail(0);
	cr_assert(is_gone(0));
	hmt_node_end(&family.node);
}

static enum hm_directive
decide_and_fail(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)state;
	(void)failure;
	hm_fail(ctx, "the decider is broken");
}

/* The parent restarts in the end, and so its children stop. */
Test(engine_supervisor, decider__that_fails_is_a_failure_of_its_actor)
{
	static const struct hm_supervisor own = { .decide = decide_and_fail, .restarts = 5 };

	family_start(&own);
	child_fail(0);
	cr_assert_eq(hmt_seen_count(&family.parent, HM_RESTARTING), 1);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert(is_gone(i));
	cr_assert_str_eq(decision_last()->failure.reason, "the decider is broken");
	hmt_node_end(&family.node);
}

/* ---- Escalation ------------------------------------------------------------------------------------ */

Test(engine_supervisor, escalate__restarts_the_parent_by_its_own_supervisor)
{
	static const struct hm_supervisor escalate = { .directive = HM_DIRECTIVE_ESCALATE };

	family_start(&escalate);
	child_fail(3);
	cr_assert_eq(family.decisions_count, 2);
	cr_assert_eq(family.decisions[0].directive, HM_DIRECTIVE_ESCALATE);
	cr_assert_eq(family.decisions[1].directive, HM_DIRECTIVE_RESTART);
	cr_assert(hm_pid_equal(family.decisions[1].failure.actor, family.parent.pid));
	cr_assert(hm_pid_equal(family.decisions[1].failure.origin, family.children[3].pid));
	cr_assert_eq(hmt_seen_count(&family.parent, HM_RESTARTING), 1);
	cr_assert_eq(hmt_seen_count(&family.parent, HM_STARTED), 2);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert(is_gone(i));
	hmt_node_end(&family.node);
}

static enum hm_directive
decide_resume(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	(void)failure;
	return HM_DIRECTIVE_RESUME;
}

static const struct hm_supervisor guardian_resumes = { .decide = decide_resume };
static const struct hm_supervisor guardian_escalates = { .directive = HM_DIRECTIVE_ESCALATE };

/* A node whose guardian has a strategy of its own. */
static void
guarded_start(const struct hm_supervisor *guardian, const struct hm_supervisor *supervisor)
{
	family_start(supervisor);
	family.node.sys->guardian.supervisor = guardian;
}

/* Suspended meanwhile, it goes on, and so does the child for which it has failed. */
Test(engine_supervisor, escalate__that_is_resumed_resumes_the_child)
{
	static const struct hm_supervisor escalate = { .directive = HM_DIRECTIVE_ESCALATE };

	guarded_start(&guardian_resumes, &escalate);
	child_fail(1);
	child_fail(0);
	hmt_number(&family.node, family.parent.pid, 1);
	child_fail(1);
	cr_assert_eq(hmt_seen_count(&family.children[1], HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&family.parent, HMT_NUMBER), 1);
	cr_assert_eq(restarts(1), 0);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, escalate__beyond_user_stops_the_system)
{
	static const struct hm_supervisor escalate = { .directive = HM_DIRECTIVE_ESCALATE };
	struct hmt_log log;

	guarded_start(&guardian_escalates, &escalate);
	hmt_log_start(&log);
	child_fail(2);
	cr_assert(hmt_log_has(&log, "was escalated beyond /user: the system stops: told to fail"), "%s",
		  hmt_log_text(&log));
	hmt_log_end(&log);
	cr_assert(atomic_load(&family.node.sys->actors_gone));
	hmt_node_end(&family.node);
}

Test(engine_supervisor, guardian__has_the_strategy_of_the_configuration)
{
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };
	struct hm_config config = { .mode = HM_MODE_STEPPED, .supervisor = &stop };
	struct hm_supervisor wrong = { .restarts = HM_RESTARTS_MAX + 1 };
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(sys->guardian.supervisor, &stop);
	hm_system_destroy(sys);
	config.supervisor = &wrong;
	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), -EINVAL);
}

/* ---- Misuse, shortage, subscribers --------------------------------------------------------------- */

Test(engine_supervisor, props__with_a_wrong_strategy_are_refused)
{
	const struct hm_supervisor wrong[] = {
		{ .directive = (enum hm_directive)4 },
		{ .scope = (enum hm_supervisor_scope)3 },
		{ .restarts = HM_RESTARTS_MAX + 1 },
		{ .backoff = { .jitter = 101 } },
	};
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_probe *probe = &family.parent;
	struct hm_pid pid;

	family_start(NULL);
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		props.supervisor = &wrong[i];
		cr_assert_eq(hm_system_spawn(family.node.sys, &props, NULL, &probe, &pid), -EINVAL, "%zu", i);
	}
	props.supervisor = NULL;
	props.faults = HM_FAULTS_ABORT + 1;
	cr_assert_eq(hm_system_spawn(family.node.sys, &props, NULL, &probe, &pid), -EINVAL);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, subscribe__ends_with_the_actor_and_refuses_strangers)
{
	struct hm_pid stranger = { 1, 1 };

	family_start(NULL);
	cr_assert_eq(hm_supervision_subscribe(family.node.sys, stranger), -EINVAL);
	cr_assert_eq(hm_supervision_subscribe(NULL, family.subscriber.pid), -EINVAL);
	hm_supervision_unsubscribe(NULL, family.subscriber.pid);
	child_fail(0);
	cr_assert_eq(family.decisions_count, 1);
	hm_supervision_unsubscribe(family.node.sys, family.subscriber.pid);
	child_fail(0);
	cr_assert_eq(family.decisions_count, 1);
	cr_assert_eq(hm_supervision_subscribe(family.node.sys, family.subscriber.pid), 0);
	hmt_stop(&family.node, family.subscriber.pid);
	child_fail(0);
	cr_assert_eq(hmt_dead(&family.node), hmt_stats(&family.node).dead[HM_DEAD_FAILED]);
	hmt_node_end(&family.node);
}

Test(engine_supervisor, names__of_directives)
{
	cr_assert_str_eq(hm_directive_name(HM_DIRECTIVE_RESTART), "restart");
	cr_assert_str_eq(hm_directive_name(HM_DIRECTIVE_ESCALATE), "escalate");
	cr_assert_str_eq(hm_directive_name((enum hm_directive)9), "unknown");
}
