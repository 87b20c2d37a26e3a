/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balancer, and turns of actors that it measures, and that do not end as others do: the lcore loses its core in the midst of
 * one, or the actor fails.
 */
#include "hm_supervisor.h"
#include "test_engine_balance.h"

TestSuite(engine_balance_outlier, .init = hmt_eal_start);

#define LOOK_NS    20000000ull
#define BALANCE_20 "--balance 20 --seed 7"
#define FAST_NS    50u
#define SLICE_NS   500000u

/* One that does next to nothing, and whose lcore loses its core for a time slice in a turn that is measured. */
struct victim {
	struct worker worker;
	uint32_t slices;
};

static struct victim victim;

/* Whether the running actor's turn is measured, and stands for others. */
static bool
is_measured(const struct hm_ctx *ctx)
{
	return ctx->heat->at_ticks == hmi_clock_ticks(ctx->worker.clock) && ctx->heat->weight > 1;
}

static void
victim_work(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (victim.slices > 0 && hm_msg_type(msg) == HMT_NUMBER && is_measured(ctx)) {
		victim.slices--;
		victim.worker.node->now_ns += SLICE_NS;
	}
	work(ctx, state, msg);
}

/* Two hot actors, and one that is not, on lcore 0 of two; until shortly before the look that gives one of them away. */
static void
start(struct hmt_node *node, struct worker *hot)
{
	static struct hm_props props;

	props = worker_props;
	props.receive = victim_work;
	victim = (struct victim){ .worker.message_ns = 1 };
	hmt_node_start_with(node, 2, 0, BALANCE_20);
	for (uint32_t i = 0; i < 2; i++) {
		hot[i].message_ns = FAST_NS;
		worker_spawn(node, &hot[i], &worker_props, NULL);
	}
	worker_spawn(node, &victim.worker, &props, NULL);
	for (uint32_t i = 0; i < 2; i++)
		worker_start(node, &hot[i]);
	worker_start(node, &victim.worker);
	run_for(node, 2 * LOOK_NS + LOOK_NS / 2);
	cr_assert_eq(balance_stats(node).moved, 0);
}

/* It is slow so many times before one of the three is given away. */
static void
look_after(uint32_t slices, bool is_it)
{
	struct worker hot[2] = { 0 };
	struct hmt_node node;

	start(&node, hot);
	victim.slices = slices;
	run_for(&node, LOOK_NS);
	cr_assert_eq(victim.slices, 0);
	cr_assert_eq(victim.worker.moved, is_it);
	cr_assert_eq(balance_stats(&node).moved, 1);
	cr_assert_eq(hot[0].lcore == hot[1].lcore, is_it);
	hmt_node_end(&node);
}

/* What one turn is multiplied by would make it the hottest of all. */
Test(engine_balance_outlier, spread__who_has_lost_its_core_stays)
{
	look_after(1, false);
}

/* But not again and again: one that takes long now and then is found. */
Test(engine_balance_outlier, spread__who_is_slow_twice_is_hot)
{
	look_after(2, true);
}

/* ---- Actors that fail --------------------------------------------------------------------- */

#define FAILS_NS 100000u
#define LIGHT_NS 10000u

static struct worker failing, light[2];
static bool fails;

/* Has its next message first, since it fails with this one. */
static void
work_and_fail(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	work(ctx, state, msg);
	if (hm_msg_type(msg) == HMT_NUMBER && fails)
		hm_fail(ctx, "the test has it fail");
}

static void
spawn_failing(struct hm_ctx *ctx, void *arg)
{
	static struct hm_props props;
	struct worker *worker = &failing;

	(void)arg;
	props = worker_props;
	props.receive = work_and_fail;
	cr_assert_eq(hm_spawn(ctx, &props, NULL, &worker, &failing.pid), 0);
}

/*
 * One fails with each message, which is what its lcore is busy with; two others take a fifth each. Unless what it takes is
 * counted, each of those is half of all, and one of them stays.
 */
Test(engine_balance_outlier, spread__who_fails_in_each_turn_counts)
{
	static const struct hm_supervisor go_on = { .directive = HM_DIRECTIVE_RESUME };
	static struct hm_props props;
	static struct hmt_probe parent;
	struct hmt_probe *args = &parent;
	struct hmt_node node;

	fails = true;
	parent = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.supervisor = &go_on;
	failing = (struct worker){ .node = &node, .message_ns = FAILS_NS };
	hmt_node_start_with(&node, 2, 0, BALANCE_20);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &args, &parent.pid), 0);
	hmt_do(&node, parent.pid, spawn_failing, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		light[i] = (struct worker){ .message_ns = LIGHT_NS };
		worker_spawn(&node, &light[i], &worker_props, NULL);
		worker_start(&node, &light[i]);
	}
	worker_start(&node, &failing);
	run_for(&node, 40 * LOOK_NS);
	cr_assert_eq(light[0].lcore, 1);
	cr_assert_eq(light[1].lcore, 1);
	cr_assert_eq(balance_stats(&node).moved, 2);
	/* Itself it waits for its supervisor whenever it could move, until it fails no more. */
	cr_assert_eq(hm_system_move(node.sys, failing.pid, 1), 0);
	run_for(&node, LOOK_NS);
	cr_assert_eq(failing.lcore, 0);
	fails = false;
	run_for(&node, LOOK_NS);
	cr_assert_eq(failing.lcore, 1);
	hmt_node_end(&node);
}
