/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of apps/kv: order, what it counts, and its bound; against a sorted array.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

#define KEYS 200u

static struct store *store;

static void
store_make(void)
{
	store = store_create(1000000);
	cr_assert_not_null(store);
}

static void
store_end(void)
{
	store_destroy(store);
}

TestSuite(kv_store, .init = store_make, .fini = store_end);

static struct entry *
put(const char *key, const char *value)
{
	struct entry *entry;

	cr_assert_eq(store_put(store, key, value, strlen(value), &entry), 0);
	return entry;
}

static void
value_check(const char *key, const char *value)
{
	struct entry *entry = store_find(store, key);

	cr_assert_not_null(entry);
	cr_assert_eq(entry->length, strlen(value));
	cr_assert_eq(memcmp(entry->value, value, entry->length), 0);
}

Test(kv_store, put__anew_and_again)
{
	struct entry *entry = put("a", "one");

	entry->due_ns = 17;
	cr_assert_eq(store_bytes(store), 4);
	cr_assert_eq(put("a", "eleven"), entry, "the entry is the same");
	cr_assert_eq(entry->due_ns, 17);
	value_check("a", "eleven");
	cr_assert_eq(store_count(store), 1);
	cr_assert_eq(store_bytes(store), 7);
	(void)put("a", "x");
	cr_assert_eq(store_bytes(store), 2);
}

Test(kv_store, put__nothing)
{
	struct entry *entry;

	cr_assert_eq(store_put(store, "", NULL, 0, &entry), 0);
	cr_assert_eq(store_find(store, ""), entry);
	cr_assert_eq(entry->length, 0);
	cr_assert_eq(store_count(store), 1);
	cr_assert_eq(store_bytes(store), 0);
}

Test(kv_store, put__full_and_what_was_there_stays)
{
	struct entry *entry = NULL;

	store_destroy(store);
	store = store_create(10);
	(void)put("a", "1234");
	(void)put("b", "1234");
	cr_assert_eq(store_put(store, "c", NULL, 0, &entry), -ENOSPC);
	cr_assert_eq(store_put(store, "a", "12345", 5, &entry), -ENOSPC);
	cr_assert_null(entry);
	value_check("a", "1234");
	cr_assert_null(store_find(store, "c"));
	cr_assert_eq(store_bytes(store), 10);
	/* Another value of the same length fits, and so does what a removed one has left. */
	(void)put("a", "4321");
	store_remove(store, store_find(store, "b"));
	cr_assert_eq(store_bytes(store), 5);
	(void)put("c", "1234");
}

Test(kv_store, first__at_behind_and_beyond)
{
	(void)put("b", "1");
	(void)put("d", "2");
	cr_assert_str_eq(store_first(store, "")->key, "b");
	cr_assert_str_eq(store_first(store, "b")->key, "b");
	cr_assert_str_eq(store_first(store, "bb")->key, "d");
	cr_assert_null(store_first(store, "e"));
	cr_assert_str_eq(store_next(store_first(store, ""))->key, "d");
	cr_assert_null(store_next(store_first(store, "d")));
	cr_assert_null(store_find(store, "c"));
}

/* All that are there, in order, and no others. */
static void
order_check(const bool *there)
{
	struct entry *entry = store_first(store, "");
	uint64_t count = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%03u", i);
		cr_assert_eq(store_find(store, key) != NULL, there[i], "%s", key);
		if (!there[i])
			continue;
		cr_assert_str_eq(entry->key, key);
		entry = store_next(entry);
		count++;
	}
	cr_assert_null(entry);
	cr_assert_eq(store_count(store), count);
	cr_assert_eq(store_bytes(store), 7 * count);
}

Test(kv_store, remove__of_any_and_all)
{
	bool there[KEYS] = { false };

	for (uint32_t i = 0; i < 40 * KEYS; i++) {
		uint32_t k = i * 7919 % KEYS;
		char key[16];

		snprintf(key, sizeof(key), "%03u", k);
		if (i / KEYS % 3 == k % 3) {
			(void)put(key, "four");
			there[k] = true;
		} else if (there[k]) {
			store_remove(store, store_find(store, key));
			there[k] = false;
		}
		if (i % KEYS == 0)
			order_check(there);
	}
	order_check(there);
	while (store_first(store, "") != NULL)
		store_remove(store, store_first(store, ""));
	cr_assert_eq(store_count(store), 0);
	cr_assert_eq(store_bytes(store), 0);
}
