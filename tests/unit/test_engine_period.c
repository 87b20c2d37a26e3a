/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers that come again: at a fixed rate, with a fixed delay, a number of times, and by the calendar; and what a stall does to them.
 */
#include <criterion/criterion.h>

#include <time.h>

#include "hm_cron.h"
#include "hm_messages.h"
#include "hm_move.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_period, .init = hmt_eal_start);

#define MINUTE_US UINT64_C(60000000)

struct order {
	struct hm_period period;
	struct hm_cron *cron; /* NULL: by the period */
	struct hm_timer timer;
	enum hm_result result;
};

static void
begin(struct hm_ctx *ctx, void *arg)
{
	struct order *order = arg;
	uint64_t number = 6;

	order->result = order->cron != NULL ? hm_send_cron(ctx, hm_self(ctx), HMT_NUMBER, &number,
							   order->cron, &order->timer)
					    : hm_send_every(ctx, hm_self(ctx), HMT_NUMBER, &number,
							    &order->period, &order->timer);
}

static void
cancel(struct hm_ctx *ctx, void *arg)
{
	hm_timer_cancel(ctx, ((struct order *)arg)->timer);
}

/* Messages that came while time passes, in steps. */
static uint32_t
elapse(struct hmt_node *node, const struct hmt_probe *probe, uint64_t us)
{
	uint32_t before = probe->count;

	hmt_elapse(node, us);
	return probe->count - before;
}

Test(engine_period, rate__keeps_the_beat_behind_a_stall)
{
	static struct hmt_probe probe;
	struct order order = { .period = { .delay_us = 1000, .period_us = 1000 } };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), begin, &order);
	cr_assert_eq(order.result, HM_OK);
	cr_assert_eq(elapse(&node, &probe, 1001), 1);
	/* Five periods pass at once: one message, and then the beat. */
	cr_assert_eq(elapse(&node, &probe, 5500), 1);
	cr_assert_eq(elapse(&node, &probe, 400), 0);
	cr_assert_eq(elapse(&node, &probe, 110), 1);
	cr_assert_eq(elapse(&node, &probe, 900), 0);
	cr_assert_eq(elapse(&node, &probe, 100), 1);
	hmt_node_end(&node);
}

Test(engine_period, delay__counts_from_the_message_that_was_sent)
{
	static struct hmt_probe probe;
	struct order order = { .period = { .delay_us = 1000, .period_us = 1000, .kind = HM_PERIOD_DELAY } };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), begin, &order);
	cr_assert_eq(elapse(&node, &probe, 1001), 1);
	cr_assert_eq(elapse(&node, &probe, 5500), 1);
	/* A whole period behind the late one, where the rate would have come after half of it. */
	cr_assert_eq(elapse(&node, &probe, 990), 0);
	cr_assert_eq(elapse(&node, &probe, 20), 1);
	cr_assert_eq(elapse(&node, &probe, 980), 0);
	cr_assert_eq(elapse(&node, &probe, 30), 1);
	hmt_do(&node, probe.pid, cancel, &order);
	cr_assert_eq(elapse(&node, &probe, 5000), 0);
	hmt_node_end(&node);
}

Test(engine_period, count__ends_by_itself)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	for (uint32_t kind = HM_PERIOD_RATE; kind <= HM_PERIOD_DELAY; kind++) {
		for (uint32_t count = 1; count <= 3; count++) {
			struct order order = { .period = { .period_us = 100, .count = count, .kind = kind } };
			uint32_t before = probe.count;

			hmt_do(&node, probe.pid, begin, &order);
			for (uint32_t i = 0; i < 10; i++)
				hmt_elapse(&node, 101);
			cr_assert_eq(probe.count - before, count, "kind %u", kind);
			/* It is over, and so it is ignored. */
			hmt_do(&node, probe.pid, cancel, &order);
		}
	}
	cr_assert_eq(node.sys->lcores[0]->links.count, 0);
	hmt_node_end(&node);
}

