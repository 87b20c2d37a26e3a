/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move to another lcore: how they end, what keeps them from moving, and misuse.
 */
#include <errno.h>

#include "forward_pvt.h"
#include "hmt_shortage.h"
#include "hmt_slots.h"
#include "move_pvt.h"
#include "test_engine_move.h"

TestSuite(engine_move_end, .init = hmt_eal_start);

/* ---- Its end --------------------------------------------------------------------------------- */

static uint64_t
routes(const struct hm_ctx *ctx)
{
	return ctx->routes.count;
}

/* Memory for what an lcore knows of moves that was never used; what was freed is used before. */
static uint64_t
moves_fresh(const struct hm_ctx *ctx)
{
	return ctx->moves.fresh_left;
}

Test(engine_move_end, move__nothing_is_left_of_it)
{
	struct hmt_probe mover = { 0 }, sender = { 0 };
	struct hmt_node node;
	uint64_t fresh = 0, live;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &sender, 3, NULL);
	hmt_turn_until_idle(&node);
	live = hmt_lcores_sum(&node, hmt_slots_live);
	for (uint32_t i = 0; i < 10; i++) {
		memset(&mover, 0, sizeof(mover));
		hmt_probe_spawn(&node, &mover, 0, NULL);
		move(&node, mover.pid, 1);
		move(&node, mover.pid, 2);
		hmt_do(&node, sender.pid, request, &mover.pid);
		hmt_do(&node, sender.pid, request, &mover.pid);
		cr_assert_eq(hmt_seen_count(&mover, HMT_NUMBER), 2);
		cr_assert_gt(hmt_lcores_sum(&node, routes), 0);
		hmt_stop(&node, mover.pid);
		hmt_do(&node, sender.pid, request, &mover.pid);
		cr_assert_eq(hmt_seen_count(&mover, HMT_NUMBER), 2);
		cr_assert_eq(hmt_dead(&node), i + 1);
		cr_assert_eq(hmt_lcores_sum(&node, hmt_slots_live), live, "slots");
		cr_assert_eq(hmt_lcores_sum(&node, routes), 0, "routes");
		if (i == 0)
			fresh = hmt_lcores_sum(&node, moves_fresh);
		cr_assert_eq(hmt_lcores_sum(&node, moves_fresh), fresh, "what it knew of its moves");
	}
	hmt_node_end(&node);
}

/* Whoever watches it while it ends is told once, and of its PID, wherever the watch is on its way. */
static void
watch_at_its_end(uint32_t lcores, uint32_t turns, bool moves_twice)
{
	uint32_t home = lcores % LCORES, place = lcores / LCORES % LCORES, at = lcores / LCORES / LCORES;
	struct hmt_probe mover = { 0 }, watcher = { 0 };
	struct hmt_deed deed = { hmt_watch, &mover.pid };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, home, NULL);
	hmt_probe_spawn(&node, &watcher, at, NULL);
	if (moves_twice)
		move(&node, mover.pid, (home + 1) % LCORES);
	move(&node, mover.pid, place);
	cr_assert_eq(hm_system_stop_actor(node.sys, mover.pid), 0);
	for (uint32_t i = 0; i < turns; i++)
		hm_system_turn(node.sys);
	cr_assert_eq(hm_system_send(node.sys, watcher.pid, HMT_DO, &deed), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1, "%u to %u, watched from %u after %u turns",
		     home, place, at, turns);
	cr_assert(hm_pid_equal(hmt_seen_last(&watcher, HM_TERMINATED)->terminated.who, mover.pid));
	cr_assert_eq(hmt_lcores_sum(&node, routes), 0, "routes");
	hmt_node_end(&node);
}

Test(engine_move_end, move__who_watches_it_at_its_end_is_told)
{
	for (uint32_t lcores = 0; lcores < LCORES * LCORES * LCORES; lcores++) {
		for (uint32_t turns = 0; turns < 5; turns++) {
			watch_at_its_end(lcores, turns, false);
			watch_at_its_end(lcores, turns, true);
		}
	}
}

