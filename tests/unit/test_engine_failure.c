/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor fails by hm_fail: what becomes of it, of what it held, and of those that know it.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "rcu_pvt.h"

TestSuite(engine_failure, .init = hmt_eal_start);

/* A number that makes a probe fail; others it only writes down. */
#define FAIL   1000u
#define REASON "it was told to"

static void
fail_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = *(const uint64_t *)hm_msg_body(msg);
	if (number == FAIL)
		hm_fail(ctx, REASON);
}

/* Fail whenever a message of the type in arg comes. */
static void
fail_on_type(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == (uintptr_t)probe->arg)
		hm_fail(ctx, REASON);
}

static void
node_with(struct hmt_node *node, struct hmt_probe *probe)
{
	hmt_node_start(node, 2);
	hmt_probe_spawn(node, probe, 0, "actor");
	hmt_turn_until_idle(node);
}

static struct hmt_probe actor;

/* ---- What a failure does --------------------------------------------------------------- */

Test(engine_failure, fail__restarts_the_actor_and_keeps_its_mailbox)
{
	struct hmt_node node;
	struct hm_stats stats;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	node_with(&node, &actor);
	hmt_number(&node, actor.pid, 1);
	hmt_number(&node, actor.pid, FAIL);
	hmt_number(&node, actor.pid, 3);
	hmt_number(&node, actor.pid, 4);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HMT_NUMBER, HM_RESTARTING, HM_STARTED, HMT_NUMBER,
		     HMT_NUMBER);
	cr_assert_eq(actor.seen[5].number, 3);
	cr_assert_eq(actor.seen[6].number, 4);
	stats = hmt_stats(&node);
	cr_assert_eq(stats.dead[HM_DEAD_FAILED], 1);
	cr_assert_eq(stats.failed, 1);
	cr_assert_eq(stats.restarted, 1);
	hmt_node_end(&node);
}

Test(engine_failure, log__of_many_failures_is_limited)
{
	struct hmt_node node;
	struct hmt_log log;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	node_with(&node, &actor);
	hmt_elapse(&node, 2000000);
	hmt_log_start(&log);
	for (int i = 0; i < 8; i++)
		hmt_number(&node, actor.pid, FAIL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_log_count(&log, "/user/actor failed"), 5, "%s", hmt_log_text(&log));
	cr_assert_eq(hmt_log_count(&log, "told to (no more of these this second)"), 1);
	hmt_log_end(&log);
	hmt_node_end(&node);
}

/* ---- When it fails ----------------------------------------------------------------------- */

/* Whatever fails while it stops, it stops. */
Test(engine_failure, fail__in_stopping_never_resurrects)
{
	static struct hmt_probe watcher, child;
	struct hmt_node node;
	const struct hmt_seen *seen;

	actor = (struct hmt_probe){ .on_msg = fail_on_type, .arg = (void *)(uintptr_t)HM_STOPPING };
	watcher = child = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &watcher, 1, NULL);
	hmt_do(&node, watcher.pid, hmt_watch, &actor.pid);
	hmt_stop(&node, actor.pid);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_STOPPING, HM_STOPPED);
	seen = hmt_seen_last(&watcher, HM_TERMINATED);
	cr_assert_not_null(seen);
	cr_assert_eq(seen->terminated.reason, HM_TERMINATED_FAILED);
	hmt_node_end(&node);
}

static void
child_make(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, HMT_LCORE_SAME, "child"), 0);
}

static void
child_make_there(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, 1, "there"), 0);
}

Test(engine_failure, fail__in_stopping_stops_the_children_too)
{
	static struct hmt_probe child, there;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_type, .arg = (void *)(uintptr_t)HM_STOPPING };
	child = there = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, child_make, &child);
	hmt_do(&node, actor.pid, child_make_there, &there);
	hmt_stop(&node, actor.pid);
	HMT_SEQUENCE(&child, HM_STARTED, HM_STOPPING, HM_STOPPED);
	HMT_SEQUENCE(&there, HM_STARTED, HM_STOPPING, HM_STOPPED);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_STOPPING, HM_TERMINATED, HM_TERMINATED, HM_STOPPED);
	hmt_node_end(&node);
}

Test(engine_failure, fail__in_stopped_is_the_end_all_the_same)
{
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_type, .arg = (void *)(uintptr_t)HM_STOPPED };
	node_with(&node, &actor);
	hmt_stop(&node, actor.pid);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_STOPPING, HM_STOPPED);
	cr_assert_eq(hm_lookup(node.sys, "/user/actor", &actor.pid), -ENOENT);
	hmt_node_end(&node);
}

