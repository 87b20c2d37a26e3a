/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two sessions in virtual time: what is handed on, and how much of it, over links of all kinds.
 */
#include <criterion/criterion.h>
#include <rte_common.h>

#include "hmt_random.h"
#include "sim_pair.h"

#define US     UINT64_C(1000)
#define MS     UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

#define GBPS_10 800u /* picoseconds a byte */
#define GBPS_1  8000u

static struct sim_pair *
pair_of(uint64_t rtt_ns, uint64_t byte_ps, struct sim_odds odds)
{
	struct sim_link_config config = { .odds = odds,
					  .delay_ns = rtt_ns / 2,
					  .byte_ps = byte_ps,
					  .queue = 512 * SIM_PACKET_BYTES,
					  .seed = hmt_seed(1) };

	return sim_pair_new(&config, HMI_CONGESTION_DELAY);
}

/* Pieces that one end sends in so long, as a part of what the link carries. */
static double
goodput(uint64_t rtt_ns, uint64_t byte_ps, struct sim_odds odds, uint64_t ns)
{
	struct sim_pair *pair = pair_of(rtt_ns, byte_ps, odds);
	double part;

	pair->ends[0].to_send[HMI_LANE_USER] = UINT64_MAX;
	sim_pair_run(pair, ns);
	cr_assert_null(pair->fault, "%s", pair->fault);
	cr_assert_not(pair->ends[0].lost || pair->ends[1].lost);
	part = (double)pair->ends[1].received[HMI_LANE_USER] * SIM_PACKET_BYTES * (double)byte_ps / 1000 /
	       (double)ns;
	sim_pair_free(pair);
	return part;
}

/* ---- Goodput ------------------------------------------------------------------ */

Test(session, goodput__clean_links_are_filled)
{
	cr_assert_gt(goodput(20 * US, GBPS_10, (struct sim_odds){ 0 }, 100 * MS), 0.98);
	cr_assert_gt(goodput(MS, GBPS_1, (struct sim_odds){ 0 }, SECOND), 0.95);
}

Test(session, goodput__one_percent_loss)
{
	struct sim_odds odds = { .loss = 0.01 };

	cr_assert_gt(goodput(20 * US, GBPS_10, odds, 100 * MS), 0.95);
	cr_assert_gt(goodput(MS, GBPS_1, odds, SECOND), 0.9);
}

Test(session, goodput__five_percent_loss)
{
	struct sim_odds odds = { .loss = 0.05 };

	cr_assert_gt(goodput(20 * US, GBPS_10, odds, 100 * MS), 0.9);
	cr_assert_gt(goodput(MS, GBPS_1, odds, SECOND), 0.85);
}

Test(session, goodput__five_percent_late_by_a_round_trip)
{
	struct sim_odds odds = { .late = 0.05 };

	odds.late_ns = 20 * US;
	cr_assert_gt(goodput(20 * US, GBPS_10, odds, 100 * MS), 0.97);
	odds.late_ns = MS;
	cr_assert_gt(goodput(MS, GBPS_1, odds, SECOND), 0.9);
}

/* Both ends send all the time, so little but data tells what was received: nothing is sent again in vain for that. */
Test(session, loss__nothing_more_is_sent_again_both_ways)
{
	struct sim_pair *pair = pair_of(20 * US, GBPS_10, (struct sim_odds){ .loss = 0.01 });

	pair->ends[0].to_send[HMI_LANE_USER] = pair->ends[1].to_send[HMI_LANE_USER] = UINT64_MAX;
	sim_pair_run(pair, 100 * MS);
	cr_assert_null(pair->fault, "%s", pair->fault);
	for (uint32_t i = 0; i < 2; i++) {
		const struct hmi_session *s = &pair->ends[i].session;
		double again = (double)s->packets_retransmitted / (double)s->packets_sent;

		cr_assert_lt(again, 0.0115, "%f", again);
	}
	sim_pair_free(pair);
}

/* The two ends see each other's queue: each still has its part, one that begins later too, if it takes a while. */
Test(session, goodput__both_ways)
{
	for (uint32_t late = 0; late < 2; late++) {
		struct sim_pair *pair = pair_of(MS, GBPS_1, (struct sim_odds){ 0 });

		pair->ends[0].to_send[HMI_LANE_USER] = UINT64_MAX;
		sim_pair_run(pair, late * 300 * MS);
		pair->ends[1].to_send[HMI_LANE_USER] = UINT64_MAX;
		sim_pair_run(pair, SECOND);
		cr_assert_null(pair->fault, "%s", pair->fault);
		for (uint32_t i = 0; i < 2; i++) {
			double part = (double)pair->ends[i].received[HMI_LANE_USER] * SIM_PACKET_BYTES * 8 /
				      (double)SECOND;

			cr_assert_gt(part, late ? 0.4 : 0.9, "end %u: %f", i, part);
		}
		sim_pair_free(pair);
	}
}

/* ---- Order, once, all ---------------------------------------------------------- */

/* Both send on all lanes over links that do the worst, and everything arrives. */
static void
exchange(uint64_t seed)
{
	uint64_t state = seed;
	struct sim_link_config config = {
		.odds = { .loss = (double)hmt_random_below(&state, 30) / 100,
			  .late = (double)hmt_random_below(&state, 30) / 100,
			  .twice = (double)hmt_random_below(&state, 20) / 100,
			  .late_ns = 1 + hmt_random_size(&state, 22) },
		.delay_ns = hmt_random_size(&state, 22),
		.byte_ps = 80 + hmt_random_size(&state, 13),
		.queue = SIM_PACKET_BYTES * (8 + (uint32_t)hmt_random_below(&state, 300)),
		.seed = seed,
	};
	struct sim_pair *pair =
		sim_pair_new(&config,
			     (enum hmi_congestion_kind)hmt_random_below(&state, HMI_CONGESTION_KINDS));

	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t lane = 0; lane < HMI_LANES; lane++)
			pair->ends[i].to_send[lane] = hmt_random_below(&state, 700);
	cr_assert(sim_pair_finish(pair, 100 * SECOND), "seed %lu: not all arrived; %s", seed,
		  pair->fault != NULL ? pair->fault : "it takes too long, or an end is lost");
	for (uint32_t i = 0; i < 2; i++) {
		const struct sim_end *end = &pair->ends[i], *other = &pair->ends[1 - i];
		uint64_t all = 0;

		for (uint32_t lane = 0; lane < HMI_LANES; lane++) {
			cr_assert_eq(other->received[lane], end->appended[lane], "seed %lu", seed);
			all += end->appended[lane];
		}
		cr_assert_eq(end->released, all, "seed %lu", seed);
	}
	sim_pair_run(pair, 2 * SECOND);
	cr_assert_null(pair->fault, "seed %lu: %s", seed, pair->fault);
	cr_assert_eq(pair->ends[0].session.flight.bytes + pair->ends[1].session.flight.bytes, 0, "seed %lu",
		     seed);
	cr_assert_eq(pair->ends[0].windows + pair->ends[1].windows, 0,
		     "seed %lu: memory is kept without data", seed);
	sim_pair_free(pair);
}

Test(session, exchange__over_links_of_all_kinds)
{
	uint64_t seed = hmt_seed(1);

	for (uint64_t i = 0; i < 200; i++)
		exchange(seed + i);
}
