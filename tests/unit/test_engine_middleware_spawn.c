/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware around spawns, and whose stages are whose: of descendants, and of actors that move.
 */
#include <errno.h>

#include "hm_move.h"
#include "test_engine_middleware.h"

TestSuite(engine_middleware_spawn, .init = hmt_eal_start);

/* ---- Spawn ---------------------------------------------------------------------------------- */

static struct hmt_probe child, grandchild;
static int spawn_rc;
static uint32_t spawn_lcore;

static void
spawn_child(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = arg;

	*probe = (struct hmt_probe){ 0 };
	spawn_rc = hmt_probe_child(ctx, probe, spawn_lcore, NULL);
}

Test(engine_middleware_spawn, spawn__passes_through)
{
	START(&outer, &inner);
	spawn_lcore = HMT_LCORE_SAME;
	hmt_do(&node, actor.pid, spawn_child, &child);
	cr_assert_eq(spawn_rc, 0);
	cr_assert_str_eq(trace, "ab");
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 1);
	/* They are not its child's. */
	hmt_number(&node, child.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(trace, "ab");
	hmt_node_end(&node);
}

static int
spawn_refused(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	      const struct hm_spawn_next *next, void *arg)
{
	(void)ctx;
	(void)what;
	(void)pid;
	(void)next;
	(void)arg;
	return -EPERM;
}

static int
spawn_there(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	    const struct hm_spawn_next *next, void *arg)
{
	struct hm_spawning changed = *what;

	(void)arg;
	changed.props = hmt_probe_props(1);
	cr_assert_eq(hm_spawn_next(ctx, NULL, pid, next), -EINVAL);
	cr_assert_eq(hm_spawn_next(ctx, &changed, NULL, next), -EINVAL);
	return hm_spawn_next(ctx, &changed, pid, next);
}

static const struct hm_middleware childless = { .spawn = spawn_refused };
static const struct hm_middleware placing = { .spawn = spawn_there };

Test(engine_middleware_spawn, spawn__a_stage_refuses)
{
	START(&childless);
	spawn_lcore = HMT_LCORE_SAME;
	hmt_do(&node, actor.pid, spawn_child, &child);
	cr_assert_eq(spawn_rc, -EPERM);
	cr_assert_eq(child.count, 0);
	hmt_node_end(&node);
}

Test(engine_middleware_spawn, spawn__a_stage_changes_what_is_spawned)
{
	START(&placing);
	spawn_lcore = HMT_LCORE_SAME;
	hmt_do(&node, actor.pid, spawn_child, &child);
	cr_assert_eq(spawn_rc, 0);
	cr_assert_eq(hm_pid_lcore(child.pid), 1);
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 1);
	hmt_node_end(&node);
}

/* ---- Whose they are ------------------------------------------------------------------------- */

Test(engine_middleware_spawn, inherited__descendants_have_them_on_any_lcore)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		START(&handed_down, &inner);
		spawn_lcore = lcore;
		hmt_do(&node, actor.pid, spawn_child, &child);
		cr_assert_eq(spawn_rc, 0);
		hmt_do(&node, child.pid, spawn_child, &grandchild);
		cr_assert_eq(spawn_rc, 0);
		cr_assert_str_eq(trace, "ibi");
		hmt_number(&node, grandchild.pid, 1);
		hmt_turn_until_idle(&node);
		cr_assert_str_eq(trace, "ibii");
		hmt_do(&node, grandchild.pid, send_number, NULL);
		cr_assert_str_eq(trace, "ibiii");
		hmt_node_end(&node);
	}
}

static const struct hm_middleware *const own_stages[] = { &inner, NULL };
static struct hm_props own_props;

static void
spawn_own(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &child;

	(void)arg;
	child = (struct hmt_probe){ 0 };
	own_props = *hmt_probe_props(HMT_LCORE_SAME);
	own_props.middleware = own_stages;
	spawn_rc = hm_spawn(ctx, &own_props, "own", &probe, &child.pid);
}

Test(engine_middleware_spawn, inherited__stages_are_outside_of_the_childs_own)
{
	START(&handed_down);
	hmt_do(&node, actor.pid, spawn_own, NULL);
	cr_assert_eq(spawn_rc, 0);
	trace[0] = '\0';
	hmt_number(&node, child.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(trace, "ib");
	hmt_node_end(&node);
}

/* One of the parent's, so many of the child's own. */
static const struct hm_middleware *many[HM_MIDDLEWARE_MAX + 2];

static void
spawn_many(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &child;

	for (uint32_t i = 0; i < RTE_DIM(many); i++)
		many[i] = i < *(uint32_t *)arg ? &inner : NULL;
	child = (struct hmt_probe){ 0 };
	own_props = *hmt_probe_props(HMT_LCORE_SAME);
	own_props.middleware = many;
	spawn_rc = hm_spawn(ctx, &own_props, NULL, &probe, &child.pid);
}

Test(engine_middleware_spawn, stages__of_ancestors_and_ones_own_are_bounded)
{
	uint32_t count = HM_MIDDLEWARE_MAX - 1;

	START(&handed_down);
	hmt_do(&node, actor.pid, spawn_many, &count);
	cr_assert_eq(spawn_rc, 0);
	trace[0] = '\0';
	hmt_number(&node, child.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(trace, "ibbbbbbbbbbbbbbb");
	count = HM_MIDDLEWARE_MAX;
	hmt_do(&node, actor.pid, spawn_many, &count);
	cr_assert_eq(spawn_rc, -E2BIG);
	hmt_do(&node, other.pid, spawn_many, &count);
	cr_assert_eq(spawn_rc, 0);
	count = HM_MIDDLEWARE_MAX + 1;
	hmt_do(&node, other.pid, spawn_many, &count);
	cr_assert_eq(spawn_rc, -E2BIG);
	hmt_node_end(&node);
}

Test(engine_middleware_spawn, stages__go_along_when_the_actor_moves)
{
	START(&outer);
	cr_assert_eq(hm_system_move(node.sys, actor.pid, 1), 0);
	hmt_turn_until_idle(&node);
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	hmt_do(&node, actor.pid, send_number, NULL);
	cr_assert_str_eq(trace, "aa");
	hmt_node_end(&node);
}
