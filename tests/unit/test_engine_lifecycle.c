/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting, stopping, and watching: who is told what, in which order, and how often.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_lifecycle, .init = hmt_eal_start);

/* What happened to several actors, in order: who, and the message's type. */
struct diary {
	struct hmt_probe *who[512];
	uint16_t type[512];
	uint32_t count;
};

static void
write_diary(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct diary *diary = probe->arg;

	(void)ctx;
	cr_assert_lt(diary->count, 512);
	diary->who[diary->count] = probe;
	diary->type[diary->count++] = hm_msg_type(msg);
}

/* Place of what happened first; UINT32_MAX: it did not. */
static uint32_t
when(const struct diary *diary, const struct hmt_probe *who, uint16_t type)
{
	for (uint32_t i = 0; i < diary->count; i++) {
		if (diary->who[i] == who && diary->type[i] == type)
			return i;
	}
	return UINT32_MAX;
}

static void
poison_it(struct hm_ctx *ctx, void *pid)
{
	cr_assert_eq(hm_poison(ctx, *(struct hm_pid *)pid), HM_OK);
}

/* ---- Stop and poison -------------------------------------------------------------- */

Test(engine_lifecycle, stop__stopping_and_stopped_come_once_and_last)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		static struct hmt_probe probe, other;
		struct hmt_node node;

		probe = other = (struct hmt_probe){ 0 };
		hmt_node_start(&node, 2);
		hmt_probe_spawn(&node, &probe, lcore, NULL);
		hmt_probe_spawn(&node, &other, 0, NULL);
		hmt_turn_until_idle(&node);
		hmt_do(&node, other.pid, hmt_stop_that, &probe.pid);
		hmt_do(&node, other.pid, hmt_stop_that, &probe.pid);
		hmt_number(&node, probe.pid, 1);
		hmt_turn_until_idle(&node);
		cr_assert_eq(probe.count, 3);
		cr_assert_eq(probe.seen[0].type, HM_STARTED);
		cr_assert_eq(probe.seen[1].type, HM_STOPPING);
		cr_assert_eq(probe.seen[2].type, HM_STOPPED);
		cr_assert_eq(hmt_stats(&node).stopped, 1);
		hmt_node_end(&node);
	}
}

Test(engine_lifecycle, stop__before_started_comes_after_it)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	cr_assert_eq(hm_system_stop_actor(node.sys, probe.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probe.count, 3);
	cr_assert_eq(probe.seen[0].type, HM_STARTED);
	cr_assert_eq(probe.seen[2].type, HM_STOPPED);
	hmt_node_end(&node);
}

static void
stop_after_numbers(struct hm_ctx *ctx, void *pid)
{
	for (uint64_t i = 0; i < 5; i++)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &i), HM_OK);
	hm_stop(ctx, *(struct hm_pid *)pid);
}

Test(engine_lifecycle, stop__overtakes_user_messages_which_become_dead_letters)
{
	static struct hmt_probe probe, other;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &other, 0, NULL), stop_after_numbers, &probe.pid);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 5);
	hmt_node_end(&node);
}

static void
poison_between_numbers(struct hm_ctx *ctx, void *pid)
{
	for (uint64_t i = 0; i < 6; i++) {
		if (i == 3)
			poison_it(ctx, pid);
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &i), HM_OK);
	}
}

Test(engine_lifecycle, poison__comes_in_its_turn)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		static struct hmt_probe probe, other;
		struct hmt_node node;

		probe = other = (struct hmt_probe){ 0 };
		hmt_node_start(&node, 2);
		hmt_probe_spawn(&node, &probe, lcore, NULL);
		hmt_do(&node, hmt_probe_spawn(&node, &other, 0, NULL), poison_between_numbers, &probe.pid);
		cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 3);
		cr_assert_eq(probe.seen[probe.count - 1].type, HM_STOPPED);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 3);
		hmt_node_end(&node);
	}
}

Test(engine_lifecycle, poison__stale_or_nobody_does_nothing)
{
	static struct hmt_probe probe, other;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, probe.pid);
	hmt_do(&node, hmt_probe_spawn(&node, &other, 0, NULL), poison_it, &probe.pid);
	hmt_do(&node, other.pid, hmt_stop_that, &probe.pid);
	cr_assert_eq(hmt_dead(&node), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, hm_pid_none()), 0);
	hmt_node_end(&node);
}

