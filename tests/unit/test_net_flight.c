/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Packets that were sent: which are acknowledged, which are lost, and when.
 */
#include <stdlib.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "net_flight_pvt.h"
#include "hmt_random.h"

#define US  1000ull
#define RTT (100 * US)

static struct hmi_net_flight *
flight_new(void)
{
	struct hmi_net_flight *flight = calloc(1, sizeof(*flight));
	struct hmi_departed *ring = calloc(HMI_NET_FLIGHT, sizeof(*ring));

	cr_assert(flight != NULL && ring != NULL);
	hmi_net_flight_begin(flight);
	hmi_net_flight_ring(flight, ring);
	return flight;
}

static void
flight_free(struct hmi_net_flight *flight)
{
	free(flight->sent);
	free(flight);
}

/* Send `count` packets at a time, each with a sequence that is its number. */
static void
send_some(struct hmi_net_flight *flight, uint32_t count, uint64_t now)
{
	while (count-- > 0) {
		struct hmi_departed sent = { .sent_ns = now, .sequence = flight->next, .bytes = 1000 };

		cr_assert(hmi_net_flight_has_room(flight));
		(void)hmi_net_flight_add(flight, &sent);
	}
}

/* Acknowledge a range. Returns how many it acknowledged for the first time. */
static uint32_t
acknowledge(struct hmi_net_flight *flight, uint64_t from, uint64_t to, uint64_t now)
{
	struct hmi_range range = { from, to };
	uint64_t at = from, number, newest = 0;
	uint32_t count = 0;
	bool was_lost;

	for (; (number = hmi_net_flight_acknowledge(flight, &range, &at, &was_lost)) != 0; count++) {
		cr_assert_gt(number, newest, "in order of numbers");
		newest = number;
	}
	if (newest != 0) {
		hmi_net_flight_sample(flight, newest, 0, now);
		hmi_net_flight_newest(flight, newest, now);
	}
	return count;
}

/* Returns how many packets are lost at a time; *first: the least number of them. */
static uint32_t
lose(struct hmi_net_flight *flight, uint64_t now, uint64_t *first)
{
	uint64_t at = flight->oldest, number;
	uint32_t count = 0;

	*first = 0;
	for (; (number = hmi_net_flight_lose(flight, &at, now)) != 0; count++)
		*first = *first == 0 ? number : *first;
	return count;
}

Test(flight, add__counts_packets_and_bytes)
{
	struct hmi_net_flight *flight = flight_new();

	send_some(flight, 3, 0);
	cr_assert_eq(hmi_net_flight_skip(flight), 4);
	send_some(flight, 1, 0);
	cr_assert_eq(flight->count, 4);
	cr_assert_eq(flight->bytes, 4000);
	cr_assert_eq(acknowledge(flight, 1, 4, RTT), 3, "what carries no data is not in flight");
	cr_assert_eq(flight->count, 1);
	cr_assert_eq(flight->bytes, 1000);
	cr_assert_eq(flight->oldest, 5);
	flight_free(flight);
}

Test(flight, acknowledge__ranges_may_overlap)
{
	struct hmi_net_flight *flight = flight_new();

	send_some(flight, 10, 0);
	cr_assert_eq(acknowledge(flight, 3, 5, RTT), 3);
	cr_assert_eq(acknowledge(flight, 1, 7, RTT), 4);
	cr_assert_eq(acknowledge(flight, 1, 7, RTT), 0);
	cr_assert_eq(flight->oldest, 8);
	flight_free(flight);
}

Test(flight, lose__three_that_were_sent_later)
{
	struct hmi_net_flight *flight = flight_new();
	uint64_t first;

	send_some(flight, 5, 0);
	acknowledge(flight, 2, 3, RTT);
	cr_assert_eq(lose(flight, RTT, &first), 0);
	acknowledge(flight, 4, 4, RTT);
	cr_assert_eq(lose(flight, RTT, &first), 1);
	cr_assert_eq(first, 1);
	cr_assert_eq(flight->count, 1, "the last one is not lost: none was sent behind it");
	flight_free(flight);
}

Test(flight, lose__one_that_was_sent_later_and_time)
{
	struct hmi_net_flight *flight = flight_new();
	uint64_t first;

	send_some(flight, 1, 0);
	send_some(flight, 1, 10);
	acknowledge(flight, 2, 2, 10 + RTT);
	cr_assert_eq(lose(flight, 10 + RTT, &first), 0);
	cr_assert_eq(flight->loss_ns, RTT + RTT / 4, "a quarter of a round trip later than it was due");
	cr_assert_eq(lose(flight, RTT + RTT / 4 - 1, &first), 0);
	cr_assert_eq(lose(flight, RTT + RTT / 4, &first), 1);
	cr_assert_eq(flight->loss_ns, 0);
	cr_assert_eq(flight->count, 0);
	flight_free(flight);
}

