/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POOL_PVT_H
#define POOL_PVT_H

/*
 * Message memory: one mempool for each size class, shared by all lcores of a system, and a
 * cache of each for each lcore.
 *
 *     lcore 0: cache ─┐
 *     lcore 1: cache ─┼── mempool of 64-byte objects (ring of free ones)
 *     other threads ──┘
 *
 * Who may call what at the same time ("-": same thread only):
 *
 *                     get/put, one cache   get/put, no cache   destroy
 *   get/put, cache            -                  yes              no
 *   get/put, no cache        yes                 yes              no
 *
 * Ownership: get hands an object to the caller, put takes it back.
 * Limits: memory is taken once, at creation; when it is gone, get says so.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mempool.h>

#include "hm_msg.h"
#include "tsan_pvt.h"

/* Size classes: 64, 128, ... 65,536 bytes with the header. */
#define HMI_POOL_CLASSES	11
#define HMI_POOL_SMALLEST	64u
#define HMI_POOL_CONTROL_CLASS	1 /* fits every message of the engine itself */
#define HMI_MSG_CLASS_HEAP	0xff /* of a control message that no pool had room for */

/* hm_msg.flags */
#define HMI_MSG_SYSTEM  0x01 /* travels in the system lane */
#define HMI_MSG_REQUEST 0x02 /* its sender is a future, which must learn of its death */
#define HMI_MSG_NETWORK 0x04 /* came from another node */

struct hmi_pool {
	struct rte_mempool *classes[HMI_POOL_CLASSES];
};

/* One lcore's way into the pool. A class with few objects has no cache. */
struct hmi_msg_cache {
	struct rte_mempool *classes[HMI_POOL_CLASSES];
	struct rte_mempool_cache *caches[HMI_POOL_CLASSES];
};

/* Size class for a body, HMI_POOL_CLASSES if there is none so big. */
static inline unsigned int
hmi_pool_class(size_t body_bytes)
{
	size_t bytes = sizeof(struct hm_msg) + body_bytes;

	if (likely(bytes <= HMI_POOL_SMALLEST))
		return 0;
	if (body_bytes > HM_MSG_BODY_MAX)
		return HMI_POOL_CLASSES;
	return 64u - (unsigned int)__builtin_clzll((bytes - 1) / HMI_POOL_SMALLEST);
}

/* Bytes of body that an object of a class has room for. */
static inline size_t
hmi_pool_capacity(unsigned int size_class)
{
	size_t bytes = ((size_t)HMI_POOL_SMALLEST << size_class) - sizeof(struct hm_msg);

	return bytes < HM_MSG_BODY_MAX ? bytes : HM_MSG_BODY_MAX;
}

/* An object of a class, its size_class set and nothing else; NULL: none is free. */
static inline struct hm_msg *
hmi_pool_get(const struct hmi_msg_cache *cache, unsigned int size_class)
{
	void *obj;

	if (unlikely(rte_mempool_generic_get(cache->classes[size_class], &obj, 1, cache->caches[size_class]) != 0))
		return NULL;
	HMI_TSAN_ACQUIRE(obj);
	return obj;
}

/* Give an object back. */
static inline void
hmi_pool_put(const struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	void *obj = msg;
	unsigned int size_class = msg->size_class;

	HMI_TSAN_RELEASE(obj);
	rte_mempool_generic_put(cache->classes[size_class], &obj, 1, cache->caches[size_class]);
}

/*
 * Create the pools. `name` is unique in the process, `count` the objects of the smallest
 * class (bigger ones have fewer).
 * Returns 0, -ENOMEM, -EEXIST or -ENAMETOOLONG.
 */
int hmi_pool_create(struct hmi_pool *pool, const char *name, uint32_t count, int socket);

/* Objects that are out, or in an lcore's cache. Slow: for tests and telemetry. */
uint32_t hmi_pool_in_use(const struct hmi_pool *pool);

/* Free the pools, also half-created ones; no object may be in use any more. */
void hmi_pool_destroy(struct hmi_pool *pool);

/*
 * Create the caches of one of `lcores` lcores; 0: a way in for any thread, without cache.
 * Returns 0 or -ENOMEM.
 */
int hmi_msg_cache_create(struct hmi_msg_cache *cache, const struct hmi_pool *pool, uint32_t lcores, int socket);

/* Give the cached objects back to the pools and free the caches. */
void hmi_msg_cache_destroy(struct hmi_msg_cache *cache);

#endif /* POOL_PVT_H */
