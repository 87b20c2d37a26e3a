/* SPDX-License-Identifier: Apache-2.0 */
#include "path_pvt.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "hm_actor.h"
#include "tsan_pvt.h"

#define BUCKETS       65536u
#define BUCKETS_SMALL 256u /* they are all walked, and all in memory */
/* Of the children: shards have several entries each. */
#define SHARD_BUCKETS 16384u
/* Children of a parent from which on the next level is used, for the first of them. */
#define LEVEL_FIRST 8u

int
hmi_paths_create(struct hmi_paths *paths, uint64_t seed, bool is_small)
{
	unsigned long buckets = is_small ? BUCKETS_SMALL : BUCKETS;
	unsigned long shards = is_small ? BUCKETS_SMALL : SHARD_BUCKETS;

	paths->seed = seed;
	paths->names = cds_lfht_new(buckets, 64, buckets, 0, NULL);
	paths->children = cds_lfht_new(shards, 64, shards, 0, NULL);
	return paths->names != NULL && paths->children != NULL ? 0 : -ENOMEM;
}

static void
path_free(struct rcu_head *head)
{
	struct hmi_path *entry = caa_container_of(head, struct hmi_path, rcu);

	HMI_TSAN_ACQUIRE(entry);
	free(entry);
}

static void
table_destroy(struct cds_lfht **table)
{
	if (*table != NULL)
		cds_lfht_destroy(*table, NULL);
	*table = NULL;
}

void
hmi_paths_destroy(struct hmi_paths *paths)
{
	struct cds_lfht_node *node;
	struct cds_lfht_iter iter;
	struct hmi_path *entry;

	/* Nobody reads any more: no grace period, and no wait for lcores of other systems. */
	rcu_read_lock();
	if (paths->children != NULL) {
		cds_lfht_for_each(paths->children, &iter, node)
			(void)cds_lfht_del(paths->children, node);
	}
	if (paths->names != NULL) {
		cds_lfht_for_each(paths->names, &iter, node) {
			entry = caa_container_of(node, struct hmi_path, node);
			if (cds_lfht_del(paths->names, node) == 0)
				path_free(&entry->rcu);
		}
	}
	rcu_read_unlock();
	table_destroy(&paths->names);
	table_destroy(&paths->children);
}

int
hmi_name_check(const char *name)
{
	size_t length = strlen(name);

	if (length > HM_NAME_MAX)
		return -ENAMETOOLONG;
	if (length == 0 || name[0] == '$')
		return -EINVAL;
	for (const char *c = name; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("-_.~+@$", *c) == NULL)
			return -EINVAL;
	}
	/* What a selection means by itself and by its parent. */
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EINVAL : 0;
}

static uint64_t
text_hash(const struct hmi_paths *paths, const char *path)
{
	_Alignas(8) char aligned[HM_PATH_MAX]; /* DPDK reads keys by words */
	size_t length = strlen(path);
	uint64_t low, high;

	/* No entry is as long as that. */
	if (length >= sizeof(aligned))
		return 0;
	memcpy(aligned, path, length + 1);
	low = rte_hash_crc(aligned, (uint32_t)length, (uint32_t)paths->seed);
	high = rte_hash_crc(aligned, (uint32_t)length, (uint32_t)(paths->seed >> 32));
	return (high << 32 | low) * 0x9e3779b97f4a7c15ull;
}

static int
path_match(struct cds_lfht_node *node, const void *path)
{
	const struct hmi_path *entry = caa_container_of(node, struct hmi_path, node);
	bool same;

	HMI_TSAN_ACQUIRE(entry);
	same = strcmp(entry->path, path) == 0;
	HMI_TSAN_RELEASE(entry);
	return same;
}

/* ---- Children of a parent ---------------------------------------------------------- */

struct shard {
	const struct hmi_path *parent;
	uint32_t level, number;
};

static unsigned long
shard_hash(const struct hmi_paths *paths, const struct shard *shard)
{
	uint64_t h = shard->parent->pid.local ^ paths->seed;

	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
	h ^= (uint64_t)shard->level << 32 | shard->number;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
	return (unsigned long)(h ^ h >> 32);
}

static int
shard_match(struct cds_lfht_node *node, const void *shard)
{
	const struct hmi_path *entry = caa_container_of(node, struct hmi_path, sibling);
	const struct shard *wanted = shard;
	bool same;

	HMI_TSAN_ACQUIRE(entry);
	same = entry->parent == wanted->parent && entry->level == wanted->level &&
	       entry->shard == wanted->number;
	HMI_TSAN_RELEASE(entry);
	return same;
}

/* The level for one more child: n shards for 4 n to 8 n children. */
static uint32_t
level_for(uint32_t children)
{
	return children < LEVEL_FIRST ? 0 : 29u - (uint32_t)__builtin_clz(children);
}

