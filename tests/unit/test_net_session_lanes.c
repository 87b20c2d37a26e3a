/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Lanes of a session, credit, and packets that make no sense.
 */
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "sim_pair.h"

#define US     UINT64_C(1000)
#define MS     UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

static struct sim_pair *
pair_of(uint64_t byte_ps)
{
	struct sim_link_config config = { .delay_ns = 10 * US, .byte_ps = byte_ps, .seed = 1 };

	return sim_pair_new(&config, HMI_CONGESTION_DELAY);
}

/* ---- Lanes ---------------------------------------------------------------------- */

/* Users' messages and big ones fill the link; control waits for none of them. */
Test(session_lanes, control__is_not_behind_others)
{
	struct sim_pair *pair = pair_of(8000);
	uint64_t began;

	pair->ends[0].to_send[HMI_LANE_USER] = pair->ends[0].to_send[HMI_LANE_BULK] = UINT64_MAX;
	sim_pair_run(pair, 20 * MS);
	for (uint64_t i = 1; i <= 20; i++) {
		pair->ends[0].to_send[HMI_LANE_CONTROL] = 1;
		began = pair->now;
		while (pair->ends[1].received[HMI_LANE_CONTROL] < i && pair->now < began + SECOND)
			sim_pair_run(pair, 10 * US);
		cr_assert_leq(pair->now - began, 2 * MS, "it took %lu ns", pair->now - began);
	}
	cr_assert_null(pair->fault, "%s", pair->fault);
	sim_pair_free(pair);
}

Test(session_lanes, bulk__has_its_share)
{
	struct sim_pair *pair = pair_of(8000);
	double share;

	pair->ends[0].to_send[HMI_LANE_USER] = pair->ends[0].to_send[HMI_LANE_BULK] = UINT64_MAX;
	sim_pair_run(pair, 500 * MS);
	share = (double)pair->ends[1].received[HMI_LANE_BULK] / (double)pair->ends[1].received[HMI_LANE_USER];
	cr_assert_gt(share, 0.1, "%f", share);
	cr_assert_lt(share, 0.15, "%f", share);
	sim_pair_free(pair);
}

/* Bulk that is lost goes again before users' new data: its receiver waits for it. */
Test(session_lanes, lost__goes_before_what_is_new_of_another_lane)
{
	struct sim_pair *pair = pair_of(800);
	struct hmi_session *s = &pair->ends[0].session;
	struct hmi_departure departure;

	pair->ends[0].to_send[HMI_LANE_BULK] = 3;
	pair->ends[0].to_send[HMI_LANE_USER] = 3;
	sim_pair_run(pair, US);
	cr_assert_gt(s->lanes[HMI_LANE_BULK].sent, 1);
	hmi_net_lane_lose(&s->lanes[HMI_LANE_BULK], &s->memory[HMI_LANE_BULK], 1,
			  hmi_net_lane_piece(&s->memory[HMI_LANE_BULK], 1)->number);
	hmi_session_append(s, HMI_LANE_USER, pair, 100);
	cr_assert(hmi_session_send(s, pair->now, &departure));
	cr_assert_eq(departure.lane, HMI_LANE_BULK);
	cr_assert_eq(departure.sequence, 1);
	cr_assert(departure.again);
	sim_pair_free(pair);
}

/* What one lane cannot hand on holds up no other one. */
Test(session_lanes, receive__one_lane_waits_for_memory)
{
	struct sim_pair *pair = pair_of(800);
	struct hmi_session *s = &pair->ends[1].session;

	pair->ends[1].stalled = true;
	pair->ends[0].to_send[HMI_LANE_BULK] = 2 * HMI_RX_RING;
	sim_pair_run(pair, 100 * MS);
	cr_assert_eq(pair->ends[0].session.lanes[HMI_LANE_BULK].sent, HMI_RX_RING + 1,
		     "its credit is used up");
	pair->ends[1].stalled = false;
	pair->ends[0].to_send[HMI_LANE_USER] = 1000;
	sim_pair_run(pair, 100 * MS);
	cr_assert_eq(pair->ends[1].received[HMI_LANE_USER], 1000);
	cr_assert_eq(pair->ends[1].received[HMI_LANE_BULK], 0, "nobody has asked for it");
	cr_assert_eq((uint32_t)(uintptr_t)hmi_session_ready(s, HMI_LANE_BULK), 1);
	sim_pair_free(pair);
}

