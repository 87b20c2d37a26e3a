/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of actors that own much, and what an end makes of messages that are under way.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "dead_pvt.h"
#include "granted_pvt.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"
#include "mark_pvt.h"
#include "msg_pvt.h"

TestSuite(engine_end, .init = hmt_eal_start);

static void
hold_timers(struct hm_ctx *ctx, void *count)
{
	for (uint32_t i = 0; i < *(uint32_t *)count; i++)
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, 3600000000u, 0, NULL), HM_OK);
}

/* How much the dying actor still owned when another one had its turn. */
static void
count_links(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		*(uint32_t *)probe->arg = ctx->links.count;
}

/* Begin to stop an actor, and have another one of its lcore handle a number meanwhile. */
static void
stop_beside(struct hmt_node *node, const struct hmt_probe *stops, const struct hmt_probe *other)
{
	cr_assert_eq(hm_system_stop_actor(node->sys, stops->pid), 0);
	hmt_number(node, other->pid, 1);
	hmt_turn_until_idle(node);
}

/* A node with an actor that owns so many timers, and another actor. */
static void
owner_start(struct hmt_node *node, struct hmt_probe *owner, uint32_t timers, struct hmt_probe *other)
{
	hmt_node_start_with(node, 1, 131072, NULL);
	hmt_probe_spawn(node, owner, 0, NULL);
	hmt_probe_spawn(node, other, 0, NULL);
	hmt_do(node, owner->pid, hold_timers, &timers);
}

/* Others wait for the lcore: what a dying actor owns is dropped in portions. */
Test(engine_end, end__of_an_actor_that_owns_much_is_cut_into_portions)
{
	static struct hmt_probe owner, other;
	uint32_t count = 10 * HMI_SYSTEM_PORTION, left = 0;
	struct hmt_node node;

	owner = (struct hmt_probe){ 0 };
	other = (struct hmt_probe){ .on_msg = count_links, .arg = &left };
	owner_start(&node, &owner, count, &other);
	stop_beside(&node, &owner, &other);
	cr_assert_eq(hmt_seen_count(&owner, HM_STOPPED), 1);
	cr_assert_gt(left, 0, "the other one had to wait for the end of the first");
	cr_assert_geq(left, count - 2 * HMI_SYSTEM_PORTION);
	cr_assert_eq(node.sys->lcores[0]->links.count, 0);
	hmt_node_end(&node);
}

static void
send_to_dying(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const struct hmt_probe *dying = probe->arg;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hmt_seen_count(dying, HM_STOPPED), 1);
	cr_assert_not_null(hmi_cell_live(ctx, dying->pid.local));
	cr_assert_eq(hm_send(ctx, dying->pid, HMT_EMPTY, NULL), HM_OK);
}

/* A message that reaches an actor between HM_STOPPED and its last portion is a dead letter, not received. */
Test(engine_end, end__receives_nothing_behind_stopped)
{
	static struct hmt_probe owner, other;
	uint32_t count = 10 * HMI_SYSTEM_PORTION;
	struct hmt_node node;

	owner = (struct hmt_probe){ 0 };
	other = (struct hmt_probe){ .on_msg = send_to_dying, .arg = &owner };
	owner_start(&node, &owner, count, &other);
	stop_beside(&node, &owner, &other);
	cr_assert_eq(hmt_seen_last(&owner, HM_STOPPED), &owner.seen[owner.count - 1]);
	cr_assert_eq(hmt_dead(&node), 1);
	hmt_node_end(&node);
}

static void
spawn_children(struct hm_ctx *ctx, void *children)
{
	static struct hmt_probe sink;

	for (uint32_t i = 0; i < *(uint32_t *)children; i++)
		cr_assert_eq(hmt_probe_child(ctx, &sink, HMT_LCORE_ANY, NULL), 0);
}

