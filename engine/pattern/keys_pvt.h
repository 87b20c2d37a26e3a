/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYS_PVT_H
#define KEYS_PVT_H

/*
 * A bounded table of keys with a word each, in the order in which they were touched.
 *
 *     hash ─▶ chain of entries          oldest ◀─▶ ... ◀─▶ newest
 *
 * Memory is taken once. Owned by one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#define HMI_KEYS_MAX (1u << 24)

struct hmi_key {
	uint64_t key, word;
	uint32_t chain;        /* next of the same bucket; 0: none */
	uint32_t older, newer; /* 0: none */
};

struct hmi_keys {
	struct hmi_key *entries; /* from 1 on */
	uint32_t *buckets;
	uint32_t mask, size, count;
	uint32_t oldest, newest;
	uint32_t free; /* freed entries, by `chain` */
	uint32_t fresh;
};

/* For up to `size` keys, 1 to HMI_KEYS_MAX. Returns 0 or -ENOMEM. */
int hmi_keys_create(struct hmi_keys *keys, uint32_t size);
void hmi_keys_destroy(struct hmi_keys *keys);

/* NULL: it is not there. */
struct hmi_key *hmi_keys_find(const struct hmi_keys *keys, uint64_t key);

/* The one that was touched least recently; NULL: there is none. */
struct hmi_key *hmi_keys_oldest(struct hmi_keys *keys);

/* Add a key that is not there, as the newest. There is room. */
struct hmi_key *hmi_keys_add(struct hmi_keys *keys, uint64_t key);

/* It is the newest from here on. */
void hmi_keys_touch(struct hmi_keys *keys, struct hmi_key *entry);

void hmi_keys_remove(struct hmi_keys *keys, struct hmi_key *entry);

static inline bool
hmi_keys_is_full(const struct hmi_keys *keys)
{
	return keys->count == keys->size;
}

#endif /* KEYS_PVT_H */
