/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_PIPELINE_H
#define TEST_ENGINE_PIPELINE_H

/*
 * A pipeline of three stages, one on each lcore, which note what they see; its parent is a probe.
 */

#include <criterion/criterion.h>

#include "hm_pipeline.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

enum {
	END = HMT_TYPE_NEXT,
	BREAK, /* a stage fails with it: seen.fails */
};

#define STAGES 3u

/* What the stages of a test have seen. */
static struct {
	struct hm_pid pids[STAGES];
	struct hm_pid clerk; /* whom a stage asks when it ends */
	uint32_t started[STAGES], handled[STAGES], stopped;
	uint32_t lives; /* of all stages, restarts not counted */
	uint32_t fails; /* the stage that does, by BREAK */
	uint64_t numbers[1000];
} seen;

struct stage {
	struct hm_pid next;
	uint32_t index;
	uint64_t kept; /* by the middle one, to hand it on when it ends; 0: nothing */
};

static inline void
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
static inline void
on_advice(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct stage *stage = state;

	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert_eq(hm_send(ctx, stage->next, HMT_NUMBER, hm_msg_body(reply)), HM_OK);
}

static inline void
stage_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct stage *stage = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		seen.lives += !hm_pid_equal(seen.pids[stage->index], hm_self(ctx));
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
		if (stage->index == seen.fails)
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

static inline void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct spawning *s = arg;

	s->rc = hm_pipeline_spawn(ctx, &s->pipeline, NULL, &s->pid);
}

static struct hmt_probe owner;

static inline void
pipeline_spawn(struct hmt_node *node, struct spawning *s, const struct hm_stage *of, struct hm_pid to)
{
	s->pipeline = (struct hm_pipeline){ .stages = of, .count = STAGES, .end = END, .to = to };
	hmt_do(node, owner.pid, spawn, s);
	cr_assert_eq(s->rc, 0);
	hmt_turn_until_idle(node);
}

static inline void
node_start(struct hmt_node *node)
{
	static const struct hm_type types[] = { { .id = END, .name = "end" },
						{ .id = BREAK, .name = "break" } };

	memset(&seen, 0, sizeof(seen));
	seen.fails = 1;
	hmt_node_start(node, STAGES);
	for (uint32_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(node->sys, &types[i]), 0);
	owner = (struct hmt_probe){ 0 };
	hmt_probe_spawn(node, &owner, 0, NULL);
}

static inline void
start(struct hmt_node *node, struct spawning *s)
{
	node_start(node);
	pipeline_spawn(node, s, stages, hm_pid_none());
	for (uint32_t i = 0; i < STAGES; i++)
		cr_assert_eq(seen.started[i], 1);
}

static inline void
numbers_send(struct hmt_node *node, struct hm_pid to, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		hmt_number(node, to, first + i);
}

static inline void
tell(struct hmt_node *node, struct hm_pid to, uint16_t type)
{
	cr_assert_eq(hm_system_send(node->sys, to, type, NULL), HM_OK);
}

/* What the last stage makes of a number. */
static inline uint64_t
made(uint64_t number)
{
	return 4 * number + 3;
}

#endif /* TEST_ENGINE_PIPELINE_H */
