/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_WORKERS_H
#define TEST_ENGINE_WORKERS_H

/*
 * A pool of workers, which note what they see. A worker holds the place of each number until it is told to finish the oldest; eager
 * ones hold none.
 */

#include <criterion/criterion.h>

#include "hm_workers.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

enum {
	HOLD = HMT_TYPE_NEXT,
	DONE,
	FINISH, /* to a worker: it is done with the oldest one */
	POISON, /* a worker fails with it */
	AGAIN,  /* the same, and it says so three times */
	EXTRA,  /* to a worker: it holds a place, though it got nothing for it */
};

#define HOLD_US   8000u
#define OVER_US   (HOLD_US + HOLD_US / 8 + 100u)
#define SEEN_MAX  256u
#define FIRST_ODD 1000000u /* the number of an EXTRA */

/* What the workers of a test have seen, in the order in which they have started. */
static struct {
	struct hm_pid pids[64];
	uint32_t started, handled, most_open;
	uint64_t numbers[SEEN_MAX];
	bool is_eager;
} seen;

struct worker {
	uint64_t held[16]; /* oldest first */
	uint32_t open;
};

static inline void
say(struct hm_ctx *ctx, uint16_t type, uint64_t number)
{
	cr_assert_eq(hm_request(ctx, hm_parent(ctx), type, &number), HM_OK);
}

static inline void
hold(struct hm_ctx *ctx, struct worker *worker, uint64_t number)
{
	cr_assert_lt(worker->open, RTE_DIM(worker->held));
	worker->held[worker->open++] = number;
	say(ctx, HOLD, number);
}

static inline void
finish(struct hm_ctx *ctx, struct worker *worker)
{
	if (worker->open == 0)
		return;
	say(ctx, DONE, worker->held[0]);
	worker->open--;
	memmove(worker->held, worker->held + 1, worker->open * sizeof(worker->held[0]));
}

static inline void
number_receive(struct hm_ctx *ctx, struct worker *worker, uint64_t number)
{
	seen.numbers[seen.handled++ % SEEN_MAX] = number;
	if (seen.is_eager) {
		(void)hm_respond(ctx, HMT_NUMBER, &number);
		return;
	}
	hold(ctx, worker, number);
	if (worker->open > seen.most_open)
		seen.most_open = worker->open;
}

static inline void
worker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct worker *worker = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		seen.pids[seen.started++ % 64] = hm_self(ctx);
		break;
	case HMT_NUMBER:
		number_receive(ctx, worker, *(const uint64_t *)hm_msg_body(msg));
		break;
	case FINISH:
		finish(ctx, worker);
		break;
	case AGAIN:
		say(ctx, DONE, worker->held[0]);
		say(ctx, DONE, worker->held[0]);
		finish(ctx, worker);
		break;
	case EXTRA:
		hold(ctx, worker, FIRST_ODD);
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

static inline void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct spawning *s = arg;

	s->rc = hm_workers_spawn(ctx, &s->workers, NULL, &s->pid);
}

static struct hmt_probe owner;
static struct hmt_node node;
static struct spawning pool;

/* A system, with `memory` for messages, 0: the default, and `owner`, on lcore 0. */
static inline void
node_start(uint64_t memory)
{
	static const struct hm_type types[] = {
		{ .id = HOLD, .name = "hold", .size = sizeof(uint64_t) },
		{ .id = DONE, .name = "done", .size = sizeof(uint64_t) },
		{ .id = FINISH, .name = "finish" },
		{ .id = POISON, .name = "poison" },
		{ .id = AGAIN, .name = "again" },
		{ .id = EXTRA, .name = "extra" },
	};

	memset(&seen, 0, sizeof(seen));
	hmt_node_start_with(&node, 2, memory, NULL);
	for (uint32_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(node.sys, &types[i]), 0);
	owner = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &owner, 0, NULL);
}

/* Of workers with these props. */
static inline void
pool_spawn(const struct hm_props *props, uint32_t count, uint32_t in_flight, uint32_t queue)
{
	pool.workers = (struct hm_workers){
		.props = props,
		.count = count,
		.in_flight = in_flight,
		.queue = queue,
		.hold = HOLD,
		.done = DONE,
		.hold_us = HOLD_US,
	};
	hmt_do(&node, owner.pid, spawn, &pool);
	cr_assert_eq(pool.rc, 0);
	cr_assert_eq(seen.started, count);
}

static inline void
pool_start(uint32_t count, uint32_t in_flight, uint32_t queue)
{
	node_start(0);
	pool_spawn(&worker_props, count, in_flight, queue);
}

static inline void
work_send(uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		hmt_number(&node, pool.pid, first + i);
	hmt_turn_until_idle(&node);
}

static inline void
to_worker(uint32_t worker, uint16_t type)
{
	cr_assert_eq(hm_system_send(node.sys, seen.pids[worker], type, NULL), HM_OK);
	hmt_turn_until_idle(&node);
}

/*
 * All of the pool's places are free, and there are no others: so many numbers are handled, and held, and no more. Its workers
 * are not eager, and hold nothing.
 */
static inline void
places_check(uint32_t places)
{
	uint32_t before = seen.handled;

	work_send(FIRST_ODD + 1, places + 3);
	cr_assert_eq(seen.handled - before, places, "%u places instead of %u", seen.handled - before, places);
}

#endif /* TEST_ENGINE_WORKERS_H */
