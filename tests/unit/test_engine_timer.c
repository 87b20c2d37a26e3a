/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages sent later.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_timer, .init = hmt_eal_start);

/* A timer, and how it was asked for. */
struct alarm {
	struct hm_pid to; /* nobody: the actor itself */
	uint16_t type;    /* 0: a number */
	uint64_t number, delay_us, period_us;
	enum hm_result result;
	struct hm_timer timer;
};

static void
alarm_set(struct hm_ctx *ctx, void *arg)
{
	struct alarm *alarm = arg;
	struct hm_pid to = hm_pid_is_none(alarm->to) ? hm_self(ctx) : alarm->to;

	alarm->result = hm_send_after(ctx, to, alarm->type != 0 ? alarm->type : HMT_NUMBER,
				      alarm->type != 0 ? NULL : &alarm->number, alarm->delay_us,
				      alarm->period_us, &alarm->timer);
}

static void
alarm_cancel(struct hm_ctx *ctx, void *arg)
{
	hm_timer_cancel(ctx, ((struct alarm *)arg)->timer);
}

static uint32_t
timers_count(const struct hmt_node *node)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < node->sys->lcores_count; i++)
		count += node->sys->lcores[i]->worker.wheel.count;
	return count;
}

Test(engine_timer, send_after__once_at_its_time)
{
	static struct hmt_probe probe;
	struct alarm alarm = { .number = 5, .delay_us = 1000 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 1, NULL), alarm_set, &alarm);
	cr_assert_eq(alarm.result, HM_OK);
	hmt_elapse(&node, 999);
	cr_assert_eq(probe.count, 1);
	hmt_elapse(&node, 3);
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, 5);
	cr_assert(hm_pid_is_none(hmt_seen_last(&probe, HMT_NUMBER)->sender));
	hmt_elapse(&node, 1000000);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	cr_assert_eq(timers_count(&node), 0);
	hmt_node_end(&node);
}

Test(engine_timer, send_after__without_delay_comes_in_a_later_turn)
{
	static struct hmt_probe probe;
	struct alarm alarm = { .number = 5 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	hmt_elapse(&node, 2);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

Test(engine_timer, send_after__in_order_of_their_times)
{
	static struct hmt_probe probe;
	struct alarm alarms[4] = { { .number = 4, .delay_us = 40000 },
				   { .number = 1, .delay_us = 10 },
				   { .number = 3, .delay_us = 3000 },
				   { .number = 2, .delay_us = 100 } };
	struct hmt_node node;
	uint64_t next = 1;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (int i = 0; i < 4; i++)
		hmt_do(&node, probe.pid, alarm_set, &alarms[i]);
	hmt_elapse(&node, 100000);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 4);
	for (uint32_t i = 0; i < probe.count; i++) {
		if (probe.seen[i].type == HMT_NUMBER)
			cr_assert_eq(probe.seen[i].number, next++);
	}
	hmt_node_end(&node);
}

Test(engine_timer, send_after__periodic_at_a_fixed_rate)
{
	static struct hmt_probe probe;
	struct alarm alarm = { .number = 5, .delay_us = 500, .period_us = 1000 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	for (int i = 0; i < 100; i++)
		hmt_elapse(&node, 100);
	cr_assert_geq(hmt_seen_count(&probe, HMT_NUMBER), 9);
	cr_assert_leq(hmt_seen_count(&probe, HMT_NUMBER), 10);
	hmt_do(&node, probe.pid, alarm_cancel, &alarm);
	probe.count = 0;
	hmt_elapse(&node, 5000);
	cr_assert_eq(probe.count, 0);
	hmt_node_end(&node);
}

Test(engine_timer, send_after__missed_periods_are_skipped)
{
	static struct hmt_probe probe;
	struct alarm alarm = { .number = 5, .delay_us = 1000, .period_us = 1000 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	/* A long pause brings one, and the rate keeps its beat. */
	hmt_elapse(&node, 10500);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	hmt_elapse(&node, 400);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	hmt_elapse(&node, 110);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

static void
idle_long_and_set(struct hm_ctx *ctx, void *arg)
{
	struct hmt_node *node = ((void **)arg)[0];

	node->now_ns += 50000000;
	alarm_set(ctx, ((void **)arg)[1]);
}

Test(engine_timer, send_after__delay_counts_from_the_call_not_from_the_turns_start)
{
	static struct hmt_probe probe;
	struct alarm far = { .number = 1, .delay_us = 1000000 }, near = { .number = 2, .delay_us = 1000 };
	struct hmt_node node;
	void *args[] = { &node, &near };

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &far);
	hmt_do(&node, probe.pid, idle_long_and_set, args);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 0);
	hmt_elapse(&node, 1002);
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, 2);
	hmt_node_end(&node);
}

#define BUSY 1000u

static void
always_busy(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t number = 0;

	(void)state;
	(void)msg;
	(void)hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number);
}

