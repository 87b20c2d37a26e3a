/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of workers: who gets what, how much is under way, and what becomes of work when workers end.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hm_workers.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_workers, .init = hmt_eal_start);

enum {
	DONE = HMT_TYPE_NEXT,
	FINISH, /* to a worker: it is done with one */
	POISON, /* a worker fails with it */
};

/* What the workers of a test have seen, in the order in which they have started. */
static struct {
	struct hm_pid pids[64];
	uint32_t started, handled, most_open;
	uint64_t numbers[256];
	bool is_eager; /* done at once */
} seen;

struct worker {
	uint32_t open;
};

static void
worker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct worker *worker = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		seen.pids[seen.started++ % 64] = hm_self(ctx);
		break;
	case HMT_NUMBER:
		seen.numbers[seen.handled++ % 256] = *(const uint64_t *)hm_msg_body(msg);
		if (++worker->open > seen.most_open)
			seen.most_open = worker->open;
		if (!seen.is_eager)
			break;
		worker->open--;
		(void)hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg));
		cr_assert_eq(hm_request(ctx, hm_parent(ctx), DONE, NULL), HM_OK);
		break;
	case FINISH:
		worker->open--;
		cr_assert_eq(hm_request(ctx, hm_parent(ctx), DONE, NULL), HM_OK);
		break;
	case POISON:
		hm_fail(ctx, "poisoned");
	default:
		break;
	}
}

static const struct hm_props worker_props = { .receive = worker_receive,
					      .state_size = sizeof(struct worker),
					      .lcore = HM_LCORE_ANY };

struct spawning {
	struct hm_workers workers;
	struct hm_pid pid;
	int rc;
};

static void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct spawning *s = arg;

	s->rc = hm_workers_spawn(ctx, &s->workers, NULL, &s->pid);
}

static struct hmt_probe owner;

static void
pool_start(struct hmt_node *node, struct spawning *s, uint32_t count, uint32_t in_flight, uint32_t queue)
{
	static const struct hm_type types[] = { { .id = DONE, .name = "done" },
						{ .id = FINISH, .name = "finish" },
						{ .id = POISON, .name = "poison" } };

	memset(&seen, 0, sizeof(seen));
	hmt_node_start(node, 2);
	for (uint32_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(node->sys, &types[i]), 0);
	owner = (struct hmt_probe){ 0 };
	hmt_probe_spawn(node, &owner, 0, NULL);
	s->workers = (struct hm_workers){
		.props = &worker_props, .count = count, .in_flight = in_flight, .queue = queue, .done = DONE
	};
	hmt_do(node, owner.pid, spawn, s);
	cr_assert_eq(s->rc, 0);
	cr_assert_eq(seen.started, count);
}

static void
work_send(struct hmt_node *node, const struct spawning *s, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		hmt_number(node, s->pid, first + i);
	hmt_turn_until_idle(node);
}

static void
to_worker(struct hmt_node *node, uint32_t worker, uint16_t type)
{
	cr_assert_eq(hm_system_send(node->sys, seen.pids[worker], type, NULL), HM_OK);
	hmt_turn_until_idle(node);
}

Test(engine_workers, work__no_more_than_so_many_each)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 3, 2, 100);
	work_send(&node, &s, 0, 20);
	cr_assert_eq(seen.handled, 6);
	cr_assert_eq(seen.most_open, 2);
	/* Who is done gets the next one, in order. */
	for (uint32_t i = 0; i < 14; i++) {
		to_worker(&node, i % 3, FINISH);
		cr_assert_eq(seen.handled, 7 + i);
		cr_assert_eq(seen.numbers[6 + i], 6 + i);
	}
	cr_assert_eq(seen.most_open, 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

static void
ask_done(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	*(uint32_t *)arg = 1 + (uint32_t)result;
}

struct question {
	struct hm_pid to;
	uint32_t answer;
};

static void
ask(struct hm_ctx *ctx, void *arg)
{
	struct question *q = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_ask(ctx, q->to, HMT_NUMBER, &number, 1000000, ask_done, &q->answer), HM_OK);
}

Test(engine_workers, queue__is_bounded_and_who_asks_is_told)
{
	struct question q = { 0 };
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 1, 1, 2);
	work_send(&node, &s, 0, 3);
	cr_assert_eq(hmt_dead(&node), 0);
	work_send(&node, &s, 3, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 1);
	q.to = s.pid;
	hmt_do(&node, owner.pid, ask, &q);
	cr_assert_eq(q.answer, 1 + HM_FUTURE_DEAD_LETTER);
	to_worker(&node, 0, FINISH);
	work_send(&node, &s, 4, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 2, "there was room");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
	/* Without a queue. */
	pool_start(&node, &s, 2, 0, 0);
	work_send(&node, &s, 0, 3);
	cr_assert_eq(seen.handled, 2, "one each");
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 1);
	hmt_node_end(&node);
}

