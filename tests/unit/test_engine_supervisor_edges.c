/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions of supervisors that meet other things: the guardian, delays that never end, ends of children, of parents
 * and of the system, subscribers that fail.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_supervisor.h"
#include "hm_event_stream.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_family.h"
#include "hmt_fault.h"
#include "hmt_log.h"
#include "post_pvt.h"
#include "rcu_pvt.h"

TestSuite(engine_supervisor_edges, .init = hmt_eal_start);

#define SECOND 1000000u

static struct hmt_node node;
static struct hmt_probe parent, children[HMT_CHILDREN], watcher;

/* A parent on lcore 0, children on both. */
static void
family_start(const struct hm_supervisor *guardian, const struct hm_supervisor *supervisor)
{
	static struct hm_props props;
	struct hmt_probe *probe = &parent;

	parent = watcher = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	node.sys->guardian.supervisor = guardian;
	props = *hmt_probe_props(0);
	props.supervisor = supervisor;
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &parent.pid), 0);
	hmt_probe_spawn(&node, &watcher, 1, NULL);
	hmt_do(&node, parent.pid, hmt_children_make, children);
}

static void
child_fail(uint32_t child)
{
	hmt_number(&node, children[child].pid, child);
	hmt_turn_until_idle(&node);
}

/* The other one stands still. */
static void
turn_lcore(uint32_t lcore, uint32_t turns)
{
	hmi_rcu_enter();
	for (uint32_t i = 0; i < turns; i++)
		hmi_worker_turn_alone(&node.sys->lcores[lcore]->worker);
	hmi_rcu_leave();
}

static uint32_t
restarts(uint32_t child)
{
	return hmt_seen_count(&children[child], HM_RESTARTING);
}

/* ---- The guardian ----------------------------------------------------------------- */

static uint32_t decided;

static enum hm_directive
decide_as_nobody(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	cr_assert_null(ctx);
	cr_assert_null(state);
	cr_assert(hm_pid_equal(failure->actor, parent.pid));
	decided++;
	return HM_DIRECTIVE_RESUME;
}

Test(engine_supervisor_edges, guardian__decides_as_nobody)
{
	static const struct hm_supervisor guardian = { .decide = decide_as_nobody };

	family_start(&guardian, NULL);
	decided = 0;
	hmt_do(&node, parent.pid, hmt_fail, NULL);
	cr_assert_eq(decided, 1);
	cr_assert_eq(parent.count, 1, "started, and resumed");
	hmt_node_end(&node);
}

static enum hm_directive
decide_and_fault(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	(void)failure;
	hmt_fault_raise(HMT_FAULT_NULL);
	return HM_DIRECTIVE_RESUME;
}

Test(engine_supervisor_edges, guardian__that_faults_stops_the_system)
{
	static const struct hm_supervisor guardian = { .decide = decide_and_fault };
	struct hmt_log log;

	family_start(&guardian, NULL);
	hmt_log_start(&log);
	hmt_do(&node, parent.pid, hmt_fail, NULL);
	cr_assert(hmt_log_has(&log, "beyond /user: the system stops: SIGSEGV"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	cr_assert(atomic_load(&node.sys->actors_gone));
	hmt_node_end(&node);
}

/* ---- Delays ------------------------------------------------------------------------ */

Test(engine_supervisor_edges, backoff__of_the_longest_time_is_never)
{
	static const struct hm_supervisor never = {
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = UINT64_MAX, .max_us = UINT64_MAX },
	};

	family_start(NULL, &never);
	child_fail(0);
	child_fail(1);
	for (int i = 0; i < 100; i++)
		hmt_elapse(&node, 3600ull * SECOND);
	cr_assert_eq(restarts(0), 0);
	cr_assert_eq(restarts(1), 0);
	hmt_node_end(&node);
}

/* The longest one is reached by doubling, and is not passed. */
Test(engine_supervisor_edges, backoff__does_not_overflow)
{
	static const struct hm_supervisor huge = {
		.restarts = HM_RESTARTS_UNLIMITED,
		.scope = HM_ALL_FOR_ONE,
		.backoff = { .min_us = 1ull << 62, .max_us = UINT64_MAX },
	};

	family_start(NULL, &huge);
	for (int i = 0; i < 4; i++) {
		child_fail(0);
		hmt_elapse(&node, 3600ull * SECOND);
		cr_assert_eq(hmt_stats(&node).restarted, 0);
		/* Whom it restarts is not the child's own delay. */
		hmi_rcu_enter();
		hmi_control_post(node.sys->lcores[0], children[0].pid, hm_pid_none(), HMI_SYS_RESUME);
		hmi_rcu_leave();
		hmt_turn_until_idle(&node);
	}
	hmt_node_end(&node);
}

/* All are restarted with the first one; none a second time for what it has failed with before. */
Test(engine_supervisor_edges, backoff__of_others_ends_with_a_restart_of_all)
{
	static const struct hm_supervisor all = {
		.scope = HM_ALL_FOR_ONE,
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = SECOND },
	};

	family_start(NULL, &all);
	child_fail(0);
	hmt_elapse(&node, SECOND / 2);
	child_fail(1);
	hmt_elapse(&node, SECOND / 2 + 1000);
	hmt_elapse(&node, 10 * SECOND);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert_eq(restarts(i), 1, "child %u: %u", i, restarts(i));
	hmt_node_end(&node);
}

