/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POOL_PVT_H
#define POOL_PVT_H

/*
 * Message memory, in three layers:
 *
 *     cache    of one lcore: free objects of each class, youngest last      no atomics
 *       ▲│     a magazine's worth, when it is empty or full
 *       │▼
 *     depot    of a class: magazines on their way between lcores            lock-free
 *       ▲│     when there is none, or no room for one
 *       │▼
 *     region   chunks of 64 KiB, shared by all classes, up to a limit       a lock
 *
 * When the region has no chunk left, the depots' objects and those of the lcore's other classes
 * go back to their chunks first: only what other lcores cache stays hidden, at most a quarter of
 * the memory. External threads have no cache; they take from and give to the depot one by one.
 *
 * Why no rte_mempool, and why no ring of free objects: docs/decisions/0002 and 0004.
 *
 * Who may call what at the same time ("-": same thread only):
 *
 *                          get/put, one cache   get/put, external  create/destroy
 *   get/put, one cache             -                  yes            no
 *   get/put, external             yes                 yes            no
 *
 * Ownership: get hands an object to the caller, put takes it back.
 * Ordering:  P1 (depot_pvt.h) and P2 (region_pvt.h): what a thread did with an object before it put
 *            it is seen by the thread that gets it; within a cache there is one thread.
 * Limits:    the bytes given at creation; when they are used, get says so.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include "depot_pvt.h"
#include "msg_guard_pvt.h"
#include "hm_msg.h"
#include "region_pvt.h"

/* hm_msg.size_class: a class of the pool, or, of what is in no pool or not out, one of these; and marks */
#define HMI_MSG_CLASS_REPLIES 0x3c /* of a pool, and holds other messages: hmi_replies.size_class */
#define HMI_MSG_CLASS_FREE    0x3d /* debug builds: it is free */
#define HMI_MSG_CLASS_RESERVE 0x3e /* from the heap, bounded by hmi_pool.reserve_left */
#define HMI_MSG_CLASS_HEAP    0x3f /* from the heap: a control message that no pool had room for */
#define HMI_MSG_CLASS_MASK    0x3f
#define HMI_MSG_ANNEXED       0x40 /* mark: the last word of the object points to more, see hmi_msg_word */
#define HMI_MSG_LISTED        0x80 /* mark, debug builds: it is in a queue or on a lane */

/* hm_msg.flags */
#define HMI_MSG_SYSTEM  0x01 /* travels in the system lane */
#define HMI_MSG_REQUEST 0x02 /* its sender is a future, which must learn of its death */
#define HMI_MSG_NETWORK 0x04 /* came from another node */
#define HMI_MSG_MADE    0x08 /* by hm_msg_new, or for a provider, who owns it: neither sent nor freed yet */
#define HMI_MSG_EXPIRES 0x10 /* a request with a deadline, see annex_pvt.h */

#define HMI_SMALL_CACHE  (2 * HMI_MAGAZINE_OBJECTS)
#define HMI_OTHERS_CACHE 760 /* of all classes but the smallest, see batch_of() */

struct hmi_pool {
	struct hmi_region region;
	struct hmi_depot depots[HMI_POOL_CLASSES];
	uint32_t batch[HMI_POOL_CLASSES]; /* objects of a full magazine; 0: the class has no magazines */
	void *magazines;                  /* memory of all depots */
	uint16_t caches;                  /* that were made */
	_Atomic int64_t reserve_left;     /* bytes of the heap that stand behind the pool; no order */
};

struct hmi_rack {
	uint16_t count, capacity, start; /* in hmi_msg_cache.others */
};

/* One lcore's way into the pool, or that of all external threads, whose capacities are 0. */
struct hmi_msg_cache {
	uint32_t count, capacity; /* of the smallest class */
	struct hm_msg *small[HMI_SMALL_CACHE];
	struct hmi_pool *pool;
	uint16_t number;                         /* among the pool's caches; 0: that of external threads */
	struct hmi_rack racks[HMI_POOL_CLASSES]; /* of the others; the first is unused */
	struct hm_msg *others[HMI_OTHERS_CACHE];
};

/* The slow halves of get and put. */
struct hm_msg *hmi_pool_refill(struct hmi_msg_cache *cache, unsigned int size_class);
void hmi_pool_spill(struct hmi_msg_cache *cache, struct hm_msg *msg);

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

static inline unsigned int
hmi_msg_class(const struct hm_msg *msg)
{
	return msg->size_class & HMI_MSG_CLASS_MASK;
}

/* The last word of an object of the pool, behind its body. */
static inline uint64_t *
hmi_msg_word(struct hm_msg *msg)
{
	return (uint64_t *)(void *)((char *)msg + ((size_t)HMI_POOL_SMALLEST << hmi_msg_class(msg))) - 1;
}

