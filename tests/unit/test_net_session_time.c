/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session and time: heartbeats, peers that are silent or make no progress, probes, memory that rests.
 */
#include <criterion/criterion.h>
#include <rte_common.h>

#include "sim_pair.h"

#define US     UINT64_C(1000)
#define MS     UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)
#define RTT    (20 * US)

static struct sim_pair *
pair_new(void)
{
	struct sim_link_config config = { .delay_ns = RTT / 2, .byte_ps = 800, .seed = 1 };

	return sim_pair_new(&config, HMI_CONGESTION_DELAY);
}

static void
expect_fine(struct sim_pair *pair)
{
	cr_assert_null(pair->fault, "%s", pair->fault);
	cr_assert_not(pair->ends[0].lost);
	cr_assert_not(pair->ends[1].lost);
}

/* ---- Peers that are gone ------------------------------------------------------- */

Test(session_time, timer__heartbeats_keep_an_idle_session)
{
	struct sim_pair *pair = pair_new();

	sim_pair_run(pair, 100 * SECOND);
	expect_fine(pair);
	cr_assert_leq(pair->ends[0].session.flight.next, 8 * 100 + 9, "eight in a second are enough");
	sim_pair_free(pair);
}

Test(session_time, timer__a_silent_peer_is_lost_at_its_timeout)
{
	struct sim_pair *pair = pair_new();
	uint64_t since;

	sim_pair_run(pair, SECOND);
	pair->ends[1].mute = true;
	since = pair->ends[0].session.last_rx_ns;
	sim_pair_run(pair, 10 * SECOND);
	cr_assert(pair->ends[0].lost);
	cr_assert_gt(pair->now - since, SECOND);
	cr_assert_leq(pair->now - since, SECOND + SECOND / 8 + MS);
	sim_pair_free(pair);
}

/* What this end sends is lost, while the other one is heard all the time. */
Test(session_time, timer__a_peer_that_never_acknowledges_is_lost)
{
	struct sim_pair *pair = pair_new();

	pair->ends[1].session.peer_timeout_ns = 1000 * SECOND;
	sim_pair_run(pair, SECOND);
	pair->ends[1].session.last_tx_ns = 0;
	pair->ends[0].link.down = true;
	pair->ends[0].to_send[HMI_LANE_USER] = 1;
	/* The other one has something to say, so it is not silent. */
	pair->ends[1].to_send[HMI_LANE_USER] = 20;
	sim_pair_run(pair, 900 * MS);
	expect_fine(pair);
	cr_assert_gt(pair->ends[0].session.last_rx_ns, SECOND + 500 * MS, "it was heard");
	sim_pair_run(pair, SECOND);
	cr_assert(pair->ends[0].lost);
	sim_pair_free(pair);
}

/* Who did not look for a while has not seen what the peer sent meanwhile. */
Test(session_time, timer__its_own_gap_is_no_silence)
{
	struct sim_pair *pair = pair_new();
	struct hmi_session *s = &pair->ends[0].session;

	sim_pair_run(pair, SECOND);
	cr_assert_eq(hmi_session_timer(s, pair->now + 1800 * MS) & HMI_DUE_LOST, 0);
	sim_pair_free(pair);
}

/* But one that never looks for long at a time finds out, too. */
Test(session_time, timer__gaps_are_no_excuse_for_ever)
{
	struct sim_pair *pair = pair_new();
	struct hmi_session *s = &pair->ends[0].session;
	uint64_t now, since;

	sim_pair_run(pair, SECOND);
	since = s->last_rx_ns;
	for (now = pair->now; (hmi_session_timer(s, now) & HMI_DUE_LOST) == 0; now += 130 * MS)
		cr_assert_lt(now, since + 3 * SECOND, "a dead peer is hidden by turns of 130 ms");
	cr_assert_gt(now - since, SECOND);
	sim_pair_free(pair);
}

