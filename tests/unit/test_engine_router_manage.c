/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routees that come and go: by orders, by their end.
 */
#include "test_engine_router.h"

TestSuite(engine_router_manage, .init = hmt_eal_start, .timeout = 60);

/* ---- Orders ------------------------------------------------------------------------------ */

static struct hmt_probe probes[3];

static void
group_make(uint32_t kind, uint32_t count)
{
	struct hm_pid pids[3];

	memset(probes, 0, sizeof(probes));
	for (uint32_t i = 0; i < 3; i++)
		hmt_probe_spawn(&scene.node, &probes[i], i % scene.node.sys->lcores_count, NULL);
	for (uint32_t i = 0; i < count; i++)
		pids[i] = probes[i].pid;
	router_make(&(struct hm_router){ .kind = kind, .size = count, .routees = count > 0 ? pids : NULL });
}

static uint32_t
numbers_of(uint32_t i)
{
	return hmt_seen_count(&probes[i], HMT_NUMBER);
}

Test(engine_router_manage, add__takes_part_from_then_on)
{
	struct hm_router_done done;

	scene_start(2);
	group_make(HM_ROUTER_ROUND_ROBIN, 2);
	numbers_from(1, 0, 6);
	cr_assert_eq(numbers_of(0), 3);
	cr_assert_eq(numbers_of(2), 0);
	done = routee_add(probes[2].pid);
	cr_assert_eq(done.error, 0);
	cr_assert_eq(done.count, 3);
	numbers_from(1, 0, 6);
	cr_assert_eq(numbers_of(2), 2);
	cr_assert_eq(routees()->count, 3);
	cr_assert(hm_pid_equal(routees()->pids[2], probes[2].pid));
	scene_end();
}

Test(engine_router_manage, add__refuses_who_is_there_nobody_and_itself)
{
	scene_start(2);
	group_make(HM_ROUTER_ROUND_ROBIN, 2);
	cr_assert_eq(routee_add(probes[1].pid).error, -EEXIST);
	cr_assert_eq(routee_add(hm_pid_none()).error, -EINVAL);
	cr_assert_eq(routee_add(scene.router).error, -EINVAL);
	cr_assert_eq(routees()->count, 2);
	scene_end();
}

Test(engine_router_manage, remove__takes_no_part_any_more)
{
	struct hm_router_done done;

	scene_start(2);
	group_make(HM_ROUTER_ROUND_ROBIN, 3);
	done = routee_remove(probes[1].pid);
	cr_assert_eq(done.error, 0);
	cr_assert_eq(done.count, 2);
	numbers_from(0, 0, 6);
	cr_assert_eq(numbers_of(0), 3);
	cr_assert_eq(numbers_of(1), 0);
	cr_assert_eq(routee_remove(probes[1].pid).error, -ENOENT);
	/* It lives, and its end is nothing to the router any more. */
	hmt_number(&scene.node, probes[1].pid, 1);
	hmt_turn_until_idle(&scene.node);
	hmt_stop(&scene.node, probes[1].pid);
	cr_assert_eq(numbers_of(1), 1);
	cr_assert_eq(routees()->count, 2);
	scene_end();
}

struct orders {
	struct hm_pid router, routee;
	enum hm_result add, remove, adjust, list, broadcast;
};

static void
orders_give(struct hm_ctx *ctx, void *arg)
{
	struct orders *orders = arg;
	uint64_t number = 1;

	orders->add = hm_router_add(ctx, orders->router, orders->routee);
	orders->remove = hm_router_remove(ctx, orders->router, orders->routee);
	orders->adjust = hm_router_adjust(ctx, orders->router, 1);
	orders->list = hm_router_list(ctx, orders->router);
	orders->broadcast = hm_router_broadcast(ctx, orders->router, HMT_NUMBER, &number, NULL);
}

