/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a router, in order, with its parent, and with its system; and its place among other actors.
 */
#include <inttypes.h>

#include "test_engine_router.h"

TestSuite(engine_router_end, .init = hmt_eal_start, .timeout = 60);

/* ---- In order ------------------------------------------------------------------------------------ */

static void
poison(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_poison(ctx, scene.router), HM_OK);
}

static void
send_and_poison(struct hm_ctx *ctx, void *arg)
{
	numbers_send(ctx, arg);
	poison(ctx, NULL);
	poison(ctx, NULL);
}

/* Routees handle what they have, and what comes later is a dead letter. */
Test(engine_router_end, poison__lets_a_pool_handle_what_it_has)
{
	struct numbers numbers = { 0, 100, false };

	scene_start(1);
	pool_make(HM_ROUTER_ROUND_ROBIN, 4);
	hmt_do(&scene.node, scene.senders[0].pid, send_and_poison, &numbers);
	cr_assert_eq(received_all(), 100);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 5);
	scene_end();
}

Test(engine_router_end, poison__from_another_lcore_and_of_a_group)
{
	struct hmt_probe probes[3] = { 0 };
	struct hm_pid pids[3];

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 4);
	hmt_do(&scene.node, scene.senders[1].pid, poison, NULL);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 5);
	for (uint32_t i = 0; i < 3; i++)
		pids[i] = hmt_probe_spawn(&scene.node, &probes[i], i % 2, NULL);
	router_make(&(struct hm_router){ .size = 3, .routees = pids });
	hmt_do(&scene.node, scene.senders[1].pid, poison, NULL);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 6);
	scene_end();
}

/* One whose routees do not end: new messages, and orders, find the router closed. */
static void
stay_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STOPPING)
		cr_assert_eq(hm_ask(ctx, scene.senders[0].pid, HMT_NUMBER, &(uint64_t){ 1 }, 5000,
				    hmt_ignore_reply, NULL),
			     HM_OK);
}

Test(engine_router_end, closed__takes_neither_messages_nor_orders)
{
	static const struct hm_props props = { .receive = stay_receive, .lcore = HM_LCORE_ANY };

	scene_start(2);
	router_make(&(struct hm_router){ .size = 2, .props = &props });
	hmt_do(&scene.node, scene.senders[1].pid, poison, NULL);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 0);
	numbers_from(0, 0, 1);
	numbers_from(1, 0, 1);
	cr_assert_eq(dead_of(HM_DEAD_NO_ROUTEE), 2);
	cr_assert_eq(routee_add(scene.senders[0].pid).error, -ESHUTDOWN);
	cr_assert_eq(routee_remove(scene.senders[0].pid).error, -ESHUTDOWN);
	cr_assert_eq(pool_adjust(1).error, -ESHUTDOWN);
	cr_assert_eq(routees()->count, 0);
	/* A second pill changes nothing. */
	hmt_do(&scene.node, scene.senders[1].pid, poison, NULL);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 0);
	hmt_elapse(&scene.node, 6000);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 3);
	scene_end();
}

/* ---- Under a parent --------------------------------------------------------------------------- */

static void
router_child(struct hm_ctx *ctx, void *arg)
{
	struct hm_router config = { .size = 3, .props = &any_props };

	cr_assert_eq(hm_router_spawn(ctx, &config, arg, &scene.router), 0);
	/* At once. */
	numbers_send(ctx, &(struct numbers){ 0, 6, false });
}

Test(engine_router_end, spawn__is_of_the_running_actor_and_routes_at_once)
{
	scene_start(2);
	hmt_do(&scene.node, scene.senders[1].pid, router_child, &(char[]){ "pool" });
	cr_assert_eq(hm_pid_lcore(scene.router), 1);
	cr_assert_eq(received_all(), 6);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(received(routees()->pids[i]), 2);
	/* Its parent learns of its end, once. */
	hmt_stop(&scene.node, scene.router);
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HM_TERMINATED), 1);
	cr_assert(
		hm_pid_equal(hmt_seen_last(&scene.senders[1], HM_TERMINATED)->terminated.who, scene.router));
	scene_end();
}

