/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: order, who is answered, and what becomes of messages when stages fail, are slow, refuse or end.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hm_mailbox.h"
#include "hm_middleware.h"
#include "hm_pipeline.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_pipeline, .init = hmt_eal_start);

enum {
	END = HMT_TYPE_NEXT,
	BREAK, /* the middle stage fails with it */
};

#define STAGES 3u

/* What the stages of a test have seen. */
static struct {
	struct hm_pid pids[STAGES];
	struct hm_pid clerk; /* whom a stage asks when it ends */
	uint32_t started[STAGES], handled[STAGES], stopped;
	uint64_t numbers[1000];
} seen;

struct stage {
	struct hm_pid next;
	uint32_t index;
	uint64_t kept; /* by the middle one, to hand it on when it ends; 0: nothing */
};

static void
number_receive(struct hm_ctx *ctx, struct stage *stage, const struct hm_msg *msg)
{
	uint64_t number = *(const uint64_t *)hm_msg_body(msg);

	if (stage->index < STAGES - 1) {
		seen.handled[stage->index]++;
		number = number * 2 + 1;
		cr_assert_eq(hm_request_from(ctx, stage->next, hm_sender(ctx), HMT_NUMBER, &number), HM_OK);
		return;
	}
	seen.numbers[seen.handled[stage->index]++ % 1000] = number;
	if (!hm_pid_is_none(stage->next))
		cr_assert_eq(hm_forward(ctx, stage->next), HM_OK);
	else
		(void)hm_respond(ctx, HMT_NUMBER, &number);
}

/* What was put aside goes on when somebody else has answered. */
static void
on_advice(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct stage *stage = state;

	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert_eq(hm_send(ctx, stage->next, HMT_NUMBER, hm_msg_body(reply)), HM_OK);
}

static void
stage_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct stage *stage = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		seen.pids[stage->index] = hm_self(ctx);
		seen.started[stage->index]++;
		break;
	case HM_STOPPING:
		if (stage->kept != 0)
			cr_assert_eq(hm_ask(ctx, seen.clerk, HMT_NUMBER, &stage->kept, 1000000, on_advice,
					    NULL),
				     HM_OK);
		break;
	case HM_STOPPED:
		seen.stopped++;
		break;
	case HMT_NUMBER:
		number_receive(ctx, stage, msg);
		break;
	case BREAK:
		if (stage->index == 1)
			hm_fail(ctx, "broken");
		(void)hm_forward(ctx, stage->next);
		break;
	default:
		break;
	}
}

#define STAGE_PROPS(...)                                                      \
	{                                                                     \
		.receive = stage_receive, .state_size = sizeof(struct stage), \
		.args_size = sizeof(struct stage), __VA_ARGS__                \
	}

static const struct hm_props props[STAGES] = { STAGE_PROPS(.lcore = HM_LCORE(0)),
					       STAGE_PROPS(.lcore = HM_LCORE(1)),
					       STAGE_PROPS(.lcore = HM_LCORE(2)) };
static const struct stage args[STAGES] = { { .index = 0 }, { .index = 1 }, { .index = 2 } };
static const struct hm_stage stages[STAGES] = { { &props[0], &args[0] },
						{ &props[1], &args[1] },
						{ &props[2], &args[2] } };

struct spawning {
	struct hm_pipeline pipeline;
	struct hm_pid pid;
	int rc;
};

static void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct spawning *s = arg;

	s->rc = hm_pipeline_spawn(ctx, &s->pipeline, NULL, &s->pid);
}

static struct hmt_probe owner;

static void
pipeline_spawn(struct hmt_node *node, struct spawning *s, const struct hm_stage *of, struct hm_pid to)
{
	s->pipeline = (struct hm_pipeline){ .stages = of, .count = STAGES, .end = END, .to = to };
	hmt_do(node, owner.pid, spawn, s);
	cr_assert_eq(s->rc, 0);
	hmt_turn_until_idle(node);
}

static void
node_start(struct hmt_node *node)
{
	static const struct hm_type types[] = { { .id = END, .name = "end" },
						{ .id = BREAK, .name = "break" } };

	memset(&seen, 0, sizeof(seen));
	hmt_node_start(node, STAGES);
	for (uint32_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(node->sys, &types[i]), 0);
	owner = (struct hmt_probe){ 0 };
	hmt_probe_spawn(node, &owner, 0, NULL);
}

static void
start(struct hmt_node *node, struct spawning *s)
{
	node_start(node);
	pipeline_spawn(node, s, stages, hm_pid_none());
	for (uint32_t i = 0; i < STAGES; i++)
		cr_assert_eq(seen.started[i], 1);
}

