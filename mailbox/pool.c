/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_pvt.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "memory_pvt.h"
#include "tsan_pvt.h"

#define OBJECTS_MIN   32u
#define MAGAZINE_SIZE 512u
#define MAGAZINE_MIN  32u

static_assert(HMI_POOL_SMALLEST << (HMI_POOL_CLASSES - 1) == 65536,
	      "the biggest class holds HM_MSG_BODY_MAX");
static_assert(sizeof(struct hm_msg) == 40, "a message of 24 bytes fills one cache line");

/* ---- The pool -------------------------------------------------------------------- */

/* Bigger classes have fewer objects, so that each takes about the same memory at most. */
static uint32_t
class_count(uint32_t count, unsigned int size_class)
{
	unsigned int shift = size_class <= 4 ? size_class : 2 * size_class - 4;
	uint32_t n = shift < 32 ? count >> shift : 0;

	return n < OBJECTS_MIN ? OBJECTS_MIN : n;
}

static size_t
class_bytes(const struct hmi_pool_class *class, unsigned int size_class)
{
	return (size_t) class->count * (HMI_POOL_SMALLEST << size_class);
}

static void
class_fill(struct hmi_pool_class *class, unsigned int size_class)
{
	for (uint32_t i = 0; i < class->count; i++) {
		void *obj = class->objects + (size_t)i * (HMI_POOL_SMALLEST << size_class);

		((struct hm_msg *)obj)->size_class = (uint8_t)size_class;
		HMI_TSAN_RELEASE(obj);
		rte_ring_enqueue(class->free, obj);
	}
}

static int
class_create(struct hmi_pool_class *class, const char *name, unsigned int size_class, int socket)
{
	char full[RTE_RING_NAMESIZE];

	if (snprintf(full, sizeof(full), "%s.%u", name, HMI_POOL_SMALLEST << size_class) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	/* Relaxed tail sync: a preempted thread holds nobody up when lcores share a core. */
	class->free = rte_ring_create(full, rte_align32pow2(2 * (class->count + MAGAZINE_SIZE)), socket,
				      RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ);
	if (class->free == NULL)
		return -rte_errno;
	class->objects = hmi_memory_map(class_bytes(class, size_class));
	if (class->objects == NULL)
		return -ENOMEM;
	class_fill(class, size_class);
	return 0;
}

int
hmi_pool_create(struct hmi_pool *pool, const char *name, uint32_t count, int socket)
{
	memset(pool, 0, sizeof(*pool));
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		pool->classes[c].count = class_count(count, c);

		int rc = class_create(&pool->classes[c], name, c, socket);

		if (rc != 0) {
			hmi_pool_destroy(pool);
			return rc;
		}
	}
	return 0;
}

uint32_t
hmi_pool_in_use(const struct hmi_pool *pool)
{
	uint32_t sum = 0;

	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		sum += pool->classes[c].count - rte_ring_count(pool->classes[c].free);
	return sum;
}

void
hmi_pool_destroy(struct hmi_pool *pool)
{
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		struct hmi_pool_class *class = &pool->classes[c];

		rte_ring_free(class->free);
		hmi_memory_unmap(class->objects, class_bytes(class, c));
		*class = (struct hmi_pool_class){ 0 };
	}
}

/* ---- Magazines --------------------------------------------------------------------- */

/* At most half of a class may hide in magazines. */
static uint32_t
magazine_capacity(uint32_t objects, uint32_t lcores)
{
	uint32_t fair = objects / (2 * lcores);

	if (fair < MAGAZINE_MIN)
		return 0;
	return fair < MAGAZINE_SIZE ? fair : MAGAZINE_SIZE;
}

int
hmi_msg_cache_create(struct hmi_msg_cache *cache, const struct hmi_pool *pool, uint32_t lcores, int socket)
{
	memset(cache, 0, sizeof(*cache));
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		struct hmi_magazine *magazine = &cache->classes[c];

		magazine->ring = pool->classes[c].free;
		magazine->capacity = lcores == 0 ? 0 : magazine_capacity(pool->classes[c].count, lcores);
		if (magazine->capacity == 0)
			continue;
		magazine->objects = rte_malloc_socket(NULL, magazine->capacity * sizeof(void *), 64, socket);
		if (magazine->objects == NULL) {
			hmi_msg_cache_destroy(cache);
			return -ENOMEM;
		}
	}
	return 0;
}

/* The ring has a place for every object there is: this cannot fail. */
HMI_TSAN_OFF static void
ring_return(struct rte_ring *ring, void *const *objects, uint32_t count)
{
	unsigned int n;

	for (uint32_t i = 0; i < count; i++)
		HMI_TSAN_RELEASE(objects[i]);
	n = rte_ring_enqueue_bulk(ring, objects, count, NULL);

	assert(n == count);
	(void)n;
}

HMI_TSAN_OFF static bool
ring_take(struct rte_ring *ring, void **objects, uint32_t count)
{
	if (rte_ring_dequeue_bulk(ring, objects, count, NULL) == 0)
		return false;
	for (uint32_t i = 0; i < count; i++)
		HMI_TSAN_ACQUIRE(objects[i]);
	return true;
}

/* Half a magazine, or one, for none is too few while there is any. */
__attribute__((noinline)) struct hm_msg *
hmi_magazine_refill(struct hmi_magazine *magazine)
{
	uint32_t want = magazine->capacity / 2;
	void *obj;

	if (want > 0 && ring_take(magazine->ring, magazine->objects, want)) {
		magazine->count = want - 1;
		return magazine->objects[want - 1];
	}
	return ring_take(magazine->ring, &obj, 1) ? obj : NULL;
}

__attribute__((noinline)) void
hmi_magazine_spill(struct hmi_magazine *magazine, struct hm_msg *msg)
{
	uint32_t go = magazine->capacity / 2;
	void *obj = msg;

	if (go == 0) {
		ring_return(magazine->ring, &obj, 1);
		return;
	}
	/* The older half goes: it has left the CPU's cache first. */
	ring_return(magazine->ring, magazine->objects, go);
	magazine->count -= go;
	memmove(magazine->objects, magazine->objects + go, magazine->count * sizeof(void *));
	magazine->objects[magazine->count++] = msg;
}

void
hmi_msg_cache_destroy(struct hmi_msg_cache *cache)
{
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		struct hmi_magazine *magazine = &cache->classes[c];

		if (magazine->count > 0)
			ring_return(magazine->ring, magazine->objects, magazine->count);
		rte_free(magazine->objects);
		*magazine = (struct hmi_magazine){ 0 };
	}
}
