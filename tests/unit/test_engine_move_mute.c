/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move while they are muted, or are to be: lcores take their turns in an order of their own, so that orders to
 * wait, and to go on, find the actor anywhere on its way.
 */
#include "hm_supervisor.h"
#include "hmt_random.h"
#include "test_engine_move.h"

TestSuite(engine_move_mute, .init = hmt_eal_start);

#define ROUNDS 300u
#define STEPS  160u
#define FLOOD  30u

/* What happens to the actor beside. */
enum beside {
	NOTHING,
	RESTARTS,
	IT_ENDS,
	RECEIVER_ENDS,
	BESIDES,
};

struct scene {
	struct hmt_node node;
	struct hmt_probe parent, mover, sibling, slow;
	struct hmt_deed flood, fail;
	struct hm_pid slow_pid; /* whom it floods */
	uint64_t seed;
	uint32_t sluggish; /* an lcore that takes few turns */
	bool ended;
};

static uint64_t mutes, moved;
static uint32_t sends, received;

static void
count_and_answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	received += hm_msg_type(msg) == HMT_NUMBER;
	ask_where(ctx, probe, msg);
}

/* Who sends is known by its cell, who requests by its PID, who asks by its future's: so the orders come to different places. */
static enum hm_result
send_one(struct hm_ctx *ctx, struct hm_pid to)
{
	uint64_t number = 1;

	switch (sends / FLOOD % 3) {
	case 0:
		return hm_request(ctx, to, HMT_NUMBER, &number);
	case 1:
		return hm_send(ctx, to, HMT_NUMBER, &number);
	default:
		return hm_ask(ctx, to, HMT_NUMBER, &number, 1000000, hmt_ignore_reply, NULL);
	}
}

static void
flood(struct hm_ctx *ctx, void *pid)
{
	for (uint32_t i = 0; i < FLOOD; i++)
		cr_assert_eq(send_one(ctx, *(struct hm_pid *)pid), HM_OK);
	sends += FLOOD;
}

static void
spawn_both(struct hm_ctx *ctx, void *arg)
{
	struct scene *scene = arg;

	cr_assert_eq(hmt_probe_child(ctx, &scene->mover, (uint32_t)scene->seed % LCORES, NULL), 0);
	cr_assert_eq(hmt_probe_child(ctx, &scene->sibling, (uint32_t)(scene->seed >> 8) % LCORES, NULL), 0);
}

static void
scene_start(struct scene *scene)
{
	static const struct hm_supervisor together = { .scope = HM_ALL_FOR_ONE,
						       .restarts = HM_RESTARTS_UNLIMITED };
	static struct hm_props props;
	struct hmt_probe *parent = &scene->parent;

	props = *hmt_probe_props(0);
	props.supervisor = &together;
	hmt_node_start_with(&scene->node, LCORES, 0, "--mailbox=20");
	cr_assert_eq(hm_system_spawn(scene->node.sys, &props, NULL, &parent, &parent->pid), 0);
	hmt_do(&scene->node, parent->pid, spawn_both, scene);
	hmt_probe_spawn(&scene->node, &scene->slow, (uint32_t)(scene->seed >> 16) % LCORES, NULL);
	scene->slow_pid = scene->slow.pid;
	scene->slow.on_msg = count_and_answer;
	scene->flood = (struct hmt_deed){ flood, &scene->slow_pid };
	scene->fail = (struct hmt_deed){ hmt_fail, NULL };
	hmt_turn_until_idle(&scene->node);
}

static void
beside_do(struct scene *scene, enum beside beside)
{
	struct hm_system *sys = scene->node.sys;

	if (beside == RESTARTS)
		cr_assert_eq(hm_system_send(sys, scene->sibling.pid, HMT_DO, &scene->fail), HM_OK);
	if (scene->ended)
		return;
	if (beside == IT_ENDS)
		cr_assert_eq(hm_system_stop_actor(sys, scene->mover.pid), 0);
	else if (beside == RECEIVER_ENDS)
		cr_assert_eq(hm_system_stop_actor(sys, scene->slow.pid), 0);
	scene->ended = beside != RESTARTS;
}

