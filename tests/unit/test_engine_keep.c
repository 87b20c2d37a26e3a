/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that an actor keeps: handed on, answered and sent later, or lost with the actor.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "actor_pvt.h"
#include "hm_behaviour.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "hm_move.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"

TestSuite(engine_keep, .init = hmt_eal_start);

/* More than an actor that ends gives back in one portion. */
#define MANY (2 * HMI_SYSTEM_PORTION + 3)

static struct scene {
	struct hmt_node node;
	struct hmt_probe keeper, other;
	struct hm_msg *kept[MANY];
	uint32_t count;
	enum hm_future_result result;
	uint64_t answer;
	uint32_t calls; /* of the reply function */
} scene;

static void
keep(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *kept = NULL;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
	cr_assert_eq(kept, msg);
	scene.kept[scene.count++] = kept;
}

static void
scene_start(uint32_t lcores)
{
	memset(&scene, 0, sizeof(scene));
	scene.keeper.on_msg = keep;
	hmt_node_start(&scene.node, lcores);
	hmt_probe_spawn(&scene.node, &scene.keeper, 0, NULL);
	hmt_probe_spawn(&scene.node, &scene.other, lcores - 1, NULL);
	hmt_turn_until_idle(&scene.node);
}

static void
numbers_keep(uint32_t count)
{
	uint32_t before = scene.count;

	for (uint64_t i = 0; i < count; i++)
		hmt_number(&scene.node, scene.keeper.pid, i);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(scene.count, before + count);
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	scene.calls++;
	scene.result = result;
	scene.answer = reply != NULL ? *(const uint64_t *)hm_msg_body(reply) : 0;
}

#define SECOND UINT64_C(1000000)

static void
ask(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 5;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, scene.keeper.pid, HMT_NUMBER, &number, SECOND, on_reply, NULL), HM_OK);
}

/* Others answer requests with ten times the number. */
static void
respond(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER || hm_pid_is_none(hm_sender(ctx)))
		return;
	number = 10 * *(const uint64_t *)hm_msg_body(msg);
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

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

static void forward_all(struct hm_ctx *ctx, void *to);

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

/* ---- Handed on --------------------------------------------------------------------------------- */

static void
forward_all(struct hm_ctx *ctx, void *to)
{
	for (uint32_t i = 0; i < scene.count; i++)
		cr_assert_eq(hm_msg_forward(ctx, *(struct hm_pid *)to, scene.kept[i]), HM_OK);
	scene.count = 0;
}

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

/* The asker learns of the death of what was kept, and handed on to nobody who lives. */
Test(engine_keep, forward__to_one_that_is_gone)
{
	struct hm_pid gone;

	scene_start(2);
	gone = hmt_probe_spawn(&scene.node, &(struct hmt_probe){ 0 }, 1, NULL);
	hmt_stop(&scene.node, gone);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &gone);
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
	struct hm_pid gone;

	scene_start(2);
	gone = hmt_probe_spawn(&scene.node, &(struct hmt_probe){ 0 }, 1, NULL);
	hmt_stop(&scene.node, gone);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_do(&scene.node, scene.keeper.pid, send_all, &gone);
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

/* ---- The actor's end --------------------------------------------------------------------------- */

Test(engine_keep, stop__leaves_them_to_dead_letters)
{
	scene_start(2);
	numbers_keep(MANY - 1);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_stop(&scene.node, scene.keeper.pid);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_STOPPED], MANY);
	cr_assert_eq(scene.calls, 1);
	cr_assert_eq(scene.result, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&scene.node);
}

static void
forward_in_the_end(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	keep(ctx, probe, msg);
	if (hm_msg_type(msg) == HM_STOPPED)
		forward_all(ctx, &scene.other.pid);
}

Test(engine_keep, stop__lets_it_hand_them_on)
{
	scene_start(2);
	scene.keeper.on_msg = forward_in_the_end;
	numbers_keep(3);
	hmt_stop(&scene.node, scene.keeper.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 3);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	hmt_node_end(&scene.node);
}

