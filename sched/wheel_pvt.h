/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHEEL_PVT_H
#define WHEEL_PVT_H

/*
 * Timers of one lcore: a hierarchical timing wheel (Varghese and Lauck, SOSP 1987).
 *
 *     level 0   64 slots of     1 tick      a tick is 1,024 ns
 *     level 1   64 slots of    64 ticks
 *       ...
 *     level 8   64 slots of 2^48 ticks      in all, every time that 64 bits of ns can hold
 *
 * A timer lies at the level of the highest base-64 digit in which its expiry differs from the
 * wheel's time, in the slot of that digit. So every slot in use lies after the current digit of
 * its level, the lowest level in use holds the next event, and finding that is one count of
 * zeros. Adding and cancelling are O(1); time may jump by any amount. When time comes to a slot its timers move to
 * lower levels, in portions if there are many.
 *
 * Owned by one lcore. The clock is the caller's: nothing here reads the time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assert_pvt.h"

#define HMI_WHEEL_LEVELS     9
#define HMI_WHEEL_SLOTS      64
#define HMI_WHEEL_TICK_SHIFT 10

/* In the ring of its slot. */
struct hmi_timer_link {
	struct hmi_timer_link *next, *prev; /* NULL: not in a wheel */
};

struct hmi_timer;

/* Called for each timer that is due, already taken out of the wheel; may add and cancel timers. */
typedef void hmi_timer_fn(void *arg, struct hmi_timer *timer);

/* Whether an advance is to go on. */
typedef bool hmi_wheel_more_fn(void *arg);

struct hmi_timer {
	struct hmi_timer_link link; /* first */
	uint64_t expiry;    /* in ticks; of one that is not started: its delay in ns, all bits inverted */
	hmi_timer_fn *fire; /* set by the owner before the timer is added */
};

struct hmi_wheel {
	uint64_t time; /* in ticks; every earlier timer has fired or is due */
	uint32_t count;
	struct hmi_timer_link unstarted; /* head of the ring of those that hmi_wheel_start starts */
	struct hmi_timer_link opened;    /* head of the ring of those whose slot has come, to be moved */
	struct hmi_timer_link due;       /* head of the ring of those that are due at `time` */
	uint64_t used[HMI_WHEEL_LEVELS]; /* a bit for each slot that is not empty */
	struct hmi_timer_link slots[HMI_WHEEL_LEVELS][HMI_WHEEL_SLOTS]; /* heads of rings */
};

static inline bool
hmi_timer_pending(const struct hmi_timer *timer)
{
	return timer->link.next != NULL;
}

/* Empty wheel at a time in ns. */
void hmi_wheel_init(struct hmi_wheel *wheel, uint64_t now_ns);

/*
 * Add a timer that is in no wheel. It fires at the first advance to or past its time, never
 * before; one at the end of time never.
 */
void hmi_wheel_add(struct hmi_wheel *wheel, struct hmi_timer *timer, uint64_t at_ns);

/* At the end of a ring. */
static inline void
hmi_timer_ring_add(struct hmi_timer_link *head, struct hmi_timer_link *link)
{
	link->next = head;
	link->prev = head->prev;
	head->prev->next = link;
	head->prev = link;
}

/*
 * Add a timer that is in no wheel, whose delay begins at the next hmi_wheel_start: for timers of which most are
 * cancelled soon, added without a look at the clock. Of delays of 2^63 ns and more hmi_timer_at_ns knows nothing.
 */
static inline void
hmi_wheel_add_unstarted(struct hmi_wheel *wheel, struct hmi_timer *timer, uint64_t delay_ns)
{
	HMI_ASSERT(!hmi_timer_pending(timer));
	timer->expiry = ~delay_ns;
	wheel->count++;
	hmi_timer_ring_add(&wheel->unstarted, &timer->link);
}

static inline bool
hmi_wheel_has_unstarted(const struct hmi_wheel *wheel)
{
	return wheel->unstarted.next != &wheel->unstarted;
}

/*
 * The time in ns before which a timer that is in a wheel does not fire. `now_ns` is not read but by one that is
 * not started, whose delay begins then or later.
 */
static inline uint64_t
hmi_timer_at_ns(const struct hmi_timer *timer, uint64_t now_ns)
{
	uint64_t delay_ns = ~timer->expiry;

	/* Times in ticks are less than 2^54. */
	if (delay_ns >> 63)
		return timer->expiry << HMI_WHEEL_TICK_SHIFT;
	return delay_ns < UINT64_MAX - now_ns ? now_ns + delay_ns : UINT64_MAX;
}

/* Begin the delays of all that were added unstarted. */
void hmi_wheel_start(struct hmi_wheel *wheel, uint64_t now_ns);

/* A timer was the last of its ring, but for those that are not started. */
void hmi_wheel_ring_emptied(struct hmi_wheel *wheel, const struct hmi_timer_link *head);

/* Take a timer that is in a ring out of it. */
static inline void
hmi_timer_unlink(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	struct hmi_timer_link *next = timer->link.next, *prev = timer->link.prev;

	prev->next = next;
	next->prev = prev;
	timer->link.next = timer->link.prev = NULL;
	if (next == prev && next != &wheel->unstarted)
		hmi_wheel_ring_emptied(wheel, next);
}

/* Take a timer out, also one that is due and has not fired; one that is in no wheel is ignored. */
static inline void
hmi_wheel_cancel(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	if (!hmi_timer_pending(timer))
		return;
	hmi_timer_unlink(wheel, timer);
	wheel->count--;
}

/* For a timer's function: the one that fires next, for what it may be fetched; NULL: none that is due already. */
static inline const struct hmi_timer *
hmi_wheel_due_next(const struct hmi_wheel *wheel)
{
	return wheel->due.next != &wheel->due ? (const struct hmi_timer *)(const void *)wheel->due.next
					      : NULL;
}

/*
 * Fire, in order of expiry and within a tick in order of adding, what is due at `now_ns`; `arg` goes to
 * each timer's function. `more` is asked after each one, and after some that moved to lower levels: false leaves
 * the rest to the next advance, of which those that are added meanwhile may come before others of their tick;
 * NULL: there is no limit. Returns how many.
 */
uint32_t hmi_wheel_advance(struct hmi_wheel *wheel, uint64_t now_ns, void *arg, hmi_wheel_more_fn *more);

/*
 * A time in ns before which no timer fires, which may be past, as it is while some are not started.
 * UINT64_MAX: there is none.
 */
uint64_t hmi_wheel_next_ns(const struct hmi_wheel *wheel);

#endif /* WHEEL_PVT_H */
