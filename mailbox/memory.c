/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_pvt.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t
round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

static size_t
region_bytes(size_t bytes)
{
	return round_up(bytes, bytes >= HMI_HUGEPAGE_BYTES ? HMI_HUGEPAGE_BYTES : (size_t)sysconf(_SC_PAGESIZE));
}

/* Maps more than is asked for and cuts off what lies before and after the aligned part. */
static void *
map_aligned(size_t bytes)
{
	size_t slack = bytes + HMI_HUGEPAGE_BYTES;
	char *raw = mmap(NULL, slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (raw == MAP_FAILED)
		return NULL;

	size_t before = round_up((uintptr_t)raw, HMI_HUGEPAGE_BYTES) - (uintptr_t)raw;
	size_t after = slack - before - bytes;

	if (before > 0)
		munmap(raw, before);
	if (after > 0)
		munmap(raw + before + bytes, after);
	madvise(raw + before, bytes, MADV_HUGEPAGE);
	return raw + before;
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
	/* The kernel sets hugepages aside at once, or refuses: no fault can fail later. */
	region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	return region != MAP_FAILED ? region : map_aligned(size);
}

void
hmi_memory_unmap(void *region, size_t bytes)
{
	if (region != NULL)
		munmap(region, region_bytes(bytes));
}
