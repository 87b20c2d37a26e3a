/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of workers: whatever becomes of a message, its place comes back, and it comes back once.
 */
#include "hm_mailbox.h"
#include "hm_middleware.h"
#include "hm_move.h"
#include "hm_supervisor.h"
#include "hmt_shortage.h"
#include "test_engine_memory.h"
#include "test_engine_workers.h"

TestSuite(engine_workers_places, .init = hmt_eal_start);

/* ---- Messages that the worker does not get ----------------------------------------------------------- */

static void
ask_briefly(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, pool.pid, HMT_NUMBER, &(uint64_t){ 7 }, 1000, hmt_ignore_reply, NULL),
		     HM_OK);
}

/* Its time is over while it waits in the pool. */
Test(engine_workers_places, expired__request_takes_no_place)
{
	pool_start(1, 2, 10);
	work_send(0, 2);
	for (uint32_t i = 0; i < 3; i++)
		hmt_do(&node, owner.pid, ask_briefly, NULL);
	hmt_elapse(&node, 2000);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_EXPIRED], 3);
	cr_assert_eq(seen.handled, 2);
	places_check(2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* Even numbers do not get through. */
static void
odd_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	    void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) != HMT_NUMBER || *(const uint64_t *)hm_msg_body(msg) % 2 != 0)
		hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware odd = { .receive = odd_receive };
static const struct hm_middleware *const only_odd[] = { &odd, NULL };
static const struct hm_props odd_props = { .receive = worker_receive,
					   .state_size = sizeof(struct worker),
					   .lcore = HM_LCORE_ANY,
					   .middleware = only_odd };

Test(engine_workers_places, stage__of_the_worker_that_consumes_messages)
{
	node_start(0);
	pool_spawn(&odd_props, 2, 1, 100);
	work_send(0, 40);
	for (uint32_t i = 0; i < 18; i++)
		to_worker(i % 2, FINISH);
	cr_assert_eq(seen.handled, 20);
	for (uint32_t i = 0; i < 20; i++)
		cr_assert_eq(seen.numbers[i], 2 * i + 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

static void
bounded_check(enum hm_overflow overflow, enum hm_dead_reason reason)
{
	const struct hm_mailbox one = { .capacity = 1, .overflow = overflow };
	const struct hm_props props = { .receive = worker_receive,
					.state_size = sizeof(struct worker),
					.lcore = HM_LCORE(0),
					.mailbox = &one };

	node_start(0);
	pool_spawn(&props, 1, 4, 100);
	/* In one turn of the pool. */
	work_send(0, 4);
	cr_assert_eq(hmt_stats(&node).dead[reason], 3);
	cr_assert_eq(seen.handled, 1);
	for (uint32_t i = 0; i < 8; i++)
		work_send(10 + i, 1);
	cr_assert_eq(seen.handled, 4, "three places have come back");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers_places, mailbox__of_the_worker_that_rejects_or_drops)
{
	bounded_check(HM_OVERFLOW_REJECT, HM_DEAD_REJECTED);
	bounded_check(HM_OVERFLOW_DROP_NEWEST, HM_DEAD_DROPPED);
	bounded_check(HM_OVERFLOW_DROP_OLDEST, HM_DEAD_DROPPED);
}

static uint8_t
by_number(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == HMT_NUMBER ? (uint8_t)(*(const uint64_t *)hm_msg_body(msg) % 8) : 0;
}

Test(engine_workers_places, mailbox__of_the_worker_with_priorities)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .capacity = HM_MAILBOX_UNLIMITED,
						   .priority = by_number };
	static const struct hm_props props = { .receive = worker_receive,
					       .state_size = sizeof(struct worker),
					       .lcore = HM_LCORE(1),
					       .mailbox = &ordered };

	node_start(0);
	pool_spawn(&props, 1, 4, 100);
	work_send(0, 40);
	for (uint32_t i = 0; i < 36; i++) {
		cr_assert_eq(seen.handled, 4 + i);
		to_worker(0, FINISH);
	}
	cr_assert_eq(seen.most_open, 4);
	for (uint32_t i = 0; i < 4; i++)
		to_worker(0, FINISH);
	places_check(4);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

static bool is_refused;

/* What the pool hands on, as it was told by who has spawned it. */
static enum hm_result
refuse_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	    void *arg)
{
	(void)arg;
	if (is_refused && hm_send_is_forward(next))
		return HM_WOULD_BLOCK;
	return hm_send_next(ctx, to, msg, next);
}

static const struct hm_middleware refusing = { .send = refuse_send, .inherited = true };
static const struct hm_middleware *const refuses[] = { &refusing, NULL };