/* The longest body that leaves the last word of an object of this class alone. */
static inline size_t
hmi_pool_capacity_word(unsigned int size_class)
{
	size_t bytes = ((size_t)HMI_POOL_SMALLEST << size_class) - sizeof(struct hm_msg) - sizeof(uint64_t);

	return bytes < HM_MSG_BODY_MAX ? bytes : HM_MSG_BODY_MAX;
}

/* Size class for a body with the last word of its object free, HMI_POOL_CLASSES if there is none so big. */
static inline unsigned int
hmi_pool_class_word(size_t body_bytes)
{
	unsigned int size_class = hmi_pool_class(body_bytes);

	/* Of the biggest class every body leaves it free. */
	return size_class < HMI_POOL_CLASSES && body_bytes > hmi_pool_capacity_word(size_class)
		       ? size_class + 1
		       : size_class;
}

/* The cached object of the smallest class that the next get takes; NULL: none is cached. */
static inline struct hm_msg *
hmi_pool_peek(const struct hmi_msg_cache *cache)
{
	struct hm_msg *msg;

	if (unlikely(cache->count == 0))
		return NULL;
	msg = cache->small[cache->count - 1];
	if (msg == NULL)
		__builtin_unreachable(); /* so that no caller tests it again */
	return msg;
}

/* Take it. What was written to it is written before, also for a handler of signals on this thread. */
static inline void
hmi_pool_take_peeked(struct hmi_msg_cache *cache)
{
	__asm__ volatile("" ::: "memory");
	cache->count--;
}

/* An object of the smallest class, if one is cached; NULL: none. */
static inline struct hm_msg *
hmi_pool_get_cached(struct hmi_msg_cache *cache)
{
	struct hm_msg *msg = hmi_pool_peek(cache);

	if (likely(msg != NULL)) {
		cache->count--;
		hmi_guard_taken(msg);
	}
	return msg;
}

/* An object of the smallest class; NULL: the limit is reached. */
static inline struct hm_msg *
hmi_pool_get_small(struct hmi_msg_cache *cache)
{
	struct hm_msg *msg = hmi_pool_get_cached(cache);

	return likely(msg != NULL) ? msg : hmi_pool_refill(cache, 0);
}

/* Header and first body of an object that will be written soon. */
static inline void
hmi_pool_prefetch(const struct hm_msg *msg)
{
	__builtin_prefetch(msg, 1);
	__builtin_prefetch((const char *)msg + HMI_POOL_SMALLEST, 1);
}

/* An object of a class, its size_class not set; NULL: the limit is reached. */
static inline struct hm_msg *
hmi_pool_get(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hmi_rack *rack = &cache->racks[size_class];
	struct hm_msg *msg;

	if (size_class == 0)
		return hmi_pool_get_small(cache);
	if (unlikely(rack->count == 0))
		return hmi_pool_refill(cache, size_class);
	msg = cache->others[rack->start + --rack->count];
	/* Decoding a packet takes one after the other. */
	if (likely(rack->count > 0))
		hmi_pool_prefetch(cache->others[rack->start + rack->count - 1]);
	hmi_guard_taken(msg);
	return msg;
}

/* Give an object of the smallest class back. */
static inline void
hmi_pool_put_small(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	hmi_guard_owned(msg, __func__);
	if (likely(cache->count < cache->capacity)) {
		hmi_guard_freed(msg);
		cache->small[cache->count++] = msg;
	} else {
		hmi_pool_spill(cache, msg);
	}
}

/* Give an object back, whose size_class is that of the get. */
static inline void
hmi_pool_put(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	struct hmi_rack *rack;

	hmi_guard_owned(msg, __func__);
	if (msg->size_class == 0) {
		hmi_pool_put_small(cache, msg);
		return;
	}
	rack = &cache->racks[msg->size_class];
	if (likely(rack->count < rack->capacity)) {
		hmi_guard_freed(msg);
		cache->others[rack->start + rack->count++] = msg;
	} else {
		hmi_pool_spill(cache, msg);
	}
}

/*
 * Create a pool of at most `bytes`, rounded up to whole chunks, for `lcores` lcores. Takes no memory
 * yet, but for addresses. Returns 0 or -ENOMEM.
 */
int hmi_pool_create(struct hmi_pool *pool, size_t bytes, uint32_t lcores);

/* Objects that are out, or in an lcore's cache. Slow: for tests and telemetry. */
uint64_t hmi_pool_in_use(struct hmi_pool *pool);

/* Free the pool; no object may be in use any more, and all caches are empty. */
void hmi_pool_destroy(struct hmi_pool *pool);

/* An empty cache for an lcore; or the way in of external threads, which is never written. */
void hmi_msg_cache_init(struct hmi_msg_cache *cache, struct hmi_pool *pool, bool is_external);

/* Objects in a cache. */
uint64_t hmi_msg_cache_count(const struct hmi_msg_cache *cache);

/* Give the cached objects back to their chunks. */
void hmi_msg_cache_fini(struct hmi_msg_cache *cache);

#endif /* POOL_PVT_H */
