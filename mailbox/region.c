/* SPDX-License-Identifier: Apache-2.0 */
#include "region_pvt.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_pause.h>

#include "assert_pvt.h"
#include "msg_guard_pvt.h"
#include "memory_pvt.h"

#define BLOCK_CHUNKS ((uint32_t)(HMI_HUGEPAGE_BYTES / HMI_CHUNK_BYTES))
/* How often to look at a taken lock before the core is yielded. */
#define LOCK_SPINS 64u

static_assert(HMI_POOL_SMALLEST << (HMI_POOL_CLASSES - 1) == HMI_CHUNK_BYTES,
	      "a chunk holds an object of the biggest class");

/* ---- The lock ---------------------------------------------------------------------- */

static void
region_lock(struct hmi_region *region)
{
	uint32_t looks = 0;

	while (atomic_exchange_explicit(&region->lock, 1, memory_order_acquire) != 0) { /* P2 */
		while (atomic_load_explicit(&region->lock, memory_order_relaxed) != 0) {
			if (++looks % LOCK_SPINS == 0)
				sched_yield();
			else
				rte_pause();
		}
	}
}

static void
region_unlock(struct hmi_region *region)
{
	atomic_store_explicit(&region->lock, 0, memory_order_release); /* P2 */
}

/* ---- Chunks ------------------------------------------------------------------------- */

static uint32_t
chunk_objects(unsigned int size_class)
{
	return (HMI_CHUNK_BYTES / HMI_POOL_SMALLEST) >> size_class;
}

static uint32_t
index_of(const struct hmi_region *region, const struct hmi_chunk *chunk)
{
	return (uint32_t)(chunk - region->chunks);
}

static char *
chunk_memory(const struct hmi_region *region, const struct hmi_chunk *chunk)
{
	return region->base + (size_t)index_of(region, chunk) * HMI_CHUNK_BYTES;
}

static void
list_append(struct hmi_region *region, struct hmi_chunk_list *list, struct hmi_chunk *chunk)
{
	uint32_t name = index_of(region, chunk) + 1;

	chunk->next = 0;
	chunk->prev = list->tail;
	if (list->tail != 0)
		region->chunks[list->tail - 1].next = name;
	else
		list->head = name;
	list->tail = name;
}

static void
list_remove(struct hmi_region *region, struct hmi_chunk_list *list, struct hmi_chunk *chunk)
{
	if (chunk->prev != 0)
		region->chunks[chunk->prev - 1].next = chunk->next;
	else
		list->head = chunk->next;
	if (chunk->next != 0)
		region->chunks[chunk->next - 1].prev = chunk->prev;
	else
		list->tail = chunk->prev;
}

/*
 * The first block is of small pages, so that a system that sends little costs little; what grows
 * beyond it gets hugepages, if there are any.
 */
static bool
block_commit(struct hmi_region *region)
{
	char *block = region->base + (size_t)region->backed * HMI_CHUNK_BYTES;
	int rc = region->backed == 0 ? hmi_memory_commit_small(block, HMI_HUGEPAGE_BYTES)
				     : hmi_memory_commit(block, HMI_HUGEPAGE_BYTES);

	if (rc != 0)
		return false;
	region->backed += BLOCK_CHUNKS;
	return true;
}

/* A chunk that belongs to nobody; NULL: none is left. */
static struct hmi_chunk *
chunk_find(struct hmi_region *region)
{
	struct hmi_chunk *chunk;

	if (region->free != 0) {
		chunk = &region->chunks[region->free - 1];
		region->free = chunk->next;
		return chunk;
	}
	if (region->fresh == region->count || (region->fresh == region->backed && !block_commit(region)))
		return NULL;
	return &region->chunks[region->fresh++];
}

static struct hmi_chunk *
chunk_take(struct hmi_region *region, unsigned int size_class)
{
	struct hmi_chunk *chunk = chunk_find(region);
	uint32_t objects = chunk_objects(size_class);

	if (chunk == NULL)
		return NULL;
	chunk->size_class = (uint8_t)size_class;
	chunk->in = (uint16_t)objects;
	chunk->first = 0;
	for (uint32_t word = 0; word < HMI_CHUNK_WORDS; word++) {
		uint32_t left = objects > 64 * word ? objects - 64 * word : 0;

		chunk->bits[word] = left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
	}
	list_append(region, &region->some[size_class], chunk);
	region->used++;
	hmi_guard_chunk(chunk_memory(region, chunk), size_class);
	return chunk;
}

static void
chunk_give(struct hmi_region *region, struct hmi_chunk *chunk)
{
	list_remove(region, &region->some[chunk->size_class], chunk);
	chunk->size_class = HMI_CHUNK_NOBODYS;
	chunk->next = region->free;
	region->free = index_of(region, chunk) + 1;
	region->used--;
}

/* ---- Objects ------------------------------------------------------------------------- */

/* Move up to `max` objects of a chunk that has some to `objects`, by ascending address. */
static uint32_t
chunk_pop(const struct hmi_region *region, struct hmi_chunk *chunk, struct hm_msg **objects, uint32_t max)
{
	char *memory = chunk_memory(region, chunk);
	unsigned int size_class = chunk->size_class;
	uint32_t word = chunk->first, n = 0;

	for (; n < max && n < chunk->in; word++) {
		while (chunk->bits[word] != 0 && n < max) {
			size_t i = 64 * word + (uint32_t)__builtin_ctzll(chunk->bits[word]);

			chunk->bits[word] &= chunk->bits[word] - 1;
			objects[n++] = (void *)(memory + i * (HMI_POOL_SMALLEST << size_class));
		}
		if (chunk->bits[word] != 0)
			break;
	}
	chunk->first = (uint8_t)word;
	chunk->in = (uint16_t)(chunk->in - n);
	return n;
}

