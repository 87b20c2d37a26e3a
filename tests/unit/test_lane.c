/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>
#include <rte_memory.h>

#include "hmt_eal.h"
#include "hmt_msg.h"
#include "hmt_random.h"
#include "lane_pvt.h"

#define RING     64u
#define CAPACITY RING
#define MESSAGES 1024u
#define STEPS    100000u

static struct hm_msg *messages[MESSAGES];
static struct hmi_lane lane;
static struct hmi_lane_rx rx;

static void
lane_start(void)
{
	hmt_eal_start();
	hmt_msgs_make(messages, MESSAGES);
	cr_assert_eq(hmi_lane_create(&lane, RING, SOCKET_ID_ANY), 0);
	rx = hmi_lane_receiver(&lane);
}

TestSuite(lane, .init = lane_start);

static void
push_range(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		hmi_lane_push(&lane, messages[i % MESSAGES]);
}

/* Pop all that is there; it must be the messages from `from` on. Returns the first that did not come. */
static uint32_t
pop_from(uint32_t from)
{
	struct hm_msg *msgs[RING];
	uint32_t n;

	while ((n = hmi_lane_pop_burst(&rx, msgs, RING)) > 0) {
		for (uint32_t i = 0; i < n; i++, from++) {
			if (msgs[i] != messages[from % MESSAGES])
				cr_assert_fail("message %lu came instead of %u", msgs[i]->to,
					       from % MESSAGES);
		}
	}
	return from;
}

Test(lane, flush__nothing_was_pushed)
{
	cr_assert_eq(hmi_lane_flush(&lane), 0);
	cr_assert_eq(pop_from(0), 0);
}

Test(lane, push__is_seen_after_the_flush)
{
	push_range(0, 3);
	cr_assert_eq(pop_from(0), 0);
	cr_assert_eq(hmi_lane_flush(&lane), 0);
	cr_assert_eq(pop_from(0), 3);
	cr_assert_eq(hmi_lane_flush(&lane), 0);
	cr_assert_eq(pop_from(3), 3);
}

/* Over several laps, which differ in the lowest bit of a slot. */
Test(lane, is_ready__while_a_message_waits)
{
	for (uint32_t i = 0; i < 3 * RING; i++) {
		cr_assert_not(hmi_lane_is_ready(&rx));
		push_range(i, i + 1);
		cr_assert_not(hmi_lane_is_ready(&rx), "it was not flushed");
		cr_assert_eq(hmi_lane_flush(&lane), 0);
		cr_assert(hmi_lane_is_ready(&rx));
		cr_assert_eq(pop_from(i), i + 1);
	}
}

Test(lane, push__full_buffer_leaves_by_itself)
{
	push_range(0, HMI_LANE_BUFFER - 1);
	cr_assert_eq(pop_from(0), 0);
	push_range(HMI_LANE_BUFFER - 1, HMI_LANE_BUFFER);
	cr_assert_eq(pop_from(0), CAPACITY);
}

Test(lane, pop_burst__takes_no_more_than_asked)
{
	struct hm_msg *msgs[8] = { NULL };

	push_range(0, 10);
	hmi_lane_flush(&lane);
	cr_assert_eq(hmi_lane_pop_burst(&rx, msgs, 4), 4);
	cr_assert_eq(msgs[3], messages[3]);
	cr_assert_null(msgs[4]);
	cr_assert_eq(pop_from(4), 10);
}

Test(lane, flush__full_ring_keeps_order)
{
	uint32_t popped = 0;

	push_range(0, 500);
	cr_assert_eq(hmi_lane_flush(&lane), 500 - CAPACITY);
	while (popped < 500) {
		uint32_t before = popped;

		popped = pop_from(popped);
		cr_assert_gt(popped, before);
		cr_assert_eq(hmi_lane_flush(&lane), popped + CAPACITY < 500 ? 500 - popped - CAPACITY : 0);
	}
	cr_assert_eq(pop_from(500), 500);
}

/* The ring has room again before the list is empty: what is younger stays behind the list. */
Test(lane, flush__young_does_not_overtake_old)
{
	struct hm_msg *msgs[8];

	push_range(0, CAPACITY + 20);
	cr_assert_eq(hmi_lane_flush(&lane), 20);
	cr_assert_eq(hmi_lane_pop_burst(&rx, msgs, 8), 8);
	push_range(CAPACITY + 20, CAPACITY + 25);
	cr_assert_eq(hmi_lane_flush(&lane), 20 - 8 + 5);
	cr_assert_eq(pop_from(8), CAPACITY + 8);
	cr_assert_eq(hmi_lane_flush(&lane), 0);
	cr_assert_eq(pop_from(CAPACITY + 8), CAPACITY + 25);
}

/* With room for the whole list and for a part of what was pushed since. */
Test(lane, flush__list_and_part_of_the_buffer_fit)
{
	push_range(0, CAPACITY + 20);
	hmi_lane_flush(&lane);
	cr_assert_eq(pop_from(0), CAPACITY);
	push_range(CAPACITY + 20, CAPACITY + 80);
	cr_assert_eq(hmi_lane_flush(&lane), 80 - CAPACITY);
	cr_assert_eq(pop_from(CAPACITY), 2 * CAPACITY);
	cr_assert_eq(hmi_lane_flush(&lane), 0);
	cr_assert_eq(pop_from(2 * CAPACITY), CAPACITY + 80);
}

