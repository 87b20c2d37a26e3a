/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_SHORTAGE_H
#define HMT_SHORTAGE_H

/**
 * @file
 * The kernel refuses memory: what is mapped stays, nothing more is. What the heap has left is not touched,
 * but a case keeps what it does meanwhile short, since a sanitizer needs memory, too.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

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

/** Set the limit of the process's address space; ends the process if it cannot. */
static inline void
hmt_address_space_limit(rlim_t bytes)
{
	hmt_limit_set(RLIMIT_AS, bytes);
}

/** From here on the kernel maps no more memory. */
static inline void
hmt_memory_refuse(void)
{
	hmt_address_space_limit(1 << 20);
}

/**
 * From here on the kernel maps no more memory that is written to, and puts none behind address space that is reserved: that
 * is refused only while there is no limit of address space.
 */
static inline void
hmt_commit_refuse(void)
{
	hmt_limit_set(RLIMIT_DATA, 1 << 20);
}

/** The kernel maps memory again. */
static inline void
hmt_memory_allow(void)
{
	hmt_address_space_limit(RLIM_INFINITY);
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
