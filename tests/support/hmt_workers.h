/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_WORKERS_H
#define HMT_WORKERS_H

/**
 * @file
 * Three workers that one thread turns by hand, with a clock of the test. A suite takes
 * hmt_workers_start as its init and hmt_workers_end as its fini.
 *
 * What their loops find is written down as letters: d deliver, t timer, r run.
 */
#include <string.h>

#include <criterion/criterion.h>
#include <rte_memory.h>

#include "hmt_eal.h"
#include "hmt_msg.h"
#include "rcu_pvt.h"
#include "run_stage_pvt.h"
#include "worker_pvt.h"

#define HMT_WORKERS  3u
#define HMT_LANE     128u
#define HMT_INJECT   64u
#define HMT_MESSAGES 1000u

/** A worker, and what its loop found. */
struct hmt_node {
	struct hmi_worker worker; /* first */
	struct hmi_runnable runnables[8];
	struct hmi_timer timer;
	struct hm_msg *received[HMT_MESSAGES];
	uint32_t received_count, biggest_burst;
	uint32_t runs, fired;
	bool has_deferred; /* something ran, and its deferred work is still to be drained */
	/** What a runnable does; NULL: nothing. */
	void (*on_run)(struct hmt_node *node, struct hmi_runnable *runnable);
	char letters[64];
};

static struct hmt_node hmt_nodes[HMT_WORKERS];
static struct hm_msg *hmt_messages[HMT_MESSAGES];
static struct hmi_clock hmt_clock;
static uint64_t hmt_now_ns; /* what the clock shows */
static uint32_t hmt_clock_reads;

static inline struct hmt_node *
hmt_node_of(struct hmi_worker *worker)
{
	return (struct hmt_node *)worker;
}

static inline void
hmt_note(struct hmt_node *node, char letter)
{
	size_t length = strlen(node->letters);

	if (length < sizeof(node->letters) - 1)
		node->letters[length] = letter;
}

static inline void
hmt_worker_deliver(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	struct hmt_node *node = hmt_node_of(worker);

	hmt_note(node, 'd');
	if (count > node->biggest_burst)
		node->biggest_burst = count;
	for (uint32_t i = 0; i < count; i++)
		node->received[node->received_count++] = msgs[i];
}

static inline bool
hmt_worker_run(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	struct hmt_node *node = hmt_node_of(worker);

	hmt_note(node, 'r');
	node->runs++;
	node->has_deferred = true;
	if (node->on_run != NULL)
		node->on_run(node, runnable);
	return false;
}

static inline uint32_t
hmt_worker_deferred(struct hmi_worker *worker)
{
	hmt_node_of(worker)->has_deferred = false;
	return 0;
}

static inline void
hmt_worker_fire(void *arg, struct hmi_timer *timer)
{
	struct hmi_worker *worker = arg;

	(void)timer;
	hmt_note(hmt_node_of(worker), 't');
	hmt_node_of(worker)->fired++;
}

static inline uint32_t
hmt_worker_run_stage(struct hmi_worker *worker)
{
	return hmi_run_stage(worker, hmt_worker_run, hmt_worker_deferred);
}

static const struct hmi_worker_ops hmt_worker_ops = {
	.deliver = hmt_worker_deliver,
	.run_stage = hmt_worker_run_stage,
};

static inline uint64_t
hmt_worker_clock_read(void *arg)
{
	hmt_clock_reads++;
	return *(uint64_t *)arg;
}

static inline struct hmi_worker_config
hmt_worker_config_of(uint32_t index)
{
	return (struct hmi_worker_config){
		.index = index,
		.lcores_count = HMT_WORKERS,
		.lane_size = HMT_LANE,
		.inject_size = HMT_INJECT,
		.quantum = HMI_DEADLINE_STEPS,
		.idle = HM_IDLE_YIELD,
		.socket = SOCKET_ID_ANY,
		.clock = &hmt_clock,
	};
}

static inline void
hmt_workers_start(void)
{
	struct hmi_worker *workers[HMT_WORKERS];

	hmt_eal_start();
	hmi_rcu_enter();
	hmt_msgs_make(hmt_messages, HMT_MESSAGES);
	hmt_clock.read = hmt_worker_clock_read;
	hmt_clock.arg = &hmt_now_ns;
	for (uint32_t i = 0; i < HMT_WORKERS; i++) {
		struct hmi_worker_config config = hmt_worker_config_of(i);

		workers[i] = &hmt_nodes[i].worker;
		cr_assert_eq(hmi_worker_create(workers[i], &config, &hmt_worker_ops), 0);
	}
	hmi_worker_connect(workers, HMT_WORKERS);
}

static inline void
hmt_workers_end(void)
{
	for (uint32_t i = 0; i < HMT_WORKERS; i++)
		hmi_worker_destroy(&hmt_nodes[i].worker);
	hmi_rcu_leave();
}

/** One turn of a worker's loop. @return the work it did */
static inline uint32_t
hmt_turn(uint32_t index)
{
	return hmi_worker_turn(&hmt_nodes[index].worker);
}

/** Push messages @p first to @p end - 1 from one worker to another. */
static inline void
hmt_push_range(uint32_t from, uint32_t to, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		hmi_worker_push(&hmt_nodes[from].worker, to, hmt_messages[i]);
}

/** Fail unless a worker has received messages @p first to @p end - 1, in order, and nothing else. */
static inline void
hmt_must_have_received(uint32_t index, uint32_t first, uint32_t end)
{
	cr_assert_eq(hmt_nodes[index].received_count, end - first);
	for (uint32_t i = first; i < end; i++)
		cr_assert_eq(hmt_nodes[index].received[i - first], hmt_messages[i], "message %u", i);
}

#endif /* HMT_WORKERS_H */