/* A packet that was only late: from then on time decides, and the window is wider. */
Test(flight, acknowledge__what_was_taken_for_lost)
{
	struct hmi_net_flight *flight = flight_new();
	uint64_t first;

	send_some(flight, 5, 0);
	acknowledge(flight, 2, 4, RTT);
	cr_assert_eq(lose(flight, RTT, &first), 1);
	cr_assert_eq(acknowledge(flight, 1, 1, RTT), 1);
	cr_assert_eq(flight->spurious, 1);
	cr_assert_eq(flight->count, 1, "it is not counted down twice");
	cr_assert_eq(flight->bytes, 1000);
	send_some(flight, 10, RTT);
	acknowledge(flight, 10, 15, 2 * RTT);
	cr_assert_eq(lose(flight, 2 * RTT, &first), 1, "but what is old is lost");
	cr_assert_eq(first, 5);
	cr_assert_eq(lose(flight, 2 * RTT + RTT / 2 - 1, &first), 0, "six that were sent later do not count");
	cr_assert_eq(lose(flight, 2 * RTT + RTT / 2, &first), 4, "two quarters of a round trip do");
	flight_free(flight);
}

Test(flight, reordering__the_window_has_an_end)
{
	struct hmi_net_flight *flight = flight_new();
	uint64_t first, now = 0;

	for (uint32_t i = 0; i < 200; i++, now += 10 * RTT) {
		send_some(flight, 2, now);
		acknowledge(flight, flight->next - 1, flight->next - 1, now + RTT);
		cr_assert_eq(lose(flight, now + 3 * RTT, &first), 1);
		cr_assert_eq(acknowledge(flight, first, first, now + 3 * RTT), 1);
	}
	send_some(flight, 2, now);
	acknowledge(flight, flight->next - 1, flight->next - 1, now + RTT);
	lose(flight, now + RTT, &first);
	cr_assert_leq(flight->loss_ns - now, RTT + hmi_rtt_smoothed(&flight->rtt),
		      "one round trip more at most");
	flight_free(flight);
}

Test(flight, add__the_ring_is_full)
{
	struct hmi_net_flight *flight = flight_new();

	send_some(flight, HMI_NET_FLIGHT, 0);
	cr_assert_not(hmi_net_flight_has_room(flight));
	cr_assert_eq(hmi_net_flight_lose_oldest(flight), 1);
	cr_assert(hmi_net_flight_has_room(flight));
	cr_assert_eq(flight->count, HMI_NET_FLIGHT - 1);
	cr_assert_eq(acknowledge(flight, 1, 1, RTT), 1, "it is still known");
	cr_assert_eq(flight->spurious, 1);
	hmi_net_flight_lose_oldest(flight);
	send_some(flight, 2, 0);
	cr_assert_eq(acknowledge(flight, 1, 2, RTT), 0, "its place is another one's");
	cr_assert_eq(flight->count, HMI_NET_FLIGHT);
	flight_free(flight);
}

Test(flight, acknowledge__numbers_that_were_never_sent)
{
	struct hmi_net_flight *flight = flight_new();

	send_some(flight, 3, 0);
	cr_assert_eq(acknowledge(flight, 4, 5000, RTT), 0);
	cr_assert_eq(acknowledge(flight, 1, 5000, RTT), 3);
	cr_assert_eq(acknowledge(flight, 1, UINT64_MAX - 1, RTT), 0);
	flight_free(flight);
}

/* What the model says of a number. */
enum fate {
	FATE_NONE,
	FATE_FLIES,
	FATE_LOST,
	FATE_ACKNOWLEDGED,
};

