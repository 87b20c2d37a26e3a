/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message that an actor gets when none has come for a while: when it comes, what puts it off, and what ends it.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_behaviour.h"
#include "hm_mailbox.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"
#include "post_pvt.h"
#include "rcu_pvt.h"

TestSuite(engine_receive_timeout, .init = hmt_eal_start);

#define TIMEOUT_US 8000u
#define PART_US    (TIMEOUT_US / 8)

enum {
	QUIET = HMT_TYPE_NEXT
};

static struct hmt_probe actor;

static void
timeout_set(struct hm_ctx *ctx, void *us)
{
	cr_assert_eq(hm_receive_timeout_set(ctx, *(uint64_t *)us), HM_OK);
	cr_assert_eq(hm_receive_timeout(ctx), *(uint64_t *)us);
}

static void
timeout_cancel(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_receive_timeout_cancel(ctx);
	cr_assert_eq(hm_receive_timeout(ctx), 0);
}

static void
timeout_start(struct hmt_node *node, const struct hm_mailbox *mailbox)
{
	static const struct hm_type quiet = { .id = QUIET, .name = "quiet", .no_influence = true };
	static struct hm_props props;
	struct hmt_probe *probe = &actor;
	uint64_t us = TIMEOUT_US;

	actor = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.mailbox = mailbox;
	hmt_node_start(node, 2);
	cr_assert_eq(hm_type_register(node->sys, &quiet), 0);
	cr_assert_eq(hm_system_spawn(node->sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_do(node, actor.pid, timeout_set, &us);
}

static uint32_t
timeouts(void)
{
	return hmt_seen_count(&actor, HM_RECEIVE_TIMEOUT);
}

/* In steps, as a clock goes. */
static void
wait_us(struct hmt_node *node, uint64_t us)
{
	for (uint64_t at = 0; at < us; at += 100)
		hmt_elapse(node, 100);
}

Test(engine_receive_timeout, receive_timeout__repeats_until_it_is_cancelled)
{
	struct hmt_node node;

	timeout_start(&node, NULL);
	wait_us(&node, TIMEOUT_US - 200);
	cr_assert_eq(timeouts(), 0);
	wait_us(&node, 400);
	cr_assert_eq(timeouts(), 1);
	wait_us(&node, 4 * TIMEOUT_US + PART_US);
	cr_assert_eq(timeouts(), 5);
	hmt_do(&node, actor.pid, timeout_cancel, NULL);
	wait_us(&node, 4 * TIMEOUT_US);
	cr_assert_eq(timeouts(), 5);
	hmt_do(&node, actor.pid, timeout_cancel, NULL);
	hmt_node_end(&node);
}

/* Whenever the message comes: the time-out comes after its time, and at most an eighth later. */
static void
reset_check(const struct hm_mailbox *mailbox)
{
	struct hmt_node node;

	for (uint64_t at = 100; at < 2 * TIMEOUT_US; at += 700) {
		uint32_t before;
		uint64_t us = 0;

		timeout_start(&node, mailbox);
		wait_us(&node, at);
		hmt_number(&node, actor.pid, 1);
		hmt_turn_until_idle(&node);
		before = timeouts();
		for (; timeouts() == before; us += 100)
			hmt_elapse(&node, 100);
		cr_assert(us >= TIMEOUT_US && us <= TIMEOUT_US + PART_US + 200, "at %lu: %lu",
			  (unsigned long)at, (unsigned long)us);
		hmt_node_end(&node);
	}
}

Test(engine_receive_timeout, receive_timeout__is_reset_by_a_message)
{
	reset_check(NULL);
}

static uint8_t
one_priority(const struct hm_msg *msg)
{
	(void)msg;
	return 1;
}

Test(engine_receive_timeout, receive_timeout__works_with_any_mailbox)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .capacity = HM_MAILBOX_UNLIMITED,
						   .priority = one_priority };

	reset_check(&ordered);
}

#define MANY    50u
#define LONG_US UINT64_C(10000000)

struct waiting {
	struct hmt_probe probe;
	struct hmt_node *node;
	uint64_t set_ns, came_ns;
};

