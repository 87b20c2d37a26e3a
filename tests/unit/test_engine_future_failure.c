/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that wait for futures and fail, and actors that restart while they wait: nothing is lost, nobody
 * waits for ever.
 */
#include "hm_supervisor.h"
#include "hmt_eal.h"
#include "test_engine_waiter.h"

TestSuite(engine_future_failure, .init = hmt_eal_start);

#define FAIL 1000u

static void
fail_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && *(const uint64_t *)hm_msg_body(msg) == FAIL)
		hm_fail(ctx, "it was told to");
}

/* Have an actor fail, and restart. */
static void
fail(struct scene *s, struct hmt_probe *probe)
{
	probe->on_msg = fail_on_number;
	hmt_number(&s->node, probe->pid, FAIL);
	hmt_turn_until_idle(&s->node);
}

static uint32_t fails;

static void
failing(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	fails++;
	hm_fail(ctx, "a continuation fails");
}

/* ---- The function fails ------------------------------------------------------------------------------- */

Test(engine_future_failure, continuation__that_fails_restarts_its_actor_and_keeps_nothing)
{
	static struct scene s;
	struct hm_stats stats;

	for (int answered = 0; answered < 2; answered++) {
		start(&s);
		fails = 0;
		for (uint32_t i = 0; i < 3; i++) {
			s.waits[i] = (struct wait){ .future = s.making.future, .then = failing };
			hmt_do(&s.node, s.waiters[i].pid, wait_begin, &s.waits[i]);
		}
		if (answered)
			future_answer(&s.node, &s.making, 5);
		else
			hmt_elapse(&s.node, 1002);
		cr_assert_eq(fails, 3);
		stats = hmt_stats(&s.node);
		cr_assert_eq(stats.restarted, 3);
		cr_assert_eq(stats.dead[HM_DEAD_FAILED], answered ? 3 : 0, "the answers are dead letters");
		cr_assert_eq(waits_live(&s), 0);
		cr_assert_eq(cells_live(&s.node), s.live + 1);
		for (uint32_t i = 0; i < 3; i++)
			cr_assert_eq(hmt_seen_count(&s.waiters[i], HM_RESTARTING), 1);
		hmt_node_end(&s.node);
	}
}

Test(engine_future_failure, ask__whose_function_fails)
{
	static struct scene s;
	static struct future_request request;

	start(&s);
	fails = 0;
	request = (struct future_request){ .timeout_us = 1000, .to = s.waiters[1].pid, .then = failing };
	hmt_do(&s.node, s.waiters[0].pid, ask, &request);
	hmt_elapse(&s.node, 1002);
	cr_assert_eq(fails, 1);
	cr_assert_eq(hmt_seen_count(&s.waiters[0], HM_RESTARTING), 1);
	hmt_node_end(&s.node);
}

static void
respond(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

static void
batch_ask(struct hm_ctx *ctx, void *arg)
{
	const struct scene *s = arg;
	struct hm_batch_request requests[3];
	struct hm_batch batch = { .requests = requests, .count = 3, .timeout_us = 1000, .on_end = failing };
	uint64_t number = 1;

	for (uint32_t i = 0; i < 3; i++)
		requests[i] = (struct hm_batch_request){ s->waiters[i].pid, HMT_NUMBER, &number };
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
}

/* That no answer is lost is what the end of the node checks. */
Test(engine_future_failure, ask_batch__whose_function_fails_releases_all_answers)
{
	static struct scene s;

	start(&s);
	fails = 0;
	for (uint32_t i = 0; i < 3; i++)
		s.waiters[i].on_msg = respond;
	hmt_do(&s.node, s.owner.pid, batch_ask, &s);
	cr_assert_eq(fails, 1);
	cr_assert_eq(hmt_seen_count(&s.owner, HM_RESTARTING), 1);
	cr_assert_eq(cells_live(&s.node), s.live, "the future that the owner had made went with the restart");
	hmt_node_end(&s.node);
}

/* ---- The actor that waits restarts ------------------------------------------------------------------------ */

Test(engine_future_failure, restart__drops_continuations_that_wait)
{
	static struct scene s;

	start(&s);
	wait_all(&s);
	for (uint32_t i = 0; i < 3; i++)
		fail(&s, &s.waiters[i]);
	cr_assert_eq(waits_live(&s), 0);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 3);
	future_answer(&s.node, &s.making, 5);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(s.waits[i].end.ends, 0);
	/* Its mailbox survives, and it may wait again. */
	wait_all(&s);
	for (uint32_t i = 0; i < 3; i++)
		must_be(&s.waits[i], HM_FUTURE_REPLY);
	hmt_node_end(&s.node);
}