/* More actors want to run than do in three turns; who waits for a timer is not among those who wait. */
Test(engine_timer, send_after__receiver_runs_before_all_that_are_busy)
{
	static const struct hm_props props = { .receive = always_busy };
	static struct hmt_probe probe;
	struct alarm alarm = { .delay_us = 1000 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	for (uint32_t i = 0; i < BUSY; i++)
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, NULL, NULL), 0);
	for (uint32_t i = 0; i < 10; i++)
		hm_system_turn(node.sys);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 0);
	node.now_ns += 1100000;
	hm_system_turn(node.sys);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	hmt_node_drop(&node);
}

Test(engine_timer, cancel__a_timer_that_is_over_or_of_another_actor_is_left_alone)
{
	static struct hmt_probe probe, other;
	struct alarm over = { .number = 1, .delay_us = 10 }, running = { .number = 2, .delay_us = 1000 },
		     never = { .timer = { UINT64_MAX } };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &over);
	hmt_elapse(&node, 20);
	hmt_do(&node, probe.pid, alarm_set, &running);
	cr_assert_neq(over.timer.id, running.timer.id);
	hmt_do(&node, probe.pid, alarm_cancel, &over);
	hmt_do(&node, probe.pid, alarm_cancel, &never);
	hmt_do(&node, other.pid, alarm_cancel, &running);
	hmt_elapse(&node, 2000);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

Test(engine_timer, cancel__before_its_time_and_twice)
{
	static struct hmt_probe probe;
	struct alarm once = { .number = 1, .delay_us = 1000 },
		     again = { .number = 2, .delay_us = 10, .period_us = 10 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, alarm_set, &once);
	hmt_do(&node, probe.pid, alarm_set, &again);
	for (int i = 0; i < 2; i++) {
		hmt_do(&node, probe.pid, alarm_cancel, &once);
		hmt_do(&node, probe.pid, alarm_cancel, &again);
	}
	cr_assert_eq(timers_count(&node), 0);
	hmt_elapse(&node, 5000);
	cr_assert_eq(probe.count, 1);
	hmt_node_end(&node);
}

static void
cancel_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER && hmt_seen_count(probe, HMT_NUMBER) == 3)
		alarm_cancel(ctx, probe->arg);
}

Test(engine_timer, cancel__by_its_own_message)
{
	static struct hmt_probe probe;
	struct alarm alarm = { .number = 2, .delay_us = 100, .period_us = 100 };
	struct hmt_node node;

	probe.on_msg = cancel_on_number;
	probe.arg = &alarm;
	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	for (int i = 0; i < 20; i++)
		hmt_elapse(&node, 100);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 3);
	hmt_node_end(&node);
}

Test(engine_timer, stop__timers_end_with_their_actor)
{
	static struct hmt_probe probe, other;
	struct alarm to_other = { .number = 1, .delay_us = 100, .period_us = 100 },
		     to_self = { .delay_us = 100 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	to_other.to = hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &to_other);
	hmt_do(&node, probe.pid, alarm_set, &to_self);
	hmt_elapse(&node, 150);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_stop(&node, probe.pid);
	cr_assert_eq(timers_count(&node), 0);
	hmt_elapse(&node, 10000);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

Test(engine_timer, send_after__to_a_dead_actor_is_a_dead_letter_each_time)
{
	static struct hmt_probe probe, other;
	struct alarm alarm = { .number = 1, .delay_us = 100, .period_us = 100 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	alarm.to = hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, other.pid);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	for (int i = 0; i < 3; i++)
		hmt_elapse(&node, 150);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 3);
	hmt_node_end(&node);
}

Test(engine_timer, send_after__bad_ones_are_refused)
{
	static struct hmt_probe probe;
	struct alarm unknown = { .type = HMT_TYPE_NEXT }, own = { .type = HM_STARTED };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, alarm_set, &unknown);
	cr_assert_eq(unknown.result, HM_UNKNOWN_TYPE);
	hmt_do(&node, probe.pid, alarm_set, &own);
	cr_assert_eq(own.result, HM_UNKNOWN_TYPE);
	cr_assert_eq(timers_count(&node), 0);
	hmt_node_end(&node);
}

Test(engine_timer, send_after__the_longest_delay_and_period_do_not_overflow)
{
	static struct hmt_probe probe;
	struct alarm alarm = { .delay_us = UINT64_MAX, .period_us = UINT64_MAX },
		     soon = { .delay_us = 1, .period_us = UINT64_MAX };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &alarm);
	hmt_do(&node, probe.pid, alarm_set, &soon);
	hmt_elapse(&node, 1000ull * 1000 * 3600 * 24 * 365);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

