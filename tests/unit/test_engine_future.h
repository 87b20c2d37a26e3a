/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_FUTURE_H
#define TEST_ENGINE_FUTURE_H

/*
 * An actor that asks, one that answers, and what came of each request.
 */

#include <criterion/criterion.h>

#include "hmt_actor.h"

/* One request, and how it ended. */
struct future_request {
	struct hm_pid to;
	uint64_t timeout_us;
	uint64_t number;
	hm_reply_fn *then; /* what the reply goes to; NULL: on_reply */
	enum hm_result asked;
	/* the end */
	uint32_t ends;
	enum hm_future_result result;
	uint64_t answer;
	struct hm_pid from;
	const struct hmt_probe *asker; /* NULL: not looked at */
	uint32_t asker_count;          /* what the asker had seen by then */
};

static inline void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct future_request *request = arg;

	cr_assert_eq((reply != NULL), (result == HM_FUTURE_REPLY));
	cr_assert_not_null(*(struct hmt_probe **)state);
	request->ends++;
	request->result = result;
	if (reply != NULL && hm_msg_type(reply) == HMT_NUMBER)
		request->answer = *(const uint64_t *)hm_msg_body(reply);
	if (reply != NULL && hm_msg_type(reply) == HM_IDENTITY)
		request->from = ((const struct hm_identity *)hm_msg_body(reply))->pid;
	else
		request->from = hm_sender(ctx);
	if (request->asker != NULL)
		request->asker_count = request->asker->count;
}

static inline void
ask(struct hm_ctx *ctx, void *arg)
{
	struct future_request *request = arg;

	request->asked = hm_ask(ctx, request->to, HMT_NUMBER, &request->number, request->timeout_us,
				request->then != NULL ? request->then : on_reply, request);
}

/* Answers each number by twice the number; what is told to wait, later. */
struct future_oracle {
	struct hm_pid asker;
	uint64_t number;
	bool is_slow, is_twice;
};

static inline void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct future_oracle *oracle = probe->arg;
	uint64_t number;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = 2 * *(const uint64_t *)hm_msg_body(msg);
	oracle->asker = hm_sender(ctx);
	oracle->number = number;
	if (!oracle->is_slow)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
	if (oracle->is_twice)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

static inline void
answer_now(struct hm_ctx *ctx, void *arg)
{
	struct future_oracle *oracle = arg;

	cr_assert_eq(hm_send(ctx, oracle->asker, HMT_NUMBER, &oracle->number), HM_OK);
}

struct future_scene {
	struct hmt_node node;
	struct hmt_probe asker, answerer;
	struct future_oracle oracle;
	struct future_request request;
};

static inline void
scene_start(struct future_scene *s, uint32_t asker_lcore, uint32_t answerer_lcore)
{
	memset(s, 0, sizeof(*s));
	s->answerer.on_msg = answer;
	s->answerer.arg = &s->oracle;
	s->request.number = 21;
	s->request.timeout_us = 1000;
	hmt_node_start(&s->node, 3);
	hmt_probe_spawn(&s->node, &s->asker, asker_lcore, "asker");
	s->request.to = hmt_probe_spawn(&s->node, &s->answerer, answerer_lcore, "answerer");
	hmt_turn_until_idle(&s->node);
}

/* Futures and granted slots that are taken, on all lcores. */
static inline uint32_t
cells_live(const struct hmt_node *node)
{
	return (uint32_t)hmt_lcores_sum(node, hmt_slots_live);
}

#endif /* TEST_ENGINE_FUTURE_H */
