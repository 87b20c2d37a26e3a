/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_memory.h>

#include "hmt_eal.h"
#include "hmt_random.h"
#include "pool_pvt.h"

#define COUNT       4096u
#define OBJECTS_MAX 8192u

static struct hmi_pool pool;
static struct hm_msg *taken[OBJECTS_MAX];

static void
pool_start(void)
{
	hmt_eal_start();
	cr_assert_eq(hmi_pool_create(&pool, "pool", COUNT, SOCKET_ID_ANY), 0);
}

TestSuite(pool, .init = pool_start);

static void
cache_create(struct hmi_msg_cache *cache, uint32_t lcores)
{
	cr_assert_eq(hmi_msg_cache_create(cache, &pool, lcores, SOCKET_ID_ANY), 0);
}

/* Take all that one way in can get of a class. Returns how many, in taken[]. */
static uint32_t
take_all(struct hmi_msg_cache *cache, unsigned int size_class)
{
	uint32_t n = 0;
	struct hm_msg *msg;

	while ((msg = hmi_pool_get(cache, size_class)) != NULL) {
		cr_assert_lt(n, OBJECTS_MAX);
		taken[n++] = msg;
	}
	return n;
}

static void
put_all(struct hmi_msg_cache *cache, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hmi_pool_put(cache, taken[i]);
}

static uint32_t
objects_of(unsigned int size_class)
{
	return pool.classes[size_class].count;
}

/* ---- Size classes ---- */

Test(pool_class, class__of_every_size)
{
	unsigned int expected = 0;

	for (size_t body = 0; body <= HM_MSG_BODY_MAX; body++) {
		while (((size_t)HMI_POOL_SMALLEST << expected) < sizeof(struct hm_msg) + body)
			expected++;
		if (hmi_pool_class(body) != expected)
			cr_assert_fail("body of %zu bytes: class %u", body, hmi_pool_class(body));
	}
	cr_assert_eq(expected, HMI_POOL_CLASSES - 1);
}

Test(pool_class, class__smallest_is_one_cache_line)
{
	cr_assert_eq(hmi_pool_class(0), 0);
	cr_assert_eq(hmi_pool_class(24), 0);
	cr_assert_eq(hmi_pool_class(25), 1);
}

Test(pool_class, class__too_big_is_none)
{
	cr_assert_eq(hmi_pool_class(HM_MSG_BODY_MAX + 1), HMI_POOL_CLASSES);
	cr_assert_eq(hmi_pool_class(65536), HMI_POOL_CLASSES);
	cr_assert_eq(hmi_pool_class((size_t)1 << 32), HMI_POOL_CLASSES);
}

/* With the header's size added, these begin at 0 again. */
Test(pool_class, class__almost_all_of_memory_is_none)
{
	for (size_t less = 0; less <= 2 * sizeof(struct hm_msg); less++)
		cr_assert_eq(hmi_pool_class(SIZE_MAX - less), HMI_POOL_CLASSES, "SIZE_MAX - %zu", less);
}

Test(pool_class, capacity__is_what_the_class_is_for)
{
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		cr_assert_eq(hmi_pool_class(hmi_pool_capacity(c)), c);
		cr_assert_eq(hmi_pool_class(hmi_pool_capacity(c) + 1), c + 1);
	}
	cr_assert_eq(hmi_pool_capacity(HMI_POOL_CLASSES - 1), HM_MSG_BODY_MAX);
}

/* ---- Objects ---- */

Test(pool, get__objects_do_not_overlap)
{
	struct hmi_msg_cache cache;

	cache_create(&cache, 1);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		uint32_t n = take_all(&cache, c);

		for (uint32_t i = 0; i < n; i++) {
			cr_assert_eq(taken[i]->size_class, c);
			cr_assert_eq((uintptr_t)taken[i] % 8, 0);
			memset(taken[i]->body, (int)(i + 1), hmi_pool_capacity(c));
		}
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t *body = (const uint8_t *)taken[i]->body;

			cr_assert_eq(body[0], (uint8_t)(i + 1));
			cr_assert_eq(body[hmi_pool_capacity(c) - 1], (uint8_t)(i + 1));
		}
		put_all(&cache, n);
	}
	hmi_msg_cache_destroy(&cache);
	hmi_pool_destroy(&pool);
}

