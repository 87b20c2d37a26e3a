/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move to another lcore: what they take along, and the order of what is sent to them.
 */
#include <criterion/criterion.h>

#include "hm_behaviour.h"
#include "hm_children.h"
#include "hm_select.h"
#include "test_engine_move.h"

TestSuite(engine_move, .init = hmt_eal_start);

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
		/* Those that it got while it was away as well. */
		move(&node, parent.pid, 3);
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
		hmt_do(&node, children[0].pid, hmt_fail, NULL);
		cr_assert_eq(hmt_seen_count(&children[0], HM_STARTED), i + 2);
		cr_assert_eq(lcore_of(&node, children[0].pid), i % LCORES);
	}
	/* Ten in ten seconds are allowed, wherever they were. */
	for (uint32_t i = 0; i < 3; i++)
		hmt_do(&node, children[0].pid, hmt_fail, NULL);
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
