/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_pvt.h"

#include <errno.h>
#include <stddef.h>

#include "memory_pvt.h"

/* 64 KiB: what is in it at a time fits into a CPU's cache. */
#define FIRST_SLOTS 4096u
/* Counts are of 32 bits, and told apart by their difference. */
#define SLOTS_MAX (1u << 30)

static size_t
ring_bytes(uint32_t mask)
{
	return ((size_t)mask + 1) * sizeof(struct hmi_sent);
}

int
hmi_outbox_create(struct hmi_outbox *outbox)
{
	*outbox = (struct hmi_outbox){ .mask = FIRST_SLOTS - 1 };
	outbox->ring = hmi_memory_map(ring_bytes(outbox->mask));
	return outbox->ring != NULL ? 0 : -ENOMEM;
}

bool
hmi_outbox_grow(struct hmi_outbox *outbox)
{
	uint32_t mask = 2 * outbox->mask + 1;
	struct hmi_sent *ring = mask < SLOTS_MAX ? hmi_memory_map(ring_bytes(mask)) : NULL;

	if (ring == NULL)
		return false;
	for (uint32_t i = outbox->head; i != outbox->tail; i++)
		ring[i & mask] = outbox->ring[i & outbox->mask];
	hmi_memory_unmap(outbox->ring, ring_bytes(outbox->mask));
	outbox->ring = ring;
	outbox->mask = mask;
	return true;
}

void
hmi_outbox_destroy(struct hmi_outbox *outbox)
{
	hmi_memory_unmap(outbox->ring, ring_bytes(outbox->mask));
	outbox->ring = NULL;
}
