/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <criterion/criterion.h>

#include "hmt_random.h"
#include "pool_pvt.h"

#define MEMORY      (1u << 20)
#define OBJECTS_MAX (4 * MEMORY / HMI_POOL_SMALLEST)

static struct hmi_pool pool;
static struct hm_msg *taken[OBJECTS_MAX];

static void
pool_start_with(size_t bytes, uint32_t lcores)
{
	cr_assert_eq(hmi_pool_create(&pool, bytes, lcores), 0);
}

static void
pool_start(void)
{
	pool_start_with(MEMORY, 1);
}

TestSuite(pool, .init = pool_start);
/* Cases that make a pool of their own. */
TestSuite(pool_memory);

static struct hm_msg *
get(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hm_msg *msg = hmi_pool_get(cache, size_class);

	if (msg != NULL)
		msg->size_class = (uint8_t)size_class;
	return msg;
}

/* Take all that one way in can get of a class, behind what is in taken[] already. Returns how many there are then. */
static uint32_t
take_more(struct hmi_msg_cache *cache, unsigned int size_class, uint32_t n)
{
	struct hm_msg *msg;

	while ((msg = get(cache, size_class)) != NULL) {
		cr_assert_lt(n, OBJECTS_MAX);
		taken[n++] = msg;
	}
	return n;
}

static uint32_t
take_all(struct hmi_msg_cache *cache, unsigned int size_class)
{
	return take_more(cache, size_class, 0);
}

static void
put_all(struct hmi_msg_cache *cache, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hmi_pool_put(cache, taken[i]);
}

/* Give all back in an order that has nothing to do with the one in which they were taken. */
static void
put_all_shuffled(struct hmi_msg_cache *cache, uint32_t count, uint64_t *random)
{
	for (; count > 0; count--) {
		uint32_t i = (uint32_t)hmt_random_below(random, count);

		hmi_pool_put(cache, taken[i]);
		taken[i] = taken[count - 1];
	}
}

static uint32_t
objects_of(size_t bytes, unsigned int size_class)
{
	return (uint32_t)(bytes / (HMI_POOL_SMALLEST << size_class));
}

static void
end(struct hmi_msg_cache *cache)
{
	hmi_msg_cache_fini(cache);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
	hmi_pool_destroy(&pool);
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
	/* those of docs/guide/sizing.md */
	static const size_t bodies[] = { 24, 88, 216, 472, 984, 2008, 4056, 8152, 16344, 32728 };

	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		cr_assert(c >= sizeof(bodies) / sizeof(*bodies) || hmi_pool_capacity(c) == bodies[c],
			  "class %u", c);
		cr_assert_eq(hmi_pool_class(hmi_pool_capacity(c)), c);
		cr_assert_eq(hmi_pool_class(hmi_pool_capacity(c) + 1), c + 1);
	}
	cr_assert_eq(hmi_pool_capacity(HMI_POOL_CLASSES - 1), HM_MSG_BODY_MAX);
}

/* ---- Objects ---- */

Test(pool, get__objects_do_not_overlap)
{
	struct hmi_msg_cache cache;

	hmi_msg_cache_init(&cache, &pool, false);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		uint32_t n = take_all(&cache, c);

		for (uint32_t i = 0; i < n; i++) {
			cr_assert_eq((uintptr_t)taken[i] % 64, 0,
				     "a message of 64 bytes costs one cache line");
			memset(taken[i]->body, (int)(i + 1), hmi_pool_capacity(c));
		}
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t *body = (const uint8_t *)taken[i]->body;

			cr_assert_eq(body[0], (uint8_t)(i + 1));
			cr_assert_eq(body[hmi_pool_capacity(c) - 1], (uint8_t)(i + 1));
		}
		put_all(&cache, n);
	}
	end(&cache);
}

/* What is fetched together lies together, in the order in which it is used. */
Test(pool, get__fresh_objects_have_ascending_addresses)
{
	struct hmi_msg_cache cache;
	const struct hm_msg *before = NULL;

	hmi_msg_cache_init(&cache, &pool, false);
	for (uint32_t i = 0; i < HMI_MAGAZINE_OBJECTS; i++) {
		const struct hm_msg *msg = get(&cache, 0);

		cr_assert(before == NULL || (const char *)msg == (const char *)before + HMI_POOL_SMALLEST,
			  "object %u", i);
		before = msg;
	}
}

