/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages of all sizes are taken on some lcores and given back on others.
 *
 *     taker ──lane──▶ giver          both over caches of their own
 *     a thread takes and gives       without a cache, at the same time
 *
 * The taker writes the whole of each object, the giver checks it and writes something else: an
 * object that is out twice, or overlaps another, shows. The pool is small, so that it runs
 * out. At the end every object is back.
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
#include "lane_pvt.h"
#include "pool_pvt.h"

#define PAIRS    2u
#define LCORES   (2 * PAIRS)
#define MEMORY   (1u << 20)
#define RING     1024u
#define BURST    32u
#define HELD_MAX 64u
#define FREED    0xdeadu
/* Sizes up to 4,096 bytes mostly; writing 64 KiB each time would be all that is measured. */
#define COMMON_CLASSES 7u

struct pair {
	struct hmi_msg_cache take_cache, give_cache;
	struct hmi_lane lane;
	struct hmi_lane_rx rx;
	uint64_t index, random, taken, starved, given, problems;
	_Atomic bool last_taken; /* the taker releases after its last flush, the giver acquires */
};

static struct pair pairs[PAIRS];
static struct hmi_pool pool;
static _Atomic bool stop; /* no order: takers end some time later */

/* First and last word say whose it is; what lies between as well. */
static void
write_all(struct hm_msg *msg, uint64_t mark)
{
	size_t words = hmi_pool_capacity(msg->size_class) / sizeof(uint64_t);

	msg->to = mark;
	for (size_t i = 0; i < words; i++)
		msg->body[i] = mark + i;
}

static bool
holds_all(const struct hm_msg *msg, uint64_t mark)
{
	size_t words = hmi_pool_capacity(msg->size_class) / sizeof(uint64_t);
	bool whole = msg->to == mark;

	for (size_t i = 0; i < words; i++)
		whole = whole && msg->body[i] == mark + i;
	return whole;
}

static unsigned int
class_random(uint64_t *random)
{
	unsigned int classes = hmt_random_below(random, 256) == 0 ? HMI_POOL_CLASSES : COMMON_CLASSES;

	return (unsigned int)hmt_random_below(random, classes);
}

static struct hm_msg *
get(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hm_msg *msg = hmi_pool_get(cache, size_class);

	if (msg != NULL)
		msg->size_class = (uint8_t)size_class;
	return msg;
}

static uint64_t
mark_of(uint64_t owner, uint64_t n)
{
	return owner << 56 | n << 16;
}

static int
taker_main(void *arg)
{
	struct pair *p = arg;
	while (!atomic_load_explicit(&stop, memory_order_relaxed) || p->taken < 1000) {
		struct hm_msg *msg = get(&p->take_cache, class_random(&p->random));

		if (msg == NULL) {
			p->starved++;
			hmi_lane_flush(&p->lane);
			sched_yield();
			continue;
		}
		write_all(msg, mark_of(p->index, p->taken++));
		hmi_lane_push(&p->lane, msg);
	}
	while (hmi_lane_flush(&p->lane) > 0)
		sched_yield();
	atomic_store_explicit(&p->last_taken, true, memory_order_release);
	return 0;
}

static void
give(struct pair *p, struct hm_msg *msg)
{
	if (!holds_all(msg, mark_of(p->index, p->given)) && p->problems++ == 0)
		fprintf(stderr, "pair %lu: object %lu is broken\n", p->index, p->given);
	write_all(msg, FREED);
	hmi_pool_put(&p->give_cache, msg);
	p->given++;
}

static int
giver_main(void *arg)
{
	struct pair *p = arg;

	for (;;) {
		bool last = atomic_load_explicit(&p->last_taken, memory_order_acquire);
		struct hm_msg *msgs[BURST];
		uint32_t n = hmi_lane_pop_burst(&p->rx, msgs, BURST);

		for (uint32_t i = 0; i < n; i++)
			give(p, msgs[i]);
		if (n == 0 && last)
			return 0;
		if (n == 0)
			sched_yield();
	}
}

static uint64_t thread_problems, thread_random; /* the thread's, until it is joined */
static _Atomic bool thread_stop;                /* no order: pthread_join has it */

/* Without a cache; holds a few all the time. */
static void *
thread_main(void *arg)
{
	struct hm_msg *held[HELD_MAX] = { NULL };
	struct hmi_msg_cache cache;
	uint64_t n = 0;

	(void)arg;
	hmi_msg_cache_init(&cache, &pool, true);
	while (!atomic_load_explicit(&thread_stop, memory_order_relaxed)) {
		uint64_t i = hmt_random_below(&thread_random, HELD_MAX);

		if (held[i] != NULL) {
			thread_problems += !holds_all(held[i], mark_of(LCORES, i));
			hmi_pool_put(&cache, held[i]);
			held[i] = NULL;
		} else {
			held[i] = get(&cache, class_random(&thread_random));
			if (held[i] != NULL)
				write_all(held[i], mark_of(LCORES, i));
		}
		if (++n % 64 == 0)
			sched_yield();
	}
	for (uint64_t i = 0; i < HELD_MAX; i++) {
		if (held[i] != NULL)
			hmi_pool_put(&cache, held[i]);
	}
	hmi_msg_cache_fini(&cache);
	return NULL;
}

static void
set_up(uint64_t *random)
{
	hmt_eal_start_with(LCORES + 1, 64);
	if (hmi_pool_create(&pool, MEMORY, LCORES) != 0)
		abort();
	for (uint32_t i = 0; i < PAIRS; i++) {
		struct pair *p = &pairs[i];

		p->index = i;
		p->random = hmt_random(random);
		if (hmi_lane_create(&p->lane, RING, SOCKET_ID_ANY) != 0)
			abort();
		hmi_msg_cache_init(&p->take_cache, &pool, false);
		hmi_msg_cache_init(&p->give_cache, &pool, false);
		p->rx = hmi_lane_receiver(&p->lane);
	}
}

static uint64_t
report(uint64_t problems)
{
	uint64_t given = 0, starved = 0;

	for (uint32_t i = 0; i < PAIRS; i++) {
		given += pairs[i].given;
		starved += pairs[i].starved;
		problems += pairs[i].problems + (pairs[i].given != pairs[i].taken);
		hmi_msg_cache_fini(&pairs[i].take_cache);
		hmi_msg_cache_fini(&pairs[i].give_cache);
		hmi_lane_destroy(&pairs[i].lane);
	}
	problems += hmi_pool_in_use(&pool) != 0;
	printf("%u pairs: %lu objects, %lu times a class was empty, %lu problems\n", PAIRS, given, starved,
	       problems);
	return problems;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(1);
	uint64_t problems;
	pthread_t thread;

	set_up(&stress.random);
	thread_random = hmt_random(&stress.random);
	for (uint32_t i = 0; i < PAIRS; i++) {
		hmt_launch(1 + 2 * i, taker_main, &pairs[i]);
		hmt_launch(2 + 2 * i, giver_main, &pairs[i]);
	}
	if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
		abort();
	hmt_stress_wait(&stress);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (uint32_t i = 1; i <= LCORES; i++)
		hmt_wait(i);
	atomic_store_explicit(&thread_stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	problems = report(thread_problems);
	hmi_pool_destroy(&pool);
	return problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
