/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that an actor keeps: handed on, answered and sent later.
 */
#include <stdio.h>

#include "hm_behaviour.h"
#include "hm_header.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"
#include "test_engine_keep.h"

TestSuite(engine_keep, .init = hmt_eal_start);

/* ---- As it came -------------------------------------------------------------------------------- */

static void
free_all(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < scene.count; i++) {
		cr_assert_eq(*(const uint64_t *)hm_msg_body(scene.kept[i]), i);
		hm_msg_free(ctx, scene.kept[i]);
	}
	scene.count = 0;
}

Test(engine_keep, keep__is_the_actors_own_until_it_frees_it)
{
	scene_start(2);
	numbers_keep(MANY);
	hmt_do(&scene.node, scene.keeper.pid, free_all, NULL);
	hmt_stop(&scene.node, scene.keeper.pid);
	cr_expect_eq(hmt_dead(&scene.node), 0);
	hmt_node_end(&scene.node);
}

static void
keep_once(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *again = NULL;
	uint64_t number = 1;

	if (hm_msg_type(msg) != HMT_NUMBER) {
		if (hm_msg_type(msg) != HMT_EMPTY)
			cr_assert_eq(hm_msg_keep(ctx, &again), HM_NO_RECEIVER, "%u", hm_msg_type(msg));
		return;
	}
	keep(ctx, probe, msg);
	cr_assert_eq(hm_msg_keep(ctx, &again), HM_NO_RECEIVER, "twice");
	cr_assert_eq(hm_stash(ctx), HM_NO_RECEIVER);
	cr_assert_eq(hm_forward(ctx, scene.other.pid), HM_NO_RECEIVER);
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_NO_SENDER);
	cr_assert(hm_pid_is_none(hm_sender(ctx)));
	cr_assert_null(again);
}

/* HM_STARTED and its like are the engine's. */
Test(engine_keep, keep__leaves_nothing_that_is_received)
{
	memset(&scene, 0, sizeof(scene));
	scene.keeper.on_msg = keep_once;
	hmt_node_start(&scene.node, 1);
	hmt_probe_spawn(&scene.node, &scene.keeper, 0, NULL);
	hmt_turn_until_idle(&scene.node);
	numbers_keep(1);
	hmt_stop(&scene.node, scene.keeper.pid);
	HMT_SEQUENCE(&scene.keeper, HM_STARTED, HMT_NUMBER, HM_STOPPING, HM_STOPPED);
	hmt_node_end(&scene.node);
}

static void
hand_on_and_keep(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *kept = NULL;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_forward(ctx, scene.other.pid), HM_OK);
	cr_assert_eq(hm_msg_keep(ctx, &kept), HM_NO_RECEIVER);
	cr_assert_null(kept);
}

Test(engine_keep, keep__of_what_was_handed_on)
{
	scene_start(1);
	scene.keeper.on_msg = hand_on_and_keep;
	hmt_number(&scene.node, scene.keeper.pid, 3);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hmt_seen_last(&scene.other, HMT_NUMBER)->number, 3);
	hmt_node_end(&scene.node);
}

static void
keep_starved(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hmi_slab full = hmt_slab_drain(&ctx->extras);
	struct hm_msg *kept = NULL;

	(void)probe;
	hmt_memory_refuse();
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_msg_keep(ctx, &kept), HM_NO_MEMORY);
	hmt_memory_allow();
	ctx->extras = full;
	cr_assert_null(kept);
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, scene.other.pid), HM_OK, "it is still being received");
}

Test(engine_keep, keep__without_memory)
{
	scene_start(1);
	scene.keeper.on_msg = keep_starved;
	hmt_number(&scene.node, scene.keeper.pid, 1);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
	scene.keeper.on_msg = keep;
	numbers_keep(1);
	hmt_node_end(&scene.node);
}

static void
keep_nowhere(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_msg_keep(ctx, NULL), HM_INVALID);
	cr_assert_eq(hm_forward(ctx, scene.other.pid), HM_OK, "it is still being received");
}

Test(engine_keep, keep__nowhere)
{
	scene_start(1);
	scene.keeper.on_msg = keep_nowhere;
	hmt_number(&scene.node, scene.keeper.pid, 1);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
	cr_assert_eq(hmt_stats(&scene.node).failed, 0);
	hmt_node_end(&scene.node);
}