static void
stop_then_send(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && *(const uint64_t *)hm_msg_body(msg) == 1) {
		hm_stop(ctx, hm_self(ctx));
		cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_EMPTY, NULL), HM_OK);
	}
}

Test(engine_lifecycle, stop__of_itself_comes_after_the_current_message)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	probe.on_msg = stop_then_send;
	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (uint64_t i = 1; i <= 3; i++)
		hmt_number(&node, probe.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 0);
	cr_assert_eq(hmt_dead(&node), 3);
	hmt_node_end(&node);
}

static void
stop_at_start(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_STARTED)
		hm_stop(ctx, hm_self(ctx));
}

Test(engine_lifecycle, stop__of_itself_while_starting)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	probe.on_msg = stop_at_start;
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_number(&node, probe.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probe.count, 3);
	cr_assert_eq(probe.seen[2].type, HM_STOPPED);
	hmt_node_end(&node);
}

/* ---- Children ------------------------------------------------------------------------ */

struct family {
	struct diary diary;
	struct hmt_probe parent, child[3], grandchild;
};

static void
grandchild_spawn(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, HMT_LCORE_ANY, NULL), 0);
}

static void
children_spawn(struct hm_ctx *ctx, void *arg)
{
	struct family *family = arg;

	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hmt_probe_child(ctx, &family->child[i], i, NULL), 0);
}

static void
family_start(struct hmt_node *node, struct family *family)
{
	struct hmt_probe *members[] = { &family->parent, &family->child[0], &family->child[1],
					&family->child[2], &family->grandchild };

	*family = (struct family){ 0 };
	for (size_t i = 0; i < RTE_DIM(members); i++) {
		members[i]->on_msg = write_diary;
		members[i]->arg = &family->diary;
	}
	hmt_node_start(node, 3);
	hmt_probe_spawn(node, &family->parent, 1, "parent");
	hmt_do(node, family->parent.pid, children_spawn, family);
	hmt_do(node, family->child[2].pid, grandchild_spawn, &family->grandchild);
}

static void
family_expect_stopped(const struct family *family)
{
	const struct diary *diary = &family->diary;
	uint32_t parent_stopping = when(diary, &family->parent, HM_STOPPING);
	uint32_t parent_stopped = when(diary, &family->parent, HM_STOPPED);

	cr_assert_neq(parent_stopped, UINT32_MAX);
	for (int i = 0; i < 3; i++) {
		cr_assert_lt(parent_stopping, when(diary, &family->child[i], HM_STOPPING));
		cr_assert_lt(when(diary, &family->child[i], HM_STOPPED), parent_stopped);
	}
	cr_assert_lt(when(diary, &family->child[2], HM_STOPPING),
		     when(diary, &family->grandchild, HM_STOPPING));
	cr_assert_lt(when(diary, &family->grandchild, HM_STOPPED),
		     when(diary, &family->child[2], HM_STOPPED));
	cr_assert_eq(hmt_seen_count(&family->parent, HM_TERMINATED), 3);
	cr_assert_eq(hmt_seen_count(&family->child[2], HM_TERMINATED), 1);
}

Test(engine_lifecycle, stop__children_on_all_lcores_stop_first)
{
	static struct family family;
	struct hmt_node node;

	family_start(&node, &family);
	hmt_stop(&node, family.parent.pid);
	family_expect_stopped(&family);
	hmt_node_end(&node);
}

Test(engine_lifecycle, system_stop__stops_everybody_children_first)
{
	static struct family family;
	struct hmt_node node;

	family_start(&node, &family);
	hmt_node_end(&node);
	family_expect_stopped(&family);
}

static void
stop_the_system(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_system_stop(hm_system(ctx));
}

Test(engine_lifecycle, system_stop__by_an_actor_of_another_lcore)
{
	static struct family family;
	struct hmt_node node;

	family_start(&node, &family);
	hmt_do(&node, family.child[2].pid, stop_the_system, NULL);
	family_expect_stopped(&family);
	hmt_node_end(&node);
}

Test(engine_lifecycle, system_stop__before_the_first_turn)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 3);
	hmt_probe_spawn(&node, &probe, 2, NULL);
	hmt_node_end(&node);
	cr_assert_eq(hmt_seen_count(&probe, HM_STARTED), 1);
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
}

static void
child_spawn_and_stop(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, 2, "brief"), 0);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_lifecycle, stop__parent_stops_before_its_childs_spawn_arrives)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	hmt_node_start(&node, 3);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), child_spawn_and_stop, &child);
	cr_assert_eq(child.count, 3);
	cr_assert_eq(child.seen[0].type, HM_STARTED);
	cr_assert_eq(child.seen[2].type, HM_STOPPED);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_count(&parent, HM_STOPPED), 1);
	hmt_node_end(&node);
}

