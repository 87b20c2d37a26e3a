/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A lane of a session: order, credit, what is sent again.
 */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "hmt_random.h"
#include "net_lane_pvt.h"

#define RING 64u

struct side {
	struct hmi_net_lane lane;
	struct hmi_net_lane_memory memory;
	struct hmi_piece tx[RING];
	void *rx[RING];
	uint64_t numbers;
};

static struct side *
side_new(uint32_t window, uint32_t credit)
{
	struct side *side = calloc(1, sizeof(*side));

	cr_assert_not_null(side);
	side->memory = (struct hmi_net_lane_memory){ side->tx, side->rx, RING, RING };
	side->lane.credit = credit;
	hmi_net_lane_begin(&side->lane, window);
	return side;
}

static void *
packet(uint64_t sequence)
{
	return (void *)(uintptr_t)sequence;
}

/* Append `count`, and send what can be sent. Returns how many that were. */
static uint32_t
send_some(struct side *side, uint32_t count)
{
	uint32_t sent = 0;

	while (count-- > 0)
		hmi_net_lane_append(&side->lane, &side->memory, packet(side->lane.next), 100);
	for (; hmi_net_lane_is_ready(&side->lane); sent++) {
		uint64_t sequence = hmi_net_lane_send(&side->lane, &side->memory, 5);

		hmi_net_lane_piece(&side->memory, sequence)->number = ++side->numbers;
	}
	return sent;
}

static void *
acknowledge(struct side *side, uint64_t sequence)
{
	return hmi_net_lane_acknowledge(&side->lane, &side->memory, sequence);
}

static void
lose(struct side *side, uint64_t sequence, uint64_t number)
{
	hmi_net_lane_lose(&side->lane, &side->memory, sequence, number);
}

static enum hmi_net_lane_verdict
receive(struct side *side, uint64_t sequence)
{
	enum hmi_net_lane_verdict verdict = hmi_net_lane_look(&side->lane, &side->memory, sequence);

	if (verdict <= HMI_LANE_KEEP)
		hmi_net_lane_receive(&side->lane, &side->memory, sequence, packet(sequence));
	return verdict;
}

/* Hand on what is ready. Returns how many pieces. */
static uint32_t
hand_on(struct side *side)
{
	uint32_t count = 0;
	void *next;

	for (; (next = hmi_net_lane_ready(&side->lane, &side->memory)) != NULL; count++) {
		cr_assert_eq(next, packet(side->lane.done));
		hmi_net_lane_done(&side->lane);
	}
	return count;
}

/* ---- Sending ------------------------------------------------------------------ */

Test(lane, send__no_further_than_the_credit)
{
	struct side *side = side_new(8, 8);

	cr_assert_eq(send_some(side, 20), 8);
	hmi_net_lane_credit_take(&side->lane, 12);
	cr_assert_eq(send_some(side, 0), 3);
	hmi_net_lane_credit_take(&side->lane, 5);
	cr_assert_eq(side->lane.tx_limit, 12, "credit is not taken back");
	free(side);
}

Test(lane, append__the_ring_is_full)
{
	struct side *side = side_new(2 * RING, 8);

	cr_assert_eq(send_some(side, RING), RING);
	cr_assert_not(hmi_net_lane_has_room(&side->lane, &side->memory));
	cr_assert_eq(acknowledge(side, 2), packet(2));
	cr_assert_not(hmi_net_lane_has_room(&side->lane, &side->memory), "the oldest is still there");
	cr_assert_eq(acknowledge(side, 1), packet(1));
	cr_assert_eq(side->lane.una, 3);
	cr_assert_eq(send_some(side, 2), 2);
	free(side);
}

Test(lane, acknowledge__again_gives_nothing)
{
	struct side *side = side_new(8, 8);

	send_some(side, 3);
	cr_assert_eq(acknowledge(side, 2), packet(2));
	cr_assert_null(acknowledge(side, 2), "by another transmission");
	cr_assert_eq(acknowledge(side, 1), packet(1));
	cr_assert_null(acknowledge(side, 1), "below what is kept");
	free(side);
}

Test(lane, lose__is_sent_again_first)
{
	struct side *side = side_new(4, 8);

	send_some(side, 6);
	lose(side, 3, 3);
	lose(side, 1, 1);
	cr_assert_eq(hmi_net_lane_send(&side->lane, &side->memory, 6), 1);
	hmi_net_lane_piece(&side->memory, 1)->number = 50;
	cr_assert_eq(hmi_net_lane_piece(&side->memory, 1)->first_ns, 5, "it has waited since then");
	cr_assert_eq(hmi_net_lane_send(&side->lane, &side->memory, 6), 3);
	cr_assert_not(hmi_net_lane_is_ready(&side->lane), "credit is used up, and nothing is lost");
	lose(side, 1, 1);
	cr_assert_not(hmi_net_lane_is_ready(&side->lane), "that was not its last transmission");
	lose(side, 1, 50);
	cr_assert(hmi_net_lane_is_ready(&side->lane));
	free(side);
}

