/* SPDX-License-Identifier: Apache-2.0 */
#include "keys_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

int
hmi_keys_create(struct hmi_keys *keys, uint32_t size)
{
	uint32_t buckets = rte_align32pow2(size);

	*keys = (struct hmi_keys){ .size = size, .mask = buckets - 1, .fresh = 1 };
	keys->entries = malloc(((size_t)size + 1) * sizeof(*keys->entries));
	keys->buckets = calloc(buckets, sizeof(*keys->buckets));
	if (keys->entries != NULL && keys->buckets != NULL)
		return 0;
	hmi_keys_destroy(keys);
	return -ENOMEM;
}

void
hmi_keys_destroy(struct hmi_keys *keys)
{
	free(keys->entries);
	free(keys->buckets);
	keys->entries = NULL;
	keys->buckets = NULL;
}

/* Keys may be numbers one after the other, or multiples of something. */
static uint32_t *
bucket_of(const struct hmi_keys *keys, uint64_t key)
{
	return &keys->buckets[(uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & keys->mask];
}

static uint32_t
index_of(const struct hmi_keys *keys, const struct hmi_key *entry)
{
	return (uint32_t)(entry - keys->entries);
}

struct hmi_key *
hmi_keys_find(const struct hmi_keys *keys, uint64_t key)
{
	for (uint32_t i = *bucket_of(keys, key); i != 0; i = keys->entries[i].chain) {
		if (keys->entries[i].key == key)
			return &keys->entries[i];
	}
	return NULL;
}

struct hmi_key *
hmi_keys_oldest(struct hmi_keys *keys)
{
	return keys->oldest != 0 ? &keys->entries[keys->oldest] : NULL;
}

static void
list_append(struct hmi_keys *keys, struct hmi_key *entry)
{
	uint32_t i = index_of(keys, entry);

	entry->older = keys->newest;
	entry->newer = 0;
	if (keys->newest != 0)
		keys->entries[keys->newest].newer = i;
	else
		keys->oldest = i;
	keys->newest = i;
}

static void
list_remove(struct hmi_keys *keys, const struct hmi_key *entry)
{
	if (entry->older != 0)
		keys->entries[entry->older].newer = entry->newer;
	else
		keys->oldest = entry->newer;
	if (entry->newer != 0)
		keys->entries[entry->newer].older = entry->older;
	else
		keys->newest = entry->older;
}

static uint32_t
place_take(struct hmi_keys *keys)
{
	uint32_t i = keys->free;

	if (i == 0)
		return keys->fresh++;
	keys->free = keys->entries[i].chain;
	return i;
}

struct hmi_key *
hmi_keys_add(struct hmi_keys *keys, uint64_t key)
{
	uint32_t *bucket = bucket_of(keys, key), i = place_take(keys);
	struct hmi_key *entry = &keys->entries[i];

	*entry = (struct hmi_key){ .key = key, .chain = *bucket };
	*bucket = i;
	list_append(keys, entry);
	keys->count++;
	return entry;
}

void
hmi_keys_touch(struct hmi_keys *keys, struct hmi_key *entry)
{
	list_remove(keys, entry);
	list_append(keys, entry);
}

void
hmi_keys_remove(struct hmi_keys *keys, struct hmi_key *entry)
{
	uint32_t i = index_of(keys, entry), *at = bucket_of(keys, entry->key);

	while (*at != i)
		at = &keys->entries[*at].chain;
	*at = entry->chain;
	list_remove(keys, entry);
	entry->chain = keys->free;
	keys->free = i;
	keys->count--;
}
