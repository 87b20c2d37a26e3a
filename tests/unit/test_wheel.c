/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "wheel_pvt.h"

#define TICK_NS    ((uint64_t)1 << HMI_WHEEL_TICK_SHIFT)
#define TIMERS_MAX 16u

/* What fired, in order. */
struct record {
	struct hmi_wheel *wheel;
	struct hmi_timer *fired[TIMERS_MAX];
	uint64_t ticks[TIMERS_MAX];
	uint32_t count;
};

static struct hmi_wheel wheel;
static struct hmi_timer timers[TIMERS_MAX];
static struct record record;

static void
start_at(uint64_t now_ns)
{
	hmi_wheel_init(&wheel, now_ns);
	record.wheel = &wheel;
}

static void
start(void)
{
	start_at(0);
}

TestSuite(wheel, .init = start);

static void
record_fire(void *arg, struct hmi_timer *timer)
{
	struct record *r = arg;

	cr_assert_not(hmi_timer_pending(timer));
	r->ticks[r->count] = r->wheel->time;
	r->fired[r->count++] = timer;
}

/* Advance, calling `fire` for whatever is due. */
static uint32_t
advance_with(uint64_t now_ns, hmi_timer_fn *fire)
{
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		timers[i].fire = fire;
	return hmi_wheel_advance(&wheel, now_ns, &record, NULL);
}

static uint32_t
advance(uint64_t now_ns)
{
	return advance_with(now_ns, record_fire);
}

Test(wheel, advance__empty_wheel_fires_nothing)
{
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
	cr_assert_eq(advance(UINT64_MAX / 2), 0);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
}

Test(wheel, advance__fires_at_its_time_and_not_before)
{
	hmi_wheel_add(&wheel, &timers[0], 5 * TICK_NS);
	cr_assert(hmi_timer_pending(&timers[0]));
	cr_assert_eq(advance(5 * TICK_NS - 1), 0);
	cr_assert_eq(advance(5 * TICK_NS), 1);
	cr_assert_eq(record.fired[0], &timers[0]);
	cr_assert_not(hmi_timer_pending(&timers[0]));
	cr_assert_eq(wheel.count, 0);
	cr_assert_eq(advance(500 * TICK_NS), 0);
}

/* A time within a tick is rounded up: late by less than a tick, never early. */
Test(wheel, add__time_between_two_ticks)
{
	hmi_wheel_add(&wheel, &timers[0], 5 * TICK_NS + 1);
	cr_assert_eq(advance(5 * TICK_NS + 1), 0);
	cr_assert_eq(advance(6 * TICK_NS - 1), 0);
	cr_assert_eq(advance(6 * TICK_NS), 1);
}

Test(wheel, add__past_fires_with_the_next_tick)
{
	start_at(1000 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[0], 0);
	hmi_wheel_add(&wheel, &timers[1], 1000 * TICK_NS);
	cr_assert_eq(advance(1000 * TICK_NS), 0);
	cr_assert_eq(advance(1001 * TICK_NS), 2);
}

Test(wheel, advance__order_of_expiry_across_levels)
{
	static const uint64_t ticks[] = { 1ull << 50, 3, 64, 65, 4096, 1, 4095, 1ull << 30 };
	static const unsigned int order[] = { 5, 1, 2, 3, 6, 4, 7, 0 };

	for (unsigned int i = 0; i < 8; i++)
		hmi_wheel_add(&wheel, &timers[i], ticks[i] * TICK_NS);
	cr_assert_eq(advance((1ull << 51) * TICK_NS), 8);
	for (unsigned int i = 0; i < 8; i++) {
		cr_assert_eq(record.fired[i], &timers[order[i]]);
		cr_assert_eq(record.ticks[i], ticks[order[i]]);
	}
}

/* Near enough for the lowest level, and far enough to come down through several. */
static void
same_tick(uint64_t tick)
{
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		hmi_wheel_add(&wheel, &timers[i], tick * TICK_NS - i);
	cr_assert_eq(advance(tick * TICK_NS - 1), 0);
	cr_assert_eq(advance(tick * TICK_NS), TIMERS_MAX);
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		cr_assert_eq(record.fired[i], &timers[i]);
}

Test(wheel, advance__same_tick_in_order_of_adding)
{
	same_tick(7);
}

Test(wheel, advance__same_tick_far_away_in_order_of_adding)
{
	same_tick(0x123457);
}

