/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move to another lcore: what they take along, and the order of what is sent to them.
 */
#include <errno.h>

#include <criterion/criterion.h>

#include "forward_pvt.h"
#include "hm_behaviour.h"
#include "hm_children.h"
#include "hm_extension.h"
#include "hm_move.h"
#include "hm_select.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_slots.h"

TestSuite(engine_move, .init = hmt_eal_start);

#define LCORES 4u

static struct hm_pid self_seen;
static uint32_t lcore_seen;

static void
look(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	self_seen = hm_self(ctx);
	lcore_seen = hm_lcore(ctx);
}

/* Where it lives, by its own words. */
static uint32_t
lcore_of(struct hmt_node *node, struct hm_pid pid)
{
	hmt_do(node, pid, look, NULL);
	cr_assert(hm_pid_equal(self_seen, pid), "it keeps its PID");
	return lcore_seen;
}

static void
move(struct hmt_node *node, struct hm_pid pid, uint32_t lcore)
{
	cr_assert_eq(hm_system_move(node->sys, pid, lcore), 0);
	hmt_turn_until_idle(node);
}

/* ---- What it keeps --------------------------------------------------------------------- */

Test(engine_move, move__keeps_pid_state_and_name)
{
	struct hmt_probe probe = { 0 };
	struct hm_pid pid, found;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	pid = hmt_probe_spawn(&node, &probe, 1, "mover");
	for (uint32_t i = 0; i < 3 * LCORES; i++) {
		move(&node, pid, i % LCORES);
		cr_assert_eq(lcore_of(&node, pid), i % LCORES);
		hmt_number(&node, pid, i);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, i);
	}
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 3 * LCORES);
	cr_assert_eq(hmt_stats(&node).moved, 3 * LCORES);
	cr_assert_eq(hmt_seen_count(&probe, HM_STARTED), 1, "it has not begun anew");
	cr_assert_eq(hm_lookup(node.sys, "/user/mover", &found), 0);
	cr_assert(hm_pid_equal(found, pid));
	hmt_node_end(&node);
}

static void
ask_where(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

static void
request(struct hm_ctx *ctx, void *pid)
{
	uint64_t number = 7;

	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &number), HM_OK);
}

Test(engine_move, move__its_answers_have_its_pid)
{
	struct hmt_probe probe = { .on_msg = ask_where }, asker = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_probe_spawn(&node, &asker, 2, NULL);
	move(&node, probe.pid, 2);
	hmt_do(&node, asker.pid, request, &probe.pid);
	cr_assert_eq(hmt_seen_count(&asker, HMT_NUMBER), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&asker, HMT_NUMBER)->sender, probe.pid));
	/* The answer goes to where the asker lives. */
	move(&node, asker.pid, 3);
	hmt_do(&node, asker.pid, request, &probe.pid);
	cr_assert_eq(hmt_seen_count(&asker, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

static void
start_timers(struct hm_ctx *ctx, void *arg)
{
	struct hm_timer *timers = arg;
	uint64_t number = 1;
	uint64_t words[125] = { 2 };

	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &number, 1000, 0, &timers[0]), HM_OK);
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_BIG, words, 1500, 1000, &timers[1]), HM_OK);
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, 1000, 0, &timers[2]), HM_OK);
}

static void
cancel_timer(struct hm_ctx *ctx, void *arg)
{
	hm_timer_cancel(ctx, *(struct hm_timer *)arg);
}

Test(engine_move, move__takes_its_timers_along)
{
	struct hmt_probe probe = { 0 };
	struct hm_timer timers[3];
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, start_timers, timers);
	move(&node, probe.pid, 1);
	hmt_do(&node, probe.pid, cancel_timer, &timers[2]);
	hmt_elapse(&node, 1001);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 0, "cancelled after the move");
	move(&node, probe.pid, 3);
	hmt_elapse(&node, 2000);
	hmt_elapse(&node, 1000);
	cr_assert_geq(hmt_seen_count(&probe, HMT_BIG), 2);
	cr_assert_eq(hmt_seen_last(&probe, HMT_BIG)->words[0], 2);
	hmt_node_end(&node);
}

static void
set_receive_timeout(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_receive_timeout_set(ctx, 1000), HM_OK);
}

