/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reserved lcores: who may live there, and actors that have one for themselves.
 */
#include "test_engine_spawn.h"

#include "hm_dispatch.h"
#include "hm_move.h"
#include "hmt_shortage.h"

#define LCORES 4u

TestSuite(engine_reserve, .init = hmt_eal_start);

static struct hmt_node node;
static uint32_t alive;
static uint32_t *const counter = &alive;

static const struct hm_props counted_least = COUNTED(HM_LCORE_LEAST), counted_key = COUNTED(HM_LCORE_KEY),
			     counted_own = COUNTED(HM_LCORE_OWN);

static struct hm_pid
spawn(const struct hm_props *props)
{
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(node.sys, props, NULL, &counter, &pid), 0);
	return pid;
}

static uint32_t
spawn_on(const struct hm_props *props)
{
	return hm_pid_lcore(spawn(props));
}

static int
spawn_refused(const struct hm_props *props, const char *name)
{
	struct hm_pid pid = { 7, 7 };
	int rc = hm_system_spawn(node.sys, props, name, &counter, &pid);

	cr_assert_eq(pid.local, 7);
	return rc;
}

/* ---- Policies ---------------------------------------------------------------------------- */

struct crowd {
	const struct hm_props *props;
	uint32_t on[LCORES];
};

static void
spawn_ten(struct hm_ctx *ctx, void *arg)
{
	struct crowd *crowd = arg;
	struct hm_pid pid;

	for (uint32_t i = 0; i < 10; i++) {
		cr_assert_eq(hm_spawn(ctx, crowd->props, NULL, &counter, &pid), 0);
		crowd->on[hm_pid_lcore(pid)]++;
	}
}

Test(engine_reserve, policies__leave_reserved_lcores_out)
{
	static struct hmt_probe parents[LCORES];

	hmt_node_start_with(&node, LCORES, 0, "--reserve 2");
	cr_assert_eq(hm_system_lcores_shared(node.sys), 2);
	cr_assert_eq(hm_system_lcores(node.sys), LCORES);
	/* Wherever the spawner is itself. */
	for (uint32_t i = 0; i < LCORES; i++) {
		struct crowd any = { .props = &counted_any }, least = { .props = &counted_least };

		(void)hmt_probe_spawn(&node, &parents[i], i, NULL);
		cr_assert_eq(hm_pid_lcore(parents[i].pid), i);
		hmt_turn_until_idle(&node);
		hmt_do(&node, parents[i].pid, spawn_ten, &any);
		cr_assert(any.on[0] == 5 && any.on[1] == 5);
		hmt_do(&node, parents[i].pid, spawn_ten, &least);
		cr_assert_eq(least.on[0] + least.on[1], 10);
	}
	for (uint64_t key = 0; key < 100; key++)
		cr_assert_lt(hm_system_lcore_of_key(node.sys, key), 2);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_lt(spawn_on(&counted_least), 2);
	hmt_node_end(&node);
}

Test(engine_reserve, policies__one_lcore_that_is_left_gets_all)
{
	hmt_node_start_with(&node, LCORES, 0, "--reserve 3");
	for (uint32_t i = 0; i < 10; i++) {
		struct hm_pid pid;

		cr_assert_eq(spawn_on(&counted_any) + spawn_on(&counted_least), 0);
		cr_assert_eq(hm_system_spawn_key(node.sys, &counted_key, NULL, &counter, i, &pid), 0);
		cr_assert_eq(hm_pid_lcore(pid), 0);
	}
	hmt_node_end(&node);
}

/* ---- Lcores of one's own -------------------------------------------------------------------- */

Test(engine_reserve, own__each_has_another_lcore)
{
	struct hm_pid first, second;

	hmt_node_start_with(&node, LCORES, 0, "--reserve 2");
	first = spawn(&counted_own);
	second = spawn(&counted_own);
	cr_assert_eq(hm_pid_lcore(first), 2);
	cr_assert_eq(hm_pid_lcore(second), 3);
	cr_assert_eq(spawn_refused(&counted_own, NULL), -EBUSY);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, 2);
	/* The lcore of one that has ended is free. */
	hmt_stop(&node, second);
	cr_assert_eq(spawn_on(&counted_own), 3);
	hmt_stop(&node, first);
	cr_assert_eq(spawn_on(&counted_own), 2);
	cr_assert_eq(spawn_refused(&counted_own, NULL), -EBUSY);
	hmt_node_end(&node);
	cr_assert_eq(alive, 0);
}

/* As many as there can be, in both words of bits, and one more. */
Test(engine_reserve, own__on_as_many_lcores_as_there_can_be)
{
	hmt_node_start_with(&node, 130, 0, "--reserve 129 --lane 16");
	for (uint32_t i = 1; i < 130; i++)
		cr_assert_eq(spawn_on(&counted_own), i);
	cr_assert_eq(spawn_refused(&counted_own, NULL), -EBUSY);
	hmt_node_end(&node);
}

Test(engine_reserve, own__without_a_reserved_lcore_there_is_none)
{
	hmt_node_start(&node, LCORES);
	cr_assert_eq(hm_system_lcores_shared(node.sys), LCORES);
	cr_assert_eq(spawn_refused(&counted_own, NULL), -EBUSY);
	hmt_node_end(&node);
}

