/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guardians: whose children actors are, and in which order they stop.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_guardian, .init = hmt_eal_start);

static struct hm_pid
lookup(const struct hmt_node *node, const char *path)
{
	struct hm_pid pid = hm_pid_none();

	(void)!hm_lookup(node->sys, path, &pid);
	return pid;
}

static void
system_spawn(struct hmt_node *node, struct hmt_probe *probe, uint32_t lcore, const char *name)
{
	cr_assert_eq(hm_system_spawn_system(node->sys, hmt_probe_props(lcore), name, &probe, &probe->pid), 0);
}

static void
parent_tell(struct hm_ctx *ctx, void *pid)
{
	*(struct hm_pid *)pid = hm_parent(ctx);
}

Test(engine_guardian, spawn__by_the_program_and_by_the_engine)
{
	static struct hmt_probe mine, its;
	struct hm_pid parent = hm_pid_none();
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &mine, 0, "one");
	system_spawn(&node, &its, 1, "one");
	cr_assert(hm_pid_equal(lookup(&node, "/user/one"), mine.pid));
	cr_assert(hm_pid_equal(lookup(&node, "/system/one"), its.pid));
	cr_assert_eq(hm_system_spawn_system(node.sys, hmt_probe_props(0), "one", &(struct hmt_probe *){ 0 },
					    NULL),
		     -EEXIST);
	cr_assert_eq(hm_system_spawn_system(NULL, hmt_probe_props(0), NULL, NULL, NULL), -EINVAL);
	hmt_do(&node, mine.pid, parent_tell, &parent);
	cr_assert(hm_pid_equal(parent, lookup(&node, "/user")));
	hmt_do(&node, its.pid, parent_tell, &parent);
	cr_assert(hm_pid_equal(parent, lookup(&node, "/system")));
	hmt_node_end(&node);
	cr_assert_eq(hmt_seen_count(&its, HM_STOPPED), 1);
}

/* Nobody receives there. */
Test(engine_guardian, send__to_a_guardian_is_a_dead_letter)
{
	static const char *const paths[] = { "/", "/user", "/system", "/temp" };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < RTE_DIM(paths); i++) {
		struct hm_pid pid = lookup(&node, paths[i]);

		cr_assert_not(hm_pid_is_none(pid), "%s", paths[i]);
		hmt_number(&node, pid, 1);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_GUARDIAN], i + 1, "%s", paths[i]);
	}
	hmt_node_end(&node);
}

/* ---- The order of the stop ---------------------------------------------------------- */

/* What stopped, in order. */
struct stops {
	const struct hmt_probe *order[8];
	uint32_t count;
};

static void
stop_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct stops *stops = probe->arg;

	(void)ctx;
	if (hm_msg_type(msg) == HM_STOPPED)
		stops->order[stops->count++] = probe;
}

/* Three children of guardians, of which the last one serves the others, and one of them has a child. */
struct tree {
	struct hmt_node node;
	struct hmt_probe user[2], child, system;
	struct stops stops;
};

static void
child_spawn(struct hm_ctx *ctx, void *probe)
{
	cr_assert_eq(hmt_probe_child(ctx, probe, 2, NULL), 0);
}

static void
tree_start(struct tree *t)
{
	memset(t, 0, sizeof(*t));
	t->user[0] = t->user[1] = t->child = t->system =
		(struct hmt_probe){ .on_msg = stop_note, .arg = &t->stops };
	hmt_node_start(&t->node, 3);
	hmt_probe_spawn(&t->node, &t->user[0], 0, "a");
	hmt_probe_spawn(&t->node, &t->user[1], 1, "b");
	system_spawn(&t->node, &t->system, 0, "served");
	hmt_do(&t->node, t->user[1].pid, child_spawn, &t->child);
}

static uint32_t
place_of(const struct tree *t, const struct hmt_probe *probe)
{
	uint32_t i = 0;

	while (i < t->stops.count && t->stops.order[i] != probe)
		i++;
	return i;
}

Test(engine_guardian, stop__user_comes_before_system)
{
	static struct tree t;

	tree_start(&t);
	hm_system_stop(t.node.sys);
	hmt_turn_until_idle(&t.node);
	cr_assert_eq(t.stops.count, 4);
	cr_assert_eq(t.stops.order[3], &t.system);
	cr_assert_lt(place_of(&t, &t.child), place_of(&t, &t.user[1]));
	hmt_node_end(&t.node);
}

/* Whoever stops a guardian stops the system. */
static void
guardian_stop(const char *path)
{
	static struct tree t;

	tree_start(&t);
	hmt_stop(&t.node, lookup(&t.node, path));
	cr_assert_eq(t.stops.count, 4, "%s", path);
	cr_assert(atomic_load(&t.node.sys->actors_gone), "%s", path);
	cr_assert_eq(place_of(&t, &t.system), strcmp(path, "/system") == 0 ? 0 : place_of(&t, &t.system));
	hmt_node_end(&t.node);
}

Test(engine_guardian, stop__of_a_guardian_stops_the_system)
{
	guardian_stop("/user");
	guardian_stop("/system");
	guardian_stop("/");
}

/* ---- Actors without a name ------------------------------------------------------------- */

static void
named_spawn(struct hm_ctx *ctx, void *probe)
{
	cr_assert_eq(hmt_probe_child(ctx, probe, 1, ((struct hmt_probe *)probe)->arg), 0);
}

/* They get a path with the first child that has a name. */
Test(engine_guardian, temp__has_the_paths_of_actors_without_a_name)
{
	static struct hmt_probe parent, child, second;
	char path[64], below[128];
	struct hmt_node node;

	child = (struct hmt_probe){ .arg = (void *)(uintptr_t) "child" };
	second = (struct hmt_probe){ .arg = (void *)(uintptr_t) "second" };
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_turn_until_idle(&node);
	snprintf(path, sizeof(path), "/temp/$0.%u.%u", hm_pid_slot(parent.pid),
		 hm_pid_generation(parent.pid));
	cr_assert(hm_pid_is_none(lookup(&node, path)));
	hmt_do(&node, parent.pid, named_spawn, &child);
	hmt_do(&node, parent.pid, named_spawn, &second);
	cr_assert(hm_pid_equal(lookup(&node, path), parent.pid));
	snprintf(below, sizeof(below), "%s/child", path);
	cr_assert(hm_pid_equal(lookup(&node, below), child.pid));
	hmt_stop(&node, parent.pid);
	cr_assert(hm_pid_is_none(lookup(&node, path)));
	cr_assert(hm_pid_is_none(lookup(&node, below)));
	cr_assert_eq(atomic_load(&node.sys->temp_path->children), 0);
	hmt_node_end(&node);
}
