/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that watch each other, move, restart and end in orders that are drawn, while lcores take their turns one by one. Whatever
 * the order, a watch that is not withdrawn is told once of the end, behind all that the other one has sent.
 */
#include "hmt_random.h"
#include "test_engine_move.h"

TestSuite(engine_move_watch_orders, .init = hmt_eal_start);

#define ROUNDS  250u
#define STEPS   300u
#define ACTORS  5u
#define RECORDS (ACTORS * ACTORS)

/* What one has to do with another: [one][other]. */
static struct {
	struct hmt_node node;
	struct hmt_probe probes[ACTORS];
	bool watches[ACTORS][ACTORS], ended[ACTORS], stopped[ACTORS];
	uint64_t sent[ACTORS][ACTORS], received[ACTORS][ACTORS];
	struct hmt_deed deeds[RECORDS];
	uint64_t seed;
	uint32_t sluggish;
} play;

static uint64_t seed_now, told, moved, restarted;

static uint32_t
draw(uint32_t below)
{
	return (uint32_t)hmt_random_below(&play.seed, below);
}

static uint32_t
index_of(struct hm_pid pid)
{
	return probe_index(play.probes, ACTORS, pid);
}

/* ---- In the actors' turns ----------------------------------------------------------------------- */

/* arg: of a deed, whose place is that of the pair. */
static uint32_t
other_of(const void *arg)
{
	return (uint32_t)((const struct hmt_deed *)arg - play.deeds) % ACTORS;
}

static void
send_number(struct hm_ctx *ctx, uint32_t from, uint32_t to)
{
	uint64_t number = ++play.sent[from][to];

	cr_assert_eq(hm_request(ctx, play.probes[to].pid, HMT_NUMBER, &number), HM_OK);
}

static void
do_send(struct hm_ctx *ctx, void *arg)
{
	send_number(ctx, index_of(hm_self(ctx)), other_of(arg));
}

static void
do_watch(struct hm_ctx *ctx, void *arg)
{
	uint32_t own = index_of(hm_self(ctx)), other = other_of(arg);

	play.watches[own][other] = true;
	hm_watch(ctx, play.probes[other].pid);
}

static void
do_unwatch(struct hm_ctx *ctx, void *arg)
{
	uint32_t own = index_of(hm_self(ctx)), other = other_of(arg);

	play.watches[own][other] = false;
	hm_unwatch(ctx, play.probes[other].pid);
}

static void
on_terminated(uint32_t own, const struct hm_terminated *terminated)
{
	uint32_t other = index_of(terminated->who);

	cr_assert(play.watches[own][other], "seed %lu: it does not watch, or was told", seed_now);
	play.watches[own][other] = false;
	told++;
	cr_assert(play.ended[other], "seed %lu: it lives", seed_now);
	if (terminated->reason != HM_TERMINATED_NOT_FOUND)
		cr_assert_eq(play.received[own][other], play.sent[other][own], "seed %lu: overtaken",
			     seed_now);
}

static void
on_msg(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint32_t own = (uint32_t)(probe - play.probes), other;

	switch (hm_msg_type(msg)) {
	case HMT_NUMBER:
		other = index_of(hm_sender(ctx));
		cr_assert_eq(*(const uint64_t *)hm_msg_body(msg), ++play.received[own][other],
			     "seed %lu: lost, or overtaken", seed_now);
		break;
	case HM_TERMINATED:
		on_terminated(own, hm_msg_body(msg));
		break;
	case HM_RESTARTING:
		restarted++;
		break;
	case HM_STOPPED:
		play.ended[own] = true;
		for (uint32_t i = 0; i < ACTORS; i++)
			send_number(ctx, own, i);
		break;
	default:
		break;
	}
}

/* ---- In any order --------------------------------------------------------------------------------- */

static void
send_deed(uint32_t own, uint32_t other, void (*fn)(struct hm_ctx *ctx, void *arg))
{
	struct hmt_deed *deed = &play.deeds[own * ACTORS + other], now = { fn, deed };

	cr_assert_eq(hm_system_send(play.node.sys, play.probes[own].pid, HMT_DO, &now), HM_OK);
}

static void
step(void)
{
	uint32_t own = draw(ACTORS), other = draw(ACTORS), lcore = draw(LCORES);

	switch (draw(40)) {
	case 0:
	case 1:
		if (own != other)
			send_deed(own, other, do_watch);
		break;
	case 2:
		if (own != other)
			send_deed(own, other, do_unwatch);
		break;
	case 3:
	case 4:
	case 5:
		send_deed(own, other, do_send);
		break;
	case 6:
	case 7:
	case 8:
		if (draw(2) == 0)
			lcore = hm_pid_lcore(play.probes[own].pid);
		cr_assert_eq(hm_system_move(play.node.sys, play.probes[own].pid, lcore), 0);
		break;
	case 9:
		play.node.now_ns += 1000000;
		break;
	case 10:
		if (draw(2) == 0)
			send_deed(own, other, hmt_fail);
		break;
	case 11:
		play.sluggish = lcore;
		/* One is left at least. */
		if (draw(3) == 0 && own > 0 && !play.stopped[own]) {
			play.stopped[own] = true;
			cr_assert_eq(hm_system_stop_actor(play.node.sys, play.probes[own].pid), 0);
		}
		break;
	default:
		if (lcore != play.sluggish || draw(8) == 0)
			turn_one(&play.node, lcore);
		break;
	}
}

static void
play_one(uint64_t seed)
{
	memset(&play, 0, sizeof(play));
	seed_now = seed;
	play.seed = seed * 0x9e3779b97f4a7c15u;
	hmt_node_start(&play.node, LCORES);
	for (uint32_t i = 0; i < ACTORS; i++) {
		play.probes[i].on_msg = on_msg;
		hmt_probe_spawn(&play.node, &play.probes[i], draw(LCORES), NULL);
	}
	hmt_turn_until_idle(&play.node);
	for (uint32_t i = 0; i < STEPS; i++)
		step();
	hmt_turn_until_idle(&play.node);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&play.node, 2000);
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint32_t own = i / ACTORS, other = i % ACTORS;

		if (play.ended[own])
			continue;
		cr_assert(!play.watches[own][other] || !play.ended[other], "seed %lu: never told",
			  (unsigned long)seed);
		cr_assert_eq(play.received[own][other], play.sent[other][own], "seed %lu: lost",
			     (unsigned long)seed);
	}
	moved += hmt_stats(&play.node).moved;
	hmt_node_end(&play.node);
}

Test(engine_move_watch_orders, move__in_any_order_watchers_are_told_once)
{
	uint64_t first = hmt_seed(1);

	for (uint64_t seed = first; seed < first + ROUNDS; seed++)
		play_one(seed);
	cr_assert_gt(told, ROUNDS / 2);
	cr_assert_gt(moved, ROUNDS);
	cr_assert_gt(restarted, ROUNDS / 4);
}
