/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that stop since no message has come: when, who does not, and that nothing is lost by it.
 */
#include "actor_pvt.h"
#include "hm_behaviour.h"
#include "hm_keep.h"
#include "hm_move.h"
#include "test_engine_passivation.h"

TestSuite(engine_passivation, .init = hmt_eal_start);

/* ---- When ------------------------------------------------------------------------------------ */

static void
time_check(const struct hm_mailbox *mailbox)
{
	for (uint64_t at = 100; at < IDLE_US; at += 700) {
		uint64_t us = 0;

		start_with(mailbox);
		wait_us(at);
		hmt_number(&node, actor.pid, 1);
		hmt_turn_until_idle(&node);
		for (; !has_stopped() && us < 4 * IDLE_US; us += 100)
			hmt_elapse(&node, 100);
		cr_assert(us >= IDLE_US && us <= IDLE_US + PART_US + 200, "at %lu: %lu", (unsigned long)at,
			  (unsigned long)us);
		HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_STOPPING, HM_STOPPED);
		cr_assert_eq(hmt_seen_last(&other, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
		cr_assert_eq(hm_lookup(node.sys, "/user/actor", &actor.pid), -ENOENT);
		hmt_node_end(&node);
	}
}

Test(engine_passivation, passivation__stops_who_got_no_message_for_the_time)
{
	time_check(NULL);
}

static uint8_t
one_priority(const struct hm_msg *msg)
{
	(void)msg;
	return 1;
}

Test(engine_passivation, passivation__works_with_any_mailbox)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .capacity = HM_MAILBOX_UNLIMITED,
						   .priority = one_priority };

	time_check(&ordered);
}

Test(engine_passivation, passivation__leaves_a_busy_actor_alone)
{
	start();
	for (uint32_t i = 0; i < 50; i++) {
		hmt_number(&node, actor.pid, i);
		wait_us(IDLE_US / 2);
	}
	cr_assert(!has_stopped());
	hmt_node_end(&node);
}

Test(engine_passivation, passivation__is_not_put_off_by_types_without_influence)
{
	start();
	for (uint32_t i = 0; i < 4; i++) {
		cr_assert_eq(hm_system_send(node.sys, actor.pid, QUIET, NULL), HM_OK);
		wait_us(IDLE_US / 3);
	}
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

Test(engine_passivation, passivation__is_cancelled_and_set_anew)
{
	uint64_t never = 0, longer = 4 * IDLE_US, us = IDLE_US;

	start();
	hmt_do(&node, actor.pid, idle_set, &never);
	/* Twice, and where there was none. */
	hmt_do(&node, actor.pid, idle_set, &never);
	hmt_do(&node, other.pid, idle_set, &never);
	wait_us(4 * IDLE_US);
	cr_assert(!has_stopped());
	hmt_do(&node, actor.pid, idle_set, &us);
	hmt_do(&node, actor.pid, idle_set, &longer);
	wait_us(3 * IDLE_US);
	cr_assert(!has_stopped());
	wait_us(2 * IDLE_US);
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

static void
timeout_set(struct hm_ctx *ctx, void *us)
{
	cr_assert_eq(hm_receive_timeout_set(ctx, *(uint64_t *)us), HM_OK);
}

static void
timeout_cancel(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_receive_timeout_cancel(ctx);
	cr_assert_eq(hm_passivation(ctx), IDLE_US);
}

/* The two share the mark of the cell; neither puts the other one off. */
Test(engine_passivation, passivation__and_receive_timeout_go_side_by_side)
{
	uint64_t us = IDLE_US / 4;

	start();
	hmt_do(&node, actor.pid, timeout_set, &us);
	wait_over();
	cr_assert(has_stopped());
	cr_assert_geq(hmt_seen_count(&actor, HM_RECEIVE_TIMEOUT), 3);
	hmt_node_end(&node);
}

Test(engine_passivation, passivation__stays_when_the_receive_timeout_is_cancelled)
{
	uint64_t us = IDLE_US / 4;

	start();
	hmt_do(&node, actor.pid, timeout_set, &us);
	wait_us(IDLE_US / 2);
	hmt_do(&node, actor.pid, timeout_cancel, NULL);
	wait_us(IDLE_US - PART_US);
	cr_assert(!has_stopped());
	wait_us(3 * PART_US);
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

static void
restarted_check(struct hm_ctx *ctx, void *us)
{
	cr_assert_eq(hm_passivation(ctx), *(uint64_t *)us);
}

Test(engine_passivation, restart__cancels_it)
{
	uint64_t none = 0;

	start();
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	hmt_do(&node, actor.pid, restarted_check, &none);
	wait_us(4 * IDLE_US);
	cr_assert(!has_stopped());
	hmt_node_end(&node);
}

Test(engine_passivation, move__takes_it_along)
{
	start();
	wait_us(IDLE_US / 2);
	cr_assert_eq(hm_system_move(node.sys, actor.pid, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HM_MOVED), 1);
	wait_over();
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

/* ---- Who is not passive ------------------------------------------------------------------------ */

/* Its child's end is a message to it. */
Test(engine_passivation, passivation__waits_for_children)
{
	start();
	hmt_do(&node, actor.pid, child_spawn, NULL);
	wait_us(4 * IDLE_US);
	cr_assert(!has_stopped());
	hmt_stop(&node, child.pid);
	wait_us(IDLE_US - PART_US);
	cr_assert(!has_stopped());
	wait_us(3 * PART_US);
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

static void
hold(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg **kept = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_stash(ctx), HM_OK);
	if (hm_msg_type(msg) == HMT_BIG)
		cr_assert_eq(hm_msg_keep(ctx, kept), HM_OK);
}

static void
let_go(struct hm_ctx *ctx, void *arg)
{
	actor.on_msg = NULL;
	(void)hm_unstash_all(ctx);
	if (*(struct hm_msg **)arg != NULL)
		hm_msg_free(ctx, *(struct hm_msg **)arg);
}

Test(engine_passivation, passivation__waits_for_messages_that_are_stashed_or_kept)
{
	static const uint16_t types[] = { HMT_NUMBER, HMT_BIG };

	for (uint32_t i = 0; i < RTE_DIM(types); i++) {
		struct hm_msg *kept = NULL;

		start();
		actor.on_msg = hold;
		actor.arg = &kept;
		cr_assert_eq(hm_system_send(node.sys, actor.pid, types[i], NULL), HM_OK);
		wait_us(4 * IDLE_US);
		cr_assert(!has_stopped());
		hmt_do(&node, actor.pid, let_go, &kept);
		wait_over();
		cr_assert(has_stopped());
		cr_assert_eq(hmt_dead(&node), 0);
		hmt_node_end(&node);
	}
}

static uint32_t replies;

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	replies += result == HM_FUTURE_REPLY;
}

static void
ask(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, other.pid, HMT_EMPTY, NULL, 1000000, on_reply, NULL), HM_OK);
}

static void
ask_two(struct hm_ctx *ctx, void *arg)
{
	const struct hm_batch_request two[] = { { other.pid, HMT_EMPTY, NULL },
						{ other.pid, HMT_EMPTY, NULL } };
	const struct hm_batch batch = {
		.requests = two, .count = 2, .enough = 1, .timeout_us = 1000000, .on_end = on_reply
	};

	(void)arg;
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
}

static struct hm_future future;

static void
ask_and_wait(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_request_future(ctx, other.pid, HMT_EMPTY, NULL, 1000000, &future), HM_OK);
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_OK);
	hm_future_release(ctx, future);
}

