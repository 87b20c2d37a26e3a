/* SPDX-License-Identifier: Apache-2.0 */
#include "runq_pvt.h"

#include <assert.h>
#include <errno.h>

#include "memory_pvt.h"

#define CAPACITY_FIRST 512u

static size_t
ring_bytes(uint32_t capacity)
{
	return (size_t)capacity * sizeof(struct hmi_runnable *);
}

int
hmi_runq_create(struct hmi_runq *q)
{
	q->head = q->tail = 0;
	q->mask = CAPACITY_FIRST - 1;
	q->ring = hmi_memory_map(ring_bytes(CAPACITY_FIRST));
	return q->ring != NULL ? 0 : -ENOMEM;
}

void
hmi_runq_destroy(struct hmi_runq *q)
{
	hmi_memory_unmap(q->ring, ring_bytes(q->mask + 1));
	q->ring = NULL;
}

int
hmi_runq_grow(struct hmi_runq *q, uint32_t count)
{
	uint32_t capacity = q->mask + 1, used = hmi_runq_count(q);
	struct hmi_runnable **ring;

	while (capacity < count)
		capacity *= 2;
	ring = hmi_memory_map(ring_bytes(capacity));
	if (ring == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < used; i++)
		ring[i] = hmi_runq_peek(q, i);
	hmi_memory_unmap(q->ring, ring_bytes(q->mask + 1));
	q->ring = ring;
	q->mask = capacity - 1;
	q->head = 0;
	q->tail = used;
	return 0;
}
