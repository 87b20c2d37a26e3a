/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On which lcore a new actor comes to live: each policy, from actors of any lcore and from external threads.
 */
#include "test_engine_spawn.h"

#include "hm_dispatch.h"

#define LCORES 4u

TestSuite(engine_placement, .init = hmt_eal_start);

static uint32_t alive;
static uint32_t *const counter = &alive;

static const struct hm_props counted_least = COUNTED(HM_LCORE_LEAST), counted_key = COUNTED(HM_LCORE_KEY);

/* An actor that only counts itself, spawned by an external thread. Returns its lcore. */
static uint32_t
spawn(struct hmt_node *node, const struct hm_props *props)
{
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(node->sys, props, NULL, &counter, &pid), 0);
	return hm_pid_lcore(pid);
}

/* What an actor spawns, and how many came to live on each lcore. */
struct crowd {
	const struct hm_props *props;
	uint32_t count;
	uint32_t first;
	uint32_t on[LCORES];
};

static void
spawn_crowd(struct hm_ctx *ctx, void *arg)
{
	struct crowd *crowd = arg;
	struct hm_pid pid;

	for (uint32_t i = 0; i < crowd->count; i++) {
		cr_assert_eq(hm_spawn(ctx, crowd->props, NULL, &counter, &pid), 0);
		crowd->on[hm_pid_lcore(pid)]++;
		if (i == 0)
			crowd->first = hm_pid_lcore(pid);
	}
}

static void
on_must_be(const struct crowd *crowd, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	const uint32_t *on = crowd->on;

	cr_assert(on[0] == a && on[1] == b && on[2] == c && on[3] == d, "%u %u %u %u", on[0], on[1], on[2],
		  on[3]);
}

static struct hm_load
load_of(const struct hmt_node *node, uint32_t lcore)
{
	struct hm_load load;

	cr_assert_eq(hm_system_load(node->sys, lcore, &load), 0);
	return load;
}

/* ---- Same, round robin, fixed ------------------------------------------------------ */

Test(engine_placement, same__lcore_of_the_spawner_and_the_first_for_threads)
{
	struct crowd crowd = { .props = &counted_here, .count = 10 };
	static struct hmt_probe parent;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 2, NULL), spawn_crowd, &crowd);
	on_must_be(&crowd, 0, 0, 10, 0);
	cr_assert_eq(spawn(&node, &counted_here), 0);
	hmt_node_end(&node);
}

Test(engine_placement, any__each_lcore_deals_in_turn_itself_first)
{
	static struct hmt_probe parents[LCORES];
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	for (uint32_t i = 0; i < LCORES; i++) {
		struct crowd crowd = { .props = &counted_any, .count = 10 };

		hmt_do(&node, hmt_probe_spawn(&node, &parents[i], i, NULL), spawn_crowd, &crowd);
		cr_assert_eq(crowd.first, i);
		for (uint32_t k = 0; k < LCORES; k++)
			cr_assert_eq(crowd.on[(i + k) % LCORES], k < 2 ? 3 : 2);
	}
	/* Lcore 0, which spawns for external threads, has dealt 10. */
	for (uint32_t i = 0; i < 2 * LCORES; i++)
		cr_assert_eq(spawn(&node, &counted_any), (10 + i) % LCORES);
	hmt_node_end(&node);
}

Test(engine_placement, fixed__every_lcore_and_none_beyond)
{
	static const struct hm_props right[LCORES] = { COUNTED(HM_LCORE(0)), COUNTED(HM_LCORE(1)),
						       COUNTED(HM_LCORE(2)), COUNTED(HM_LCORE(3)) };
	static const struct hm_props wrong[] = { COUNTED(HM_LCORE(LCORES)), COUNTED(HM_LCORE(HM_LCORES_MAX)),
						 COUNTED(HM_LCORE_OWN - 1) };
	struct hmt_node node;
	struct hm_pid pid = { 7, 7 };

	hmt_node_start(&node, LCORES);
	for (uint32_t i = 0; i < LCORES; i++) {
		cr_assert_eq(spawn(&node, &right[i]), i);
		hmt_turn_until_idle(&node);
	}
	for (uint32_t i = 0; i < RTE_DIM(wrong); i++)
		cr_assert_eq(hm_system_spawn(node.sys, &wrong[i], NULL, &counter, &pid), -EINVAL);
	cr_assert_eq(pid.local, 7);
	hmt_node_end(&node);
}

/* ---- Least loaded --------------------------------------------------------------------- */

Test(engine_placement, least__one_turn_of_an_actor_is_dealt_evenly)
{
	struct crowd crowd = { .props = &counted_least, .count = 399 };
	static struct hmt_probe parent;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	/* The parent is an actor of its lcore, too. */
	(void)hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_do(&node, parent.pid, spawn_crowd, &crowd);
	on_must_be(&crowd, 100, 99, 100, 100);
	cr_assert_eq(alive, 399);
	hmt_node_end(&node);
}

