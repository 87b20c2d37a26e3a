/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that an actor keeps, when it stops, fails, restarts or moves.
 */
#include "hm_move.h"
#include "hm_supervisor.h"
#include "hmt_eal.h"
#include "test_engine_keep.h"

TestSuite(engine_keep_end, .init = hmt_eal_start);

/* ---- The actor's end --------------------------------------------------------------------------- */

Test(engine_keep_end, stop__leaves_them_to_dead_letters)
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

Test(engine_keep_end, stop__lets_it_hand_them_on)
{
	scene_start(2);
	scene.keeper.on_msg = forward_in_the_end;
	numbers_keep(3);
	hmt_stop(&scene.node, scene.keeper.pid);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 3);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	hmt_node_end(&scene.node);
}

Test(engine_keep_end, restart__leaves_them_to_dead_letters)
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
Test(engine_keep_end, resume__keeps_what_the_failing_call_has_kept)
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

Test(engine_keep_end, drop__of_a_system_counts_them)
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

Test(engine_keep_end, move__takes_them_along)
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
Test(engine_keep_end, move__there_and_back)
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
