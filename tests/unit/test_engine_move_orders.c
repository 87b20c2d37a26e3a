/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All at once, in orders that are drawn: actors send more than others can take, in circles, too; they watch each other, move, fail
 * and restart, alone or with their siblings, and end; and lcores have no memory for what they want to note. Whatever the order,
 * messages of one to another neither get lost nor overtake, a watch is told once, and nobody is muted for ever.
 */
#include "hm_mailbox.h"
#include "hm_supervisor.h"
#include "hmt_random.h"
#include "hmt_shortage.h"
#include "test_engine_move.h"

TestSuite(engine_move_orders, .init = hmt_eal_start);

#define ROUNDS  100u
#define STEPS   400u
#define ACTORS  6u
#define RECORDS (ACTORS * ACTORS)
#define FLOOD   30u
#define SLABS   8u

/* Who is the parent of two, and they; the others differ by their mailboxes. */
#define PARENT      0u
#define CHILD_FIRST 1u
#define CHILD_LAST  2u
#define PRIORITIES  3u
#define MARKS       4u

#define ANSWER UINT64_MAX
/* Of a number that is sent: the sender. */
#define FROM_SHIFT 48

/* What one has to do with another: [one][other]. */
static struct {
	struct hmt_node node;
	struct hmt_probe probes[ACTORS];
	bool watches[ACTORS][ACTORS], ended[ACTORS], stopping[ACTORS], stopped[ACTORS];
	uint64_t sent[ACTORS][ACTORS], received[ACTORS][ACTORS];
	struct hmt_deed deeds[RECORDS];
	uint64_t seed;
	uint32_t sluggish, floods;
	bool starves; /* memory is refused now and then */
	bool starved[LCORES];
	struct hmi_slab drained[LCORES][SLABS];
} play;

static uint64_t seed_now, told, moved, restarted, mutes, circles, refused;

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

/* ---- Shortage of memory ------------------------------------------------------------------------- */

static struct hmi_slab *
slab_of(uint32_t lcore, uint32_t i)
{
	struct hm_ctx *ctx = play.node.sys->lcores[lcore];
	struct hmi_slab *slabs[SLABS] = { &ctx->links.slab, &ctx->moves,  &ctx->claims,  &ctx->routes.slab,
					  &ctx->pressures,  &ctx->extras, &ctx->records, &ctx->failures };

	return slabs[i];
}

static void
starve(uint32_t lcore)
{
	if (play.starved[lcore])
		return;
	play.starved[lcore] = true;
	for (uint32_t i = 0; i < SLABS; i++)
		play.drained[lcore][i] = hmt_slab_drain(slab_of(lcore, i));
}

/* Objects may have been put meanwhile: they stay. */
static void
feed(uint32_t lcore)
{
	if (!play.starved[lcore])
		return;
	play.starved[lcore] = false;
	for (uint32_t i = 0; i < SLABS; i++) {
		struct hmi_slab *slab = slab_of(lcore, i);
		const struct hmi_slab *drained = &play.drained[lcore][i];
		void **end = &slab->free;

		while (*end != NULL)
			end = (void **)*end;
		*end = drained->free;
		slab->fresh = drained->fresh;
		slab->fresh_left = drained->fresh_left;
	}
}

static void
turn_some(uint32_t lcore)
{
	if (play.starved[lcore])
		hmt_memory_refuse();
	turn_one(&play.node, lcore);
	if (play.starved[lcore])
		hmt_memory_allow();
}

/* ---- In the actors' turns ----------------------------------------------------------------------- */

/* arg: of a deed, whose place is that of the pair. */
static uint32_t
other_of(const void *arg)
{
	return (uint32_t)((const struct hmt_deed *)arg - play.deeds) % ACTORS;
}

/* Whose order to wait comes by its PID, by its cell, or by that of what it asks. */
static enum hm_result
send_by(struct hm_ctx *ctx, uint32_t way, struct hm_pid to, const uint64_t *number)
{
	switch (way % 3) {
	case 0:
		return hm_request(ctx, to, HMT_NUMBER, number);
	case 1:
		return hm_send(ctx, to, HMT_NUMBER, number);
	default:
		return hm_ask(ctx, to, HMT_NUMBER, number, 1000000, hmt_ignore_reply, NULL);
	}
}

static void
send_number(struct hm_ctx *ctx, uint32_t way, uint32_t from, uint32_t to)
{
	uint64_t number = ++play.sent[from][to] | (uint64_t)from << FROM_SHIFT;

	cr_assert_eq(send_by(ctx, way, play.probes[to].pid, &number), HM_OK);
}

static void
do_send(struct hm_ctx *ctx, void *arg)
{
	send_number(ctx, 0, index_of(hm_self(ctx)), other_of(arg));
}

static void
do_flood(struct hm_ctx *ctx, void *arg)
{
	uint32_t way = play.floods++;

	for (uint32_t i = 0; i < FLOOD; i++)
		send_number(ctx, way, index_of(hm_self(ctx)), other_of(arg));
}

