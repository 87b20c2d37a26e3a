/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are asked together: one function gets all answers.
 */
#include "hmt_eal.h"
#include "test_engine_batch.h"

TestSuite(engine_batch, .init = hmt_eal_start);

/* ---- How it ends --------------------------------------------------------------------------- */

Test(engine_batch, ask_batch__all_answers_in_the_order_of_the_requests)
{
	static struct scene s;

	start(&s);
	go(&s);
	cr_assert_eq(s.ends, 1);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	cr_assert_eq(s.count, FEWER);
	cr_assert_eq(s.answered, FEWER);
	for (uint32_t i = 0; i < FEWER; i++) {
		cr_assert_eq(s.results[i], HM_FUTURE_REPLY);
		cr_assert_eq(s.answers[i], 2 * (100 + i));
		cr_assert(hm_pid_equal(s.senders[i], s.answerers[i].pid));
	}
	cr_assert_eq(s.asker.count, 1, "not for the receive function");
	finish(&s);
}

Test(engine_batch, ask_batch__takes_one_slot_for_all_requests)
{
	static struct scene s;

	start(&s);
	for (uint32_t i = 0; i < FEWER; i++)
		s.oracles[i].is_slow = true;
	go(&s);
	cr_assert_eq(cells_live(&s.node), s.live + 1);
	finish(&s);
}

Test(engine_batch, ask_batch__some_time_out_the_others_answers_are_there)
{
	static struct scene s;

	start(&s);
	s.oracles[1].is_slow = s.oracles[4].is_slow = true;
	go(&s);
	hmt_elapse(&s.node, 999);
	cr_assert_eq(s.ends, 0);
	hmt_elapse(&s.node, 3);
	cr_assert_eq(s.ends, 1);
	cr_assert_eq(s.result, HM_FUTURE_TIMEOUT);
	cr_assert_eq(s.answered, 4);
	for (uint32_t i = 0; i < FEWER; i++)
		cr_assert_eq(s.results[i], i == 1 || i == 4 ? HM_FUTURE_TIMEOUT : HM_FUTURE_REPLY);
	/* Answers that come now are late. */
	hmt_do(&s.node, s.answerers[1].pid, answer_now, &s.oracles[1]);
	hmt_do(&s.node, s.answerers[4].pid, answer_now, &s.oracles[4]);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 2);
	finish(&s);
}

Test(engine_batch, ask_batch__the_first_that_are_enough_end_it)
{
	static struct scene s;

	start(&s);
	s.oracles[0].is_slow = s.oracles[1].is_slow = s.oracles[2].is_slow = s.oracles[3].is_slow = true;
	s.batch.enough = 3;
	go(&s);
	cr_assert_eq(s.ends, 0, "two have answered");
	hmt_do(&s.node, s.answerers[2].pid, answer_now, &s.oracles[2]);
	cr_assert_eq(s.ends, 1);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	cr_assert_eq(s.answered, 3);
	for (uint32_t i = 0; i < FEWER; i++)
		cr_assert_eq(s.results[i], i == 2 || i > 3 ? HM_FUTURE_REPLY : HM_FUTURE_CANCELLED, "%u", i);
	hmt_do(&s.node, s.answerers[0].pid, answer_now, &s.oracles[0]);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	finish(&s);
}

Test(engine_batch, ask_batch__answers_beyond_those_that_are_enough_in_one_turn)
{
	static struct scene s;

	start(&s);
	s.batch.enough = 1;
	go(&s);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	cr_assert_eq(s.answered, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], FEWER - 1);
	finish(&s);
}

Test(engine_batch, ask_batch__dead_receivers_end_their_requests_at_once)
{
	static struct scene s;

	for (uint32_t dead = 1; dead <= FEWER; dead += FEWER - 1) {
		start(&s);
		for (uint32_t i = 0; i < dead; i++)
			hmt_stop(&s.node, s.answerers[i].pid);
		s.live -= dead;
		go(&s);
		cr_assert_eq(s.ends, 1, "without the deadline");
		cr_assert_eq(s.result, HM_FUTURE_DEAD_LETTER, "too few for all");
		cr_assert_eq(s.answered, FEWER - dead);
		for (uint32_t i = 0; i < FEWER; i++)
			cr_assert_eq(s.results[i], i < dead ? HM_FUTURE_DEAD_LETTER : HM_FUTURE_REPLY);
		finish(&s);
	}
	/* As many as are enough, though others are dead. */
	start(&s);
	hmt_stop(&s.node, s.answerers[0].pid);
	s.live--;
	s.batch.enough = FEWER - 1;
	go(&s);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	finish(&s);
}

