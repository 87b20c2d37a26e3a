/* SPDX-License-Identifier: Apache-2.0 */
#include "link_pvt.h"

#include <errno.h>
#include <stddef.h>

#include "lcore_pvt.h"
#include "memory_pvt.h"

#define BUCKETS_FIRST 512u

static size_t
buckets_bytes(uint32_t buckets)
{
	return (size_t)buckets * sizeof(struct hmi_link *);
}

int
hmi_links_create(struct hmi_links *links)
{
	hmi_slab_init(&links->slab, sizeof(struct hmi_link));
	links->count = 0;
	links->mask = BUCKETS_FIRST - 1;
	links->buckets = hmi_memory_map(buckets_bytes(BUCKETS_FIRST));
	return links->buckets != NULL ? 0 : -ENOMEM;
}

void
hmi_links_destroy(struct hmi_links *links)
{
	hmi_memory_unmap(links->buckets, buckets_bytes(links->mask + 1));
	links->buckets = NULL;
	hmi_slab_destroy(&links->slab);
}

/* Multiplicative hashing: the slot is in the local part's upper half, neighbours differ by little. */
static uint32_t
hash(const struct hmi_links *links, uint32_t owner, uint8_t kind, struct hm_pid pid)
{
	uint64_t h = pid.local ^ pid.node ^ ((uint64_t)owner << 20) ^ kind;

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	return (uint32_t)h & links->mask;
}

static void
bucket_push(struct hmi_links *links, struct hmi_link *link)
{
	struct hmi_link **bucket = &links->buckets[hash(links, link->owner, link->kind, link->pid)];

	link->hash_next = *bucket;
	*bucket = link;
}

/* Without memory for more the buckets only grow longer. */
static void
grow(struct hmi_links *links)
{
	uint32_t old_mask = links->mask;
	struct hmi_link **old = links->buckets, **buckets = hmi_memory_map(buckets_bytes(2 * (old_mask + 1)));

	if (buckets == NULL)
		return;
	links->buckets = buckets;
	links->mask = 2 * old_mask + 1;
	for (uint32_t i = 0; i <= old_mask; i++) {
		for (struct hmi_link *link = old[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			bucket_push(links, link);
		}
	}
	hmi_memory_unmap(old, buckets_bytes(old_mask + 1));
}

struct hmi_link *
hmi_link_new(struct hmi_links *links, enum hmi_link_kind kind, struct hm_pid pid)
{
	struct hmi_link *link = hmi_slab_get(&links->slab);

	if (link != NULL) {
		link->kind = (uint8_t)kind;
		link->node = 0;
		link->pid = pid;
	}
	return link;
}

void
hmi_link_hash(struct hmi_links *links, uint32_t slot, struct hmi_link *link)
{
	if (links->count > links->mask)
		grow(links);
	link->owner = slot;
	links->count++;
	bucket_push(links, link);
}

void
hmi_link_add_to(struct hmi_links *links, struct hmi_owned **list, uint32_t slot, struct hmi_link *link,
		const struct hmi_owned_ops *ops)
{
	hmi_owned_add(list, &link->owned, ops);
	hmi_link_hash(links, slot, link);
}

void
hmi_link_add(struct hmi_links *links, struct hmi_cell *owner, uint32_t slot, struct hmi_link *link,
	     const struct hmi_owned_ops *ops)
{
	hmi_link_add_to(links, &owner->actor.owned, slot, link, ops);
}

void
hmi_link_prefetch(const struct hmi_links *links, uint32_t owner, enum hmi_link_kind kind, struct hm_pid pid)
{
	__builtin_prefetch(&links->buckets[hash(links, owner, (uint8_t)kind, pid)], 1);
}

void
hmi_link_neighbours_prefetch(const struct hmi_link *link)
{
	__builtin_prefetch(link->owned.next, 1);
	__builtin_prefetch(link->owned.prev, 1);
}

struct hmi_link *
hmi_link_find(const struct hmi_links *links, uint32_t owner, enum hmi_link_kind kind, struct hm_pid pid)
{
	struct hmi_link *link = links->buckets[hash(links, owner, (uint8_t)kind, pid)];

	while (link != NULL && !(link->owner == owner && link->kind == kind && hm_pid_equal(link->pid, pid)))
		link = link->hash_next;
	return link;
}

void
hmi_link_unhash(struct hmi_links *links, struct hmi_link *link)
{
	struct hmi_link **at = &links->buckets[hash(links, link->owner, link->kind, link->pid)];

	while (*at != link)
		at = &(*at)->hash_next;
	*at = link->hash_next;
	links->count--;
}

void
hmi_link_remove(struct hmi_links *links, struct hmi_link *link)
{
	hmi_link_unhash(links, link);
	hmi_owned_remove(&link->owned);
}

bool
hmi_link_may_move(const struct hmi_owned *owned)
{
	(void)owned;
	return true;
}

void
hmi_link_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	hmi_link_unhash(&ctx->links, (struct hmi_link *)owned);
}

void
hmi_link_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	hmi_link_hash(&ctx->links, hmi_slot_of(ctx, owner), (struct hmi_link *)owned);
}

void
hmi_link_free(struct hmi_links *links, struct hmi_link *link)
{
	hmi_slab_put(&links->slab, link);
}

bool
hmi_link_drop(struct hmi_links *links, uint32_t owner, enum hmi_link_kind kind, struct hm_pid pid)
{
	struct hmi_link *link = hmi_link_find(links, owner, kind, pid);

	if (link == NULL)
		return false;
	hmi_link_remove(links, link);
	hmi_link_free(links, link);
	return true;
}
