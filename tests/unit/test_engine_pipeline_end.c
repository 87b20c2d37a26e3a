/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of pipelines, in order or at once; and of single stages, whatever the parent of the pipeline decides then.
 */
#include "hm_supervisor.h"
#include "test_engine_pipeline.h"

TestSuite(engine_pipeline_end, .init = hmt_eal_start);

/* ---- The end of all ------------------------------------------------------------------------------- */

static void
answer_same(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		(void)hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg));
}

Test(engine_pipeline_end, end__all_that_came_before_passes_through)
{
	struct stage keeping = { .index = 1, .kept = 17 };
	struct hm_stage own[STAGES] = { stages[0], { &props[1], &keeping }, stages[2] };
	struct hmt_question q = { .type = HMT_NUMBER, .number = 5 };
	struct hmt_probe clerk = { .on_msg = answer_same };
	struct spawning s;
	struct hmt_node node;

	node_start(&node);
	seen.clerk = hmt_probe_spawn(&node, &clerk, 0, NULL);
	pipeline_spawn(&node, &s, own, hm_pid_none());
	hmt_do(&node, owner.pid, hmt_watch, &s.pid);
	numbers_send(&node, s.pid, 0, 300);
	tell(&node, s.pid, END);
	numbers_send(&node, s.pid, 300, 5);
	tell(&node, s.pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled[2], 301);
	cr_assert_eq(seen.numbers[299], made(299));
	cr_assert_eq(seen.numbers[300], 17, "what a stage has put aside comes last");
	cr_assert_eq(seen.stopped, STAGES);
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&owner, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 6, "what came behind the end");
	cr_assert_eq(hmt_dead(&node), 6);
	q.to = s.pid;
	hmt_do(&node, owner.pid, hmt_ask, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&node);
}