Test(engine_period, wrong_arguments)
{
	static struct hmt_probe probe;
	struct order order = { .period = { .period_us = 0 } };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, begin, &order);
	cr_assert_eq(order.result, HM_INVALID);
	order.period = (struct hm_period){ .period_us = 1, .kind = HM_PERIOD_DELAY + 1 };
	hmt_do(&node, probe.pid, begin, &order);
	cr_assert_eq(order.result, HM_INVALID);
	cr_assert_eq(order.timer.id, 0);
	hmt_node_end(&node);
}

static void
no_arguments(struct hm_ctx *ctx, void *arg)
{
	struct hm_cron *cron = arg;
	struct hm_period period = { .period_us = 1 };

	cr_assert_eq(hm_send_every(ctx, hm_self(ctx), HMT_EMPTY, NULL, NULL, NULL), HM_INVALID);
	cr_assert_eq(hm_send_cron(ctx, hm_self(ctx), HMT_EMPTY, NULL, NULL, NULL), HM_INVALID);
	cr_assert_eq(hm_send_every(ctx, hm_pid_none(), HMT_EMPTY, NULL, &period, NULL), HM_NO_RECEIVER);
	cr_assert_eq(hm_send_cron(ctx, hm_pid_none(), HMT_EMPTY, NULL, cron, NULL), HM_NO_RECEIVER);
	cr_assert_eq(hm_send_every(ctx, hm_self(ctx), HMT_TYPE_NEXT, NULL, &period, NULL), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_send_cron(ctx, hm_self(ctx), HMT_TYPE_NEXT, NULL, cron, NULL), HM_UNKNOWN_TYPE);
}

/* ---- By the calendar ---------------------------------------------------------------------- */

/* The node's clock says 2026-03-28 22:00:00 UTC from here on. */
static void
clock_set(struct hmt_node *node, uint64_t seconds)
{
	node->now_ns = seconds * 1000000000u;
	hmt_turn_until_idle(node);
}

#define MARCH_28 UINT64_C(1774735200)

static void
cron_start(struct hmt_node *node, struct hmt_probe *probe, struct order *order, const char *text,
	   const char *zone)
{
	hmt_node_start(node, 1);
	clock_set(node, MARCH_28);
	cr_assert_eq(hm_cron_create(text, zone, &order->cron), 0);
	hmt_do(node, hmt_probe_spawn(node, probe, 0, NULL), begin, order);
	cr_assert_eq(order->result, HM_OK);
	/* The timer goes on without its creator. */
	hm_cron_destroy(order->cron);
	probe->count = 0;
}

Test(engine_period, cron__each_time_over_the_night_of_the_change)
{
	static struct hmt_probe probe;
	struct order order = { 0 };
	struct hmt_node node;
	uint64_t at[3] = { 0 };

	cron_start(&node, &probe, &order, "30 2 * * *", "Europe/Berlin");
	for (uint64_t minute = 1; minute <= 2 * 24 * 60; minute++) {
		uint32_t came = elapse(&node, &probe, MINUTE_US);

		cr_assert_leq(came, 1);
		if (came == 1)
			at[probe.count - 1] = minute;
	}
	/* At 3:00, where 2:30 is missing, three hours later; and at 2:30 of the next day. */
	cr_assert_eq(probe.count, 2);
	cr_assert_eq(at[0], 3 * 60);
	cr_assert_eq(at[1], 3 * 60 + 23 * 60 + 30);
	hmt_node_end(&node);
}

Test(engine_period, cron__to_the_second)
{
	static struct hmt_probe probe;
	struct order order = { 0 };
	struct hmt_node node;

	cron_start(&node, &probe, &order, "5/20 * * * * *", NULL);
	cr_assert_eq(elapse(&node, &probe, 4999000), 0);
	cr_assert_eq(elapse(&node, &probe, 2000), 1);
	cr_assert_eq(elapse(&node, &probe, 19998000), 0);
	cr_assert_eq(elapse(&node, &probe, 2000), 1);
	hmt_do(&node, probe.pid, cancel, &order);
	cr_assert_eq(elapse(&node, &probe, 100000000), 0);
	hmt_node_end(&node);
}

