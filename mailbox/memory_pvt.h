/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMORY_PVT_H
#define MEMORY_PVT_H

/*
 * Big regions of plain memory: on hugepages when there are some, else transparent ones.
 *
 * For what no device reads: actors, links, run queues. Fresh memory is zeroed and not
 * touched yet, so that its pages come from the NUMA node of the lcore that uses them first.
 */

#include <stddef.h>

#define HMI_HUGEPAGE_BYTES ((size_t)2 << 20)

/* A zeroed region, aligned to HMI_HUGEPAGE_BYTES if it is as long; NULL: no memory. */
void *hmi_memory_map(size_t bytes);

/* Give a region back, with the size it was asked for. NULL is allowed. */
void hmi_memory_unmap(void *region, size_t bytes);

#endif /* MEMORY_PVT_H */