Test(engine_pipeline_end, end__of_one_whose_stage_fails_for_good)
{
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	hmt_do(&node, owner.pid, hmt_watch, &s.pid);
	numbers_send(&node, s.pid, 0, 2);
	for (uint32_t i = 0; i < 11; i++)
		tell(&node, s.pid, BREAK);
	numbers_send(&node, s.pid, 2, 2);
	tell(&node, s.pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 1, "it ends all the same");
	cr_assert_eq(seen.stopped, STAGES);
	cr_assert_eq(seen.handled[2], 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_pipeline_end, stop__at_once_and_what_is_under_way_is_counted)
{
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	numbers_send(&node, s.pid, 0, 100);
	cr_assert_eq(hm_system_stop_actor(node.sys, s.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.stopped, STAGES);
	cr_assert_eq(seen.started[0], 1, "nothing begins anew");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
	/* And of a system that ends under it. */
	start(&node, &s);
	numbers_send(&node, s.pid, 0, 100);
	hmt_node_drop(&node);
}

/* ---- The end of one --------------------------------------------------------------------------------- */

Test(engine_pipeline_end, stop__of_a_stage_is_a_failure)
{
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	hmt_stop(&node, seen.pids[2]);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < STAGES; i++)
		cr_assert_eq(seen.started[i], 2);
	numbers_send(&node, s.pid, 1, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled[2], 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* Its parent, /user/parent, does as a test says when the pipeline fails. */
static struct {
	enum hm_directive directive;
	struct hm_pid pipeline;
	uint32_t started, decided, terminated;
} parent;

static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	cr_assert(hm_pid_equal(failure->actor, parent.pipeline));
	parent.decided++;
	return parent.directive;
}

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_pipeline pipeline = { .stages = stages, .count = STAGES, .end = END };

	(void)state;
	if (hm_msg_type(msg) == HM_STARTED) {
		parent.started++;
		cr_assert_eq(hm_pipeline_spawn(ctx, &pipeline, NULL, &parent.pipeline), 0);
	} else if (hm_msg_type(msg) == HM_TERMINATED) {
		parent.terminated++;
	}
}

static void
parent_start(struct hmt_node *node, enum hm_directive directive)
{
	static const struct hm_supervisor supervisor = { .decide = decide,
							 .restarts = HM_RESTARTS_UNLIMITED };
	static const struct hm_props parent_props = { .receive = parent_receive, .supervisor = &supervisor };
	struct hm_pid pid;

	node_start(node);
	memset(&parent, 0, sizeof(parent));
	parent.directive = directive;
	cr_assert_eq(hm_system_spawn(node->sys, &parent_props, "parent", NULL, &pid), 0);
	hmt_turn_until_idle(node);
}

/* As often as it is restarted, and once more. */
static void
fail_for_good(struct hmt_node *node, uint32_t stage)
{
	struct hm_pid pid = seen.pids[stage];

	seen.fails = stage;
	for (uint32_t i = 0; i < 11; i++)
		tell(node, pid, BREAK);
	hmt_turn_until_idle(node);
}

static void
stage_end(struct hmt_node *node, uint32_t stage, bool by_failure)
{
	if (by_failure)
		fail_for_good(node, stage);
	else
		hmt_stop(node, seen.pids[stage]);
	hmt_turn_until_idle(node);
}

/* The pipeline, with whatever stages it has, ends by `end`. */
static void
ends_in_order(struct hmt_node *node)
{
	uint32_t before = parent.terminated;

	hmt_do(node, owner.pid, hmt_watch, &parent.pipeline);
	tell(node, parent.pipeline, END);
	hmt_turn_until_idle(node);
	cr_assert_eq(parent.terminated, before + 1);
	cr_assert_eq(hmt_seen_last(&owner, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	cr_assert_eq(seen.stopped, seen.lives, "all that have begun");
	hmt_books_check(node->sys);
}

/* Each stage ends, stopped or failed for good: the parent decides once, since those behind it follow. */
static void
each_stage(enum hm_directive directive, void (*check)(struct hmt_node *node, uint32_t stage))
{
	for (uint32_t i = 0; i < 2 * STAGES; i++) {
		struct hmt_node node;

		parent_start(&node, directive);
		stage_end(&node, i / 2, i % 2 == 1);
		cr_assert_eq(parent.decided, 1, "%u", i);
		check(&node, i / 2);
		hmt_books_check(node.sys);
		hmt_node_end(&node);
	}
}

static void
has_gap(struct hmt_node *node, uint32_t stage)
{
	cr_assert_eq(seen.stopped, STAGES - stage, "it, and those behind it");
	numbers_send(node, parent.pipeline, 0, 5);
	hmt_turn_until_idle(node);
	cr_assert_eq(seen.handled[STAGES - 1], 0);
	cr_assert_eq(hmt_stats(node).dead[HM_DEAD_NO_PROCESS], 5, "at the gap");
	ends_in_order(node);
}

Test(engine_pipeline_end, resume__goes_on_with_a_gap_and_ends_in_order)
{
	each_stage(HM_DIRECTIVE_RESUME, has_gap);
}

Test(engine_pipeline_end, resume__of_one_that_has_lost_two_stages)
{
	struct hmt_node node;

	parent_start(&node, HM_DIRECTIVE_RESUME);
	stage_end(&node, 2, true);
	stage_end(&node, 0, true);
	cr_assert_eq(parent.decided, 2);
	ends_in_order(&node);
	hmt_node_end(&node);
}

Test(engine_pipeline_end, resume__of_one_that_ends_meanwhile)
{
	struct hmt_node node;

	parent_start(&node, HM_DIRECTIVE_RESUME);
	cr_assert_eq(hm_system_stop_actor(node.sys, seen.pids[1]), 0);
	ends_in_order(&node);
	hmt_node_end(&node);
}

static void
has_fresh_stages(struct hmt_node *node, uint32_t stage)
{
	(void)stage;
	cr_assert_eq(seen.stopped, STAGES);
	numbers_send(node, parent.pipeline, 0, 5);
	hmt_turn_until_idle(node);
	cr_assert_eq(seen.handled[STAGES - 1], 5);
	ends_in_order(node);
}

Test(engine_pipeline_end, restart__has_fresh_stages)
{
	each_stage(HM_DIRECTIVE_RESTART, has_fresh_stages);
	cr_assert_eq(parent.started, 1);
}

static void
is_gone(struct hmt_node *node, uint32_t stage)
{
	(void)node;
	(void)stage;
	cr_assert_eq(parent.terminated, 1);
	cr_assert_eq(seen.stopped, STAGES);
	cr_assert_eq(seen.lives, STAGES);
}

Test(engine_pipeline_end, stop__of_a_pipeline_that_has_lost_a_stage)
{
	each_stage(HM_DIRECTIVE_STOP, is_gone);
}

Test(engine_pipeline_end, escalate__restarts_the_parent)
{
	each_stage(HM_DIRECTIVE_ESCALATE, has_fresh_stages);
	cr_assert_eq(parent.started, 2);
}

/* ---- One that could not begin ------------------------------------------------------------------------ */

static const struct hm_supervisor resuming = { .directive = HM_DIRECTIVE_RESUME };

static void
unlucky_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props nowhere = STAGE_PROPS(.lcore = HM_LCORE(100));
	static const struct hm_stage bad[] = { { &nowhere, &args[0] }, { &props[1], &args[1] } };

	if (hm_msg_type(msg) == HM_STARTED)
		cr_assert_eq(hm_pipeline_spawn(ctx,
					       &(struct hm_pipeline){ .stages = bad, .count = 2, .end = END },
					       NULL, state),
			     0);
	else if (hm_msg_type(msg) >= HM_TYPE_USER)
		cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)state), HM_OK);
}

Test(engine_pipeline_end, resume__of_one_that_could_not_begin)
{
	static const struct hm_props unlucky = { .receive = unlucky_receive,
						 .state_size = sizeof(struct hm_pid),
						 .supervisor = &resuming };
	struct hmt_node node;
	struct hm_pid pid;

	node_start(&node);
	cr_assert_eq(hm_system_spawn(node.sys, &unlucky, NULL, NULL, &pid), 0);
	hmt_turn_until_idle(&node);
	numbers_send(&node, pid, 0, 3);
	tell(&node, pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 4);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}
