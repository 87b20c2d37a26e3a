/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers by consistent hashing.
 */
#include <rte_jhash.h>

#include "random_pvt.h"
#include "test_engine_router.h"

TestSuite(engine_router_hash, .init = hmt_eal_start, .timeout = 60);

#define KEYS 2000u

static struct hm_pid before[KEYS];

/* Who has each key now. */
static void
keys_send(uint32_t lcore, struct hm_pid *who)
{
	log_clear();
	numbers_from(lcore, 0, KEYS);
	for (uint64_t key = 0; key < KEYS; key++) {
		who[key] = receiver_of(key);
		cr_assert_not(hm_pid_is_none(who[key]));
	}
}

static uint32_t
keys_of(const struct hm_pid *who, struct hm_pid pid)
{
	uint32_t count = 0;

	for (uint32_t key = 0; key < KEYS; key++)
		count += hm_pid_equal(who[key], pid);
	return count;
}

Test(engine_router_hash, key__has_one_routee_from_all_lcores)
{
	static struct hm_pid other[KEYS];

	scene_start(2);
	pool_make(HM_ROUTER_HASH, 7);
	keys_send(0, before);
	keys_send(1, other);
	for (uint32_t key = 0; key < KEYS; key++)
		cr_assert(hm_pid_equal(before[key], other[key]));
	for (uint32_t i = 0; i < 7; i++) {
		uint32_t keys = keys_of(before, routees()->pids[i]);

		/* With 64 places each, a third more or less at most. */
		cr_assert_gt(keys, KEYS / 7 * 60 / 100, "%u keys", keys);
		cr_assert_lt(keys, KEYS / 7 * 140 / 100, "%u keys", keys);
	}
	scene_end();
}

Test(engine_router_hash, add__takes_keys_for_the_new_one_alone)
{
	static struct hm_pid after[KEYS];
	struct hm_pid added;
	uint32_t moved = 0;

	scene_start(2);
	pool_make(HM_ROUTER_HASH, 7);
	keys_send(0, before);
	cr_assert_eq(pool_adjust(1).error, 0);
	hmt_turn_until_idle(&scene.node);
	added = routees()->pids[7];
	keys_send(0, after);
	for (uint32_t key = 0; key < KEYS; key++) {
		if (hm_pid_equal(before[key], after[key]))
			continue;
		cr_assert(hm_pid_equal(after[key], added));
		moved++;
	}
	cr_assert_gt(moved, 100);
	cr_assert_lt(moved, 450);
	scene_end();
}

Test(engine_router_hash, remove__leaves_all_other_keys_where_they_are)
{
	static struct hm_pid after[KEYS];
	struct hm_pid removed;

	scene_start(2);
	pool_make(HM_ROUTER_HASH, 7);
	keys_send(0, before);
	removed = routees()->pids[3];
	cr_assert_eq(routee_remove(removed).error, 0);
	hmt_elapse(&scene.node, 2000);
	keys_send(0, after);
	for (uint32_t key = 0; key < KEYS; key++) {
		if (hm_pid_equal(before[key], removed))
			cr_assert_not(hm_pid_equal(after[key], removed));
		else
			cr_assert(hm_pid_equal(after[key], before[key]));
	}
	scene_end();
}

Test(engine_router_hash, replacement__has_the_keys_of_its_predecessor)
{
	static struct hm_pid after[KEYS];
	struct hm_pid ended, successor = hm_pid_none();

	scene_start(2);
	pool_make(HM_ROUTER_HASH, 7);
	keys_send(0, before);
	ended = routees()->pids[2];
	hmt_stop(&scene.node, ended);
	hmt_elapse(&scene.node, 2000);
	cr_assert_eq(routees()->count, 7);
	keys_send(1, after);
	for (uint32_t key = 0; key < KEYS; key++) {
		if (!hm_pid_equal(before[key], ended)) {
			cr_assert(hm_pid_equal(after[key], before[key]));
			continue;
		}
		if (hm_pid_is_none(successor))
			successor = after[key];
		cr_assert(hm_pid_equal(after[key], successor));
	}
	cr_assert_not(hm_pid_is_none(successor));
	cr_assert_not(hm_pid_equal(successor, ended));
	scene_end();
}

