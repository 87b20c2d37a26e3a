/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins: when their functions are called, with which part of the state, and what they may not do to others.
 */
#include <criterion/criterion.h>

#include "hm_behaviour.h"
#include "hm_move.h"
#include "hm_plugin.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_plugin, .init = hmt_eal_start);

static struct hmt_node node;

/* What a plugin keeps of its actor, and what the actor has seen of it. */
struct counted {
	uint32_t starts, messages;
};

struct state {
	uint64_t own;
	struct counted counted;
	uint64_t behind;
};

static struct {
	uint32_t starts_at_started, calls;
	uint16_t last;
	struct counted at_number;
	void *mixin;
} seen;

static void
count_start(struct hm_ctx *ctx, void *mixin, void *arg)
{
	struct counted *counted = mixin;

	cr_assert_eq(hm_msg_type(ctx->msg), HM_STARTED);
	seen.calls++;
	seen.mixin = mixin;
	if (counted != NULL)
		counted->starts += *(const uint32_t *)arg;
}

static void
count_message(struct hm_ctx *ctx, void *mixin, const struct hm_msg *msg, void *arg)
{
	struct counted *counted = mixin;

	(void)ctx;
	(void)arg;
	seen.calls++;
	seen.last = hm_msg_type(msg);
	if (counted != NULL)
		counted->messages++;
}

static const uint32_t one = 1;
static const struct hm_plugin counting = { .name = "counting",
					   .on_start = count_start,
					   .on_message = count_message,
					   .arg = (void *)(uintptr_t)&one,
					   HM_MIXIN(struct state, counted) };
static const struct hm_plugin alone = { .on_start = count_start,
					.on_message = count_message,
					.arg = (void *)(uintptr_t)&one };
static const struct hm_plugin nothing = { .name = "nothing" };
static const struct hm_middleware counting_stage = { HM_PLUGIN(&counting) };
static const struct hm_middleware alone_stage = { HM_PLUGIN(&alone), .inherited = true };
static const struct hm_middleware nothing_stage = { HM_PLUGIN(&nothing) };

static void
receive(struct hm_ctx *ctx, void *at, const struct hm_msg *msg)
{
	struct state *state = at;

	if (hm_msg_type(msg) == HM_STARTED)
		seen.starts_at_started = state->counted.starts;
	if (hm_msg_type(msg) == HMT_NUMBER) {
		state->own++;
		seen.at_number = state->counted;
		cr_assert_eq(state->behind, 0);
	}
	if (hm_msg_type(msg) == HMT_EMPTY)
		hm_fail(ctx, "on purpose");
}

static struct hm_props props;
static struct hm_pid actor;

static void
start(uint32_t state_size, const struct hm_middleware *const *stages)
{
	memset(&seen, 0, sizeof(seen));
	hmt_node_start(&node, 2);
	props = (struct hm_props){ .receive = receive, .state_size = state_size, .middleware = stages };
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, NULL, &actor), 0);
	hmt_turn_until_idle(&node);
}

#define START(bytes, ...)                                                                   \
	do {                                                                                \
		static const struct hm_middleware *const stages_[] = { __VA_ARGS__, NULL }; \
		start(bytes, stages_);                                                      \
	} while (0)

Test(engine_plugin, plugin__fills_its_part_of_the_state_before_the_actor_starts)
{
	START(sizeof(struct state), &counting_stage, &nothing_stage);
	cr_assert_eq(seen.starts_at_started, 1);
	hmt_number(&node, actor, 1);
	hmt_number(&node, actor, 2);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.at_number.messages, 2);
	hmt_stop(&node, actor);
	cr_assert_eq(seen.last, HM_STOPPED);
	cr_assert_eq(seen.calls, 5);
	hmt_node_end(&node);
}