Test(engine_reserve, own__a_spawn_that_fails_takes_none)
{
	struct hm_pid pid;

	hmt_node_start_with(&node, 2, 0, "--reserve 1");
	cr_assert_eq(hm_system_spawn(node.sys, &counted_here, "taken", &counter, &pid), 0);
	cr_assert_eq(spawn_refused(&counted_own, "taken"), -EEXIST);
	cr_assert_eq(spawn_refused(&counted_own, "no/name"), -EINVAL);
	cr_assert_eq(spawn_on(&counted_own), 1);
	hmt_node_end(&node);
}

/* The actor is made on its own lcore: where that has no memory, its lcore is free again. */
Test(engine_reserve, own__an_actor_that_could_not_be_made_leaves_its_lcore)
{
	struct hm_props big = COUNTED(HM_LCORE_OWN);

	/* Nobody on its lcore has a state of this size, so there is no memory for it yet. */
	big.state_size = 1000;
	hmt_node_start_with(&node, 2, 0, "--reserve 1");
	hmt_turn_until_idle(&node);
	cr_assert_eq(spawn_on(&big), 1);
	hmt_memory_refuse();
	hmt_turn_until_idle(&node);
	hmt_memory_allow();
	cr_assert_eq(alive, 0);
	cr_assert_eq(hmt_stats(&node).spawned, HMT_GUARDIANS);
	cr_assert_eq(spawn_on(&counted_own), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, 1);
	hmt_node_end(&node);
}

/* An actor that wants another one on the lcore of a child that has ended, as soon as it is told. */
struct parent {
	uint32_t spawned, wanted;
};

static void
spawn_again(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct parent *parent = probe->arg;
	struct hm_pid child;

	if ((hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != HM_TERMINATED) ||
	    parent->spawned == parent->wanted)
		return;
	cr_assert_eq(hm_spawn(ctx, &counted_own, NULL, &counter, &child), 0);
	cr_assert_eq(hm_pid_lcore(child), 1);
	hm_stop(ctx, child);
	parent->spawned++;
}

Test(engine_reserve, own__lcore_is_free_when_the_parent_is_told)
{
	static struct parent parent = { .wanted = 20 };
	static struct hmt_probe probe = { .on_msg = spawn_again, .arg = &parent };

	hmt_node_start_with(&node, 2, 0, "--reserve 1");
	(void)hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(parent.spawned, 20);
	hmt_node_end(&node);
}

/* It may move away; its lcore is its own until it ends all the same. */
Test(engine_reserve, own__is_kept_by_one_that_has_moved)
{
	struct hm_pid pid;

	hmt_node_start_with(&node, 2, 0, "--reserve 1");
	pid = spawn(&counted_own);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_move(node.sys, pid, 0), 0);
	for (uint32_t i = 0; i < 20; i++)
		hmt_elapse(&node, 1000);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	cr_assert_eq(spawn_refused(&counted_own, NULL), -EBUSY);
	hmt_stop(&node, pid);
	cr_assert_eq(alive, 0);
	cr_assert_eq(spawn_on(&counted_own), 1);
	hmt_node_end(&node);
}

static void
fail_when_told(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint32_t *started = *(uint32_t **)state;

	*started += hm_msg_type(msg) == HM_STARTED;
	if (hm_msg_type(msg) == HMT_EMPTY)
		hm_fail(ctx, "told to");
}

Test(engine_reserve, own__is_kept_over_restarts)
{
	static const struct hm_props failing = { .receive = fail_when_told,
						 .state_size = sizeof(uint32_t *),
						 .args_size = sizeof(uint32_t *),
						 .lcore = HM_LCORE_OWN };
	struct hm_pid pid;

	hmt_node_start_with(&node, 2, 0, "--reserve 1");
	pid = spawn(&failing);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_send(node.sys, pid, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, 2);
	cr_assert_eq(spawn_refused(&counted_own, NULL), -EBUSY);
	hmt_node_end(&node);
}

/* Its children share it, if they are to live where it does; and others are where they were told to be. */
static void
spawn_children(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_pid pid;

	(void)state;
	if (hm_msg_type(msg) != HM_STARTED)
		return;
	cr_assert_eq(hm_spawn(ctx, &counted_here, NULL, &counter, &pid), 0);
	cr_assert_eq(hm_pid_lcore(pid), 1);
	cr_assert_eq(hm_spawn(ctx, &counted_any, NULL, &counter, &pid), 0);
	cr_assert_eq(hm_pid_lcore(pid), 0);
}

Test(engine_reserve, own__children_and_fixed_actors_may_share_it)
{
	static const struct hm_props parent = { .receive = spawn_children, .lcore = HM_LCORE_OWN };
	struct hm_pid pid;

	hmt_node_start_with(&node, 2, 0, "--reserve 1");
	pid = spawn(&parent);
	cr_assert_eq(spawn_on(&counted_there), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, 3);
	hmt_stop(&node, pid);
	cr_assert_eq(alive, 1);
	cr_assert_eq(spawn_on(&counted_own), 1);
	hmt_node_end(&node);
}

Test(engine_reserve, own__is_given_up_with_the_system)
{
	hmt_node_start_with(&node, 3, 0, "--reserve 2");
	(void)spawn(&counted_own);
	hmt_turn_until_idle(&node);
	/* This one never arrives. */
	(void)spawn(&counted_own);
	hmt_node_drop(&node);
}