Test(engine_router_manage, calls__order_and_list)
{
	struct orders orders;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	orders = (struct orders){ .router = scene.router, .routee = scene.senders[1].pid };
	hmt_do(&scene.node, scene.senders[0].pid, orders_give, &orders);
	cr_assert_eq(orders.add, HM_OK);
	cr_assert_eq(orders.remove, HM_OK);
	cr_assert_eq(orders.adjust, HM_OK);
	cr_assert_eq(orders.list, HM_OK);
	/* No answer but that to the last one, which has three by then. */
	cr_assert_eq(hmt_seen_count(&scene.senders[0], HM_ROUTER_DONE), 0);
	cr_assert_eq(hmt_seen_count(&scene.senders[0], HM_ROUTEES), 1);
	cr_assert_eq((uint32_t)hmt_seen_last(&scene.senders[0], HM_ROUTEES)->words[0], 3);
	cr_assert(hm_pid_equal(hmt_seen_last(&scene.senders[0], HM_ROUTEES)->sender, scene.router));
	scene_end();
}

Test(engine_router_manage, calls__refuse_who_is_no_router_of_this_node)
{
	struct hm_pid others[3];

	scene_start(1);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	others[0] = scene.senders[0].pid;
	others[1] = hm_pid_none();
	others[2] = (struct hm_pid){ scene.router.node + 1, scene.router.local };
	for (size_t i = 0; i < RTE_DIM(others); i++) {
		struct orders orders = { .router = others[i], .routee = scene.senders[0].pid };

		hmt_do(&scene.node, scene.senders[0].pid, orders_give, &orders);
		cr_assert_eq(orders.add, HM_NO_RECEIVER);
		cr_assert_eq(orders.remove, HM_NO_RECEIVER);
		cr_assert_eq(orders.adjust, HM_NO_RECEIVER);
		cr_assert_eq(orders.list, HM_NO_RECEIVER);
		cr_assert_eq(orders.broadcast, HM_NO_RECEIVER);
		cr_assert_not(hm_pid_is_router(scene.node.sys, others[i]));
	}
	cr_assert(hm_pid_is_router(scene.node.sys, scene.router));
	cr_assert_eq(hmt_dead(&scene.node), 0);
	scene_end();
}

Test(engine_router_manage, adjust__spawns_and_ends_routees)
{
	struct hm_pid last;
	struct hm_router_done done;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	done = pool_adjust(3);
	cr_assert_eq(done.error, 0);
	cr_assert_eq(done.count, 5);
	last = routees()->pids[4];
	numbers_from(0, 0, 5);
	cr_assert_eq(received(last), 1);
	done = pool_adjust(-4);
	cr_assert_eq(done.error, 0);
	cr_assert_eq(done.count, 1);
	/* They end a little later, when nothing is on its way to them any more, and nobody takes their place. */
	hmt_elapse(&scene.node, 2000);
	hmt_elapse(&scene.node, 2000000);
	cr_assert_eq(routees()->count, 1);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 4);
	numbers_from(1, 10, 4);
	cr_assert_eq(received(routees()->pids[0]), 5);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	cr_assert_eq(pool_adjust(-1).error, -EINVAL);
	cr_assert_eq(pool_adjust(INT32_MIN).error, -EINVAL);
	cr_assert_eq(pool_adjust(0).error, 0);
	scene_end();
}

Test(engine_router_manage, adjust__is_for_pools)
{
	scene_start(1);
	group_make(HM_ROUTER_ROUND_ROBIN, 1);
	cr_assert_eq(pool_adjust(1).error, -EINVAL);
	scene_end();
}

Test(engine_router_manage, remove__of_a_pool_makes_it_smaller)
{
	struct hm_pid removed;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 3);
	removed = routees()->pids[1];
	/* What it has it still handles. */
	numbers_from(0, 0, 3);
	cr_assert_eq(routee_remove(removed).error, 0);
	cr_assert_eq(received(removed), 1);
	hmt_elapse(&scene.node, 2000);
	hmt_elapse(&scene.node, 2000000);
	cr_assert_eq(routees()->count, 2);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 1);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	scene_end();
}