Test(engine_move_end, move__what_waits_at_its_end_is_a_dead_letter_to_its_pid)
{
	struct hmt_probe mover = { 0 }, dead = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	hmt_probe_spawn(&node, &dead, 1, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, dead.pid), 0);
	move(&node, mover.pid, 1);
	cr_assert_eq(hm_system_stop_actor(node.sys, mover.pid), 0);
	hmt_number(&node, mover.pid, 1);
	hmt_number(&node, mover.pid, 2);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&dead, HM_DEAD_LETTER), 2);
	cr_assert(hm_pid_equal(hmt_seen_last(&dead, HM_DEAD_LETTER)->dead.to, mover.pid));
	hmt_node_end(&node);
}

static struct hmt_probe leaver;

static void
letter_check(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const struct hm_dead_letter *letter = hm_msg_body(msg);

	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HM_DEAD_LETTER)
		cr_assert(hm_pid_equal(letter->to, leaver.pid), "it was in its mailbox");
}

/*
 * It leaves a place that is not its home, with messages in its mailbox, a stop, and a watch behind that: all of them have come
 * to that place, but its PID is what others know.
 */
Test(engine_move_end, move__what_it_takes_along_is_to_its_pid)
{
	static struct hmt_probe watcher, dead;
	struct hmt_deed watch = { hmt_watch, &leaver.pid };
	struct hmt_node node;
	uint32_t received;

	leaver = watcher = dead = (struct hmt_probe){ 0 };
	dead.on_msg = letter_check;
	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &leaver, 0, NULL);
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	hmt_probe_spawn(&node, &dead, 3, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, dead.pid), 0);
	move(&node, leaver.pid, 1);
	for (uint32_t i = 0; i < 24; i++)
		hmt_number(&node, leaver.pid, i);
	turn_one(&node, 0);
	cr_assert_eq(hm_system_move(node.sys, leaver.pid, 2), 0);
	turn_one(&node, 0);
	turn_one(&node, 1);
	received = hmt_seen_count(&leaver, HMT_NUMBER);
	turn_one(&node, 2);
	for (uint32_t i = 0; i < 24; i++)
		hmt_number(&node, leaver.pid, i);
	cr_assert_eq(hm_system_stop_actor(node.sys, leaver.pid), 0);
	cr_assert_eq(hm_system_send(node.sys, watcher.pid, HMT_DO, &watch), HM_OK);
	turn_one(&node, 0);
	turn_one(&node, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&leaver, HMT_NUMBER), received);
	cr_assert_eq(hmt_stats(&node).moved, 2, "it has left");
	cr_assert_eq(hmt_seen_count(&dead, HM_DEAD_LETTER), 48 - received);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&watcher, HM_TERMINATED)->terminated.who, leaver.pid));
	hmt_node_end(&node);
}

Test(engine_move_end, move__a_system_that_is_destroyed_meanwhile)
{
	for (uint32_t turns = 0; turns < 12; turns++) {
		struct hmt_probe mover = { 0 };
		struct hm_timer timers[3];
		struct hmt_node node;
		int value;

		hmt_node_start(&node, LCORES);
		hmt_probe_spawn(&node, &mover, 2, NULL);
		hmt_do(&node, mover.pid, start_timers, timers);
		hmt_do(&node, mover.pid, set_extension, &value);
		cr_assert_eq(hm_system_move(node.sys, mover.pid, turns % 2), 0);
		for (uint32_t i = 0; i < turns; i++) {
			hmt_number(&node, mover.pid, i);
			hm_system_turn(node.sys);
		}
		hmt_node_drop(&node);
	}
}

/* ---- What keeps it from moving --------------------------------------------------------------- */

static uint32_t answers;

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	answers++;
	cr_assert_eq(result, HM_FUTURE_TIMEOUT);
}

static void
spawn_child(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, 0, NULL), 0);
}

static void
ask_and_fail(struct hm_ctx *ctx, void *pid)
{
	uint64_t number = 0;

	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &number, 10000, on_answer, NULL), HM_OK);
	hm_fail(ctx, "on purpose");
}

