/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a session takes for lost: what was overtaken, what has timed out, and how fast it goes on then.
 */
#include "hmt_death.h"
#include "test_net_session_make.h"

#define RTO_SHIFTS 6u

/* A session with a measured round trip of 1 ms, a wide window, and nothing under way. */
static struct made *
measured(void)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_send_all(made, 1);
	made->now += MADE_MS;
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	cr_assert_geq(made->s.rtt_ns, MADE_MS);
	return made;
}

/* Let a session's oldest packet time out. */
static void
time_out(struct made *made)
{
	uint64_t rto = RTE_MIN(made->s.rto_ns << made->s.backoff, HMI_RTO_MAX_NS);

	made->now = made->s.tx[made->s.tx_una % HMI_TX_RING].sent_ns + rto + 1;
	made->s.last_rx_ns = made->now;
	cr_assert(hmi_session_timer(&made->s, made->now) & HMI_DUE_RETRANSMIT);
}

/* A session that has sent so many packets, the first of which has timed out. */
static struct made *
timed_out(uint32_t sent)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_send_all(made, sent);
	time_out(made);
	return made;
}

/* As timed_out, and the first packet was sent again. */
static struct made *
probed(uint32_t sent)
{
	struct made *made = timed_out(sent);

	cr_assert_eq(made_retransmit(made), 1);
	return made;
}

/* ---- Overtaken ------------------------------------------------------------------------------ */

Test(session_loss, overtaken__by_two_is_none_by_three_is_one)
{
	struct made *made = measured();

	made_send_all(made, 10);
	/* 2 is missing; 3 and 4 came. */
	cr_assert(made_ack(made, 2, 0x3, 100));
	cr_assert_eq(made_retransmit(made), 0);
	cr_assert(made_ack(made, 2, 0x7, 100));
	cr_assert_eq(made_retransmit(made), 2);
	cr_assert_eq(made_retransmit(made), 0);
	made_free(made);
}

Test(session_loss, overtaken__by_one_that_is_three_ahead)
{
	struct made *made = measured();

	made_send_all(made, 10);
	/* Only 5 came: 2 is three behind it, 3 and 4 are not. */
	cr_assert(made_ack(made, 2, 0x4, 100));
	cr_assert_eq(made_retransmit(made), 2);
	cr_assert_eq(made_retransmit(made), 0);
	made_free(made);
}

Test(session_loss, overtaken__holes_of_each_shape)
{
	for (uint32_t sack = 1; sack < 1u << 9; sack++) {
		struct made *made = measured();
		uint32_t highest = 31 - (uint32_t)__builtin_clz(sack);

		made_send_all(made, 12);
		cr_assert(made_ack(made, 2, sack, 100));
		for (uint64_t number = 2; number <= 3 + (uint64_t)highest; number++) {
			bool here = number > 2 && (sack >> (number - 3) & 1) != 0;

			if (!here && number + 3 <= 3 + (uint64_t)highest)
				cr_assert_eq(made_retransmit(made), number, "sack %x", sack);
		}
		cr_assert_eq(made_retransmit(made), 0, "sack %x", sack);
		cr_assert_eq(made->s.tx_lost, 0);
		made_free(made);
	}
}

Test(session_loss, overtaken__fresh_retransmission_needs_a_round_trip_and_a_quarter)
{
	struct made *made = measured();
	uint64_t sent, wait;

	made_send_all(made, 20);
	cr_assert(made_ack(made, 2, 0x7, 100));
	cr_assert_eq(made_retransmit(made), 2);
	sent = made->now;
	wait = made->s.rtt_ns + made->s.rtt_ns / 4;
	made->now = sent + wait - 1;
	cr_assert(made_ack(made, 2, 0xf, 100));
	cr_assert_eq(made_retransmit(made), 0);
	/* The same acknowledgement again, a nanosecond later, and it is lost once more. */
	made->now = sent + wait;
	cr_assert(made_ack(made, 2, 0xf, 100));
	cr_assert_eq(made_retransmit(made), 2);
	/* That one is fresh again. */
	made->now = sent + 2 * wait - 1;
	cr_assert(made_ack(made, 2, 0xf, 100));
	cr_assert_eq(made_retransmit(made), 0);
	cr_assert_eq(made->s.packets_retransmitted, 2);
	made_free(made);
}

