/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching: Terminated exactly once for each watch, whoever is gone, wherever, and however soon.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_watch, .init = hmt_eal_start);

static void
child_spawn(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, HMT_LCORE_ANY, NULL), 0);
}

static void
stop_itself(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_stop(ctx, hm_self(ctx));
}

static const struct hm_terminated *
last_terminated(const struct hmt_probe *probe)
{
	const struct hmt_seen *seen = hmt_seen_last(probe, HM_TERMINATED);

	cr_assert_not_null(seen);
	cr_assert_eq(seen->length, sizeof(struct hm_terminated));
	cr_assert(hm_pid_equal(seen->sender, seen->terminated.who));
	return &seen->terminated;
}

Test(engine_watch, watch__every_watcher_is_told_once)
{
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		static struct hmt_probe watched, watchers[3];
		struct hmt_node node;

		watched = (struct hmt_probe){ 0 };
		memset(watchers, 0, sizeof(watchers));
		hmt_node_start(&node, 3);
		hmt_probe_spawn(&node, &watched, lcore, NULL);
		for (uint32_t i = 0; i < 3; i++) {
			hmt_do(&node, hmt_probe_spawn(&node, &watchers[i], i, NULL), hmt_watch, &watched.pid);
			hmt_do(&node, watchers[i].pid, hmt_watch, &watched.pid);
		}
		hmt_stop(&node, watched.pid);
		for (uint32_t i = 0; i < 3; i++) {
			cr_assert_eq(hmt_seen_count(&watchers[i], HM_TERMINATED), 1);
			cr_assert(hm_pid_equal(last_terminated(&watchers[i])->who, watched.pid));
			cr_assert_eq(last_terminated(&watchers[i])->reason, HM_TERMINATED_STOPPED);
		}
		hmt_node_end(&node);
	}
}

Test(engine_watch, watch__a_process_that_is_gone_answers_each_time)
{
	static struct hmt_probe watched, watcher;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, watched.pid);
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	for (uint32_t i = 1; i <= 3; i++) {
		hmt_do(&node, watcher.pid, hmt_watch, &watched.pid);
		cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), i);
		cr_assert_eq(last_terminated(&watcher)->reason, HM_TERMINATED_NOT_FOUND);
		cr_assert(hm_pid_equal(last_terminated(&watcher)->who, watched.pid));
	}
	hmt_node_end(&node);
}

static void
watch_itself_and_nobody(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_watch(ctx, hm_self(ctx)), HM_NO_RECEIVER);
	cr_assert_eq(hm_watch(ctx, hm_pid_none()), HM_NO_RECEIVER);
	hm_unwatch(ctx, hm_self(ctx));
	hm_unwatch(ctx, hm_pid_none());
}

Test(engine_watch, watch__itself_or_nobody_is_refused)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), watch_itself_and_nobody, NULL);
	hmt_node_end(&node);
}

Test(engine_watch, unwatch__takes_the_watch_back)
{
	static struct hmt_probe watched, watcher;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &watcher, 0, NULL), hmt_watch, &watched.pid);
	hmt_do(&node, watcher.pid, hmt_unwatch, &watched.pid);
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 0);
	hmt_node_end(&node);
}

/* Runs a deed in an actor's place, between two turns. */
static void
do_now(struct hmt_node *node, struct hm_pid who, void (*fn)(struct hm_ctx *ctx, void *arg), void *arg)
{
	struct hm_ctx *ctx = node->sys->lcores[hm_pid_lcore(who)];

	ctx->cell = hmi_cell_live(ctx, who.local);
	fn(ctx, arg);
	ctx->cell = NULL;
}

Test(engine_watch, unwatch__holds_for_a_notification_that_is_on_its_way)
{
	static struct hmt_probe watched, watcher;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &watcher, 0, NULL), hmt_watch, &watched.pid);
	cr_assert_eq(hm_system_stop_actor(node.sys, watched.pid), 0);
	hm_system_turn(node.sys);
	/* Stopped in that turn; its notification lies in the lane to lcore 0. */
	cr_assert_eq(hmt_seen_count(&watched, HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 0);
	do_now(&node, watcher.pid, hmt_unwatch, &watched.pid);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 0);
	hmt_node_end(&node);
}