Test(lane, lose__acknowledged_after_all)
{
	struct side *side = side_new(4, 8);

	send_some(side, 4);
	lose(side, 2, 2);
	cr_assert_eq(acknowledge(side, 2), packet(2));
	cr_assert_not(hmi_net_lane_is_ready(&side->lane), "it need not be sent again");
	lose(side, 2, 2);
	cr_assert_not(hmi_net_lane_is_ready(&side->lane));
	free(side);
}

Test(lane, waits_since__the_oldest)
{
	struct side *side = side_new(4, 8);

	cr_assert_eq(hmi_net_lane_waits_since(&side->lane, &side->memory), 0);
	cr_assert_eq(hmi_net_lane_oldest(&side->lane), 0);
	send_some(side, 1);
	hmi_net_lane_append(&side->lane, &side->memory, packet(2), 100);
	(void)hmi_net_lane_send(&side->lane, &side->memory, 9);
	cr_assert_eq(hmi_net_lane_waits_since(&side->lane, &side->memory), 5);
	cr_assert_eq(hmi_net_lane_oldest(&side->lane), 1);
	acknowledge(side, 1);
	cr_assert_eq(hmi_net_lane_waits_since(&side->lane, &side->memory), 9);
	free(side);
}

/* ---- Receiving ---------------------------------------------------------------- */

Test(lane, receive__in_order)
{
	struct side *side = side_new(8, 8);

	for (uint64_t n = 1; n <= 100; n++) {
		(void)hmi_net_lane_credit_give(&side->lane);
		cr_assert_eq(receive(side, n), HMI_LANE_DELIVER);
		hmi_net_lane_done(&side->lane);
	}
	cr_assert_eq(hmi_net_lane_credit_give(&side->lane), 109);
	cr_assert(hmi_net_lane_is_idle(&side->lane));
	free(side);
}

Test(lane, receive__behind_a_gap)
{
	struct side *side = side_new(8, 8);

	cr_assert_eq(receive(side, 2), HMI_LANE_KEEP);
	cr_assert_eq(receive(side, 4), HMI_LANE_KEEP);
	cr_assert_eq(receive(side, 4), HMI_LANE_AGAIN);
	cr_assert_eq(hand_on(side), 0);
	cr_assert_not(hmi_net_lane_is_idle(&side->lane));
	cr_assert_eq(receive(side, 1), HMI_LANE_DELIVER);
	hmi_net_lane_done(&side->lane);
	cr_assert_eq(hand_on(side), 1);
	cr_assert_eq(receive(side, 1), HMI_LANE_AGAIN);
	cr_assert_eq(receive(side, 3), HMI_LANE_DELIVER);
	hmi_net_lane_done(&side->lane);
	cr_assert_eq(hand_on(side), 1);
	cr_assert(hmi_net_lane_is_idle(&side->lane));
	free(side);
}

Test(lane, receive__beyond_the_credit)
{
	struct side *side = side_new(8, 8);

	cr_assert_eq(receive(side, 9), HMI_LANE_BEYOND);
	cr_assert_eq(receive(side, 8), HMI_LANE_KEEP);
	cr_assert_eq(hmi_net_lane_credit_give(&side->lane), 9, "what is kept is part of the credit");
	free(side);
}

/* The ring is as long as the credit: a piece that was parked shares no place with one that comes early. */
Test(lane, park__while_the_credit_fills_the_ring)
{
	struct side *side = side_new(RING, RING);

	cr_assert_eq(receive(side, 1), HMI_LANE_DELIVER);
	hmi_net_lane_park(&side->lane, &side->memory, packet(1));
	for (uint64_t n = RING; n >= 2; n--)
		cr_assert_eq(receive(side, n), HMI_LANE_KEEP);
	cr_assert_eq(receive(side, RING + 1), HMI_LANE_BEYOND);
	cr_assert_eq(side->lane.expected, RING + 1);
	cr_assert_eq(hand_on(side), RING);
	free(side);
}

Test(lane, receive__in_any_order_each_once)
{
	uint64_t seed = hmt_seed(1), state = seed;
	struct side *side = side_new(8, 1 + (uint32_t)hmt_random_below(&state, RING));
	uint64_t handed = 0;

	while (handed < 20000) {
		uint64_t sequence = 1 + (handed > 10 ? handed - 10 : 0) + hmt_random_below(&state, RING + 20);
		enum hmi_net_lane_verdict verdict = receive(side, sequence);

		if (sequence <= handed)
			cr_assert_eq(verdict, HMI_LANE_AGAIN, "seed %lu", seed);
		if (verdict == HMI_LANE_DELIVER) {
			cr_assert_eq(sequence, handed + 1);
			hmi_net_lane_done(&side->lane);
			handed++;
		}
		if (hmt_random_below(&state, 3) != 0)
			handed += hand_on(side);
		(void)hmi_net_lane_credit_give(&side->lane);
	}
	free(side);
}