Test(session_loss, overtaken__what_arrives_before_its_retransmission_is_not_sent_again)
{
	struct made *made = measured();

	made_send_all(made, 10);
	cr_assert(made_ack(made, 2, 0x1c, 100));
	cr_assert_eq(made->s.tx_lost, 3);
	/* They were only late: 4 is here now, and then all. */
	cr_assert(made_ack(made, 2, 0x1e, 100));
	cr_assert_eq(made->s.tx_lost, 2);
	cr_assert_eq(made_retransmit(made), 2);
	cr_assert(made_ack(made, 8, 0, 100));
	cr_assert_eq(made->s.tx_lost, 0);
	cr_assert_eq(made_retransmit(made), 0);
	made_free(made);
}

/* ---- Timed out ------------------------------------------------------------------------------ */

Test(session_timeout, timer__first_one_at_20_ms_and_not_before)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_send_all(made, 3);
	made->now += HMI_RTO_FIRST_NS;
	cr_assert_eq(hmi_session_timer(&made->s, made->now), 0);
	made->now++;
	cr_assert_eq(hmi_session_timer(&made->s, made->now), HMI_DUE_RETRANSMIT);
	/* The oldest one alone, and once. */
	cr_assert_eq(made_retransmit(made), 1);
	cr_assert_eq(made_retransmit(made), 0);
	cr_assert_eq(hmi_session_timer(&made->s, made->now), 0);
	made_free(made);
}

Test(session_timeout, timer__never_below_5_ms)
{
	struct made *made = measured();

	for (int i = 0; i < 200; i++) {
		made_send_all(made, 1);
		made->now += 1000;
		cr_assert(made_ack(made, made->s.tx_sent, 0, HMI_RX_RING));
	}
	cr_assert_lt(made->s.rtt_ns + 4 * made->s.rtt_var_ns, HMI_RTO_MIN_NS);
	made_send_all(made, 1);
	made->now += HMI_RTO_MIN_NS;
	cr_assert_eq(hmi_session_timer(&made->s, made->now), 0);
	made->now++;
	cr_assert_eq(hmi_session_timer(&made->s, made->now), HMI_DUE_RETRANSMIT);
	made_free(made);
}

Test(session_timeout, timer__doubled_each_time_up_to_500_ms)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);
	uint64_t wait = HMI_RTO_FIRST_NS;

	made->s.peer_timeout_ns = 3600 * MADE_SECOND;
	made->s.last_tx_ns = made->now + 1800 * MADE_SECOND;
	made_send_all(made, 1);
	for (unsigned int i = 0; i < 12; i++) {
		made->s.last_tx_ns = made->now;
		made->now += wait;
		cr_assert_eq(hmi_session_timer(&made->s, made->now), 0, "time-out %u is too early", i);
		made->now++;
		cr_assert_eq(hmi_session_timer(&made->s, made->now), HMI_DUE_RETRANSMIT, "time-out %u", i);
		cr_assert_eq(made_retransmit(made), 1);
		wait = RTE_MIN(2 * wait, HMI_RTO_MAX_NS);
	}
	cr_assert_eq(wait, HMI_RTO_MAX_NS);
	cr_assert_leq(made->s.backoff, RTO_SHIFTS);
	/* The first acknowledgement ends it. */
	cr_assert(made_ack(made, 2, 0, 32));
	cr_assert_eq(made->s.backoff, 0);
	made_free(made);
}

Test(session_timeout, timer__nothing_under_way_never_times_out)
{
	struct made *made = made_session(0, HMI_RX_RING);

	made_append(made, 3);
	made->now += MADE_SECOND;
	cr_assert_eq(hmi_session_timer(&made->s, made->now) & HMI_DUE_RETRANSMIT, 0);
	cr_assert_eq(made->s.backoff, 0);
	made_free(made);
}

Test(session_timeout, timer__lost_packet_that_waits_to_be_sent_does_not_time_out)
{
	struct made *made = timed_out(2);

	for (int i = 0; i < 5; i++) {
		made->now += HMI_RTO_MAX_NS / 10;
		cr_assert(hmi_session_timer(&made->s, made->now) & HMI_DUE_RETRANSMIT);
	}
	cr_assert_eq(made->s.tx_lost, 1);
	cr_assert_eq(made->s.backoff, 1);
	made_free(made);
}

