/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor that asks while it stops: its end waits for the answers, and for nothing else. What else may end it meanwhile:
 * test_engine_stop_ask_end.
 */
#include "hm_mailbox.h"
#include "hmt_shortage.h"
#include "test_engine_stop_ask.h"

TestSuite(engine_stop_ask, .init = hmt_eal_start);

/* ---- It waits ------------------------------------------------------------------------------- */

Test(engine_stop_ask, reply__comes_before_the_end)
{
	start(ask_at, &at_stopping);
	stop_asker();
	waits_check();
	cr_assert_eq(replies.count, 0);
	/* A second stop changes nothing. */
	stop_asker();
	waits_check();
	answer_one(42);
	cr_assert_eq(replies.count, 1);
	cr_assert_eq(replies.sum, 42);
	ended_check(HM_TERMINATED_STOPPED);
	HMT_SEQUENCE(&asker, HM_STARTED, HM_STOPPING, HM_STOPPED);
	hmt_node_end(&node);
}

Test(engine_stop_ask, deadline__comes_before_the_end)
{
	start(ask_at, &at_stopping);
	stop_asker();
	hmt_elapse(&node, TIMEOUT_US - 1000);
	waits_check();
	hmt_elapse(&node, 2000);
	cr_assert_eq(replies.timeouts, 1);
	ended_check(HM_TERMINATED_STOPPED);
	/* Later it is a dead letter. */
	answer_one(1);
	cr_assert_eq(replies.count, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY], 1);
	hmt_node_end(&node);
}

static void
poison_self(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_poison(ctx, hm_self(ctx)), HM_OK);
}

static void
stop_self(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_stop_ask, reply__comes_whatever_stops_it)
{
	static void (*const ways[])(struct hm_ctx * ctx, void *arg) = { poison_self, stop_self };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		start(ask_at, &at_stopping);
		hmt_do(&node, asker.pid, ways[i], NULL);
		waits_check();
		answer_one(1);
		cr_assert_eq(replies.sum, 1);
		ended_check(HM_TERMINATED_STOPPED);
		hmt_node_end(&node);
	}
}

static void
ask_again(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	on_reply(ctx, state, result, reply, arg);
	if (replies.count < 3)
		ask_by(ctx, ask_again);
}

static void
ask_again_at(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_STOPPING)
		ask_by(ctx, ask_again);
}

Test(engine_stop_ask, reply_function__may_ask_again)
{
	start(ask_again_at, NULL);
	stop_asker();
	for (uint64_t i = 1; i <= 3; i++) {
		waits_check();
		answer_one(i);
		cr_assert_eq(replies.count, i);
	}
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

/* Of each kind that has a function. */
static void
ask_in_all_ways(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const uint64_t number = 1;
	const struct hm_batch_request two[] = { { keeper.pid, HMT_NUMBER, &number },
						{ keeper.pid, HMT_NUMBER, &number } };
	const struct hm_batch batch = {
		.requests = two, .count = 2, .timeout_us = TIMEOUT_US, .on_end = on_reply
	};
	struct hm_future future;
	struct hm_msg *made;

	(void)probe;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	ask_by(ctx, on_reply);
	made = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_eq(hm_msg_ask(ctx, keeper.pid, made, TIMEOUT_US, on_reply, NULL), HM_OK);
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
	cr_assert_eq(hm_request_future(ctx, keeper.pid, HMT_NUMBER, &number, TIMEOUT_US, &future), HM_OK);
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_OK);
	cr_assert_eq(hm_resolve(ctx, "/user", TIMEOUT_US, on_reply, NULL), 0);
}

Test(engine_stop_ask, reply__of_each_kind_is_waited_for)
{
	start(ask_in_all_ways, NULL);
	stop_asker();
	cr_assert_eq(kept_count, 5);
	/* The path was found at once. */
	cr_assert_eq(replies.count, 1);
	while (kept_count > 0) {
		waits_check();
		answer_one(1);
	}
	cr_assert_eq(replies.count, 5);
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

Test(engine_stop_ask, children__of_any_lcore_may_stop_before_or_after_the_reply)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		/* The child waits for an answer of its own. */
		start(ask_at, &at_stopping);
		child = (struct hmt_probe){ .on_msg = ask_at, .arg = (void *)(uintptr_t)&at_stopping };
		hmt_do(&node, asker.pid, child_spawn, &lcore);
		stop_asker();
		cr_assert_eq(kept_count, 2);
		waits_check();
		answer_one(1);
		cr_assert_eq(replies.count, 1);
		waits_check();
		answer_one(1);
		cr_assert_eq(replies.count, 2);
		ended_check(HM_TERMINATED_STOPPED);
		cr_assert_eq(hmt_seen_count(&asker, HM_TERMINATED), 1);
		hmt_node_end(&node);
	}
}