Test(engine_move, move__takes_its_receive_timeout_along)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, set_receive_timeout, NULL);
	hmt_elapse(&node, 10);
	move(&node, probe.pid, 1);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&node, 1000);
	cr_assert_geq(hmt_seen_count(&probe, HM_RECEIVE_TIMEOUT), 3);
	hmt_node_end(&node);
}

/* However often it moves: an actor that is busy between two looks gets none, one that is idle gets it in time. */
Test(engine_move, move__more_often_than_its_receive_timeout_looks)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, set_receive_timeout, NULL);
	for (uint32_t i = 1; i < 60; i++) {
		move(&node, probe.pid, i % LCORES);
		hmt_elapse(&node, 50);
		/* It counts, and so the next look begins. */
		if (i < 20)
			hmt_number(&node, probe.pid, i);
	}
	cr_assert_geq(hmt_seen_count(&probe, HM_RECEIVE_TIMEOUT), 1);
	hmt_node_end(&node);
}

static uint32_t destroyed;

static void
value_destroy(void *value)
{
	(void)value;
	destroyed++;
}

static const struct hm_extension extension = { .name = "moved", .destroy = value_destroy };

static void
set_extension(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_actor_extension_set(ctx, &extension, arg), 0);
}

static void
check_extension(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_actor_extension(ctx, &extension), arg);
}

Test(engine_move, move__takes_its_extensions_along)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;
	int value;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, set_extension, &value);
	move(&node, probe.pid, 1);
	hmt_do(&node, probe.pid, check_extension, &value);
	cr_assert_eq(destroyed, 0);
	hmt_stop(&node, probe.pid);
	cr_assert_eq(destroyed, 1);
	hmt_node_end(&node);
}

/* ---- Who is related to it ------------------------------------------------------------------ */

Test(engine_move, move__watchers_and_watched_stay_so)
{
	struct hmt_probe mover = { 0 }, watcher = { 0 }, watched = { 0 }, free_one = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	hmt_probe_spawn(&node, &watcher, 1, NULL);
	hmt_probe_spawn(&node, &watched, 0, NULL);
	hmt_probe_spawn(&node, &free_one, 0, NULL);
	hmt_do(&node, watcher.pid, hmt_watch, &mover.pid);
	hmt_do(&node, mover.pid, hmt_watch, &watched.pid);
	hmt_do(&node, mover.pid, hmt_watch, &free_one.pid);
	move(&node, mover.pid, 2);
	hmt_do(&node, mover.pid, hmt_unwatch, &free_one.pid);
	hmt_stop(&node, watched.pid);
	hmt_stop(&node, free_one.pid);
	cr_assert_eq(hmt_seen_count(&mover, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&mover, HM_TERMINATED)->terminated.who, watched.pid));
	hmt_stop(&node, mover.pid);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&watcher, HM_TERMINATED)->terminated.who, mover.pid));
	hmt_node_end(&node);
}

static struct hmt_probe children[6];

static void
spawn_children(struct hm_ctx *ctx, void *arg)
{
	uint32_t first = *(uint32_t *)arg;

	for (uint32_t i = first; i < first + 3; i++)
		cr_assert_eq(hmt_probe_child(ctx, &children[i], i % 3 == 2 ? 1 : HMT_LCORE_SAME, NULL), 0);
}

static void
count_children(struct hm_ctx *ctx, void *arg)
{
	struct hm_child_iter iter = { 0 };
	struct hm_pid child;
	uint32_t n = 0;

	while (hm_child_next(ctx, &iter, &child))
		n++;
	cr_assert_eq(n, hm_children_count(ctx));
	*(uint32_t *)arg = n;
}

