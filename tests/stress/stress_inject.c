/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Several threads that are no lcore push messages to one lcore, as fast as they can.
 *
 * The messages come from a pool, by way of no cache, and go back to it from the lcore: so what
 * a thread writes into memory that the lcore has just freed is part of it. Each thread's
 * messages must come in order and whole; whoever finds the ring full, or the pool empty, tries again.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_memory.h>

#include "hmt_eal.h"
#include "hmt_stress.h"
#include "inject_pvt.h"
#include "pool_pvt.h"

#define THREADS    4u
#define RING       64u
#define MEMORY     (256u << 10)
#define BURST      32u
#define BODY_WORDS 3u
#define PAUSES     5000u /* pushes from one to the next, on average */
#define PAUSE_US   500u

struct producer {
	uint64_t index, random;
	uint64_t pushed, refused, starved; /* the thread's, until it is joined */
};

static struct producer producers[THREADS];
static struct hmi_pool pool;
static struct hmi_msg_cache external;
static struct hmi_inject inject;
static _Atomic bool stop;       /* no order: the threads end some time later */
static _Atomic bool all_joined; /* main releases after the last push, the lcore acquires */

static uint64_t
word_of(uint64_t producer, uint64_t n, unsigned int word)
{
	return (n * THREADS + producer) * 0x9e3779b97f4a7c15u + word;
}

static void
push_next(struct producer *p)
{
	struct hm_msg *msg = hmi_pool_get(&external, 0);

	if (msg == NULL) {
		p->starved++;
		sched_yield();
		return;
	}
	msg->size_class = 0;
	msg->to = p->pushed;
	msg->sender.node = p->index;
	for (unsigned int i = 0; i < BODY_WORDS; i++)
		msg->body[i] = word_of(p->index, p->pushed, i);
	while (!hmi_inject_push(&inject, msg)) {
		p->refused++;
		sched_yield();
	}
	p->pushed++;
}

static void *
producer_main(void *arg)
{
	struct producer *p = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed) || p->pushed < 1000) {
		push_next(p);
		/* So that the ring runs empty as well as full, and the threads meet in other ways each time. */
		if (hmt_random_below(&p->random, PAUSES) == 0)
			rte_delay_us_sleep((unsigned int)hmt_random_below(&p->random, PAUSE_US));
	}
	return NULL;
}

struct consumer {
	struct hmi_msg_cache cache;
	uint64_t random;
	uint64_t expected[THREADS];
	uint64_t problems;
};

static struct consumer consumer;

static void
check(const struct hm_msg *msg)
{
	uint64_t p = msg->sender.node;
	bool whole = p < THREADS && msg->to == consumer.expected[p];

	for (unsigned int i = 0; whole && i < BODY_WORDS; i++)
		whole = msg->body[i] == word_of(p, msg->to, i);
	if (p < THREADS)
		consumer.expected[p]++;
	if (!whole && consumer.problems++ == 0)
		fprintf(stderr, "thread %lu: message %lu came out of order, or broken\n", p, msg->to);
}

static uint32_t
take(void)
{
	struct hm_msg *msgs[BURST];
	uint32_t most = 1 + (uint32_t)hmt_random_below(&consumer.random, BURST);
	uint32_t n = hmi_inject_pop_burst(&inject, msgs, most);

	for (uint32_t i = 0; i < n; i++) {
		check(msgs[i]);
		for (unsigned int w = 0; w < BODY_WORDS; w++)
			msgs[i]->body[w] = 0;
		hmi_pool_put(&consumer.cache, msgs[i]);
	}
	return n;
}

static int
consumer_main(void *arg)
{
	(void)arg;
	for (;;) {
		bool last = atomic_load_explicit(&all_joined, memory_order_acquire);

		if (take() > 0)
			continue;
		if (last)
			return 0;
		sched_yield();
	}
}

static void
set_up(void)
{
	hmt_eal_start_with(2, 64);
	if (hmi_pool_create(&pool, MEMORY, 2) != 0 || hmi_inject_create(&inject, RING, SOCKET_ID_ANY) != 0)
		abort();
	hmi_msg_cache_init(&external, &pool, true);
	hmi_msg_cache_init(&consumer.cache, &pool, false);
}

static uint64_t
report(void)
{
	uint64_t pushed = 0, refused = 0, starved = 0, problems = consumer.problems;

	for (uint32_t i = 0; i < THREADS; i++) {
		pushed += producers[i].pushed;
		refused += producers[i].refused;
		starved += producers[i].starved;
		problems += consumer.expected[i] != producers[i].pushed;
	}
	hmi_msg_cache_fini(&consumer.cache);
	problems += hmi_pool_in_use(&pool) != 0;
	printf("%u threads: %lu messages, %lu times the ring was full, %lu times the pool was empty, %lu problems\n",
	       THREADS, pushed, refused, starved, problems);
	return problems;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(1);
	pthread_t threads[THREADS];

	set_up();
	consumer.random = hmt_random(&stress.random);
	hmt_launch(1, consumer_main, NULL);
	for (uint32_t i = 0; i < THREADS; i++) {
		producers[i].index = i;
		producers[i].random = hmt_random(&stress.random);
		if (pthread_create(&threads[i], NULL, producer_main, &producers[i]) != 0)
			abort();
	}
	hmt_stress_wait(&stress);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store_explicit(&all_joined, true, memory_order_release);
	hmt_wait(1);
	return report() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