/* A ring that was changed step by step is that which is made at once. */
Test(engine_router_hash, ring__merged_is_as_made_anew)
{
	static uint64_t ids[HM_ROUTEES_MAX];
	uint64_t random = 5;
	uint32_t count = 0;
	struct hmi_router_table *old = NULL;

	for (uint32_t step = 0; step < 300; step++) {
		size_t bytes;
		struct hmi_router_table *table;
		struct hmi_ring anew = { 0 };
		void *memory;

		for (uint64_t changes = hmi_random(&random) % 4; changes > 0; changes--) {
			uint32_t at = count > 0 ? (uint32_t)(hmi_random(&random) % count) : 0;

			if (count > 1 && hmi_random(&random) % 3 == 0) {
				memmove(&ids[at], &ids[at + 1], (--count - at) * sizeof(ids[0]));
			} else if (count < 60) {
				ids[count++] = hmi_random(&random);
			}
		}
		if (count == 0)
			continue;
		bytes = hmi_ring_bytes(count, 16);
		table = calloc(1, sizeof(*table) + count * sizeof(ids[0]) + bytes);
		memory = calloc(1, bytes);
		table->ids = (uint64_t *)(void *)table->routees;
		table->count = count;
		memcpy(table->ids, ids, count * sizeof(ids[0]));
		hmi_ring_make(&table->ring, table->ids + count, ids, count, 16, old);
		hmi_ring_make(&anew, memory, ids, count, 16, NULL);
		cr_assert_eq(table->ring.count, anew.count);
		cr_assert_eq(memcmp(table->ring.points, anew.points, anew.count * sizeof(anew.points[0])), 0);
		cr_assert_eq(memcmp(table->ring.starts, anew.starts, sizeof(uint32_t) << anew.bits), 0);
		for (uint32_t i = 1; i < anew.count; i++)
			cr_assert_leq(anew.points[i - 1].hash, anew.points[i].hash);
		free(memory);
		free(old);
		old = table;
	}
	free(old);
}

/* By a look at each place. */
Test(engine_router_hash, find__is_the_first_place_behind_the_key)
{
	uint64_t ids[3] = { 4, 9, 16 }, words[512];
	struct hmi_ring ring = { 0 };
	bool was_first = false;

	for (uint32_t nodes = 1; nodes <= 16; nodes *= 4) {
		cr_assert_leq(hmi_ring_bytes(3, nodes), sizeof(words));
		hmi_ring_make(&ring, words, ids, 3, nodes, NULL);
		for (uint64_t key = 0; key < 3000; key++) {
			uint32_t hash = rte_jhash_2words((uint32_t)key, (uint32_t)(key >> 32), 0x9e3779b9u);
			uint32_t at = 0;

			while (at < ring.count && ring.points[at].hash < hash)
				at++;
			was_first |= at == ring.count;
			cr_assert_eq(hmi_ring_find(&ring, key), at % ring.count);
		}
	}
	cr_assert(was_first, "the ring is one");
}

/* ---- Bounded load ------------------------------------------------------------------------ */

static uint64_t
same_key(const struct hm_msg *msg, void *arg)
{
	(void)msg;
	return *(const uint64_t *)arg;
}

/* All have one key, and wait: routees are not turned while their messages come. */
static uint32_t
waiting_most(uint32_t bound)
{
	static uint64_t key = 3;
	struct hm_router config = { .kind = HM_ROUTER_HASH,
				    .size = 4,
				    .props = &same_props,
				    .key = same_key,
				    .key_arg = &key,
				    .bound = bound };
	struct numbers numbers = { 0, 400, false };
	struct hmt_deed deed = { numbers_send, &numbers };
	const struct asking *all;
	uint32_t most = 0;

	scene_start(1);
	router_make(&config);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[0].pid, HMT_DO, &deed), HM_OK);
	hmt_turn_until_idle(&scene.node);
	all = routees();
	for (uint32_t i = 0; i < 4; i++)
		most = RTE_MAX(most, received(all->pids[i]));
	cr_assert_eq(received_all(), 400);
	scene_end();
	return most;
}

Test(engine_router_hash, bound__sends_on_what_is_too_much)
{
	cr_assert_eq(waiting_most(0), 400);
	cr_assert_lt(waiting_most(125), 400);
	/* The mean is 100 when all wait; what has been handled meanwhile does not count. */
	cr_assert_lt(waiting_most(125), 300);
}