static void
step(struct scene *scene, enum beside beside)
{
	struct hm_system *sys = scene->node.sys;
	enum hm_result result;
	uint32_t lcore;

	switch (hmt_random_below(&scene->seed, 48)) {
	case 0:
	case 1:
		/* Not while answers fill its mailbox. */
		result = hm_system_send(sys, scene->mover.pid, HMT_DO, &scene->flood);
		cr_assert(result == HM_OK || result == HM_WOULD_BLOCK);
		break;
	case 2:
	case 3:
	case 4:
		lcore = (uint32_t)hmt_random_below(&scene->seed, LCORES);
		/* Home again half of the time. */
		if (hmt_random_below(&scene->seed, 2) == 0)
			lcore = hm_pid_lcore(scene->mover.pid);
		cr_assert_eq(hm_system_move(sys, scene->mover.pid, lcore), 0);
		break;
	case 5:
		lcore = (uint32_t)hmt_random_below(&scene->seed, LCORES);
		cr_assert_eq(hm_system_move(sys, scene->slow.pid, lcore), 0);
		break;
	case 6:
		scene->node.now_ns += 1000000;
		break;
	case 7:
		if (hmt_random_below(&scene->seed, 4) == 0)
			beside_do(scene, beside);
		scene->sluggish = (uint32_t)hmt_random_below(&scene->seed, LCORES);
		break;
	default:
		lcore = (uint32_t)hmt_random_below(&scene->seed, LCORES);
		if (lcore != scene->sluggish || hmt_random_below(&scene->seed, 8) == 0)
			turn_one(&scene->node, lcore);
		break;
	}
}

/* Whoever lives is not muted any more when nothing is left to do, and all has come. */
static void
scene_end(struct scene *scene, uint64_t seed, enum beside beside)
{
	hmt_turn_until_idle(&scene->node);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&scene->node, 2000);
	if (beside == IT_ENDS && scene->ended) {
		cr_assert_eq(hmt_seen_count(&scene->mover, HM_STOPPED), 1, "seed %lu", (unsigned long)seed);
	} else {
		self_seen = hm_pid_none();
		hmt_do(&scene->node, scene->mover.pid, look, NULL);
		cr_assert(hm_pid_equal(self_seen, scene->mover.pid), "seed %lu: it is muted for ever",
			  (unsigned long)seed);
	}
	if (beside == NOTHING)
		cr_assert_eq(received, sends, "seed %lu", (unsigned long)seed);
	mutes += hmt_stats(&scene->node).mutes;
	moved += hmt_stats(&scene->node).moved;
	hmt_node_end(&scene->node);
}

static void
orders(enum beside beside)
{
	static struct scene scene;
	uint64_t first = hmt_seed(1);

	for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
		memset(&scene, 0, sizeof(scene));
		scene.seed = seed * 0x9e3779b97f4a7c15u;
		sends = received = 0;
		scene_start(&scene);
		for (uint32_t i = 0; i < STEPS; i++)
			step(&scene, beside);
		scene_end(&scene, seed, beside);
	}
	cr_assert_gt(mutes, ROUNDS, "it was muted");
	cr_assert_gt(moved, ROUNDS, "it has moved");
}

/* An order to wait that was forwarded to it on its way home is not overtaken by the order to go on. */
Test(engine_move_mute, move__no_order_leaves_it_muted)
{
	orders(NOTHING);
}

Test(engine_move_mute, move__no_order_leaves_it_muted_when_it_restarts)
{
	orders(RESTARTS);
}

Test(engine_move_mute, move__it_ends_while_it_is_muted)
{
	orders(IT_ENDS);
}

Test(engine_move_mute, move__who_has_muted_it_ends)
{
	orders(RECEIVER_ENDS);
}
