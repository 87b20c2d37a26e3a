/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMORY_PVT_H
#define MEMORY_PVT_H

/*
 * Big regions of plain memory: on hugepages when there are some, else transparent ones.
 *
 * For what no device reads: actors, links, run queues. Fresh memory is zeroed and not
 * touched yet, so that its pages come from the NUMA node of the lcore that uses them first.
 */

#include <stdbool.h>
#include <stddef.h>

#define HMI_HUGEPAGE_BYTES ((size_t)2 << 20)

/* A zeroed region, aligned to HMI_HUGEPAGE_BYTES if it is as long; NULL: no memory. */
void *hmi_memory_map(size_t bytes);

/* Give a region back, with the size it was asked for. NULL is allowed. */
void hmi_memory_unmap(void *region, size_t bytes);

/*
 * The same on small pages alone, of which nothing is taken before it is touched: for tables that are
 * mostly empty.
 */
void *hmi_memory_map_small(size_t bytes);

void hmi_memory_unmap_small(void *region, size_t bytes);

/*
 * Address space without memory behind it, aligned to HMI_HUGEPAGE_BYTES: it may be read, and
 * is all zeros. NULL: no address space.
 */
void *hmi_memory_reserve(size_t bytes);

/*
 * Put memory behind a part of what was reserved, both aligned to HMI_HUGEPAGE_BYTES; its
 * content stays zero. Readers need not wait. Returns 0 or -ENOMEM.
 */
int hmi_memory_commit(void *part, size_t bytes);

/* As hmi_memory_commit, on small pages. */
int hmi_memory_commit_small(void *part, size_t bytes);

/*
 * Zeroed memory of EAL's heap, aligned to a cache line: of a NUMA node if that has any left, else of any. To
 * be freed by rte_free. NULL: no memory.
 */
void *hmi_zalloc_near(size_t bytes, int socket);

/*
 * Until hmi_memory_prefer_end, pages that this thread touches first come from a NUMA node if that has any left:
 * for what is made here for another node's lcore. No effect on a machine of one node, on memory that a
 * program such as numactl has directed, and for SOCKET_ID_ANY. Returns whether there is anything to end.
 */
bool hmi_memory_prefer(int node);

void hmi_memory_prefer_end(bool preferred);

/* Give address space and memory back. NULL is allowed. */
void hmi_memory_release(void *region, size_t bytes);

#endif /* MEMORY_PVT_H */