Test(engine_placement, least__from_threads_before_and_between_turns)
{
	struct hmt_node node;
	uint32_t on[LCORES] = { 0 };

	hmt_node_start(&node, LCORES);
	for (uint32_t i = 0; i < 40; i++)
		on[spawn(&node, &counted_least)]++;
	for (uint32_t i = 0; i < LCORES; i++)
		cr_assert_eq(on[i], 10);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < 40; i++) {
		on[spawn(&node, &counted_least)]++;
		hmt_turn_until_idle(&node);
	}
	for (uint32_t i = 0; i < LCORES; i++) {
		cr_assert_eq(on[i], 20);
		cr_assert_eq(load_of(&node, i).actors, 20);
	}
	hmt_node_end(&node);
	cr_assert_eq(alive, 0);
}

Test(engine_placement, least__lcores_with_many_actors_get_none_until_others_have_as_many)
{
	struct crowd crowd = { .props = &counted_least, .count = 60 };
	static struct hmt_probe parent;
	struct hmt_node node;
	struct hm_pid pid;

	hmt_node_start(&node, LCORES);
	pid = hmt_probe_spawn(&node, &parent, 3, NULL);
	for (uint32_t i = 0; i < 20; i++)
		cr_assert_eq(spawn(&node, &counted_there), 1);
	hmt_turn_until_idle(&node);
	hmt_do(&node, pid, spawn_crowd, &crowd);
	/* The last one of 60 finds 20 everywhere, and stays. */
	on_must_be(&crowd, 20, 0, 20, 20);
	hmt_node_end(&node);
}

Test(engine_placement, least__who_has_ended_is_no_load)
{
	static struct hmt_probe probes[8];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < 8; i++)
		(void)hmt_probe_spawn(&node, &probes[i], i % 2, NULL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(load_of(&node, 1).actors, 4);
	for (uint32_t i = 1; i < 8; i += 2)
		hmt_stop(&node, probes[i].pid);
	cr_assert_eq(load_of(&node, 1).actors, 0);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(spawn(&node, &counted_least), 1);
	cr_assert_eq(spawn(&node, &counted_least), 0);
	hmt_node_end(&node);
}

Test(engine_placement, least__who_waits_weighs_as_sixteen)
{
	static struct hmt_probe probes[3];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < 3; i++)
		(void)hmt_probe_spawn(&node, &probes[i], 1, NULL);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < 3; i++)
		hmt_number(&node, probes[i].pid, i);
	/* One turn: it is published what waited when it began. */
	hm_system_turn(node.sys);
	cr_assert_eq(load_of(&node, 1).actors, 3);
	cr_assert_eq(load_of(&node, 1).waiting, 3);
	for (uint32_t i = 0; i < 3 + 3 * 16; i++)
		cr_assert_eq(spawn(&node, &counted_least), 0, "spawn %u", i);
	/* Now it is even, and the spawning lcore is nearer. */
	cr_assert_eq(spawn(&node, &counted_least), 0);
	cr_assert_eq(spawn(&node, &counted_least), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(load_of(&node, 1).waiting, 0);
	/* Nothing waits any more: the actors alone count. */
	cr_assert_eq(spawn(&node, &counted_least), 1);
	hmt_node_end(&node);
}

Test(engine_placement, least__a_spawn_that_fails_is_no_load)
{
	const struct hm_props there = COUNTED(HM_LCORE(1));
	struct hmt_node node;
	struct hm_pid pid;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_least, "taken", &counter, &pid), 0);
	cr_assert_eq(hm_pid_lcore(pid), 0);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(hm_system_spawn(node.sys, &counted_least, "taken", &counter, NULL), -EEXIST);
	cr_assert_eq(spawn(&node, &counted_least), 1);
	cr_assert_eq(spawn(&node, &counted_least), 0);
	cr_assert_eq(spawn(&node, &there), 1);
	hmt_node_end(&node);
}

Test(engine_placement, least__one_lcore_is_always_the_least)
{
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(spawn(&node, &counted_least), 0);
	hmt_node_end(&node);
}

/* ---- By key --------------------------------------------------------------------------- */

struct keyed {
	uint64_t key;
	uint32_t lcore;
};

static void
spawn_keyed(struct hm_ctx *ctx, void *arg)
{
	struct keyed *keyed = arg;
	struct hm_pid pid;

	cr_assert_eq(hm_spawn_key(ctx, &counted_key, NULL, &counter, keyed->key, &pid), 0);
	keyed->lcore = hm_pid_lcore(pid);
}

Test(engine_placement, key__same_lcore_whoever_spawns)
{
	static struct hmt_probe parents[LCORES];
	struct hmt_node node;
	struct hm_pid pid;

	hmt_node_start(&node, LCORES);
	for (uint32_t i = 0; i < LCORES; i++)
		(void)hmt_probe_spawn(&node, &parents[i], i, NULL);
	for (uint64_t key = 0; key < 100; key++) {
		struct keyed keyed = { .key = key * UINT64_C(0x123456789abcdef) };
		uint32_t lcore = hm_system_lcore_of_key(node.sys, keyed.key);

		hmt_do(&node, parents[key % LCORES].pid, spawn_keyed, &keyed);
		cr_assert_eq(keyed.lcore, lcore);
		cr_assert_eq(hm_system_spawn_key(node.sys, &counted_key, NULL, &counter, keyed.key, &pid), 0);
		cr_assert_eq(hm_pid_lcore(pid), lcore);
	}
	hmt_node_end(&node);
}