static void
came_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct waiting *waiting = probe->arg;

	(void)ctx;
	if (hm_msg_type(msg) == HM_RECEIVE_TIMEOUT && waiting->came_ns == 0)
		waiting->came_ns = waiting->node->now_ns;
}

static void
long_set(struct hm_ctx *ctx, void *waiting)
{
	((struct waiting *)waiting)->set_ns = ((struct waiting *)waiting)->node->now_ns;
	cr_assert_eq(hm_receive_timeout_set(ctx, LONG_US), HM_OK);
}

/* Actors that have begun to wait within 50 ms are woken at one moment, or at two. */
Test(engine_receive_timeout, receive_timeout__long_ones_come_together)
{
	static struct waiting all[MANY];
	uint32_t moments = 0;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < MANY; i++) {
		all[i] = (struct waiting){ .node = &node, .probe = { .on_msg = came_note, .arg = &all[i] } };
		hmt_do(&node, hmt_probe_spawn(&node, &all[i].probe, 0, NULL), long_set, &all[i]);
		hmt_elapse(&node, 1000);
	}
	for (uint32_t i = 0; i < 2 * LONG_US / 1000 && all[MANY - 1].came_ns == 0; i++)
		hmt_elapse(&node, 1000);
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t us = (all[i].came_ns - all[i].set_ns) / 1000;

		cr_assert(us >= LONG_US && us <= LONG_US + LONG_US / 64 + 1000, "%u: %lu", i,
			  (unsigned long)us);
		moments += i == 0 || all[i].came_ns != all[i - 1].came_ns;
	}
	cr_assert_leq(moments, 2);
	hmt_node_end(&node);
}

/* An actor that never pauses has none. */
Test(engine_receive_timeout, receive_timeout__never_comes_to_a_busy_actor)
{
	struct hmt_node node;

	timeout_start(&node, NULL);
	for (uint32_t i = 0; i < 100; i++) {
		hmt_number(&node, actor.pid, i);
		wait_us(&node, TIMEOUT_US / 2);
	}
	cr_assert_eq(timeouts(), 0);
	hmt_node_end(&node);
}

static void
request_quiet(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, QUIET, NULL), HM_OK);
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, QUIET, NULL), HM_OK);
}

/* However it is sent: plainly, with a sender, by a thread, by a timer. */
Test(engine_receive_timeout, receive_timeout__is_not_reset_by_types_without_influence)
{
	static struct hmt_probe other;
	struct hmt_node node;

	timeout_start(&node, NULL);
	other = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &other, 1, NULL);
	for (uint32_t i = 0; i < 20; i++) {
		hmt_do(&node, other.pid, request_quiet, &actor.pid);
		cr_assert_eq(hm_system_send(node.sys, actor.pid, QUIET, NULL), HM_OK);
		wait_us(&node, TIMEOUT_US / 2);
	}
	cr_assert_eq(hmt_seen_count(&actor, QUIET), 60);
	cr_assert_geq(timeouts(), 8);
	hmt_node_end(&node);
}

/* They wait in the mailbox whenever the timer looks. */
static uint32_t
timeouts_beside_ticks(struct hmt_node *node)
{
	uint32_t before = timeouts();

	for (uint32_t i = 0; i < 4 * TIMEOUT_US / PART_US; i++) {
		cr_assert_eq(hm_system_send(node->sys, actor.pid, QUIET, NULL), HM_OK);
		hmt_elapse(node, 100);
		hmt_elapse(node, PART_US - 100);
	}
	return timeouts() - before;
}

Test(engine_receive_timeout, receive_timeout__is_not_put_off_by_ticks_at_each_look)
{
	struct hmt_node node;

	timeout_start(&node, NULL);
	cr_assert_geq(timeouts_beside_ticks(&node), 3);
	/* Nor behind a message that counts. */
	hmt_number(&node, actor.pid, 7);
	cr_assert_eq(timeouts_beside_ticks(&node), 3);
	hmt_node_end(&node);
}

/* As one who waits until another one's mailbox has drained. */
static void
muted_set(struct hmt_node *node, bool is_muted)
{
	struct hmi_cell *cell = hmi_cell_live(node->sys->lcores[0], actor.pid.local);

	if (is_muted) {
		cell->pending |= HMI_PENDING_MUTED;
		return;
	}
	cell->pending &= (uint8_t)~HMI_PENDING_MUTED;
	hmi_schedule(node->sys->lcores[0], cell);
	hmt_turn_until_idle(node);
}