Test(engine_watch, watch__again_while_a_notification_is_on_its_way_is_told_once)
{
	static struct hmt_probe watched, watcher;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &watcher, 0, NULL), hmt_watch, &watched.pid);
	cr_assert_eq(hm_system_stop_actor(node.sys, watched.pid), 0);
	hm_system_turn(node.sys);
	do_now(&node, watcher.pid, hmt_unwatch, &watched.pid);
	do_now(&node, watcher.pid, hmt_watch, &watched.pid);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	hmt_node_end(&node);
}

static void
watch_child_and_stop_it(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *child = arg;

	cr_assert_eq(hmt_probe_child(ctx, child, child->arg != NULL ? 1 : 0, NULL), 0);
	cr_assert_eq(hm_watch(ctx, child->pid), HM_OK);
	hm_stop(ctx, child->pid);
}

Test(engine_watch, watch__a_parent_that_watches_is_told_once)
{
	for (int there = 0; there < 2; there++) {
		static struct hmt_probe parent, child, early;
		struct hmt_node node;

		parent = child = early = (struct hmt_probe){ 0 };
		child.arg = early.arg = there ? &parent : NULL;
		hmt_node_start(&node, 2);
		hmt_probe_spawn(&node, &parent, 0, NULL);
		/* The watch is on its way with the stop; and it is old. */
		hmt_do(&node, parent.pid, watch_child_and_stop_it, &child);
		cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
		cr_assert_eq(last_terminated(&parent)->reason, HM_TERMINATED_STOPPED);
		hmt_do(&node, parent.pid, child_spawn, &early);
		hmt_do(&node, parent.pid, hmt_watch, &early.pid);
		hmt_stop(&node, early.pid);
		cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 2);
		hmt_node_end(&node);
	}
}

Test(engine_watch, watch__a_parent_that_does_not_watch_is_told_too)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), child_spawn, &child);
	hmt_do(&node, child.pid, stop_itself, NULL);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(last_terminated(&parent)->who, child.pid));
	hmt_node_end(&node);
}

Test(engine_watch, watch__the_watcher_stops_first)
{
	static struct hmt_probe watched, watcher;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &watcher, 0, NULL), hmt_watch, &watched.pid);
	hmt_stop(&node, watcher.pid);
	/* Nobody remembers it. */
	cr_assert_eq(node.sys->lcores[1]->links.count, 0);
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_watch, watch__each_other_and_stop_at_the_same_time)
{
	static struct hmt_probe a, b;
	struct hmt_node node;

	hmt_node_start(&node, 3);
	hmt_probe_spawn(&node, &a, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &b, 2, NULL), hmt_watch, &a.pid);
	hmt_do(&node, a.pid, hmt_watch, &b.pid);
	cr_assert_eq(hm_system_stop_actor(node.sys, a.pid), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, b.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&a, HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_count(&b, HM_STOPPED), 1);
	hmt_node_end(&node);
}

/* ---- Order ---------------------------------------------------------------------------------- */

#define LAST_WORDS 5u

static void
speak_and_stop(struct hm_ctx *ctx, void *listener)
{
	for (uint64_t i = 0; i < LAST_WORDS; i++)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)listener, HMT_NUMBER, &i), HM_OK);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_watch, watch__notification_comes_behind_the_last_messages)
{
	for (uint32_t pair = 0; pair < 9; pair++) {
		static struct hmt_probe watched, watcher;
		struct hmt_node node;

		watched = watcher = (struct hmt_probe){ 0 };
		hmt_node_start(&node, 3);
		hmt_probe_spawn(&node, &watched, pair / 3, NULL);
		hmt_do(&node, hmt_probe_spawn(&node, &watcher, pair % 3, NULL), hmt_watch, &watched.pid);
		hmt_do(&node, watched.pid, speak_and_stop, &watcher.pid);
		cr_assert_eq(watcher.count, 1 + LAST_WORDS + 1);
		cr_assert_eq(watcher.seen[1 + LAST_WORDS].type, HM_TERMINATED, "pair %u", pair);
		hmt_node_end(&node);
	}
}