/* A message of 64 bytes costs one cache line, not parts of two. */
Test(pool, get__smallest_is_aligned_to_its_cache_line)
{
	struct hmi_msg_cache cache;
	uint32_t n;

	cache_create(&cache, 1);
	n = take_all(&cache, 0);
	for (uint32_t i = 0; i < n; i++) {
		uintptr_t start = (uintptr_t)taken[i];

		cr_assert_eq(start / 64, (start + 63) / 64, "object %u at %p", i, (void *)taken[i]);
	}
}

static void
exhaust(uint32_t lcores)
{
	struct hmi_msg_cache cache;

	cache_create(&cache, lcores);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		uint32_t n = take_all(&cache, c);

		cr_assert_eq(n, objects_of(c), "class %u", c);
		cr_assert_null(hmi_pool_get(&cache, c));
		hmi_pool_put(&cache, taken[0]);
		cr_assert_eq(hmi_pool_get(&cache, c), taken[0]);
		cr_assert_null(hmi_pool_get(&cache, c));
		put_all(&cache, n);
		cr_assert_eq(take_all(&cache, c), n, "class %u, the second time", c);
		put_all(&cache, n);
	}
	hmi_msg_cache_destroy(&cache);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

Test(pool, get__exhausted_pool_says_so)
{
	exhaust(1);
}

Test(pool, get__exhausted_pool_says_so_without_cache)
{
	exhaust(0);
}

Test(pool, create__bigger_classes_have_fewer_objects)
{
	cr_assert_eq(objects_of(0), COUNT);
	for (unsigned int c = 1; c < HMI_POOL_CLASSES; c++) {
		cr_assert_leq(objects_of(c), objects_of(c - 1));
		cr_assert_gt(objects_of(c), 0);
	}
}

Test(pool, create__taken_or_too_long_name_leaves_nothing_behind)
{
	struct hmi_pool other;

	cr_assert_eq(hmi_pool_create(&other, "pool", COUNT, SOCKET_ID_ANY), -EEXIST);
	cr_assert_eq(hmi_pool_create(&other, "a-name-that-mempools-do-not-take", COUNT, SOCKET_ID_ANY),
		     -ENAMETOOLONG);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		cr_assert_null(other.classes[c].free);
	hmi_pool_destroy(&pool);
	cr_assert_eq(hmi_pool_create(&pool, "pool", COUNT, SOCKET_ID_ANY), 0);
}

/* ---- Caches ---- */