/* Restart, room on the other lcore, and the answer come together: the answer, which is nobody's any more, goes along. */
Test(engine_move_end, move__with_answers_that_are_nobodys)
{
	for (uint32_t to = 1; to < LCORES; to++) {
		struct hmt_probe mover = { 0 }, parent = { 0 }, answerer = { .on_msg = ask_where };
		struct hmt_deed deed = { ask_and_fail, &answerer.pid };
		struct hmt_node node;

		hmt_node_start(&node, LCORES);
		hmt_probe_spawn(&node, &parent, 1, NULL);
		hmt_probe_spawn(&node, &answerer, 3, NULL);
		hmt_do(&node, parent.pid, spawn_child, &mover);
		cr_assert_eq(hm_system_move(node.sys, mover.pid, to), 0);
		cr_assert_eq(hm_system_send(node.sys, mover.pid, HMT_DO, &deed), HM_OK);
		hmt_turn_until_idle(&node);
		hmt_elapse(&node, 2000);
		hmt_elapse(&node, 20000);
		cr_assert_eq(hmt_seen_count(&mover, HM_STARTED), 2);
		cr_assert_eq(lcore_of(&node, mover.pid), to);
		cr_assert_eq(answers, 0);
		hmt_node_end(&node);
	}
}

/* The last call counts, also the one that undoes it. */
Test(engine_move_end, move__is_told_otherwise_meanwhile)
{
	struct hmt_probe mover = { 0 };
	struct hmt_slots slots;
	struct hmi_cells *cells;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	cells = &node.sys->lcores[1]->cells;
	slots = hmt_slots_use_all(cells);
	move(&node, mover.pid, 1);
	move(&node, mover.pid, 0);
	hmt_slots_give_back(cells, &slots);
	hmt_elapse(&node, 2000);
	cr_assert_eq(lcore_of(&node, mover.pid), 0);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	for (uint32_t i = 0; i < 40; i++)
		cr_assert_eq(hm_system_move(node.sys, mover.pid, i % LCORES), 0);
	hmt_turn_until_idle(&node);
	hmt_elapse(&node, 2000);
	cr_assert_eq(lcore_of(&node, mover.pid), 3);
	hmt_node_end(&node);
}

/* Orders that find no memory are tried again, in order, but for one that another has followed which has found some. */
static void
order_without_memory(uint32_t count, bool with_another, bool drop)
{
	struct hmt_probe mover = { 0 };
	struct hmi_slab full;
	struct hm_ctx *ctx;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	hmt_turn_until_idle(&node);
	ctx = node.sys->lcores[0];
	full = hmt_slab_drain(&ctx->moves);
	hmt_memory_refuse();
	for (uint32_t i = 1; i <= count; i++)
		move(&node, mover.pid, i);
	hmt_elapse(&node, 1000);
	hmt_elapse(&node, 1000);
	hmt_memory_allow();
	ctx->moves = full;
	cr_assert_geq(hmt_stats(&node).no_memory, count);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	if (drop) {
		hmt_node_drop(&node);
		return;
	}
	if (with_another)
		move(&node, mover.pid, 3);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&node, 1000);
	cr_assert_eq(lcore_of(&node, mover.pid), with_another ? 3 : count);
	hmt_node_end(&node);
}

Test(engine_move_end, move__without_memory_for_the_order_it_is_tried_again)
{
	order_without_memory(1, false, false);
	order_without_memory(2, false, false);
	order_without_memory(1, true, false);
	order_without_memory(2, true, false);
	order_without_memory(2, false, true);
}

