/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and paths.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_registry, .init = hmt_eal_start);

struct search {
	const char *path;
	int rc;
	struct hm_pid pid;
};

static void
search_it(struct hm_ctx *ctx, void *arg)
{
	struct search *search = arg;

	search->rc = hm_lookup(hm_system(ctx), search->path, &search->pid);
}

static void
child_spawn(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *child = arg;

	cr_assert_eq(hmt_probe_child(ctx, child, 1, child->arg), 0);
}

static void
cr_expect_path(struct hmt_node *node, struct hm_pid from, const char *path, struct hm_pid pid)
{
	struct search search = { .path = path, .pid = hm_pid_none() };
	struct hm_pid found = hm_pid_none();

	hmt_do(node, from, search_it, &search);
	cr_assert_eq(search.rc, hm_pid_is_none(pid) ? -ENOENT : 0, "%s", path);
	cr_assert(hm_pid_equal(search.pid, pid), "%s", path);
	cr_assert_eq(hm_lookup(node->sys, path, &found), search.rc);
	cr_assert(hm_pid_equal(found, pid), "%s", path);
}

Test(engine_registry, lookup__paths_of_actors_and_of_the_systems_own)
{
	static struct hmt_probe parent, child, grandchild;
	struct hmt_node node;

	child.arg = (void *)(uintptr_t) "child";
	grandchild.arg = (void *)(uintptr_t) "child";
	hmt_node_start(&node, 2);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, "parent"), child_spawn, &child);
	hmt_do(&node, child.pid, child_spawn, &grandchild);
	cr_expect_path(&node, child.pid, "/user/parent", parent.pid);
	cr_expect_path(&node, child.pid, "/user/parent/child", child.pid);
	cr_expect_path(&node, child.pid, "/user/parent/child/child", grandchild.pid);
	cr_expect_path(&node, child.pid, "/user", node.sys->user);
	cr_expect_path(&node, child.pid, "/deadLetters", hm_system_dead_letters(node.sys));
	cr_expect_path(&node, child.pid, "/user/parent/", hm_pid_none());
	cr_expect_path(&node, child.pid, "/user/nobody", hm_pid_none());
	cr_expect_path(&node, child.pid, "parent", hm_pid_none());
	cr_expect_path(&node, child.pid, "/", node.sys->root);
	cr_expect_path(&node, child.pid, "/system", node.sys->system);
	cr_expect_path(&node, child.pid, "/temp", node.sys->temp);
	cr_expect_path(&node, child.pid, "", hm_pid_none());
	hmt_node_end(&node);
}

Test(engine_registry, lookup__a_stopped_actor_is_not_found)
{
	static struct hmt_probe probe, other;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &probe, 1, "one");
	cr_expect_path(&node, other.pid, "/user/one", probe.pid);
	hmt_stop(&node, probe.pid);
	cr_expect_path(&node, other.pid, "/user/one", hm_pid_none());
	hmt_node_end(&node);
}

Test(engine_registry, names__of_anonymous_parents_children_do_not_meet)
{
	static struct hmt_probe parents[2], children[2];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < 2; i++) {
		children[i].arg = (void *)(uintptr_t) "same";
		hmt_do(&node, hmt_probe_spawn(&node, &parents[i], i, NULL), child_spawn, &children[i]);
	}
	hmt_node_end(&node);
}

static void
child_too_deep(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probes = arg;
	char name[HM_NAME_MAX + 1];
	int rc = 0;

	memset(name, 'n', HM_NAME_MAX);
	name[HM_NAME_MAX] = '\0';
	(void)probes;
	rc = hmt_probe_child(ctx, &probes[1], HMT_LCORE_SAME, name);
	cr_assert(rc == 0 || rc == -ENAMETOOLONG);
	*(int *)probes[0].arg = rc;
}

Test(engine_registry, names__a_path_that_is_too_long_is_refused)
{
	static struct hmt_probe probes[16];
	struct hmt_node node;
	int rc = 0, depth = 0;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probes[0], 0, "top");
	while (rc == 0 && depth < 15) {
		probes[depth].arg = &rc;
		hmt_do(&node, probes[depth].pid, child_too_deep, &probes[depth]);
		depth++;
	}
	cr_assert_eq(rc, -ENAMETOOLONG);
	cr_assert_eq(depth, (int)(HM_PATH_MAX - strlen("/user/top")) / (int)(HM_NAME_MAX + 1) + 1);
	hmt_node_end(&node);
}