Test(engine_plugin, plugin__starts_again_with_a_fresh_part_behind_a_restart)
{
	START(sizeof(struct state), &counting_stage);
	cr_assert_eq(hm_system_send(node.sys, actor, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.starts_at_started, 1);
	hmt_number(&node, actor, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.at_number.starts, 1);
	cr_assert_eq(seen.at_number.messages, 1);
	hmt_node_end(&node);
}

Test(engine_plugin, plugin__goes_along_when_the_actor_moves)
{
	START(sizeof(struct state), &counting_stage);
	cr_assert_eq(hm_system_move(node.sys, actor, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.last, HM_MOVED);
	hmt_number(&node, actor, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.at_number.messages, 2);
	cr_assert_eq(seen.at_number.starts, 1);
	hmt_node_end(&node);
}

/* Two with one part each, in the order of the stages. */
Test(engine_plugin, plugin__several_have_each_their_own_part)
{
	static const struct hm_plugin again = { .on_start = count_start,
						.arg = (void *)(uintptr_t)&one,
						.mixin_at = 0,
						.mixin_size = sizeof(struct counted) };
	static const struct hm_middleware again_stage = { HM_PLUGIN(&again) };

	START(sizeof(struct state), &again_stage, &counting_stage);
	cr_assert_eq(seen.calls, 2);
	cr_assert_eq(seen.starts_at_started, 1);
	hmt_node_end(&node);
}

Test(engine_plugin, plugin__without_a_part_may_be_inherited)
{
	static struct hmt_probe parent, child;
	struct hmt_probe *probe = &parent;

	parent = child = (struct hmt_probe){ 0 };
	START(sizeof(struct state), &alone_stage);
	cr_assert_null(seen.mixin);
	props = *hmt_probe_props(0);
	props.middleware = (const struct hm_middleware *const[]){ &alone_stage, NULL };
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &parent.pid), 0);
	hmt_turn_until_idle(&node);
	seen.calls = 0;
	hmt_number(&node, parent.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.calls, 1);
	hmt_node_end(&node);
}

/* Rather than write into what is not the state's: here its first byte is outside, and there its last one. */
Test(engine_plugin, misuse__a_state_without_room_fails_the_actor)
{
	static const uint32_t sizes[] = { 0, 8, 8 + sizeof(struct counted) - 1 };

	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		START(sizes[i], &counting_stage);
		cr_assert_eq(seen.calls, 0, "%u", sizes[i]);
		cr_assert_gt(hmt_stats(&node).failed, 0);
		hmt_node_end(&node);
	}
	START(8 + sizeof(struct counted), &counting_stage);
	cr_assert_eq(hmt_stats(&node).failed, 0);
	hmt_node_end(&node);
}

static void
start_failing(struct hm_ctx *ctx, void *mixin, void *arg)
{
	(void)mixin;
	(void)arg;
	if (seen.calls++ == 0)
		hm_fail(ctx, "the plugin's start");
}

static const struct hm_plugin failing = { .on_start = start_failing };
static const struct hm_middleware failing_stage = { HM_PLUGIN(&failing) };

Test(engine_plugin, fail__of_a_plugin_is_the_actors)
{
	START(sizeof(struct state), &failing_stage, &counting_stage);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	cr_assert_eq(seen.starts_at_started, 1);
	hmt_node_end(&node);
}

/* As if the message had not come first to a plugin: another function, and what was stashed, get it by the same way. */
static void
receive_other(struct hm_ctx *ctx, void *at, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HMT_NUMBER)
		seen.at_number = ((struct state *)at)->counted;
}

static void
receive_becoming(struct hm_ctx *ctx, void *at, const struct hm_msg *msg)
{
	(void)at;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_become(ctx, receive_other);
}

Test(engine_plugin, plugin__stays_whatever_the_behaviour)
{
	static const struct hm_middleware *const stages[] = { &counting_stage, NULL };

	memset(&seen, 0, sizeof(seen));
	hmt_node_start(&node, 1);
	props = (struct hm_props){ .receive = receive_becoming,
				   .state_size = sizeof(struct state),
				   .middleware = stages };
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, NULL, &actor), 0);
	for (uint32_t i = 0; i < 3; i++)
		hmt_number(&node, actor, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen.at_number.messages, 3);
	hmt_node_end(&node);
}
