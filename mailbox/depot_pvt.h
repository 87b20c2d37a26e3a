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
 * Three lock-free stacks (Treiber): what was used last is used first, and whoever is preempted
 * holds up nobody. A stack's head is the index of a magazine and a count of changes, so that a
 * magazine which left and came back is not taken for the one that was seen. Magazines are never
 * freed while the pool lives: reading the link of one that has left is harmless.
 *
 * Who may call what: everything, any thread, at the same time; create and destroy alone.
 * Ordering:  P1: push releases, pop acquires: what was done with the objects before is seen by
 *            who takes them out.
 * Limits:    HMI_DEPOT_MAGAZINES. When there is no empty one, objects go to their chunks.
 */

#include <stdatomic.h>
#include <stdint.h>

/* Objects of a magazine. With the header 512 bytes. */
#define HMI_MAGAZINE_OBJECTS 126u
/* Of a class; a quarter of a million cache lines would not stay in a cache. */
#define HMI_DEPOT_MAGAZINES 64u

struct hmi_magazine {
	_Atomic uint32_t next; /* in its stack; index + 1, 0: none */
	uint32_t count;
	uint32_t objects[HMI_MAGAZINE_OBJECTS]; /* offsets in the region, in units of the smallest object */
};

struct hmi_stack {
	_Alignas(64) _Atomic uint64_t head; /* low 16 bits: index + 1; above: count of changes */
};

struct hmi_depot {
	struct hmi_stack full, some, empty; /* some: by threads outside, and what is left over */
	_Atomic uint32_t fresh;             /* magazines that were used ever */
	struct hmi_magazine *magazines;
};

/* An empty depot over HMI_DEPOT_MAGAZINES zeroed magazines. */
void hmi_depot_init(struct hmi_depot *depot, struct hmi_magazine *magazines);

void hmi_magazine_push(struct hmi_depot *depot, struct hmi_stack *stack, struct hmi_magazine *magazine);

/* The magazine that was pushed last; NULL: none. */
struct hmi_magazine *hmi_magazine_pop(struct hmi_depot *depot, struct hmi_stack *stack);

/* A magazine with count 0; NULL: all are in use. */
struct hmi_magazine *hmi_magazine_empty(struct hmi_depot *depot);

/* One with objects, a full one first; NULL: there is none. */
struct hmi_magazine *hmi_magazine_any(struct hmi_depot *depot);

#endif /* DEPOT_PVT_H */