/* However messages were freed, those that are taken later come in the order of their addresses again. */
Test(pool, get__addresses_do_not_age)
{
	uint64_t random = hmt_seed(1), breaks = 0;
	struct hmi_msg_cache cache;
	uint32_t n;

	hmi_msg_cache_init(&cache, &pool, false);
	n = take_all(&cache, 0);
	put_all_shuffled(&cache, n, &random);
	hmi_msg_cache_fini(&cache);
	(void)hmi_pool_in_use(&pool);
	hmi_msg_cache_init(&cache, &pool, false);
	n = take_all(&cache, 0);
	for (uint32_t i = 1; i < n; i++)
		breaks += (const char *)taken[i] != (const char *)taken[i - 1] + HMI_POOL_SMALLEST;
	cr_assert_lt(breaks, n / 50, "%lu of %u", breaks, n);
}

/* ---- The limit ---- */

static void
exhaust(bool is_external)
{
	struct hmi_msg_cache cache;

	hmi_msg_cache_init(&cache, &pool, is_external);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		uint32_t n = take_all(&cache, c);

		cr_assert_eq(n, objects_of(MEMORY, c), "class %u: %u", c, n);
		cr_assert_null(get(&cache, c));
		hmi_pool_put(&cache, taken[0]);
		cr_assert_eq(get(&cache, c), taken[0]);
		cr_assert_null(get(&cache, c));
		put_all(&cache, n);
		cr_assert_eq(take_all(&cache, c), n, "class %u, the second time", c);
		put_all(&cache, n);
	}
	end(&cache);
}

/* Every class can have all of the memory, after any other has had it. */
Test(pool, get__up_to_the_limit_and_not_beyond)
{
	exhaust(false);
}

Test(pool, get__up_to_the_limit_and_not_beyond_without_cache)
{
	exhaust(true);
}

Test(pool, get__classes_share_the_memory)
{
	struct hmi_msg_cache cache;
	uint32_t n = 0;

	hmi_msg_cache_init(&cache, &pool, false);
	/* Half of it small, a quarter of medium size, and the rest big. */
	while (n < objects_of(MEMORY, 0) / 2)
		taken[n++] = get(&cache, 0);
	for (uint32_t i = 0; i < objects_of(MEMORY, 4) / 4; i++)
		taken[n++] = get(&cache, 4);
	for (uint32_t i = 0; i < objects_of(MEMORY, 10) / 4; i++)
		taken[n++] = get(&cache, 10);
	for (uint32_t i = 0; i < n; i++)
		cr_assert_not_null(taken[i], "object %u", i);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		cr_assert_null(get(&cache, c), "class %u", c);
	put_all(&cache, n);
	end(&cache);
}

/* A chunk with one object left is of no use to other classes, and goes back with that one. */
Test(pool, get__a_chunk_is_free_when_its_last_object_is)
{
	struct hmi_msg_cache cache;
	uint32_t n, kept = 0;

	hmi_msg_cache_init(&cache, &pool, false);
	n = take_all(&cache, 0);
	for (uint32_t i = 0; i < n; i++) {
		if ((uintptr_t)taken[i] % HMI_CHUNK_BYTES == 0)
			taken[kept++] = taken[i];
		else
			hmi_pool_put(&cache, taken[i]);
	}
	cr_assert_eq(kept, MEMORY / HMI_CHUNK_BYTES);
	cr_assert_null(get(&cache, 10));
	hmi_pool_put(&cache, taken[--kept]);
	cr_assert_not_null(get(&cache, 10));
	cr_assert_null(get(&cache, 10));
}

Test(pool_memory, create__rounds_up_to_a_chunk)
{
	struct hmi_msg_cache cache;

	pool_start_with(HMI_CHUNK_BYTES + 1, 1);
	hmi_msg_cache_init(&cache, &pool, false);
	cr_assert_eq(take_all(&cache, 10), 2);
}

/* More than a hugepage, so that memory is put behind addresses more than once. */
Test(pool_memory, get__grows_block_by_block)
{
	size_t bytes = 2 * MEMORY + 2 * MEMORY - HMI_CHUNK_BYTES;
	struct hmi_msg_cache cache;

	pool_start_with(bytes, 1);
	hmi_msg_cache_init(&cache, &pool, false);
	cr_assert_eq(pool.region.backed, 0, "nothing is backed before it is used");
	(void)get(&cache, 0);
	cr_assert_eq(pool.region.backed, 2 * MEMORY / HMI_CHUNK_BYTES);
	cr_assert_eq(take_all(&cache, 0), objects_of(bytes, 0) - 1);
	for (uint32_t i = 0; i < objects_of(bytes, 0) - 1; i++)
		taken[i]->body[0] = i;
}

/* ---- Caches ---- */

Test(pool, in_use__counts_what_is_out)
{
	struct hmi_msg_cache none;
	struct hm_msg *a, *b;

	hmi_msg_cache_init(&none, &pool, true);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
	a = get(&none, 0);
	b = get(&none, 3);
	cr_assert_eq(hmi_pool_in_use(&pool), 2);
	hmi_pool_put(&none, a);
	hmi_pool_put(&none, b);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
}

