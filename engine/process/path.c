/* SPDX-License-Identifier: Apache-2.0 */
#include "path_pvt.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "hm_actor.h"
#include "tsan_pvt.h"

#define BUCKETS       65536u
#define BUCKETS_SMALL 256u /* they are all walked, and all in memory */

int
hmi_paths_create(struct hmi_paths *paths, uint64_t seed, bool is_small)
{
	unsigned long buckets = is_small ? BUCKETS_SMALL : BUCKETS;

	paths->seed = seed;
	paths->table = cds_lfht_new(buckets, 64, buckets, 0, NULL);
	return paths->table != NULL ? 0 : -ENOMEM;
}

static void
path_free(struct rcu_head *head)
{
	struct hmi_path *entry = caa_container_of(head, struct hmi_path, rcu);

	HMI_TSAN_ACQUIRE(entry);
	free(entry);
}

void
hmi_paths_destroy(struct hmi_paths *paths)
{
	struct cds_lfht_iter iter;
	struct hmi_path *entry;

	if (paths->table == NULL)
		return;
	/* Nobody reads any more: no grace period, and no wait for lcores of other systems. */
	rcu_read_lock();
	cds_lfht_for_each_entry(paths->table, &iter, entry, node) {
		if (cds_lfht_del(paths->table, &entry->node) == 0)
			path_free(&entry->rcu);
	}
	rcu_read_unlock();
	cds_lfht_destroy(paths->table, NULL);
	paths->table = NULL;
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
	return 0;
}

static unsigned long
path_hash(const struct hmi_paths *paths, const char *path)
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
	return (unsigned long)((high << 32 | low) * 0x9e3779b97f4a7c15ull);
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

int
hmi_path_add(struct hmi_paths *paths, const char *parent, const char *name, struct hm_pid pid,
	     struct hmi_path **entry)
{
	size_t stem = strlen(parent), length = stem + 1 + strlen(name);
	struct cds_lfht_node *there;
	struct hmi_path *fresh;

	if (length >= HM_PATH_MAX)
		return -ENAMETOOLONG;
	fresh = malloc(sizeof(*fresh) + length + 1);
	if (fresh == NULL)
		return -ENOMEM;
	fresh->pid = pid;
	memcpy(fresh->path, parent, stem);
	fresh->path[stem] = '/';
	memcpy(fresh->path + stem + 1, name, length - stem);
	cds_lfht_node_init(&fresh->node);
	HMI_TSAN_RELEASE(fresh);
	rcu_read_lock();
	there = cds_lfht_add_unique(paths->table, path_hash(paths, fresh->path), path_match, fresh->path,
				    &fresh->node); /* R1 */
	rcu_read_unlock();
	if (there != &fresh->node) {
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
	HMI_TSAN_RELEASE(entry);
	rcu_read_lock();
	if (cds_lfht_del(paths->table, &entry->node) == 0)
		call_rcu(&entry->rcu, path_free);
	rcu_read_unlock();
}

int
hmi_path_find(const struct hmi_paths *paths, const char *path, struct hm_pid *pid)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	int rc = -ENOENT;

	rcu_read_lock();
	cds_lfht_lookup(paths->table, path_hash(paths, path), path_match, path, &iter); /* R1 */
	node = cds_lfht_iter_get_node(&iter);
	if (node != NULL) {
		const struct hmi_path *entry = caa_container_of(node, struct hmi_path, node);

		HMI_TSAN_ACQUIRE(entry);
		*pid = entry->pid;
		HMI_TSAN_RELEASE(entry);
		rc = 0;
	}
	rcu_read_unlock();
	return rc;
}
