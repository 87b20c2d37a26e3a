/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLAB_PVT_H
#define SLAB_PVT_H

/*
 * Objects of one size for one lcore, from big regions of memory; what is freed is used first.
 *
 * Owned by one lcore. Regions are kept until the slab is destroyed.
 *
 * Objects may move to another lcore, whose slab of the same kind gives them back to the one that they are from: else an
 * lcore that makes what others free would need more memory for ever.
 *
 *     put ─▶ region's owner is another slab ──returned──▶ that one's get, once its own list is empty
 *
 * Ordering: SB1: who gives an object back releases it, get acquires it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

struct hmi_slab {
	size_t object_bytes;
	void *free;  /* list through the objects' first word */
	char *fresh; /* never used part of the newest region */
	size_t fresh_left;
	void *regions;            /* the newest one, which knows the others */
	bool adopts;              /* some of the objects that are put are of other slabs */
	_Atomic(void *) returned; /* by other lcores: a list through the objects' first word */
};

/* An empty slab, which stays where it is; nothing is allocated before the first get. `bytes` is at least a pointer's. */
void hmi_slab_init(struct hmi_slab *slab, size_t bytes);

/* The rest of hmi_slab_get, when its own list is empty. */
void *hmi_slab_get_more(struct hmi_slab *slab);

/* An object, not cleared; NULL: no memory. */
static inline void *
hmi_slab_get(struct hmi_slab *slab)
{
	void *object = slab->free;

	if (unlikely(object == NULL))
		return hmi_slab_get_more(slab);
	slab->free = *(void **)object;
	return object;
}

/* Another object of a few cache lines will be got soon: fetch it. */
static inline void
hmi_slab_prefetch(const struct hmi_slab *slab)
{
	if (slab->free == NULL)
		return;
	for (size_t at = 0; at < slab->object_bytes; at += 64)
		__builtin_prefetch((const char *)slab->free + at, 1);
}

void hmi_slab_put(struct hmi_slab *slab, void *object);

/* From here on objects of other slabs, of the same size, may be put. They have to be there yet. */
static inline void
hmi_slab_adopt(struct hmi_slab *slab)
{
	slab->adopts = true;
}

/* Free all regions, and with them all objects. */
void hmi_slab_destroy(struct hmi_slab *slab);

#endif /* SLAB_PVT_H */
