/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_pvt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "memory_pvt.h"

#define OBJECTS_MIN  32u
#define CACHE_SIZE   512u
#define CACHE_MIN    32u
/* A cache is flushed at one and a half times its size. */
#define CACHE_SHARE  3u

static_assert(HMI_POOL_SMALLEST << (HMI_POOL_CLASSES - 1) == 65536, "the biggest class holds HM_MSG_BODY_MAX");
static_assert(sizeof(struct hm_msg) == 40, "a message of 24 bytes fills one cache line");

/* Bigger classes have fewer objects, so that each takes about the same memory at most. */
static uint32_t
class_count(uint32_t count, unsigned int size_class)
{
	unsigned int shift = size_class <= 4 ? size_class : 2 * size_class - 4;
	uint32_t n = shift < 32 ? count >> shift : 0;

	return n < OBJECTS_MIN ? OBJECTS_MIN : n;
}

/* At most half of a class may hide in caches. */
static uint32_t
cache_size(uint32_t objects, uint32_t lcores)
{
	uint32_t fair = objects / (CACHE_SHARE * lcores);

	if (fair < CACHE_MIN)
		return 0;
	return fair < CACHE_SIZE ? fair : CACHE_SIZE;
}

static void
object_init(struct rte_mempool *mp, void *size_class, void *obj, unsigned int index)
{
	(void)mp;
	(void)index;
	((struct hm_msg *)obj)->size_class = (uint8_t)(uintptr_t)size_class;
	HMI_TSAN_RELEASE(obj);
}

static void
region_free(struct rte_mempool_memhdr *region, void *bytes)
{
	hmi_memory_unmap(region->addr, (uintptr_t)bytes);
}

/* EAL's memory ends at -m without hugepages; ours must not. */
static int
populate_plain(struct rte_mempool *mp)
{
	size_t chunk_min, align;
	ssize_t bytes = rte_mempool_op_calc_mem_size_default(mp, mp->size, 0, &chunk_min, &align);

	if (bytes < 0)
		return (int)bytes;

	char *region = hmi_memory_map((size_t)bytes);

	if (region == NULL)
		return -ENOMEM;

	int n = rte_mempool_populate_iova(mp, region, RTE_BAD_IOVA, (size_t)bytes, region_free,
					  (void *)(uintptr_t)bytes);

	if (n < 0)
		hmi_memory_unmap(region, (size_t)bytes);
	return n < 0 ? n : 0;
}

static int
populate(struct rte_mempool *mp)
{
	if (rte_eal_has_hugepages()) {
		int n = rte_mempool_populate_default(mp);

		return n < 0 ? n : 0;
	}
	return populate_plain(mp);
}

static int
class_create(struct rte_mempool **mp, const char *name, uint32_t count, unsigned int size_class, int socket)
{
	char full[RTE_MEMPOOL_NAMESIZE];

	if (snprintf(full, sizeof(full), "%s.%u", name, HMI_POOL_SMALLEST << size_class) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	*mp = rte_mempool_create_empty(full, class_count(count, size_class), HMI_POOL_SMALLEST << size_class, 0, 0,
				       socket, RTE_MEMPOOL_F_NO_SPREAD | RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (*mp == NULL)
		return -rte_errno;
	/* Relaxed tail sync: a preempted thread holds nobody up when lcores share a core. */
	int rc = rte_mempool_set_ops_byname(*mp, "ring_mt_rts", NULL);

	if (rc == 0)
		rc = populate(*mp);
	if (rc != 0) {
		rte_mempool_free(*mp);
		*mp = NULL;
		return rc;
	}
	rte_mempool_obj_iter(*mp, object_init, (void *)(uintptr_t)size_class);
	return 0;
}

int
hmi_pool_create(struct hmi_pool *pool, const char *name, uint32_t count, int socket)
{
	memset(pool, 0, sizeof(*pool));
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		int rc = class_create(&pool->classes[c], name, count, c, socket);

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
		sum += rte_mempool_in_use_count(pool->classes[c]);
	return sum;
}

void
hmi_pool_destroy(struct hmi_pool *pool)
{
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		rte_mempool_free(pool->classes[c]);
		pool->classes[c] = NULL;
	}
}

int
hmi_msg_cache_create(struct hmi_msg_cache *cache, const struct hmi_pool *pool, uint32_t lcores, int socket)
{
	memset(cache, 0, sizeof(*cache));
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		uint32_t size = lcores == 0 ? 0 : cache_size(pool->classes[c]->size, lcores);

		cache->classes[c] = pool->classes[c];
		if (size == 0)
			continue;
		cache->caches[c] = rte_mempool_cache_create(size, socket);
		if (cache->caches[c] == NULL) {
			hmi_msg_cache_destroy(cache);
			return -ENOMEM;
		}
	}
	return 0;
}

void
hmi_msg_cache_destroy(struct hmi_msg_cache *cache)
{
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		if (cache->caches[c] == NULL)
			continue;
		rte_mempool_cache_flush(cache->caches[c], cache->classes[c]);
		rte_mempool_cache_free(cache->caches[c]);
		cache->caches[c] = NULL;
	}
}
