/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers that look at how much their routees have to do: smallest mailbox, balancing.
 */
#include "hm_move.h"
#include "test_engine_router.h"

TestSuite(engine_router_pull, .init = hmt_eal_start, .timeout = 60);

static const struct hm_props there_props = { .receive = routee_receive, .lcore = HM_LCORE(1) };

/* ---- Smallest mailbox ------------------------------------------------------------------------ */

Test(engine_router_pull, smallest__spreads_a_burst)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(2);
		pool_make(HM_ROUTER_SMALLEST, 4);
		numbers_from(lcore, 0, 80);
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t count = received(routees()->pids[i]);

			cr_assert_geq(count, 12, "%u", count);
			cr_assert_leq(count, 28, "%u", count);
		}
		cr_assert_eq(received_all(), 80);
		scene_end();
	}
}

struct direct {
	struct hm_pid to;
	uint64_t count;
};

static void
direct_send(struct hm_ctx *ctx, void *arg)
{
	const struct direct *direct = arg;

	for (uint64_t i = 0; i < direct->count; i++)
		cr_assert_eq(hm_send(ctx, direct->to, HMT_NUMBER, &(uint64_t){ 1000000 + i }), HM_OK);
}

/* As if so many messages waited for it, while others are sent. */
static void
numbers_beside(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid busy = *(struct hm_pid *)arg;
	struct hmi_cells *cells = &scene.node.sys->lcores[hm_pid_lcore(busy)]->cells;
	uint32_t *count = &hmi_cells_at(cells, busy.local)->box.count;

	*count += 500;
	numbers_send(ctx, &(struct numbers){ 0, 30, false });
	*count -= 500;
}

static void
busy_gets_none(const struct hm_props *props)
{
	struct hm_pid busy;

	scene_start(2);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_SMALLEST, .size = 3, .props = props });
	busy = routees()->pids[1];
	hmt_do(&scene.node, scene.senders[1].pid, numbers_beside, &busy);
	cr_assert_eq(received(busy), 0);
	for (uint32_t i = 0; i < 3; i += 2)
		cr_assert_eq(received(routees()->pids[i]), 15);
	scene_end();
}

Test(engine_router_pull, smallest__avoids_who_is_busy_on_both_lcores)
{
	busy_gets_none(&same_props);
	busy_gets_none(&there_props);
}

/* One whose number of messages is not known is not taken for one without. */
Test(engine_router_pull, smallest__prefers_whom_it_can_look_at)
{
	struct hm_pid pids[3];

	scene_start(2);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){ .size = 1, .props = &there_props }, NULL,
					    &pids[0]),
		     0);
	for (uint32_t i = 1; i < 3; i++)
		cr_assert_eq(hm_system_spawn(scene.node.sys, &any_props, NULL, NULL, &pids[i]), 0);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_SMALLEST, .size = 3, .routees = pids });
	cr_assert_eq(hm_system_move(scene.node.sys, pids[2], 1 - hm_pid_lcore(pids[2])), 0);
	hmt_turn_until_idle(&scene.node);
	numbers_from(1, 0, 10);
	cr_assert_eq(received(pids[1]), 10);
	scene_end();
}

Test(engine_router_pull, smallest__takes_strangers_if_there_are_no_others)
{
	struct hm_pid pids[2];

	scene_start(2);
	/* A router is no actor with a mailbox that anybody could look at. */
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(hm_system_router_spawn(scene.node.sys,
						    &(struct hm_router){ .size = 1, .props = &there_props },
						    NULL, &pids[i]),
			     0);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_SMALLEST, .size = 2, .routees = pids });
	numbers_from(0, 0, 10);
	numbers_from(1, 0, 10);
	cr_assert_eq(received_all(), 20);
	scene_end();
}

/* ---- Balancing --------------------------------------------------------------------------------- */

Test(engine_router_pull, balancing__all_have_something_to_do)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(2);
		pool_make(HM_ROUTER_BALANCING, 4);
		numbers_from(lcore, 0, 200);
		cr_assert_eq(received_all(), 200);
		for (uint32_t i = 0; i < 4; i++)
			cr_assert_gt(received(routees()->pids[i]), 0);
		cr_assert_eq(hmt_dead(&scene.node), 0);
		scene_end();
	}
}

Test(engine_router_pull, balancing__keeps_the_sender_and_the_order_of_beginning)
{
	struct asking asking;

	scene_start(2);
	pool_make(HM_ROUTER_BALANCING, 1);
	requests_from(1, 0, 50);
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HMT_NUMBER), 50);
	for (uint64_t i = 0; i < 50; i++)
		cr_assert_eq(scene.senders[1].seen[scene.senders[1].count - 50 + i].number, 1000 + i);
	asking = asked(1, 4);
	cr_assert_eq(asking.number, 1004);
	cr_assert(hm_pid_equal(asking.from, routees()->pids[0]));
	scene_end();
}