/* Count and bytes are those of a table of all packets, whatever is acknowledged and lost, in whatever order. */
Test(flight, any_order__as_a_table_of_all)
{
	enum {
		NUMBERS = 60000
	};
	uint64_t seed = hmt_seed(1), state = seed, now = 0, first;
	struct hmi_net_flight *flight = flight_new();
	uint8_t *fates = calloc(NUMBERS, 1);

	cr_assert_not_null(fates);
	while (flight->next + 100 < NUMBERS) {
		uint32_t flies = 0;

		now += hmt_random_below(&state, RTT);
		for (uint64_t n = hmt_random_below(&state, 40); n > 0 && hmi_net_flight_has_room(flight);
		     n--) {
			fates[flight->next] = FATE_FLIES;
			send_some(flight, 1, now);
		}
		while (!hmi_net_flight_has_room(flight))
			fates[hmi_net_flight_lose_oldest(flight)] = FATE_LOST;
		if (flight->next > 1) {
			uint64_t from =
				flight->next - 1 - hmt_random_below(&state, RTE_MIN(flight->next - 1, 200u));
			struct hmi_range range = { from, from + hmt_random_below(&state, 30) };
			uint64_t at = from, number;
			bool was_lost;

			while ((number = hmi_net_flight_acknowledge(flight, &range, &at, &was_lost)) != 0) {
				cr_assert_eq(fates[number], was_lost ? FATE_LOST : FATE_FLIES, "seed %lu",
					     seed);
				fates[number] = FATE_ACKNOWLEDGED;
				hmi_net_flight_sample(flight, number, 0, now);
				hmi_net_flight_newest(flight, number, now);
			}
		}
		first = flight->oldest;
		for (uint64_t number; (number = hmi_net_flight_lose(flight, &first, now)) != 0;) {
			cr_assert_eq(fates[number], FATE_FLIES, "seed %lu", seed);
			fates[number] = FATE_LOST;
		}
		for (uint64_t n = flight->next > HMI_NET_FLIGHT ? flight->next - HMI_NET_FLIGHT : 1;
		     n < flight->next; n++)
			flies += fates[n] == FATE_FLIES;
		cr_assert_eq(flight->count, flies, "seed %lu", seed);
		cr_assert_eq(flight->bytes, 1000 * (uint64_t)flies);
		if (flies > 0)
			cr_assert_eq(fates[flight->oldest], FATE_FLIES, "seed %lu", seed);
	}
	free(fates);
	flight_free(flight);
}

/* ---- Round-trip time ---------------------------------------------------------- */

Test(rtt, sample__first_one_is_taken)
{
	struct hmi_rtt rtt;

	hmi_rtt_begin(&rtt);
	cr_assert_eq(hmi_rtt_smoothed(&rtt), HMI_RTT_FIRST_NS);
	cr_assert_gt(hmi_rtt_timeout(&rtt, 0), HMI_RTT_FIRST_NS);
	hmi_rtt_sample(&rtt, RTT, 0, 0);
	cr_assert_eq(rtt.smoothed_ns, RTT);
	cr_assert_eq(rtt.least_ns, RTT);
	cr_assert_eq(hmi_rtt_timeout(&rtt, 7), RTT + 4 * (RTT / 2) + 7);
}

Test(rtt, sample__what_the_receiver_held_does_not_count)
{
	struct hmi_rtt rtt;

	hmi_rtt_begin(&rtt);
	hmi_rtt_sample(&rtt, RTT, 0, 0);
	for (uint32_t i = 0; i < 100; i++)
		hmi_rtt_sample(&rtt, RTT + 20 * US, 20 * US, i);
	cr_assert_leq(rtt.smoothed_ns, RTT + US);
	cr_assert_eq(rtt.least_ns, RTT);
	/* A receiver that says that it held it for longer than is possible is not believed. */
	hmi_rtt_sample(&rtt, RTT + US, 50 * US, 200);
	cr_assert_eq(rtt.latest_ns, RTT + US);
}

Test(rtt, least__of_a_path_that_has_become_longer)
{
	struct hmi_rtt rtt;

	hmi_rtt_begin(&rtt);
	hmi_rtt_sample(&rtt, RTT, 0, 0);
	hmi_rtt_sample(&rtt, 3 * RTT, 0, HMI_RTT_LEAST_NS - 1);
	cr_assert_eq(rtt.least_ns, RTT);
	hmi_rtt_sample(&rtt, 3 * RTT, 0, HMI_RTT_LEAST_NS);
	cr_assert_eq(rtt.least_ns, RTT, "once more as long");
	hmi_rtt_sample(&rtt, 3 * RTT, 0, 2 * HMI_RTT_LEAST_NS);
	cr_assert_eq(rtt.least_ns, 3 * RTT);
}

Test(rtt, timeout__never_below_what_the_loop_needs)
{
	struct hmi_rtt rtt;

	hmi_rtt_begin(&rtt);
	for (uint32_t i = 0; i < 100; i++)
		hmi_rtt_sample(&rtt, 1, 0, i);
	cr_assert_geq(hmi_rtt_timeout(&rtt, 0), HMI_RTT_GRANULE_NS);
}
