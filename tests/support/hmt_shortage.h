/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_SHORTAGE_H
#define HMT_SHORTAGE_H

/**
 * @file
 * The kernel refuses memory: what is mapped stays, nothing more is. What the heap has left is not touched.
 *
 * A sanitizer ends the process when it is refused memory for its own records, which it maps in small pieces at times
 * that nobody knows. So there the limit leaves HMT_SPARE_BYTES, which is less than the parts under test ask for at once:
 * slabs, and slots in chunks, want whole hugepages. What asks for less is not refused there, and its case is left out.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "assert_pvt.h"
#include "memory_pvt.h"

#include "slab_pvt.h"

static inline void
hmt_limit_set(__rlimit_resource_t resource, rlim_t bytes)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == 0) {
		limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
		if (setrlimit(resource, &limit) == 0)
			return;
	}
	perror("setrlimit");
	abort();
}

#ifdef HMI_ASAN
#define HMT_SPARE_BYTES (HMI_HUGEPAGE_BYTES / 2)

/** What the process has, by a line of its status, which is read without the heap; ends the process if it cannot. */
static inline rlim_t
hmt_memory_used(const char *line)
{
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	char text[4096], *at = NULL;
	ssize_t length = -1;

	if (file >= 0) {
		length = read(file, text, sizeof(text) - 1);
		close(file);
	}
	if (length > 0) {
		text[length] = '\0';
		at = strstr(text, line);
	}
	if (at == NULL) {
		perror("/proc/self/status");
		abort();
	}
	return (rlim_t)strtoull(at + strlen(line), NULL, 10) << 10;
}

/** Whether a thread of the process runs, or is about to. */
static inline bool
hmt_thread_runs(const char *id)
{
	char path[300], text[256] = "";
	int file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", id);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	if (read(file, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(file);
	return strstr(text, ") S ") == NULL;
}

static inline bool
hmt_others_run(void)
{
	DIR *folder = opendir("/proc/self/task");
	bool others = false;
	struct dirent *entry;
	char self[16];

	snprintf(self, sizeof(self), "%d", gettid());
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		others = others || (entry->d_name[0] != '.' && strcmp(entry->d_name, self) != 0 &&
				    hmt_thread_runs(entry->d_name));
	if (folder != NULL)
		closedir(folder);
	return others;
}

/**
 * Let threads that were made before, those of an offload pool for example, begin: each needs megabytes of the
 * sanitizer's. Lcores that poll never sleep, and have begun long before: so no longer than a second.
 */
static inline void
hmt_threads_settle(void)
{
	const struct timespec piece = { .tv_nsec = 1000000 };

	for (int i = 0; i < 1000 && hmt_others_run(); i++)
		nanosleep(&piece, NULL);
}

static inline rlim_t
hmt_limit(const char *line)
{
	hmt_threads_settle();
	return hmt_memory_used(line) + HMT_SPARE_BYTES;
}
#else
/* Less than any process has. */
static inline rlim_t
hmt_limit(const char *line)
{
	(void)line;
	return 1 << 20;
}
#endif

/** From here on the kernel maps no more memory. */
static inline void
hmt_memory_refuse(void)
{
	hmt_limit_set(RLIMIT_AS, hmt_limit("\nVmSize:"));
}

/**
 * From here on the kernel maps no more memory that is written to, and puts none behind address space that is reserved: that
 * is refused only while there is no limit of address space.
 */
static inline void
hmt_commit_refuse(void)
{
	hmt_limit_set(RLIMIT_DATA, hmt_limit("\nVmData:"));
}

/** The kernel maps memory again. */
static inline void
hmt_memory_allow(void)
{
	hmt_limit_set(RLIMIT_AS, RLIM_INFINITY);
	hmt_limit_set(RLIMIT_DATA, RLIM_INFINITY);
}

/** Let a slab have no free object, so that it asks the kernel. @return the slab as it was, to be put back */
static inline struct hmi_slab
hmt_slab_drain(struct hmi_slab *slab)
{
	struct hmi_slab full = *slab;

	slab->free = NULL;
	slab->fresh_left = 0;
	return full;
}

#endif /* HMT_SHORTAGE_H */