Test(session_timeout, probe__answered_alone_means_that_the_others_are_lost)
{
	struct made *made = probed(30);

	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	/* A burst of 16 first, oldest first. */
	for (uint64_t number = 2; number <= 17; number++)
		cr_assert_eq(made_retransmit(made), number);
	cr_assert_eq(made_retransmit(made), 0);
	/* What was sent again since is not lost; what follows, is. */
	cr_assert(made_ack(made, 10, 0, HMI_RX_RING));
	for (uint64_t number = 18; number <= 30; number++)
		cr_assert_eq(made_retransmit(made), number);
	cr_assert_eq(made_retransmit(made), 0);
	cr_assert(made_ack(made, 31, 0, HMI_RX_RING));
	cr_assert_eq(made->s.recover_end, 0);
	made_free(made);
}

Test(session_timeout, probe__answered_with_more_was_no_loss)
{
	struct made *made = timed_out(30);

	cr_assert_eq(made->s.cwnd, 16);
	cr_assert_eq(made_retransmit(made), 1);
	cr_assert(made_ack(made, 3, 0, HMI_RX_RING));
	/* The peer was only slow: nothing is sent again, and as much may be sent as before. */
	cr_assert_eq(made_retransmit(made), 0);
	cr_assert_geq(made->s.cwnd, 32);
	cr_assert_eq(made->s.ssthresh, HMI_RX_RING);
	made_free(made);
}

Test(session_timeout, probe__only_packet_under_way)
{
	struct made *made = probed(1);

	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	cr_assert_eq(made->s.recover_end, 0);
	cr_assert_eq(made->s.probe, 0);
	made_free(made);
}

Test(session_timeout, probe__packets_sent_after_the_timeout_are_not_lost)
{
	struct made *made = probed(4);

	made_send_all(made, 4);
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	for (uint64_t number = 2; number <= 4; number++)
		cr_assert_eq(made_retransmit(made), number);
	cr_assert_eq(made_retransmit(made), 0);
	made_free(made);
}

/* ---- Round trips ---------------------------------------------------------------------------- */

Test(session_rtt, sample__as_rfc_6298_says)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);
	uint64_t mean, off;

	made_send_all(made, 1);
	made->now += 40 * MADE_MS;
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	cr_assert_eq(made->s.rtt_ns / 10, 40 * MADE_MS / 10);
	cr_assert_eq(made->s.rtt_var_ns, 20 * MADE_MS);
	cr_assert_eq(made->s.rto_ns, made->s.rtt_ns + 4 * 20 * MADE_MS);
	mean = made->s.rtt_ns;
	made_send_all(made, 1);
	made->now += 80 * MADE_MS;
	cr_assert(made_ack(made, 3, 0, HMI_RX_RING));
	off = 80 * MADE_MS - mean;
	cr_assert_eq(made->s.rtt_var_ns, 20 * MADE_MS + off / 4 - 20 * MADE_MS / 4);
	cr_assert_eq(made->s.rtt_ns, mean + 80 * MADE_MS / 8 - mean / 8);
	made_free(made);
}

Test(session_rtt, sample__a_second_that_is_shorter)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);
	uint64_t mean;

	made_send_all(made, 1);
	made->now += 40 * MADE_MS;
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	mean = made->s.rtt_ns;
	made_send_all(made, 1);
	made->now += 8 * MADE_MS;
	cr_assert(made_ack(made, 3, 0, HMI_RX_RING));
	cr_assert_eq(made->s.rtt_var_ns, 20 * MADE_MS + (mean - 8 * MADE_MS) / 4 - 20 * MADE_MS / 4);
	cr_assert_eq(made->s.rtt_ns, mean + 8 * MADE_MS / 8 - mean / 8);
	made_free(made);
}

Test(session_rtt, sample__timeout_is_500_ms_at_most)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made->s.peer_timeout_ns = 3600 * MADE_SECOND;
	made_send_all(made, 1);
	made->now += 10 * MADE_SECOND;
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	cr_assert_eq(made->s.rto_ns, HMI_RTO_MAX_NS);
	made_free(made);
}

