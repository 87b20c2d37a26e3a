/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATH_PVT_H
#define PATH_PVT_H

/*
 * Paths of actors, in an RCU-protected lock-free hash table (cds_lfht).
 *
 * Who may call what: everything may run at the same time, on threads that are online RCU
 * readers (lcores are); create and destroy alone.
 *
 * Ordering:  R1: adding publishes an entry (liburcu's release), finding it reads it
 *            (rcu_dereference). A removed entry is freed after a grace period.
 * Limits:    the table does not grow, so that no thread of liburcu's own comes to be: beyond
 *            some 100,000 names the buckets get longer.
 */

#include <stdbool.h>
#include <stdint.h>

#include <urcu-qsbr.h>

#include <urcu/rculfhash.h>

#include "hm_pid.h"

struct hmi_path {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	struct hm_pid pid;
	char path[]; /* zero-terminated */
};

struct hmi_paths {
	struct cds_lfht *table;
	uint64_t seed; /* names may come from other nodes: their buckets cannot be guessed */
};

/* `is_small`: for some hundred names at most, as in simulations of many nodes. Returns 0 or -ENOMEM. */
int hmi_paths_create(struct hmi_paths *paths, uint64_t seed, bool is_small);

/* Forget all paths. After the lcores have stopped. */
void hmi_paths_destroy(struct hmi_paths *paths);

/* Whether a name may stand in a path. Returns 0, -EINVAL or -ENAMETOOLONG. */
int hmi_name_check(const char *name);

/*
 * Reserve a path, made of a parent's and a name.
 * Returns 0; -EEXIST: taken; -ENOMEM; -ENAMETOOLONG.
 */
int hmi_path_add(struct hmi_paths *paths, const char *parent, const char *name, struct hm_pid pid,
		 struct hmi_path **entry);

/* Give a name back. NULL is allowed. */
void hmi_path_remove(struct hmi_paths *paths, struct hmi_path *entry);

/* Whom a path names; -ENOENT. */
int hmi_path_find(const struct hmi_paths *paths, const char *path, struct hm_pid *pid);

#endif /* PATH_PVT_H */
