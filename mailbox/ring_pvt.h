/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RING_PVT_H
#define RING_PVT_H

/*
 * An rte_ring on memory of EAL's heap: without a name, and without a memzone, of which EAL has a few
 * thousand for the whole process. 255 lcores have 64,770 lanes.
 */

#include <stdint.h>

#include <rte_ring.h>

/*
 * Make a ring. `size` is a power of two; memory comes from `socket` if that has any left. Returns 0,
 * -EINVAL or -ENOMEM.
 */
int hmi_ring_create(struct rte_ring **ring, uint32_t size, unsigned int flags, int socket);

/* NULL is allowed. */
void hmi_ring_destroy(struct rte_ring *ring);

#endif /* RING_PVT_H */