static struct hm_pid asker;

static void
asker_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		asker = hm_sender(ctx);
}

static void
answer(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, asker, HMT_NUMBER, NULL), HM_OK);
}

Test(engine_passivation, passivation__waits_for_answers)
{
	static void (*const asks[])(struct hm_ctx *, void *) = { ask, ask_two, ask_and_wait };

	for (uint32_t i = 0; i < RTE_DIM(asks); i++) {
		replies = 0;
		start();
		other.on_msg = asker_note;
		hmt_do(&node, actor.pid, asks[i], NULL);
		wait_us(4 * IDLE_US);
		cr_assert(!has_stopped(), "%u", i);
		hmt_do(&node, other.pid, answer, NULL);
		cr_assert_eq(replies, 1, "%u", i);
		wait_over();
		cr_assert(has_stopped(), "%u", i);
		hmt_node_end(&node);
	}
}

/* What it has asked stays behind when it moves. */
Test(engine_passivation, passivation__waits_for_answers_that_it_has_left_behind)
{
	replies = 0;
	start();
	other.on_msg = asker_note;
	hmt_do(&node, actor.pid, ask, NULL);
	cr_assert_eq(hm_system_move(node.sys, actor.pid, 1), 0);
	hmt_turn_until_idle(&node);
	wait_us(4 * IDLE_US);
	cr_assert(!has_stopped());
	hmt_do(&node, other.pid, answer, NULL);
	cr_assert_eq(replies, 1);
	wait_over();
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

/* A million of them would be looked through in one turn. */
#define WATCHES 1100u

static void
watch_many(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < WATCHES; i++)
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), QUIET, NULL, UINT64_C(1) << 40, 0, NULL),
			     HM_OK);
}

Test(engine_passivation, passivation__of_who_has_more_than_is_looked_through_is_put_off)
{
	start();
	hmt_do(&node, actor.pid, watch_many, NULL);
	wait_us(4 * IDLE_US);
	cr_assert(!has_stopped());
	hmt_node_end(&node);
}