Test(engine_failure, fail__in_terminated_of_the_last_child_does_not_hold_up_the_stop)
{
	static struct hmt_probe child;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_type, .arg = (void *)(uintptr_t)HM_TERMINATED };
	child = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, child_make, &child);
	hmt_stop(&node, actor.pid);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_STOPPING, HM_TERMINATED, HM_STOPPED);
	hmt_node_end(&node);
}

Test(engine_failure, fail__in_restarting_restarts_all_the_same)
{
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_type, .arg = (void *)(uintptr_t)HM_RESTARTING };
	node_with(&node, &actor);
	actor.on_msg = fail_on_number;
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	actor.on_msg = fail_on_type;
	actor.arg = (void *)(uintptr_t)HM_RESTARTING;
	actor.count = 0;
	hmt_do(&node, actor.pid, (void (*)(struct hm_ctx *, void *))hm_fail, (void *)(uintptr_t)REASON);
	HMT_SEQUENCE(&actor, HM_RESTARTING, HM_STARTED);
	hmt_node_end(&node);
}

Test(engine_failure, fail__in_started_each_time_ends_at_the_limit)
{
	static struct hmt_probe watcher;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_type, .arg = (void *)(uintptr_t)HM_STARTED };
	watcher = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	hmt_probe_spawn(&node, &actor, 0, NULL);
	hmt_do(&node, watcher.pid, hmt_watch, &actor.pid);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 11, "the first one and ten restarts");
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 1);
	hmt_node_end(&node);
}

static void
reply_fail(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	hm_fail(ctx, REASON);
}

static void
ask_other(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)to, HMT_EMPTY, NULL, 1000, reply_fail, NULL), HM_OK);
}

static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 7;

	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

Test(engine_failure, fail__in_a_reply_function_is_one_of_the_actor)
{
	static struct hmt_probe other;
	struct hmt_node node;

	actor = (struct hmt_probe){ 0 };
	other = (struct hmt_probe){ .on_msg = answer };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_do(&node, actor.pid, ask_other, &other.pid);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_RESTARTING, HM_STARTED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1, "the reply");
	/* Without an answer, too. */
	other.on_msg = NULL;
	hmt_do(&node, actor.pid, ask_other, &other.pid);
	hmt_elapse(&node, 2000);
	cr_assert_eq(hmt_seen_count(&actor, HM_RESTARTING), 2);
	hmt_node_end(&node);
}

/* ---- What it held ---------------------------------------------------------------------------- */

static void
make_and_fail(struct hm_ctx *ctx, void *sent)
{
	struct hm_msg *first = hm_msg_new(ctx, HMT_NUMBER, 0), *second = hm_msg_new(ctx, HMT_BIG, 0);
	struct hm_msg *third = hm_msg_new(ctx, HMT_EMPTY, 100);

	cr_assert(first != NULL && second != NULL && third != NULL);
	/* From the middle of the list of what it has made. */
	cr_assert_eq(hm_msg_send(ctx, *(struct hm_pid *)sent, second), HM_OK);
	hm_fail(ctx, REASON);
}

/* hmt_node_end finds what is lost. */
Test(engine_failure, fail__frees_messages_that_were_made_and_not_sent)
{
	static struct hmt_probe other;
	struct hmt_node node;

	actor = other = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_do(&node, actor.pid, make_and_fail, &other.pid);
	cr_assert_eq(hmt_seen_count(&other, HMT_BIG), 1, "what was sent arrives");
	hmt_node_end(&node);
}

static struct hm_msg *kept;

static void
make_and_keep(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	kept = hm_msg_new(ctx, HMT_NUMBER, 0);
}

static void
send_kept(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_msg_send(ctx, *(struct hm_pid *)to, kept), HM_OK);
}

Test(engine_failure, fail__frees_nothing_that_another_actor_has_made)
{
	static struct hmt_probe other;
	struct hmt_node node;

	actor = other = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_do(&node, other.pid, make_and_keep, NULL);
	hmt_do(&node, actor.pid, make_and_fail, &other.pid);
	hmt_do(&node, other.pid, send_kept, &other.pid);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

static void
forward_and_fail(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)probe->arg), HM_OK);
	hm_fail(ctx, REASON);
}

Test(engine_failure, fail__behind_a_forward_leaves_the_message_to_the_receiver)
{
	static struct hmt_probe other;
	struct hmt_node node;

	other = (struct hmt_probe){ 0 };
	actor = (struct hmt_probe){ .on_msg = forward_and_fail, .arg = &other.pid };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_number(&node, actor.pid, 5);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 0);
	hmt_node_end(&node);
}

