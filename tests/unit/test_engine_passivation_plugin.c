/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passivation as a plugin, which may be handed down; and without memory.
 */
#include "hm_plugin.h"
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
