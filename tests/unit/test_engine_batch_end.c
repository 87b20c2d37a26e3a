/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are asked together by one who ends, or has no memory; and those of protobuf messages.
 */
#include "hmt_eal.h"
#include "hmt_slots.h"
#include "hmt_types.pb-c.h"
#include "test_engine_batch.h"
#include "test_engine_memory.h"

TestSuite(engine_batch_end, .init = hmt_eal_start);

/* ---- The asker's end --------------------------------------------------------------------------------- */

Test(engine_batch_end, stop__of_the_asker_makes_answers_that_are_there_dead_letters)
{
	static struct scene s;
	struct hm_stats stats;

	start(&s);
	s.oracles[5].is_slow = true;
	go(&s);
	hmt_stop(&s.node, s.asker.pid);
	stats = hmt_stats(&s.node);
	cr_assert_eq(stats.continuations_dropped, 1);
	cr_assert_eq(stats.dead[HM_DEAD_LATE_REPLY], FEWER - 1);
	cr_assert_eq(cells_live(&s.node), s.live - 1);
	hmt_do(&s.node, s.answerers[5].pid, answer_now, &s.oracles[5]);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], FEWER);
	cr_assert_eq(s.ends, 0);
	hmt_node_end(&s.node);
}

/* The last answer is delivered while the asker's turn is still to come; then it stops, or restarts. */
static void
answers_in_mailbox(struct scene *s)
{
	start(s);
	s->oracles[5].is_slow = true;
	go(s);
	hmt_number(&s->node, s->oracles[5].asker, 7);
}

static void
restart(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		owned_drop_all(ctx, ctx->cell);
}

Test(engine_batch_end, restart__with_the_answers_in_the_mailbox_drops_them)
{
	static struct scene s;

	answers_in_mailbox(&s);
	s.asker.on_msg = restart;
	/* Before the answers in the mailbox: it was sent first. */
	do_now(&s.node, s.asker.pid, batch_ask, &s);
	hmt_turn_until_idle(&s.node);
	hmt_node_drop(&s.node);
	start(&s);
	s.oracles[5].is_slow = true;
	s.asker.on_msg = restart;
	go(&s);
	hmt_number(&s.node, s.asker.pid, 1);
	hmt_number(&s.node, s.oracles[5].asker, 7);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(s.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], FEWER);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_books_check(s.node.sys);
	hmt_node_end(&s.node);
}

static void
stop_self(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_stop(ctx, hm_self(ctx));
}

Test(engine_batch_end, stop__with_the_answers_in_the_mailbox_makes_them_dead_letters)
{
	static struct scene s;

	start(&s);
	s.oracles[5].is_slow = true;
	s.asker.on_msg = stop_self;
	go(&s);
	hmt_number(&s.node, s.asker.pid, 1);
	hmt_number(&s.node, s.oracles[5].asker, 7);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(s.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_STOPPED], FEWER);
	cr_assert_eq(cells_live(&s.node), s.live - 1);
	hmt_node_end(&s.node);
}

static void
child_make(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, 2, NULL), 0);
}

/* With a child its mailbox is given up first, and what it owns is dropped at its end. */
Test(engine_batch_end, stop__of_an_asker_with_a_child)
{
	static struct hmt_probe child;
	static struct scene s;

	child = (struct hmt_probe){ 0 };
	start(&s);
	s.oracles[5].is_slow = true;
	s.asker.on_msg = stop_self;
	hmt_do(&s.node, s.asker.pid, child_make, &child);
	go(&s);
	hmt_number(&s.node, s.asker.pid, 1);
	hmt_number(&s.node, s.oracles[5].asker, 7);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(s.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_STOPPED], FEWER);
	cr_assert_eq(cells_live(&s.node), s.live - 1);
	hmt_node_end(&s.node);
}

Test(engine_batch_end, drop__of_the_system_with_a_batch_that_waits)
{
	static struct scene s;

	start(&s);
	s.oracles[5].is_slow = true;
	go(&s);
	hmt_node_drop(&s.node);
	cr_assert_eq(s.ends, 0);
}

Test(engine_batch_end, drop__of_the_system_with_answers_in_the_mailbox)
{
	static struct scene s;

	answers_in_mailbox(&s);
	hmt_node_drop(&s.node);
	cr_assert_eq(s.ends, 0);
}