static void
do_flood_and_fail(struct hm_ctx *ctx, void *arg)
{
	do_flood(ctx, arg);
	hmt_fail(ctx, NULL);
}

static void
do_watch(struct hm_ctx *ctx, void *arg)
{
	uint32_t own = index_of(hm_self(ctx)), other = other_of(arg);

	play.watches[own][other] |= hm_watch(ctx, play.probes[other].pid) == HM_OK;
}

static void
do_unwatch(struct hm_ctx *ctx, void *arg)
{
	uint32_t own = index_of(hm_self(ctx)), other = other_of(arg);

	play.watches[own][other] = false;
	hm_unwatch(ctx, play.probes[other].pid);
}

static bool
is_child_of(uint32_t own, uint32_t other)
{
	return own == PARENT && other >= CHILD_FIRST && other <= CHILD_LAST;
}

/* There may have been no memory for the watch of one that lives. */
static void
on_terminated(uint32_t own, const struct hm_terminated *terminated)
{
	bool is_found = terminated->reason != HM_TERMINATED_NOT_FOUND;
	uint32_t other = index_of(terminated->who);

	cr_assert(play.ended[other] || (play.starves && !is_found), "seed %lu: it lives", seed_now);
	cr_assert(play.watches[own][other] || is_child_of(own, other), "seed %lu: not watched, or told twice",
		  seed_now);
	play.watches[own][other] = false;
	told++;
	if (is_found && !play.stopping[own])
		cr_assert_eq(play.received[own][other], play.sent[other][own], "seed %lu: overtaken",
			     seed_now);
}

static void
on_number(struct hm_ctx *ctx, uint32_t own, uint64_t number)
{
	uint32_t other = (uint32_t)(number >> FROM_SHIFT);
	uint64_t answer = ANSWER;

	if (number == ANSWER)
		return;
	number &= (UINT64_C(1) << FROM_SHIFT) - 1;
	cr_assert_eq(number, ++play.received[own][other], "seed %lu: lost, or overtaken", seed_now);
	if (!hm_pid_is_none(hm_sender(ctx)) && draw(2) == 0)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &answer), HM_OK);
}

static void
on_msg(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint32_t own = (uint32_t)(probe - play.probes);

	switch (hm_msg_type(msg)) {
	case HMT_NUMBER:
		on_number(ctx, own, *(const uint64_t *)hm_msg_body(msg));
		break;
	case HM_TERMINATED:
		on_terminated(own, hm_msg_body(msg));
		break;
	case HM_RESTARTING:
		restarted++;
		break;
	case HM_STOPPING:
		play.stopping[own] = true;
		break;
	case HM_STOPPED:
		play.ended[own] = true;
		for (uint32_t i = 0; i < ACTORS; i++)
			send_number(ctx, 0, own, i);
		break;
	default:
		break;
	}
}

/* ---- In any order --------------------------------------------------------------------------------- */

/* Not while its mailbox is full. */
static void
send_deed(uint32_t own, uint32_t other, void (*fn)(struct hm_ctx *ctx, void *arg))
{
	struct hmt_deed *deed = &play.deeds[own * ACTORS + other], now = { fn, deed };
	enum hm_result result = hm_system_send(play.node.sys, play.probes[own].pid, HMT_DO, &now);

	cr_assert(result == HM_OK || result == HM_WOULD_BLOCK);
}

/* The parent is left at least. */
static void
stop_some(uint32_t own)
{
	if (draw(2) != 0 || own == PARENT || play.stopped[own])
		return;
	play.stopped[own] = true;
	cr_assert_eq(hm_system_stop_actor(play.node.sys, play.probes[own].pid), 0);
}

/* Home again half of the time. */
static void
move_some(uint32_t own, uint32_t lcore)
{
	if (draw(2) == 0)
		lcore = hm_pid_lcore(play.probes[own].pid);
	cr_assert_eq(hm_system_move(play.node.sys, play.probes[own].pid, lcore), 0);
}

static void
step(void)
{
	uint32_t own = draw(ACTORS), other = draw(ACTORS), lcore = draw(LCORES), what = draw(50);

	if (what < 4 && own != other) {
		send_deed(own, other, do_watch);
	} else if (what < 5 && own != other) {
		send_deed(own, other, do_unwatch);
	} else if (what < 7) {
		send_deed(own, other, do_send);
	} else if (what < 10) {
		send_deed(own, other, do_flood);
	} else if (what < 14) {
		move_some(own, lcore);
	} else if (what < 15) {
		play.node.now_ns += 1000000;
	} else if (what < 16 && draw(2) == 0) {
		send_deed(own, other, draw(2) == 0 ? hmt_fail : do_flood_and_fail);
	} else if (what < 17) {
		play.sluggish = lcore;
		stop_some(own);
	} else if (what < 18 && play.starves) {
		if (draw(2) == 0)
			starve(lcore);
		else
			feed(lcore);
	} else if (lcore != play.sluggish || draw(8) == 0) {
		turn_some(lcore);
	}
}