/* More children than one portion, on its own lcore and on others: all stop, and the parent counts them down. */
Test(engine_end, stop__of_a_parent_with_many_children_everywhere)
{
	static struct hmt_probe parent;
	uint32_t children = 3 * 4 * HMI_SYSTEM_PORTION;
	struct hmt_node node;

	parent = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 3);
	hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_do(&node, parent.pid, spawn_children, &children);
	hmt_stop(&node, parent.pid);
	cr_assert_eq(hmt_seen_count(&parent, HM_STOPPED), 1);
	cr_assert_eq(parent.count, children + 3, "started, stopping, each child, stopped");
	hmt_node_end(&node);
}

static void
spawn_one(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, HMT_LCORE_SAME, NULL), 0);
}

static void
spawn_elsewhere(struct hm_ctx *ctx, void *children)
{
	static struct hmt_probe sink;

	for (uint32_t i = 0; i < *(uint32_t *)children; i++)
		cr_assert_eq(hmt_probe_child(ctx, &sink, 0, NULL), 0);
}

/* How many children a parent had still to stop when another actor had its turn. */
static void
look_at_stops(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hmt_probe *parent = probe->arg;
	struct hmi_link *mark;
	uintptr_t behind = 0;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	mark = hmi_link_find(&ctx->links, hm_pid_slot(parent->pid), HMI_LINK_MARK, hm_pid_none());
	for (const struct hmi_owned *owned = mark != NULL ? mark->owned.next : NULL; owned != NULL;
	     owned = owned->next)
		behind++;
	parent->arg = (void *)behind;
}

/* Others wait for the lcore here, too, where there is no ring of siblings to turn. */
Test(engine_end, stop__of_children_on_another_lcore_is_cut_into_portions)
{
	static struct hmt_probe parent, other;
	uint32_t children = 10 * HMI_SYSTEM_PORTION;
	struct hmt_node node;

	parent = (struct hmt_probe){ 0 };
	other = (struct hmt_probe){ .on_msg = look_at_stops, .arg = &parent };
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_do(&node, parent.pid, spawn_elsewhere, &children);
	stop_beside(&node, &parent, &other);
	cr_assert_eq((uintptr_t)parent.arg, children - HMI_SYSTEM_PORTION);
	cr_assert_eq(parent.count, children + 3, "started, stopping, each child, stopped");
	hmt_node_end(&node);
}

/* Timers and children in turn: a portion may end before, at and behind a child. */
static void
spawn_and_hold(struct hm_ctx *ctx, void *count)
{
	uint32_t one = 1;

	for (uint32_t i = 0; i < *(uint32_t *)count; i++) {
		if (i % 3 == 0)
			hold_timers(ctx, &one);
		else if (i % 3 == 1)
			spawn_elsewhere(ctx, &one);
		else
			spawn_children(ctx, &one);
	}
}

/* While it stops, an actor gets and loses resources before and behind the mark. */
static void
watch_and_forget(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_pid *other = probe->arg;

	if (hm_msg_type(msg) != HM_TERMINATED)
		return;
	if (probe->count % 2 == 0)
		cr_assert_eq(hm_watch(ctx, *other), HM_OK);
	else
		hm_unwatch(ctx, *other);
}

Test(engine_end, stop__of_children_between_other_resources)
{
	for (uint32_t more = 0; more < 3; more++) {
		static struct hmt_probe parent, other;
		uint32_t count = 6 * HMI_SYSTEM_PORTION + more;
		struct hmt_node node;

		parent = (struct hmt_probe){ .on_msg = watch_and_forget, .arg = &other.pid };
		other = (struct hmt_probe){ 0 };
		hmt_node_start_with(&node, 3, 131072, NULL);
		hmt_probe_spawn(&node, &other, 2, NULL);
		hmt_probe_spawn(&node, &parent, 1, NULL);
		hmt_do(&node, parent.pid, spawn_and_hold, &count);
		hmt_stop(&node, parent.pid);
		cr_assert_eq(hmt_seen_count(&parent, HM_STOPPED), 1);
		cr_assert_eq(parent.count, 3 + count - (count + 2) / 3);
		cr_assert_eq(node.sys->lcores[1]->links.count, 0);
		hmt_node_end(&node);
	}
}