Test(engine_supervisor_edges, backoff__of_those_spawned_before_goes_on)
{
	static const struct hm_supervisor rest = {
		.scope = HM_REST_FOR_ONE,
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = SECOND },
	};

	family_start(NULL, &rest);
	child_fail(2);
	hmt_elapse(&node, SECOND / 2);
	child_fail(1);
	child_fail(3);
	hmt_elapse(&node, SECOND / 2 + 1000);
	cr_assert(restarts(1) == 0 && restarts(2) == 1 && restarts(3) == 1);
	hmt_elapse(&node, 10 * SECOND);
	cr_assert(restarts(0) == 0 && restarts(1) == 1 && restarts(2) == 2 && restarts(3) == 2);
	hmt_node_end(&node);
}

/* ---- Ends ---------------------------------------------------------------------------- */

static const struct hm_supervisor all_once = { .scope = HM_ALL_FOR_ONE, .restarts = 10 };

/* A child of the other lcore has stopped, and its parent does not know that yet. */
Test(engine_supervisor_edges, restart_of_all__passes_over_one_that_has_stopped)
{
	family_start(NULL, &all_once);
	hmt_number(&node, children[0].pid, 0);
	turn_lcore(0, 1);
	cr_assert_eq(hm_system_stop_actor(node.sys, children[1].pid), 0);
	turn_lcore(1, 4);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&children[1], HM_STOPPED), 1);
	cr_assert_eq(restarts(1), 0);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert_eq(restarts(i), i != 1, "child %u", i);
	hmt_node_end(&node);
}

/* The restart is under way to it, when it is stopped; and the other way round. */
Test(engine_supervisor_edges, restart_of_all__crosses_with_a_stop)
{
	family_start(NULL, &all_once);
	hmt_number(&node, children[0].pid, 0);
	turn_lcore(0, 8);
	cr_assert_eq(hm_system_stop_actor(node.sys, children[1].pid), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, children[3].pid), 0);
	hmt_number(&node, children[3].pid, 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&children[1], HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_count(&children[3], HM_STOPPED), 1);
	hmt_node_end(&node);
}

/* The child has failed, and its report is under way, when the parent fails itself. */
Test(engine_supervisor_edges, report__that_meets_a_restarting_parent_is_over)
{
	struct hm_stats stats;

	family_start(NULL, NULL);
	hmt_number(&node, children[1].pid, 0);
	hmt_number(&node, children[3].pid, 0);
	turn_lcore(1, 4);
	cr_assert_eq(hmt_stats(&node).failed, 2);
	hmt_do(&node, parent.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&parent, HM_RESTARTING), 1);
	cr_assert_eq(hmt_seen_count(&parent, HM_STARTED), 2);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert_eq(hmt_seen_count(&children[i], HM_STOPPED), 1, "child %u", i);
	stats = hmt_stats(&node);
	cr_assert_eq(stats.failed, 3);
	cr_assert_eq(stats.spawned - stats.stopped, 5, "three guardians, the parent and the watcher");
	hmt_node_end(&node);
}

static void
parent_on_child(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_TERMINATED)
		hm_fail(ctx, "without the child");
}

/* One after the other, from both lcores: each failure of the parent has one decision. */
Test(engine_supervisor_edges, terminated__of_many_children_may_fail_the_parent)
{
	static const struct hm_supervisor stops = { .directive = HM_DIRECTIVE_STOP };

	family_start(NULL, &stops);
	parent.on_msg = parent_on_child;
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		hmt_number(&node, children[i].pid, 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&parent, HM_RESTARTING), 1);
	cr_assert_eq(hmt_seen_count(&parent, HM_STARTED), 2);
	hmt_node_end(&node);
}

/* Escalated while its parent waits for a decision already. */
Test(engine_supervisor_edges, escalate__of_a_parent_that_has_failed_has_one_decision)
{
	static const struct hm_supervisor escalates = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_supervisor late = { .restarts = HM_RESTARTS_UNLIMITED,
						   .backoff = { .min_us = SECOND } };

	family_start(&late, &escalates);
	child_fail(0);
	child_fail(1);
	child_fail(2);
	hmt_elapse(&node, 10 * SECOND);
	cr_assert_eq(hmt_seen_count(&parent, HM_RESTARTING), 1);
	cr_assert_eq(hmt_stats(&node).restarted, 1);
	hmt_node_end(&node);
}

/* ---- The end of the system ------------------------------------------------------------- */