Test(engine_workers_places, stage__of_the_pool_that_refuses)
{
	struct hmt_probe *probe = &owner;
	struct hm_props with;

	node_start(0);
	with = *hmt_probe_props(0);
	with.middleware = refuses;
	cr_assert_eq(hm_system_spawn(node.sys, &with, NULL, &probe, &owner.pid), 0);
	hmt_turn_until_idle(&node);
	pool_spawn(&worker_props, 2, 1, 10);
	is_refused = true;
	work_send(0, 5);
	is_refused = false;
	cr_assert_eq(seen.handled, 0);
	/* And some that have waited in the pool. */
	work_send(0, 5);
	is_refused = true;
	to_worker(0, FINISH);
	to_worker(1, FINISH);
	is_refused = false;
	cr_assert_eq(seen.handled, 2);
	places_check(2);
	hmt_node_end(&node);
}

/* ---- Workers that end, fail and move -------------------------------------------------------------------- */

Test(engine_workers_places, restart__ends_what_the_worker_held)
{
	pool_start(1, 3, 10);
	work_send(0, 2);
	cr_assert_eq(hm_system_send(node.sys, pool.pid, POISON, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).restarted, 1);
	places_check(3);
	/* By a message that is none of the pool's, with more of its behind that. */
	for (uint32_t i = 0; i < 3; i++)
		to_worker(0, FINISH);
	cr_assert_eq(seen.handled, 2 + 3 + 3, "those that waited");
	cr_assert_eq(hm_system_send(node.sys, seen.pids[0], POISON, NULL), HM_OK);
	work_send(50, 5);
	cr_assert_eq(seen.handled, 2 + 3 + 3 + 3);
	cr_assert_eq(seen.most_open, 3);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* The worker of lcore 1 fails and works in one turn: what its next life holds it holds. */
Test(engine_workers_places, restart__with_work_behind_it)
{
	pool_start(2, 4, 10);
	for (uint32_t i = 0; i < 20; i++) {
		cr_assert_eq(hm_system_send(node.sys, pool.pid, POISON, NULL), HM_OK);
		cr_assert_eq(hm_system_send(node.sys, pool.pid, POISON, NULL), HM_OK);
		work_send(0, 9);
		for (uint32_t k = 0; k < 16; k++)
			to_worker(k % 2, FINISH);
		cr_assert_leq(seen.most_open, 4);
		hmt_elapse(&node, 20000000);
	}
	places_check(8);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers_places, stop__of_a_worker_that_holds)
{
	pool_start(1, 3, 10);
	work_send(0, 2);
	for (uint32_t i = 1; i < 5; i++) {
		hmt_stop(&node, seen.pids[i - 1]);
		hmt_turn_until_idle(&node);
		cr_assert_eq(seen.started, i + 1);
		work_send(10, 2);
	}
	to_worker(4, FINISH);
	to_worker(4, FINISH);
	places_check(3);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers_places, move__of_a_worker)
{
	pool_start(1, 2, 100);
	work_send(0, 20);
	for (uint32_t i = 0; i < 8; i++) {
		cr_assert_eq(hm_system_move(node.sys, seen.pids[0], (i + 1) % 2), 0);
		to_worker(0, FINISH);
		to_worker(0, FINISH);
		cr_assert_eq(seen.handled, 2 * i + 4);
	}
	cr_assert_gt(hmt_stats(&node).moved, 4);
	cr_assert_eq(seen.most_open, 2);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	places_check(2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* ---- Holds -------------------------------------------------------------------------------------------- */

/* Never, late, and twice. */
Test(engine_workers_places, hold__that_is_not_ended_in_time)
{
	pool_start(1, 2, 10);
	work_send(0, 6);
	cr_assert_eq(seen.handled, 2);
	hmt_elapse(&node, HOLD_US - 100);
	cr_assert_eq(seen.handled, 2);
	hmt_elapse(&node, OVER_US - HOLD_US);
	cr_assert_eq(seen.handled, 4, "two others are handed on");
	cr_assert_eq(hmt_stats(&node).holds_expired, 2);
	/* Those of the first two come late: nothing is free by them. */
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	cr_assert_eq(seen.handled, 4);
	to_worker(0, FINISH);
	cr_assert_eq(seen.handled, 5);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	cr_assert_eq(hmt_stats(&node).holds_expired, 2);
	places_check(2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers_places, hold__each_has_a_time_of_its_own)
{
	uint32_t timers;

	pool_start(2, 2, 0);
	timers = node.sys->lcores[0]->worker.wheel.count;
	for (uint32_t i = 0; i < 4; i++) {
		work_send(i, 1);
		hmt_elapse(&node, HOLD_US / 4);
	}
	for (uint32_t i = 1; i <= 4; i++) {
		cr_assert_geq(hmt_stats(&node).holds_expired, i - 1);
		hmt_elapse(&node, HOLD_US / 8 + 100);
		cr_assert_geq(hmt_stats(&node).holds_expired, i);
		hmt_elapse(&node, HOLD_US / 8 - 100);
	}
	cr_assert_eq(hmt_stats(&node).holds_expired, 4);
	cr_assert_eq(node.sys->lcores[0]->worker.wheel.count, timers, "nobody looks any more");
	/* And when there is something again, somebody does. */
	work_send(9, 1);
	hmt_elapse(&node, OVER_US);
	cr_assert_eq(hmt_stats(&node).holds_expired, 5);
	hmt_node_end(&node);
}

static void
say_done(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_request(ctx, pool.pid, DONE, hm_msg_body(msg)), HM_OK);
}

Test(engine_workers_places, done__twice_or_of_somebody_else)
{
	struct hmt_probe stranger = { .on_msg = say_done };

	pool_start(1, 2, 10);
	work_send(0, 6);
	/* Nobody, and no worker of the pool's. */
	cr_assert_eq(hm_system_send(node.sys, pool.pid, DONE, &(uint64_t){ 0 }), HM_OK);
	cr_assert_eq(hm_system_send(node.sys, pool.pid, HOLD, &(uint64_t){ 0 }), HM_OK);
	hmt_probe_spawn(&node, &stranger, 1, NULL);
	hmt_number(&node, stranger.pid, 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.handled, 2);
	to_worker(0, AGAIN);
	cr_assert_eq(seen.handled, 3, "one place, though it was said twice");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* For no message of the pool's: it holds a place all the same, and gives it back. */
Test(engine_workers_places, hold__of_what_the_pool_has_not_sent)
{
	pool_start(1, 2, 10);
	to_worker(0, EXTRA);
	work_send(0, 4);
	/* The first touch that comes back brings no place. */
	cr_assert_eq(seen.handled, 2);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	cr_assert_eq(seen.handled, 4);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	places_check(2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers_places, hold__more_than_there_are_places)
{
	pool_start(1, 2, 10);
	for (uint32_t i = 0; i < 5; i++)
		to_worker(0, EXTRA);
	hmt_elapse(&node, OVER_US);
	cr_assert_eq(hmt_stats(&node).holds_expired, 2, "others were not noted");
	for (uint32_t i = 0; i < 5; i++)
		to_worker(0, FINISH);
	places_check(2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* ---- Memory, and the end ----------------------------------------------------------------------------------- */

/* Whether the timer that looks for holds finds a message at once, or later. */
Test(engine_workers_places, shortage__of_messages)
{
	static struct hoard hoard;

	node_start(LITTLE);
	pool_spawn(&worker_props, 1, 1, 10);
	work_send(0, 3);
	cr_assert_eq(seen.handled, 1);
	seen.is_eager = true;
	do_now(&node, owner.pid, hoard_all, &hoard);
	hmt_elapse(&node, 2 * OVER_US);
	do_now(&node, owner.pid, hoard_free, &hoard);
	hmt_elapse(&node, OVER_US);
	cr_assert_eq(seen.handled, 3);
	cr_assert_eq(hmt_stats(&node).holds_expired, 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* Without a timer nothing is held: the place comes back with the message. */
Test(engine_workers_places, shortage__of_timers)
{
	struct hm_ctx *ctx;
	struct hmi_slab full;

	pool_start(1, 1, 10);
	ctx = node.sys->lcores[hm_pid_lcore(pool.pid)];
	full = hmt_slab_drain(&ctx->timers);
	hmt_memory_refuse();
	hmt_number(&node, pool.pid, 1);
	hmt_number(&node, pool.pid, 2);
	hmt_turn_until_idle(&node);
	hmt_memory_allow();
	ctx->timers = full;
	cr_assert_eq(seen.handled, 2);
	to_worker(0, FINISH);
	to_worker(0, FINISH);
	places_check(1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* All workers are gone, and whoever has spawned the pool has it go on. */
static const struct hm_supervisor resuming = { .directive = HM_DIRECTIVE_RESUME };

Test(engine_workers_places, resume__of_a_pool_whose_workers_are_gone)
{
	struct hmt_probe *probe = &owner;
	struct hm_props with;

	node_start(0);
	with = *hmt_probe_props(0);
	with.supervisor = &resuming;
	cr_assert_eq(hm_system_spawn(node.sys, &with, NULL, &probe, &owner.pid), 0);
	hmt_turn_until_idle(&node);
	pool_spawn(&worker_props, 1, 2, 10);
	work_send(0, 1);
	for (uint32_t i = 0; i < 11; i++) {
		cr_assert_eq(hm_system_send(node.sys, pool.pid, POISON, NULL), HM_OK);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(seen.started, 1 + 10);
	work_send(0, 4);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 4 + 1, "with the touch of the last one");
	hmt_elapse(&node, 10 * OVER_US);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 4 + 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* At each moment of some work. */
Test(engine_workers_places, stop__of_the_pool_while_messages_pass)
{
	for (uint32_t turns = 0; turns < 12; turns++) {
		pool_start(2, 2, 10);
		for (uint64_t i = 0; i < 6; i++)
			hmt_number(&node, pool.pid, i);
		for (uint32_t i = 0; i < turns; i++)
			(void)hm_system_turn(node.sys);
		hmt_stop(&node, pool.pid);
		cr_assert_eq(seen.started, 2);
		hmt_books_check(node.sys);
		hmt_node_end(&node);
	}
}