Test(engine_batch, ask_batch__the_longest_one)
{
	static struct scene s;

	start(&s);
	s.batch.count = HM_BATCH_MAX;
	go(&s);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	cr_assert_eq(s.answered, HM_BATCH_MAX);
	for (uint32_t i = 0; i < HM_BATCH_MAX; i++)
		cr_assert_eq(s.answers[i], 2 * (100 + i));
	finish(&s);
}

static void
ask_wrongly(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;
	struct hm_batch good = s->batch, bad;
	struct hm_batch_request saved = s->requests[5];

	cr_assert_eq(hm_ask_batch(ctx, NULL), HM_INVALID);
	bad = good, bad.requests = NULL;
	cr_assert_eq(hm_ask_batch(ctx, &bad), HM_INVALID);
	bad = good, bad.count = 0;
	cr_assert_eq(hm_ask_batch(ctx, &bad), HM_INVALID);
	bad = good, bad.count = HM_BATCH_MAX + 1;
	cr_assert_eq(hm_ask_batch(ctx, &bad), HM_INVALID);
	bad = good, bad.enough = FEWER + 1;
	cr_assert_eq(hm_ask_batch(ctx, &bad), HM_INVALID);
	bad = good, bad.timeout_us = 0;
	cr_assert_eq(hm_ask_batch(ctx, &bad), HM_INVALID);
	bad = good, bad.on_end = NULL;
	cr_assert_eq(hm_ask_batch(ctx, &bad), HM_INVALID);
	s->requests[5].to = hm_pid_none();
	cr_assert_eq(hm_ask_batch(ctx, &good), HM_NO_RECEIVER);
	s->requests[5] = saved;
	s->requests[5].type = HMT_TYPE_NEXT + 7;
	cr_assert_eq(hm_ask_batch(ctx, &good), HM_UNKNOWN_TYPE);
	s->requests[5] = saved;
}

Test(engine_batch, ask_batch__a_wrong_one_sends_nothing)
{
	static struct scene s;

	start(&s);
	hmt_do(&s.node, s.asker.pid, ask_wrongly, &s);
	for (uint32_t i = 0; i < FEWER; i++)
		cr_assert_eq(s.answerers[i].count, 1, "HM_STARTED alone");
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

/* A message that is none of a batch's has no answers. */
static void
no_batch(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	cr_assert_eq(hm_replies_count(msg), 0);
	cr_assert_eq(hm_replies_answered(msg), 0);
	cr_assert_null(hm_replies_get(msg, 0));
	cr_assert_eq(hm_replies_result(msg, 0), HM_FUTURE_CANCELLED);
}

Test(engine_batch, replies__of_another_message_are_none)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	probe = (struct hmt_probe){ .on_msg = no_batch };
	hmt_node_start(&node, 1);
	hmt_number(&node, hmt_probe_spawn(&node, &probe, 0, NULL), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probe.count, 2);
	hmt_node_end(&node);
}

static void
ask_for_customer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_EMPTY)
		batch_ask(ctx, probe->arg);
}

static void
request_batch(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, HMT_EMPTY, NULL), HM_OK);
}

Test(engine_batch, ask_batch__the_function_answers_whoever_asked_for_it)
{
	static struct scene s;

	start(&s);
	s.asker.on_msg = ask_for_customer;
	s.asker.arg = &s;
	s.customer = s.answerers[4].pid;
	hmt_do(&s.node, s.customer, request_batch, &s.asker.pid);
	finish(&s);
}

/* ---- Each request has a PID of its own ------------------------------------------------------------ */

Test(engine_batch, pid__of_each_request_is_its_own_and_is_not_used_again)
{
	static struct scene s;
	struct hm_pid first[FEWER];

	start(&s);
	for (uint32_t i = 0; i < FEWER; i++)
		s.oracles[i].is_slow = true;
	go(&s);
	for (uint32_t i = 0; i < FEWER; i++) {
		first[i] = s.oracles[i].asker;
		for (uint32_t j = 0; j < i; j++)
			cr_assert_not(hm_pid_equal(first[i], first[j]));
	}
	hmt_elapse(&s.node, 2000);
	/* The next one of the slot has others: to the first ones there is only a late reply. */
	go(&s);
	for (uint32_t i = 0; i < FEWER; i++) {
		cr_assert_eq(hm_pid_slot(s.oracles[i].asker), hm_pid_slot(first[0]));
		for (uint32_t j = 0; j < FEWER; j++)
			cr_assert_not(hm_pid_equal(s.oracles[i].asker, first[j]));
		hmt_number(&s.node, first[i], 1);
	}
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], FEWER);
	cr_assert_eq(s.ends, 1);
	for (uint32_t i = 0; i < FEWER; i++)
		hmt_do(&s.node, s.answerers[i].pid, answer_now, &s.oracles[i]);
	cr_assert_eq(s.ends, 2);
	cr_assert_eq(s.answered, FEWER);
	s.ends = 1;
	finish(&s);
}

