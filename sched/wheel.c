/* SPDX-License-Identifier: Apache-2.0 */
#include "wheel_pvt.h"

#include <assert.h>
#include <string.h>

#include <rte_common.h>

#include "assert_pvt.h"

/*
 * Timers of an opened slot that are moved between two questions whether to go on: some 100 us. None fires before all
 * are moved, so fewer would make those late that are due, by a turn for each portion.
 */
#define MOVES 4096u

/* Bytes around a timer at which the lines beside its own are taken to be. */
#define BEFORE 48
#define BEHIND 64

#define DIGIT_BITS 6
#define DIGIT_MASK (HMI_WHEEL_SLOTS - 1)

static_assert(HMI_WHEEL_LEVELS * DIGIT_BITS + HMI_WHEEL_TICK_SHIFT == 64, "every time in ns has its place");

/* The end of time: nothing gets there, so that every timer has a place behind the wheel's time. */
#define TICK_MAX (UINT64_MAX >> HMI_WHEEL_TICK_SHIFT)

static uint64_t
ticks_up(uint64_t ns)
{
	uint64_t ticks = (ns >> HMI_WHEEL_TICK_SHIFT) + ((ns & ((1u << HMI_WHEEL_TICK_SHIFT) - 1)) != 0);

	return ticks < TICK_MAX ? ticks : TICK_MAX;
}

static uint64_t
ticks_down(uint64_t ns)
{
	uint64_t ticks = ns >> HMI_WHEEL_TICK_SHIFT;

	return ticks < TICK_MAX ? ticks : TICK_MAX - 1;
}

static void
ring_init(struct hmi_timer_link *head)
{
	head->next = head->prev = head;
}

void
hmi_wheel_init(struct hmi_wheel *wheel, uint64_t now_ns)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->time = ticks_down(now_ns);
	ring_init(&wheel->unstarted);
	ring_init(&wheel->opened);
	ring_init(&wheel->due);
	for (unsigned int level = 0; level < HMI_WHEEL_LEVELS; level++) {
		for (unsigned int slot = 0; slot < HMI_WHEEL_SLOTS; slot++) {
			ring_init(&wheel->slots[level][slot]);
		}
	}
}

/* The timer's expiry is after the wheel's time. */
static void
place(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	HMI_ASSERT(timer->expiry > wheel->time);

	uint64_t differing = timer->expiry ^ wheel->time;
	unsigned int level = (63u - (unsigned int)__builtin_clzll(differing)) / DIGIT_BITS;
	unsigned int slot = (unsigned int)(timer->expiry >> (level * DIGIT_BITS)) & DIGIT_MASK;

	hmi_timer_ring_add(&wheel->slots[level][slot], &timer->link);
	wheel->used[level] |= 1ull << slot;
}

void
hmi_wheel_add(struct hmi_wheel *wheel, struct hmi_timer *timer, uint64_t at_ns)
{
	HMI_ASSERT(!hmi_timer_pending(timer));
	timer->expiry = ticks_up(at_ns);
	if (timer->expiry <= wheel->time)
		timer->expiry = wheel->time + 1;
	wheel->count++;
	place(wheel, timer);
}

__attribute__((noinline)) void
hmi_wheel_ring_emptied(struct hmi_wheel *wheel, const struct hmi_timer_link *head)
{
	size_t index;

	/* Those that are due, or about to be moved, lie in no slot. */
	if (head == &wheel->due || head == &wheel->opened)
		return;
	index = (size_t)(head - &wheel->slots[0][0]);
	wheel->used[index / HMI_WHEEL_SLOTS] &= ~(1ull << (index % HMI_WHEEL_SLOTS));
}

void
hmi_wheel_start(struct hmi_wheel *wheel, uint64_t now_ns)
{
	while (hmi_wheel_has_unstarted(wheel)) {
		struct hmi_timer *timer = (struct hmi_timer *)(void *)wheel->unstarted.next;
		uint64_t delay_ns = RTE_MIN(~timer->expiry, UINT64_MAX - now_ns);

		hmi_wheel_cancel(wheel, timer);
		hmi_wheel_add(wheel, timer, now_ns + delay_ns);
	}
}

/* Lowest level in use, and its first slot; HMI_WHEEL_LEVELS: the wheel is empty. */
static unsigned int
next_event(const struct hmi_wheel *wheel, unsigned int *slot)
{
	for (unsigned int level = 0; level < HMI_WHEEL_LEVELS; level++) {
		if (wheel->used[level] != 0) {
			*slot = (unsigned int)__builtin_ctzll(wheel->used[level]);
			return level;
		}
	}
	return HMI_WHEEL_LEVELS;
}