static void
reply_keep(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	(void)state;
	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert_eq(hm_msg_keep(ctx, &scene.kept[scene.count]), HM_OK);
	cr_assert_eq(scene.kept[scene.count++], reply);
}

static void
ask_other(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 7;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, scene.other.pid, HMT_NUMBER, &number, SECOND, reply_keep, NULL), HM_OK);
}

/* As a message that is received: handed on, or lost with the actor. */
Test(engine_keep, keep__an_answer)
{
	static struct hmt_probe third;

	third = (struct hmt_probe){ 0 };
	scene_start(2);
	scene.other.on_msg = respond;
	hmt_probe_spawn(&scene.node, &third, 1, NULL);
	hmt_do(&scene.node, scene.keeper.pid, ask_other, NULL);
	cr_assert_eq(scene.count, 1);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &third.pid);
	cr_assert_eq(hmt_seen_last(&third, HMT_NUMBER)->number, 70);
	cr_assert(hm_pid_equal(hmt_seen_last(&third, HMT_NUMBER)->sender, scene.other.pid));
	hmt_do(&scene.node, scene.keeper.pid, ask_other, NULL);
	cr_assert_eq(scene.count, 1);
	hmt_stop(&scene.node, scene.keeper.pid);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_STOPPED], 1);
	hmt_node_end(&scene.node);
}

/* ---- Bodies of protobuf types ------------------------------------------------------------------ */

#define TREES 20u

/* Of several objects, each with another text; the sender's own are gone afterwards. */
static void
trees_send(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < TREES; i++) {
		Hmt__Tree tree = HMT__TREE__INIT, child = HMT__TREE__INIT;
		uint32_t numbers[] = { i, 2 * i };
		char text[16];

		snprintf(text, sizeof(text), "child %u", i);
		child.text = text;
		tree.child = &child;
		tree.n_numbers = 2;
		tree.numbers = numbers;
		cr_assert_eq(hm_request(ctx, scene.keeper.pid, TREE, &tree), HM_OK);
		memset(text, '?', sizeof(text));
		numbers[1] = 0;
	}
}

static void
tree_check(const struct hm_msg *msg, uint32_t i)
{
	const Hmt__Tree *tree = hm_msg_body(msg);
	char text[16];

	snprintf(text, sizeof(text), "child %u", i);
	cr_assert_str_eq(tree->child->text, text);
	cr_assert_eq(tree->n_numbers, 2);
	cr_assert_eq(tree->numbers[1], 2 * i);
}

static void
tree_received(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == TREE)
		tree_check(msg, hmt_seen_count(probe, TREE) - 1);
}

Test(engine_keep, keep__a_body_of_several_objects)
{
	scene_start(2);
	scene.other.on_msg = tree_received;
	hmt_do(&scene.node, scene.other.pid, trees_send, NULL);
	cr_assert_eq(scene.count, TREES);
	numbers_keep(MANY - TREES);
	for (uint32_t i = 0; i < TREES; i++)
		tree_check(scene.kept[i], i);
	scene.count = TREES;
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, TREE), TREES);
	cr_assert(hm_pid_equal(hmt_seen_last(&scene.other, TREE)->sender, scene.other.pid));
	hmt_do(&scene.node, scene.other.pid, trees_send, NULL);
	hmt_do(&scene.node, scene.keeper.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_FAILED], MANY + 1,
		     "and the message with which it failed");
	hmt_node_end(&scene.node);
}

/* ---- Handed on --------------------------------------------------------------------------------- */

Test(engine_keep, forward__in_any_order_and_from_any_turn)
{
	scene_start(2);
	numbers_keep(5);
	/* Of a list the first, the last and one between are taken out in different ways. */
	for (uint32_t i = 0; i < 2; i++) {
		struct hm_msg *swapped = scene.kept[i];

		scene.kept[i] = scene.kept[4 - i];
		scene.kept[4 - i] = swapped;
	}
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	for (uint32_t i = 0; i < 5; i++)
		cr_assert_eq(scene.other.seen[1 + i].number, 4 - i);
	hmt_node_end(&scene.node);
}

Test(engine_keep, forward__keeps_who_has_asked)
{
	scene_start(2);
	scene.other.on_msg = respond;
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	cr_assert_eq(scene.count, 1);
	cr_assert_not(hm_pid_is_none(hm_msg_sender(scene.kept[0])));
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(scene.calls, 1);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	cr_assert_eq(scene.answer, 50);
	hmt_node_end(&scene.node);
}