/* A message's link is of the queue that holds it: the receiver may change it at once. */
Test(lane, flush__link_belongs_to_the_receiver_after_it)
{
	struct hm_msg *msg;

	push_range(0, CAPACITY + 3);
	hmi_lane_flush(&lane);
	for (uint32_t i = 0; i < CAPACITY + 3; i++) {
		cr_assert_eq(hmi_lane_pop_burst(&rx, &msg, 1), 1);
		cr_assert_eq(msg, messages[i]);
		msg->next = messages[MESSAGES - 1];
		hmi_lane_flush(&lane);
	}
	cr_assert_eq(hmi_lane_pop_burst(&rx, &msg, 1), 0);
}

Test(lane, overflowed__counts_each_message_once)
{
	push_range(0, CAPACITY + 20);
	hmi_lane_flush(&lane);
	hmi_lane_flush(&lane);
	cr_assert_eq(lane.overflowed, 20);
	pop_from(0);
	hmi_lane_flush(&lane);
	pop_from(CAPACITY);
	push_range(0, 5);
	hmi_lane_flush(&lane);
	cr_assert_eq(lane.overflowed, 20);
}

/* Each of those that wait once, in order, from those on that were there when it was last said so. */
static void
look_range(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		cr_assert_eq(hmi_lane_look(&lane), messages[i], "message %u", i);
	cr_assert_null(hmi_lane_look(&lane));
}

Test(lane, look__finds_each_that_waits_once)
{
	cr_assert_null(hmi_lane_look(&lane));
	push_range(0, RING + 10);
	(void)hmi_lane_flush(&lane);
	hmi_lane_look_past(&lane);
	look_range(0, 0);
	push_range(RING + 10, RING + 30);
	(void)hmi_lane_flush(&lane);
	look_range(RING + 10, RING + 30);
	push_range(RING + 30, RING + 40);
	(void)hmi_lane_flush(&lane);
	cr_assert_eq(hmi_lane_look(&lane), messages[RING + 30]);
	/* Those that were looked at leave, and the first five of the others with them. */
	cr_assert_eq(hmi_lane_pop_burst(&rx, (struct hm_msg *[35]){ NULL }, 35), 35);
	(void)hmi_lane_flush(&lane);
	look_range(RING + 35, RING + 40);
	cr_assert_eq(pop_from(35), RING + 35);
	(void)hmi_lane_flush(&lane);
	look_range(0, 0);
	cr_assert_eq(pop_from(RING + 35), RING + 40);
}

Test(lane, drain__ring_then_list_then_buffer)
{
	push_range(0, CAPACITY + 20);
	hmi_lane_flush(&lane);
	push_range(CAPACITY + 20, CAPACITY + 30);
	for (uint32_t i = 0; i < CAPACITY + 30; i++)
		cr_assert_eq(hmi_lane_drain(&lane), messages[i]);
	cr_assert_null(hmi_lane_drain(&lane));
	cr_assert_null(hmi_lane_drain(&lane));
}

Test(lane, drain__no_lane_has_no_message)
{
	struct hmi_lane none = { 0 };

	cr_assert_null(hmi_lane_drain(&none));
	hmi_lane_destroy(&none);
}

Test(lane, create__wrong_size)
{
	struct hmi_lane other;

	cr_assert_eq(hmi_lane_create(&other, 100, SOCKET_ID_ANY), -EINVAL);
	cr_assert_eq(hmi_lane_create(&other, 1u << 31, SOCKET_ID_ANY), -EINVAL);
}

/* A lane takes memory of another socket rather than none. */
Test(lane, create__socket_without_memory)
{
	struct hmi_lane other;

	cr_assert_eq(hmi_lane_create(&other, RING, 7), 0);
	hmi_lane_destroy(&other);
	cr_assert_null(other.ring);
}

/* A message that is under way must not be pushed again: no more than MESSAGES are. */
Test(lane, random__all_arrive_in_order)
{
	uint64_t seed = hmt_seed(1), random = seed;
	uint32_t pushed = 0, popped = 0;

	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t n = (uint32_t)hmt_random_size(&random, 8), room = MESSAGES - (pushed - popped);
		struct hm_msg *msgs[256];

		switch (hmt_random(&random) & 3) {
		case 0:
			n = n < room ? n : room;
			push_range(pushed, pushed + n);
			pushed += n;
			break;
		case 1:
			hmi_lane_flush(&lane);
			break;
		default:
			n = hmi_lane_pop_burst(&rx, msgs, n);
			for (uint32_t i = 0; i < n; i++, popped++) {
				if (msgs[i] != messages[popped % MESSAGES])
					cr_assert_fail("HMT_SEED=%lu, step %u: wrong order", seed, step);
			}
		}
	}
	while (hmi_lane_flush(&lane) > 0)
		popped = pop_from(popped);
	cr_assert_eq(pop_from(popped), pushed, "HMT_SEED=%lu: lost some", seed);
	cr_assert_gt(lane.overflowed, 0);
}