static void
wait_and_fail(struct hm_ctx *ctx, void *arg)
{
	wait_begin(ctx, arg);
	hm_fail(ctx, "with the answer in its mailbox");
}

Test(engine_future_failure, restart__drops_a_continuation_whose_answer_is_in_the_mailbox)
{
	static struct scene s;

	start(&s);
	future_answer(&s.node, &s.making, 5);
	s.waits[0] = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.waiters[0].pid, wait_and_fail, &s.waits[0]);
	cr_assert_eq(s.waits[0].end.ends, 0);
	cr_assert_eq(hmt_seen_count(&s.waiters[0], HM_STARTED), 2);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	cr_assert_eq(cells_live(&s.node), s.live + 1);
	hmt_node_end(&s.node);
}

/* ---- The owner restarts ------------------------------------------------------------------------------------- */

Test(engine_future_failure, restart__of_the_owner_cancels_what_others_wait_for)
{
	static struct scene s;

	start(&s);
	wait_all(&s);
	fail(&s, &s.owner);
	for (uint32_t i = 0; i < 3; i++)
		must_be(&s.waits[i], HM_FUTURE_CANCELLED);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

/* Three futures of one actor, each piped to the one that was made before: what ends one would end the next. */
static void
chain_make(struct hm_ctx *ctx, void *arg)
{
	struct hm_future futures[3];

	(void)arg;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(hm_future_new(ctx, 1000, &futures[i]), HM_OK);
		if (i > 0)
			cr_assert_eq(hm_pipe_to(ctx, futures[i], &futures[i - 1].pid, 1), HM_OK);
	}
	hm_future_release(ctx, futures[0]);
	hm_future_release(ctx, futures[1]);
}

Test(engine_future_failure, restart__of_one_whose_futures_are_piped_to_each_other)
{
	static struct scene s;

	for (int stops = 0; stops < 2; stops++) {
		start(&s);
		hmt_do(&s.node, s.owner.pid, chain_make, NULL);
		if (stops)
			hmt_stop(&s.node, s.owner.pid);
		else
			fail(&s, &s.owner);
		cr_assert_eq(cells_live(&s.node), s.live - (uint32_t)stops);
		cr_assert_eq(waits_live(&s), 0);
		hmt_node_end(&s.node);
	}
}

/* ---- Automatic answers ------------------------------------------------------------------------------------------ */

enum {
	WORK = HMT_TYPE_NEXT,
};

static void
fail_to_respond(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	(void)msg;
	fails++;
	hm_fail(ctx, "no answer comes to its mind");
}

static void
fail_on_work(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == WORK && probe->arg != NULL)
		hm_fail(ctx, "work is too hard");
}

static void
work_request(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, WORK, NULL), HM_OK);
}

Test(engine_future_failure, auto_respond__fails_or_is_not_asked_for_an_answer_to_what_failed)
{
	static const struct hm_type type = { .id = WORK, .name = "work", .auto_respond = fail_to_respond };
	static struct hmt_probe asker, worker;

	for (int hard = 0; hard < 2; hard++) {
		struct hmt_node node;

		fails = 0;
		asker = (struct hmt_probe){ 0 };
		worker = (struct hmt_probe){ .on_msg = fail_on_work, .arg = hard ? &worker : NULL };
		hmt_node_start(&node, 2);
		cr_assert_eq(hm_type_register(node.sys, &type), 0);
		hmt_probe_spawn(&node, &worker, 1, NULL);
		hmt_probe_spawn(&node, &asker, 0, NULL);
		hmt_do(&node, asker.pid, work_request, &worker.pid);
		cr_assert_eq(fails, hard ? 0 : 1);
		cr_assert_eq(hmt_seen_count(&worker, HM_RESTARTING), 1);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1);
		cr_assert_eq(asker.count, 1, "HM_STARTED alone");
		hmt_node_end(&node);
	}
}
