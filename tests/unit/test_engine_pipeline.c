/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: order, who is answered, and what becomes of messages when stages fail, are slow or refuse.
 */
#include <errno.h>

#include "hm_mailbox.h"
#include "hm_middleware.h"
#include "test_engine_pipeline.h"

TestSuite(engine_pipeline, .init = hmt_eal_start);

Test(engine_pipeline, work__in_order_and_the_asker_is_answered)
{
	struct hmt_question q = { .type = HMT_NUMBER, .number = 5 };
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	numbers_send(&node, s.pid, 0, 500);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled[2], 500);
	for (uint64_t i = 0; i < 500; i++)
		cr_assert_eq(seen.numbers[i], made(i));
	q.to = s.pid;
	hmt_do(&node, owner.pid, hmt_ask, &q);
	hmt_turn_until_idle(&node);
	cr_assert_eq(q.result, 1 + HM_FUTURE_REPLY);
	cr_assert_eq(q.number, made(5));
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_pipeline, fail__the_message_alone_is_lost_and_its_asker_told)
{
	struct hmt_question q = { .type = BREAK };
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	q.to = s.pid;
	numbers_send(&node, s.pid, 0, 10);
	hmt_do(&node, owner.pid, hmt_ask, &q);
	numbers_send(&node, s.pid, 10, 10);
	hmt_turn_until_idle(&node);
	cr_assert_eq(q.result, 1 + HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1);
	cr_assert_eq(seen.started[1], 2, "the stage was restarted");
	cr_assert_eq(seen.started[0], 1, "others were not");
	cr_assert_eq(seen.handled[2], 20);
	for (uint64_t i = 0; i < 20; i++)
		cr_assert_eq(seen.numbers[i], made(i));
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_pipeline, fail__for_good_and_it_begins_anew)
{
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	for (uint32_t i = 0; i < 11; i++)
		tell(&node, s.pid, BREAK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 11);
	cr_assert_eq(seen.stopped, 3);
	cr_assert_eq(seen.started[0], 2);
	cr_assert_eq(seen.started[2], 2);
	numbers_send(&node, s.pid, 7, 3);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled[2], 3);
	cr_assert_eq(seen.numbers[0], made(7));
	hmt_node_end(&node);
}

/* A producer, an actor, so that it can be muted. */
static void
produce(struct hm_ctx *ctx, void *arg)
{
	for (uint64_t i = 0; i < 400; i++)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)arg, HMT_NUMBER, &i), HM_OK);
}

Test(engine_pipeline, overload__those_before_wait_and_nothing_is_lost)
{
	static const struct hm_mailbox small = { .capacity = 8, .low = 2 };
	static const struct hm_props narrow[STAGES] = { STAGE_PROPS(.lcore = HM_LCORE(0), .mailbox = &small),
							STAGE_PROPS(.lcore = HM_LCORE(1), .mailbox = &small),
							STAGE_PROPS(.lcore = HM_LCORE(2), .mailbox = &small,
								    .quantum = 1) };
	static const struct hm_stage slow[STAGES] = { { &narrow[0], &args[0] },
						      { &narrow[1], &args[1] },
						      { &narrow[2], &args[2] } };
	struct spawning s;
	struct hmt_node node;

	node_start(&node);
	pipeline_spawn(&node, &s, slow, hm_pid_none());
	hmt_do(&node, owner.pid, produce, &s.pid);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled[2], 400);
	for (uint64_t i = 0; i < 400; i++)
		cr_assert_eq(seen.numbers[i], made(i));
	cr_assert_gt(hmt_stats(&node).mutes, 2);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_pipeline, overload__a_stage_that_rejects)
{
	static const struct hm_mailbox few = { .capacity = 4, .overflow = HM_OVERFLOW_REJECT };
	static const struct hm_props rejecting = STAGE_PROPS(.lcore = HM_LCORE(0), .mailbox = &few);
	static const struct hm_stage own[STAGES] = { { &rejecting, &args[0] },
						     { &props[1], &args[1] },
						     { &props[2], &args[2] } };
	struct spawning s;
	struct hmt_node node;

	node_start(&node);
	pipeline_spawn(&node, &s, own, hm_pid_none());
	numbers_send(&node, s.pid, 0, 50);
	hmt_turn_until_idle(&node);
	cr_assert_gt(hmt_stats(&node).dead[HM_DEAD_REJECTED], 0);
	cr_assert_eq(seen.handled[2] + hmt_stats(&node).dead[HM_DEAD_REJECTED], 50);
	hmt_node_end(&node);
}