Test(engine_workers, work__answers_and_all_lcores)
{
	struct question q = { 0 };
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 4, 1, 1000);
	seen.is_eager = true;
	q.to = s.pid;
	hmt_do(&node, owner.pid, ask, &q);
	cr_assert_eq(q.answer, 1 + HM_FUTURE_REPLY, "who has asked is answered by the worker");
	work_send(&node, &s, 0, 1000);
	cr_assert_eq(seen.handled, 1001);
	cr_assert_eq(hmt_dead(&node), 0);
	/* Those of one lcore start first. */
	cr_assert_neq(hm_pid_lcore(seen.pids[0]), hm_pid_lcore(seen.pids[3]));
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, fail__counts_as_done)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 1, 1, 10);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert_eq(hm_system_send(node.sys, s.pid, POISON, NULL), HM_OK);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_stats(&node).restarted, 5);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 5);
	work_send(&node, &s, 7, 2);
	cr_assert_eq(seen.handled, 1);
	to_worker(&node, 0, FINISH);
	cr_assert_eq(seen.handled, 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, stop__a_worker_is_replaced)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 2, 2, 10);
	work_send(&node, &s, 0, 8);
	cr_assert_eq(seen.handled, 4);
	hmt_stop(&node, seen.pids[0]);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.started, 3);
	cr_assert_eq(seen.handled, 6, "its places are the new one's");
	/* A word of the old one would be no word. */
	to_worker(&node, 2, FINISH);
	cr_assert_eq(seen.handled, 7);
	to_worker(&node, 1, FINISH);
	cr_assert_eq(seen.handled, 8);
	cr_assert_eq(seen.most_open, 2);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, fail__again_and_again_and_all_are_gone)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 1, 1, 100);
	hmt_do(&node, owner.pid, hmt_watch, &s.pid);
	/* Ten restarts; then it is gone, and the pool fails and begins anew, with another one. */
	for (uint32_t i = 0; i < 11; i++) {
		cr_assert_eq(hm_system_send(node.sys, s.pid, POISON, NULL), HM_OK);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_stats(&node).restarted, 11);
	work_send(&node, &s, 9, 1);
	cr_assert_eq(seen.handled, 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_workers, spawn__workers_that_cannot_be_made)
{
	static const struct hm_props nowhere = { .receive = worker_receive, .lcore = HM_LCORE(100) };
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 1, 1, 1);
	s.workers.props = &nowhere;
	hmt_do(&node, owner.pid, spawn, &s);
	cr_assert_eq(s.rc, 0);
	hmt_turn_until_idle(&node);
	/* It has failed as often as its parent lets it. */
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&owner, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	hmt_node_end(&node);
}

Test(engine_workers, done__of_somebody_else_or_too_often)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 1, 1, 10);
	for (uint32_t i = 0; i < 5; i++)
		to_worker(&node, 0, FINISH);
	cr_assert_eq(hm_system_send(node.sys, s.pid, DONE, NULL), HM_OK);
	work_send(&node, &s, 0, 5);
	cr_assert_eq(seen.handled, 1);
	hmt_node_end(&node);
}

Test(engine_workers, stop__of_the_pool)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 3, 1, 10);
	work_send(&node, &s, 0, 8);
	hmt_stop(&node, s.pid);
	cr_assert_eq(seen.started, 3, "none is replaced");
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 5);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
	/* And of a system that ends under it. */
	pool_start(&node, &s, 3, 1, 10);
	work_send(&node, &s, 0, 8);
	hmt_node_drop(&node);
}

Test(engine_workers, spawn__limits)
{
	struct spawning s;
	struct hmt_node node;

	pool_start(&node, &s, 1, 1, 1);
	for (uint32_t i = 0; i < 6; i++) {
		struct hm_workers good = { .props = &worker_props, .count = 1, .done = DONE };
		struct hm_workers bad[] = { good, good, good, good, good, good };

		bad[0].props = NULL;
		bad[1].count = 0;
		bad[2].count = HM_WORKERS_MAX + 1;
		bad[3].in_flight = HM_WORKERS_IN_FLIGHT_MAX + 1;
		bad[4].queue = HM_WORKERS_QUEUE_MAX + 1;
		bad[5].done = HM_STARTED;
		s.workers = bad[i];
		hmt_do(&node, owner.pid, spawn, &s);
		cr_assert_eq(s.rc, -EINVAL, "%u", i);
	}
	s.workers = (struct hm_workers){ .props = &worker_props,
					 .count = HM_WORKERS_MAX,
					 .in_flight = HM_WORKERS_IN_FLIGHT_MAX,
					 .queue = HM_WORKERS_QUEUE_MAX,
					 .done = DONE };
	hmt_do(&node, owner.pid, spawn, &s);
	cr_assert_eq(s.rc, 0);
	cr_assert_eq(seen.started, 1 + HM_WORKERS_MAX);
	hmt_node_end(&node);
}
