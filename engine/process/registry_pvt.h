/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGISTRY_PVT_H
#define REGISTRY_PVT_H

/*
 * Names: paths of actors, in an RCU-protected lock-free hash table (cds_lfht).
 *
 * Who may call what: everything may run at the same time, on threads that are online RCU
 * readers (lcores are); create and destroy alone.
 *
 * Ordering:  R1: adding publishes an entry (liburcu's release), finding it reads it
 *            (rcu_dereference). A removed entry is freed after a grace period.
 * Limits:    the table does not grow, so that no thread of liburcu's own comes to be: beyond
 *            some 100,000 names the buckets get longer.
 */

#include <stdint.h>

#include <urcu-qsbr.h>

#include <urcu/rculfhash.h>

#include "hm_pid.h"

struct hmi_name {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	struct hm_pid pid;
	char path[]; /* zero-terminated */
};

struct hmi_registry {
	struct cds_lfht *table;
	uint64_t seed; /* names may come from outside: their buckets cannot be guessed */
};

int hmi_registry_create(struct hmi_registry *names, uint64_t seed);

/* Forgets all names. After the lcores have stopped. */
void hmi_registry_destroy(struct hmi_registry *names);

/* Whether a name may stand in a path. Returns 0, -EINVAL or -ENAMETOOLONG. */
int hmi_name_check(const char *name);

/*
 * Reserve a path, made of a parent's and a name.
 * Returns 0; -EEXIST: taken; -ENOMEM; -ENAMETOOLONG.
 */
int hmi_name_add(struct hmi_registry *names, const char *parent, const char *name, struct hm_pid pid,
		 struct hmi_name **entry);

/* Give a name back. NULL is allowed. */
void hmi_name_remove(struct hmi_registry *names, struct hmi_name *entry);

/* Whom a path names; -ENOENT. */
int hmi_name_find(const struct hmi_registry *names, const char *path, struct hm_pid *pid);

#endif /* REGISTRY_PVT_H */