/* A wheel that starts within a turn of every level. */
Test(wheel, advance__start_late_in_every_level)
{
	uint64_t now = 0x0fffffffffffffull;

	start_at(now * TICK_NS);
	for (unsigned int i = 0; i < 9; i++)
		hmi_wheel_add(&wheel, &timers[i], (now + (1ull << (6 * i % 50))) * TICK_NS);
	for (unsigned int i = 0; i < 9; i++) {
		uint64_t at = now + (1ull << (6 * i % 50));

		cr_assert_eq(advance((at - 1) * TICK_NS), 0, "timer %u is early", i);
		cr_assert_eq(advance(at * TICK_NS), 1, "timer %u is late", i);
		cr_assert_eq(record.fired[i], &timers[i]);
	}
}

Test(wheel, cancel__does_not_fire)
{
	hmi_wheel_add(&wheel, &timers[0], 10 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[1], 10 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[2], 10 * TICK_NS);
	hmi_wheel_cancel(&wheel, &timers[1]);
	cr_assert_not(hmi_timer_pending(&timers[1]));
	cr_assert_eq(advance(10 * TICK_NS), 2);
	cr_assert_neq(record.fired[0], &timers[1]);
	cr_assert_neq(record.fired[1], &timers[1]);
}

Test(wheel, cancel__last_of_its_slot_leaves_an_empty_wheel)
{
	hmi_wheel_add(&wheel, &timers[0], (1ull << 40) * TICK_NS);
	hmi_wheel_cancel(&wheel, &timers[0]);
	cr_assert_eq(wheel.count, 0);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
}

Test(wheel, cancel__not_pending_is_ignored)
{
	hmi_wheel_cancel(&wheel, &timers[0]);
	hmi_wheel_add(&wheel, &timers[0], TICK_NS);
	cr_assert_eq(advance(TICK_NS), 1);
	hmi_wheel_cancel(&wheel, &timers[0]);
	cr_assert_eq(wheel.count, 0);
}

Test(wheel, next_ns__leads_to_the_timer_in_few_steps)
{
	uint64_t at = 0x123456789abull * TICK_NS;
	uint32_t steps = 0;

	hmi_wheel_add(&wheel, &timers[0], at);
	while (hmi_timer_pending(&timers[0])) {
		uint64_t next = hmi_wheel_next_ns(&wheel);

		cr_assert_leq(next, at);
		cr_assert_eq(advance(next - 1), 0);
		advance(next);
		steps++;
	}
	cr_assert_leq(steps, HMI_WHEEL_LEVELS);
	cr_assert_eq(record.ticks[0] * TICK_NS, at);
}

/* ---- Callbacks that change the wheel ---- */

static void
fire_and_add_again(void *arg, struct hmi_timer *timer)
{
	record_fire(arg, timer);
	if (record.count < 4)
		hmi_wheel_add(&wheel, timer, 0);
}

/* Within one advance time passes tick by tick, also for what is added meanwhile. */
Test(wheel, fire__added_again_with_zero_delay_has_the_next_tick)
{
	hmi_wheel_add(&wheel, &timers[0], 100 * TICK_NS);
	cr_assert_eq(advance_with(1000 * TICK_NS, fire_and_add_again), 4);
	for (unsigned int i = 0; i < 4; i++)
		cr_assert_eq(record.ticks[i], 100 + i);
}

Test(wheel, fire__added_again_at_the_end_of_an_advance_waits)
{
	hmi_wheel_add(&wheel, &timers[0], 100 * TICK_NS);
	cr_assert_eq(advance_with(100 * TICK_NS, fire_and_add_again), 1);
	cr_assert_eq(advance_with(101 * TICK_NS - 1, fire_and_add_again), 0);
	cr_assert_eq(advance_with(101 * TICK_NS, fire_and_add_again), 1);
}

static void
fire_and_cancel_all(void *arg, struct hmi_timer *timer)
{
	record_fire(arg, timer);
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		hmi_wheel_cancel(&wheel, &timers[i]);
}

Test(wheel, fire__cancels_the_others_of_its_tick)
{
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		hmi_wheel_add(&wheel, &timers[i], 100 * TICK_NS);
	cr_assert_eq(advance_with(100 * TICK_NS, fire_and_cancel_all), 1);
	cr_assert_eq(wheel.count, 0);
	cr_assert_eq(advance(1000 * TICK_NS), 0);
}

/* The cascade of a level is under way when the first of them cancels the rest. */
Test(wheel, fire__cancels_others_of_its_slot)
{
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		hmi_wheel_add(&wheel, &timers[i], (4096 + i) * TICK_NS);
	cr_assert_eq(advance_with(5000 * TICK_NS, fire_and_cancel_all), 1);
	cr_assert_eq(record.fired[0], &timers[0]);
	cr_assert_eq(wheel.count, 0);
}