/* One that does not answer a touch, since it is muted, or slow, gets no second message. */
Test(engine_router_pull, balancing__who_is_busy_gets_no_more)
{
	struct direct direct = { .count = 3000 };
	struct hmt_deed deeds[2];
	struct numbers numbers = { 0, 60, false };
	uint32_t most = 0;

	scene_start(1);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_BALANCING, .size = 3, .props = &same_props });
	direct.to = routees()->pids[0];
	deeds[0] = (struct hmt_deed){ direct_send, &direct };
	deeds[1] = (struct hmt_deed){ numbers_send, &numbers };
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[0].pid, HMT_DO, &deeds[0]), HM_OK);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[0].pid, HMT_DO, &deeds[1]), HM_OK);
	hmt_turn_until_idle(&scene.node);
	for (uint32_t i = 0; i < scene.count; i++)
		most += scene.log[i].number < 60 && hm_pid_equal(scene.log[i].who, direct.to);
	cr_assert_leq(most, 5, "%u", most);
	cr_assert_eq(received_all(), 3060);
	scene_end();
}

static void
queue_made(uint32_t queue, uint32_t routees_count)
{
	router_make(&(struct hm_router){
		.kind = HM_ROUTER_BALANCING, .size = routees_count, .props = &same_props, .queue = queue });
}

/* At the limit, and one beyond: one message is with the routee. */
Test(engine_router_pull, queue__is_bounded)
{
	for (uint32_t more = 0; more < 2; more++) {
		scene_start(1);
		queue_made(20, 1);
		numbers_from(0, 0, 21 + more);
		cr_assert_eq(received_all(), 21);
		cr_assert_eq(dead_of(HM_DEAD_REJECTED), more);
		scene_end();
	}
}

Test(engine_router_pull, queue__is_of_this_kind_alone)
{
	struct hm_pid pid;

	scene_start(1);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){
						    .size = 1, .props = &same_props, .queue = 1 },
					    NULL, &pid),
		     -EINVAL);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){
						    .size = 1, .props = &same_props, .within_us = 1 },
					    NULL, &pid),
		     -EINVAL);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){ .kind = HM_ROUTER_FIRST,
								 .size = 1,
								 .props = &same_props,
								 .interval_us = 1 },
					    NULL, &pid),
		     -EINVAL);
	scene_end();
}

Test(engine_router_pull, end__of_a_routee_with_a_message_frees_its_place)
{
	scene_start(2);
	hmt_elapse(&scene.node, 1);
	pool_make(HM_ROUTER_BALANCING, 2);
	numbers_from(0, ENDS, 1);
	numbers_from(0, 0, 50);
	hmt_elapse(&scene.node, 2000);
	cr_assert_eq(routees()->count, 2);
	cr_assert_eq(received_all(), 51);
	scene_end();
}

Test(engine_router_pull, restart__of_a_routee_is_not_the_end_of_its_turn)
{
	scene_start(2);
	pool_make(HM_ROUTER_BALANCING, 2);
	numbers_from(1, FAILS, 1);
	numbers_from(1, 0, 50);
	cr_assert_eq(received_all(), 51);
	cr_assert_eq(hmt_stats(&scene.node).restarted, 1);
	cr_assert_eq(dead_of(HM_DEAD_FAILED), 1);
	scene_end();
}

static void
send_and_poison(struct hm_ctx *ctx, void *arg)
{
	numbers_send(ctx, arg);
	cr_assert_eq(hm_poison(ctx, scene.router), HM_OK);
}

static void
send_and_stop(struct hm_ctx *ctx, void *arg)
{
	numbers_send(ctx, arg);
	hm_stop(ctx, scene.router);
}

Test(engine_router_pull, poison__waits_for_the_queue_and_stop_does_not)
{
	struct numbers numbers = { 0, 100, false };

	scene_start(2);
	queue_made(0, 2);
	hmt_do(&scene.node, scene.senders[0].pid, send_and_poison, &numbers);
	cr_assert_eq(received_all(), 100);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 3);
	log_clear();
	queue_made(0, 2);
	hmt_do(&scene.node, scene.senders[0].pid, send_and_stop, &numbers);
	cr_assert_lt(received_all(), 100);
	cr_assert_eq(received_all() + hmt_dead(&scene.node), 100);
	scene_end();
}

Test(engine_router_pull, group__pulls_as_well_and_none_is_a_dead_letter)
{
	struct hm_pid pids[2] = { 0 };

	scene_start(2);
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(hm_system_spawn(scene.node.sys, &any_props, NULL, NULL, &pids[i]), 0);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_BALANCING, .size = 2, .routees = pids });
	numbers_from(1, 0, 40);
	cr_assert_eq(received_all(), 40);
	cr_assert_eq(routee_remove(pids[0]).error, 0);
	cr_assert_eq(routee_remove(pids[1]).error, 0);
	numbers_from(1, 0, 3);
	cr_assert_eq(dead_of(HM_DEAD_NO_ROUTEE), 3);
	cr_assert_eq(routee_add(pids[1]).error, 0);
	numbers_from(1, 0, 3);
	cr_assert_eq(received(pids[1]) + received(pids[0]), 43);
	scene_end();
}

Test(engine_router_pull, drop__with_messages_that_wait)
{
	struct numbers numbers = { 0, 100, false };
	struct hmt_deed deed = { numbers_send, &numbers };

	scene_start(2);
	queue_made(0, 1);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[1].pid, HMT_DO, &deed), HM_OK);
	for (uint32_t i = 0; i < 3; i++)
		(void)hm_system_turn(scene.node.sys);
	hmt_node_drop(&scene.node);
}
