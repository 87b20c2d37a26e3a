/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_BALANCE_H
#define TEST_ENGINE_BALANCE_H

/*
 * Actors whose messages take time, by the clock of the test, on lcores with a balancer that looks each 10 ms.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "balance_pvt.h"
#include "hm_balance.h"
#include "hm_dispatch.h"
#include "hm_move.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

#define INTERVAL_NS 10000000ull
#define BALANCE     "--balance 10 --seed 7"
#define MESSAGE_NS  10000u

/* An actor that works; it lives in the test. */
struct worker {
	struct hmt_node *node;
	uint64_t message_ns; /* what one message takes */
	struct hm_pid to;    /* who gets the next one; nobody: the worker itself */
	bool by_request;     /* with a sender */
	uint32_t lcore;      /* where it had its last message */
	uint64_t handled, moved;
	struct hm_pid pid;
};

static inline void
work(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct worker *worker = *(struct worker **)state;
	struct hm_pid to = hm_pid_is_none(worker->to) ? hm_self(ctx) : worker->to;
	uint64_t number = 0;

	worker->lcore = hm_lcore(ctx);
	worker->moved += hm_msg_type(msg) == HM_MOVED;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	worker->handled++;
	worker->node->now_ns += worker->message_ns;
	cr_assert_eq(worker->by_request ? hm_request(ctx, to, HMT_NUMBER, &number)
					: hm_send(ctx, to, HMT_NUMBER, &number),
		     HM_OK);
}

static const struct hm_props worker_props = { .receive = work,
					      .state_size = sizeof(struct worker *),
					      .args_size = sizeof(struct worker *) };

/* Beside actors that never pause no system is ever idle. */
static inline void
some_turns(struct hmt_node *node)
{
	for (uint32_t turn = 0; turn < 8; turn++)
		hm_system_turn(node->sys);
}

/* Spawn a worker that has nothing to do yet. */
static inline void
worker_spawn(struct hmt_node *node, struct worker *worker, const struct hm_props *props, const char *name)
{
	worker->node = node;
	if (worker->message_ns == 0)
		worker->message_ns = MESSAGE_NS;
	cr_assert_eq(hm_system_spawn(node->sys, props, name, &worker, &worker->pid), 0);
	some_turns(node);
}

static inline void
worker_stop(struct hmt_node *node, const struct worker *worker)
{
	cr_assert_eq(hm_system_stop_actor(node->sys, worker->pid), 0);
	some_turns(node);
}

/* It has a message, and another one for each that it handles. */
static inline void
worker_start(struct hmt_node *node, const struct worker *worker)
{
	hmt_number(node, worker->pid, 0);
}

/* Let so much time pass, as far as it is what messages take; what is idle takes two microseconds a turn. */
static inline void
run_for(struct hmt_node *node, uint64_t ns)
{
	uint64_t end = node->now_ns + ns;

	while (node->now_ns < end) {
		hm_system_turn(node->sys);
		node->now_ns += 2000;
	}
}

static inline void
run_looks(struct hmt_node *node, uint32_t looks)
{
	run_for(node, looks * INTERVAL_NS);
}

static inline struct hm_balance_stats
balance_stats(const struct hmt_node *node)
{
	struct hm_balance_stats stats;

	cr_assert_eq(hm_system_balance_stats(node->sys, &stats), 0);
	return stats;
}

/* How many workers have had their last message on an lcore. */
static inline uint32_t
count_on(const struct worker *workers, uint32_t count, uint32_t lcore)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		n += workers[i].lcore == lcore;
	return n;
}

#endif /* TEST_ENGINE_BALANCE_H */
