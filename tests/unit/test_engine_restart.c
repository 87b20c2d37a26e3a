/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restarts that cross with other things: ends of children, replies, further directives, big actors.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_offload.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_hold.h"
#include "post_pvt.h"
#include "rcu_pvt.h"

TestSuite(engine_restart, .init = hmt_eal_start);

#define FAIL   1000u
#define SECOND 1000000u

static struct hmt_probe actor, other;

static void
fail_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && *(const uint64_t *)hm_msg_body(msg) == FAIL)
		hm_fail(ctx, "told to fail");
}

/* An actor under a guardian with a strategy; NULL: the default one. */
static void
node_with(struct hmt_node *node, const struct hm_supervisor *supervisor)
{
	actor = (struct hmt_probe){ .on_msg = fail_on_number };
	other = (struct hmt_probe){ 0 };
	hmt_node_start(node, 2);
	node->sys->guardian.supervisor = supervisor;
	hmt_probe_spawn(node, &actor, 0, "actor");
	hmt_probe_spawn(node, &other, 0, "other");
	hmt_turn_until_idle(node);
}

static const struct hm_supervisor delayed = { .restarts = HM_RESTARTS_UNLIMITED,
					      .backoff = { .min_us = SECOND } };
static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };

/* A directive, as if a supervisor of lcore 0 had sent it. */
static void
directive(struct hmt_node *node, struct hm_pid to, uint16_t type)
{
	hmi_rcu_enter();
	hmi_control_post(node->sys->lcores[0], to, hm_pid_none(), type);
	hmi_rcu_leave();
}

/* ---- Ends of children ------------------------------------------------------------- */

static void
child_make_there(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, 1, NULL), 0);
}

static void
number_send(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 1;

	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number), HM_OK);
}

static void
timers_set(struct hm_ctx *ctx, void *count)
{
	for (uint32_t i = 0; i < *(uint32_t *)count; i++)
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, SECOND, 0, NULL), HM_OK);
}

/* The walk over what it owns, which looks for children, is still under way. */
static void
restart_with_timers(uint32_t portions)
{
	static struct hmt_probe child;
	uint32_t timers = portions * HMI_SYSTEM_PORTION;
	struct hmt_node node;

	child = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	hmt_do(&node, actor.pid, timers_set, &timers);
	hmt_do(&node, actor.pid, child_make_there, &child);
	hmt_number(&node, actor.pid, FAIL);
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&child, HM_STARTED, HM_STOPPING, HM_STOPPED);
	hmt_elapse(&node, 2 * SECOND);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED, HMT_NUMBER);
	hmt_node_end(&node);
}

Test(engine_restart, children__are_gone_before_all_that_is_owned_was_looked_at)
{
	restart_with_timers(40);
	restart_with_timers(41);
}

/* HM_RESTARTING is the last message of the old state. */
Test(engine_restart, children__that_are_watched_are_not_told_of_either)
{
	static struct hmt_probe child;
	struct hmt_node node;

	child = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	hmt_do(&node, actor.pid, child_make_there, &child);
	hmt_do(&node, actor.pid, hmt_watch, &child.pid);
	hmt_number(&node, actor.pid, FAIL);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED);
	hmt_node_end(&node);
}

/*
 * With two ends in its mailbox, of a child and of one that it watches, behind a number of the latter: it fails, or stops, and
 * has to wait for another child. Of its child nobody is told; the other end stays where it is, or comes while it stops.
 */
static void
ends_wait(struct hmt_node *node, bool stops)
{
	static struct hmt_probe gone, child, watched;

	gone = child = watched = (struct hmt_probe){ 0 };
	node_with(node, NULL);
	hmt_probe_spawn(node, &watched, 0, NULL);
	hmt_do(node, actor.pid, child_make_there, &gone);
	hmt_do(node, actor.pid, child_make_there, &child);
	hmt_do(node, actor.pid, hmt_watch, &watched.pid);
	hmt_hold(node, actor.pid);
	hmt_number(node, actor.pid, stops ? 1 : FAIL);
	hmt_stop(node, gone.pid);
	hmt_do(node, watched.pid, number_send, &actor.pid);
	hmt_stop(node, watched.pid);
	if (stops)
		cr_assert_eq(hm_system_stop_actor(node->sys, actor.pid), 0);
	hmt_let_go(node, actor.pid);
	hmt_turn_until_idle(node);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&actor, HM_TERMINATED)->terminated.who,
			       stops ? child.pid : watched.pid));
}

Test(engine_restart, ends__that_wait_in_the_mailbox_when_it_restarts)
{
	struct hmt_node node;

	ends_wait(&node, false);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED, HMT_NUMBER, HM_TERMINATED);
	hmt_node_end(&node);
}

Test(engine_restart, ends__that_wait_in_the_mailbox_when_it_stops)
{
	struct hmt_node node;

	ends_wait(&node, true);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_STOPPING, HM_TERMINATED, HM_TERMINATED, HM_TERMINATED,
		     HM_STOPPED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 2, "the numbers");
	hmt_node_end(&node);
}

