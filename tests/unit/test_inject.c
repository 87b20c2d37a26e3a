/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <criterion/criterion.h>
#include <rte_memory.h>

#include "hmt_eal.h"
#include "hmt_msg.h"
#include "inject_pvt.h"

#define RING     64u
#define CAPACITY (RING - 1)
#define THREADS  3u
#define EACH     20000u

static struct hmi_inject inject;
static struct hm_msg *messages[RING + 1];

static void
inject_start(void)
{
	hmt_eal_start();
	hmt_msgs_make(messages, RING + 1);
	cr_assert_eq(hmi_inject_create(&inject, RING, SOCKET_ID_ANY), 0);
}

TestSuite(inject, .init = inject_start);

Test(inject, pop_burst__empty)
{
	struct hm_msg *msgs[4];

	cr_assert_eq(hmi_inject_pop_burst(&inject, msgs, 4), 0);
}

Test(inject, pop_burst__order_and_bound)
{
	struct hm_msg *msgs[10] = { NULL };

	for (uint32_t i = 0; i < 10; i++)
		cr_assert(hmi_inject_push(&inject, messages[i]));
	cr_assert_eq(hmi_inject_pop_burst(&inject, msgs, 4), 4);
	cr_assert_null(msgs[4]);
	cr_assert_eq(hmi_inject_pop_burst(&inject, msgs + 4, 6), 6);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(msgs[i], messages[i]);
	cr_assert_eq(hmi_inject_pop_burst(&inject, msgs, 4), 0);
}

Test(inject, push__full_ring_says_so)
{
	struct hm_msg *msgs[2];

	for (uint32_t i = 0; i < CAPACITY; i++)
		cr_assert(hmi_inject_push(&inject, messages[i]));
	cr_assert_not(hmi_inject_push(&inject, messages[CAPACITY]));
	cr_assert_eq(hmi_inject_pop_burst(&inject, msgs, 1), 1);
	cr_assert(hmi_inject_push(&inject, messages[CAPACITY]));
	cr_assert_not(hmi_inject_push(&inject, messages[CAPACITY + 1]));
}

Test(inject, create__wrong_size)
{
	struct hmi_inject other;

	cr_assert_eq(hmi_inject_create(&other, 100, SOCKET_ID_ANY), -EINVAL);
	hmi_inject_destroy(&inject);
	cr_assert_null(inject.ring);
	cr_assert_eq(hmi_inject_create(&inject, RING, SOCKET_ID_ANY), 0);
}

Test(inject, destroy__none)
{
	struct hmi_inject none = { NULL };

	hmi_inject_destroy(&none);
	cr_assert_null(none.ring);
}

static struct hm_msg *owned[THREADS][EACH];

static void *
producer_main(void *arg)
{
	struct hm_msg **own = arg;

	for (uint32_t i = 0; i < EACH; i++) {
		while (!hmi_inject_push(&inject, own[i]))
			sched_yield();
	}
	return NULL;
}

/* The ring is small, so that the producers find it full and wait. */
Test(inject, threads__each_ones_messages_keep_their_order)
{
	pthread_t threads[THREADS];
	uint32_t next[THREADS] = { 0 }, left = THREADS * EACH;

	for (uint32_t t = 0; t < THREADS; t++) {
		hmt_msgs_make(owned[t], EACH);
		for (uint32_t i = 0; i < EACH; i++)
			owned[t][i]->to = (uint64_t)t << 32 | i;
		cr_assert_eq(pthread_create(&threads[t], NULL, producer_main, owned[t]), 0);
	}
	while (left > 0) {
		struct hm_msg *msgs[32];
		uint32_t n = hmi_inject_pop_burst(&inject, msgs, 32);

		if (n == 0)
			sched_yield();
		for (uint32_t i = 0; i < n; i++) {
			uint32_t t = (uint32_t)(msgs[i]->to >> 32);

			if (t >= THREADS || (uint32_t)msgs[i]->to != next[t]++)
				cr_assert_fail("a message of thread %u is out of order", t);
		}
		left -= n;
	}
	for (uint32_t t = 0; t < THREADS; t++) {
		pthread_join(threads[t], NULL);
		cr_assert_eq(next[t], EACH);
	}
}
