/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who decides on a failure, and who is told of it: functions of the parent, its own supervisor if it escalates, the guardian;
 * subscribers.
 */
#include <criterion/criterion.h>

#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_family.h"
#include "hmt_log.h"

TestSuite(engine_decider, .init = hmt_eal_start);

static struct hmt_family family;

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

Test(engine_decider, decider__decides_each_failure)
{
	static const struct hm_supervisor own = { .restarts = HM_RESTARTS_UNLIMITED,
						  .decide = decide_by_reason };

	hmt_family_start(&family, &own);
	hmt_child_fail(&family, 0);
	cr_assert_eq(family.children[0].count, 2, "started, number");
	hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_child_restarts(&family, 0), 1);
	hmt_child_fail(&family, 0);
	cr_assert(hmt_child_is_gone(&family, 0));
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

Test(engine_decider, decider__of_no_directive_stops)
{
	static const struct hm_supervisor own = { .decide = decide_nonsense, .restarts = 5 };

	hmt_family_start(&family, &own);
	hmt_child_fail(&family, 0);
	cr_assert(hmt_child_is_gone(&family, 0));
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
Test(engine_decider, decider__that_fails_is_a_failure_of_its_actor)
{
	static const struct hm_supervisor own = { .decide = decide_and_fail, .restarts = 5 };

	hmt_family_start(&family, &own);
	hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_seen_count(&family.parent, HM_RESTARTING), 1);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert(hmt_child_is_gone(&family, i));
	cr_assert_str_eq(hmt_decision_last(&family)->failure.reason, "the decider is broken");
	hmt_node_end(&family.node);
}

/* ---- Escalation ------------------------------------------------------------------------------------ */

Test(engine_decider, escalate__restarts_the_parent_by_its_own_supervisor)
{
	static const struct hm_supervisor escalate = { .directive = HM_DIRECTIVE_ESCALATE };

	hmt_family_start(&family, &escalate);
	hmt_child_fail(&family, 3);
	cr_assert_eq(family.decisions_count, 2);
	cr_assert_eq(family.decisions[0].directive, HM_DIRECTIVE_ESCALATE);
	cr_assert_eq(family.decisions[1].directive, HM_DIRECTIVE_RESTART);
	cr_assert(hm_pid_equal(family.decisions[1].failure.actor, family.parent.pid));
	cr_assert(hm_pid_equal(family.decisions[1].failure.origin, family.children[3].pid));
	cr_assert_eq(hmt_seen_count(&family.parent, HM_RESTARTING), 1);
	cr_assert_eq(hmt_seen_count(&family.parent, HM_STARTED), 2);
	for (uint32_t i = 0; i < HMT_CHILDREN; i++)
		cr_assert(hmt_child_is_gone(&family, i));
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
	hmt_family_start(&family, supervisor);
	family.node.sys->guardian.supervisor = guardian;
}

/* Suspended meanwhile, it goes on, and so does the child for which it has failed. */
Test(engine_decider, escalate__that_is_resumed_resumes_the_child)
{
	static const struct hm_supervisor escalate = { .directive = HM_DIRECTIVE_ESCALATE };

	guarded_start(&guardian_resumes, &escalate);
	hmt_child_fail(&family, 1);
	hmt_child_fail(&family, 0);
	hmt_number(&family.node, family.parent.pid, 1);
	hmt_child_fail(&family, 1);
	cr_assert_eq(hmt_seen_count(&family.children[1], HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&family.parent, HMT_NUMBER), 1);
	cr_assert_eq(hmt_child_restarts(&family, 1), 0);
	hmt_node_end(&family.node);
}

Test(engine_decider, escalate__beyond_user_stops_the_system)
{
	static const struct hm_supervisor escalate = { .directive = HM_DIRECTIVE_ESCALATE };
	struct hmt_log log;

	guarded_start(&guardian_escalates, &escalate);
	hmt_log_start(&log);
	hmt_child_fail(&family, 2);
	cr_assert(hmt_log_has(&log, "was escalated beyond /user: the system stops: told to fail"), "%s",
		  hmt_log_text(&log));
	hmt_log_end(&log);
	cr_assert(atomic_load(&family.node.sys->actors_gone));
	hmt_node_end(&family.node);
}

Test(engine_decider, guardian__has_the_strategy_of_the_configuration)
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

/* ---- Misuse, subscribers ------------------------------------------------------------------------ */

Test(engine_decider, props__with_a_wrong_strategy_are_refused)
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

	hmt_family_start(&family, NULL);
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		props.supervisor = &wrong[i];
		cr_assert_eq(hm_system_spawn(family.node.sys, &props, NULL, &probe, &pid), -EINVAL, "%zu", i);
	}
	props.supervisor = NULL;
	props.faults = HM_FAULTS_ABORT + 1;
	cr_assert_eq(hm_system_spawn(family.node.sys, &props, NULL, &probe, &pid), -EINVAL);
	hmt_node_end(&family.node);
}

Test(engine_decider, subscribe__ends_with_the_actor_and_refuses_strangers)
{
	struct hm_pid stranger = { 1, 1 };

	hmt_family_start(&family, NULL);
	cr_assert_eq(hm_supervision_subscribe(family.node.sys, stranger), -EINVAL);
	cr_assert_eq(hm_supervision_subscribe(NULL, family.subscriber.pid), -EINVAL);
	hm_supervision_unsubscribe(NULL, family.subscriber.pid);
	hmt_child_fail(&family, 0);
	cr_assert_eq(family.decisions_count, 1);
	hm_supervision_unsubscribe(family.node.sys, family.subscriber.pid);
	hmt_child_fail(&family, 0);
	cr_assert_eq(family.decisions_count, 1);
	cr_assert_eq(hm_supervision_subscribe(family.node.sys, family.subscriber.pid), 0);
	hmt_stop(&family.node, family.subscriber.pid);
	hmt_child_fail(&family, 0);
	cr_assert_eq(hmt_dead(&family.node), hmt_stats(&family.node).dead[HM_DEAD_FAILED]);
	hmt_node_end(&family.node);
}

Test(engine_decider, names__of_directives)
{
	cr_assert_str_eq(hm_directive_name(HM_DIRECTIVE_RESTART), "restart");
	cr_assert_str_eq(hm_directive_name(HM_DIRECTIVE_ESCALATE), "escalate");
	cr_assert_str_eq(hm_directive_name((enum hm_directive)9), "unknown");
}