Test(engine_keep, restart__leaves_them_to_dead_letters)
{
	scene_start(2);
	numbers_keep(MANY - 1);
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	hmt_do(&scene.node, scene.keeper.pid, hmt_fail, NULL);
	/* Beside them, the message with which it failed. */
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_FAILED], MANY + 1);
	cr_assert_eq(scene.result, HM_FUTURE_DEAD_LETTER);
	scene.count = 0;
	numbers_keep(1);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
	hmt_node_end(&scene.node);
}

static void
keep_and_fail(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	keep(ctx, probe, msg);
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_fail(ctx, "with a message that it keeps");
}

static void
keeper_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &scene.keeper, 0, NULL), 0);
}

/* Its state is as it was, and knows the message. */
Test(engine_keep, resume__keeps_what_the_failing_call_has_kept)
{
	static const struct hm_supervisor resumes = { .directive = HM_DIRECTIVE_RESUME };
	struct hm_props props = *hmt_probe_props(0);
	static struct hmt_probe parent;
	struct hmt_probe *probe = &parent;

	scene_start(1);
	scene.keeper = (struct hmt_probe){ .on_msg = keep_and_fail };
	props.supervisor = &resumes;
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, &probe, &parent.pid), 0);
	hmt_do(&scene.node, parent.pid, keeper_spawn, NULL);
	numbers_keep(1);
	HMT_SEQUENCE(&scene.keeper, HM_STARTED, HMT_NUMBER);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_FAILED], 0);
	hmt_node_end(&scene.node);
}

Test(engine_keep, drop__of_a_system_counts_them)
{
	scene_start(2);
	numbers_keep(3);
	hmt_system_drain(scene.node.sys);
	hmt_books_check(scene.node.sys);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_SHUTDOWN], 3);
	hmt_node_drop(&scene.node);
}

/* ---- Moving ------------------------------------------------------------------------------------ */

/* The request's time begins when the turn ends: only its own lcore knows how long it is good. */
static void
ask_and_take_long(struct hm_ctx *ctx, void *arg)
{
	ask(ctx, arg);
	scene.node.now_ns += 5 * SECOND * 1000;
}

Test(engine_keep, move__takes_them_along)
{
	static struct hmt_probe asker;

	asker = (struct hmt_probe){ 0 };
	scene_start(2);
	scene.other.on_msg = respond;
	hmt_probe_spawn(&scene.node, &asker, 0, NULL);
	cr_assert_eq(hm_system_send(scene.node.sys, asker.pid, HMT_DO,
				    &(struct hmt_deed){ ask_and_take_long, NULL }),
		     HM_OK);
	hmt_turn_until_idle(&scene.node);
	numbers_keep(2);
	cr_assert_eq(hm_system_move(scene.node.sys, scene.keeper.pid, 1), 0);
	hmt_turn_until_idle(&scene.node);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 3);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	cr_assert_eq(scene.answer, 50);
	hmt_node_end(&scene.node);
}

static void
keeper_move(uint32_t lcore)
{
	cr_assert_eq(hm_system_move(scene.node.sys, scene.keeper.pid, lcore), 0);
	hmt_turn_until_idle(&scene.node);
}

/* More than a portion, kept on both lcores; what is left is lost where it is now. */
Test(engine_keep, move__there_and_back)
{
	scene_start(2);
	scene.other.on_msg = respond;
	hmt_do(&scene.node, scene.other.pid, ask, NULL);
	keeper_move(1);
	numbers_keep(2);
	keeper_move(0);
	hmt_do(&scene.node, scene.keeper.pid, forward_all, &scene.other.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 3);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	cr_assert_eq(scene.answer, 50);
	numbers_keep(HMI_SYSTEM_PORTION);
	keeper_move(1);
	numbers_keep(HMI_SYSTEM_PORTION);
	hmt_do(&scene.node, scene.keeper.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_FAILED], 2 * HMI_SYSTEM_PORTION + 1);
	hmt_node_end(&scene.node);
}
