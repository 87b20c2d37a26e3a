/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of workers: who gets what, how much is under way, and what becomes of work when workers end.
 */
#include <errno.h>

#include "test_engine_workers.h"

TestSuite(engine_workers, .init = hmt_eal_start);

Test(engine_workers, work__no_more_than_so_many_each)
{
	pool_start(3, 2, 100);
	work_send(0, 20);
	cr_assert_eq(seen.handled, 6);
	cr_assert_eq(seen.most_open, 2);
	/* Who is done gets the next one, in order. */
	for (uint32_t i = 0; i < 14; i++) {
		to_worker(i % 3, FINISH);
		cr_assert_eq(seen.handled, 7 + i);
		cr_assert_eq(seen.numbers[6 + i], 6 + i);
	}
	cr_assert_eq(seen.most_open, 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, queue__is_bounded_and_who_asks_is_told)
{
	struct hmt_question q = { .type = HMT_NUMBER };

	pool_start(1, 1, 2);
	work_send(0, 3);
	cr_assert_eq(hmt_dead(&node), 0);
	work_send(3, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 1);
	q.to = pool.pid;
	hmt_do(&node, owner.pid, hmt_ask, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_DEAD_LETTER);
	to_worker(0, FINISH);
	work_send(4, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 2, "there was room");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
	/* Without a queue. */
	pool_start(2, 0, 0);
	work_send(0, 3);
	cr_assert_eq(seen.handled, 2, "one each");
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 1);
	hmt_node_end(&node);
}

Test(engine_workers, work__answers_and_all_lcores)
{
	struct hmt_question q = { .type = HMT_NUMBER };

	pool_start(4, 1, 1000);
	seen.is_eager = true;
	q.to = pool.pid;
	hmt_do(&node, owner.pid, hmt_ask, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_REPLY, "who has asked is answered by the worker");
	work_send(0, 1000);
	cr_assert_eq(seen.handled, 1001);
	cr_assert_eq(hmt_dead(&node), 0);
	/* Those of one lcore start first. */
	cr_assert_neq(hm_pid_lcore(seen.pids[0]), hm_pid_lcore(seen.pids[3]));
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, fail__counts_as_done)
{
	pool_start(1, 1, 10);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert_eq(hm_system_send(node.sys, pool.pid, POISON, NULL), HM_OK);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_stats(&node).restarted, 5);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 5);
	work_send(7, 2);
	cr_assert_eq(seen.handled, 1);
	to_worker(0, FINISH);
	cr_assert_eq(seen.handled, 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, stop__a_worker_is_replaced)
{
	pool_start(2, 2, 10);
	work_send(0, 8);
	cr_assert_eq(seen.handled, 4);
	hmt_stop(&node, seen.pids[0]);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.started, 3);
	cr_assert_eq(seen.handled, 6, "its places are the new one's");
	/* A word of the old one would be no word. */
	to_worker(2, FINISH);
	cr_assert_eq(seen.handled, 7);
	to_worker(1, FINISH);
	cr_assert_eq(seen.handled, 8);
	cr_assert_eq(seen.most_open, 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, fail__again_and_again_and_all_are_gone)
{
	pool_start(1, 1, 100);
	hmt_do(&node, owner.pid, hmt_watch, &pool.pid);
	/* Ten restarts; then it is gone, and the pool fails and begins anew, with another one. */
	for (uint32_t i = 0; i < 11; i++) {
		cr_assert_eq(hm_system_send(node.sys, pool.pid, POISON, NULL), HM_OK);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_stats(&node).restarted, 11);
	work_send(9, 1);
	cr_assert_eq(seen.handled, 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, spawn__workers_that_cannot_be_made)
{
	static const struct hm_props nowhere = { .receive = worker_receive,
						 .state_size = sizeof(struct worker),
						 .lcore = HM_LCORE(100) };

	pool_start(1, 1, 1);
	pool.workers.props = &nowhere;
	hmt_do(&node, owner.pid, spawn, &pool);
	cr_assert_eq(pool.rc, 0);
	hmt_turn_until_idle(&node);
	/* It has failed as often as its parent lets it. */
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&owner, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	hmt_node_end(&node);
}

Test(engine_workers, stop__of_the_pool)
{
	pool_start(3, 1, 10);
	work_send(0, 8);
	hmt_stop(&node, pool.pid);
	cr_assert_eq(seen.started, 3, "none is replaced");
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 5);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
	/* And of a system that ends under it. */
	pool_start(3, 1, 10);
	work_send(0, 8);
	hmt_node_drop(&node);
}

Test(engine_workers, work__without_holds)
{
	node_start(0);
	seen.is_eager = true;
	pool.workers = (struct hm_workers){ .props = &worker_props, .count = 2, .queue = 100 };
	hmt_do(&node, owner.pid, spawn, &pool);
	cr_assert_eq(pool.rc, 0);
	work_send(0, 50);
	cr_assert_eq(seen.handled, 50);
	/* Those two types are others' then, and are passed on. */
	cr_assert_eq(hm_system_send(node.sys, pool.pid, DONE, &(uint64_t){ 1 }), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, spawn__limits)
{
	const struct hm_workers good = {
		.props = &worker_props, .count = 1, .hold = HOLD, .done = DONE, .hold_us = 1
	};
	struct hm_workers bad[14];

	for (uint32_t i = 0; i < RTE_DIM(bad); i++)
		bad[i] = good;
	bad[0].props = NULL;
	bad[1].count = 0;
	bad[2].count = HM_WORKERS_MAX + 1;
	bad[3].in_flight = HM_WORKERS_IN_FLIGHT_MAX + 1;
	bad[4].queue = HM_WORKERS_QUEUE_MAX + 1;
	bad[5].done = HM_STARTED;
	bad[6].done = 0;
	bad[7].done = HOLD;
	bad[8].done = FINISH;
	bad[9].hold = 0;
	bad[10].hold = HMT_DO;
	bad[11].hold = 60000;
	bad[12].hold_us = 0;
	bad[13].hold_us = HM_WORKERS_HOLD_US_MAX + 1;
	pool_start(1, 1, 1);
	for (uint32_t i = 0; i < RTE_DIM(bad); i++) {
		pool.workers = bad[i];
		hmt_do(&node, owner.pid, spawn, &pool);
		cr_assert_eq(pool.rc, -EINVAL, "%u", i);
	}
	pool.workers = good;
	pool.workers.count = HM_WORKERS_MAX;
	pool.workers.in_flight = HM_WORKERS_IN_FLIGHT_MAX;
	pool.workers.queue = HM_WORKERS_QUEUE_MAX;
	pool.workers.hold_us = HM_WORKERS_HOLD_US_MAX;
	hmt_do(&node, owner.pid, spawn, &pool);
	cr_assert_eq(pool.rc, 0);
	cr_assert_eq(seen.started, 1 + HM_WORKERS_MAX);
	hmt_node_end(&node);
}