Test(pool, cache_fini__gives_back_what_it_keeps)
{
	struct hmi_msg_cache cache;
	uint32_t n;

	hmi_msg_cache_init(&cache, &pool, false);
	n = take_all(&cache, 0);
	put_all(&cache, n);
	cr_assert_gt(hmi_pool_in_use(&pool), 0, "the cache keeps nothing: what is this test about?");
	cr_assert_eq(hmi_pool_in_use(&pool), hmi_msg_cache_count(&cache));
	hmi_msg_cache_fini(&cache);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
	hmi_msg_cache_fini(&cache);
}

/* What idle lcores keep must not starve a busy one: a quarter of the memory, all together. */
Test(pool_memory, caches__hide_at_most_a_quarter)
{
	enum {
		LCORES = 5
	};
	static struct hmi_msg_cache caches[LCORES], busy;
	uint32_t n;

	pool_start_with(4 * MEMORY, LCORES);
	for (unsigned int l = 0; l < LCORES; l++)
		hmi_msg_cache_init(&caches[l], &pool, false);
	hmi_msg_cache_init(&busy, &pool, true);
	/* The biggest first: whoever takes those to the limit gives back what it caches of the others. */
	for (unsigned int c = HMI_POOL_CLASSES; c-- > 0;) {
		for (unsigned int l = 0; l < LCORES; l++) {
			n = 0;
			while (n < 2 * HMI_MAGAZINE_OBJECTS && (taken[n] = get(&caches[l], c)) != NULL)
				n++;
			put_all(&caches[l], n);
		}
	}
	cr_assert_gt(hmi_pool_in_use(&pool), 400, "the caches keep nothing: what is this test about?");
	/* A hidden object keeps its chunk, of which the other objects are there for its class alone. */
	n = take_all(&busy, 0);
	cr_assert_geq(n * HMI_POOL_SMALLEST, 4 * MEMORY / 2, "only %u", n);
	put_all(&busy, n);
	for (unsigned int l = 0; l < LCORES; l++)
		hmi_msg_cache_fini(&caches[l]);
	end(&busy);
}

/* One lcore only takes, another only gives: their caches must not keep the objects from going round. */
Test(pool_memory, caches__objects_go_round_between_two)
{
	struct hmi_msg_cache from, to;

	pool_start_with(MEMORY, 2);
	hmi_msg_cache_init(&from, &pool, false);
	hmi_msg_cache_init(&to, &pool, false);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		for (uint32_t i = 0; i < 4 * objects_of(MEMORY, c); i++) {
			struct hm_msg *msg = get(&from, c);

			cr_assert_not_null(msg, "class %u, round %u", c, i);
			hmi_pool_put(&to, msg);
		}
	}
	hmi_msg_cache_fini(&from);
	end(&to);
}

/* A magazine goes from one lcore to the other as it is: the region, and its lock, have no part in it. */
Test(pool_memory, caches__magazines_travel_through_the_depot)
{
	struct hmi_msg_cache from, to;
	uint32_t used;

	pool_start_with(16 * MEMORY, 2);
	hmi_msg_cache_init(&from, &pool, false);
	hmi_msg_cache_init(&to, &pool, false);
	/* Until what travels has aged. */
	for (uint32_t i = 0; i < 100000; i++)
		hmi_pool_put(&to, get(&from, 0));
	used = pool.region.used;
	atomic_store(&pool.region.lock, 1);
	for (uint32_t i = 0; i < 10000; i++)
		hmi_pool_put(&to, get(&from, 0));
	atomic_store(&pool.region.lock, 0);
	cr_assert_eq(pool.region.used, used);
	hmi_msg_cache_fini(&from);
	end(&to);
}

/* What one lcore allocates and another one frees leaves the private caches of both before it comes back. */
Test(pool_memory, caches__memory_between_lcores_ages)
{
	struct hmi_msg_cache from, to;
	const struct hm_msg *first;
	uint32_t rounds = 0;

	pool_start_with((size_t)1 << 30, 2);
	hmi_msg_cache_init(&from, &pool, false);
	hmi_msg_cache_init(&to, &pool, false);
	/* Until the depot has seen that memory crosses. */
	for (uint32_t i = 0; i < 10000; i++)
		hmi_pool_put(&to, get(&from, 0));
	first = get(&from, 0);
	hmi_pool_put(&to, (struct hm_msg *)(uintptr_t)first);
	for (const struct hm_msg *msg = NULL; msg != first; rounds++) {
		msg = get(&from, 0);
		hmi_pool_put(&to, (struct hm_msg *)(uintptr_t)msg);
		cr_assert_lt(rounds, 10 * HMI_DEPOT_AGING_BYTES / HMI_POOL_SMALLEST);
	}
	cr_assert_geq(rounds, HMI_DEPOT_AGING_BYTES / HMI_POOL_SMALLEST / 2);
	hmi_msg_cache_fini(&from);
	end(&to);
}