static void
timers_set(struct hm_ctx *ctx, void *count)
{
	for (uint32_t i = 0; i < *(uint32_t *)count; i++)
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, 1000, 0, NULL), HM_OK);
}

/* More than a portion of them, with what survives in between. */
Test(engine_failure, restart__drops_timers_and_futures_and_keeps_watches)
{
	static struct hmt_probe watched, watcher, silent;
	uint32_t timers = 2 * HMI_SYSTEM_PORTION;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	watched = watcher = silent = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &watched, 0, NULL);
	hmt_probe_spawn(&node, &watcher, 1, NULL);
	hmt_probe_spawn(&node, &silent, 0, NULL);
	hmt_do(&node, actor.pid, timers_set, &timers);
	hmt_do(&node, actor.pid, hmt_watch, &watched.pid);
	hmt_do(&node, watcher.pid, hmt_watch, &actor.pid);
	hmt_do(&node, actor.pid, ask_other, &silent.pid);
	hmt_do(&node, actor.pid, timers_set, &timers);
	hmt_number(&node, actor.pid, FAIL);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED);
	hmt_elapse(&node, 10000);
	cr_assert_eq(actor.count, 4, "no timer, and no time-out of the future, which would make it fail");
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_seen_count(&actor, HM_TERMINATED), 1);
	hmt_stop(&node, actor.pid);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	hmt_node_end(&node);
}

/* ---- Restart --------------------------------------------------------------------------------------- */

Test(engine_failure, restart__stops_the_children_first_and_tells_nobody_of_their_end)
{
	static struct hmt_probe child, there;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	child = there = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, child_make, &child);
	hmt_do(&node, actor.pid, child_make_there, &there);
	hmt_number(&node, actor.pid, FAIL);
	hmt_number(&node, actor.pid, 1);
	hmt_number(&node, actor.pid, 2);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&child, HM_STARTED, HM_STOPPING, HM_STOPPED);
	HMT_SEQUENCE(&there, HM_STARTED, HM_STOPPING, HM_STOPPED);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED, HMT_NUMBER, HMT_NUMBER);
	cr_assert_eq(actor.seen[4].number, 1);
	cr_assert_eq(actor.seen[5].number, 2);
	/* Their names are free again. */
	hmt_do(&node, actor.pid, child_make, &child);
	hmt_do(&node, actor.pid, child_make_there, &there);
	hmt_node_end(&node);
}

/* One of its children has ended before, and the notification waits in the mailbox among others. */
Test(engine_failure, restart__finds_notifications_of_children_in_the_mailbox)
{
	static struct hmt_probe children[3], watched;
	uint32_t numbers = 2 * HMI_SYSTEM_PORTION;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	memset(children, 0, sizeof(children));
	watched = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, actor.pid, child_make, &children[0]);
	hmt_do(&node, actor.pid, child_make_there, &children[1]);
	hmt_do(&node, actor.pid, hmt_watch, &watched.pid);
	hmt_number(&node, actor.pid, FAIL);
	for (uint32_t i = 0; i < numbers; i++)
		hmt_number(&node, actor.pid, i);
	cr_assert_eq(hm_system_stop_actor(node.sys, children[1].pid), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, watched.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).restarted, 1);
	cr_assert_eq(actor.count, 4 + numbers + 1, "each number, and one that it watched");
	hmt_node_end(&node);
}

struct state {
	uint64_t words[64];
};

static uint64_t *state_seen;

static void
state_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t *words = state;

	if (hm_msg_type(msg) == HM_STARTED) {
		state_seen = words;
	} else if (hm_msg_type(msg) == HMT_NUMBER) {
		memset(words, 0xaa, *(const uint64_t *)hm_msg_body(msg));
		hm_fail(ctx, NULL);
	}
}