/* What the program wants is not overridden by the balancer, which comes first as there is memory again. */
Test(engine_move_end, move__without_memory_for_the_order_the_balancer_does_not_override_it)
{
	struct hmt_probe mover = { 0 };
	struct hmi_slab full;
	struct hm_ctx *ctx;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	hmt_turn_until_idle(&node);
	ctx = node.sys->lcores[0];
	full = hmt_slab_drain(&ctx->moves);
	hmt_memory_refuse();
	move(&node, mover.pid, 1);
	hmt_memory_allow();
	ctx->moves = full;
	hmi_move_order(ctx, hmi_cells_at(&ctx->cells, mover.pid.local), 2, HMI_MOVE_BY_LOAD);
	hmt_turn_until_idle(&node);
	cr_assert_eq(lcore_of(&node, mover.pid), 2);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&node, 1000);
	cr_assert_eq(lcore_of(&node, mover.pid), 1);
	hmt_node_end(&node);
}

Test(engine_move_end, move__without_a_slot_there_it_is_tried_again)
{
	struct hmt_probe mover = { 0 };
	struct hmt_slots slots;
	struct hmi_cells *cells;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	cells = &node.sys->lcores[1]->cells;
	slots = hmt_slots_use_all(cells);
	move(&node, mover.pid, 1);
	cr_assert_eq(lcore_of(&node, mover.pid), 0);
	hmt_elapse(&node, 1000);
	cr_assert_eq(lcore_of(&node, mover.pid), 0);
	hmt_slots_give_back(cells, &slots);
	hmt_elapse(&node, 2000);
	cr_assert_eq(lcore_of(&node, mover.pid), 1);
	hmt_node_end(&node);
}

static uint32_t
seen_at(const struct hmt_probe *probe, uint16_t type)
{
	uint32_t i = 0;

	while (i < probe->count && probe->seen[i].type != type)
		i++;
	return i;
}

/* What waited beside the order to move comes later. */
Test(engine_move_end, move__is_told_of_it_first)
{
	for (uint32_t turns = 0; turns < 64; turns++) {
		struct hmt_probe mover = { 0 };
		struct hmt_node node;
		uint64_t moved;

		hmt_node_start(&node, LCORES);
		hmt_probe_spawn(&node, &mover, turns % LCORES, NULL);
		move(&node, mover.pid, turns / LCORES % LCORES);
		mover.count = 0;
		moved = hmt_stats(&node).moved;
		cr_assert_eq(hm_system_move(node.sys, mover.pid, (turns + 1) % LCORES), 0);
		for (uint32_t i = 0; i < turns / LCORES / LCORES; i++)
			hm_system_turn(node.sys);
		hmt_number(&node, mover.pid, 1);
		cr_assert_eq(hm_system_stop_actor(node.sys, mover.pid), 0);
		hmt_turn_until_idle(&node);
		if (hmt_stats(&node).moved > moved)
			cr_assert_eq(seen_at(&mover, HM_MOVED), 0, "%u", turns);
		cr_assert_eq(hmt_seen_count(&mover, HM_STOPPED), 1);
		hmt_node_end(&node);
	}
}

/* ---- Senders that are muted ------------------------------------------------------------------ */

#define FLOOD 1000u

static void
flood(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 0;

	for (uint32_t i = 0; i < FLOOD; i++)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)arg, HMT_NUMBER, &number), HM_OK);
}

static struct hmt_probe slow;
static uint64_t mutes;

static void
spawn_slow(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, &slow, *(uint32_t *)arg, NULL), 0);
}

/* A mailbox that nobody empties for a while, at the end of three lanes, so that its actor mutes late. */
static void
slow_start(struct hmt_node *node, struct hmt_probe *parent, uint32_t home, uint32_t place)
{
	static const struct hm_supervisor patient = { .backoff = { .min_us = 10000, .max_us = 10000 },
						      .restarts = HM_RESTARTS_UNLIMITED };
	static struct hm_props props;

	props = *hmt_probe_props(0);
	props.supervisor = &patient;
	memset(&slow, 0, sizeof(slow));
	cr_assert_eq(hm_system_spawn(node->sys, &props, NULL, &parent, &parent->pid), 0);
	hmt_do(node, parent->pid, spawn_slow, &home);
	move(node, slow.pid, place);
	hmt_do(node, slow.pid, hmt_fail, NULL);
}

