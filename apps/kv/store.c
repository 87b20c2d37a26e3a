/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A skip list: sorted lists one above the other, each with a quarter of the nodes of that below.
 *
 *     level 1   head ─────────────▶ b ─────────────────▶ end
 *     level 0   head ──▶ a ───────▶ b ──▶ c ──▶ d ─────▶ end
 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 12u

struct node {
	struct entry entry; /* first */
	char *key;          /* behind the links */
	void *value;        /* NULL: no bytes */
	uint32_t levels;
	struct node *next[];
};

struct store {
	uint64_t bytes_max, bytes, count;
	uint64_t random;
	struct node *head; /* of all levels, without a key */
};

static struct node *
node_new(uint32_t levels, const char *key)
{
	size_t links = levels * sizeof(struct node *);
	size_t length = strlen(key) + 1;
	struct node *node = calloc(1, sizeof(*node) + links + length);

	if (node == NULL)
		return NULL;
	node->levels = levels;
	node->key = (char *)&node->next[levels];
	memcpy(node->key, key, length);
	node->entry.key = node->key;
	return node;
}

static void
node_free(struct node *node)
{
	free(node->value);
	free(node);
}

struct store *
store_create(uint64_t bytes_max)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	store->bytes_max = bytes_max;
	store->random = 1;
	store->head = node_new(LEVELS, "");
	if (store->head != NULL)
		return store;
	free(store);
	return NULL;
}

void
store_destroy(struct store *store)
{
	struct node *next;

	for (struct node *node = store->head; node != NULL; node = next) {
		next = node->next[0];
		node_free(node);
	}
	free(store);
}

/* How many levels a new node is part of. Keys do not choose it, so nobody can make the list slow by them. */
static uint32_t
levels_draw(struct store *store)
{
	uint32_t levels = 1;

	store->random ^= store->random << 13;
	store->random ^= store->random >> 7;
	store->random ^= store->random << 17;
	for (uint64_t bits = store->random; (bits & 3) == 0 && levels < LEVELS; bits >>= 2)
		levels++;
	return levels;
}

/* The last node before a key, on each level. */
static void
before(struct store *store, const char *key, struct node *found[LEVELS])
{
	struct node *node = store->head;

	for (uint32_t level = LEVELS; level-- > 0;) {
		while (node->next[level] != NULL && strcmp(node->next[level]->key, key) < 0)
			node = node->next[level];
		found[level] = node;
	}
}

struct entry *
store_first(struct store *store, const char *key)
{
	struct node *found[LEVELS];

	before(store, key, found);
	return found[0]->next[0] != NULL ? &found[0]->next[0]->entry : NULL;
}

struct entry *
store_find(struct store *store, const char *key)
{
	struct entry *entry = store_first(store, key);

	return entry != NULL && strcmp(entry->key, key) == 0 ? entry : NULL;
}

struct entry *
store_next(struct entry *entry)
{
	struct node *next = ((struct node *)entry)->next[0];

	return next != NULL ? &next->entry : NULL;
}

/* Give a node another value; the old one is freed. */
static void
value_set(struct store *store, struct node *node, void *value, size_t length)
{
	store->bytes += length - node->entry.length;
	free(node->value);
	node->value = value;
	node->entry.value = value;
	node->entry.length = length;
}

static struct node *
node_add(struct store *store, const char *key)
{
	struct node *found[LEVELS], *node = node_new(levels_draw(store), key);

	if (node == NULL)
		return NULL;
	before(store, key, found);
	for (uint32_t level = 0; level < node->levels; level++) {
		node->next[level] = found[level]->next[level];
		found[level]->next[level] = node;
	}
	store->count++;
	store->bytes += strlen(key);
	return node;
}

int
store_put(struct store *store, const char *key, const void *value, size_t length, struct entry **entry)
{
	struct node *node = (struct node *)store_find(store, key);
	uint64_t old = node != NULL ? strlen(key) + node->entry.length : 0;
	void *copy = NULL;

	if (store->bytes - old + strlen(key) + length > store->bytes_max)
		return -ENOSPC;
	if (length > 0) {
		copy = malloc(length);
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, value, length);
	}
	if (node == NULL)
		node = node_add(store, key);
	if (node == NULL) {
		free(copy);
		return -ENOMEM;
	}
	value_set(store, node, copy, length);
	*entry = &node->entry;
	return 0;
}

void
store_remove(struct store *store, struct entry *entry)
{
	struct node *found[LEVELS], *node = (struct node *)entry;

	before(store, node->key, found);
	for (uint32_t level = 0; level < node->levels; level++)
		found[level]->next[level] = node->next[level];
	store->count--;
	store->bytes -= strlen(node->key) + node->entry.length;
	node_free(node);
}

uint64_t
store_count(const struct store *store)
{
	return store->count;
}

uint64_t
store_bytes(const struct store *store)
{
	return store->bytes;
}