/* It waits for long, and counts from when it is received on. */
Test(engine_receive_timeout, receive_timeout__does_not_overtake_a_message_that_counts)
{
	struct hmt_node node;

	timeout_start(&node, NULL);
	wait_us(&node, TIMEOUT_US / 2);
	muted_set(&node, true);
	hmt_number(&node, actor.pid, 7);
	wait_us(&node, 4 * TIMEOUT_US);
	cr_assert_eq(timeouts(), 0);
	muted_set(&node, false);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 1);
	wait_us(&node, TIMEOUT_US - 100);
	cr_assert_eq(timeouts(), 0);
	wait_us(&node, PART_US + 200);
	cr_assert_eq(timeouts(), 1);
	hmt_node_end(&node);
}

/* In the turn in which it is set, of an actor that waits next. */
static void
timeout_set_and_mute(struct hm_ctx *ctx, void *us)
{
	timeout_set(ctx, us);
	ctx->cell->pending |= HMI_PENDING_MUTED;
}

Test(engine_receive_timeout, receive_timeout__does_not_overtake_one_that_waited_when_it_was_set)
{
	struct hmt_node node;
	uint64_t us = TIMEOUT_US;

	timeout_start(&node, NULL);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_DO,
				    &(struct hmt_deed){ timeout_set_and_mute, &us }),
		     HM_OK);
	hmt_number(&node, actor.pid, 7);
	wait_us(&node, 4 * TIMEOUT_US);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 0, "it waits");
	cr_assert_eq(timeouts(), 0);
	muted_set(&node, false);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 1);
	wait_us(&node, TIMEOUT_US - 100);
	cr_assert_eq(timeouts(), 0);
	wait_us(&node, PART_US + 200);
	cr_assert_eq(timeouts(), 1);
	hmt_node_end(&node);
}

/* It is due since long when that is received, and no later than a look. */
Test(engine_receive_timeout, receive_timeout__comes_behind_a_tick_that_has_waited)
{
	struct hmt_node node;

	timeout_start(&node, NULL);
	wait_us(&node, TIMEOUT_US / 2);
	muted_set(&node, true);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, QUIET, NULL), HM_OK);
	wait_us(&node, 4 * TIMEOUT_US);
	cr_assert_eq(timeouts(), 0);
	muted_set(&node, false);
	cr_assert_eq(hmt_seen_count(&actor, QUIET), 1);
	wait_us(&node, PART_US);
	cr_assert_eq(timeouts(), 1);
	hmt_node_end(&node);
}

Test(engine_receive_timeout, receive_timeout__ends_with_a_restart)
{
	struct hmt_node node;

	timeout_start(&node, NULL);
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	wait_us(&node, 3 * TIMEOUT_US);
	cr_assert_eq(timeouts(), 0);
	cr_assert_neq(hmi_cell_live(node.sys->lcores[0], actor.pid.local)->limit, 0);
	hmt_node_end(&node);
}

/* Suspended until its restart, which is delayed: what comes due meanwhile is the old life's. */
Test(engine_receive_timeout, receive_timeout__of_one_that_waits_for_its_restart_does_not_come_to_its_new_life)
{
	static const struct hm_supervisor slow = { .restarts = HM_RESTARTS_UNLIMITED,
						   .backoff = { .min_us = 5 * TIMEOUT_US } };
	struct hmt_node node;

	timeout_start(&node, NULL);
	node.sys->guardian.supervisor = &slow;
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	wait_us(&node, 4 * TIMEOUT_US);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 1, "it waits");
	wait_us(&node, 4 * TIMEOUT_US);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 2);
	cr_assert_eq(timeouts(), 0);
	cr_assert_eq(hmt_dead(&node), 1, "the message at which it has failed");
	hmt_node_end(&node);
}