/* The notification waits behind user messages when its receiver stops, whom it must not keep from that. */
Test(engine_watch, watch__notification_that_waits_reaches_a_parent_that_stops)
{
	static struct hmt_probe parent, child;
	struct hmt_deed deed = { speak_and_stop, &parent.pid };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), child_spawn, &child);
	cr_assert_eq(hm_system_send(node.sys, child.pid, HMT_DO, &deed), HM_OK);
	cr_assert_eq(hm_system_stop_actor(node.sys, parent.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_count(&parent, HMT_NUMBER), 0);
	cr_assert_eq(parent.seen[parent.count - 1].type, HM_STOPPED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], LAST_WORDS);
	hmt_node_end(&node);
}

/* ---- Watchers of other nodes ---------------------------------------------------------------- */

/* A provider that keeps what is sent to other nodes. */
struct carrier {
	struct hm_terminated notifications[8];
	uint64_t to[8];
	uint32_t count, others;
};

static void
carrier_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct carrier *carrier = self;

	if (hm_msg_type(msg) == HM_SYS_TERMINATED && carrier->count < 8) {
		carrier->to[carrier->count] = msg->to;
		memcpy(&carrier->notifications[carrier->count++], hm_msg_body(msg),
		       sizeof(struct hm_terminated));
	} else {
		carrier->others++;
	}
	hm_msg_free(ctx, msg);
}

static void
watch_from_afar(struct hmt_node *node, struct hm_pid watcher, struct hm_pid watched)
{
	struct hm_ctx *ctx = node->sys->lcores[0];
	struct hm_msg *msg = hm_msg_alloc(ctx, HM_SYS_WATCH, 0);

	msg->to = watched.local;
	msg->sender = watcher;
	hm_provider_receive(ctx, msg);
	hmt_turn_until_idle(node);
}

Test(engine_watch, watch__by_another_nodes_actor_whose_place_is_the_parents)
{
	static const struct hm_provider_ops ops = { .deliver = carrier_deliver };
	static struct hmt_probe probe;
	struct carrier carrier = { 0 };
	struct hm_pid watcher;
	struct hmt_node node;
	uint16_t index;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_provider_register(node.sys, 0, &ops, &carrier), 0);
	cr_assert_eq(hm_node_learn(node.sys, 4711, &index), 0);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_turn_until_idle(&node);
	/* The same lcore, slot and generation as the probe's parent, on its own node. */
	watcher = (struct hm_pid){ 4711, node.sys->user.local };
	watch_from_afar(&node, watcher, probe.pid);
	watch_from_afar(&node, watcher, probe.pid);
	hmt_stop(&node, probe.pid);
	cr_assert_eq(carrier.count, 1);
	cr_assert_eq(carrier.to[0], watcher.local);
	cr_assert(hm_pid_equal(carrier.notifications[0].who, probe.pid));
	cr_assert_eq(carrier.notifications[0].reason, HM_TERMINATED_STOPPED);
	/* A stale PID answers too. */
	watch_from_afar(&node, watcher, probe.pid);
	cr_assert_eq(carrier.count, 2);
	cr_assert_eq(carrier.notifications[1].reason, HM_TERMINATED_NOT_FOUND);
	hmt_node_end(&node);
}

Test(engine_watch, drop__nothing_is_handed_to_a_provider_that_has_stopped)
{
	static const struct hm_provider_ops ops = { .deliver = carrier_deliver };
	struct carrier carrier = { 0 };
	struct hm_ctx *ctx;
	struct hm_msg *msg;
	struct hmt_node node;
	uint16_t index;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_provider_register(node.sys, 0, &ops, &carrier), 0);
	cr_assert_eq(hm_node_learn(node.sys, 4711, &index), 0);
	hmt_turn_until_idle(&node);
	/* A watch that is under way will be answered by the burial. */
	ctx = node.sys->lcores[0];
	msg = hm_msg_alloc(ctx, HM_SYS_WATCH, 0);
	msg->to = hmi_local(1, 5, 1);
	msg->sender = (struct hm_pid){ 4711, 1 };
	hm_provider_receive(ctx, msg);
	hmt_node_drop(&node);
	cr_assert_eq(carrier.count + carrier.others, 0);
}