Test(engine_timer, drop__timers_and_their_messages_are_freed)
{
	static struct hmt_probe probe;
	struct alarm once = { .delay_us = 1000 }, again = { .delay_us = 10, .period_us = 1000 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), alarm_set, &once);
	hmt_do(&node, probe.pid, alarm_set, &again);
	hmt_elapse(&node, 100);
	hmt_node_drop(&node);
}

/* ---- As many as one likes ------------------------------------------------------------ */

#define MANY 1000000u

struct crowd {
	struct hm_pid to;
	uint32_t set;
};

static void
crowd_set(struct hm_ctx *ctx, void *arg)
{
	struct crowd *crowd = arg;
	uint64_t number = 1;

	while (crowd->set < MANY && hm_send_after(ctx, crowd->to, HMT_NUMBER, &number,
						  3600000000ull + crowd->set % 1000, 0, NULL) == HM_OK)
		crowd->set++;
	cr_assert_eq(hm_send(ctx, crowd->to, HMT_NUMBER, &number), HM_OK, "timers hold no messages");
}

Test(engine_timer, send_after__a_million_at_a_time)
{
	static struct hmt_probe probe;
	struct crowd crowd = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 1, 16u << 20, NULL);
	crowd.to = hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, crowd_set, &crowd);
	cr_assert_eq(crowd.set, MANY);
	cr_assert_eq(timers_count(&node), MANY);
	cr_assert_eq(probe.count, 2);
	/* More are due at once than there are messages: the rest comes a little later. */
	for (uint32_t i = 0; i < 3000 && probe.count < 2 + MANY; i++)
		hmt_elapse(&node, i == 0 ? 3600001000ull : 1100);
	cr_assert_eq(probe.count, 2 + MANY);
	cr_assert_gt(hmt_stats(&node).timers_delayed, 0);
	cr_assert_eq(timers_count(&node), 0);
	hmt_node_end(&node);
}

/* With what the hash of links takes for it, those that docs/guide/sizing.md names. */
Test(engine_timer, send_after__bytes_of_a_timer)
{
	struct hmt_node node;

	hmt_node_start(&node, 1);
	cr_assert_eq(node.sys->lcores[0]->timers.object_bytes, 176);
	hmt_node_end(&node);
}

static void
big_set(struct hm_ctx *ctx, void *arg)
{
	static uint8_t body[HMT_BIG_BYTES];

	memset(body, 0x5a, sizeof(body));
	for (uint32_t i = 0; i < 100; i++)
		cr_assert_eq(hm_send_after(ctx, *(struct hm_pid *)arg, HMT_BIG, body, 100, 0, NULL), HM_OK);
	memset(body, 0, sizeof(body));
}

Test(engine_timer, send_after__big_bodies_are_copied)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, big_set, &probe.pid);
	hmt_elapse(&node, 102);
	cr_assert_eq(hmt_seen_count(&probe, HMT_BIG), RTE_MIN(100u, HMT_SEEN_MAX - 1));
	cr_assert_eq(probe.seen[1].length, HMT_BIG_BYTES);
	cr_assert_eq(probe.seen[1].words[0], 0x5a5a5a5a5a5a5a5a);
	hmt_node_end(&node);
}

/* ---- Many that come again and again ---------------------------------------------------- */

#define PERIODIC  100000u
#define PERIOD_US 100000u
#define PERIODS   5u

static uint32_t beats[PERIODIC];

static void
beat_count(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		beats[*(const uint64_t *)hm_msg_body(msg)]++;
}

static void
beats_begin(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < PERIODIC; i++)
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &i, PERIOD_US, PERIOD_US, NULL),
			     HM_OK);
}

/* All are due at once, and there are fewer messages: each comes in each period all the same. */
Test(engine_timer, send_after__a_hundred_thousand_periodic_ones_keep_their_beat)
{
	static struct hmt_probe probe = { .on_msg = beat_count };
	struct hmt_node node;

	hmt_node_start_with(&node, 1, 4u << 20, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), beats_begin, NULL);
	cr_assert_eq(timers_count(&node), PERIODIC);
	/* In small steps: those that find no memory come in portions, a microsecond apart. */
	for (uint32_t us = 0; us < PERIODS * PERIOD_US + PERIOD_US / 2; us += 20)
		hmt_elapse(&node, 20);
	cr_assert_gt(hmt_stats(&node).timers_delayed, 0);
	for (uint32_t i = 0; i < PERIODIC; i++)
		cr_assert_eq(beats[i], PERIODS, "timer %u: %u times", i, beats[i]);
	hmt_node_end(&node);
}
