/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_BATCH_H
#define TEST_ENGINE_BATCH_H

/*
 * One who asks several together, and what came of it.
 */

#include "test_engine_shared.h"

#define FEWER 6u

/* One asks several; what came of it. */
struct scene {
	struct hmt_node node;
	struct hmt_probe asker, answerers[FEWER];
	struct future_oracle oracles[FEWER];
	struct hm_batch_request requests[HM_BATCH_MAX];
	uint64_t numbers[HM_BATCH_MAX];
	struct hm_batch batch;
	enum hm_result asked;
	struct hm_pid customer; /* in whose message's turn it is asked; nobody: there is none */
	uint32_t live;
	/* the end */
	uint32_t ends, count, answered;
	enum hm_future_result result, results[HM_BATCH_MAX];
	uint64_t answers[HM_BATCH_MAX];
	struct hm_pid senders[HM_BATCH_MAX];
};

static inline void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct scene *s = arg;

	cr_assert_not_null(*(struct hmt_probe **)state);
	cr_assert_eq(hm_msg_type(reply), HM_REPLIES);
	cr_assert_eq(ctx->msg, reply, "the engine's to release");
	cr_assert(hm_pid_equal(hm_sender(ctx), s->customer));
	cr_assert_eq(hm_forward(ctx, hm_self(ctx)), HM_NO_RECEIVER);
	s->ends++;
	s->result = result;
	s->count = hm_replies_count(reply);
	s->answered = hm_replies_answered(reply);
	for (uint32_t i = 0; i < s->count; i++) {
		const struct hm_msg *answer = hm_replies_get(reply, i);

		s->results[i] = hm_replies_result(reply, i);
		cr_assert_eq(answer != NULL, s->results[i] == HM_FUTURE_REPLY);
		s->answers[i] = answer != NULL ? *(const uint64_t *)hm_msg_body(answer) : 0;
		s->senders[i] = answer != NULL ? hm_msg_sender(answer) : hm_pid_none();
	}
	cr_assert_null(hm_replies_get(reply, s->count));
	cr_assert_eq(hm_replies_result(reply, s->count), HM_FUTURE_CANCELLED);
}

static inline void
start_with(struct scene *s, uint64_t memory)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start_with(&s->node, 3, memory, NULL);
	hmt_probe_spawn(&s->node, &s->asker, 0, NULL);
	for (uint32_t i = 0; i < FEWER; i++) {
		s->answerers[i].on_msg = answer;
		s->answerers[i].arg = &s->oracles[i];
		hmt_probe_spawn(&s->node, &s->answerers[i], i % 3, NULL);
	}
	for (uint32_t i = 0; i < HM_BATCH_MAX; i++) {
		s->numbers[i] = 100 + i;
		s->requests[i] = (struct hm_batch_request){ .to = s->answerers[i % FEWER].pid,
							    .type = HMT_NUMBER,
							    .body = &s->numbers[i] };
	}
	s->batch = (struct hm_batch){
		.requests = s->requests, .count = FEWER, .timeout_us = 1000, .on_end = on_end, .arg = s
	};
	hmt_turn_until_idle(&s->node);
	s->live = cells_live(&s->node);
}

static inline void
start(struct scene *s)
{
	start_with(s, 0);
}

static inline void
batch_ask(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	s->asked = hm_ask_batch(ctx, &s->batch);
}

static inline void
go(struct scene *s)
{
	hmt_do(&s->node, s->asker.pid, batch_ask, s);
	cr_assert_eq(s->asked, HM_OK);
}

static inline void
finish(struct scene *s)
{
	hmt_elapse(&s->node, 5000);
	cr_assert_eq(s->ends, 1);
	cr_assert_eq(cells_live(&s->node), s->live);
	hmt_node_end(&s->node);
}

#endif /* TEST_ENGINE_BATCH_H */