/* Numbers that are counted up, numbers that differ in their upper half alone, and names. */
Test(engine_placement, key__all_lcores_get_their_part)
{
	uint32_t on[3][LCORES] = { 0 };
	struct hmt_node node;
	char name[16];

	hmt_node_start(&node, LCORES);
	for (uint64_t i = 0; i < 4000; i++) {
		int length = snprintf(name, sizeof(name), "order-%lu", i);

		on[0][hm_system_lcore_of_key(node.sys, i)]++;
		on[1][hm_system_lcore_of_key(node.sys, i << 40)]++;
		on[2][hm_system_lcore_of_key(node.sys, hm_key(name, (size_t)length))]++;
	}
	for (uint32_t i = 0; i < 3 * LCORES; i++)
		cr_assert(on[i / LCORES][i % LCORES] > 900 && on[i / LCORES][i % LCORES] < 1100, "%u",
			  on[i / LCORES][i % LCORES]);
	hmt_node_end(&node);
}

Test(engine_placement, key__is_the_name_if_none_is_given)
{
	struct hmt_node node;
	struct hm_pid pid;
	char name[16];

	hmt_node_start(&node, LCORES);
	for (uint32_t i = 0; i < 50; i++) {
		int length = snprintf(name, sizeof(name), "n%u", i);

		cr_assert_eq(hm_system_spawn(node.sys, &counted_key, name, &counter, &pid), 0);
		cr_assert_eq(hm_pid_lcore(pid),
			     hm_system_lcore_of_key(node.sys, hm_key(name, (size_t)length)));
	}
	/* A key that is given is it, with a name or without. */
	cr_assert_eq(hm_system_spawn_key(node.sys, &counted_key, "named", &counter, 5, &pid), 0);
	cr_assert_eq(hm_pid_lcore(pid), hm_system_lcore_of_key(node.sys, 5));
	hmt_node_end(&node);
}

static void
spawn_wrong_key(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_spawn(ctx, &counted_key, NULL, &counter, NULL), -EINVAL);
	cr_assert_eq(hm_spawn_key(ctx, &counted_any, NULL, &counter, 1, NULL), -EINVAL);
	cr_assert_eq(hm_spawn_key(ctx, NULL, NULL, &counter, 1, NULL), -EINVAL);
	cr_assert_eq(hm_spawn_key(ctx, &counted_key, NULL, NULL, 1, NULL), -EINVAL);
	cr_assert_eq(hm_spawn_key(ctx, &counted_key, "a/b", &counter, 1, NULL), -EINVAL);
}

Test(engine_placement, key__missing_or_without_meaning_is_refused)
{
	static struct hmt_probe parent;
	struct hmt_node node;

	hmt_node_start(&node, LCORES);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 1, NULL), spawn_wrong_key, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_key, NULL, &counter, NULL), -EINVAL);
	cr_assert_eq(hm_system_spawn_key(node.sys, &counted_least, "n", &counter, 1, NULL), -EINVAL);
	cr_assert_eq(hm_system_spawn_key(NULL, &counted_key, "n", &counter, 1, NULL), -EINVAL);
	cr_assert_eq(hm_spawn_key(NULL, &counted_key, "n", &counter, 1, NULL), -EINVAL);
	hmt_node_end(&node);
}

/* Others may keep keys: what they are made of is theirs, and must not change. */
Test(engine_placement, key__of_bytes_is_the_same_for_ever)
{
	cr_assert_eq(hm_key(NULL, 0), UINT64_C(0xcbf29ce484222325));
	cr_assert_eq(hm_key("a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	cr_assert_eq(hm_key("foobar", 6), UINT64_C(0x85944171f73967e8));
}

/* ---- Load -------------------------------------------------------------------------------- */

Test(engine_placement, load__of_no_lcore_is_refused)
{
	struct hm_load load = { .actors = 5, .waiting = 6 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_system_load(node.sys, 1, &load), 0);
	cr_assert_eq(load.actors + load.waiting, 0);
	load.actors = 5;
	cr_assert_eq(hm_system_load(node.sys, 2, &load), -EINVAL);
	cr_assert_eq(hm_system_load(node.sys, UINT32_MAX, &load), -EINVAL);
	cr_assert_eq(hm_system_load(NULL, 0, &load), -EINVAL);
	cr_assert_eq(hm_system_load(node.sys, 0, NULL), -EINVAL);
	cr_assert_eq(load.actors, 5);
	hmt_node_end(&node);
}

/* Written by its owner alone, and nothing else stands beside it. */
Test(engine_placement, load__has_a_cache_line_of_its_own)
{
	cr_assert_eq(offsetof(struct hm_ctx, load) % 64, 0);
	cr_assert_eq(sizeof(struct hm_ctx) - offsetof(struct hm_ctx, load), 64);
}