/* Let timers fire, without a turn of any actor. */
static void
timers_fire(struct hmt_node *node, uint64_t us)
{
	struct hm_ctx *ctx = node->sys->lcores[0];

	node->now_ns += us * 1000;
	hmi_rcu_enter();
	(void)hmi_wheel_advance(&ctx->worker.wheel, hmi_worker_clock(&ctx->worker), &ctx->worker, NULL);
	hmi_rcu_leave();
}

static void
restart_post(struct hmt_node *node)
{
	hmi_rcu_enter();
	hmi_control_post(node->sys->lcores[0], actor.pid, hm_pid_none(), HMI_SYS_RESTART_ALL);
	hmi_rcu_leave();
}

/* It is in the mailbox already when a sibling's failure restarts the actor. */
static void
waiting_check(const struct hm_mailbox *mailbox)
{
	uint64_t us = TIMEOUT_US;
	struct hmt_node node;

	timeout_start(&node, mailbox);
	timers_fire(&node, 2 * TIMEOUT_US);
	hmt_number(&node, actor.pid, 1);
	restart_post(&node);
	hmt_turn_until_idle(&node);
	HMT_SEQUENCE(&actor, HM_STARTED, HM_RESTARTING, HM_STARTED, HMT_NUMBER);
	cr_assert_eq(hmt_dead(&node), 0);
	/* And it is not that of the new life. */
	hmt_do(&node, actor.pid, timeout_set, &us);
	timers_fire(&node, 2 * TIMEOUT_US);
	hmt_turn_until_idle(&node);
	cr_assert_eq(timeouts(), 1);
	hmt_node_end(&node);
}

Test(engine_receive_timeout, receive_timeout__that_waits_in_the_mailbox_ends_with_a_restart)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .capacity = HM_MAILBOX_UNLIMITED,
						   .priority = one_priority };

	waiting_check(NULL);
	waiting_check(&ordered);
}

static void
ask_at_stopping(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STOPPING)
		cr_assert_eq(hm_ask(ctx, *(const struct hm_pid *)probe->arg, HMT_EMPTY, NULL, 10 * TIMEOUT_US,
				    hmt_ignore_reply, NULL),
			     HM_OK);
}

/* It handles no messages any more, and waits for an answer longer than for a message. */
Test(engine_receive_timeout, receive_timeout__of_one_that_stops_is_no_dead_letter)
{
	static struct hmt_probe other;
	struct hmt_node node;

	timeout_start(&node, NULL);
	other = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &other, 1, NULL);
	actor.on_msg = ask_at_stopping;
	actor.arg = &other.pid;
	hmt_stop(&node, actor.pid);
	wait_us(&node, 5 * TIMEOUT_US);
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 0, "it waits");
	cr_assert_eq(hmt_dead(&node), 0, "%lu", (unsigned long)hmt_dead(&node));
	wait_us(&node, 6 * TIMEOUT_US);
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 1);
	cr_assert_eq(timeouts(), 0);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_receive_timeout, receive_timeout__of_none_cancels_and_of_the_longest_never_comes)
{
	uint64_t us = UINT64_MAX;
	struct hmt_node node;

	timeout_start(&node, NULL);
	hmt_do(&node, actor.pid, timeout_set, &us);
	wait_us(&node, 3 * TIMEOUT_US);
	cr_assert_eq(timeouts(), 0);
	us = 0;
	hmt_do(&node, actor.pid, timeout_set, &us);
	us = 1;
	hmt_do(&node, actor.pid, timeout_set, &us);
	wait_us(&node, 1000);
	cr_assert_geq(timeouts(), 5);
	hmt_do(&node, actor.pid, timeout_cancel, NULL);
	hmt_node_end(&node);
}

static void
set_starved(struct hm_ctx *ctx, void *arg)
{
	struct hmi_slab full = hmt_slab_drain(&ctx->receive_timeouts);

	(void)arg;
	hmt_memory_refuse();
	cr_assert_eq(hm_receive_timeout_set(ctx, 1000), HM_NO_MEMORY);
	hmt_memory_allow();
	ctx->receive_timeouts = full;
}

Test(engine_receive_timeout, receive_timeout__without_memory_is_refused)
{
	struct hmt_node node;

	actor = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &actor, 0, NULL);
	hmt_do(&node, actor.pid, set_starved, NULL);
	hmt_node_end(&node);
}
