/* SPDX-License-Identifier: Apache-2.0 */
#include "slab_pvt.h"

#include <rte_branch_prediction.h>

#include "memory_pvt.h"

#define REGION_BYTES  HMI_HUGEPAGE_BYTES
#define REGION_HEADER 64u

/* What a region begins with. */
struct region {
	struct region *next;
	struct hmi_slab *owner;
};

_Static_assert(sizeof(struct region) <= REGION_HEADER, "objects come behind it");

void
hmi_slab_init(struct hmi_slab *slab, size_t bytes)
{
	*slab = (struct hmi_slab){ .object_bytes = (bytes + 15) & ~(size_t)15 };
}

static int
region_add(struct hmi_slab *slab)
{
	struct region *region = hmi_memory_map(REGION_BYTES);

	if (region == NULL)
		return -1;
	region->next = slab->regions;
	region->owner = slab;
	slab->regions = region;
	slab->fresh = (char *)region + REGION_HEADER;
	slab->fresh_left = REGION_BYTES - REGION_HEADER;
	return 0;
}

/* Regions are aligned to their size. */
static struct hmi_slab *
owner_of(const void *object)
{
	const struct region *region =
		(const struct region *)((uintptr_t)object & ~(uintptr_t)(REGION_BYTES - 1));

	return region->owner;
}

static void
give_back(struct hmi_slab *owner, void *object)
{
	void *first = atomic_load_explicit(&owner->returned, memory_order_relaxed);
	bool done;

	do {
		*(void **)object = first;
		/* SB1 */
		done = atomic_compare_exchange_weak_explicit(&owner->returned, &first, object,
							     memory_order_release, memory_order_relaxed);
	} while (!done);
}

/* The list of what others have given back becomes its own. Returns the first; NULL: nothing. */
static void *
take_returned(struct hmi_slab *slab)
{
	if (atomic_load_explicit(&slab->returned, memory_order_relaxed) == NULL)
		return NULL;
	return atomic_exchange_explicit(&slab->returned, NULL, memory_order_acquire); /* SB1 */
}

__attribute__((noinline)) void *
hmi_slab_get_more(struct hmi_slab *slab)
{
	void *object = take_returned(slab);

	if (object != NULL) {
		slab->free = *(void **)object;
		return object;
	}
	if (slab->fresh_left < slab->object_bytes && region_add(slab) != 0)
		return NULL;
	object = slab->fresh;
	slab->fresh += slab->object_bytes;
	slab->fresh_left -= slab->object_bytes;
	return object;
}

void
hmi_slab_put(struct hmi_slab *slab, void *object)
{
	struct hmi_slab *owner;

	if (unlikely(slab->adopts) && (owner = owner_of(object)) != slab) {
		give_back(owner, object);
		return;
	}
	*(void **)object = slab->free;
	slab->free = object;
}

void
hmi_slab_destroy(struct hmi_slab *slab)
{
	while (slab->regions != NULL) {
		struct region *region = slab->regions;

		slab->regions = region->next;
		hmi_memory_unmap(region, REGION_BYTES);
	}
	hmi_slab_init(slab, slab->object_bytes);
}
