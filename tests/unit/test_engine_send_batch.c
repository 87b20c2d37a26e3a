/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: many messages in one call, in order, and what is sent behind them.
 */
#include "test_engine_memory.h"

TestSuite(engine_send_batch, .init = hmt_eal_start);

struct errand {
	struct hm_pid to;
	const uint64_t *bodies;
	uint32_t count, sent;
	uint16_t type;
	enum hm_result result;
};

static void
send_batch(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	errand->sent = 4711;
	errand->result =
		hm_send_batch(ctx, errand->to, errand->type, errand->bodies, errand->count, &errand->sent);
}

#define MANY 250u

static void
cr_expect_numbers(const struct hmt_probe *probe, uint32_t count)
{
	uint64_t next = 0;

	cr_assert_eq(hmt_seen_count(probe, HMT_NUMBER), count);
	for (uint32_t i = 0; i < probe->count; i++) {
		if (probe->seen[i].type == HMT_NUMBER)
			cr_assert_eq(probe->seen[i].number, next++);
	}
}

Test(engine_send_batch, send__all_arrive_in_order_on_any_lcore)
{
	uint64_t numbers[MANY];

	for (uint32_t i = 0; i < MANY; i++)
		numbers[i] = i;
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		static struct hmt_probe from, to;
		struct errand errand = { .bodies = numbers, .count = MANY, .type = HMT_NUMBER };
		struct hmt_node node;

		from = to = (struct hmt_probe){ 0 };
		hmt_node_start_with(&node, 3, 0, "--lane 16");
		errand.to = hmt_probe_spawn(&node, &to, lcore, NULL);
		hmt_do(&node, hmt_probe_spawn(&node, &from, 1, NULL), send_batch, &errand);
		cr_assert_eq(errand.result, HM_OK);
		cr_assert_eq(errand.sent, MANY);
		cr_expect_numbers(&to, MANY);
		cr_assert(hm_pid_is_none(hmt_seen_last(&to, HMT_NUMBER)->sender));
		hmt_node_end(&node);
	}
}

Test(engine_send_batch, send__empty_and_without_bodies)
{
	static struct hmt_probe from, to;
	struct errand errand = { .type = HMT_NUMBER };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_probe_spawn(&node, &from, 0, NULL);
	hmt_do(&node, from.pid, send_batch, &errand);
	cr_assert_eq(errand.result, HM_OK);
	cr_assert_eq(errand.sent, 0);
	errand.count = 3;
	hmt_do(&node, from.pid, send_batch, &errand);
	cr_assert_eq(errand.sent, 3);
	cr_assert_eq(hmt_seen_count(&to, HMT_NUMBER), 3);
	cr_assert_eq(hmt_seen_last(&to, HMT_NUMBER)->number, 0);
	errand.type = HMT_EMPTY;
	hmt_do(&node, from.pid, send_batch, &errand);
	cr_assert_eq(hmt_seen_count(&to, HMT_EMPTY), 3);
	hmt_node_end(&node);
}

static void
send_batch_untold(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	errand->result = hm_send_batch(ctx, errand->to, errand->type, errand->bodies, errand->count, NULL);
}

Test(engine_send_batch, send__to_nobody_and_of_no_type_sends_none)
{
	static struct hmt_probe from;
	uint64_t numbers[2] = { 0, 1 };
	struct errand errand = { .bodies = numbers, .count = 2, .type = HMT_NUMBER };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &from, 0, NULL);
	hmt_do(&node, from.pid, send_batch, &errand);
	cr_assert_eq(errand.result, HM_NO_RECEIVER);
	cr_assert_eq(errand.sent, 0);
	errand.to = from.pid;
	errand.type = HMT_TYPE_NEXT;
	hmt_do(&node, from.pid, send_batch, &errand);
	cr_assert_eq(errand.result, HM_UNKNOWN_TYPE);
	cr_assert_eq(errand.sent, 0);
	hmt_do(&node, from.pid, send_batch_untold, &errand);
	cr_assert_eq(errand.result, HM_UNKNOWN_TYPE);
	cr_assert_eq(from.count, 1);
	hmt_node_end(&node);
}

#define TOO_MANY (2 * FEW)

/* More than there is memory for: the first ones arrive, and the number that was told. */
Test(engine_send_batch, send__without_memory_stops_at_the_first_that_is_refused)
{
	static struct hmt_probe from, to;
	static uint64_t numbers[TOO_MANY];
	struct errand errand = { .bodies = numbers, .count = TOO_MANY, .type = HMT_NUMBER };
	struct hmt_node node;
	struct hm_stats before, after;

	for (uint32_t i = 0; i < TOO_MANY; i++)
		numbers[i] = i;
	hmt_node_start_with(&node, 1, LITTLE, NULL);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_probe_spawn(&node, &from, 0, NULL);
	hmt_turn_until_idle(&node);
	before = hmt_stats(&node);
	hmt_do(&node, from.pid, send_batch, &errand);
	after = hmt_stats(&node);
	cr_assert_eq(errand.result, HM_NO_MEMORY);
	cr_assert_gt(errand.sent, FEW / 2);
	cr_assert_lt(errand.sent, TOO_MANY);
	cr_assert_eq(after.sent - before.sent, errand.sent + 1, "and what has made it do so");
	cr_assert_eq(after.no_memory - before.no_memory, 1);
	cr_assert_eq(to.count, errand.sent + 1, "and HM_STARTED");
	hmt_node_end(&node);
}

/* ---- What Proto.Actor's batches are for: to know when all were handled ---------------------- */

struct ack {
	uint32_t ends, handled; /* by then */
	const struct hmt_probe *worker;
};

static void
on_ack(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct ack *ack = arg;

	(void)ctx;
	(void)state;
	(void)reply;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	ack->ends++;
	ack->handled = hmt_seen_count(ack->worker, HMT_NUMBER);
}

static void
send_batch_and_ask(struct hm_ctx *ctx, void *arg)
{
	struct ack *ack = arg;

	cr_assert_eq(hm_send_batch(ctx, ack->worker->pid, HMT_NUMBER, NULL, MANY, NULL), HM_OK);
	cr_assert_eq(hm_ask(ctx, ack->worker->pid, HMT_EMPTY, NULL, 1000000, on_ack, ack), HM_OK);
}

static void
answer_empty(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_respond(ctx, HMT_EMPTY, NULL), HM_OK);
}

Test(engine_send_batch, ask_behind_it__is_answered_when_all_were_handled)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		static struct hmt_probe from, worker;
		struct ack ack = { .worker = &worker };
		struct hmt_node node;

		from = (struct hmt_probe){ 0 };
		worker = (struct hmt_probe){ .on_msg = answer_empty };
		hmt_node_start(&node, 2);
		hmt_probe_spawn(&node, &worker, lcore, NULL);
		hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_batch_and_ask, &ack);
		cr_assert_eq(ack.ends, 1);
		cr_assert_eq(ack.handled, MANY);
		hmt_node_end(&node);
	}
}