Test(engine_router_end, name__is_found_and_routees_have_numbers)
{
	struct hm_pid pid;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	cr_assert_eq(hm_lookup(scene.node.sys, "/user/router", &pid), 0);
	cr_assert(hm_pid_equal(pid, scene.router));
	cr_assert_eq(hm_lookup(scene.node.sys, "/user/router/1", &pid), 0);
	cr_assert(hm_pid_equal(pid, routees()->pids[0]));
	cr_assert_eq(hm_lookup(scene.node.sys, "/user/router/2", &pid), 0);
	cr_assert_eq(hm_lookup(scene.node.sys, "/user/router/3", &pid), -ENOENT);
	scene_end();
}

static void
fail_parent(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_fail(ctx, "on purpose");
}

/* Its parent restarts, and stops its children: nothing of the router is left. */
Test(engine_router_end, parent__that_fails_ends_it)
{
	scene_start(2);
	hmt_do(&scene.node, scene.senders[0].pid, router_child, NULL);
	hmt_do(&scene.node, scene.senders[0].pid, fail_parent, NULL);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 4);
	numbers_from(1, 0, 1);
	cr_assert_eq(dead_of(HM_DEAD_NO_PROCESS), 1);
	scene_end();
}

/* All children of a parent restart together, the router among them: its routees are new ones. */
static const struct hm_supervisor all = { .directive = HM_DIRECTIVE_RESTART,
					  .scope = HM_ALL_FOR_ONE,
					  .restarts = HM_RESTARTS_UNLIMITED };
static struct hm_pid sibling, parent;

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_router config = { .size = 3, .props = &any_props };

	(void)state;
	if (hm_msg_type(msg) != HM_STARTED)
		return;
	parent = hm_self(ctx);
	cr_assert_eq(hm_router_spawn(ctx, &config, NULL, &scene.router), 0);
	cr_assert_eq(hm_spawn(ctx, &same_props, NULL, NULL, &sibling), 0);
}

Test(engine_router_end, restart__of_the_router_makes_a_new_pool)
{
	static const struct hm_props props = { .receive = parent_receive, .supervisor = &all };
	struct hm_pid before[3];

	scene_start(2);
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, NULL, NULL), 0);
	hmt_turn_until_idle(&scene.node);
	memcpy(before, routees()->pids, sizeof(before));
	cr_assert_eq(routee_add(scene.senders[0].pid).error, 0);
	hmt_number(&scene.node, sibling, FAILS);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hmt_stats(&scene.node).restarted, 2);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 3, "%" PRIu64, hmt_stats(&scene.node).stopped);
	cr_assert_eq(routees()->count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t j = 0; j < 3; j++)
			cr_assert_not(hm_pid_equal(routees()->pids[i], before[j]));
	}
	log_clear();
	numbers_from(1, 0, 8);
	cr_assert_eq(received_all(), 6);
	cr_assert_eq(hmt_seen_count(&scene.senders[0], HMT_NUMBER), 2);
	/* One that was added is still watched. */
	hmt_stop(&scene.node, scene.senders[0].pid);
	scene.senders[0] = scene.senders[1];
	cr_assert_eq(routees()->count, 3);
	scene_end();
}

/* Everything that else goes to an actor. */
static void
touch(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_request(ctx, scene.router, HM_TOUCH, NULL), HM_OK);
}

Test(engine_router_end, touch__is_answered_by_the_router)
{
	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	hmt_do(&scene.node, scene.senders[1].pid, touch, NULL);
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HM_TOUCHED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&scene.senders[1], HM_TOUCHED)->sender, scene.router));
	scene_end();
}

/* The system is taken apart while routers have not ended. */
Test(engine_router_end, drop__leaves_nothing)
{
	scene_start(2);
	pool_make(HM_ROUTER_HASH, 3);
	numbers_from(0, 0, 3);
	hmt_node_drop(&scene.node);
}