/* ---- Replies ---------------------------------------------------------------------- */

static uint32_t replies;

static void
reply_note(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	(void)ctx;
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	replies++;
}

static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 7;

	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

static void
ask_and_fail(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)to, HMT_EMPTY, NULL, 1000, reply_note, NULL), HM_OK);
	hm_fail(ctx, "with a reply to come");
}

/* What it refers to may have gone with the state that has asked. */
Test(engine_restart, reply__that_waits_is_not_for_the_fresh_state)
{
	struct hmt_node node;

	node_with(&node, &delayed);
	other.on_msg = answer;
	replies = 0;
	hmt_do(&node, actor.pid, ask_and_fail, &other.pid);
	hmt_number(&node, actor.pid, 1);
	hmt_elapse(&node, 2 * SECOND);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_RESTARTING, HM_STARTED, HMT_NUMBER);
	cr_assert_eq(replies, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY], 1);
	/* The end by time-out, too. */
	other.on_msg = NULL;
	hmt_do(&node, actor.pid, ask_and_fail, &other.pid);
	hmt_elapse(&node, 2 * SECOND);
	hmt_elapse(&node, 2 * SECOND);
	cr_assert_eq(hmt_stats(&node).restarted, 2);
	cr_assert_eq(replies, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY], 1);
	hmt_node_end(&node);
}

Test(engine_restart, reply__that_waits_is_received_after_a_resume)
{
	struct hmt_node node;

	node_with(&node, &resume);
	other.on_msg = answer;
	replies = 0;
	hmt_do(&node, actor.pid, ask_and_fail, &other.pid);
	cr_assert_eq(replies, 1);
	hmt_node_end(&node);
}

/* The actor ends while it waits for the decision: the reply is a dead letter, once. */
Test(engine_restart, reply__that_waits_ends_with_the_actor)
{
	struct hmt_node node;

	node_with(&node, &delayed);
	other.on_msg = answer;
	replies = 0;
	hmt_do(&node, actor.pid, ask_and_fail, &other.pid);
	hmt_stop(&node, actor.pid);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 1);
	hmt_node_end(&node);
	cr_assert_eq(replies, 0);
}

static void
number_make(const struct hm_work *work, void *args, void *result)
{
	(void)work;
	(void)args;
	*(uint64_t *)result = 5;
}

static void
offload_and_fail(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_offload(ctx, number_make, NULL, 0, HMT_NUMBER, NULL), HM_OK);
	hm_fail(ctx, "with a call to be made");
}

/* A stepped system makes the call behind the turns of its lcores: until then it waits. */
Test(engine_restart, offload__result_arrives_behind_the_restart)
{
	struct hmt_deed deed = { offload_and_fail, NULL };
	struct hmt_node node;

	node_with(&node, NULL);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_DO, &deed), HM_OK);
	hmi_rcu_enter();
	for (int i = 0; i < 8; i++)
		hmi_worker_turn_alone(&node.sys->lcores[0]->worker);
	hmi_rcu_leave();
	cr_assert_eq(hmt_stats(&node).restarted, 1);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_RESTARTING, HM_STARTED, HMT_NUMBER);
	hmt_node_end(&node);
}

/* ---- Directives that cross -------------------------------------------------------- */

Test(engine_restart, directives__behind_a_restart_wait_until_it_has_started)
{
	struct hmt_node node;

	node_with(&node, NULL);
	hmt_number(&node, actor.pid, FAIL);
	directive(&node, actor.pid, HMI_SYS_RESTART_ALL);
	directive(&node, actor.pid, HMI_SYS_RESTART_ALL);
	directive(&node, actor.pid, HM_SYS_STOP);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_RESTARTING, HM_STARTED, HM_RESTARTING, HM_STARTED, HM_STOPPING,
		     HM_STOPPED);
	hmt_node_end(&node);
}

static void
stop_self_on_restart(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	fail_on_number(ctx, probe, msg);
	if (hm_msg_type(msg) == HM_RESTARTING)
		hm_stop(ctx, hm_self(ctx));
}

Test(engine_restart, stop__of_itself_while_it_restarts_comes_behind_started)
{
	struct hmt_node node;

	node_with(&node, NULL);
	actor.on_msg = stop_self_on_restart;
	hmt_number(&node, actor.pid, FAIL);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HMT_NUMBER, HM_RESTARTING, HM_STARTED, HM_STOPPING, HM_STOPPED);
	hmt_node_end(&node);
}