/* First tick of a slot, given that it lies after the current digit of its level. */
static uint64_t
slot_time(const struct hmi_wheel *wheel, unsigned int level, unsigned int slot)
{
	unsigned int shift = level * DIGIT_BITS;
	uint64_t above = wheel->time >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);

	return above | (uint64_t)slot << shift;
}

/* The wheel has come to a slot: all that is in it is to be looked at. */
static void
slot_open(struct hmi_wheel *wheel, unsigned int level, unsigned int slot)
{
	struct hmi_timer_link *head = &wheel->slots[level][slot], *opened = &wheel->opened;

	opened->next = head->next;
	opened->prev = head->prev;
	opened->next->prev = opened;
	opened->prev->next = opened;
	ring_init(head);
	wheel->used[level] &= ~(1ull << slot);
}

/*
 * What is due fires soon, and its memory was not looked at since it was added. Timers lie within objects of a few cache lines, which
 * are fetched while the list is walked, for which one has to wait for each timer anyway.
 */
static inline void
surroundings_prefetch(const struct hmi_timer *timer)
{
	__builtin_prefetch((const char *)timer - BEFORE, 1);
	__builtin_prefetch((const char *)timer + BEHIND, 1);
}

static inline void
due_add(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	surroundings_prefetch(timer);
	hmi_timer_ring_add(&wheel->due, &timer->link);
}

/*
 * Who walks the list waits for the memory of each timer. From its end a second one walks ahead, and waits at the same time: where they
 * meet, the rest is in the cache. NULL: they have met.
 */
static inline const struct hmi_timer_link *
back_step(const struct hmi_wheel *wheel, const struct hmi_timer_link *back, const struct hmi_timer *timer)
{
	if (back == NULL)
		return NULL;
	back = back->prev;
	return back == &wheel->opened || back == &timer->link ? NULL : back;
}

/* Of what was in an opened slot, what expires now is due, the rest moves to lower levels. Returns whether to go on. */
static bool
opened_move(struct hmi_wheel *wheel, void *arg, hmi_wheel_more_fn *more)
{
	const struct hmi_timer_link *back = &wheel->opened;

	for (uint32_t n = 1; wheel->opened.next != &wheel->opened; n++) {
		struct hmi_timer *timer = (struct hmi_timer *)(void *)wheel->opened.next;

		back = back_step(wheel, back, timer);
		hmi_timer_unlink(wheel, timer);
		if (timer->expiry > wheel->time)
			place(wheel, timer);
		else
			due_add(wheel, timer);
		if (n % MOVES == 0 && more != NULL && !more(arg))
			return false;
	}
	return true;
}

/* Fire what is due. Returns whether to go on. */
static bool
due_fire(struct hmi_wheel *wheel, void *arg, hmi_wheel_more_fn *more, uint32_t *fired)
{
	while (wheel->due.next != &wheel->due) {
		struct hmi_timer *timer = (struct hmi_timer *)(void *)wheel->due.next;

		hmi_wheel_cancel(wheel, timer);
		++*fired;
		timer->fire(arg, timer);
		if (more != NULL && !more(arg))
			return false;
	}
	return true;
}

uint32_t
hmi_wheel_advance(struct hmi_wheel *wheel, uint64_t now_ns, void *arg, hmi_wheel_more_fn *more)
{
	uint64_t now = ticks_down(now_ns);
	uint32_t fired = 0;

	while (opened_move(wheel, arg, more) && due_fire(wheel, arg, more, &fired) && wheel->time < now) {
		unsigned int slot, level = next_event(wheel, &slot);
		uint64_t at = level < HMI_WHEEL_LEVELS ? slot_time(wheel, level, slot) : UINT64_MAX;

		wheel->time = RTE_MIN(at, now);
		if (at <= now)
			slot_open(wheel, level, slot);
	}
	return fired;
}

uint64_t
hmi_wheel_next_ns(const struct hmi_wheel *wheel)
{
	unsigned int slot, level = next_event(wheel, &slot);

	if (wheel->due.next != &wheel->due || wheel->opened.next != &wheel->opened ||
	    hmi_wheel_has_unstarted(wheel))
		return wheel->time << HMI_WHEEL_TICK_SHIFT;
	return level < HMI_WHEEL_LEVELS ? slot_time(wheel, level, slot) << HMI_WHEEL_TICK_SHIFT : UINT64_MAX;
}
