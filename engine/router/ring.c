/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings of consistent hashing: each routee has some places, and a key belongs to the first place behind it.
 *
 *     hash     0 ─────●───────●──●────────●───────▶ 2^32
 *     starts   |      |      |      |      |      |         where to begin to look: a part has about one place
 *
 * The places of a routee depend on its id alone. So a ring that differs from another one by a few routees is made by merging.
 */
#include "router_pvt.h"

#include <stdlib.h>

#include <rte_jhash.h>

#define NONE UINT32_MAX

static uint32_t
bits_of(uint32_t places)
{
	uint32_t bits = 1;

	while (bits < 31 && 1u << bits < places)
		bits++;
	return bits;
}

static uint32_t
hash_of(uint64_t number, uint32_t seed)
{
	return rte_jhash_2words((uint32_t)number, (uint32_t)(number >> 32), seed);
}

size_t
hmi_ring_bytes(uint32_t count, uint32_t nodes)
{
	uint32_t places = count * nodes;

	return places * sizeof(struct hmi_router_point) + ((size_t)1 << bits_of(places)) * sizeof(uint32_t);
}

/* Ties by index, so that there is one order. */
static int
point_compare(const void *a, const void *b)
{
	const struct hmi_router_point *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/*
 * For each routee of the old table its index in the new one; and those that are new there. The order is the same in both, so one
 * look at each is enough.
 */
static uint32_t
match(const struct hmi_router_table *old, const uint64_t *ids, uint32_t count, uint32_t *to, bool *is_old)
{
	uint32_t j = 0, kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = j;

		while (at < old->count && old->ids[at] != ids[i])
			at++;
		is_old[i] = at < old->count;
		if (!is_old[i])
			continue;
		while (j < at)
			to[j++] = NONE;
		to[j++] = i;
		kept++;
	}
	while (j < old->count)
		to[j++] = NONE;
	return kept;
}

/* Places of those that are new, in order, at the end of `points`. Returns the first one. */
static struct hmi_router_point *
points_add(struct hmi_router_point *end, const uint64_t *ids, const bool *is_old, uint32_t count,
	   uint32_t nodes)
{
	struct hmi_router_point *first = end;

	for (uint32_t i = count; i-- > 0;) {
		for (uint32_t n = 0; !is_old[i] && n < nodes; n++)
			*--first = (struct hmi_router_point){ .hash = hash_of(ids[i], n), .index = i };
	}
	qsort(first, (size_t)(end - first), sizeof(*first), point_compare);
	return first;
}

/* The old places whose routees are left, and the new ones from `added` on, which lie at the end of `points`. */
static void
points_merge(struct hmi_router_point *points, const struct hmi_router_point *added,
	     const struct hmi_router_point *end, const struct hmi_ring *old, const uint32_t *to)
{
	for (uint32_t j = 0; j < old->count; j++) {
		struct hmi_router_point point = { old->points[j].hash, to[old->points[j].index] };

		if (point.index == NONE)
			continue;
		while (added < end && point_compare(added, &point) < 0)
			*points++ = *added++;
		*points++ = point;
	}
	while (added < end)
		*points++ = *added++;
}

static void
starts_make(struct hmi_ring *ring)
{
	uint32_t at = 0;

	for (uint64_t part = 0; part < 1ull << ring->bits; part++) {
		while (at < ring->count && ring->points[at].hash < part << (32 - ring->bits))
			at++;
		ring->starts[part] = at;
	}
}

void
hmi_ring_make(struct hmi_ring *ring, void *memory, const uint64_t *ids, uint32_t count, uint32_t nodes,
	      const struct hmi_router_table *old)
{
	uint32_t to[HM_ROUTEES_MAX];
	bool is_old[HM_ROUTEES_MAX] = { false };
	struct hmi_router_point *end;

	ring->points = memory;
	ring->count = count * nodes;
	ring->bits = bits_of(ring->count);
	end = ring->points + ring->count;
	ring->starts = (uint32_t *)(void *)end;
	if (old != NULL && match(old, ids, count, to, is_old) > 0)
		points_merge(ring->points, points_add(end, ids, is_old, count, nodes), end, &old->ring, to);
	else
		(void)points_add(end, ids, is_old, count, nodes);
	starts_make(ring);
}

uint32_t
hmi_ring_find(const struct hmi_ring *ring, uint64_t key)
{
	uint32_t hash = hash_of(key, 0x9e3779b9u);
	uint32_t at = ring->starts[hash >> (32 - ring->bits)];

	while (at < ring->count && ring->points[at].hash < hash)
		at++;
	return at < ring->count ? at : 0;
}