static void
reverse(struct hm_msg **objects, uint32_t count)
{
	for (uint32_t i = 0; i < count / 2; i++) {
		struct hm_msg *object = objects[i];

		objects[i] = objects[count - 1 - i];
		objects[count - 1 - i] = object;
	}
}

uint32_t
hmi_region_take(struct hmi_region *region, unsigned int size_class, struct hm_msg **objects, uint32_t max)
{
	struct hmi_chunk_list *some = &region->some[size_class];
	uint32_t n = 0;

	region_lock(region);
	while (n < max) {
		struct hmi_chunk *chunk =
			some->head != 0 ? &region->chunks[some->head - 1] : chunk_take(region, size_class);

		if (chunk == NULL)
			break;
		n += chunk_pop(region, chunk, objects + n, max - n);
		if (chunk->in == 0)
			list_remove(region, some, chunk);
	}
	region->out[size_class] += n;
	region_unlock(region);
	reverse(objects, n);
	return n;
}

static void
object_give(struct hmi_region *region, const struct hm_msg *object)
{
	size_t offset = (size_t)((const char *)object - region->base), i;
	struct hmi_chunk *chunk;
	unsigned int size_class;
	uint64_t bit;

	/* An object that comes back is of a chunk that has a class, and was out. */
	HMI_ASSERT(offset / HMI_CHUNK_BYTES < region->fresh);
	chunk = &region->chunks[offset / HMI_CHUNK_BYTES];
	size_class = chunk->size_class;
	HMI_ASSERT(size_class < HMI_POOL_CLASSES);
	i = offset % HMI_CHUNK_BYTES / (HMI_POOL_SMALLEST << size_class);
	bit = UINT64_C(1) << i % 64;
	HMI_ASSERT((chunk->bits[i / 64] & bit) == 0);
	HMI_DEBUG_ASSERT(offset % (HMI_POOL_SMALLEST << size_class) == 0);
	chunk->bits[i / 64] |= bit;
	if (i / 64 < chunk->first)
		chunk->first = (uint8_t)(i / 64);
	/* At the end, so that a chunk has time to gather more before it is taken from. */
	if (chunk->in++ == 0)
		list_append(region, &region->some[size_class], chunk);
	region->out[size_class]--;
	if (chunk->in == chunk_objects(size_class))
		chunk_give(region, chunk);
}

void
hmi_region_give(struct hmi_region *region, struct hm_msg *const *objects, uint32_t count)
{
	region_lock(region);
	for (uint32_t i = 0; i < count; i++)
		object_give(region, objects[i]);
	region_unlock(region);
}

/* ---- Set-up, inspection, tear-down ------------------------------------------------------ */

static size_t
address_bytes(const struct hmi_region *region)
{
	uint32_t blocks = (region->count + BLOCK_CHUNKS - 1) / BLOCK_CHUNKS;

	return (size_t)blocks * HMI_HUGEPAGE_BYTES;
}

int
hmi_region_create(struct hmi_region *region, size_t bytes)
{
	memset(region, 0, sizeof(*region));
	region->count = (uint32_t)((bytes + HMI_CHUNK_BYTES - 1) / HMI_CHUNK_BYTES);
	region->base = hmi_memory_reserve(address_bytes(region));
	/* Small pages as well: one of them describes 28 chunks. */
	region->chunks = hmi_memory_map_small(region->count * sizeof(struct hmi_chunk));
	if (region->base != NULL && region->chunks != NULL)
		return 0;
	hmi_region_destroy(region);
	return -ENOMEM;
}

void
hmi_region_destroy(struct hmi_region *region)
{
	if (region->base != NULL)
		hmi_guard_forget(region->base, (size_t)region->backed * HMI_CHUNK_BYTES);
	hmi_memory_release(region->base, address_bytes(region));
	hmi_memory_unmap_small(region->chunks, region->count * sizeof(struct hmi_chunk));
	memset(region, 0, sizeof(*region));
}

void
hmi_region_used(struct hmi_region *region, struct hmi_region_used *used)
{
	region_lock(region);
	used->limit_bytes = (size_t)region->count * HMI_CHUNK_BYTES;
	used->chunk_bytes = (size_t)region->used * HMI_CHUNK_BYTES;
	memcpy(used->out, region->out, sizeof(used->out));
	region_unlock(region);
}

void
hmi_region_each_out(struct hmi_region *region, void (*fn)(void *arg, struct hm_msg *msg), void *arg)
{
	for (uint32_t c = 0; c < region->fresh; c++) {
		const struct hmi_chunk *chunk = &region->chunks[c];

		if (chunk->size_class == HMI_CHUNK_NOBODYS)
			continue;
		for (uint32_t i = 0; i < chunk_objects(chunk->size_class); i++) {
			if ((chunk->bits[i / 64] >> i % 64 & 1) == 0)
				fn(arg, (void *)(chunk_memory(region, chunk) +
						 (size_t)i * (HMI_POOL_SMALLEST << chunk->size_class)));
		}
	}
}