Test(pool, in_use__counts_what_is_out)
{
	struct hmi_msg_cache none;
	struct hm_msg *a, *b;

	cache_create(&none, 0);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
	a = hmi_pool_get(&none, 0);
	b = hmi_pool_get(&none, 3);
	cr_assert_eq(hmi_pool_in_use(&pool), 2);
	hmi_pool_put(&none, a);
	hmi_pool_put(&none, b);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

Test(pool, cache_destroy__gives_back_what_it_keeps)
{
	struct hmi_msg_cache cache;
	uint32_t n;

	cache_create(&cache, 2);
	n = take_all(&cache, 0);
	put_all(&cache, n);
	cr_assert_gt(hmi_pool_in_use(&pool), 0, "the cache keeps nothing: what is this test about?");
	hmi_msg_cache_destroy(&cache);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

Test(pool, cache_destroy__twice)
{
	struct hmi_msg_cache cache;

	cache_create(&cache, 2);
	hmi_pool_put(&cache, hmi_pool_get(&cache, 0));
	hmi_msg_cache_destroy(&cache);
	hmi_msg_cache_destroy(&cache);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

/* What idle lcores keep must not starve a busy one: at most half of a class, all together. */
Test(pool, caches__hide_at_most_half_of_a_class)
{
	enum {
		LCORES = 5
	};
	struct hmi_msg_cache caches[LCORES], busy;

	cache_create(&busy, 0);
	for (unsigned int l = 0; l < LCORES; l++)
		cache_create(&caches[l], LCORES);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		for (unsigned int l = 0; l < LCORES; l++)
			put_all(&caches[l], take_all(&caches[l], c));

		uint32_t n = take_all(&busy, c);

		cr_assert_geq(2 * n, objects_of(c), "class %u: only %u of %u", c, n, objects_of(c));
		put_all(&busy, n);
	}
	for (unsigned int l = 0; l < LCORES; l++)
		hmi_msg_cache_destroy(&caches[l]);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

/* One lcore only takes, another only gives: their caches must not keep the objects from going round. */
Test(pool, caches__objects_go_round_between_two)
{
	struct hmi_msg_cache from, to;

	cache_create(&from, 2);
	cache_create(&to, 2);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		for (uint32_t i = 0; i < 4 * objects_of(c); i++) {
			struct hm_msg *msg = hmi_pool_get(&from, c);

			cr_assert_not_null(msg, "class %u, round %u", c, i);
			hmi_pool_put(&to, msg);
		}
	}
	hmi_msg_cache_destroy(&from);
	hmi_msg_cache_destroy(&to);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

/*
 * A thread that the kernel stops in the middle of a get has moved the ring's head and not yet
 * its tail. The others go on, and what they give back must find a place all the same.
 */
Test(pool, put__while_a_thread_is_in_the_middle_of_a_get)
{
	struct hmi_msg_cache none, cache;

	cache_create(&none, 0);
	cache_create(&cache, 2);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		struct rte_ring *ring = pool.classes[c].free;
		uint32_t n;

		if (ring->cons.sync_type != RTE_RING_SYNC_MT_RTS)
			cr_skip_test("the ring waits for such a thread");
		ring->rts_cons.head.val.pos++;
		ring->rts_cons.head.val.cnt++;
		for (uint32_t i = 0; i < 3; i++)
			hmi_pool_put(&none, hmi_pool_get(&none, c));
		ring->rts_cons.tail.raw = ring->rts_cons.head.raw;
		n = take_all(&cache, c);
		cr_assert_eq(n, objects_of(c) - 1, "class %u: an object is lost", c);
		put_all(&cache, n);
	}
}

/* Each object is free, or out once: the mark in its body tells. */
Test(pool, random__no_object_is_out_twice)
{
	uint64_t seed = hmt_seed(1), random = seed;
	struct hmi_msg_cache caches[3];
	uint32_t count = 0;

	for (unsigned int i = 0; i < 3; i++)
		cache_create(&caches[i], i == 2 ? 0 : 2);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		uint32_t n = take_all(&caches[2], c);

		for (uint32_t i = 0; i < n; i++)
			taken[i]->body[0] = 0;
		put_all(&caches[2], n);
	}
	for (uint32_t step = 0; step < 300000; step++) {
		struct hmi_msg_cache *cache = &caches[hmt_random_below(&random, 3)];
		/* Phases in which most is taken, and phases in which most is given back. */
		bool get = hmt_random_below(&random, 8) < (step >> 13 & 1 ? 7 : 1);
		struct hm_msg *msg;

		if (get && count < OBJECTS_MAX) {
			unsigned int c = (unsigned int)hmt_random_below(&random, HMI_POOL_CLASSES);

			msg = hmi_pool_get(cache, c);
			if (msg == NULL)
				continue;
			if (msg->body[0]++ != 0 || msg->size_class != c)
				cr_assert_fail("HMT_SEED=%lu, step %u: an object is out twice", seed, step);
			taken[count++] = msg;
		} else if (count > 0) {
			uint32_t i = (uint32_t)hmt_random_below(&random, count);

			msg = taken[i];
			taken[i] = taken[--count];
			msg->body[0]--;
			hmi_pool_put(cache, msg);
		}
	}
	put_all(&caches[0], count);
	for (unsigned int i = 0; i < 3; i++)
		hmi_msg_cache_destroy(&caches[i]);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}
