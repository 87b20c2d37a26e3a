/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_pvt.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "memory_pvt.h"

/* Bytes that move between a cache and the depot in one go, at most. */
#define BATCH_BYTES 32768u
/* What lcores may hide from each other, as a part of all memory: one in so many. */
#define HIDDEN_PART 4u
/* Of all memory, what a class lets age. */
#define AGING_PART 64u
/* Of the heap, for what actors send to themselves when all memory is used. */
#define RESERVE_PART 16u
#define RESERVE_MIN  (128u << 10)
#define RESERVE_MAX  (16u << 20)

static_assert(sizeof(struct hm_msg) == 40, "a message of 24 bytes fills one cache line");

static size_t
object_bytes(unsigned int size_class)
{
	return (size_t)HMI_POOL_SMALLEST << size_class;
}

/* ---- Magazines ------------------------------------------------------------------------ */

static uint32_t
unit_of(const struct hmi_pool *pool, const struct hm_msg *object)
{
	return (uint32_t)((size_t)((const char *)object - pool->region.base) / HMI_POOL_SMALLEST);
}

static struct hm_msg *
object_at(const struct hmi_pool *pool, uint32_t unit)
{
	return (void *)(pool->region.base + (size_t)unit * HMI_POOL_SMALLEST);
}

static void
magazine_load(const struct hmi_pool *pool, struct hmi_magazine *magazine, struct hm_msg *const *objects,
	      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		magazine->objects[i] = unit_of(pool, objects[i]);
	magazine->count = (uint16_t)count;
}

/* Returns how many objects there were. */
static uint32_t
magazine_unload(const struct hmi_pool *pool, struct hmi_magazine *magazine, struct hm_msg **objects)
{
	uint32_t count = magazine->count;

	for (uint32_t i = 0; i < count; i++)
		objects[i] = object_at(pool, magazine->objects[i]);
	magazine->count = 0;
	return count;
}

/* Its objects go back to their chunks. */
static void
magazine_dissolve(struct hmi_pool *pool, struct hmi_depot *depot, struct hmi_magazine *magazine)
{
	struct hm_msg *objects[HMI_MAGAZINE_OBJECTS];

	hmi_region_give(&pool->region, objects, magazine_unload(pool, magazine, objects));
	hmi_magazine_push(depot, &depot->empty, magazine);
}

static void
magazine_give(struct hmi_pool *pool, unsigned int size_class, struct hmi_magazine *magazine)
{
	struct hmi_depot *depot = &pool->depots[size_class];

	if (magazine->count < pool->batch[size_class])
		hmi_magazine_push(depot, &depot->some, magazine);
	else if (!hmi_magazine_store(depot, magazine))
		magazine_dissolve(pool, depot, magazine);
}

/* Up to a batch of objects into the depot, or into their chunks if it has no empty magazine. */
static void
objects_return(struct hmi_msg_cache *cache, unsigned int size_class, struct hm_msg *const *objects,
	       uint32_t count)
{
	struct hmi_pool *pool = cache->pool;
	struct hmi_depot *depot = &pool->depots[size_class];
	struct hmi_magazine *magazine = hmi_magazine_empty(depot);

	if (magazine == NULL) {
		hmi_region_give(&pool->region, objects, count);
		return;
	}
	magazine_load(pool, magazine, objects, count);
	magazine->filler = cache->number;
	magazine_give(pool, size_class, magazine);
}

/* Up to a batch of objects. Returns how many. */
static uint32_t
objects_fetch(struct hmi_msg_cache *cache, unsigned int size_class, struct hm_msg **objects, uint32_t batch)
{
	struct hmi_pool *pool = cache->pool;
	struct hmi_depot *depot = &pool->depots[size_class];
	struct hmi_magazine *magazine;
	uint32_t count = 0;

	if (hmi_depot_ages(depot))
		count = hmi_region_take(&pool->region, size_class, objects, batch);
	if (count > 0)
		return count;
	magazine = hmi_magazine_any(depot);
	if (magazine == NULL)
		return hmi_region_take(&pool->region, size_class, objects, batch);
	/* Not what external threads have left over. */
	if (unlikely(magazine->filler != cache->number && magazine->filler != 0 && cache->number != 0))
		atomic_store_explicit(&depot->is_crossed, true, memory_order_relaxed);
	count = magazine_unload(pool, magazine, objects);
	hmi_magazine_push(depot, &depot->empty, magazine);
	return count;
}

/* ---- Shortage -------------------------------------------------------------------------- */

/* Everything in the depots goes to its chunk, which may become free. */
static void
depots_empty(struct hmi_pool *pool)
{
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		struct hmi_depot *depot = &pool->depots[c];
		struct hmi_magazine *magazine;

		while ((magazine = hmi_magazine_any(depot)) != NULL)
			magazine_dissolve(pool, depot, magazine);
	}
}

