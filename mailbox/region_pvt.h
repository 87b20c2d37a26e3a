/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGION_PVT_H
#define REGION_PVT_H

/*
 * The memory of all messages: one range of addresses, cut into chunks of 64 KiB that the size
 * classes share by need.
 *
 *     base ─▶ │ class 0 │ class 0 │ class 7 │ free │ class 1 │ never used ... │ ◀─ limit
 *                  │
 *                  └─ 1,024 objects of 64 bytes; a bitmap elsewhere says which are in the chunk
 *
 * A chunk belongs to one size class while an object of it is out, and goes back to all when the
 * last one has come back. Objects of a chunk are given out by ascending address, however they
 * came back: memory does not age. Memory is put behind addresses 2 MiB at a time, when they are
 * used first; nothing is touched here but the bitmaps, so that a page comes from the NUMA node
 * of the lcore that writes the first message in it.
 *
 * This is the slow layer, below the magazines of depot_pvt.h: one lock, held for a magazine's
 * worth of objects. Who waits for it yields, since its holder may be preempted.
 *
 * Who may call what: take, give, used: any thread. Create, destroy, each_out: while nobody else does.
 * Ordering: P2: the lock. What was done with an object before it was given is seen by its taker.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_msg.h"

/* Size classes: 64, 128, ... 65,536 bytes with the header. */
#define HMI_POOL_CLASSES  11
#define HMI_POOL_SMALLEST 64u

#define HMI_CHUNK_BYTES   65536u
#define HMI_CHUNK_WORDS   (HMI_CHUNK_BYTES / HMI_POOL_SMALLEST / 64)
#define HMI_CHUNK_NOBODYS 0xff

struct hmi_chunk {
	uint32_t next, prev; /* in the list of its class, or of free chunks; index + 1, 0: none */
	uint16_t in;         /* objects that are in the chunk */
	uint8_t size_class;  /* HMI_CHUNK_NOBODYS: free */
	uint8_t first;       /* no earlier word of the bitmap has a bit */
	uint32_t reserved;
	uint64_t bits[HMI_CHUNK_WORDS]; /* set: the object is in the chunk */
};

struct hmi_chunk_list {
	uint32_t head, tail; /* index + 1; 0: none */
};

struct hmi_region {
	char *base;
	struct hmi_chunk *chunks;
	uint32_t count;                               /* chunks, at most */
	uint32_t backed;                              /* chunks with memory behind them */
	uint32_t fresh;                               /* lowest chunk that was never used */
	uint32_t free;                                /* list of free chunks; index + 1, 0: none */
	uint32_t used;                                /* chunks that belong to a class */
	struct hmi_chunk_list some[HMI_POOL_CLASSES]; /* a class' chunks with objects in them */
	uint64_t out[HMI_POOL_CLASSES];               /* objects taken and not given back */
	_Alignas(64) _Atomic uint32_t lock;
};

/* Reserve addresses for `bytes`, rounded up to whole chunks. Returns 0 or -ENOMEM. */
int hmi_region_create(struct hmi_region *region, size_t bytes);

void hmi_region_destroy(struct hmi_region *region);

/*
 * Take up to `max` objects of a class, the one with the lowest address last, so that a thread that pops
 * them gets ascending addresses. Returns how many; 0: the limit is reached, or the kernel has no memory.
 */
uint32_t hmi_region_take(struct hmi_region *region, unsigned int size_class, struct hm_msg **objects,
			 uint32_t max);

/* Give objects back, of whatever classes. */
void hmi_region_give(struct hmi_region *region, struct hm_msg *const *objects, uint32_t count);

/* What is taken, in bytes of chunks, and in objects. Slow. */
struct hmi_region_used {
	size_t limit_bytes, chunk_bytes;
	uint64_t out[HMI_POOL_CLASSES];
};
void hmi_region_used(struct hmi_region *region, struct hmi_region_used *used);

/* Call `fn` for each object that is out. */
void hmi_region_each_out(struct hmi_region *region, void (*fn)(void *arg, struct hm_msg *msg), void *arg);

#endif /* REGION_PVT_H */