static void
bother(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid pid = *(struct hm_pid *)arg, beside = pid;
	uint64_t number = 1;

	hm_stop(ctx, pid);
	cr_assert_eq(hm_poison(ctx, pid), HM_OK);
	cr_assert_eq(hm_watch(ctx, pid), HM_OK);
	cr_assert_eq(hm_request(ctx, pid, HM_TOUCH, NULL), HM_OK);
	/* The batch's own PID, and the one behind the last request's: nobody's. */
	beside.local -= 1;
	cr_assert_eq(hm_send(ctx, beside, HMT_NUMBER, &number), HM_OK);
	beside.local += FEWER + 1;
	cr_assert_eq(hm_send(ctx, beside, HMT_NUMBER, &number), HM_OK);
}

Test(engine_batch, pid__is_neither_stopped_nor_watched_and_answers_a_touch)
{
	static struct scene s;

	start(&s);
	s.oracles[0].is_slow = true;
	go(&s);
	hmt_do(&s.node, s.answerers[3].pid, bother, &s.oracles[0].asker);
	cr_assert_eq(hmt_seen_last(&s.answerers[3], HM_TERMINATED)->terminated.reason,
		     HM_TERMINATED_NOT_FOUND);
	cr_assert_eq(hmt_seen_count(&s.answerers[3], HM_TOUCHED), 1);
	cr_assert_eq(hmt_dead(&s.node), 2);
	cr_assert_eq(s.ends, 0);
	hmt_do(&s.node, s.answerers[0].pid, answer_now, &s.oracles[0]);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	finish(&s);
}

static void
second_answer(struct hm_ctx *ctx, void *arg)
{
	answer_now(ctx, arg);
	answer_now(ctx, arg);
}

Test(engine_batch, pid__takes_one_answer_and_the_second_is_late)
{
	static struct scene s;

	start(&s);
	s.oracles[0].is_slow = s.oracles[1].is_slow = true;
	go(&s);
	hmt_do(&s.node, s.answerers[0].pid, second_answer, &s.oracles[0]);
	cr_assert_eq(s.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	hmt_do(&s.node, s.answerers[1].pid, answer_now, &s.oracles[1]);
	cr_assert_eq(s.answered, FEWER);
	finish(&s);
}

/* That is given out next: the one that was freed last. */
static uint32_t
slot_next(const struct hm_ctx *ctx)
{
	return (uint32_t)(ctx->cells.free[ctx->cells.free_count - 1] >> 32);
}

/* A slot whose generations would not do for all PIDs is left alone. */
Test(engine_batch, slot__with_too_few_generations_is_not_used)
{
	static struct scene s;
	struct hmi_cell *cell;
	struct hm_ctx *ctx;
	uint32_t slot;

	for (uint32_t left = FEWER; left <= FEWER + 1; left++) {
		start(&s);
		go(&s);
		ctx = s.node.sys->lcores[0];
		slot = slot_next(ctx);
		cell = hmi_cells_slot(&ctx->cells, slot);
		cell->generation = UINT32_MAX - left;
		go(&s);
		cr_assert_eq(s.ends, 2);
		cr_assert_eq(s.answered, FEWER);
		cr_assert_eq(slot_next(ctx) == slot, left == FEWER + 1);
		cr_assert_eq(cell->generation, UINT32_MAX);
		/* What is sent there is a dead letter. */
		hmt_number(&s.node, (struct hm_pid){ hm_system_node(s.node.sys), hmi_local(0, slot, 1) }, 1);
		hmt_turn_until_idle(&s.node);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], 1);
		s.ends = 1;
		finish(&s);
	}
}

/* A request is answered by a pipe from a future that fails. */
static void
pipe_failure(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_pid asker = hm_sender(ctx);
	struct hm_future future;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_future_new(ctx, 1000, &future), HM_OK);
	cr_assert_eq(hm_pipe_to(ctx, future, &asker, 1), HM_OK);
	hm_future_cancel(ctx, future);
	hm_future_release(ctx, future);
}

Test(engine_batch, ask_batch__a_failure_that_is_piped_is_no_answer)
{
	static struct scene s;

	start(&s);
	s.answerers[2].on_msg = pipe_failure;
	go(&s);
	cr_assert_eq(s.ends, 1);
	cr_assert_eq(s.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(s.answered, FEWER - 1);
	cr_assert_eq(s.results[2], HM_FUTURE_CANCELLED);
	finish(&s);
}