static void
cache_empty(struct hmi_msg_cache *cache)
{
	struct hmi_region *region = &cache->pool->region;

	/* The way in of external threads is empty, and must not be written. */
	if (cache->count > 0) {
		hmi_region_give(region, cache->small, cache->count);
		cache->count = 0;
	}
	for (unsigned int c = 1; c < HMI_POOL_CLASSES; c++) {
		struct hmi_rack *rack = &cache->racks[c];

		if (rack->count == 0)
			continue;
		hmi_region_give(region, &cache->others[rack->start], rack->count);
		rack->count = 0;
	}
}

/* Neither depot nor region had an object of this class: let the other classes give what they have. */
static uint32_t
shortage(struct hmi_msg_cache *cache, unsigned int size_class, struct hm_msg **objects, uint32_t batch)
{
	depots_empty(cache->pool);
	cache_empty(cache);
	return hmi_region_take(&cache->pool->region, size_class, objects, batch);
}

/* ---- Get and put, the slow halves --------------------------------------------------------- */

static struct hm_msg **
cache_objects(struct hmi_msg_cache *cache, unsigned int size_class)
{
	return size_class == 0 ? cache->small : &cache->others[cache->racks[size_class].start];
}

static void
cache_count_set(struct hmi_msg_cache *cache, unsigned int size_class, uint32_t count)
{
	if (size_class == 0)
		cache->count = count;
	else
		cache->racks[size_class].count = (uint16_t)count;
}

static uint32_t
cache_capacity(const struct hmi_msg_cache *cache, unsigned int size_class)
{
	return size_class == 0 ? cache->capacity : cache->racks[size_class].capacity;
}

/* The last object of a magazine that is not full. */
static struct hm_msg *
get_from_some(struct hmi_pool *pool, unsigned int size_class)
{
	struct hmi_depot *depot = &pool->depots[size_class];
	struct hmi_magazine *magazine = hmi_magazine_pop(depot, &depot->some);
	struct hm_msg *object;

	if (magazine == NULL)
		return NULL;
	object = object_at(pool, magazine->objects[--magazine->count]);
	hmi_magazine_push(depot, magazine->count > 0 ? &depot->some : &depot->empty, magazine);
	return object;
}

/* Without a cache: an object of a magazine, whose rest goes back to the depot. */
static struct hm_msg *
get_single(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hm_msg *object = get_from_some(cache->pool, size_class);
	struct hm_msg *objects[HMI_MAGAZINE_OBJECTS];
	struct hmi_pool *pool = cache->pool;
	uint32_t batch = pool->batch[size_class] > 0 ? pool->batch[size_class] : 1;
	uint32_t n;

	if (object != NULL)
		return object;
	n = objects_fetch(cache, size_class, objects, batch);
	if (n == 0)
		n = shortage(cache, size_class, objects, batch);
	if (n == 0)
		return NULL;
	if (n > 1)
		objects_return(cache, size_class, objects, n - 1);
	return objects[n - 1];
}

/* Without a cache: into a magazine that is not full, if the class has any. */
static void
put_single(struct hmi_pool *pool, unsigned int size_class, struct hm_msg *msg)
{
	struct hmi_depot *depot = &pool->depots[size_class];
	uint32_t batch = pool->batch[size_class];
	struct hmi_magazine *magazine = batch > 0 ? hmi_magazine_pop(depot, &depot->some) : NULL;

	if (magazine == NULL && batch > 0)
		magazine = hmi_magazine_empty(depot);
	if (magazine == NULL) {
		hmi_region_give(&pool->region, &msg, 1);
		return;
	}
	HMI_ASSERT(magazine->count < batch);
	magazine->objects[magazine->count++] = unit_of(pool, msg);
	magazine->filler = 0;
	magazine_give(pool, size_class, magazine);
}

__attribute__((noinline)) struct hm_msg *
hmi_pool_refill(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hm_msg **objects = cache_objects(cache, size_class), *msg;
	uint32_t batch = cache_capacity(cache, size_class) / 2, n;

	if (batch == 0) {
		msg = get_single(cache, size_class);
	} else {
		n = objects_fetch(cache, size_class, objects, batch);
		if (unlikely(n == 0))
			n = shortage(cache, size_class, objects, batch);
		msg = n > 0 ? objects[n - 1] : NULL;
		cache_count_set(cache, size_class, n > 0 ? n - 1 : 0);
	}
	if (msg != NULL)
		hmi_guard_taken(msg);
	return msg;
}