/* ---- The mark of a stop in portions ---------------------------------------------------------- */

/* From HM_STOPPING on there is no link, and no memory for more of them. */
static void
shortage_begin(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	*(struct hmi_slab *)probe->arg = hmt_slab_drain(&ctx->links.slab);
	hmt_memory_refuse();
}

/* The turn in which the parent began to stop is over. */
static void
shortage_end(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const struct hmt_probe *parent = probe->arg;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	hmt_memory_allow();
	cr_assert_null(ctx->links.slab.free);
	ctx->links.slab = *(const struct hmi_slab *)parent->arg;
	look_at_stops(ctx, probe, msg);
}

/* Without a mark nobody knows where to go on, so all are told at once. */
Test(engine_end, stop__without_memory_for_a_mark_tells_all_children_in_one_turn)
{
	static struct hmt_probe parent, other;
	uint32_t children = 10 * HMI_SYSTEM_PORTION;
	struct hmi_slab slab;
	struct hmt_node node;

	parent = (struct hmt_probe){ .on_msg = shortage_begin, .arg = &slab };
	other = (struct hmt_probe){ .on_msg = shortage_end, .arg = &parent };
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_do(&node, parent.pid, spawn_elsewhere, &children);
	stop_beside(&node, &parent, &other);
	cr_assert_eq((uintptr_t)parent.arg, 0, "children that are still to be told");
	cr_assert_eq(parent.count, children + 3, "started, stopping, each child, stopped");
	hmt_node_end(&node);
}

/* How many links there is memory for at once, without another region. */
static size_t
links_free(const struct hmt_node *node, uint32_t lcore)
{
	const struct hmi_slab *slab = &node->sys->lcores[lcore]->links.slab;
	size_t count = slab->fresh_left / slab->object_bytes;

	for (void *const *free = slab->free; free != NULL; free = *free)
		count++;
	return count;
}

Test(engine_end, stop__gives_the_memory_of_marks_back)
{
	static struct hmt_probe parent;
	uint32_t children = 10 * HMI_SYSTEM_PORTION;
	struct hmt_node node;
	size_t before;

	parent = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_do(&node, parent.pid, spawn_elsewhere, &children);
	before = links_free(&node, 1);
	hmt_stop(&node, parent.pid);
	cr_assert_eq(hmt_seen_count(&parent, HM_STOPPED), 1);
	cr_assert_eq(links_free(&node, 1), before + children);
	hmt_node_end(&node);
}

enum {
	FEW = 10
};

static void
spawn_few(struct hm_ctx *ctx, void *pids)
{
	static struct hmt_probe sink;

	for (uint32_t i = 0; i < FEW; i++) {
		cr_assert_eq(hmt_probe_child(ctx, &sink, 0, NULL), 0);
		((struct hm_pid *)pids)[i] = sink.pid;
	}
}

/* In one turn of lcore 0, so that the parent's lcore finds the stop and all notifications at once. */
static void
stop_then_children(struct hmt_node *node, const struct hmt_probe *stopper, struct hm_pid *parent,
		   const struct hm_pid *children)
{
	struct hmt_deed deed = { hmt_stop_that, parent };

	cr_assert_eq(hm_system_send(node->sys, stopper->pid, HMT_DO, &deed), HM_OK);
	for (uint32_t i = 0; i < FEW; i++)
		cr_assert_eq(hm_system_stop_actor(node->sys, children[i]), 0);
	hmt_turn_until_idle(node);
}

static void
spawn_at_start(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STARTED)
		spawn_one(ctx, probe->arg);
}