Test(engine_lifecycle, drop__everything_under_way_is_accounted_for)
{
	static struct family family;
	struct hmt_deed deed = { child_spawn_and_stop, &family.grandchild };
	struct hm_pid pid;
	struct hmt_node node;

	family_start(&node, &family);
	for (uint64_t i = 0; i < 100; i++)
		hmt_number(&node, family.child[i % 3].pid, i);
	cr_assert_eq(hm_system_send(node.sys, family.child[0].pid, HMT_DO, &deed), HM_OK);
	/* Spawns, stops and numbers are in mailboxes, lanes and the outbox. */
	hm_system_turn(node.sys);
	for (uint64_t i = 0; i < 100; i++)
		hmt_number(&node, family.child[i % 3].pid, i);
	cr_assert_eq(hm_system_spawn(node.sys, hmt_probe_props(2), "late",
				     &(struct hmt_probe *){ &family.grandchild }, &pid),
		     0);
	hmt_node_drop(&node);
}

/* ---- The end -------------------------------------------------------------------------- */

static void
watch_late(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_pid *other = probe->arg;
	struct hm_timer timer;

	if (hm_msg_type(msg) != HM_STOPPED)
		return;
	/* All of it is undone at once. */
	cr_assert_eq(hm_watch(ctx, *other), HM_OK);
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, 1, 1, &timer), HM_OK);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_EMPTY, NULL), HM_OK);
	hm_stop(ctx, hm_self(ctx));
	cr_assert_eq(hm_poison(ctx, hm_self(ctx)), HM_OK);
}

Test(engine_lifecycle, stopped__what_an_actor_does_last_leaves_nothing_behind)
{
	static struct hmt_probe probe, other;
	struct hmt_node node;

	probe.on_msg = watch_late;
	probe.arg = &other.pid;
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, probe.pid);
	hmt_elapse(&node, 1000);
	cr_assert_eq(hmt_dead(&node), 100);
	cr_assert_eq(node.sys->lcores[0]->links.count, 1, "the guardian's link to the other one");
	hmt_node_end(&node);
}

/* Fills the outbox while an actor's mailbox is dead-lettered, with messages for that very actor. */
static void
many_watch_and_write(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HM_STOPPED)
		return;
	for (uint64_t i = 0; i < 31; i++)
		cr_assert_eq(hm_send(ctx, probe->pid, HMT_NUMBER, &i), HM_OK);
}

Test(engine_lifecycle, stopped__a_full_outbox_delivers_nothing_into_a_dead_mailbox)
{
	for (uint32_t watchers_count = 0; watchers_count < 40; watchers_count += 3) {
		static struct hmt_probe probe, watchers[40];
		struct hmt_node node;

		probe = (struct hmt_probe){ .on_msg = many_watch_and_write };
		memset(watchers, 0, sizeof(watchers));
		hmt_node_start(&node, 1);
		hmt_probe_spawn(&node, &probe, 0, NULL);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hm_dead_letters_subscribe(node.sys, probe.pid), 0);
		for (uint32_t i = 0; i < watchers_count; i++)
			hmt_do(&node, hmt_probe_spawn(&node, &watchers[i], 0, NULL), hmt_watch, &probe.pid);
		hmt_stop(&node, probe.pid);
		for (uint32_t i = 0; i < watchers_count; i++)
			cr_assert_eq(hmt_seen_count(&watchers[i], HM_TERMINATED), 1);
		hmt_node_end(&node);
	}
}

/* ---- Names ------------------------------------------------------------------------------- */

static void
respawn(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hmt_probe *child = probe->arg;

	if (hm_msg_type(msg) == HM_TERMINATED && hmt_seen_count(probe, HM_TERMINATED) <= 10)
		cr_assert_eq(hmt_probe_child(ctx, child, hmt_seen_count(probe, HM_TERMINATED) % 3, "one"), 0);
}

static void
named_spawn(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, 2, "one"), 0);
}

Test(engine_lifecycle, terminated__the_name_is_free_again)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	parent.on_msg = respawn;
	parent.arg = &child;
	child.on_msg = stop_at_start;
	hmt_node_start(&node, 3);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), named_spawn, &child);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 11);
	hmt_node_end(&node);
}
