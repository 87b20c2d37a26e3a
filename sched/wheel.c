/* SPDX-License-Identifier: Apache-2.0 */
#include "wheel_pvt.h"

#include <assert.h>
#include <string.h>

#define DIGIT_BITS 6
#define DIGIT_MASK (HMI_WHEEL_SLOTS - 1)

static_assert(HMI_WHEEL_LEVELS * DIGIT_BITS + HMI_WHEEL_TICK_SHIFT == 64, "every time in ns has its place");

static uint64_t
ticks_up(uint64_t ns)
{
	return (ns >> HMI_WHEEL_TICK_SHIFT) + ((ns & ((1u << HMI_WHEEL_TICK_SHIFT) - 1)) != 0);
}

void
hmi_wheel_init(struct hmi_wheel *wheel, uint64_t now_ns)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->time = now_ns >> HMI_WHEEL_TICK_SHIFT;
}

/* The timer's expiry is after the wheel's time. */
static void
place(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	assert(timer->expiry > wheel->time);

	uint64_t differing = timer->expiry ^ wheel->time;
	unsigned int level = (63u - (unsigned int)__builtin_clzll(differing)) / DIGIT_BITS;
	unsigned int slot = (unsigned int)(timer->expiry >> (level * DIGIT_BITS)) & DIGIT_MASK;
	struct hmi_timer **head = &wheel->slots[level][slot];

	timer->next = *head;
	if (timer->next != NULL)
		timer->next->link = &timer->next;
	timer->link = head;
	*head = timer;
	wheel->used[level] |= 1ull << slot;
}

void
hmi_wheel_add(struct hmi_wheel *wheel, struct hmi_timer *timer, uint64_t at_ns)
{
	assert(!hmi_timer_pending(timer));
	timer->expiry = ticks_up(at_ns);
	if (timer->expiry <= wheel->time)
		timer->expiry = wheel->time + 1;
	wheel->count++;
	place(wheel, timer);
}

static void
unlink_timer(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	struct hmi_timer **link = timer->link;

	*link = timer->next;
	if (timer->next != NULL)
		timer->next->link = link;
	timer->link = NULL;
	/* The last of its slot: its link was the slot's head. */
	if (*link == NULL && link >= &wheel->slots[0][0] &&
	    link < &wheel->slots[0][0] + HMI_WHEEL_LEVELS * HMI_WHEEL_SLOTS) {
		unsigned int index = (unsigned int)(link - &wheel->slots[0][0]);

		wheel->used[index / HMI_WHEEL_SLOTS] &= ~(1ull << (index % HMI_WHEEL_SLOTS));
	}
}

void
hmi_wheel_cancel(struct hmi_wheel *wheel, struct hmi_timer *timer)
{
	if (!hmi_timer_pending(timer))
		return;
	unlink_timer(wheel, timer);
	wheel->count--;
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

static uint32_t
slot_expire(struct hmi_wheel *wheel, struct hmi_timer **slot, hmi_timer_fn *fire, void *arg)
{
	struct hmi_timer *timer;
	uint32_t fired = 0;

	while ((timer = *slot) != NULL) {
		unlink_timer(wheel, timer);
		if (timer->expiry > wheel->time) {
			place(wheel, timer);
			continue;
		}
		wheel->count--;
		fired++;
		fire(arg, timer);
	}
	return fired;
}

uint32_t
hmi_wheel_advance(struct hmi_wheel *wheel, uint64_t now_ns, hmi_timer_fn *fire, void *arg)
{
	uint64_t now = now_ns >> HMI_WHEEL_TICK_SHIFT;
	uint32_t fired = 0;

	while (wheel->time < now) {
		unsigned int slot, level = next_event(wheel, &slot);
		uint64_t at = level < HMI_WHEEL_LEVELS ? slot_time(wheel, level, slot) : UINT64_MAX;

		if (at > now) {
			wheel->time = now;
			break;
		}
		wheel->time = at;
		fired += slot_expire(wheel, &wheel->slots[level][slot], fire, arg);
	}
	return fired;
}

uint64_t
hmi_wheel_next_ns(const struct hmi_wheel *wheel)
{
	unsigned int slot, level = next_event(wheel, &slot);

	return level < HMI_WHEEL_LEVELS ? slot_time(wheel, level, slot) << HMI_WHEEL_TICK_SHIFT : UINT64_MAX;
}
