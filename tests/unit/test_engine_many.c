/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The limits that are promised: 255 lcores in a system, and hundreds of systems in a process, one
 * after the other and side by side.
 */
#include <malloc.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

#define SYSTEMS      500u
#define SIDE_BY_SIDE 1000u

/* Kilobytes: of all that 255 lcores need before any actor runs, EAL's 512 MiB included. */
#define LCORES_MEMORY_MAX (1024l << 10)

static void
start(void)
{
	hmt_eal_start_with(2, 512);
}

TestSuite(engine_many, .init = start, .timeout = 120);

/* What calloc returns is then written by it, as other programs of a test run do by an environment variable. */
static void
touch_what_is_allocated(void)
{
	mallopt(M_PERTURB, 5);
}

static long
memory_most(void)
{
	struct rusage usage;

	cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

static uint32_t arrived;

static void
count(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	arrived += hm_msg_type(msg) == HMT_NUMBER;
}

/* From lcore 0 to each other one, so that its lane is there and leads to it. */
Test(engine_many, lcores__as_many_as_a_pid_can_name)
{
	static struct hmt_probe probes[HM_LCORES_MAX];
	static struct hm_props props[HM_LCORES_MAX];
	struct hmt_node node;

	touch_what_is_allocated();
	hmt_node_start_with(&node, HM_LCORES_MAX, 4096, "--lane 16 --inject 1024");
	cr_assert_eq(hm_system_lcores(node.sys), HM_LCORES_MAX);
	for (uint32_t i = 0; i < HM_LCORES_MAX; i++) {
		struct hmt_probe *probe = &probes[i];

		probe->on_msg = count;
		props[i] = *hmt_probe_props(0);
		props[i].lcore = HM_LCORE(i);
		cr_assert_eq(hm_system_spawn(node.sys, &props[i], NULL, &probe, &probe->pid), 0);
		cr_assert_eq(hm_pid_lcore(probe->pid), i);
	}
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < HM_LCORES_MAX; i++)
		hmt_number(&node, probes[i].pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(arrived, HM_LCORES_MAX);
	cr_expect_leq(memory_most(), LCORES_MEMORY_MAX);
	hmt_node_end(&node);
}

Test(engine_many, systems__one_after_the_other)
{
	for (uint32_t i = 0; i < SYSTEMS; i++) {
		struct hmt_node node;

		hmt_node_start_with(&node, 1, 64, "--inject 64");
		hmt_node_end(&node);
	}
}

Test(engine_many, systems__side_by_side)
{
	static struct hmt_node nodes[SIDE_BY_SIDE];

	for (uint32_t i = 0; i < SIDE_BY_SIDE; i++)
		hmt_node_start_with(&nodes[i], 2, 64, "--inject 64 --lane 64");
	for (uint32_t i = 0; i < SIDE_BY_SIDE; i++)
		hmt_node_end(&nodes[i]);
}

/* ---- Seeds ------------------------------------------------------------------------- */

static uint64_t
node_by_seed(uint64_t seed)
{
	struct hm_config config = { .mode = HM_MODE_STEPPED, .seed = seed };
	struct hm_system *sys;
	uint64_t id;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	id = hm_system_node(sys);
	cr_assert_neq(id, 0);
	hm_system_destroy(sys);
	return id;
}

Test(engine_many, seed__repeats_a_systems_random_numbers)
{
	cr_assert_eq(node_by_seed(7), node_by_seed(7));
	cr_assert_neq(node_by_seed(7), node_by_seed(8));
	cr_assert_neq(node_by_seed(0), node_by_seed(0), "without a seed each is another one");
}