/* ---- Probes --------------------------------------------------------------------- */

/* The last packet is lost, and nothing behind it tells. */
Test(session_time, probe__the_last_packet_is_lost)
{
	struct sim_pair *pair = pair_new();
	uint64_t began;

	pair->ends[0].to_send[HMI_LANE_USER] = 100;
	cr_assert(sim_pair_finish(pair, SECOND));
	pair->ends[0].link.down = true;
	pair->ends[0].to_send[HMI_LANE_USER] = 1;
	sim_pair_run(pair, US);
	pair->ends[0].link.down = false;
	began = pair->now;
	cr_assert(sim_pair_finish(pair, SECOND));
	cr_assert_leq(pair->now - began, 10 * RTT, "it took %lu ns", pair->now - began);
	cr_assert_eq(pair->ends[0].session.packets_retransmitted, 1);
	sim_pair_free(pair);
}

/* A peer that is taken off its core for 50 ms was only late: little is sent again, and the window stays. */
Test(session_time, probe__the_peer_was_only_late)
{
	struct sim_pair *pair = pair_new();
	uint64_t window;

	pair->ends[0].to_send[HMI_LANE_USER] = UINT64_MAX;
	sim_pair_run(pair, 50 * MS);
	window = pair->ends[0].session.congestion.window;
	pair->ends[1].mute = true;
	sim_pair_run(pair, 50 * MS);
	pair->ends[1].mute = false;
	sim_pair_run(pair, MS);
	expect_fine(pair);
	cr_assert_leq(pair->ends[0].session.packets_retransmitted, 20);
	cr_assert_geq(pair->ends[0].session.congestion.window, window / 2);
	sim_pair_free(pair);
}

Test(session_time, probe__partition_that_heals)
{
	struct sim_pair *pair = pair_new();
	uint64_t before;

	pair->ends[0].to_send[HMI_LANE_USER] = UINT64_MAX;
	sim_pair_run(pair, 50 * MS);
	pair->ends[0].link.down = pair->ends[1].link.down = true;
	sim_pair_run(pair, 800 * MS);
	pair->ends[0].link.down = pair->ends[1].link.down = false;
	before = pair->ends[1].received[HMI_LANE_USER];
	/* The next probe may be an eighth of the peer timeout away; then it goes on at full speed soon. */
	sim_pair_run(pair, 150 * MS);
	expect_fine(pair);
	cr_assert_gt(pair->ends[1].received[HMI_LANE_USER], before + 1000);
	sim_pair_free(pair);
}

/* ---- Memory --------------------------------------------------------------------- */

Test(session_time, window__is_given_back_when_nothing_is_under_way)
{
	struct sim_pair *pair = pair_new();

	cr_assert_eq(pair->ends[0].windows, 0, "a session that says nothing has none");
	for (uint32_t i = 0; i < 5; i++) {
		pair->ends[0].to_send[HMI_LANE_USER] = 10;
		cr_assert(sim_pair_finish(pair, SECOND));
		cr_assert_eq(pair->ends[0].windows, 1);
		cr_assert_eq(pair->ends[1].windows, 1, "who receives needs one, too");
		sim_pair_run(pair, 300 * MS);
		cr_assert_eq(pair->ends[0].windows, 0);
		cr_assert_eq(pair->ends[1].windows, 0);
	}
	expect_fine(pair);
	cr_assert_lt(sizeof(struct hmi_session), 2048, "an idle session is small");
	sim_pair_free(pair);
}

Test(session_time, window__stays_while_a_piece_waits)
{
	struct sim_pair *pair = pair_new();

	pair->ends[1].stalled = true;
	pair->ends[0].to_send[HMI_LANE_USER] = 3;
	sim_pair_run(pair, 500 * MS);
	cr_assert_eq(pair->ends[1].windows, 1);
	pair->ends[1].stalled = false;
	expect_fine(pair);
	sim_pair_free(pair);
}