/* ---- Packets that make no sense --------------------------------------------------- */

static bool
acknowledge(struct sim_pair *pair, uint32_t ack, uint16_t run)
{
	struct hmi_header header = { .kind = HMI_ACK, .ack = ack, .run = run, .window = 255 };
	struct hmi_acknowledgement acknowledgement = { .header = &header };

	return hmi_session_acknowledge(&pair->ends[0].session, &acknowledgement, pair->now);
}

Test(session_lanes, acknowledge__what_was_never_sent)
{
	struct sim_pair *pair = pair_of(800);
	uint64_t next;

	cr_assert(acknowledge(pair, 0, 0), "nothing was received yet");
	cr_assert_not(acknowledge(pair, 1, 0));
	pair->ends[0].to_send[HMI_LANE_USER] = 10;
	pair->ends[1].mute = true;
	sim_pair_run(pair, US);
	next = pair->ends[0].session.flight.next;
	cr_assert_not(acknowledge(pair, (uint32_t)next, 0));
	cr_assert_not(acknowledge(pair, UINT32_MAX, 0));
	cr_assert_eq(pair->ends[0].released, 0);
	cr_assert(acknowledge(pair, (uint32_t)next - 1, UINT16_MAX), "a run that reaches below 1 is cut");
	cr_assert_eq(pair->ends[0].released, 10);
	sim_pair_free(pair);
}

/* A packet that comes late, or again, may be older than what is known; and it is no sign of life. */
Test(session_lanes, acknowledge__what_only_the_newest_packet_says)
{
	struct sim_pair *pair = pair_of(800);
	struct hmi_session *s = &pair->ends[0].session;
	struct hmi_header header = { .kind = HMI_ACK, .number = 7, .window = 100 };
	struct hmi_acknowledgement ack = { .header = &header };

	cr_assert(hmi_session_acknowledge(s, &ack, 10));
	cr_assert(hmi_session_note(s, &header, 10));
	cr_assert_eq(s->flight_max, 100);
	cr_assert_eq(s->last_rx_ns, 10);
	header.window = 200;
	for (header.number = 6; header.number <= 7; header.number++) {
		cr_assert(hmi_session_acknowledge(s, &ack, 20));
		cr_assert_eq(s->flight_max, 100);
		cr_assert_eq(s->last_rx_ns, 10);
	}
	cr_assert(hmi_session_acknowledge(s, &ack, 20), "number 8");
	cr_assert_eq(s->flight_max, 200);
	cr_assert_eq(s->last_rx_ns, 20);
	sim_pair_free(pair);
}

/* The receiver says for how long it has held its greatest number, and of no other one. */
Test(session_lanes, acknowledge__samples_of_the_greatest_number_alone)
{
	struct sim_pair *pair = pair_of(800);
	struct hmi_session *s = &pair->ends[0].session;
	struct hmi_header header = { .kind = HMI_ACK, .number = 1, .ack = 3, .run = 0, .window = 255 };
	struct hmi_range older = { 1, 1 };
	struct hmi_acknowledgement ack = { .header = &header };

	pair->ends[0].to_send[HMI_LANE_USER] = 4;
	pair->ends[1].mute = true;
	sim_pair_run(pair, US);
	header.held = UINT16_MAX;
	cr_assert(hmi_session_acknowledge(s, &ack, pair->now + 50 * MS));
	cr_assert_eq(s->flight.rtt.smoothed_ns, 0, "it was held for longer than can be said");
	header.held = 0;
	ack.ranges = &older;
	ack.count = 1;
	cr_assert(hmi_session_acknowledge(s, &ack, pair->now + 60 * MS));
	cr_assert_eq(s->flight.rtt.smoothed_ns, 0, "of an older one it is not known");
	header.ack = 4;
	ack.count = 0;
	cr_assert(hmi_session_acknowledge(s, &ack, pair->now + 70 * MS));
	cr_assert_geq(s->flight.rtt.smoothed_ns, 70 * MS);
	sim_pair_free(pair);
}

