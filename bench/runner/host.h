/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_H
#define HOST_H

/**
 * @file
 * The machine that the benchmarks run on, and the build.
 */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/** Cores that the rows may use, at most. */
#define HOST_CORES 2

struct host {
	char cpu[128];
	char kernel[128];
	char hypervisor[32];       /**< empty: none that can be detected */
	uint32_t cores;            /**< number of cores that this process may run on */
	uint32_t core[HOST_CORES]; /**< the first of them */
	uint64_t memory_bytes;
	uint64_t huge_bytes_free; /**< free hugepages of all sizes, in bytes */
	bool is_root;
};

/** How busy the machine is with other work. */
struct host_disturbance {
	uint64_t steal, total; /**< clock ticks of all cores since boot: what a hypervisor took, and all */
	double load;           /**< load average of a minute */
};

/** Read the properties of the machine. Does not fail: what is unknown stays empty. */
void host_read(struct host *host);

/** Read it now; what the system does not tell is 0. */
void host_disturbance_read(struct host_disturbance *disturbance);

/** Percent of all time that a hypervisor took between two readings. */
double host_steal_percent(const struct host_disturbance *before, const struct host_disturbance *after);

/** The machine in one line of text. */
void host_line(const struct host *host, char *line, size_t size);

/** Whether there are enough free hugepages to use them. */
bool host_has_hugepages(const struct host *host);

/** The objects "machine" and "build" of the JSON. */
json_t *host_machine_json(const struct host *host);
json_t *host_build_json(void);

#endif /* HOST_H */