/* The old state has freed what it refers to. */
static void
stop_while_children_stop(void (*on_msg)(struct hm_ctx *, struct hmt_probe *, const struct hm_msg *),
			 uint16_t order, enum hm_terminated_reason reason)
{
	static struct hmt_probe child, watcher;
	struct hmt_node node;

	child = watcher = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	hmt_do(&node, watcher.pid, hmt_watch, &actor.pid);
	actor.on_msg = on_msg;
	hmt_do(&node, actor.pid, child_make_there, &child);
	hmt_number(&node, actor.pid, FAIL);
	directive(&node, actor.pid, HMI_SYS_RESTART_ALL);
	if (order != HM_TYPE_NONE)
		directive(&node, actor.pid, order);
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&child, HM_STARTED, HM_STOPPING, HM_STOPPED);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_RESTARTING, HM_STARTED, HM_STOPPING, HM_STOPPED);
	cr_assert_eq(hmt_seen_last(&watcher, HM_TERMINATED)->terminated.reason, reason);
	hmt_node_end(&node);
}

Test(engine_restart, stop__while_children_stop_is_for_the_fresh_state)
{
	stop_while_children_stop(fail_on_number, HM_SYS_STOP, HM_TERMINATED_STOPPED);
	stop_while_children_stop(fail_on_number, HMI_SYS_STOP_FAILED, HM_TERMINATED_FAILED);
	stop_while_children_stop(stop_self_on_restart, HM_TYPE_NONE, HM_TERMINATED_STOPPED);
}

/* It was restarted already, with a sibling. */
Test(engine_restart, restart__of_an_actor_that_has_not_failed_any_more_is_ignored)
{
	struct hmt_node node;

	node_with(&node, NULL);
	directive(&node, actor.pid, HMI_SYS_RESTART);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED);
	hmt_node_end(&node);
}

/* ---- Again and again ----------------------------------------------------------------- */

/* There is always another one to fail with. */
static void
fail_for_ever(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = FAIL;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
	hm_fail(ctx, "for ever");
}

Test(engine_restart, fail__in_each_turn_does_not_hold_up_dead_letters)
{
	struct hmt_node node;

	node_with(&node, &resume);
	actor.on_msg = fail_for_ever;
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, other.pid), 0);
	hmt_number(&node, actor.pid, FAIL);
	for (int i = 0; i < 100; i++)
		hm_system_turn(node.sys);
	cr_assert_geq(hmt_stats(&node).failed, 50);
	cr_assert_geq(hmt_seen_count(&other, HM_DEAD_LETTER), 40);
	actor.on_msg = NULL;
	hmt_node_end(&node);
}

/* ---- What was made ------------------------------------------------------------------ */

static struct hm_msg *kept;

static void
make_and_keep(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	kept = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_not_null(kept);
}

static void
make_and_fail(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_not_null(hm_msg_new(ctx, HMT_NUMBER, 0));
	hm_fail(ctx, "with a message in its hands");
}

static void
send_kept(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_msg_send(ctx, *(struct hm_pid *)to, kept), HM_OK);
}

/* Its state knows the message. */
Test(engine_restart, resume__leaves_the_actor_what_earlier_calls_have_made)
{
	struct hmt_node node;

	node_with(&node, &resume);
	hmt_do(&node, actor.pid, make_and_keep, NULL);
	hmt_do(&node, actor.pid, make_and_fail, NULL);
	hmt_do(&node, actor.pid, send_kept, &other.pid);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

/* hmt_node_end finds what is lost. */
Test(engine_restart, restart__frees_what_earlier_calls_have_made)
{
	struct hmt_node node;

	node_with(&node, NULL);
	for (uint32_t i = 0; i < 3 * HMI_SYSTEM_PORTION; i++)
		hmt_do(&node, actor.pid, make_and_keep, NULL);
	hmt_do(&node, other.pid, make_and_keep, NULL);
	hmt_do(&node, actor.pid, make_and_fail, NULL);
	hmt_do(&node, other.pid, send_kept, &actor.pid);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 1, "what the other one has made is its own");
	hmt_node_end(&node);
}

static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };

/* More than a portion of them. */
Test(engine_restart, stop__of_one_that_has_failed_frees_what_it_has_kept)
{
	struct hmt_node node;

	node_with(&node, &stop);
	for (uint32_t i = 0; i < 3 * HMI_SYSTEM_PORTION; i++)
		hmt_do(&node, actor.pid, make_and_keep, NULL);
	hmt_do(&node, actor.pid, send_kept, &other.pid);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_do(&node, actor.pid, make_and_fail, NULL);
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 1);
	hmt_node_end(&node);
}

/* That it has ended in order leaves what it has made to whoever has got hold of it. */
Test(engine_restart, stop__in_order_frees_nothing_that_was_kept)
{
	struct hmt_node node;

	node_with(&node, NULL);
	hmt_do(&node, actor.pid, make_and_keep, NULL);
	hmt_stop(&node, actor.pid);
	hmt_do(&node, other.pid, send_kept, &other.pid);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

/* Nobody runs any more who could send it. */
Test(engine_restart, drop__of_the_system_frees_what_was_kept)
{
	struct hmt_node node;

	node_with(&node, NULL);
	hmt_do(&node, actor.pid, make_and_keep, NULL);
	hmt_do(&node, actor.pid, make_and_keep, NULL);
	hmt_node_drop(&node);
}