Test(session_rtt, sample__none_of_what_was_sent_twice_or_came_early)
{
	struct made *made = measured();
	uint64_t rtt = made->s.rtt_ns;

	/* Sent twice: which of the two was acknowledged? */
	made_send_all(made, 1);
	time_out(made);
	cr_assert_eq(made_retransmit(made), 2);
	made->now += 100 * MADE_MS;
	cr_assert(made_ack(made, 3, 0, HMI_RX_RING));
	cr_assert_eq(made->s.rtt_ns, rtt);
	/* Acknowledged out of order long ago: this is not the time it took. */
	made_send_all(made, 2);
	cr_assert(made_ack(made, 3, 1, HMI_RX_RING));
	made->now += 100 * MADE_MS;
	cr_assert(made_ack(made, 5, 0, HMI_RX_RING));
	cr_assert_eq(made->s.rtt_ns, rtt);
	made_free(made);
}

/* ---- Congestion ----------------------------------------------------------------------------- */

Test(session_cwnd, loss__takes_a_quarter_once_for_what_is_under_way)
{
	struct made *made = measured();

	made->s.cwnd = 40;
	made_send_all(made, 40);
	cr_assert(made_ack(made, 2, 0x7, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, 30);
	cr_assert_eq(made->s.ssthresh, 30);
	/* More holes in the same flight. */
	cr_assert(made_ack(made, 2, 0xff7, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, 30);
	/* The flight is over: the next loss counts again. */
	cr_assert(made_ack(made, 42, 0, HMI_RX_RING));
	made->s.cwnd = 30;
	made_send_all(made, 10);
	cr_assert(made_ack(made, 42, 0x7, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, 22);
	made_free(made);
}

Test(session_cwnd, timeout__takes_half_and_never_below_four)
{
	static const uint32_t starts[] = { 256, 32, 9, 8, 7, 5, 4 };

	for (size_t i = 0; i < RTE_DIM(starts); i++) {
		struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

		made->s.cwnd = starts[i];
		made_send_all(made, 1);
		time_out(made);
		cr_assert_eq(made->s.cwnd, RTE_MAX(starts[i] / 2, 4u), "cwnd %u", starts[i]);
		cr_assert_eq(made->s.ssthresh, made->s.cwnd);
		made_free(made);
	}
}

Test(session_cwnd, acknowledge__beyond_the_threshold_one_in_a_round_trip)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made->s.ssthresh = 10;
	made->s.cwnd = 10;
	made_send_all(made, 10);
	cr_assert(made_ack(made, 10, 0, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, 10);
	cr_assert(made_ack(made, 11, 0, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, 11);
	made_send_all(made, 11);
	cr_assert(made_ack(made, 22, 0, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, 12);
	made_free(made);
}

Test(session_cwnd, acknowledge__grows_to_256_and_no_further)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made->s.cwnd = HMI_RX_RING - 1;
	made_send_all(made, 20);
	cr_assert(made_ack(made, 11, 0, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, HMI_RX_RING);
	cr_assert(made_ack(made, 21, 0, HMI_RX_RING));
	cr_assert_eq(made->s.cwnd, HMI_RX_RING);
	made_free(made);
}

/* ---- What cannot happen -------------------------------------------------------------------- */

/* An acknowledgement comes while the sender's numbers are out of order. */
static void
ack_numbers(uint64_t una, uint64_t sent, uint64_t next, uint32_t lost)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made->s.tx_una = una;
	made->s.tx_sent = sent;
	made->s.tx_next = next;
	made->s.tx_lost = lost;
	(void)made_ack(made, una, 0, HMI_RX_RING);
}

static void
sent_is_beyond_next(void *arg)
{
	(void)arg;
	ack_numbers(5, 8, 7, 0);
}

static void
more_is_lost_than_sent(void *arg)
{
	(void)arg;
	ack_numbers(5, 7, 8, 3);
}

static void
all_is_in_order(void *arg)
{
	(void)arg;
	ack_numbers(5, 7, 8, 2);
}

static void
dies(void (*fn)(void *arg), const char *expression)
{
	char text[4096];
	int status = hmt_death(fn, NULL, text, sizeof(text));

	cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
	cr_assert_not_null(strstr(text, expression), "%s", text);
}

Test(session, acknowledge__asserts_the_order_of_its_numbers)
{
	char text[4096];

	dies(sent_is_beyond_next, "hmi_session_acknowledge: assertion failed: s->tx_una <= s->tx_sent");
	dies(more_is_lost_than_sent, "hmi_session_acknowledge: assertion failed: s->tx_lost <=");
	cr_assert_eq(WEXITSTATUS(hmt_death(all_is_in_order, NULL, text, sizeof(text))), HMT_SURVIVED, "%s",
		     text);
}
