/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_pvt.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_malloc.h>

static size_t
round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

static size_t
region_bytes(size_t bytes)
{
	return round_up(bytes,
			bytes >= HMI_HUGEPAGE_BYTES ? HMI_HUGEPAGE_BYTES : (size_t)sysconf(_SC_PAGESIZE));
}

/* Maps more than is asked for and cuts off what lies before and after the aligned part. */
static void *
map_aligned(size_t bytes, int protection)
{
	size_t slack = bytes + HMI_HUGEPAGE_BYTES;
	char *raw = mmap(NULL, slack, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (raw == MAP_FAILED)
		return NULL;

	size_t before = round_up((uintptr_t)raw, HMI_HUGEPAGE_BYTES) - (uintptr_t)raw;
	size_t after = slack - before - bytes;

	if (before > 0)
		munmap(raw, before);
	if (after > 0)
		munmap(raw + before + bytes, after);
	return raw + before;
}

/* The kernel sets hugepages aside at once, or refuses: no fault can fail later. */
static void *
map_hugepages(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
}

void *
hmi_memory_map(size_t bytes)
{
	size_t size = region_bytes(bytes);
	void *region;

	if (size < HMI_HUGEPAGE_BYTES) {
		region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return region == MAP_FAILED ? NULL : region;
	}
	region = map_hugepages(size);
	if (region != MAP_FAILED)
		return region;
	region = map_aligned(size, PROT_READ | PROT_WRITE);
	if (region != NULL)
		madvise(region, size, MADV_HUGEPAGE);
	return region;
}

void
hmi_memory_unmap(void *region, size_t bytes)
{
	if (region != NULL)
		munmap(region, region_bytes(bytes));
}

void *
hmi_memory_map_small(size_t bytes)
{
	void *region =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (region == MAP_FAILED)
		return NULL;
	madvise(region, bytes, MADV_NOHUGEPAGE);
	return region;
}

void
hmi_memory_unmap_small(void *region, size_t bytes)
{
	if (region != NULL)
		munmap(region, bytes);
}

void *
hmi_memory_reserve(size_t bytes)
{
	/* Not writable, so the kernel neither counts it nor backs it by more than its page of zeros. */
	return map_aligned(bytes, PROT_READ);
}

int
hmi_memory_commit(void *part, size_t bytes)
{
	void *huge = map_hugepages(bytes);

	/* Moved into place in one step, so that nobody else can be given the addresses meanwhile. */
	if (huge != MAP_FAILED) {
		if (mremap(huge, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, part) == part)
			return 0;
		munmap(huge, bytes);
	}
	if (mprotect(part, bytes, PROT_READ | PROT_WRITE) != 0)
		return -ENOMEM;
	madvise(part, bytes, MADV_HUGEPAGE);
	return 0;
}

int
hmi_memory_commit_small(void *part, size_t bytes)
{
	if (mprotect(part, bytes, PROT_READ | PROT_WRITE) != 0)
		return -ENOMEM;
	madvise(part, bytes, MADV_NOHUGEPAGE);
	return 0;
}

void
hmi_memory_release(void *region, size_t bytes)
{
	if (region != NULL)
		munmap(region, bytes);
}

void *
hmi_zalloc_near(size_t bytes, int socket)
{
	void *memory = rte_zmalloc_socket(NULL, bytes, RTE_CACHE_LINE_SIZE, socket);

	if (memory == NULL && socket != SOCKET_ID_ANY)
		memory = rte_zmalloc_socket(NULL, bytes, RTE_CACHE_LINE_SIZE, SOCKET_ID_ANY);
	return memory;
}

/* ---- Nodes ------------------------------------------------------------------------- */

/* By the kernel's calls: libnuma, which has them as functions, is no package that hermod needs. */

#define NODES_MAX 1024u /* as many as a kernel can be built for */
#define WORD_BITS (8 * sizeof(unsigned long))

/* Whether nobody has said where this thread's memory comes from; EAL leaves it "local" in one way or the other. */
static bool
policy_is_local(void)
{
	unsigned long nodes[NODES_MAX / WORD_BITS] = { 0 };
	int policy = MPOL_DEFAULT;

	if (syscall(SYS_get_mempolicy, &policy, nodes, (unsigned long)NODES_MAX, NULL, 0ul) != 0)
		return false;
	if (policy != MPOL_PREFERRED)
		return policy == MPOL_DEFAULT || policy == MPOL_LOCAL;
	for (size_t i = 0; i < NODES_MAX / WORD_BITS; i++) {
		if (nodes[i] != 0)
			return false;
	}
	return true;
}

bool
hmi_memory_prefer(int node)
{
	unsigned long nodes[NODES_MAX / WORD_BITS] = { 0 };

	if (node < 0 || node >= (int)NODES_MAX || rte_socket_count() < 2 || !policy_is_local())
		return false;
	nodes[(size_t)node / WORD_BITS] = 1ul << (size_t)node % WORD_BITS;
	return syscall(SYS_set_mempolicy, MPOL_PREFERRED, nodes, (unsigned long)NODES_MAX) == 0;
}

void
hmi_memory_prefer_end(bool preferred)
{
	if (preferred)
		(void)syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0ul);
}