/* Delays run, actors wait for decisions, and others restart: nothing is lost, and the sanitizer finds no leak. */
Test(engine_supervisor_edges, drop__of_a_system_in_the_middle_of_it_loses_nothing)
{
	static const struct hm_supervisor late = { .restarts = HM_RESTARTS_MAX,
						   .backoff = { .min_us = SECOND } };

	for (uint32_t turns = 0; turns < 12; turns++) {
		family_start(NULL, turns % 2 == 0 ? &late : &all_once);
		for (uint32_t i = 0; i < HMT_CHILDREN; i++) {
			hmt_number(&node, children[i].pid, i);
			hmt_number(&node, children[i].pid, i);
		}
		turn_lcore(1, turns % 4);
		turn_lcore(0, turns);
		hmt_system_drain(node.sys);
		hmt_books_check(node.sys);
		hmt_node_drop(&node);
	}
}

/* ---- Subscribers -------------------------------------------------------------------------- */

static void
fail_on_event(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_DEAD_LETTER || hm_msg_type(msg) == HM_SUPERVISION)
		hm_fail(ctx, "cannot bear it");
}

/* A failure is a dead letter, which is a failure: there is an end to it. */
Test(engine_supervisor_edges, dead_letter__that_fails_its_subscriber_is_no_other_one)
{
	family_start(NULL, &hm_supervisor_always);
	watcher.on_msg = fail_on_event;
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, watcher.pid), 0);
	child_fail(0);
	cr_assert_eq(hmt_seen_count(&watcher, HM_DEAD_LETTER), 1);
	cr_assert_eq(hmt_seen_count(&watcher, HM_RESTARTING), 1);
	/* Until its supervisor has had enough of it. */
	for (uint32_t i = 0; i < 20; i++)
		child_fail(1);
	cr_assert_eq(hmt_seen_count(&watcher, HM_STOPPED), 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 21);
	hmt_node_end(&node);
}

Test(engine_supervisor_edges, supervision__that_fails_its_subscriber_ends_at_the_limit)
{
	family_start(NULL, NULL);
	watcher.on_msg = fail_on_event;
	cr_assert_eq(hm_supervision_subscribe(node.sys, watcher.pid), 0);
	child_fail(0);
	cr_assert_eq(hmt_seen_count(&watcher, HM_RESTARTING), 10);
	cr_assert_eq(hmt_seen_count(&watcher, HM_STOPPED), 1);
	hmt_node_end(&node);
}

Test(engine_supervisor_edges, subscribe__up_to_the_documented_maximum)
{
	static struct hmt_probe many[9];
	const uint32_t fitting = RTE_DIM(many) - 1;

	family_start(NULL, NULL);
	memset(many, 0, sizeof(many));
	for (uint32_t i = hm_event_subscriptions(node.sys); i < HM_EVENT_SUBSCRIPTIONS_MAX - fitting; i++)
		cr_assert_eq(hm_event_subscribe_pid(node.sys, HMT_EMPTY, 0, watcher.pid, NULL), 0);
	for (uint32_t i = 0; i < RTE_DIM(many); i++) {
		hmt_probe_spawn(&node, &many[i], i % 2, NULL);
		cr_assert_eq(hm_supervision_subscribe(node.sys, many[i].pid), i < fitting ? 0 : -ENOSPC, "%u",
			     i);
	}
	/* Once more is no other one. */
	cr_assert_eq(hm_supervision_subscribe(node.sys, many[0].pid), 0);
	child_fail(0);
	for (uint32_t i = 0; i < RTE_DIM(many); i++)
		cr_assert_eq(hmt_seen_count(&many[i], HM_SUPERVISION), i < fitting);
	hm_supervision_unsubscribe(node.sys, many[3].pid);
	cr_assert_eq(hm_supervision_subscribe(node.sys, many[RTE_DIM(many) - 1].pid), 0);
	hmt_node_end(&node);
}

/* The decider of one that waits for a decision itself fails: there is one decision for it, and the child goes on with it. */
static enum hm_directive
decide_and_fail(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)state;
	(void)failure;
	hm_fail(ctx, "the decider is broken");
}

Test(engine_supervisor_edges, decider__that_fails_while_its_actor_is_suspended)
{
	static const struct hm_supervisor broken = { .decide = decide_and_fail };
	static const struct hm_supervisor late = { .restarts = HM_RESTARTS_UNLIMITED,
						   .backoff = { .min_us = SECOND } };

	family_start(&late, &broken);
	hmt_do(&node, parent.pid, hmt_fail, NULL);
	child_fail(0);
	child_fail(1);
	cr_assert_eq(hmt_stats(&node).failed, 5, "the parent three times, and two children");
	cr_assert_eq(parent.count, 1);
	hmt_elapse(&node, 2 * SECOND);
	cr_assert_eq(hmt_seen_count(&parent, HM_RESTARTING), 1);
	cr_assert_eq(hmt_seen_count(&children[0], HM_STOPPED), 1);
	hmt_node_end(&node);
}