/* Children that end on their own before their parent's stop comes to them: with it ends the mark, too. */
Test(engine_end, end__of_a_parent_drops_its_mark_and_forgets_whom_to_stop)
{
	static struct hmt_probe parent, stopper, other, next, child;
	uint32_t timers = HMI_SYSTEM_PORTION - FEW / 2;
	struct hm_pid children[FEW];
	struct hmt_node node;
	size_t before;

	parent = stopper = other = child = (struct hmt_probe){ 0 };
	next = (struct hmt_probe){ .on_msg = spawn_at_start, .arg = &child };
	hmt_node_start_with(&node, 2, 131072, NULL);
	hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_probe_spawn(&node, &stopper, 0, NULL);
	hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_do(&node, parent.pid, spawn_few, children);
	before = links_free(&node, 1);
	hmt_do(&node, parent.pid, hold_timers, &timers);
	stop_then_children(&node, &stopper, &parent.pid, children);
	cr_assert_eq(parent.count, FEW + 3);
	cr_assert_eq(links_free(&node, 1), before + FEW);
	hmt_do(&node, other.pid, spawn_one, &next);
	cr_assert_eq(hm_pid_slot(next.pid), hm_pid_slot(parent.pid));
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 1);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPING), 0);
	hmt_node_end(&node);
}

/* ---- The mailbox of a parent that stops ----------------------------------------------------- */

#define WAITING 300000u

/* A clock that goes on each time somebody looks at it, so that work which is not counted as steps shows. */
static uint64_t
ticking_read(void *node)
{
	return ((struct hmt_node *)node)->now_ns += 1000;
}

static void
mailbox_fill(struct hmt_node *node, struct hm_pid to)
{
	struct hm_ctx *ctx = node->sys->lcores[0];

	for (uint32_t i = 0; i < WAITING; i++) {
		struct hm_msg *msg = hm_msg_alloc(ctx, HMT_NUMBER, sizeof(uint64_t));

		msg->to = to.local;
		msg->sender = hm_pid_none();
		hmi_fifo_push(&hmi_cell_live(ctx, to.local)->box, msg);
	}
	hmi_sent_add(ctx, WAITING);
}

/* Turn until a probe has stopped. Returns how many dead letters came in one turn at most. */
static uint64_t
dead_in_a_turn(struct hmt_node *node, const struct hmt_probe *stops)
{
	uint64_t most = 0, before = hmt_dead(node);

	while (hmt_seen_count(stops, HM_STOPPED) == 0) {
		hm_system_turn(node->sys);
		most = RTE_MAX(most, hmt_dead(node) - before);
		before = hmt_dead(node);
	}
	return most;
}

/* What the parent waits for lies behind all that it does not handle any more; looking for it holds up nobody. */
Test(engine_end, stop__of_a_parent_with_a_long_mailbox_is_cut_into_portions)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	parent = child = (struct hmt_probe){ 0 };
	hmt_node_start_with(&node, 1, 128u << 20, NULL);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_one, &child);
	mailbox_fill(&node, parent.pid);
	node.sys->clock.read = ticking_read;
	cr_assert_eq(hm_system_stop_actor(node.sys, child.pid), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, parent.pid), 0);
	cr_assert_leq(dead_in_a_turn(&node, &parent), 64 * HMI_SYSTEM_PORTION);
	cr_assert_eq(hmt_dead(&node), WAITING, "all lie before the notification");
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
	hmt_node_end(&node);
}

/* ---- A parent and the watch of its child ---------------------------------------------------- */

/* A watch that came too late is answered behind the notification of the end, and must not overtake it. */
Test(engine_end, terminated__once_though_the_parent_stops_between_the_end_and_its_watch)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	parent = child = (struct hmt_probe){ 0 };
	hmt_node_start_with(&node, 1, 128u << 20, NULL);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_one, &child);
	hmt_do(&node, parent.pid, hmt_watch, &child.pid);
	mailbox_fill(&node, parent.pid);
	cr_assert_eq(hm_system_stop_actor(node.sys, child.pid), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, parent.pid), 0);
	while (hmt_seen_count(&parent, HM_STOPPING) == 0)
		hm_system_turn(node.sys);
	cr_assert_not_null(hmi_cell_live(node.sys->lcores[0], parent.pid.local)->box.head);
	hmi_terminated_post(node.sys->lcores[0], parent.pid, child.pid, HM_TERMINATED_NOT_FOUND);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&parent, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

