/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of states: where it is, how it is aligned, and what is in it at first.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_state, .init = hmt_eal_start);

struct seen_state {
	uintptr_t at;
	uint32_t size, args;
	bool is_clean, fails;
	uint32_t starts;
};

static struct seen_state seen;

static void
look(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const unsigned char *bytes = state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	seen.at = (uintptr_t)state;
	seen.is_clean = seen.starts == 0 || seen.is_clean;
	for (uint32_t i = 0; i < seen.size; i++)
		seen.is_clean &= bytes[i] == (i < seen.args ? 0x5a : 0);
	/* The next actor in this memory must not see it. */
	memset(state, 0xff, seen.size);
	if (seen.starts++ == 0 && seen.fails)
		hm_fail(ctx, "once");
}

static void
check_state_of(struct hmt_node *node, uint32_t size, uint32_t args, uint32_t align, bool fails)
{
	struct hm_props props = {
		.receive = look, .state_size = size, .args_size = args, .state_align = align
	};
	unsigned char bytes[64];
	struct hm_pid pid;

	memset(bytes, 0x5a, sizeof(bytes));
	seen = (struct seen_state){ .size = size, .args = args, .fails = fails };
	cr_assert_eq(hm_system_spawn(node->sys, &props, NULL, bytes, &pid), 0);
	hmt_turn_until_idle(node);
	cr_assert_eq(seen.starts, fails ? 2 : 1);
	cr_assert(seen.is_clean, "size %u args %u align %u", size, args, align);
	/* A type that needs 16 bytes of alignment has a size that is a multiple of 16. */
	if (size % 16 == 0 && size > 0)
		cr_assert_eq(seen.at % (align > 16 ? align : 16), 0, "size %u align %u", size, align);
	else if (size > 0)
		cr_assert_eq(seen.at % (align > 8 ? align : 8), 0, "size %u align %u", size, align);
	hmt_stop(node, pid);
}

static void
check_state(struct hmt_node *node, uint32_t size, uint32_t args, uint32_t align)
{
	check_state_of(node, size, args, align, false);
}

/* Around what fits into a cell, and into the smallest object apart, which args share with the state. */
Test(engine_state, state__of_each_small_size_is_as_its_args_say_after_a_restart)
{
	static const uint32_t aligns[] = { 0, 8, 16, 32, 64, 128 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (size_t i = 0; i < RTE_DIM(aligns); i++) {
		for (uint32_t size = 0; size <= 66; size++) {
			for (uint32_t args = 0; args <= RTE_MIN(size, 64u); args++)
				check_state_of(&node, size, args, aligns[i], true);
		}
	}
	hmt_node_end(&node);
}

Test(engine_state, state__of_any_size_is_aligned_and_zeroed)
{
	static const uint32_t sizes[] = { 1,    7,    8,  15,  16,  17,   23,   24,   25,
					  31,   32,   48, 63,  64,  65,   96,   128,  4096,
					  8192, 8193, 12, 160, 512, 1000, 8176, 8208, 100000 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	/* Twice, so that memory is used again. */
	for (size_t i = 0; i < 2 * RTE_DIM(sizes); i++) {
		uint32_t size = sizes[i % RTE_DIM(sizes)];

		check_state(&node, size, 0, 0);
		check_state(&node, size, RTE_MIN(size, 64u), 0);
		/* As long as what is copied without a call, and one byte more. */
		check_state(&node, size, RTE_MIN(size, 24u), 0);
		check_state(&node, size, RTE_MIN(size, 25u), 0);
		check_state(&node, size, RTE_MIN(size, 3u), 0);
	}
	hmt_node_end(&node);
}

Test(engine_state, state__is_aligned_as_props_say)
{
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (uint32_t align = 1; align <= HM_STATE_ALIGN_MAX; align *= 2) {
		for (uint32_t size = 1; size < 20000; size = 3 * size + 1)
			check_state(&node, size, 0, align);
		check_state(&node, align, 0, align);
	}
	hmt_node_end(&node);
}

Test(engine_state, spawn__with_a_bad_alignment_is_refused)
{
	static const uint32_t bad[] = { 3, 24, HM_STATE_ALIGN_MAX + 1, 2 * HM_STATE_ALIGN_MAX, UINT32_MAX };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		struct hm_props props = { .receive = look, .state_size = 8, .state_align = bad[i] };

		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, NULL, NULL), -EINVAL);
	}
	hmt_node_end(&node);
}

/* Left-out members mean the default: the spawner's lcore, not lcore 0. */
static void
spawn_plain(struct hm_ctx *ctx, void *pid)
{
	static const struct hm_props props = { .receive = look };

	cr_assert_eq(hm_spawn(ctx, &props, NULL, NULL, pid), 0);
}

Test(engine_state, props__that_name_no_lcore_mean_the_spawners)
{
	static struct hmt_probe parent;
	struct hmt_node node;
	struct hm_pid pid;

	parent = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 3);
	hmt_probe_spawn(&node, &parent, 2, NULL);
	hmt_do(&node, parent.pid, spawn_plain, &pid);
	cr_assert_eq(hm_pid_lcore(pid), 2);
	hmt_node_end(&node);
}
