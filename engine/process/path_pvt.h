/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATH_PVT_H
#define PATH_PVT_H

/*
 * Paths of actors, in two RCU-protected lock-free hash tables (cds_lfht).
 *
 *     names      path ──▶ entry                                   one, in constant time
 *     children   parent, level, shard ──▶ a few entries            all, without looking at others'
 *
 * The children of one parent are spread over shards, so that adding one does not walk over its siblings.
 * Level n has 2^n shards, and is used while the parent has 4 * 2^n to 8 * 2^n named children: shards stay
 * short, and the place of an entry never changes. Whoever lists children goes through the shards of all
 * levels that the parent has ever used, and can go on later from where it was by level, shard and name.
 *
 * Who may call what: everything may run at the same time, on threads that are online RCU
 * readers (lcores are); create and destroy alone. An entry outlives those of its children.
 *
 * Ordering:  R1: adding publishes an entry (liburcu's release), finding it reads it
 *            (rcu_dereference). A removed entry is freed after a grace period. The counts of children are
 *            relaxed: who is told of a child by a message, or has spawned it, sees its level.
 * Limits:    the tables do not grow, so that no thread of liburcu's own comes to be: beyond
 *            some 100,000 names the buckets get longer.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <urcu-qsbr.h>

#include <urcu/rculfhash.h>

#include "hm_pid.h"
#include "tsan_pvt.h"

struct hmi_path {
	struct cds_lfht_node node;    /* in names */
	struct cds_lfht_node sibling; /* in children; of the root: unused */
	struct rcu_head rcu;
	struct hm_pid pid;
	struct hmi_path *parent;   /* NULL: the root */
	uint32_t shard;            /* of the parent's */
	uint8_t level;             /* of the parent's */
	bool has_settings;         /* the actor's props are its own, see extra_pvt.h; its spawn's */
	uint16_t stem;             /* characters before the name */
	_Atomic uint32_t children; /* named ones that live */
	_Atomic uint32_t levels;   /* that they have ever used */
	char path[];               /* zero-terminated */
};

struct hmi_paths {
	struct cds_lfht *names, *children;
	uint64_t seed; /* names may come from other nodes: their buckets cannot be guessed */
};

/* `is_small`: for some hundred names at most, as in simulations of many nodes. Returns 0 or -ENOMEM. */
int hmi_paths_create(struct hmi_paths *paths, uint64_t seed, bool is_small);

/* Forget all paths. After the lcores have stopped. */
void hmi_paths_destroy(struct hmi_paths *paths);

/* Whether a name may stand in a path. Returns 0, -EINVAL or -ENAMETOOLONG. */
int hmi_name_check(const char *name);

/*
 * Reserve a path, made of a parent's and a name; of no parent and no name: the root, "/".
 * Returns 0; -EEXIST: taken; -ENOMEM; -ENAMETOOLONG.
 */
int hmi_path_add(struct hmi_paths *paths, struct hmi_path *parent, const char *name, struct hm_pid pid,
		 struct hmi_path **entry);

/* Give a name back. NULL is allowed. */
void hmi_path_remove(struct hmi_paths *paths, struct hmi_path *entry);

/* Whom a path names; -ENOENT. */
int hmi_path_find(const struct hmi_paths *paths, const char *path, struct hm_pid *pid);

/* A path of an actor, of HM_PATH_MAX bytes; looks at all names. Returns whether it has one. */
bool hmi_path_of(const struct hmi_paths *paths, struct hm_pid pid, char *path);

/* ---- Within a read-side section, which the caller has begun -------------------------- */

/* Nothing more of an entry that was found is read: for the thread sanitizer, which does not see grace periods. */
static inline void
hmi_path_done(const struct hmi_path *entry)
{
	HMI_TSAN_RELEASE(entry);
}

/* The entry of a path; NULL: none. */
const struct hmi_path *hmi_path_get(const struct hmi_paths *paths, const char *path);

static inline const char *
hmi_path_name(const struct hmi_path *entry)
{
	return entry->path + entry->stem;
}

/* Levels that the children of an entry may lie in. */
static inline uint32_t
hmi_path_levels(const struct hmi_path *entry)
{
	return atomic_load_explicit(&entry->levels, memory_order_relaxed);
}

/*
 * Of the children in a shard the one with the smallest name that is greater than `after`, which "" is for all.
 * NULL: none. *steps: raised by the entries that were looked at.
 */
const struct hmi_path *hmi_path_next(const struct hmi_paths *paths, const struct hmi_path *parent,
				     uint32_t level, uint32_t shard, const char *after, uint32_t *steps);

#endif /* PATH_PVT_H */