__attribute__((noinline)) void
hmi_pool_spill(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	unsigned int size_class = msg->size_class;
	uint32_t capacity, count;
	struct hm_msg **objects;

	hmi_guard_freed(msg);
	HMI_ASSERT(size_class < HMI_POOL_CLASSES);
	capacity = cache_capacity(cache, size_class);
	if (capacity == 0) {
		put_single(cache->pool, size_class, msg);
		return;
	}
	objects = cache_objects(cache, size_class);
	count = size_class == 0 ? cache->count : cache->racks[size_class].count;
	if (count == capacity) {
		/* The older half goes: it has left the CPU's cache first. */
		objects_return(cache, size_class, objects, capacity / 2);
		count -= capacity / 2;
		memmove(objects, objects + capacity / 2, count * sizeof(*objects));
	}
	objects[count] = msg;
	cache_count_set(cache, size_class, count + 1);
}

/* ---- Caches --------------------------------------------------------------------------------- */

void
hmi_msg_cache_init(struct hmi_msg_cache *cache, struct hmi_pool *pool, bool is_external)
{
	uint32_t start = 0;

	memset(cache, 0, sizeof(*cache));
	cache->pool = pool;
	if (is_external)
		return;
	cache->number = ++pool->caches;
	cache->capacity = 2 * pool->batch[0];
	for (unsigned int c = 1; c < HMI_POOL_CLASSES; c++) {
		uint32_t capacity = 2 * pool->batch[c];

		cache->racks[c].start = (uint16_t)start;
		cache->racks[c].capacity = (uint16_t)capacity;
		start += capacity;
	}
	HMI_ASSERT(start <= HMI_OTHERS_CACHE);
}

uint64_t
hmi_msg_cache_count(const struct hmi_msg_cache *cache)
{
	uint64_t sum = cache->count;

	for (unsigned int c = 1; c < HMI_POOL_CLASSES; c++)
		sum += cache->racks[c].count;
	return sum;
}

void
hmi_msg_cache_fini(struct hmi_msg_cache *cache)
{
	if (cache->pool != NULL)
		cache_empty(cache);
	memset(cache, 0, sizeof(*cache));
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* A magazine of a class: what is worth a walk to the depot, and no more than is fair. */
static uint32_t
batch_of(unsigned int size_class, size_t memory_bytes, uint32_t lcores)
{
	size_t fair = memory_bytes / HIDDEN_PART / lcores / HMI_POOL_CLASSES / 2 / object_bytes(size_class);
	size_t worth = BATCH_BYTES / object_bytes(size_class);
	size_t batch = worth > 0 ? worth : 1;

	batch = batch < HMI_MAGAZINE_OBJECTS ? batch : HMI_MAGAZINE_OBJECTS;
	return (uint32_t)(batch < fair ? batch : fair);
}

/* Magazines of a class that age, if they travel between lcores: a part of the memory, and no more than helps. */
static uint32_t
aging_of(unsigned int size_class, size_t memory_bytes, uint32_t batch)
{
	size_t bytes = memory_bytes / AGING_PART;
	size_t magazine_bytes = batch * object_bytes(size_class);

	bytes = bytes < HMI_DEPOT_AGING_BYTES ? bytes : HMI_DEPOT_AGING_BYTES;
	return magazine_bytes > 0 ? (uint32_t)(bytes / magazine_bytes) : 0;
}

/* A sixteenth of the memory, beside it: room for one message of any size, and not for many. */
static int64_t
reserve_bytes(size_t memory_bytes)
{
	size_t bytes = memory_bytes / RESERVE_PART;

	bytes = bytes > RESERVE_MIN ? bytes : RESERVE_MIN;
	return (int64_t)(bytes < RESERVE_MAX ? bytes : RESERVE_MAX);
}

static size_t
magazines_bytes(void)
{
	return hmi_depot_bytes() * HMI_POOL_CLASSES;
}

int
hmi_pool_create(struct hmi_pool *pool, size_t bytes, uint32_t lcores)
{
	int rc;

	memset(pool, 0, sizeof(*pool));
	rc = hmi_region_create(&pool->region, bytes);
	if (rc != 0)
		return rc;
	atomic_init(&pool->reserve_left, reserve_bytes(bytes));
	pool->magazines = hmi_memory_map_small(magazines_bytes());
	if (pool->magazines == NULL) {
		hmi_pool_destroy(pool);
		return -ENOMEM;
	}
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		pool->batch[c] = batch_of(c, bytes, lcores);
		hmi_depot_init(&pool->depots[c], (char *)pool->magazines + c * hmi_depot_bytes(),
			       aging_of(c, bytes, pool->batch[c]));
	}
	return 0;
}

uint64_t
hmi_pool_in_use(struct hmi_pool *pool)
{
	struct hmi_region_used used;
	uint64_t sum = 0;

	depots_empty(pool);
	hmi_region_used(&pool->region, &used);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		sum += used.out[c];
	return sum;
}

void
hmi_pool_destroy(struct hmi_pool *pool)
{
	hmi_region_destroy(&pool->region);
	hmi_memory_unmap_small(pool->magazines, magazines_bytes());
	memset(pool, 0, sizeof(*pool));
}