static void
fire_and_add_another(void *arg, struct hmi_timer *timer)
{
	record_fire(arg, timer);
	if (timer == &timers[0])
		hmi_wheel_add(&wheel, &timers[2], 70 * TICK_NS);
}

/* The slot of ticks 64 to 127 comes down while its first timer fires. */
Test(wheel, fire__added_for_the_tick_of_an_older_one)
{
	hmi_wheel_add(&wheel, &timers[0], 64 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[1], 70 * TICK_NS);
	cr_assert_eq(advance_with(70 * TICK_NS, fire_and_add_another), 3);
	cr_assert_eq(record.fired[1], &timers[1]);
	cr_assert_eq(record.fired[2], &timers[2]);
}

/* ---- Advances that are cut short ---- */

static bool
never_more(void *arg)
{
	(void)arg;
	return false;
}

static uint32_t
advance_by_one(uint64_t now_ns)
{
	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		timers[i].fire = record_fire;
	return hmi_wheel_advance(&wheel, now_ns, &record, never_more);
}

Test(wheel, advance__cut_short_goes_on_where_it_was)
{
	hmi_wheel_add(&wheel, &timers[0], 100 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[1], 100 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[2], 101 * TICK_NS);
	cr_assert_eq(advance_by_one(200 * TICK_NS), 1);
	cr_assert_eq(wheel.count, 2);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), 100 * TICK_NS, "the rest is due, and nobody may sleep on it");
	cr_assert_eq(advance_by_one(200 * TICK_NS), 1);
	cr_assert_eq(advance_by_one(200 * TICK_NS), 1);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(record.fired[i], &timers[i]);
	cr_assert_eq(advance_by_one(200 * TICK_NS), 0);
	cr_assert_eq(wheel.time, 200);
}

Test(wheel, cancel__due_and_not_fired)
{
	for (unsigned int i = 0; i < 3; i++)
		hmi_wheel_add(&wheel, &timers[i], 100 * TICK_NS);
	cr_assert_eq(advance_by_one(100 * TICK_NS), 1);
	hmi_wheel_cancel(&wheel, &timers[1]);
	hmi_wheel_cancel(&wheel, &timers[2]);
	cr_assert_eq(wheel.count, 0);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
	cr_assert_eq(advance(1000 * TICK_NS), 0);
}

/* ---- The end of time ---- */

/* A deadline that is never meant to come: nearly 585 years ahead. */
/* ---- Timers that are not started ---- */

Test(wheel, start__delay_begins_there)
{
	hmi_wheel_add_unstarted(&wheel, &timers[0], 5 * TICK_NS);
	cr_assert_eq(wheel.count, 1);
	cr_assert_eq(advance(100 * TICK_NS), 0, "it does not fire before it is started");
	cr_assert_leq(hmi_wheel_next_ns(&wheel), 100 * TICK_NS, "nobody may sleep on it");
	hmi_wheel_start(&wheel, 100 * TICK_NS);
	cr_assert_eq(advance(104 * TICK_NS), 0);
	cr_assert_eq(advance(105 * TICK_NS), 1);
	cr_assert_eq(record.fired[0], &timers[0]);
	cr_assert_eq(wheel.count, 0);
}

Test(wheel, start__keeps_the_order_of_adding)
{
	for (unsigned int i = 0; i < 3; i++)
		hmi_wheel_add_unstarted(&wheel, &timers[i], TICK_NS);
	hmi_wheel_start(&wheel, 0);
	cr_assert_eq(advance(TICK_NS), 3);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(record.fired[i], &timers[i]);
}

Test(wheel, start__delay_without_end_never_fires)
{
	hmi_wheel_add_unstarted(&wheel, &timers[0], UINT64_MAX);
	hmi_wheel_start(&wheel, TICK_NS);
	cr_assert_eq(advance(UINT64_MAX - 1), 0);
	hmi_wheel_cancel(&wheel, &timers[0]);
	cr_assert_eq(wheel.count, 0);
}