Test(session_lanes, header__names_no_range_that_is_none)
{
	struct sim_pair *pair = pair_of(800);
	struct hmi_session *s = &pair->ends[0].session;
	struct hmi_header header, other = { .kind = HMI_ACK, .number = 1 };

	hmi_session_header(s, &header, HMI_ACK, NULL, pair->now);
	cr_assert_eq(header.ack, 0);
	cr_assert_eq(header.run, 0);
	cr_assert(hmi_session_note(s, &other, pair->now));
	hmi_session_header(s, &header, HMI_ACK, NULL, pair->now);
	cr_assert_eq(header.ack, 1);
	cr_assert_eq(header.run, 0);
	other.number = 2;
	cr_assert(hmi_session_note(s, &other, pair->now));
	hmi_session_header(s, &header, HMI_ACK, NULL, pair->now);
	cr_assert_eq(header.ack, 2);
	cr_assert_eq(header.run, 1);
	sim_pair_free(pair);
}

/* Numbers and sequences of 32 bits on the wire go on behind 2^32. */
Test(session_lanes, numbers__beyond_32_bits)
{
	struct sim_pair *pair = pair_of(800);
	uint64_t before = UINT32_MAX - 500;

	for (uint32_t i = 0; i < 2; i++) {
		struct hmi_session *s = &pair->ends[i].session;
		struct hmi_net_lane *lane = &s->lanes[HMI_LANE_USER];

		s->flight.next = s->flight.oldest = before + 1;
		s->seen.largest = before;
		s->seen.run_from = before;
		memset(s->seen.bits, 0xff, sizeof(s->seen.bits));
		lane->next = lane->sent = lane->una = lane->expected = lane->done = before + 1;
		lane->lost_low = before + 1;
		lane->tx_limit = lane->rx_limit = before + 1 + 200;
		pair->ends[i].appended[HMI_LANE_USER] = pair->ends[1 - i].received[HMI_LANE_USER] = before;
		pair->ends[i].link.config.odds =
			(struct sim_odds){ .loss = 0.05, .late = 0.05, .late_ns = 50 * US };
		pair->ends[i].to_send[HMI_LANE_USER] = 5000;
	}
	sim_pair_run(pair, SECOND);
	cr_assert_null(pair->fault, "%s", pair->fault);
	cr_assert_not(pair->ends[0].lost || pair->ends[1].lost);
	cr_assert_eq(pair->ends[0].session.lanes[HMI_LANE_USER].done, before + 5001);
	cr_assert_eq(pair->ends[1].session.lanes[HMI_LANE_USER].done, before + 5001);
	sim_pair_free(pair);
}

static enum hmi_verdict
receive(struct sim_pair *pair, uint32_t number, uint32_t sequence, enum hm_net_drop *drop)
{
	struct hmi_header header = {
		.kind = HMI_DATA, .number = number, .sequence = sequence, .lane = HMI_LANE_USER
	};

	return hmi_session_receive(&pair->ends[0].session, &header, pair, pair->now, drop);
}

Test(session_lanes, receive__numbers_and_sequences_that_cannot_be)
{
	struct sim_pair *pair = pair_of(800);
	struct hmi_session *s = &pair->ends[0].session;
	enum hm_net_drop drop;

	cr_assert_eq(receive(pair, 0, 1, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_WINDOW);
	cr_assert_eq(receive(pair, 1, HMI_RX_RING + 1, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_WINDOW);
	cr_assert_eq(s->seen.largest, 0, "it is not acknowledged: it was not kept");
	cr_assert_eq(receive(pair, HMI_SEEN_AHEAD + 1, 1, &drop), HMI_DROP);
	cr_assert_eq(receive(pair, 1, 0, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE);
	cr_assert_eq(receive(pair, 1, 1, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE, "a number is used once, whatever it carries");
	cr_assert_eq(receive(pair, 2, 1, &drop), HMI_DELIVER);
	hmi_session_done(s, HMI_LANE_USER);
	cr_assert_eq(receive(pair, 3, 1, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE, "sent again though it had arrived");
	cr_assert(hmi_session_ack_is_due(s, pair->now), "which the sender has to learn");
	cr_assert_eq(s->seen.largest, 3);
	sim_pair_free(pair);
}