Test(engine_stop_ask, terminated__of_a_child_may_be_a_reason_to_ask)
{
	const uint32_t lcore = 0;

	start(ask_at, &at_terminated);
	hmt_do(&node, asker.pid, child_spawn, (void *)(uintptr_t)&lcore);
	stop_asker();
	waits_check();
	cr_assert_eq(hmt_seen_count(&asker, HM_TERMINATED), 1);
	answer_one(7);
	cr_assert_eq(replies.sum, 7);
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

Test(engine_stop_ask, reply__reaches_a_mailbox_of_another_kind)
{
	static const struct hm_mailbox mailbox = { .capacity = 1, .overflow = HM_OVERFLOW_DROP_NEWEST };
	struct hm_props props = *hmt_probe_props(0);

	props.mailbox = &mailbox;
	start_with(ask_at, &at_stopping, &props);
	stop_asker();
	waits_check();
	answer_one(9);
	cr_assert_eq(replies.sum, 9);
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

/* ---- And for nothing else ------------------------------------------------------------------------ */

Test(engine_stop_ask, users_messages__are_dead_letters_meanwhile)
{
	start(ask_at, &at_stopping);
	stop_asker();
	hmt_number(&node, asker.pid, 1);
	hmt_turn_until_idle(&node);
	waits_check();
	cr_assert_eq(hmt_seen_count(&asker, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 1);
	answer_one(1);
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

static void
ask_now(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	ask_by(ctx, on_reply);
}

Test(engine_stop_ask, what_was_asked_before__is_not_waited_for)
{
	start(NULL, NULL);
	hmt_do(&node, asker.pid, ask_now, NULL);
	stop_asker();
	ended_check(HM_TERMINATED_STOPPED);
	answer_one(1);
	cr_assert_eq(replies.count, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY], 1);
	hmt_node_end(&node);
}

/* While it waits for what it has asked since, the answer to that is late as well. */
Test(engine_stop_ask, what_was_asked_before__is_late_meanwhile)
{
	start(ask_at, &at_stopping);
	hmt_do(&node, asker.pid, ask_now, NULL);
	stop_asker();
	cr_assert_eq(kept_count, 2);
	kept[KEPT_MAX - 1] = kept[1];
	kept_count = 1;
	answer_one(5);
	cr_assert_eq(replies.count, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY] + hmt_stats(&node).dead[HM_DEAD_STOPPED], 1);
	waits_check();
	kept[0] = kept[KEPT_MAX - 1];
	kept_count = 1;
	answer_one(6);
	cr_assert_eq(replies.sum, 6);
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

Test(engine_stop_ask, what_is_asked_in_stopped__is_dropped)
{
	start(ask_at, &at_stopped);
	stop_asker();
	ended_check(HM_TERMINATED_STOPPED);
	answer_one(1);
	cr_assert_eq(replies.count, 0);
	hmt_node_end(&node);
}

static void
cancel_at_stopping(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const uint64_t number = 1;
	struct hm_future future;

	(void)probe;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	cr_assert_eq(hm_request_future(ctx, keeper.pid, HMT_NUMBER, &number, TIMEOUT_US, &future), HM_OK);
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_OK);
	hm_future_cancel(ctx, future);
	/* One without a function is nobody's to wait for. */
	cr_assert_eq(hm_request_future(ctx, keeper.pid, HMT_NUMBER, &number, TIMEOUT_US, &future), HM_OK);
	cr_assert_eq(hm_resolve(ctx, "hermod://nowhere/user/x", TIMEOUT_US, on_reply, NULL), -ENETUNREACH);
}

/* Nor for what never was. */
Test(engine_stop_ask, what_is_cancelled_or_refused__is_not_waited_for)
{
	start(cancel_at_stopping, NULL);
	stop_asker();
	cr_assert_eq(replies.count, 1);
	ended_check(HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

/* An actor without a name has nowhere to count what it waits for. */
static void
ask_starved(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const uint64_t number = 1;
	const struct hm_batch_request one = { keeper.pid, HMT_NUMBER, &number };
	const struct hm_batch batch = {
		.requests = &one, .count = 1, .timeout_us = TIMEOUT_US, .on_end = on_reply
	};
	struct hm_future future;
	struct hmi_slab full;

	(void)probe;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	cr_assert_eq(hm_request_future(ctx, keeper.pid, HMT_NUMBER, &number, TIMEOUT_US, &future), HM_OK);
	full = hmt_slab_drain(&ctx->extras);
	hmt_memory_refuse();
	cr_assert_eq(hm_ask(ctx, keeper.pid, HMT_NUMBER, &number, TIMEOUT_US, on_reply, NULL), HM_NO_MEMORY);
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_NO_MEMORY);
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_NO_MEMORY);
	cr_assert_eq(hm_resolve(ctx, "/user", TIMEOUT_US, on_reply, NULL), -ENOMEM);
	hmt_memory_allow();
	ctx->extras = full;
}

Test(engine_stop_ask, memory__that_is_missing_is_told)
{
	start(NULL, NULL);
	child = (struct hmt_probe){ .on_msg = ask_starved };
	hmt_probe_spawn(&node, &child, 0, NULL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_stop_actor(node.sys, child.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	cr_assert_eq(replies.count, 0);
	hmt_node_end(&node);
}
