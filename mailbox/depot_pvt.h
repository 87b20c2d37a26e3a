/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPOT_PVT_H
#define DEPOT_PVT_H

/*
 * The depot of a size class: magazines of free objects on their way from one lcore to another
 * (Bonwick and Adams, Magazines and Vmem, USENIX 2001).
 *
 *     lcore A ──full──▶ ┌ depot ┐ ──full──▶ lcore B
 *             ◀─empty── └───────┘ ◀─empty──
 *
 * Full magazines are in a ring, first in, first out; those with some objects, and empty ones, are in
 * lock-free stacks (Treiber), what was used last on top. A stack's head is the index of a magazine and
 * a count of changes, so that a magazine which left and came back is not taken for the one that was
 * seen. Magazines are never freed while the pool lives: reading the link of one that has left is
 * harmless.
 *
 * Aging: when one lcore allocates what another one frees, a line that comes back at once is still
 * modified in the other core's cache, and is fetched from there for every message. So the class then
 * takes new memory until HMI_DEPOT_AGING_BYTES of it are under way: what comes back has left the
 * private caches by then, and is in the one that all cores share. Measured: docs/perf/log.md.
 *
 * Who may call what: everything, any thread, at the same time; create and destroy alone.
 * Ordering:  P1: push releases, pop acquires: what was done with the objects before is seen by
 *            who takes them out. The ring synchronises by relaxed tail: who is preempted in it holds
 *            up nobody, but what is behind it is seen only later.
 * Limits:    HMI_DEPOT_MAGAZINES. When there is no empty one, objects go to their chunks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

/* Objects of a magazine. With the header 512 bytes. */
#define HMI_MAGAZINE_OBJECTS 126u
/* Of a class; as many as a ring of a power of two has room for. */
#define HMI_DEPOT_MAGAZINES 1023u
/* Of a class, between lcores: twice what a core's private cache usually holds. */
#define HMI_DEPOT_AGING_BYTES ((size_t)4 << 20)

struct hmi_magazine {
	_Atomic uint32_t next; /* in its stack; index + 1, 0: none */
	uint16_t count;
	uint16_t filler;                        /* number of the cache that it comes from */
	uint32_t objects[HMI_MAGAZINE_OBJECTS]; /* offsets in the region, in units of the smallest object */
};

struct hmi_stack {
	_Alignas(64) _Atomic uint64_t head; /* low 16 bits: index + 1; above: count of changes */
};

struct hmi_depot {
	struct hmi_stack some, empty; /* some: by external threads, and what is left over */
	struct rte_ring *full;
	struct hmi_magazine *magazines;
	uint32_t aging;          /* full magazines from which on none has to age any longer */
	_Atomic uint32_t fresh;  /* magazines that were used ever */
	_Atomic bool is_crossed; /* one cache has taken what another one has filled; no order */
};

/* Bytes of memory that the magazines of a depot and their ring take. */
size_t hmi_depot_bytes(void);

/* An empty depot over zeroed memory of that many bytes, aligned to 64. `aging`: see struct hmi_depot. */
void hmi_depot_init(struct hmi_depot *depot, void *memory, uint32_t aging);

void hmi_magazine_push(struct hmi_depot *depot, struct hmi_stack *stack, struct hmi_magazine *magazine);

/* The magazine that was pushed last; NULL: none. */
struct hmi_magazine *hmi_magazine_pop(struct hmi_depot *depot, struct hmi_stack *stack);

/*
 * Put a full magazine into the ring. Returns whether there was room: as many fit as there are, but behind a
 * preempted thread the ring may seem full.
 */
__attribute__((warn_unused_result))
bool hmi_magazine_store(struct hmi_depot *depot, struct hmi_magazine *magazine);

/* A magazine with count 0; NULL: all are in use. */
struct hmi_magazine *hmi_magazine_empty(struct hmi_depot *depot);

/* One with objects, the oldest full one first; NULL: there is none. */
struct hmi_magazine *hmi_magazine_any(struct hmi_depot *depot);

/* Whether new memory is better than what is here. */
static inline bool
hmi_depot_ages(const struct hmi_depot *depot)
{
	return atomic_load_explicit(&depot->is_crossed, memory_order_relaxed) &&
	       rte_ring_count(depot->full) < depot->aging;
}

#endif /* DEPOT_PVT_H */