/* ---- Nothing is lost ------------------------------------------------------------------------------ */

/* Only the timers of an lcore run: what the engine has decided by then waits to be delivered. */
static void
timers_run_until_due(struct hm_ctx *ctx)
{
	const struct hmi_cell *cell = hmi_cell_live(ctx, actor.pid.local);

	while (!hmi_quiet_is_due(cell)) {
		node.now_ns += 100000;
		ctx->worker.now_ns = node.now_ns;
		(void)hmi_wheel_advance(&ctx->worker.wheel, node.now_ns, &ctx->worker, NULL);
	}
}

/* It was decided that the time is over when a message comes: that is handled, and the time begins anew. */
Test(engine_passivation, decision__is_taken_back_by_a_message_that_came_before)
{
	start();
	timers_run_until_due(node.sys->lcores[0]);
	hmt_number(&node, actor.pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert(!has_stopped());
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 1);
	wait_over();
	cr_assert(has_stopped());
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

/* One without influence does not put it off, but it is handled. */
Test(engine_passivation, decision__is_put_off_by_a_message_that_waits)
{
	start();
	timers_run_until_due(node.sys->lcores[0]);
	hmi_cell_live(node.sys->lcores[0], actor.pid.local)->pending |= HMI_PENDING_MUTED;
	cr_assert_eq(hm_system_send(node.sys, actor.pid, QUIET, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert(!has_stopped());
	hmi_cell_live(node.sys->lcores[0], actor.pid.local)->pending &= (uint8_t)~HMI_PENDING_MUTED;
	hmi_schedule(node.sys->lcores[0], hmi_cell_live(node.sys->lcores[0], actor.pid.local));
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, QUIET), 1);
	wait_over();
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

static void
send_seven(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, actor.pid, HMT_NUMBER, &(uint64_t){ 7 }), HM_OK);
}

/* At each of the moments around the end: each message is handled, or a dead letter. */
Test(engine_passivation, end__loses_no_message_whenever_it_comes)
{
	uint32_t handled = 0, dead = 0;

	for (uint64_t at = IDLE_US - 600; at < IDLE_US + PART_US + 600; at += 100) {
		start();
		wait_us(at);
		hmt_do(&node, other.pid, send_seven, NULL);
		cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER) + hmt_stats(&node).dead[HM_DEAD_NO_PROCESS],
			     1);
		handled += hmt_seen_count(&actor, HMT_NUMBER);
		dead += hmt_stats(&node).dead[HM_DEAD_NO_PROCESS] == 1;
		hmt_node_end(&node);
	}
	cr_assert_gt(handled, 0);
	cr_assert_gt(dead, 0);
}

static void
ask_that(struct hm_ctx *ctx, void *on)
{
	hm_reply_fn *const *fn = on;

	cr_assert_eq(hm_ask(ctx, actor.pid, HMT_EMPTY, NULL, 1000000, *fn, NULL), HM_OK);
}

static uint32_t told;

static void
on_told(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	told += result == HM_FUTURE_DEAD_LETTER;
}

Test(engine_passivation, end__who_asks_afterwards_is_told)
{
	told = 0;
	start();
	wait_over();
	cr_assert(has_stopped());
	hmt_do(&node, other.pid, ask_that, &(hm_reply_fn *){ on_told });
	cr_assert_eq(told, 1);
	hmt_node_end(&node);
}

/* It asks when it stops, so it ends behind the answer; what comes meanwhile is a dead letter. */
static void
ask_at_end(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_STOPPING)
		cr_assert_eq(hm_ask(ctx, other.pid, HMT_EMPTY, NULL, 1000000, on_reply, NULL), HM_OK);
}

/* It is passive, and has not ended. */
static void
start_ending(void)
{
	replies = 0;
	start();
	actor.on_msg = ask_at_end;
	other.on_msg = asker_note;
	wait_over();
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPING), 1);
	cr_assert(!has_stopped());
}

Test(engine_passivation, end__waits_for_what_it_asks_then)
{
	start_ending();
	hmt_do(&node, other.pid, send_seven, NULL);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 1);
	hmt_do(&node, other.pid, answer, NULL);
	cr_assert_eq(replies, 1);
	cr_assert(has_stopped());
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 0);
	cr_assert_eq(hmt_seen_count(&other, HM_TERMINATED), 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* A system that ends in the midst of it, and one that ends when it was decided: nothing is left of either. */
Test(engine_passivation, end__that_is_not_over_when_the_system_ends)
{
	start_ending();
	hmt_number(&node, actor.pid, 1);
	hmt_node_drop(&node);
	cr_assert_eq(replies, 0);
	start();
	timers_run_until_due(node.sys->lcores[0]);
	cr_assert(!has_stopped());
	hmt_node_drop(&node);
}