/* A child whose name has `length` characters. */
struct named_child {
	struct hmt_probe *probe;
	size_t length;
	int rc;
};

static void
named_spawn(struct hm_ctx *ctx, void *arg)
{
	struct named_child *child = arg;
	char name[HM_NAME_MAX + 1] = { 0 };

	memset(name, 'n', child->length);
	child->rc = hmt_probe_child(ctx, child->probe, HMT_LCORE_SAME, name);
}

Test(engine_registry, names__longest_path_and_one_character_more)
{
	static struct hmt_probe probes[10];
	struct named_child child = { .length = HM_NAME_MAX };
	char path[HM_PATH_MAX + 1] = "/user/top";
	size_t length = strlen(path);
	struct hmt_node node;
	int depth = 0;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probes[0], 0, "top");
	memset(path + length, 'n', sizeof(path) - length - 1);
	for (; length + 1 + HM_NAME_MAX < HM_PATH_MAX; length += 1 + HM_NAME_MAX) {
		path[length] = '/';
		child.probe = &probes[depth + 1];
		hmt_do(&node, probes[depth++].pid, named_spawn, &child);
		cr_assert_eq(child.rc, 0);
	}
	path[length] = '/';
	child.probe = &probes[depth + 1];
	child.length = HM_PATH_MAX - length - 1;
	hmt_do(&node, probes[depth].pid, named_spawn, &child);
	cr_assert_eq(child.rc, -ENAMETOOLONG);
	child.length--;
	hmt_do(&node, probes[depth].pid, named_spawn, &child);
	cr_assert_eq(child.rc, 0);
	cr_expect_path(&node, probes[0].pid, path, hm_pid_none());
	path[HM_PATH_MAX - 1] = '\0';
	cr_expect_path(&node, probes[0].pid, path, child.probe->pid);
	hmt_node_end(&node);
}

Test(engine_registry, names__a_thousand_come_and_go)
{
	static struct hmt_probe probes[8];
	struct hmt_node node;
	char name[16];

	hmt_node_start(&node, 3);
	for (int i = 0; i < 1000; i++) {
		struct hmt_probe *probe = &probes[i % 8];

		if (i >= 8)
			hmt_stop(&node, probe->pid);
		snprintf(name, sizeof(name), "actor-%d", i % 8);
		*probe = (struct hmt_probe){ 0 };
		hmt_probe_spawn(&node, probe, (uint32_t)i % 3, name);
	}
	hmt_node_end(&node);
}

Test(engine_registry, systems__have_names_of_their_own)
{
	static struct hmt_probe a, b;
	struct hmt_node first, second;
	struct hm_pid pid;

	hmt_node_start(&first, 2);
	hmt_node_start(&second, 2);
	cr_assert_neq(hm_system_node(first.sys), hm_system_node(second.sys));
	hmt_probe_spawn(&first, &a, 1, "one");
	cr_assert_eq(hm_lookup(second.sys, "/user/one", &pid), -ENOENT);
	hmt_probe_spawn(&second, &b, 1, "one");
	hmt_number(&first, a.pid, 1);
	hmt_number(&second, b.pid, 2);
	/* A PID of one means nobody in the other, though place and generation are the same. */
	cr_assert_eq(hm_system_send(first.sys, b.pid, HMT_EMPTY, NULL), HM_NO_RECEIVER);
	hmt_turn_until_idle(&first);
	hmt_turn_until_idle(&second);
	cr_assert_eq(hmt_seen_last(&a, HMT_NUMBER)->number, 1);
	cr_assert_eq(hmt_seen_last(&b, HMT_NUMBER)->number, 2);
	/* The first ends, the second goes on. */
	hmt_node_end(&first);
	hmt_number(&second, b.pid, 3);
	hmt_turn_until_idle(&second);
	cr_assert_eq(hmt_seen_last(&b, HMT_NUMBER)->number, 3);
	hmt_node_start(&first, 1);
	hmt_node_end(&first);
	hmt_node_end(&second);
}
