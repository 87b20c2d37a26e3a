/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POOL_PVT_H
#define POOL_PVT_H

/*
 * Message memory: for each size class one region of objects and a ring of the free ones, shared
 * by all lcores of a system; and for each lcore a magazine of each class.
 *
 *     lcore 0: magazine ─┐
 *     lcore 1: magazine ─┼── ring of free 64-byte objects
 *     other threads ─────┘
 *
 * Why no rte_mempool: it puts a header of a cache line before each object, which doubles the
 * memory that a million messages spread over, and its cache takes three times the instructions
 * of a magazine (docs/decisions/0002-message-pool.md has the measurements).
 *
 * Who may call what at the same time ("-": same thread only):
 *
 *                          get/put, one cache   get/put, outside   destroy
 *   get/put, one cache             -                  yes            no
 *   get/put, outside              yes                 yes            no
 *
 * Ownership: get hands an object to the caller, put takes it back.
 * Ordering:  P1: what a thread did with an object before it put it is seen by whoever gets it
 *            (rte_ring's tails); within a magazine there is one thread.
 * Limits:    memory is taken once, at creation; when it is gone, get says so.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_ring.h>

#include "hm_msg.h"

/* Size classes: 64, 128, ... 65,536 bytes with the header. */
#define HMI_POOL_CLASSES       11
#define HMI_POOL_SMALLEST      64u
#define HMI_POOL_CONTROL_CLASS 1    /* fits every message of the engine itself */
#define HMI_MSG_CLASS_HEAP     0xff /* of a control message that no pool had room for */

/* hm_msg.flags */
#define HMI_MSG_SYSTEM  0x01 /* travels in the system lane */
#define HMI_MSG_REQUEST 0x02 /* its sender is a future, which must learn of its death */
#define HMI_MSG_NETWORK 0x04 /* came from another node */

struct hmi_pool_class {
	struct rte_ring *free;
	char *objects;
	uint32_t count;
};

struct hmi_pool {
	struct hmi_pool_class classes[HMI_POOL_CLASSES];
};

/* Free objects of one class, youngest last: what was used last is in the CPU's cache. */
struct hmi_magazine {
	uint32_t count;
	uint32_t capacity; /* 0: every object goes to the ring and comes from there */
	void **objects;
	struct rte_ring *ring;
};

/* One lcore's way into the pool. A class with few objects has magazines without capacity. */
struct hmi_msg_cache {
	struct hmi_magazine classes[HMI_POOL_CLASSES];
};

/* The slow halves of get and put: exchange half a magazine with the ring. */
struct hm_msg *hmi_magazine_refill(struct hmi_magazine *magazine);
void hmi_magazine_spill(struct hmi_magazine *magazine, struct hm_msg *msg);

/* Size class for a body, HMI_POOL_CLASSES if there is none so big. */
static inline unsigned int
hmi_pool_class(size_t body_bytes)
{
	if (likely(body_bytes <= HMI_POOL_SMALLEST - sizeof(struct hm_msg)))
		return 0;
	if (body_bytes > HM_MSG_BODY_MAX)
		return HMI_POOL_CLASSES;
	return 64u -
	       (unsigned int)__builtin_clzll((sizeof(struct hm_msg) + body_bytes - 1) / HMI_POOL_SMALLEST);
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
hmi_pool_get(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hmi_magazine *magazine = &cache->classes[size_class];

	if (unlikely(magazine->count == 0))
		return hmi_magazine_refill(magazine);
	return magazine->objects[--magazine->count];
}

/* Give an object back. */
static inline void
hmi_pool_put(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	struct hmi_magazine *magazine = &cache->classes[msg->size_class];

	if (unlikely(magazine->count == magazine->capacity))
		hmi_magazine_spill(magazine, msg);
	else
		magazine->objects[magazine->count++] = msg;
}

/*
 * Create the pools. `name` is unique in the process, `count` the objects of the smallest
 * class (bigger ones have fewer).
 * Returns 0, -ENOMEM, -EEXIST or -ENAMETOOLONG.
 */
int hmi_pool_create(struct hmi_pool *pool, const char *name, uint32_t count, int socket);

/* Objects of all classes. */
static inline uint32_t
hmi_pool_objects(const struct hmi_pool *pool)
{
	uint32_t sum = 0;

	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		sum += pool->classes[c].count;
	return sum;
}

/* Objects that are out, or in an lcore's cache. Slow: for tests and telemetry. */
uint32_t hmi_pool_in_use(const struct hmi_pool *pool);

/* Free the pools, also half-created ones; no object may be in use any more. */
void hmi_pool_destroy(struct hmi_pool *pool);

/*
 * Create the caches of one of `lcores` lcores; 0: a way in for any thread, without cache.
 * Returns 0 or -ENOMEM.
 */
int hmi_msg_cache_create(struct hmi_msg_cache *cache, const struct hmi_pool *pool, uint32_t lcores,
			 int socket);

/* Give the cached objects back to the pools and free the caches. */
void hmi_msg_cache_destroy(struct hmi_msg_cache *cache);

#endif /* POOL_PVT_H */