Test(engine_period, cron__missed_times_come_together)
{
	static struct hmt_probe probe;
	struct order order = { 0 };
	struct hmt_node node;

	cron_start(&node, &probe, &order, "* * * * *", NULL);
	cr_assert_eq(elapse(&node, &probe, 10 * MINUTE_US + 30000000), 1);
	cr_assert_eq(elapse(&node, &probe, 29999000), 0);
	cr_assert_eq(elapse(&node, &probe, 2000), 1, "on the minute again");
	/* A little late, and no later for that. */
	cr_assert_eq(elapse(&node, &probe, MINUTE_US - 2000), 0);
	cr_assert_eq(elapse(&node, &probe, 2000), 1);
	hmt_node_end(&node);
}

Test(engine_period, cron__wrong_arguments)
{
	static struct hmt_probe probe;
	struct hm_cron *cron;
	struct hmt_node node;
	struct order order = { 0 };

	cr_assert_eq(hm_cron_create("* * * * *", NULL, &cron), 0);
	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), no_arguments, cron);
	cr_assert_eq(node.sys->lcores[0]->links.count, 0);
	hm_cron_destroy(cron);
	cr_assert_eq(hm_cron_create("0 0 1 1 *", NULL, &order.cron), 0);
	hmt_do(&node, probe.pid, begin, &order);
	cr_assert_eq(order.result, HM_OK);
	hm_cron_destroy(order.cron);
	/* It ends with its actor. */
	hmt_stop(&node, probe.pid);
	cr_assert_eq(node.sys->lcores[0]->links.count, 0);
	hmt_node_end(&node);
}

Test(engine_period, cron__of_an_actor_that_is_left_behind)
{
	static struct hmt_probe probe;
	struct order order = { 0 };
	struct hmt_node node;

	cron_start(&node, &probe, &order, "* * * * *", "Europe/Berlin");
	hmt_node_drop(&node);
}

Test(engine_period, cron__moves_with_its_actor)
{
	static struct hmt_probe probe;
	struct order order = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	clock_set(&node, MARCH_28);
	cr_assert_eq(hm_cron_create("* * * * *", NULL, &order.cron), 0);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), begin, &order);
	hm_cron_destroy(order.cron);
	cr_assert_eq(hm_system_move(node.sys, probe.pid, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	cr_assert_eq(elapse(&node, &probe, MINUTE_US + 1000), 1);
	cr_assert_eq(elapse(&node, &probe, MINUTE_US), 1);
	hmt_do(&node, probe.pid, cancel, &order);
	cr_assert_eq(elapse(&node, &probe, 3 * MINUTE_US), 0);
	hmt_node_end(&node);
}

/* ---- By the machine's own clock ----------------------------------------------------------- */

#define BEATS(MESSAGE) MESSAGE(beat)
HM_MESSAGES(beats, HM_TYPE_USER, BEATS);

struct beating {
	struct hm_pid to;
	struct hm_cron *cron;
};

static void
beating_begin(struct hm_ctx *ctx, struct beating *beating)
{
	cr_assert_eq(hm_send_cron(ctx, beating->to, beat, NULL, beating->cron, NULL), HM_OK);
}

HM_RECEIVE(beating_receive, struct beating, HM_ON_EMPTY(HM_STARTED, beating_begin));

static const struct hm_props beating_props = { .receive = beating_receive,
					       .state_size = sizeof(struct beating),
					       .args_size = sizeof(struct beating) };

/* Not time(), whose clock is a few milliseconds behind. */
static time_t
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

Test(engine_period, cron__every_second_of_the_day)
{
	struct beating beating;
	struct hm_probe *probe;
	struct hm_kit *kit;
	time_t begin;

	cr_assert_eq(hm_kit_create(&kit, &(struct hm_kit_config){ .real_time = true }), 0);
	cr_assert_eq(beats_register(hm_kit_system(kit)), 0);
	cr_assert_eq(hm_cron_create("* * * * * *", "America/New_York", &beating.cron), 0);
	probe = hm_kit_probe(kit, NULL);
	beating.to = hm_probe_pid(probe);
	begin = seconds_now();
	(void)hm_kit_spawn(kit, &beating_props, NULL, &beating);
	for (time_t beats = 1; beats <= 2; beats++) {
		hm_probe_expect(probe, beat, UINT64_MAX);
		cr_assert_geq(seconds_now(), begin + beats, "not before its second");
	}
	cr_assert(hm_kit_end(kit));
	hm_cron_destroy(beating.cron);
}