/* Of Proto.Actor a group's dead routees stay, and swallow messages. */
Test(engine_router_manage, group__forgets_who_has_ended)
{
	scene_start(2);
	group_make(HM_ROUTER_ROUND_ROBIN, 3);
	hmt_stop(&scene.node, probes[1].pid);
	cr_assert_eq(routees()->count, 2);
	numbers_from(0, 0, 10);
	numbers_from(1, 0, 10);
	cr_assert_eq(numbers_of(0), 10);
	cr_assert_eq(numbers_of(2), 10);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	scene_end();
}

Test(engine_router_manage, group__forgets_who_has_never_been)
{
	struct hm_pid pids[2];

	scene_start(2);
	memset(probes, 0, sizeof(probes));
	pids[0] = hmt_probe_spawn(&scene.node, &probes[0], 0, NULL);
	pids[1] = (struct hm_pid){ pids[0].node, pids[0].local + 77 };
	router_make(&(struct hm_router){ .size = 2, .routees = pids });
	cr_assert_eq(routees()->count, 1);
	numbers_from(0, 0, 4);
	cr_assert_eq(numbers_of(0), 4);
	scene_end();
}

/* Of Proto.Actor without a routee the sender panics. */
static void
none_is_a_dead_letter(uint32_t kind)
{
	struct asking asking;

	scene_start(2);
	router_make(&(struct hm_router){ .kind = kind, .key = kind == HM_ROUTER_HASH ? number_key : NULL });
	numbers_from(0, 0, 3);
	numbers_from(1, 0, 4);
	cr_assert_eq(dead_of(HM_DEAD_NO_ROUTEE), 7);
	asking = asked(1, 5);
	cr_assert_eq(asking.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(dead_of(HM_DEAD_NO_ROUTEE), 8);
	cr_assert_eq(hmt_dead(&scene.node), 8);
	cr_assert_eq(routees()->count, 0);
	scene_end();
}

Test(engine_router_manage, no_routee__is_a_dead_letter_of_every_kind)
{
	for (uint32_t kind = 0; kind < HM_ROUTER_KINDS; kind++)
		none_is_a_dead_letter(kind);
	cr_assert_str_eq(hm_dead_reason_name(HM_DEAD_NO_ROUTEE), "the router has no routee");
}

/* ---- A pool's routees end ------------------------------------------------------------------- */

Test(engine_router_manage, pool__replaces_who_has_ended)
{
	struct hm_pid ended;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 3);
	hmt_elapse(&scene.node, 1000000);
	ended = routees()->pids[0];
	hmt_stop(&scene.node, ended);
	/* It has lived for a second: at once. */
	cr_assert_eq(routees()->count, 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_not(hm_pid_equal(routees()->pids[i], ended));
	log_clear();
	numbers_from(1, 0, 9);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(received(routees()->pids[i]), 3);
	scene_end();
}

static uint32_t
starts_count(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < scene.count; i++)
		count += scene.log[i].number == STARTS;
	return count;
}

static void
end_at_start(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	routee_receive(ctx, state, msg);
	if (hm_msg_type(msg) == HM_STARTED)
		hm_stop(ctx, hm_self(ctx));
}

/* The delay grows from 1 ms to 1 s. */
Test(engine_router_manage, pool__replaces_who_ends_soon_ever_later)
{
	static const struct hm_props props = { .receive = end_at_start };
	uint32_t first;

	scene_start(1);
	router_make(&(struct hm_router){ .size = 1, .props = &props });
	cr_assert_eq(starts_count(), 1);
	hmt_elapse(&scene.node, 900);
	cr_assert_eq(starts_count(), 1);
	hmt_elapse(&scene.node, 200);
	cr_assert_eq(starts_count(), 2);
	hmt_elapse(&scene.node, 1800);
	cr_assert_eq(starts_count(), 2);
	hmt_elapse(&scene.node, 300);
	cr_assert_eq(starts_count(), 3);
	for (uint32_t ms = 0; ms < 3000; ms++)
		hmt_elapse(&scene.node, 1000);
	/* 4 + 8 + ... + 512, then a second each. */
	first = starts_count();
	cr_assert_geq(first, 11);
	cr_assert_leq(first, 13);
	hmt_elapse(&scene.node, 1000100);
	cr_assert_eq(starts_count(), first + 1);
	scene_end();
}