Test(wheel, at__of_timers_that_are_started_and_of_others)
{
	hmi_wheel_add(&wheel, &timers[0], 5 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[1], 5 * TICK_NS + 1);
	hmi_wheel_add_unstarted(&wheel, &timers[2], 7);
	hmi_wheel_add_unstarted(&wheel, &timers[3], INT64_MAX);
	cr_assert_eq(hmi_timer_at_ns(&timers[0], 4711), 5 * TICK_NS);
	cr_assert_eq(hmi_timer_at_ns(&timers[1], 4711), 6 * TICK_NS);
	cr_assert_eq(hmi_timer_at_ns(&timers[2], 4711), 4718);
	cr_assert_eq(hmi_timer_at_ns(&timers[3], 4711), (uint64_t)INT64_MAX + 4711);
	cr_assert_eq(hmi_timer_at_ns(&timers[3], UINT64_MAX - 5), UINT64_MAX);
	hmi_wheel_start(&wheel, 3 * TICK_NS);
	cr_assert_eq(hmi_timer_at_ns(&timers[2], 4711), 4 * TICK_NS);
	cr_assert_geq(hmi_timer_at_ns(&timers[3], 4711), (uint64_t)INT64_MAX);
}

Test(wheel, cancel__not_started)
{
	hmi_wheel_add_unstarted(&wheel, &timers[0], TICK_NS);
	hmi_wheel_add_unstarted(&wheel, &timers[1], TICK_NS);
	hmi_wheel_cancel(&wheel, &timers[0]);
	cr_assert_not(hmi_timer_pending(&timers[0]));
	cr_assert_eq(wheel.count, 1);
	hmi_wheel_cancel(&wheel, &timers[1]);
	cr_assert_eq(wheel.count, 0);
	hmi_wheel_start(&wheel, 0);
	cr_assert_eq(advance(10 * TICK_NS), 0);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
}

Test(wheel, add__end_of_time_has_a_place)
{
	hmi_wheel_add(&wheel, &timers[0], UINT64_MAX);
	hmi_wheel_add(&wheel, &timers[1], 3 * TICK_NS);
	hmi_wheel_add(&wheel, &timers[2], UINT64_MAX - 999);
	cr_assert_eq(advance(1000 * TICK_NS), 1);
	cr_assert_eq(record.fired[0], &timers[1]);
	cr_assert_eq(advance(UINT64_MAX / 2), 0);
	cr_assert_leq(hmi_wheel_next_ns(&wheel), UINT64_MAX - 999);
	hmi_wheel_cancel(&wheel, &timers[0]);
	hmi_wheel_cancel(&wheel, &timers[2]);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
}

Test(wheel, add__after_the_end_of_time)
{
	advance(UINT64_MAX);
	hmi_wheel_add(&wheel, &timers[0], 0);
	hmi_wheel_cancel(&wheel, &timers[0]);
	cr_assert_eq(wheel.count, 0);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), UINT64_MAX);
}

/* ---- A slot with many timers ---- */

#define MANY   20000u
#define SPREAD 3000u /* ticks, within one slot */

static bool
no_more(void *questions)
{
	(*(uint32_t *)questions)++;
	return false;
}

static void
fire_count(void *arg, struct hmi_timer *timer)
{
	(void)arg;
	(void)timer;
	record.count++;
}

/* Far away they lie in one slot. When time comes to it, they are moved in portions, and none is early or lost. */
Test(wheel, advance__opens_a_full_slot_in_portions)
{
	static struct hmi_timer many[MANY];
	uint32_t questions = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		many[i].fire = fire_count;
		hmi_wheel_add(&wheel, &many[i], (4096 + 64 + i % SPREAD) * TICK_NS);
	}
	cr_assert_eq(hmi_wheel_advance(&wheel, 4096 * TICK_NS, &questions, no_more), 0);
	cr_assert_eq(questions, 1);
	cr_assert_leq(hmi_wheel_next_ns(&wheel), 4096 * TICK_NS, "nobody may sleep on the rest");
	/* Those that are moved already, and those that are not. */
	hmi_wheel_cancel(&wheel, &many[0]);
	hmi_wheel_cancel(&wheel, &many[MANY - 1]);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t before = questions;

		cr_assert_eq(hmi_wheel_advance(&wheel, 4096 * TICK_NS, &questions, no_more), 0);
		if (questions == before)
			break;
	}
	cr_assert_geq(questions, MANY / 8192);
	cr_assert_eq(wheel.count, MANY - 2);
	cr_assert_eq(hmi_wheel_next_ns(&wheel), (4096 + 64) * TICK_NS);
	cr_assert_eq(hmi_wheel_advance(&wheel, (4096 + 63) * TICK_NS, NULL, NULL), 0);
	cr_assert_eq(hmi_wheel_advance(&wheel, (4096 + 64 + SPREAD) * TICK_NS, NULL, NULL), MANY - 2);
	cr_assert_eq(record.count, MANY - 2);
}
