/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: a reply, or the reason why there is none, exactly once.
 */
#include "hmt_eal.h"
#include "test_engine_future.h"

TestSuite(engine_future, .init = hmt_eal_start);

Test(engine_future, ask__reply_ends_it_on_every_pair_of_lcores)
{
	static struct future_scene s;

	for (uint32_t pair = 0; pair < 9; pair++) {
		uint32_t live;

		scene_start(&s, pair / 3, pair % 3);
		live = cells_live(&s.node);
		hmt_do(&s.node, s.asker.pid, ask, &s.request);
		cr_assert_eq(s.request.asked, HM_OK);
		cr_assert_eq(s.request.ends, 1);
		cr_assert_eq(s.request.result, HM_FUTURE_REPLY);
		cr_assert_eq(s.request.answer, 42);
		cr_assert(hm_pid_equal(s.request.from, s.answerer.pid));
		cr_assert_eq(hmt_seen_count(&s.asker, HMT_NUMBER), 0, "not for the receive function");
		/* Neither the deadline nor a slot is left. */
		cr_assert_eq(cells_live(&s.node), live);
		hmt_elapse(&s.node, 10000);
		cr_assert_eq(s.request.ends, 1);
		hmt_node_end(&s.node);
	}
}

Test(engine_future, ask__timeout_comes_at_the_deadline_and_not_before)
{
	static struct future_scene s;

	scene_start(&s, 1, 2);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	hmt_elapse(&s.node, 999);
	cr_assert_eq(s.request.ends, 0);
	hmt_elapse(&s.node, 3);
	cr_assert_eq(s.request.ends, 1);
	cr_assert_eq(s.request.result, HM_FUTURE_TIMEOUT);
	cr_assert(hm_pid_is_none(s.request.from));
	hmt_node_end(&s.node);
}

static void
idle_long_and_ask(struct hm_ctx *ctx, void *arg)
{
	struct future_scene *s = arg;

	/* The turn has taken longer than the timeout. */
	s->node.now_ns += 50000000;
	ask(ctx, &s->request);
}

Test(engine_future, ask__deadline_counts_from_the_call_not_from_the_turns_start)
{
	static struct future_scene s;
	static struct future_request first;

	scene_start(&s, 0, 0);
	/* Another future, so that the lcore's wheel is in use. */
	first = s.request;
	first.timeout_us = 1000000;
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &first);
	s.oracle.is_slow = false;
	hmt_do(&s.node, s.asker.pid, idle_long_and_ask, &s);
	cr_assert_eq(s.request.ends, 1);
	cr_assert_eq(s.request.result, HM_FUTURE_REPLY);
	hmt_elapse(&s.node, 1000000);
	cr_assert_eq(first.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

Test(engine_future, ask__a_dead_receiver_ends_it_at_once)
{
	static struct future_scene s;

	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		scene_start(&s, 1, lcore);
		hmt_stop(&s.node, s.answerer.pid);
		hmt_do(&s.node, s.asker.pid, ask, &s.request);
		cr_assert_eq(s.request.ends, 1);
		cr_assert_eq(s.request.result, HM_FUTURE_DEAD_LETTER);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], 1);
		hmt_node_end(&s.node);
	}
}

Test(engine_future, ask__a_receiver_that_stops_with_the_request_unread_ends_it)
{
	static struct future_scene s;

	scene_start(&s, 1, 2);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	/* Read, but not answered: only the deadline can tell. */
	hmt_stop(&s.node, s.answerer.pid);
	cr_assert_eq(s.request.ends, 0);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.request.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

static void
forward_to_dead(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)probe->arg), HM_OK);
}

Test(engine_future, ask__a_request_forwarded_to_the_dead_ends_it)
{
	static struct future_scene s;
	static struct hmt_probe middle;

	middle = (struct hmt_probe){ .on_msg = forward_to_dead, .arg = &s.answerer.pid };
	scene_start(&s, 0, 2);
	hmt_stop(&s.node, s.answerer.pid);
	s.request.to = hmt_probe_spawn(&s.node, &middle, 1, NULL);
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(s.request.ends, 1);
	cr_assert_eq(s.request.result, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&s.node);
}

Test(engine_future, ask__late_and_second_replies_are_dead_letters)
{
	static struct future_scene s;
	struct hm_stats stats;

	scene_start(&s, 1, 2);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.request.result, HM_FUTURE_TIMEOUT);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(s.request.ends, 1);
	stats = hmt_stats(&s.node);
	cr_assert_eq(stats.dead[HM_DEAD_LATE_REPLY], 1);

	s.oracle.is_slow = false;
	s.oracle.is_twice = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(s.request.ends, 2);
	cr_assert_eq(s.request.result, HM_FUTURE_REPLY);
	cr_assert_eq(hmt_dead(&s.node), 2);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1 + stats.dead[HM_DEAD_LATE_REPLY]);
	hmt_node_end(&s.node);
}

static void
ask_badly(struct hm_ctx *ctx, void *arg)
{
	struct future_request *request = arg;
	uint64_t number = 0;

	cr_assert_eq(hm_ask(ctx, hm_pid_none(), HMT_NUMBER, &number, 1, on_reply, request), HM_NO_RECEIVER);
	cr_assert_eq(hm_ask(ctx, request->to, HMT_TYPE_NEXT, &number, 1, on_reply, request), HM_UNKNOWN_TYPE);
	cr_assert_neq(hm_ask(ctx, request->to, HMT_NUMBER, &number, 1, NULL, request), HM_OK);
	/* Neither overflows nor comes at once. */
	request->timeout_us = UINT64_MAX;
	ask(ctx, request);
}

Test(engine_future, ask__bad_ones_are_refused_and_the_longest_waits)
{
	static struct future_scene s;

	scene_start(&s, 0, 1);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask_badly, &s.request);
	cr_assert_eq(s.request.asked, HM_OK);
	hmt_elapse(&s.node, 1000000000000);
	cr_assert_eq(s.request.ends, 0);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(s.request.ends, 1);
	cr_assert_eq(s.request.result, HM_FUTURE_REPLY);
	hmt_node_end(&s.node);
}

static void
watch_sender(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	/* A future is no actor: it can neither be stopped nor watched for long. */
	cr_assert_eq(hm_watch(ctx, hm_sender(ctx)), HM_OK);
	hm_stop(ctx, hm_sender(ctx));
	cr_assert_eq(hm_poison(ctx, hm_sender(ctx)), HM_OK);
}

Test(engine_future, future__is_not_stopped_and_answers_a_watch)
{
	static struct future_scene s;

	scene_start(&s, 0, 1);
	s.answerer.on_msg = watch_sender;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(s.request.ends, 0);
	cr_assert_eq(hmt_seen_count(&s.answerer, HM_TERMINATED), 1);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.request.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

static void
ask_wrongly(struct hm_ctx *ctx, void *arg)
{
	struct future_request *request = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_ask(ctx, request->to, HMT_NUMBER, &number, 0, on_reply, request), HM_INVALID);
	cr_assert_eq(hm_ask(ctx, request->to, HMT_NUMBER, &number, 1, NULL, request), HM_INVALID);
}

Test(engine_future, ask__without_timeout_or_function_sends_nothing)
{
	static struct future_scene s;

	scene_start(&s, 0, 1);
	s.request.to = s.answerer.pid;
	hmt_do(&s.node, s.asker.pid, ask_wrongly, &s.request);
	cr_assert_eq(s.answerer.count, 1, "HM_STARTED alone");
	cr_assert_eq(s.request.ends, 0);
	hmt_node_end(&s.node);
}