/* A refused watch says "not found"; to a parent that must not mean that its child is gone. */
Test(engine_end, terminated__not_found_does_not_take_a_living_child_away)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;
	struct hm_ctx *ctx;

	parent = child = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	ctx = node.sys->lcores[0];
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_one, &child);
	hmt_do(&node, parent.pid, hmt_watch, &child.pid);
	hmi_terminated_post(ctx, parent.pid, child.pid, HM_TERMINATED_NOT_FOUND);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmi_cell_live(ctx, parent.pid.local)->actor.children, 1);
	hmt_stop(&node, child.pid);
	cr_assert_eq(hmt_seen_last(&parent, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	cr_assert_eq(hmi_cell_live(ctx, parent.pid.local)->actor.children, 0);
	hmt_node_end(&node);
}

/* hm_unwatch takes back the watch, not the parenthood. */
Test(engine_end, unwatch__a_parent_is_told_of_its_child_all_the_same)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	parent = child = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_do(&node, parent.pid, spawn_one, &child);
	hmt_do(&node, parent.pid, hmt_watch, &child.pid);
	hmt_do(&node, parent.pid, hmt_unwatch, &child.pid);
	hmt_stop(&node, child.pid);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
	hmt_node_end(&node);
}

/* ---- The dead-letter queue ------------------------------------------------------------------- */

/* Nothing is sent from within the call: whoever finds no receiver is not entered again. */
Test(engine_end, dead__is_queued_and_published_by_the_loop)
{
	static struct hmt_probe subscriber;
	struct hmt_node node;
	struct hm_ctx *ctx;
	struct hm_msg *msg;

	subscriber = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	ctx = node.sys->lcores[0];
	hmt_probe_spawn(&node, &subscriber, 0, NULL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, subscriber.pid), 0);
	msg = hm_msg_alloc(ctx, HMT_NUMBER, sizeof(uint64_t));
	msg->to = UINT32_MAX;
	msg->sender = hm_pid_none();
	hmi_sent_add(ctx, 1);
	hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
	cr_assert_eq(ctx->dead.count, 1);
	cr_assert_eq(hmi_outbox_count(&ctx->outbox), 0);
	cr_assert_eq(ctx->stats.dead[HM_DEAD_NO_PROCESS], 1, "it is counted at once");
	hmt_turn_until_idle(&node);
	cr_assert_eq(ctx->dead.count, 0);
	cr_assert_eq(hmt_seen_count(&subscriber, HM_DEAD_LETTER), 1);
	hmt_node_end(&node);
}

/* Somebody, and when to send him something. */
static void
tick_soon(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_send_after(ctx, *(struct hm_pid *)to, HMT_EMPTY, NULL, 100, 0, NULL), HM_OK);
}

/* The stop comes before the tick in one turn, and is handled before it. Returns how many dead letters were logged. */
static uint32_t
stop_before_tick(struct hmt_node *node, const struct hmt_probe *stops)
{
	node->now_ns += 200000;
	hmt_stop(node, stops->pid);
	cr_assert_eq(hmt_seen_count(stops, HMT_EMPTY), 0);
	cr_assert_eq(hmt_stats(node).dead[HM_DEAD_STOPPED], 1);
	return node->sys->lcores[0]->stats.logged;
}

/* An actor's own timer that finds it stopped is counted and published, but nothing to log; another one's is. */
Test(engine_end, timer__of_a_stopped_actor_is_not_logged)
{
	for (int is_own = 0; is_own < 2; is_own++) {
		static struct hmt_probe probe, other;
		struct hmt_node node;

		probe = other = (struct hmt_probe){ 0 };
		hmt_node_start(&node, 1);
		hmt_probe_spawn(&node, &probe, 0, NULL);
		hmt_probe_spawn(&node, &other, 0, NULL);
		hmt_do(&node, is_own ? probe.pid : other.pid, tick_soon, &probe.pid);
		cr_assert_eq(stop_before_tick(&node, &probe), is_own ? 0 : 1);
		hmt_node_end(&node);
	}
}
