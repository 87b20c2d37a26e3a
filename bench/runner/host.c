/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench_build.h"
#include "build_record.h"

/* with less than this the benchmarks run without hugepages */
#define HUGE_BYTES_MIN (512ull << 20)

#define HUGE_FOLDER "/sys/kernel/mm/hugepages"

/* ---- reading ---------------------------------------------------------------- */

/* the text behind the colon of the first line that starts with the key; empty: there is none */
static void
file_value(const char *path, const char *key, char *value, size_t size)
{
	FILE *file = fopen(path, "r");
	char line[4096];

	value[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) != 0 || colon == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		colon += 1 + strspn(colon + 1, " \t");
		snprintf(value, size, "%s", colon);
		break;
	}
	if (file != NULL)
		fclose(file);
}

static uint64_t
file_number(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned long long number = 0;
	char line[64];

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL)
		number = strtoull(line, NULL, 10);
	fclose(file);
	return number;
}

/* the ticks of all cores: user, nice, system, idle, iowait, irq, softirq, steal; proc_stat(5) */
static void
ticks_read(struct host_disturbance *disturbance, const char *line)
{
	for (int i = 0; i < 8; i++) {
		char *end;

		disturbance->steal = strtoull(line, &end, 10);
		disturbance->total += disturbance->steal;
		line = end;
	}
}

void
host_disturbance_read(struct host_disturbance *disturbance)
{
	static const char key[] = "cpu ";
	FILE *file = fopen("/proc/stat", "r");
	char line[256];

	memset(disturbance, 0, sizeof(*disturbance));
	if (file != NULL && fgets(line, sizeof(line), file) != NULL &&
	    strncmp(line, key, sizeof(key) - 1) == 0)
		ticks_read(disturbance, line + sizeof(key) - 1);
	if (file != NULL)
		fclose(file);
	if (getloadavg(&disturbance->load, 1) != 1)
		disturbance->load = 0;
}

double
host_steal_percent(const struct host_disturbance *before, const struct host_disturbance *after)
{
	uint64_t total = after->total - before->total;

	return total > 0 ? 100.0 * (double)(after->steal - before->steal) / (double)total : 0;
}

static void
cores_read(struct host *host)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (uint32_t i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (host->cores < HOST_CORES)
			host->core[host->cores] = i;
		host->cores++;
	}
}

static uint64_t
huge_bytes_free(void)
{
	static const char prefix[] = "hugepages-";
	DIR *folder = opendir(HUGE_FOLDER);
	struct dirent *entry;
	uint64_t bytes = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char path[512];
		uint64_t size_kb;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		size_kb = strtoull(entry->d_name + strlen(prefix), NULL, 10);
		snprintf(path, sizeof(path), HUGE_FOLDER "/%s/free_hugepages", entry->d_name);
		bytes += file_number(path) * size_kb * 1024;
	}
	if (folder != NULL)
		closedir(folder);
	return bytes;
}

void
host_read(struct host *host)
{
	struct utsname name;
	char total[64], flags[4096];

	*host = (struct host){ 0 };
	if (uname(&name) == 0)
		snprintf(host->kernel, sizeof(host->kernel), "%.32s %.80s", name.sysname, name.release);
	file_value("/proc/cpuinfo", "model name", host->cpu, sizeof(host->cpu));
	file_value("/proc/cpuinfo", "flags", flags, sizeof(flags));
	if (strstr(flags, " hypervisor") != NULL)
		snprintf(host->hypervisor, sizeof(host->hypervisor), "virtual machine");
	file_value("/proc/meminfo", "MemTotal", total, sizeof(total));
	host->memory_bytes = strtoull(total, NULL, 10) * 1024;
	host->huge_bytes_free = huge_bytes_free();
	host->is_root = geteuid() == 0;
	cores_read(host);
}

/* ---- telling ---------------------------------------------------------------- */

bool
host_has_hugepages(const struct host *host)
{
	return host->huge_bytes_free >= HUGE_BYTES_MIN;
}

void
host_line(const struct host *host, char *line, size_t size)
{
	snprintf(line, size, "%s%s%s, %u core%s, %.0f GiB, %s, %s", host->cpu,
		 host->hypervisor[0] != '\0' ? ", " : "", host->hypervisor, host->cores,
		 host->cores == 1 ? "" : "s", (double)host->memory_bytes / (1ull << 30), host->kernel,
		 host_has_hugepages(host) ? "hugepages" : "no hugepages");
}

json_t *
host_machine_json(const struct host *host)
{
	return json_pack("{s:s, s:s, s:b, s:i, s:s, s:f, s:s, s:f}", "cpu", host->cpu, "hypervisor",
			 host->hypervisor, "root", host->is_root, "cores", (int)host->cores, "kernel",
			 host->kernel, "memory_gib", (double)host->memory_bytes / (1ull << 30), "memory",
			 host_has_hugepages(host) ? "hugepages" : "ordinary pages (--no-huge)",
			 "hugepages_free_mib", (double)host->huge_bytes_free / (1ull << 20));
}

json_t *
host_build_json(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b}", "version", BENCH_VERSION, "commit",
			 BENCH_COMMIT, "compiler", BENCH_COMPILER, "flags", BENCH_FLAGS, "optimised",
			 bench_build.optimised, "assertions", bench_build.asserts, "sanitised",
			 bench_build.sanitised);
}
