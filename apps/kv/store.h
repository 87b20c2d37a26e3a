/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_H
#define STORE_H

/*
 * An ordered map from text to bytes, in bounded memory: what a shard holds. It knows nothing of actors, and has no lock, since
 * one actor uses it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hermod.h>

struct store;

/* One key. All but the last members is the store's, to be read. */
struct entry {
	const char *key;
	const void *value;
	size_t length; /* bytes of the value */
	/* Its user's: when it ends; zeroed when it is made. */
	uint64_t due_ns; /* 0: it does not */
	struct hm_timer timer;
};

/* NULL: no memory. bytes_max: of keys and values together. */
struct store *store_create(uint64_t bytes_max);
void store_destroy(struct store *store);

/* 0; -ENOSPC: more than bytes_max; -ENOMEM. Then what was there stays. What its user has set stays in any case. */
int store_put(struct store *store, const char *key, const void *value, size_t length, struct entry **entry);

/* NULL: there is none. */
struct entry *store_find(struct store *store, const char *key);

/* The first one whose key is not before this one's. NULL: there is none. */
struct entry *store_first(struct store *store, const char *key);
struct entry *store_next(struct entry *entry);

/* The entry is gone. */
void store_remove(struct store *store, struct entry *entry);

uint64_t store_count(const struct store *store);
uint64_t store_bytes(const struct store *store);

#endif /* STORE_H */
