/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passivation as a plugin, which may be handed down: also to those whose parents keep them. And without memory.
 */
#include "hm_pipeline.h"
#include "hm_plugin.h"
#include "hm_router.h"
#include "hm_workers.h"
#include "hmt_shortage.h"
#include "test_engine_passivation.h"

TestSuite(engine_passivation_plugin, .init = hmt_eal_start);

static const uint64_t idle_us = IDLE_US;
static const struct hm_plugin passivation = { .name = "passivation", HM_PASSIVATION(&idle_us) };
static const struct hm_middleware handed_down = { HM_PLUGIN(&passivation), .inherited = true };
static const struct hm_middleware *const stages[] = { &handed_down, NULL };

static void
plugin_start(void)
{
	static struct hm_props props;
	struct hmt_probe *probe = &actor;

	actor = other = child = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	props = *hmt_probe_props(0);
	props.middleware = stages;
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
}

/* The leaves first, and then those who had children. */
Test(engine_passivation_plugin, plugin__makes_descendants_passive_from_the_leaves_up)
{
	plugin_start();
	hmt_do(&node, actor.pid, child_spawn, NULL);
	wait_over();
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	cr_assert(!has_stopped());
	wait_over();
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

Test(engine_passivation_plugin, plugin__sets_it_again_behind_a_restart)
{
	plugin_start();
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 2);
	wait_over();
	cr_assert(has_stopped());
	hmt_node_end(&node);
}

static void
set_without_memory(struct hm_ctx *ctx, void *arg)
{
	struct hmi_slab full = hmt_slab_drain(&ctx->receive_timeouts);

	(void)arg;
	hmt_memory_refuse();
	cr_assert_eq(hm_passivation_set(ctx, IDLE_US), HM_NO_MEMORY);
	cr_assert_eq(hm_passivation(ctx), 0);
	hm_passivation_start(ctx, NULL, (void *)(uintptr_t)&idle_us);
	hmt_memory_allow();
	ctx->receive_timeouts = full;
}

Test(engine_passivation_plugin, memory__without_it_the_actor_stays)
{
	start();
	hmt_do(&node, other.pid, set_without_memory, NULL);
	wait_us(4 * IDLE_US);
	cr_assert_eq(hmt_seen_count(&other, HM_STOPPED), 0);
	hmt_node_end(&node);
}

/* ---- Whom its parent keeps -------------------------------------------------------------------------- */

/* What those are, and the props of each. */
enum kept {
	ROUTEES,
	WORKERS,
	STAGES,
	KINDS,
};

#define EACH 3u

/* What they have seen, in the order in which they have started. */
static struct {
	struct hm_pid pids[64];
	uint32_t started, stopped;
} seen;

static void
kept_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		seen.pids[seen.started++ % RTE_DIM(seen.pids)] = hm_self(ctx);
	else if (hm_msg_type(msg) == HM_STOPPED)
		seen.stopped++;
	else if (hm_msg_type(msg) == HMT_EMPTY)
		child_spawn(ctx, NULL);
}

#define KEPT_PROPS(...)                                                                \
	{                                                                              \
		.receive = kept_receive, .state_size = sizeof(struct hm_pid),          \
		.args_size = sizeof(struct hm_pid), .lcore = HM_LCORE_ANY, __VA_ARGS__ \
	}

static const struct hm_middleware own_stage = { HM_PLUGIN(&passivation) };
static const struct hm_middleware *const own_stages[] = { &own_stage, NULL };
static const struct hm_props plain_props = KEPT_PROPS(.middleware = NULL);
static const struct hm_props passive_props = KEPT_PROPS(.middleware = own_stages);
static const struct hm_pid no_args;

struct making {
	enum kept kind;
	const struct hm_props *props;
	struct hm_pid pid;
};

static void
make(struct hm_ctx *ctx, void *arg)
{
	struct making *m = arg;
	const struct hm_stage one = { m->props, NULL };
	static struct hm_stage all[EACH];
	const struct hm_router router = { .size = EACH, .props = m->props, .args = &no_args };
	const struct hm_workers workers = { .props = m->props, .args = &no_args, .count = EACH };
	const struct hm_pipeline pipeline = { .stages = all, .count = EACH };

	for (uint32_t i = 0; i < EACH; i++)
		all[i] = one;
	if (m->kind == ROUTEES)
		cr_assert_eq(hm_router_spawn(ctx, &router, NULL, &m->pid), 0);
	else if (m->kind == WORKERS)
		cr_assert_eq(hm_workers_spawn(ctx, &workers, NULL, &m->pid), 0);
	else
		cr_assert_eq(hm_pipeline_spawn(ctx, &pipeline, NULL, &m->pid), 0);
}

/* By `actor`, which hands its passivation down. */
static void
kept_start(struct making *m, enum kept kind, const struct hm_props *with)
{
	*m = (struct making){ .kind = kind, .props = with };
	memset(&seen, 0, sizeof(seen));
	plugin_start();
	hmt_do(&node, actor.pid, make, m);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.started, EACH);
}

Test(engine_passivation_plugin, kept__are_not_passive_by_what_is_handed_down)
{
	for (enum kept kind = ROUTEES; kind < KINDS; kind++) {
		struct making m;

		kept_start(&m, kind, &plain_props);
		wait_us(6 * IDLE_US);
		cr_assert_eq(seen.stopped, 0, "%d", (int)kind);
		cr_assert(!has_stopped(), "it has children");
		cr_assert_eq(hmt_stats(&node).failed, 0);
		hmt_node_end(&node);
	}
}

Test(engine_passivation_plugin, kept__hand_it_down_to_their_own_children)
{
	for (enum kept kind = ROUTEES; kind < KINDS; kind++) {
		struct making m;

		kept_start(&m, kind, &plain_props);
		cr_assert_eq(hm_system_send(node.sys, seen.pids[0], HMT_EMPTY, NULL), HM_OK);
		hmt_turn_until_idle(&node);
		wait_over();
		cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1, "%d", (int)kind);
		cr_assert_eq(seen.stopped, 0);
		hmt_node_end(&node);
	}
}

/* A plugin of their own counts, and they are kept all the same. */
Test(engine_passivation_plugin, kept__that_want_it_themselves)
{
	for (enum kept kind = ROUTEES; kind < KINDS; kind++) {
		struct making m;

		kept_start(&m, kind, &passive_props);
		wait_over();
		cr_assert_eq(seen.stopped, EACH, "%d", (int)kind);
		wait_us(IDLE_US / 2);
		cr_assert_eq(seen.started, 2 * EACH, "%d: others in their place", (int)kind);
		cr_assert_eq(hmt_stats(&node).failed, kind == STAGES, "%d", (int)kind);
		hmt_node_end(&node);
	}
}