static uint8_t
priority_of(const struct hm_msg *msg)
{
	(void)msg;
	return 3;
}

static void
spawn_children(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = CHILD_FIRST; i <= CHILD_LAST; i++)
		cr_assert_eq(hmt_probe_child(ctx, &play.probes[i], draw(LCORES), NULL), 0);
}

static void
spawn_one(uint32_t i)
{
	static const struct hm_supervisor together = { .scope = HM_ALL_FOR_ONE,
						       .restarts = HM_RESTARTS_UNLIMITED };
	static const struct hm_mailbox priorities = { .order = HM_MAILBOX_PRIORITY,
						      .priority = priority_of,
						      .capacity = 20 };
	static const struct hm_mailbox marks = { .capacity = 20, .low = 5 };
	static struct hm_props props[ACTORS];
	struct hmt_probe *probe = &play.probes[i];

	props[i] = *hmt_probe_props(draw(LCORES));
	props[i].supervisor = i == PARENT ? &together : NULL;
	props[i].mailbox = i == PRIORITIES ? &priorities : i == MARKS ? &marks : NULL;
	props[i].quantum = i == PRIORITIES ? 5 : 0;
	props[i].priority = i == MARKS ? HM_ACTOR_LOW : HM_ACTOR_NORMAL;
	cr_assert_eq(hm_system_spawn(play.node.sys, &props[i], NULL, &probe, &probe->pid), 0);
}

static void
play_start(uint64_t seed, bool starves)
{
	memset(&play, 0, sizeof(play));
	seed_now = seed;
	play.seed = seed * 0x9e3779b97f4a7c15u;
	play.starves = starves;
	hmt_node_start_with(&play.node, LCORES, 0, "--mailbox=20");
	for (uint32_t i = 0; i < ACTORS; i++) {
		play.probes[i].on_msg = on_msg;
		if (!is_child_of(PARENT, i))
			spawn_one(i);
	}
	hmt_do(&play.node, play.probes[PARENT].pid, spawn_children, NULL);
	for (uint32_t i = 0; i < STEPS; i++)
		step();
	for (uint32_t i = 0; i < LCORES; i++)
		feed(i);
}

/* A parent that restarts is not told of its children. */
static void
check(uint32_t own)
{
	struct hmt_deed deed = { look, NULL };

	self_seen = hm_pid_none();
	cr_assert_eq(hm_system_send(play.node.sys, play.probes[own].pid, HMT_DO, &deed), HM_OK,
		     "seed %lu: it never drains", seed_now);
	hmt_turn_until_idle(&play.node);
	cr_assert(hm_pid_equal(self_seen, play.probes[own].pid), "seed %lu: it is muted for ever", seed_now);
	for (uint32_t other = 0; other < ACTORS; other++) {
		cr_assert(!play.watches[own][other] || !play.ended[other] || is_child_of(own, other),
			  "seed %lu: never told", seed_now);
		cr_assert_eq(play.received[own][other], play.sent[other][own], "seed %lu: lost", seed_now);
	}
}

static void
play_end(void)
{
	hmt_turn_until_idle(&play.node);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&play.node, 2000);
	hmt_elapse(&play.node, 2000000);
	for (uint32_t i = 0; i < ACTORS; i++) {
		if (!play.ended[i])
			check(i);
	}
	moved += hmt_stats(&play.node).moved;
	mutes += hmt_stats(&play.node).mutes;
	circles += hmt_stats(&play.node).circles;
	refused += hmt_stats(&play.node).no_memory;
	hmt_node_end(&play.node);
}

static void
play_all(bool starves)
{
	uint64_t first = hmt_seed(1);

	for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
		play_start(seed, starves);
		play_end();
	}
	cr_assert_gt(told, ROUNDS / 2);
	cr_assert_gt(moved, ROUNDS);
	cr_assert_gt(restarted, ROUNDS);
	cr_assert_gt(mutes, 2 * ROUNDS);
	cr_assert_gt(circles, ROUNDS / 4);
	cr_assert_eq(refused > ROUNDS / 10, starves);
}

Test(engine_move_orders, move__in_any_order_nothing_is_lost_and_nobody_waits_for_ever)
{
	play_all(false);
}

/* What cannot be noted is tried again, or over: but never known to one side alone. */
Test(engine_move_orders, move__in_any_order_without_memory_now_and_then)
{
	play_all(true);
}

/* Wherever they are, and whoever waits for whom, the system can go down. */
Test(engine_move_orders, move__in_any_order_the_system_is_destroyed)
{
	uint64_t first = hmt_seed(1);

	for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
		play_start(seed, seed % 2 == 0);
		hmt_node_drop(&play.node);
	}
}