/* Whatever memory the state is in: in the cell with and without arguments beside, of a slab, of the heap. */
Test(engine_failure, restart__begins_with_the_arguments_and_zeros)
{
	static const uint32_t sizes[][2] = { { 8, 0 },   { 8, 8 },   { 24, 3 },   { 24, 24 },  { 16, 16 },
					     { 40, 24 }, { 40, 40 }, { 500, 77 }, { 512, 512 } };
	uint8_t args[512];
	struct hmt_node node;

	for (size_t i = 0; i < sizeof(args); i++)
		args[i] = (uint8_t)(i * 7 + 1);
	hmt_node_start(&node, 2);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint32_t align = 0; align <= 4096; align += 4096) {
			struct hm_props props = { .receive = state_receive,
						  .state_size = sizes[i][0],
						  .args_size = sizes[i][1],
						  .state_align = align,
						  .lcore = HM_LCORE(i % 2) };
			struct hm_pid pid;

			cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, args, &pid), 0);
			hmt_turn_until_idle(&node);
			for (int times = 0; times < 2; times++) {
				hmt_number(&node, pid, sizes[i][0]);
				hmt_turn_until_idle(&node);
				cr_assert_eq(memcmp(state_seen, args, sizes[i][1]), 0, "arguments of %u",
					     sizes[i][0]);
				for (uint32_t at = sizes[i][1]; at < sizes[i][0]; at++)
					cr_assert_eq(((uint8_t *)state_seen)[at], 0, "byte %u of %u", at,
						     sizes[i][0]);
			}
			hmt_stop(&node, pid);
		}
	}
	cr_assert_eq(hmt_stats(&node).restarted, 2 * 2 * sizeof(sizes) / sizeof(sizes[0]));
	hmt_node_end(&node);
}

static void
stop_and_fail(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_stop(ctx, hm_self(ctx));
	hm_fail(ctx, REASON);
}

/* A node with a watcher; returns why the actor has ended after the deed. */
static uint32_t
reason_after(void (*deed)(struct hm_ctx *ctx, void *arg))
{
	static struct hmt_probe watcher;
	const struct hmt_seen *seen;
	struct hmt_node node;

	watcher = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &watcher, 1, NULL);
	hmt_do(&node, watcher.pid, hmt_watch, &actor.pid);
	hmt_do(&node, actor.pid, deed, NULL);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_STOPPING, HM_STOPPED);
	seen = hmt_seen_last(&watcher, HM_TERMINATED);
	cr_assert_not_null(seen);
	hmt_node_end(&node);
	return seen->terminated.reason;
}

static void
stop_self(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_stop(ctx, hm_self(ctx));
}

static void
stop_and_fail_again(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == (uintptr_t)probe->arg)
		stop_and_fail(ctx, NULL);
}

Test(engine_failure, fail__of_an_actor_that_has_asked_itself_to_stop_stops_it)
{
	actor = (struct hmt_probe){ 0 };
	cr_assert_eq(reason_after(stop_and_fail), HM_TERMINATED_FAILED);
	actor = (struct hmt_probe){ 0 };
	cr_assert_eq(reason_after(stop_self), HM_TERMINATED_STOPPED);
	/* It stops already when it asks for it, and fails. */
	actor = (struct hmt_probe){ .on_msg = stop_and_fail_again, .arg = (void *)(uintptr_t)HM_STOPPING };
	cr_assert_eq(reason_after(stop_self), HM_TERMINATED_FAILED);
	actor = (struct hmt_probe){ .on_msg = stop_and_fail_again, .arg = (void *)(uintptr_t)HM_STOPPED };
	cr_assert_eq(reason_after(stop_self), HM_TERMINATED_FAILED);
}

/* While it restarts: what was kept of its mailbox is not lost. */
Test(engine_failure, stop__while_children_hold_up_a_restart_ends_it_behind_that)
{
	static struct hmt_probe there;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	there = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, child_make_there, &there);
	hmt_number(&node, actor.pid, FAIL);
	hmt_number(&node, actor.pid, 1);
	hmi_rcu_enter();
	/* Lcore 0 alone, so that the child of the other one does not end. */
	for (int i = 0; i < 8; i++)
		hmi_worker_turn_alone(&node.sys->lcores[0]->worker);
	hmi_rcu_leave();
	cr_assert_eq(hmt_seen_count(&actor, HM_RESTARTING), 1);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 1);
	hmt_stop(&node, actor.pid);
	/* The old state has received its last message. */
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED, HM_STOPPING, HM_STOPPED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 1, "the number that waited");
	hmt_node_end(&node);
}

Test(engine_failure, drop__of_a_system_while_an_actor_restarts_loses_nothing)
{
	static struct hmt_probe there;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	there = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, child_make_there, &there);
	hmt_number(&node, actor.pid, FAIL);
	hmt_number(&node, actor.pid, 1);
	hmi_rcu_enter();
	for (int i = 0; i < 8; i++)
		hmi_worker_turn_alone(&node.sys->lcores[0]->worker);
	hmi_rcu_leave();
	hmt_system_drain(node.sys);
	hmt_books_check(node.sys);
	hmt_node_drop(&node);
}