Test(engine_pipeline, to__another_pipeline_which_answers)
{
	struct hmt_question q = { .type = HMT_NUMBER, .number = 5 };
	struct spawning first, second;
	struct hmt_node node;

	start(&node, &second);
	pipeline_spawn(&node, &first, stages, second.pid);
	q.to = first.pid;
	hmt_do(&node, owner.pid, hmt_ask, &q);
	hmt_turn_until_idle(&node);
	cr_assert_eq(q.result, 1 + HM_FUTURE_REPLY);
	cr_assert_eq(q.number, made(made(5)));
	/* The end of one is not that of the next. */
	tell(&node, first.pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.stopped, STAGES);
	numbers_send(&node, second.pid, 1, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

/* ---- Making ------------------------------------------------------------------------------------- */

static uint32_t counted;

static void
count_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	(void)arg;
	counted += hm_msg_type(msg) == HMT_NUMBER;
	hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware counting = { .name = "counting", .receive = count_receive };

Test(engine_pipeline, spawn__stages_with_middleware_of_their_own)
{
	static const struct hm_middleware *const own[] = { &counting, NULL };
	static const struct hm_props with = STAGE_PROPS(.lcore = HM_LCORE(0), .middleware = own);
	static const struct hm_stage some[STAGES] = { { &with, &args[0] },
						      { &with, &args[1] },
						      { &with, &args[2] } };
	struct spawning s;
	struct hmt_node node;

	counted = 0;
	node_start(&node);
	pipeline_spawn(&node, &s, some, hm_pid_none());
	numbers_send(&node, s.pid, 0, 4);
	tell(&node, s.pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(counted, 4 * STAGES);
	cr_assert_eq(seen.stopped, STAGES);
	hmt_node_end(&node);
}

Test(engine_pipeline, spawn__a_stage_that_cannot_be_made)
{
	static const struct hm_props nowhere = STAGE_PROPS(.lcore = HM_LCORE(100));
	struct hm_stage own[STAGES] = { stages[0], { &nowhere, &args[1] }, stages[2] };
	struct spawning s;
	struct hmt_node node;

	node_start(&node);
	pipeline_spawn(&node, &s, own, hm_pid_none());
	/* It has failed as often as its parent lets it. */
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&owner, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_eq(seen.started[2], seen.stopped);
	hmt_node_end(&node);
}

/* A stage with so many of its own, in the middle of a pipeline; what spawn answers. */
static int
crowded_spawn(struct hmt_node *node, struct hm_pid parent, uint32_t count)
{
	static const struct hm_middleware *many[HM_MIDDLEWARE_MAX + 2];
	static const struct hm_props crowded = STAGE_PROPS(.lcore = HM_LCORE(0), .middleware = many);
	static const struct hm_stage own[STAGES] = { { &props[0], &args[0] },
						     { &crowded, &args[1] },
						     { &props[2], &args[2] } };
	struct spawning s = { .pipeline = { .stages = own, .count = STAGES } };

	for (uint32_t i = 0; i < RTE_DIM(many); i++)
		many[i] = i < count ? &counting : NULL;
	hmt_do(node, parent, spawn, &s);
	hmt_turn_until_idle(node);
	return s.rc;
}

/* The pipeline has one of its own, and what its parent hands down counts, too. */
Test(engine_pipeline, spawn__a_stage_with_more_middleware_than_there_is_room_for)
{
	static const struct hm_middleware handed_down = { .receive = count_receive, .inherited = true };
	static const struct hm_middleware *const both[] = { &counting, &handed_down, NULL };
	struct hmt_probe heir = { 0 }, *probe = &heir;
	struct hm_props with = *hmt_probe_props(0);
	struct hmt_node node;

	node_start(&node);
	with.middleware = both;
	cr_assert_eq(hm_system_spawn(node.sys, &with, NULL, &probe, &heir.pid), 0);
	cr_assert_eq(crowded_spawn(&node, owner.pid, HM_MIDDLEWARE_MAX), -E2BIG);
	cr_assert_eq(crowded_spawn(&node, owner.pid, HM_MIDDLEWARE_MAX + 1), -E2BIG);
	cr_assert_eq(crowded_spawn(&node, heir.pid, HM_MIDDLEWARE_MAX - 1), -E2BIG);
	cr_assert_eq(seen.started[1], 0);
	cr_assert_eq(crowded_spawn(&node, owner.pid, HM_MIDDLEWARE_MAX - 1), 0);
	cr_assert_eq(crowded_spawn(&node, heir.pid, HM_MIDDLEWARE_MAX - 2), 0);
	cr_assert_eq(seen.started[1], 2);
	hmt_node_end(&node);
}

Test(engine_pipeline, spawn__limits)
{
	static const struct hm_props short_args = { .receive = stage_receive,
						    .state_size = sizeof(struct stage),
						    .args_size = sizeof(struct hm_pid) - 1 };
	static const struct hm_stage without = { .props = NULL }, too_short = { .props = &short_args };
	struct hm_stage most[HM_STAGES_MAX + 1];
	struct spawning s;
	struct hmt_node node;

	for (uint32_t i = 0; i < RTE_DIM(most); i++)
		most[i] = (struct hm_stage){ .props = &props[0] }; /* no args: zeros */
	start(&node, &s);
	struct hm_pipeline bad[] = {
		{ .stages = NULL, .count = 1 },
		{ .stages = stages, .count = 0 },
		{ .stages = most, .count = HM_STAGES_MAX + 1 },
		{ .stages = stages, .count = 1, .end = HM_STARTED },
		{ .stages = &without, .count = 1 },
		{ .stages = &too_short, .count = 1 },
	};

	for (uint32_t i = 0; i < RTE_DIM(bad); i++) {
		s.pipeline = bad[i];
		hmt_do(&node, owner.pid, spawn, &s);
		cr_assert_eq(s.rc, -EINVAL, "%u", i);
	}
	s.pipeline = (struct hm_pipeline){ .stages = most, .count = HM_STAGES_MAX };
	hmt_do(&node, owner.pid, spawn, &s);
	hmt_turn_until_idle(&node);
	cr_assert_eq(s.rc, 0);
	cr_assert_eq(seen.started[0], 1 + HM_STAGES_MAX);
	/* Without a message for the end all are alike. */
	tell(&node, s.pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.stopped, 0);
	hmt_node_end(&node);
}
