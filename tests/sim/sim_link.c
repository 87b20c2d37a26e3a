/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A link in virtual time.
 */
#include "sim_link.h"

#include <stdlib.h>
#include <string.h>

#include "hmt_random.h"

struct sim_flying {
	uint64_t at_ns, order;
	void *packet;
};

static double
chance(struct sim_link *link)
{
	return (double)(hmt_random(&link->random) >> 11) / (double)(UINT64_C(1) << 53);
}

void
sim_link_init(struct sim_link *link, const struct sim_link_config *config, size_t bytes)
{
	*link = (struct sim_link){ .config = *config, .random = config->seed, .bytes = bytes };
}

static bool
is_before(const struct sim_flying *a, const struct sim_flying *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
swap(struct sim_flying *a, struct sim_flying *b)
{
	struct sim_flying old = *a;

	*a = *b;
	*b = old;
}

static void
heap_put(struct sim_link *link, const void *packet, uint64_t at_ns)
{
	size_t i = link->count++;

	if (link->count > link->capacity) {
		link->capacity = 2 * link->count;
		link->heap = realloc(link->heap, link->capacity * sizeof(*link->heap));
	}
	link->heap[i] = (struct sim_flying){ at_ns, link->order++, malloc(link->bytes) };
	memcpy(link->heap[i].packet, packet, link->bytes);
	for (; i > 0 && is_before(&link->heap[i], &link->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&link->heap[i], &link->heap[(i - 1) / 2]);
}

static struct sim_flying
heap_take(struct sim_link *link)
{
	struct sim_flying first = link->heap[0];
	size_t i = 0, child;

	link->heap[0] = link->heap[--link->count];
	while ((child = 2 * i + 1) < link->count) {
		if (child + 1 < link->count && is_before(&link->heap[child + 1], &link->heap[child]))
			child++;
		if (!is_before(&link->heap[child], &link->heap[i]))
			break;
		swap(&link->heap[child], &link->heap[i]);
		i = child;
	}
	return first;
}

/* Let it through the queue. Returns when it has left, or 0: there was no room. */
static uint64_t
queue_pass(struct sim_link *link, uint32_t length, uint64_t now)
{
	uint64_t now_ps = now * 1000, begin = link->free_ps > now_ps ? link->free_ps : now_ps;

	if (link->config.queue != 0 && begin - now_ps > link->config.queue * link->config.byte_ps) {
		link->dropped++;
		return 0;
	}
	link->free_ps = begin + length * link->config.byte_ps;
	return link->free_ps / 1000;
}

void
sim_link_put(struct sim_link *link, const void *packet, uint32_t length, uint64_t now)
{
	const struct sim_odds *odds = &link->config.odds;
	uint64_t left = queue_pass(link, length, now), late = 0;

	if (left == 0)
		return;
	if (link->down || chance(link) < odds->loss) {
		link->lost++;
		return;
	}
	if (chance(link) < odds->late)
		late = (uint64_t)(chance(link) * (double)odds->late_ns);
	heap_put(link, packet, left + link->config.delay_ns + late);
	if (chance(link) < odds->twice)
		heap_put(link, packet,
			 left + link->config.delay_ns + (uint64_t)(chance(link) * (double)odds->late_ns));
}

uint64_t
sim_link_next_ns(const struct sim_link *link)
{
	return link->count > 0 ? link->heap[0].at_ns : UINT64_MAX;
}

bool
sim_link_take(struct sim_link *link, void *packet, uint64_t now)
{
	struct sim_flying first;

	if (sim_link_next_ns(link) > now)
		return false;
	first = heap_take(link);
	memcpy(packet, first.packet, link->bytes);
	free(first.packet);
	return true;
}

void
sim_link_fini(struct sim_link *link)
{
	while (link->count > 0)
		free(link->heap[--link->count].packet);
	free(link->heap);
}