/* A parent that moves, at home or not, has the same children; new ones are its children as well. */
Test(engine_move, move__children_stay_its_children)
{
	struct hmt_probe parent = { 0 };
	uint32_t first = 0, count;
	struct hmt_node node;

	for (uint32_t round = 0; round < 2; round++) {
		memset(&parent, 0, sizeof(parent));
		memset(children, 0, sizeof(children));
		hmt_node_start(&node, LCORES);
		hmt_probe_spawn(&node, &parent, 0, NULL);
		first = 0;
		hmt_do(&node, parent.pid, spawn_children, &first);
		move(&node, parent.pid, 2);
		if (round == 1)
			move(&node, parent.pid, 0);
		first = 3;
		hmt_do(&node, parent.pid, spawn_children, &first);
		hmt_do(&node, parent.pid, count_children, &count);
		cr_assert_eq(count, 6);
		hmt_stop(&node, children[0].pid);
		hmt_stop(&node, children[3].pid);
		hmt_do(&node, parent.pid, count_children, &count);
		cr_assert_eq(count, 4);
		cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 2);
		hmt_stop(&node, parent.pid);
		for (uint32_t i = 0; i < 6; i++)
			cr_assert_eq(hmt_seen_count(&children[i], HM_STOPPED), 1);
		hmt_node_end(&node);
	}
}

static void
spawn_named(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, HMT_LCORE_SAME, "child"), 0);
}

static void
select_child(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 3;

	(void)arg;
	cr_assert_eq(hm_select_send(ctx, "child", HMT_NUMBER, &number), HM_OK);
}

/* The path of one without a name is of its PID. */
Test(engine_move, move__without_a_name_its_children_are_below_it)
{
	struct hmt_probe parent = { 0 }, child = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_named, &child);
	hmt_do(&node, parent.pid, select_child, NULL);
	cr_assert_eq(hmt_seen_count(&child, HMT_NUMBER), 1);
	move(&node, parent.pid, 2);
	hmt_do(&node, parent.pid, select_child, NULL);
	cr_assert_eq(hmt_seen_count(&child, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

Test(engine_move, move__of_a_child_its_parent_is_told_of_its_end)
{
	struct hmt_probe parent = { 0 };
	uint32_t first = 0, count;
	struct hmt_node node;

	memset(children, 0, sizeof(children));
	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_children, &first);
	move(&node, children[0].pid, 3);
	move(&node, children[1].pid, 3);
	move(&node, children[1].pid, 0);
	move(&node, children[2].pid, 0);
	hmt_do(&node, parent.pid, count_children, &count);
	cr_assert_eq(count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		hmt_stop(&node, children[i].pid);
		hmt_do(&node, parent.pid, count_children, &count);
		cr_assert_eq(count, 2 - i);
	}
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 3);
	hmt_node_end(&node);
}

static void
fail(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_fail(ctx, "on purpose");
}

Test(engine_move, move__supervision_goes_on)
{
	struct hmt_probe parent = { 0 };
	uint32_t first = 0;
	struct hmt_node node;

	memset(children, 0, sizeof(children));
	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_children, &first);
	for (uint32_t i = 0; i < 8; i++) {
		move(&node, children[0].pid, i % LCORES);
		move(&node, parent.pid, (i + 1) % LCORES);
		hmt_do(&node, children[0].pid, fail, NULL);
		cr_assert_eq(hmt_seen_count(&children[0], HM_STARTED), i + 2);
		cr_assert_eq(lcore_of(&node, children[0].pid), i % LCORES);
	}
	/* Ten in ten seconds are allowed, wherever they were. */
	for (uint32_t i = 0; i < 3; i++)
		hmt_do(&node, children[0].pid, fail, NULL);
	cr_assert_eq(hmt_seen_count(&children[0], HM_STOPPED), 1);
	hmt_node_end(&node);
}

static void
become_counted(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert(hm_become_pop(ctx));
	else if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_stash(ctx), HM_OK);
}

static void
push_behaviour(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_become_push(ctx, become_counted), HM_OK);
}

static void
unstash(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_unstash_all(ctx), 1);
}

Test(engine_move, move__takes_behaviours_and_stash_along)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, push_behaviour, NULL);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_EMPTY, NULL), HM_OK);
	move(&node, probe.pid, 1);
	hmt_number(&node, probe.pid, 1);
	move(&node, probe.pid, 2);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 0);
	hmt_do(&node, probe.pid, unstash, NULL);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 1);
	hmt_node_end(&node);
}

Test(engine_move, move__the_actor_is_told)
{
	struct hmt_probe probe = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	move(&node, probe.pid, 1);
	move(&node, probe.pid, 1);
	move(&node, probe.pid, 3);
	HMT_SEQUENCE(&probe, HM_STARTED, HM_MOVED, HM_MOVED);
	hmt_node_end(&node);
}

/* ---- Its end --------------------------------------------------------------------------------- */

