/* SPDX-License-Identifier: Apache-2.0 */
#include "ring_pvt.h"

#include <errno.h>

#include <rte_malloc.h>

#include "memory_pvt.h"

int
hmi_ring_create(struct rte_ring **out, uint32_t size, unsigned int flags, int socket)
{
	ssize_t bytes = rte_ring_get_memsize(size);
	struct rte_ring *ring;
	int rc;

	if (bytes < 0)
		return (int)bytes;
	ring = hmi_zalloc_near((size_t)bytes, socket);
	if (ring == NULL)
		return -ENOMEM;
	rc = rte_ring_init(ring, "hermod", size, flags);
	if (rc != 0) {
		rte_free(ring);
		return rc;
	}
	*out = ring;
	return 0;
}

void
hmi_ring_destroy(struct rte_ring *ring)
{
	rte_free(ring);
}