static void
muted_on_its_way(uint32_t lcores, uint32_t turns)
{
	uint32_t home = lcores % LCORES, place = lcores / LCORES % LCORES, to = lcores / LCORES / LCORES;
	struct hmt_probe mover = { 0 }, parent = { 0 };
	struct hmt_deed deed = { flood, &slow.pid };
	struct hmt_node node;

	hmt_node_start_with(&node, LCORES, 0, "--mailbox=100");
	slow_start(&node, &parent, home, place);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	move(&node, mover.pid, 1);
	cr_assert_eq(hm_system_move(node.sys, mover.pid, to), 0);
	for (uint32_t i = 0; i < turns; i++)
		hm_system_turn(node.sys);
	cr_assert_eq(hm_system_send(node.sys, mover.pid, HMT_DO, &deed), HM_OK);
	hmt_turn_until_idle(&node);
	hmt_elapse(&node, 2000);
	hmt_elapse(&node, 10000);
	hmt_elapse(&node, 2000);
	cr_assert_geq(slow.count, FLOOD);
	mutes += hmt_stats(&node).mutes;
	self_seen = hm_pid_none();
	cr_assert_eq(lcore_of(&node, mover.pid), to, "to %u after %u turns", to, turns);
	hmt_node_end(&node);
}

/* The muting finds the slot that it has left, and the release comes when that is free: it is not muted for ever. */
Test(engine_move_end, move__while_it_is_muted_it_is_released)
{
	for (uint32_t lcores = 0; lcores < LCORES * LCORES * LCORES; lcores++) {
		for (uint32_t turns = 0; turns < 5; turns++)
			muted_on_its_way(lcores, turns);
	}
	cr_assert_gt(mutes, 0);
}

/* ---- Misuse ------------------------------------------------------------------------------------ */

static void
misuse(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid other = *(struct hm_pid *)arg;

	cr_assert_eq(hm_move(ctx, hm_pid_none(), 0), HM_NO_RECEIVER);
	cr_assert_eq(hm_move(ctx, other, LCORES), HM_INVALID);
	cr_assert_eq(hm_move(ctx, other, UINT32_MAX), HM_INVALID);
	other.node++;
	cr_assert_eq(hm_move(ctx, other, 0), HM_INVALID);
}

Test(engine_move_end, move__of_nobody_or_to_nowhere)
{
	struct hmt_probe probe = { 0 };
	struct hm_pid guardian, nobody;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, misuse, &probe.pid);
	cr_assert_eq(hm_system_move(NULL, probe.pid, 0), -EINVAL);
	cr_assert_eq(hm_system_move(node.sys, hm_pid_none(), 0), -EINVAL);
	cr_assert_eq(hm_system_move(node.sys, probe.pid, LCORES), -EINVAL);
	guardian = node.sys->user;
	move(&node, guardian, 1);
	move(&node, node.sys->root, 1);
	move(&node, hmi_lcore_process(node.sys, 0), 1);
	nobody = probe.pid;
	nobody.local += 77;
	move(&node, nobody, 1);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	cr_assert_eq(hmt_dead(&node), 0, "an order is no message");
	hmt_node_end(&node);
}

static void
move_self(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_move(ctx, hm_self(ctx), *(uint32_t *)arg), HM_OK);
}

Test(engine_move_end, move__to_where_it_lives_changes_nothing)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	move(&node, probe.pid, 1);
	cr_assert_eq(hmt_seen_count(&probe, HM_MOVED), 0);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	/* Nor when it was born elsewhere. */
	move(&node, probe.pid, 3);
	move(&node, probe.pid, 3);
	cr_assert_eq(hmt_seen_count(&probe, HM_MOVED), 1);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	cr_assert_eq(lcore_of(&node, probe.pid), 3);
	hmt_node_end(&node);
}

Test(engine_move_end, move__of_itself)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;
	uint32_t to = 2;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, move_self, &to);
	cr_assert_eq(lcore_of(&node, probe.pid), 2);
	hmt_node_end(&node);
}
