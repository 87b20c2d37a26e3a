/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The timer wheel does what a naive list of timers does: by chance, from a seed.
 *
 * The model keeps, for each timer, whether it is pending, the tick in which it is due, and when
 * it was added; the next one is searched for. Each timer that the wheel fires must be the model's
 * next one. After each advance none may be left that was due.
 */
#include <criterion/criterion.h>

#include "hmt_random.h"
#include "wheel_pvt.h"

#define TICK_NS  ((uint64_t)1 << HMI_WHEEL_TICK_SHIFT)
#define TIMERS   96u
#define EPISODES 2000u
#define STEPS    200u
/* Room for the episode's steps below the end of time. */
#define START_BITS 62
/* A callback that always added would not let an advance end. */
#define ADDS_MAX 32u

struct model_timer {
	struct hmi_timer timer;
	bool pending;
	uint64_t due;   /* in ticks */
	uint64_t added; /* as the n-th of its episode */
};

struct model {
	struct hmi_wheel wheel;
	struct model_timer timers[TIMERS];
	uint64_t time;     /* in ticks, as the wheel should see it */
	uint64_t now_tick; /* of the advance that is under way */
	uint64_t added;
	uint32_t count;
	uint32_t fired;
	uint32_t adds_left;
	bool cut; /* the callback has cut the advance short */
	uint64_t seed, random;
	uint32_t episode, step;
};

static void
must(const struct model *m, bool truth, const char *what)
{
	if (!truth)
		cr_assert_fail("%s (HMT_SEED=%lu, episode %u, step %u)", what, m->seed, m->episode, m->step);
}

/* The timer that fires next; NULL: there is none. */
static const struct model_timer *
model_next(const struct model *m)
{
	const struct model_timer *next = NULL;

	for (uint32_t i = 0; i < TIMERS; i++) {
		const struct model_timer *t = &m->timers[i];

		if (!t->pending)
			continue;
		if (next == NULL || t->due < next->due || (t->due == next->due && t->added < next->added))
			next = t;
	}
	return next;
}

/* Tick in which it is due; UINT64_MAX: there is none. */
static uint64_t
model_first(const struct model *m)
{
	const struct model_timer *next = model_next(m);

	return next != NULL ? next->due : UINT64_MAX;
}

/* Delays of every size; often none, the same tick, or the edge of a level. */
static uint64_t
delay_random(struct model *m)
{
	switch (hmt_random_below(&m->random, 6)) {
	case 0:
		return 0;
	case 1:
		return hmt_random_below(&m->random, 3 * TICK_NS);
	case 2:
		return (TICK_NS << hmt_random_below(&m->random, 48)) - (hmt_random(&m->random) & 1);
	default:
		return hmt_random_size(&m->random, 58);
	}
}

static void fire(void *arg, struct hmi_timer *timer);

static void
add_random(struct model *m)
{
	struct model_timer *t = &m->timers[hmt_random_below(&m->random, TIMERS)];
	uint64_t at_ns = m->time * TICK_NS + delay_random(m);

	if (t->pending)
		return;
	/* Sometimes in the past. */
	if (hmt_random_below(&m->random, 16) == 0)
		at_ns -= hmt_random_below(&m->random, at_ns + 1);
	t->due = (at_ns + TICK_NS - 1) / TICK_NS;
	if (t->due <= m->time)
		t->due = m->time + 1;
	t->added = m->added++;
	t->pending = true;
	t->timer.fire = fire;
	m->count++;
	hmi_wheel_add(&m->wheel, &t->timer, at_ns);
	must(m, hmi_timer_pending(&t->timer), "added and not pending");
}

static void
cancel_random(struct model *m)
{
	struct model_timer *t = &m->timers[hmt_random_below(&m->random, TIMERS)];

	hmi_wheel_cancel(&m->wheel, &t->timer);
	must(m, !hmi_timer_pending(&t->timer), "cancelled and pending");
	m->count -= t->pending;
	t->pending = false;
}

static void
fire(void *arg, struct hmi_timer *timer)
{
	struct model *m = arg;
	struct model_timer *t = (struct model_timer *)(void *)timer;

	must(m, t->pending, "fired, but not pending");
	must(m, t->due <= m->now_tick, "fired too early");
	must(m, t == model_next(m), "fired out of order");
	m->time = t->due;
	m->fired++;
	t->pending = false;
	m->count--;
	if (m->adds_left > 0 && hmt_random_below(&m->random, 3) == 0) {
		m->adds_left--;
		add_random(m);
	}
	if (hmt_random_below(&m->random, 4) == 0)
		cancel_random(m);
}

static bool
more(void *arg)
{
	struct model *m = arg;

	m->cut = hmt_random_below(&m->random, 4) == 0;
	return !m->cut;
}

static void
advance(struct model *m, uint64_t now_ns)
{
	uint32_t fired = 0;

	m->now_tick = now_ns / TICK_NS;
	m->fired = 0;
	m->adds_left = ADDS_MAX;
	do {
		m->cut = false;
		fired += hmi_wheel_advance(&m->wheel, now_ns, m, more);
		if (m->cut && hmt_random_below(&m->random, 4) == 0)
			cancel_random(m);
	} while (m->cut);
	must(m, fired == m->fired, "returned another number than it fired");
	must(m, model_first(m) > m->now_tick, "did not fire what was due");
	if (m->now_tick > m->time)
		m->time = m->now_tick;
}

/* Whoever sleeps until next_ns each time misses nothing, and does not wake in vain for long. */
static void
advance_by_next(struct model *m)
{
	for (uint32_t wakes = 0; m->count > 0; wakes++) {
		uint64_t next = hmi_wheel_next_ns(&m->wheel);

		must(m, wakes < HMI_WHEEL_LEVELS, "next_ns does not lead to a timer");
		advance(m, next - 1);
		must(m, m->fired == 0, "fired before next_ns");
		advance(m, next);
		if (m->fired > 0)
			return;
	}
}

static void
next_check(const struct model *m)
{
	uint64_t first = model_first(m), next = hmi_wheel_next_ns(&m->wheel);

	must(m, m->wheel.count == m->count, "wrong count");
	must(m, (first == UINT64_MAX) == (next == UINT64_MAX),
	     "next_ns does not know whether there is a timer");
	must(m, first == UINT64_MAX || next <= first * TICK_NS, "next_ns is late");
	must(m, next > m->time * TICK_NS, "next_ns is not ahead");
}

static void
step(struct model *m)
{
	uint64_t now_ns = m->time * TICK_NS;

	switch (hmt_random_below(&m->random, 16)) {
	case 0:
		advance_by_next(m);
		break;
	case 1:
		advance(m, now_ns + hmt_random_size(&m->random, 57));
		break;
	case 2:
	case 3:
		advance(m, now_ns + hmt_random_below(&m->random, 100 * TICK_NS));
		break;
	case 4:
	case 5:
		cancel_random(m);
		break;
	default:
		add_random(m);
		break;
	}
	next_check(m);
}

Test(wheel_model, random__wheel_does_what_the_list_does)
{
	static struct model m;

	m.seed = m.random = hmt_seed(1);
	for (m.episode = 0; m.episode < EPISODES; m.episode++) {
		uint64_t start_ns = hmt_random_size(&m.random, START_BITS);

		memset(m.timers, 0, sizeof(m.timers));
		m.count = 0;
		m.time = start_ns / TICK_NS;
		hmi_wheel_init(&m.wheel, start_ns);
		for (m.step = 0; m.step < STEPS && m.time < UINT64_MAX / 2 / TICK_NS; m.step++)
			step(&m);
	}
}