/* On the way to it when it ends, or in its mailbox: dead letters, as of any other actor. */
Test(engine_router_manage, end__of_a_routee_under_way_loses_nothing_silently)
{
	uint64_t sent = 0;

	scene_start(2);
	scene.is_silent = true;
	pool_make(HM_ROUTER_ROUND_ROBIN, 4);
	for (uint32_t round = 0; round < 20; round++) {
		struct numbers numbers[2] = { { ENDS, 1, false }, { 0, 50, false } };

		for (uint32_t i = 0; i < 4; i++) {
			struct hmt_deed deed = { numbers_send, &numbers[i % 2] };

			cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[(i + round) % 2].pid,
						    HMT_DO, &deed),
				     HM_OK);
			sent += numbers[i % 2].count;
			(void)hm_system_turn(scene.node.sys);
		}
		hmt_turn_until_idle(&scene.node);
		hmt_elapse(&scene.node, 2000000);
		cr_assert_eq(routees()->count, 4);
		cr_assert_eq(received_all() + hmt_dead(&scene.node), sent, "round %u", round);
	}
	cr_assert_gt(hmt_dead(&scene.node), 0);
	scene_end();
}

Test(engine_router_manage, restart__of_a_routee_keeps_its_place)
{
	struct hm_pid failed;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	numbers_from(0, FAILS, 1);
	failed = receiver_of(FAILS);
	numbers_from(0, 1, 4);
	cr_assert_eq(received(failed), 3);
	cr_assert_eq(hmt_stats(&scene.node).restarted, 1);
	cr_assert(hm_pid_equal(routees()->pids[0], failed) || hm_pid_equal(routees()->pids[1], failed));
	scene_end();
}

Test(engine_router_manage, supervisor__is_that_of_the_routees)
{
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };

	scene_start(2);
	router_make(&(struct hm_router){ .size = 2, .props = &any_props, .supervisor = &stop });
	numbers_from(0, FAILS, 1);
	hmt_elapse(&scene.node, 2000);
	cr_assert_eq(hmt_stats(&scene.node).restarted, 0);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 1);
	cr_assert_eq(routees()->count, 2);
	scene_end();
}

/* ---- The router's end ------------------------------------------------------------------------- */

Test(engine_router_manage, stop__ends_a_pool_and_no_group)
{
	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 3);
	hmt_do(&scene.node, scene.senders[1].pid, hmt_watch, &scene.router);
	hmt_stop(&scene.node, scene.router);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 4);
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HM_TERMINATED), 1);
	cr_assert(
		hm_pid_equal(hmt_seen_last(&scene.senders[1], HM_TERMINATED)->terminated.who, scene.router));
	numbers_from(0, 0, 2);
	numbers_from(1, 0, 2);
	cr_assert_eq(dead_of(HM_DEAD_NO_PROCESS), 4);
	/* The name is free, and the slot: the PID is another one. */
	{
		struct hm_pid old = scene.router;

		group_make(HM_ROUTER_ROUND_ROBIN, 3);
		cr_assert_eq(hm_pid_slot(old), hm_pid_slot(scene.router));
		cr_assert_not(hm_pid_equal(old, scene.router));
	}
	hmt_stop(&scene.node, scene.router);
	for (uint32_t i = 0; i < 3; i++)
		hmt_number(&scene.node, probes[i].pid, 1);
	hmt_turn_until_idle(&scene.node);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(numbers_of(i), 1);
	scene_end();
}
