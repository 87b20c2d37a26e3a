/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLAB_PVT_H
#define SLAB_PVT_H

/*
 * Objects of one size for one lcore, from big regions of memory; what is freed is used first.
 *
 * Owned by one lcore. Regions are kept until the slab is destroyed.
 */

#include <stddef.h>
#include <stdint.h>

struct hmi_slab {
	size_t object_bytes;
	void *free;  /* list through the objects' first word */
	char *fresh; /* never used part of the newest region */
	size_t fresh_left;
	void *regions; /* list through the regions' first word */
};

/* An empty slab; nothing is allocated before the first get. `bytes` is at least a pointer's. */
void hmi_slab_init(struct hmi_slab *slab, size_t bytes);

/* An object, not cleared; NULL: no memory. */
void *hmi_slab_get(struct hmi_slab *slab);

void hmi_slab_put(struct hmi_slab *slab, void *object);

/* Free all regions, and with them all objects. */
void hmi_slab_destroy(struct hmi_slab *slab);

#endif /* SLAB_PVT_H */