/* The deadline comes when the answers are in the mailbox, whose actor has not run yet: that is too late for it. */
Test(engine_batch_end, deadline__between_the_last_answer_and_the_function)
{
	static struct scene s;

	start(&s);
	s.oracles[3].is_slow = true;
	go(&s);
	cr_assert_eq(s.ends, 0);
	/* On the asker's lcore, which has nothing else to do: delivered at once. */
	do_now(&s.node, s.answerers[3].pid, answer_now, &s.oracles[3]);
	cr_assert_eq(s.ends, 0);
	hmt_elapse(&s.node, 5000);
	cr_assert_eq(s.ends, 1);
	cr_assert_eq(s.result, HM_FUTURE_REPLY);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

/* ---- Without slots and messages ------------------------------------------------------------------------ */

static void
without_slots(struct hm_ctx *ctx, void *arg)
{
	struct hmt_slots slots = hmt_slots_use_all(&ctx->cells);

	batch_ask(ctx, arg);
	hmt_slots_give_back(&ctx->cells, &slots);
}

Test(engine_batch_end, ask_batch__without_a_slot_sends_nothing)
{
	static struct scene s;

	start(&s);
	hmt_do(&s.node, s.asker.pid, without_slots, &s);
	cr_assert_eq(s.asked, HM_NO_MEMORY);
	cr_assert_eq(s.answerers[0].count, 1);
	go(&s);
	finish(&s);
}

Test(engine_batch_end, ask_batch__without_messages_for_all_sends_nothing)
{
	static struct scene s;
	static struct hoard hoard;

	/* None is left; all but three are taken; all but those for the requests. */
	for (uint32_t left = 0; left <= FEWER; left += 3) {
		start_with(&s, LITTLE);
		do_now(&s.node, s.asker.pid, hoard_all, &hoard);
		for (uint32_t i = 0; i < left; i++)
			hm_msg_free(s.node.sys->lcores[0], hoard.msgs[i]);
		do_now(&s.node, s.asker.pid, batch_ask, &s);
		cr_assert_eq(s.asked, HM_NO_MEMORY, "%u", left);
		hoard.count -= left;
		memmove(hoard.msgs, hoard.msgs + left, hoard.count * sizeof(hoard.msgs[0]));
		do_now(&s.node, s.asker.pid, hoard_free, &hoard);
		hmt_turn_until_idle(&s.node);
		cr_assert_eq(s.answerers[0].count, 1);
		go(&s);
		finish(&s);
	}
}

/* ---- Protobuf ----------------------------------------------------------------------------------------------- */

enum {
	PROTO = HMT_TYPE_NEXT,
};

static void
proto_answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == PROTO)
		cr_assert_eq(hm_respond(ctx, PROTO, hm_msg_body(msg)), HM_OK);
}

static void
proto_read(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	(void)ctx;
	(void)state;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	for (uint32_t i = 0; i < 3; i++) {
		const Hmt__Leaf *leaf = hm_msg_body(hm_replies_get(reply, i));

		cr_assert_str_eq(leaf->name, "carried along");
	}
	++*(uint32_t *)arg;
}

struct proto_scene {
	struct hm_pid to;
	uint32_t ends;
};

static void
proto_ask(struct hm_ctx *ctx, void *arg)
{
	struct proto_scene *s = arg;
	char text[] = "carried along";
	Hmt__Leaf leaf = HMT__LEAF__INIT;
	struct hm_batch_request requests[3];
	struct hm_batch batch = {
		.requests = requests, .count = 3, .timeout_us = 1000, .on_end = proto_read, .arg = &s->ends
	};

	leaf.name = text;
	for (int i = 0; i < 3; i++)
		requests[i] = (struct hm_batch_request){ s->to, PROTO, &leaf };
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
	memset(text, 'x', sizeof(text) - 1);
}

Test(engine_batch_end, ask_batch__of_protobuf_messages)
{
	static const struct hm_type type = { .id = PROTO, .descriptor = &hmt__leaf__descriptor };
	static struct hmt_probe asker, answerer;
	static struct proto_scene s;
	struct hmt_node node;

	answerer = (struct hmt_probe){ .on_msg = proto_answer };
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_type_register(node.sys, &type), 0);
	s = (struct proto_scene){ .to = hmt_probe_spawn(&node, &answerer, 1, NULL) };
	hmt_probe_spawn(&node, &asker, 0, NULL);
	hmt_do(&node, asker.pid, proto_ask, &s);
	cr_assert_eq(s.ends, 1);
	hmt_node_end(&node);
}