static void
numbers_send(struct hmt_node *node, struct hm_pid to, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		hmt_number(node, to, first + i);
}

static void
tell(struct hmt_node *node, struct hm_pid to, uint16_t type)
{
	cr_assert_eq(hm_system_send(node->sys, to, type, NULL), HM_OK);
}

/* What the last stage makes of a number. */
static uint64_t
made(uint64_t number)
{
	return 4 * number + 3;
}

struct question {
	struct hm_pid to;
	uint16_t type;
	uint32_t result; /* 1 + enum hm_future_result */
	uint64_t number;
};

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct question *q = arg;

	(void)ctx;
	(void)state;
	q->result = 1 + (uint32_t)result;
	if (reply != NULL)
		q->number = *(const uint64_t *)hm_msg_body(reply);
}

static void
ask(struct hm_ctx *ctx, void *arg)
{
	struct question *q = arg;
	uint64_t number = 5;

	cr_assert_eq(hm_ask(ctx, q->to, q->type, q->type == HMT_NUMBER ? &number : NULL, 1000000, on_answer,
			    q),
		     HM_OK);
}

Test(engine_pipeline, work__in_order_and_the_asker_is_answered)
{
	struct question q = { .type = HMT_NUMBER };
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	numbers_send(&node, s.pid, 0, 500);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled[2], 500);
	for (uint64_t i = 0; i < 500; i++)
		cr_assert_eq(seen.numbers[i], made(i));
	q.to = s.pid;
	hmt_do(&node, owner.pid, ask, &q);
	hmt_turn_until_idle(&node);
	cr_assert_eq(q.result, 1 + HM_FUTURE_REPLY);
	cr_assert_eq(q.number, made(5));
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_pipeline, fail__the_message_alone_is_lost_and_its_asker_told)
{
	struct question q = { .type = BREAK };
	struct spawning s;
	struct hmt_node node;

	start(&node, &s);
	q.to = s.pid;
	numbers_send(&node, s.pid, 0, 10);
	hmt_do(&node, owner.pid, ask, &q);
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

Test(engine_pipeline, stop__of_a_stage_is_a_failure)
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

static void
answer_same(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		(void)hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg));
}

Test(engine_pipeline, end__all_that_came_before_passes_through)
{
	struct stage keeping = { .index = 1, .kept = 17 };
	struct hm_stage own[STAGES] = { stages[0], { &props[1], &keeping }, stages[2] };
	struct question q = { .type = HMT_NUMBER };
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
	hmt_do(&node, owner.pid, ask, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&node);
}

Test(engine_pipeline, end__of_one_whose_stage_fails_for_good)
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

Test(engine_pipeline, stop__at_once_and_what_is_under_way_is_counted)
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
	struct question q = { .type = HMT_NUMBER };
	struct spawning first, second;
	struct hmt_node node;

	start(&node, &second);
	pipeline_spawn(&node, &first, stages, second.pid);
	q.to = first.pid;
	hmt_do(&node, owner.pid, ask, &q);
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
	static const struct hm_middleware *const many[HM_MIDDLEWARE_MAX + 1] = {
		&counting, &counting, &counting, &counting, &counting, &counting, &counting, &counting,
		&counting, &counting, &counting, &counting, &counting, &counting, &counting, &counting,
	};
	static const struct hm_props nowhere = STAGE_PROPS(.lcore = HM_LCORE(100)),
				     full = STAGE_PROPS(.lcore = HM_LCORE(0), .middleware = many);
	const struct hm_props *bad[] = { &nowhere, &full };

	for (uint32_t i = 0; i < RTE_DIM(bad); i++) {
		struct hm_stage own[STAGES] = { stages[0], { bad[i], &args[1] }, stages[2] };
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
}

/* A parent that has it go on, although it could not begin. */
static const struct hm_supervisor resuming = { .directive = HM_DIRECTIVE_RESUME };

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
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

Test(engine_pipeline, resume__of_one_that_could_not_begin)
{
	static const struct hm_props parent = { .receive = parent_receive,
						.state_size = sizeof(struct hm_pid),
						.supervisor = &resuming };
	struct hmt_node node;
	struct hm_pid pid;

	node_start(&node);
	cr_assert_eq(hm_system_spawn(node.sys, &parent, NULL, NULL, &pid), 0);
	hmt_turn_until_idle(&node);
	numbers_send(&node, pid, 0, 3);
	tell(&node, pid, END);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 4);
	hmt_books_check(node.sys);
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