static void
levels_raise(struct hmi_path *parent, uint32_t levels)
{
	uint32_t known = atomic_load_explicit(&parent->levels, memory_order_relaxed);

	while (known < levels &&
	       !atomic_compare_exchange_weak_explicit(&parent->levels, &known, levels, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

/* Behind the entry's own publication: whoever lists it finds it. */
static void
sibling_add(struct hmi_paths *paths, struct hmi_path *entry)
{
	struct shard shard = { entry->parent, entry->level, entry->shard };

	levels_raise(entry->parent, entry->level + 1u);
	cds_lfht_add(paths->children, shard_hash(paths, &shard), &entry->sibling); /* R1 */
}

/* ---- Adding and removing ------------------------------------------------------------- */

/* An entry that is in no table. NULL: no memory. */
static struct hmi_path *
path_new(struct hmi_path *parent, size_t stem, const char *name, struct hm_pid pid)
{
	size_t length = strlen(name);
	struct hmi_path *fresh = calloc(1, sizeof(*fresh) + stem + length + 2);

	if (fresh == NULL)
		return NULL;
	fresh->pid = pid;
	fresh->parent = parent;
	fresh->stem = (uint16_t)(stem + 1);
	if (stem > 0)
		memcpy(fresh->path, parent->path, stem);
	fresh->path[stem] = '/';
	memcpy(fresh->path + stem + 1, name, length + 1);
	cds_lfht_node_init(&fresh->node);
	cds_lfht_node_init(&fresh->sibling);
	return fresh;
}

/* Whether the name was free. */
static bool
path_publish(struct hmi_paths *paths, struct hmi_path *fresh)
{
	uint64_t hash = text_hash(paths, fresh->path);
	struct cds_lfht_node *there;

	if (fresh->parent != NULL) {
		uint32_t before =
			atomic_fetch_add_explicit(&fresh->parent->children, 1, memory_order_relaxed);

		fresh->level = (uint8_t)level_for(before);
		fresh->shard = (uint32_t)(hash >> 32) & ((1u << fresh->level) - 1);
	}
	HMI_TSAN_RELEASE(fresh);
	rcu_read_lock();
	there = cds_lfht_add_unique(paths->names, (unsigned long)hash, path_match, fresh->path,
				    &fresh->node); /* R1 */
	if (there == &fresh->node && fresh->parent != NULL)
		sibling_add(paths, fresh);
	rcu_read_unlock();
	if (there != &fresh->node && fresh->parent != NULL)
		atomic_fetch_sub_explicit(&fresh->parent->children, 1, memory_order_relaxed);
	return there == &fresh->node;
}

int
hmi_path_add(struct hmi_paths *paths, struct hmi_path *parent, const char *name, struct hm_pid pid,
	     struct hmi_path **entry)
{
	/* The root's path ends with the slash that others begin with. */
	size_t stem = parent != NULL && parent->parent != NULL ? strlen(parent->path) : 0;
	struct hmi_path *fresh;

	if (stem + 1 + strlen(name) >= HM_PATH_MAX)
		return -ENAMETOOLONG;
	fresh = path_new(parent, stem, name, pid);
	if (fresh == NULL)
		return -ENOMEM;
	if (!path_publish(paths, fresh)) {
		free(fresh);
		return -EEXIST;
	}
	*entry = fresh;
	return 0;
}

void
hmi_path_remove(struct hmi_paths *paths, struct hmi_path *entry)
{
	if (entry == NULL)
		return;
	rcu_read_lock();
	if (entry->parent != NULL) {
		(void)cds_lfht_del(paths->children, &entry->sibling);
		atomic_fetch_sub_explicit(&entry->parent->children, 1, memory_order_relaxed);
	}
	HMI_TSAN_RELEASE(entry);
	if (cds_lfht_del(paths->names, &entry->node) == 0)
		call_rcu(&entry->rcu, path_free);
	rcu_read_unlock();
}

/* ---- Finding ---------------------------------------------------------------------------- */

const struct hmi_path *
hmi_path_get(const struct hmi_paths *paths, const char *path)
{
	const struct hmi_path *entry;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(paths->names, (unsigned long)text_hash(paths, path), path_match, path,
			&iter); /* R1 */
	node = cds_lfht_iter_get_node(&iter);
	if (node == NULL)
		return NULL;
	entry = caa_container_of(node, struct hmi_path, node);
	HMI_TSAN_ACQUIRE(entry);
	return entry;
}

int
hmi_path_find(const struct hmi_paths *paths, const char *path, struct hm_pid *pid)
{
	const struct hmi_path *entry;
	int rc = -ENOENT;

	rcu_read_lock();
	entry = hmi_path_get(paths, path);
	if (entry != NULL) {
		*pid = entry->pid;
		hmi_path_done(entry);
		rc = 0;
	}
	rcu_read_unlock();
	return rc;
}

const struct hmi_path *
hmi_path_next(const struct hmi_paths *paths, const struct hmi_path *parent, uint32_t level, uint32_t shard,
	      const char *after, uint32_t *steps)
{
	struct shard wanted = { parent, level, shard };
	const struct hmi_path *found = NULL;
	struct cds_lfht_node *node;
	struct cds_lfht_iter iter;

	cds_lfht_lookup(paths->children, shard_hash(paths, &wanted), shard_match, &wanted, &iter); /* R1 */
	for (; (node = cds_lfht_iter_get_node(&iter)) != NULL;
	     cds_lfht_next_duplicate(paths->children, shard_match, &wanted, &iter)) {
		const struct hmi_path *entry = caa_container_of(node, struct hmi_path, sibling);

		(*steps)++;
		HMI_TSAN_ACQUIRE(entry);
		if (strcmp(hmi_path_name(entry), after) > 0 &&
		    (found == NULL || strcmp(hmi_path_name(entry), hmi_path_name(found)) < 0))
			found = entry;
		hmi_path_done(entry);
	}
	return found;
}

bool
hmi_path_of(const struct hmi_paths *paths, struct hm_pid pid, char *path)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	bool found = false;

	rcu_read_lock();
	cds_lfht_for_each(paths->names, &iter, node) { /* R1 */
		const struct hmi_path *entry = caa_container_of(node, struct hmi_path, node);

		HMI_TSAN_ACQUIRE(entry);
		found = hm_pid_equal(entry->pid, pid);
		if (found)
			snprintf(path, HM_PATH_MAX, "%s", entry->path);
		HMI_TSAN_RELEASE(entry);
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}
