/* SPDX-License-Identifier: Apache-2.0 */
#include "slab_pvt.h"

#include "memory_pvt.h"

#define REGION_BYTES  HMI_HUGEPAGE_BYTES
#define REGION_HEADER 64u

void
hmi_slab_init(struct hmi_slab *slab, size_t bytes)
{
	*slab = (struct hmi_slab){ .object_bytes = (bytes + 15) & ~(size_t)15 };
}

static int
region_add(struct hmi_slab *slab)
{
	char *region = hmi_memory_map(REGION_BYTES);

	if (region == NULL)
		return -1;
	*(void **)(void *)region = slab->regions;
	slab->regions = region;
	slab->fresh = region + REGION_HEADER;
	slab->fresh_left = REGION_BYTES - REGION_HEADER;
	return 0;
}

void *
hmi_slab_get(struct hmi_slab *slab)
{
	void *object = slab->free;

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
	*(void **)object = slab->free;
	slab->free = object;
}

void
hmi_slab_destroy(struct hmi_slab *slab)
{
	while (slab->regions != NULL) {
		void *region = slab->regions;

		slab->regions = *(void **)region;
		hmi_memory_unmap(region, REGION_BYTES);
	}
	hmi_slab_init(slab, slab->object_bytes);
}