static uint32_t
live_all(const struct hmt_node *node)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < LCORES; i++)
		sum += node->sys->lcores[i]->cells.live;
	return sum;
}

static uint32_t
routes_all(const struct hmt_node *node)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < LCORES; i++)
		sum += node->sys->lcores[i]->routes.count;
	return sum;
}

Test(engine_move, move__nothing_is_left_of_it)
{
	struct hmt_probe mover = { 0 }, sender = { 0 };
	struct hmt_node node;
	uint32_t live;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &sender, 3, NULL);
	hmt_turn_until_idle(&node);
	live = live_all(&node);
	for (uint32_t i = 0; i < 10; i++) {
		memset(&mover, 0, sizeof(mover));
		hmt_probe_spawn(&node, &mover, 0, NULL);
		move(&node, mover.pid, 1);
		move(&node, mover.pid, 2);
		hmt_do(&node, sender.pid, request, &mover.pid);
		hmt_do(&node, sender.pid, request, &mover.pid);
		cr_assert_eq(hmt_seen_count(&mover, HMT_NUMBER), 2);
		cr_assert_gt(routes_all(&node), 0);
		hmt_stop(&node, mover.pid);
		hmt_do(&node, sender.pid, request, &mover.pid);
		cr_assert_eq(hmt_seen_count(&mover, HMT_NUMBER), 2);
		cr_assert_eq(hmt_dead(&node), i + 1);
		cr_assert_eq(live_all(&node), live, "slots");
		cr_assert_eq(routes_all(&node), 0, "routes");
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
	cr_assert_eq(routes_all(&node), 0, "routes");
	hmt_node_end(&node);
}

Test(engine_move, move__who_watches_it_at_its_end_is_told)
{
	for (uint32_t lcores = 0; lcores < LCORES * LCORES * LCORES; lcores++) {
		for (uint32_t turns = 0; turns < 5; turns++) {
			watch_at_its_end(lcores, turns, false);
			watch_at_its_end(lcores, turns, true);
		}
	}
}

Test(engine_move, move__what_waits_at_its_end_is_a_dead_letter_to_its_pid)
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

Test(engine_move, move__a_system_that_is_destroyed_meanwhile)
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
ask_nobody(struct hm_ctx *ctx, void *pid)
{
	uint64_t number = 0;

	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &number, 10000, on_answer, NULL), HM_OK);
}

Test(engine_move, move__waits_for_its_answers)
{
	struct hmt_probe mover = { 0 }, silent = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	hmt_probe_spawn(&node, &silent, 1, NULL);
	hmt_do(&node, mover.pid, ask_nobody, &silent.pid);
	move(&node, mover.pid, 1);
	cr_assert_eq(lcore_of(&node, mover.pid), 0);
	for (int i = 0; i < 5; i++)
		hmt_elapse(&node, 1000);
	cr_assert_eq(lcore_of(&node, mover.pid), 0);
	cr_assert_eq(answers, 0);
	hmt_elapse(&node, 6000);
	cr_assert_eq(answers, 1);
	hmt_elapse(&node, 2000);
	cr_assert_eq(lcore_of(&node, mover.pid), 1);
	hmt_node_end(&node);
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

/* Restart, room on the other lcore, and the answer come together: the answer, which is nobody's any more, stays behind. */
Test(engine_move, move__waits_for_answers_that_are_nobodys)
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
Test(engine_move, move__is_told_otherwise_meanwhile)
{
	struct hmt_probe mover = { 0 }, silent = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_probe_spawn(&node, &mover, 0, NULL);
	hmt_probe_spawn(&node, &silent, 1, NULL);
	hmt_do(&node, mover.pid, ask_nobody, &silent.pid);
	move(&node, mover.pid, 1);
	move(&node, mover.pid, 0);
	hmt_elapse(&node, 20000);
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

Test(engine_move, move__without_a_slot_there_it_is_tried_again)
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
Test(engine_move, move__is_told_of_it_first)
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
	hmt_do(node, slow.pid, fail, NULL);
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
Test(engine_move, move__while_it_is_muted_it_is_released)
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

Test(engine_move, move__of_nobody_or_to_nowhere)
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

Test(engine_move, move__to_where_it_lives_changes_nothing)
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

Test(engine_move, move__of_itself)
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
