/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NUMA_MACHINE_H
#define NUMA_MACHINE_H

/*
 * What the kernel says of a machine's NUMA nodes: which CPUs and hugepages they have, and on which of them
 * a page lies.
 */

#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MACHINE_NODES  2 /* 0 and 1 */
#define MACHINE_LCORES 4 /* two on each node */
#define MACHINE_PAGE   4096u

static inline bool
machine_read(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	bool is_read = file != NULL && fgets(text, (int)size, file) != NULL;

	if (file != NULL)
		fclose(file);
	return is_read;
}

/* The first two CPUs of a list such as "0-3,8-11" that this process may use. Returns whether there are two. */
static inline bool
machine_cpus_pick(const char *list, int cpus[2])
{
	cpu_set_t own;
	int found = 0;
	char *end;

	if (sched_getaffinity(0, sizeof(own), &own) != 0)
		return false;
	for (const char *at = list; *at >= '0' && *at <= '9'; at = *end == ',' ? end + 1 : end) {
		long first = strtol(at, &end, 10), last = *end == '-' ? strtol(end + 1, &end, 10) : first;

		for (long cpu = first; cpu <= last && found < 2; cpu++) {
			if (cpu < CPU_SETSIZE && CPU_ISSET((int)cpu, &own))
				cpus[found++] = (int)cpu;
		}
	}
	return found == 2;
}

/* Two CPUs of each node. Returns whether there are two nodes that have memory and these, and no more nodes. */
static inline bool
machine_find(int cpus[MACHINE_LCORES])
{
	for (int node = 0; node < MACHINE_NODES; node++) {
		char path[80], text[1024];

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
		if (!machine_read(path, text, sizeof(text)) || strstr(text, "MemTotal:") == NULL ||
		    strtoul(strstr(text, "MemTotal:") + 9, NULL, 10) == 0)
			return false;
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
		if (!machine_read(path, text, sizeof(text)) || !machine_cpus_pick(text, &cpus[2 * node]))
			return false;
	}
	return access("/sys/devices/system/node/node2", F_OK) != 0;
}

/* Free hugepages of 2 MB on a node. */
static inline unsigned long
machine_hugepages(int node)
{
	char path[120], text[32];

	snprintf(path, sizeof(path),
		 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/free_hugepages", node);
	return machine_read(path, text, sizeof(text)) ? strtoul(text, NULL, 10) : 0;
}

/* The node of the CPU that runs this thread. */
static inline int
machine_node(void)
{
	unsigned int node = 0;

	return syscall(SYS_getcpu, NULL, &node, NULL) == 0 ? (int)node : -1;
}

/* The node on which an address lies; -1: there is no page yet, or it is the page of zeros. */
static inline int
machine_node_of(const void *address)
{
	void *page = (void *)((uintptr_t)address & ~(uintptr_t)(MACHINE_PAGE - 1));
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1ul, &page, NULL, &status, 0) != 0)
		return -1;
	return status >= 0 ? status : -1;
}

/* Take memory from one node alone from here on, as `numactl --membind` does. */
static inline bool
machine_bind(int node)
{
	unsigned long nodes = 1ul << node;

	return syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 8 * sizeof(nodes)) == 0;
}

/* Where this thread's memory comes from: one of MPOL_DEFAULT and its like; -1: the kernel does not say. */
static inline int
machine_policy(void)
{
	int policy = -1;

	return syscall(SYS_get_mempolicy, &policy, NULL, 0ul, NULL, 0ul) == 0 ? policy : -1;
}

#endif /* NUMA_MACHINE_H */