/* A thread is preempted while it takes a magazine: the ring seems full, however much leaves it. */
Test(pool_memory, caches__ring_of_magazines_that_seems_full)
{
	struct hmi_msg_cache from, to, external;
	struct hmi_depot *depot = &pool.depots[0];
	struct hm_msg *msg;

	pool_start_with((size_t)64 << 20, 2);
	hmi_msg_cache_init(&from, &pool, false);
	hmi_msg_cache_init(&to, &pool, false);
	hmi_msg_cache_init(&external, &pool, true);
	for (uint32_t i = 0; i < 10000; i++)
		hmi_pool_put(&to, get(&from, 0));
	depot->full->rts_cons.head.val.cnt++;
	for (uint32_t i = 0; i < 400000; i++) {
		hmi_pool_put(&to, get(&from, 0));
		if (i % 100 == 0) {
			msg = get(&from, 0);
			hmi_pool_put(&external, msg);
		}
	}
	for (uint32_t i = 0; i < HMI_DEPOT_MAGAZINES; i++)
		cr_assert_leq(depot->magazines[i].count, pool.batch[0], "magazine %u", i);
	depot->full->rts_cons.head.val.cnt--;
	hmi_msg_cache_fini(&from);
	end(&to);
}

/* What an lcore frees itself is in its cache: it gets that again, and no new memory. */
Test(pool_memory, cache__memory_of_one_lcore_does_not_age)
{
	static struct hm_msg *msgs[5000];
	struct hmi_msg_cache cache;
	uint32_t used;

	pool_start_with((size_t)1 << 30, 2);
	hmi_msg_cache_init(&cache, &pool, false);
	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < RTE_DIM(msgs); i++)
			msgs[i] = get(&cache, 0);
		if (round == 0)
			used = pool.region.used;
		for (unsigned int i = 0; i < RTE_DIM(msgs); i++)
			hmi_pool_put(&cache, msgs[i]);
	}
	cr_assert_eq(pool.region.used, used);
	end(&cache);
}

/* ---- In any order ---- */

struct model {
	struct hmi_msg_cache caches[3];
	uint32_t count;
	size_t bytes;
	uint64_t seed, random;
};

static void
model_get(struct model *m, uint32_t step)
{
	unsigned int c = (unsigned int)hmt_random_below(&m->random, HMI_POOL_CLASSES);
	struct hm_msg *msg = get(&m->caches[hmt_random_below(&m->random, 3)], c);

	if (msg == NULL)
		return;
	for (size_t i = 0; i < hmi_pool_capacity(c) / 8; i += 8)
		msg->body[i] = (uint64_t)(uintptr_t)msg + i;
	m->bytes += HMI_POOL_SMALLEST << c;
	if (m->bytes > MEMORY)
		cr_assert_fail("HMT_SEED=%lu, step %u: more than the limit", m->seed, step);
	taken[m->count++] = msg;
}

static void
model_put(struct model *m, uint32_t step)
{
	uint32_t i = (uint32_t)hmt_random_below(&m->random, m->count);
	struct hm_msg *msg = taken[i];

	for (size_t w = 0; w < hmi_pool_capacity(msg->size_class) / 8; w += 8) {
		if (msg->body[w] != (uint64_t)(uintptr_t)msg + w)
			cr_assert_fail("HMT_SEED=%lu, step %u: an object is out twice", m->seed, step);
	}
	m->bytes -= HMI_POOL_SMALLEST << msg->size_class;
	taken[i] = taken[--m->count];
	hmi_pool_put(&m->caches[hmt_random_below(&m->random, 3)], msg);
}

/* No object is out twice, none is lost, and no more than the limit is out, however sizes are mixed. */
Test(pool_memory, random__mixed_sizes_fill_the_region)
{
	static struct model m;

	m.seed = m.random = hmt_seed(1);
	pool_start_with(MEMORY, 2);
	for (unsigned int i = 0; i < 3; i++)
		hmi_msg_cache_init(&m.caches[i], &pool, i == 2);
	for (uint32_t step = 0; step < 300000; step++) {
		/* Phases in which most is taken, and phases in which most is given back. */
		if (hmt_random_below(&m.random, 8) < (step >> 13 & 1 ? 7 : 1))
			model_get(&m, step);
		else if (m.count > 0)
			model_put(&m, step);
	}
	put_all_shuffled(&m.caches[0], m.count, &m.random);
	hmi_msg_cache_fini(&m.caches[0]);
	hmi_msg_cache_fini(&m.caches[1]);
	cr_assert_eq(hmi_pool_in_use(&pool), 0);
	/* And all of it is there for one class again. */
	cr_assert_eq(take_all(&m.caches[2], 10), objects_of(MEMORY, 10));
}