/* A request that is kept goes to an actor that has stopped. */
static void
asked_hand_to_gone(void (*hand)(struct hm_ctx *ctx, void *to))
{
	struct hm_pid gone;

	scene_start(2);
	gone = hmt_probe_spawn(&scene.node, &(struct hmt_probe){ 0 }, 1, NULL);
	hmt_stop(&scene.node, gone);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_do(&scene.node, scene.keeper.pid, hand, &gone);
}

/* The asker learns of the death of what was kept, and handed on to nobody who lives. */
Test(engine_keep, forward__to_one_that_is_gone)
{
	asked_hand_to_gone(forward_all);
	cr_assert_eq(scene.calls, 1);
	cr_assert_eq(scene.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_NO_PROCESS], 1);
	hmt_node_end(&scene.node);
}

static void
forward_to_nobody(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_msg_forward(ctx, hm_pid_none(), scene.kept[0]), HM_NO_RECEIVER);
	cr_assert_eq(hm_msg_forward(ctx, scene.other.pid, NULL), HM_INVALID);
}

Test(engine_keep, forward__to_nobody_leaves_it)
{
	scene_start(1);
	numbers_keep(1);
	hmt_do(&scene.node, scene.keeper.pid, forward_to_nobody, NULL);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
	hmt_node_end(&scene.node);
}

static void
send_with_header(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "7"), HM_OK);
	cr_assert_eq(hm_msg_request(ctx, scene.keeper.pid, msg), HM_OK);
}

static void
header_check(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_str_eq(hm_msg_header(msg, "trace"), "7");
}

Test(engine_keep, forward__keeps_sender_and_headers)
{
	scene_start(2);
	scene.other.on_msg = header_check;
	hmt_do(&scene.node, scene.other.pid, send_with_header, NULL);
	cr_assert_str_eq(hm_msg_header(scene.kept[0], "trace"), "7");
	cr_assert(hm_pid_equal(hm_msg_sender(scene.kept[0]), scene.other.pid));
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert(hm_pid_equal(hmt_seen_last(&scene.other, HMT_NUMBER)->sender, scene.other.pid));
	hmt_node_end(&scene.node);
}

Test(engine_keep, forward__of_a_request_whose_time_is_up)
{
	scene_start(1);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_elapse(&scene.node, 2 * SECOND);
	cr_assert_eq(scene.result, HM_FUTURE_TIMEOUT);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED], 1);
	hmt_node_end(&scene.node);
}

/* ---- Sent as the actor's own ------------------------------------------------------------------- */

static void
send_all(struct hm_ctx *ctx, void *to)
{
	for (uint32_t i = 0; i < scene.count; i++)
		cr_assert_eq(hm_msg_request(ctx, *(struct hm_pid *)to, scene.kept[i]), HM_OK);
	scene.count = 0;
}

/* Not even of its death: it is another's message now. */
Test(engine_keep, send__leaves_the_asker_without_an_answer)
{
	asked_hand_to_gone(send_all);
	cr_assert_eq(scene.calls, 0);
	hmt_elapse(&scene.node, 2 * SECOND);
	cr_assert_eq(scene.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&scene.node);
}

Test(engine_keep, send__has_the_actor_as_its_sender_and_no_deadline)
{
	scene_start(2);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_elapse(&scene.node, 2 * SECOND);
	hmt_do(&scene.node, scene.keeper.pid, send_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_last(&scene.other, HMT_NUMBER)->number, 5);
	cr_assert(hm_pid_equal(hmt_seen_last(&scene.other, HMT_NUMBER)->sender, scene.keeper.pid));
	hmt_node_end(&scene.node);
}

static void
answer(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 8;

	(void)arg;
	cr_assert_eq(hm_request(ctx, hm_msg_sender(scene.kept[0]), HMT_NUMBER, &number), HM_OK);
	hm_msg_free(ctx, scene.kept[0]);
}

Test(engine_keep, answer__later)
{
	scene_start(2);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_do(&scene.node, scene.keeper.pid, answer, NULL);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	cr_assert_eq(scene.answer, 8);
	hmt_node_end(&scene.node);
}
