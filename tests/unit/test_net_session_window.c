/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Sessions at the edges of their windows: what may be sent, what is taken, and what is said of it.
 */
#include "test_net_session_make.h"

/* ---- What may be sent --------------------------------------------------------------------- */

Test(session_window, send__credit_of_none_until_there_is_some)
{
	struct made *made = made_session(0, HMI_RX_RING);

	made_append(made, 5);
	cr_assert_eq(made_send(made), 0);
	/* The peer has memory again: its heartbeat says so. */
	cr_assert(made_ack(made, 1, 0, 1));
	cr_assert_eq(made_send(made), 1);
	cr_assert(made_ack(made, 1, 0, 1));
	cr_assert_eq(made_send(made), 0);
	cr_assert(made_ack(made, 2, 0, 3));
	cr_assert_eq(made_send(made), 3);
	cr_assert_eq(made->s.tx_sent, 5);
	made_free(made);
}

Test(session_window, send__as_many_as_the_credit_and_not_one_more)
{
	for (uint32_t window = 1; window <= 32; window++) {
		struct made *made = made_session(window, HMI_RX_RING);

		made_append(made, 40);
		cr_assert_eq(made_send(made), window, "window %u", window);
		made_free(made);
	}
}

Test(session_window, send__congestion_window_of_32_at_first)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_append(made, 100);
	cr_assert_eq(made_send(made), 32);
	/* Each that is acknowledged makes room for itself and one more. */
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	cr_assert_eq(made_send(made), 2);
	cr_assert(made_ack(made, 12, 0, HMI_RX_RING));
	cr_assert_eq(made_send(made), 20);
	made_free(made);
}

Test(session_window, send__never_more_than_256_under_way)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_append(made, HMI_TX_RING);
	for (int i = 0; i < 6; i++) {
		(void)made_send(made);
		cr_assert_leq(made->s.tx_sent - made->s.tx_una, HMI_RX_RING);
		cr_assert(made_ack(made, made->s.tx_sent, 0, UINT16_MAX));
		made_append(made, HMI_TX_RING - (uint32_t)(made->s.tx_next - made->s.tx_una));
	}
	cr_assert_eq(made->s.cwnd, HMI_RX_RING);
	cr_assert_eq(made_send(made), HMI_RX_RING);
	cr_assert_eq(made->s.tx_limit - made->s.tx_una, HMI_RX_RING);
	made_free(made);
}

Test(session_window, append__ring_full_and_room_after_an_acknowledgement)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_append(made, HMI_TX_RING - 1);
	cr_assert(hmi_session_has_room(&made->s));
	made_append(made, 1);
	cr_assert_not(hmi_session_has_room(&made->s));
	(void)made_send(made);
	cr_assert_not(hmi_session_has_room(&made->s));
	cr_assert(made_ack(made, 2, 0, HMI_RX_RING));
	cr_assert(hmi_session_has_room(&made->s));
	made_append(made, 1);
	cr_assert_not(hmi_session_has_room(&made->s));
	made_free(made);
}

Test(session_window, acknowledge__credit_counts_from_the_packet_acknowledged)
{
	struct made *made = made_session(8, HMI_RX_RING);

	made_send_all(made, 8);
	cr_assert(made_ack(made, 5, 0, 4));
	cr_assert_eq(made->s.tx_limit, 9);
	cr_assert(made_ack(made, 5, 0, 5));
	cr_assert_eq(made->s.tx_limit, 10);
	/* An older one, which comes late, gives what it once gave. */
	cr_assert(made_ack(made, 3, 0, 200));
	cr_assert_eq(made->s.tx_limit, 10);
	made_free(made);
}

Test(session_window, acknowledge__credit_is_never_taken_back)
{
	struct made *made = made_session(32, HMI_RX_RING);

	made_send_all(made, 1);
	cr_assert(made_ack(made, 2, 0, 40));
	cr_assert_eq(made->s.tx_limit, 42);
	cr_assert(made_ack(made, 2, 0, 1));
	cr_assert_eq(made->s.tx_limit, 42);
	/* No more than any node can take. */
	cr_assert(made_ack(made, 2, 0, UINT16_MAX));
	cr_assert_eq(made->s.tx_limit, 2 + HMI_RX_RING);
	made_free(made);
}

Test(session_window, is_flushed__when_all_that_was_appended_is_acknowledged)
{
	struct made *made = made_session(8, HMI_RX_RING);

	cr_assert(hmi_session_is_flushed(&made->s));
	made_append(made, 2);
	cr_assert_not(hmi_session_is_flushed(&made->s));
	cr_assert_eq(made_send(made), 2);
	cr_assert(made_ack(made, 2, 0, 8));
	cr_assert_not(hmi_session_is_flushed(&made->s));
	cr_assert(made_ack(made, 3, 0, 8));
	cr_assert(hmi_session_is_flushed(&made->s));
	cr_assert_eq(made->released, 2);
	made_free(made);
}

/* ---- What is acknowledged ------------------------------------------------------------------ */

Test(session_window, acknowledge__last_packet_sent_and_one_beyond)
{
	struct made *made = made_session(32, HMI_RX_RING);

	made_append(made, 12);
	made->s.tx_limit = 11;
	cr_assert_eq(made_send(made), 10);
	/* 11 and 12 wait: they are appended, not sent. */
	cr_assert_not(made_ack(made, 12, 0, 32));
	cr_assert_eq(made->released, 0);
	cr_assert(made_ack(made, 11, 0, 32));
	cr_assert_eq(made->released, 10);
	made_free(made);
}

Test(session_window, acknowledge__before_anything_was_sent)
{
	struct made *made = made_session(32, HMI_RX_RING);

	cr_assert(made_ack(made, 1, 0, 32));
	cr_assert_not(made_ack(made, 2, 0, 32));
	cr_assert_not(made_ack(made, 1, 1, 32));
	cr_assert_not(made_ack(made, 0, 0, 32));
	made_free(made);
}

Test(session_window, acknowledge__refused_one_changes_nothing)
{
	struct made *made = made_session(32, HMI_RX_RING);
	struct hmi_session before;

	made_send_all(made, 10);
	before = made->s;
	made->now += MADE_MS;
	cr_assert_not(made_ack(made, 12, 0, 200));
	cr_assert_not(made_ack(made, 3, 1u << 31, 200));
	cr_assert_not(made_ack(made, 0, 0, 200));
	cr_assert_not(made_ack(made, 0x80000000u, 0, 200));
	cr_assert_not(made_ack(made, UINT32_MAX, 0, 200));
	/* Above all, it is no sign of life. */
	cr_assert_eq(memcmp(&before, &made->s, sizeof(before)), 0);
	made_free(made);
}

Test(session_window, acknowledge__each_bit_at_the_last_packet_and_one_beyond)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

		made->s.cwnd = HMI_RX_RING;
		/* Bit i is packet 1 + 1 + i. */
		made_send_all(made, bit + 1);
		cr_assert_not(made_ack(made, 1, 1u << bit, 32), "bit %u", bit);
		made_send_all(made, 1);
		cr_assert(made_ack(made, 1, 1u << bit, 32), "bit %u", bit);
		for (uint32_t n = 1; n <= bit + 2; n++)
			cr_assert_eq(made->s.tx[n].sacked, n == bit + 2, "bit %u, packet %u", bit, n);
		made_free(made);
	}
}

Test(session_window, acknowledge__old_ones_say_nothing_but_that_the_peer_lives)
{
	struct made *made = made_session(32, HMI_RX_RING);

	made_send_all(made, 10);
	cr_assert(made_ack(made, 6, 0, 32));
	made->now += MADE_MS;
	cr_assert(made_ack(made, 3, 0x3f, 32));
	cr_assert_eq(made->s.last_rx_ns, made->now);
	cr_assert_eq(made->s.tx_una, 6);
	cr_assert_eq(made->released, 5);
	for (uint32_t n = 6; n <= 10; n++)
		cr_assert_not(made->s.tx[n].sacked, "packet %u", n);
	made_free(made);
}

Test(session_window, acknowledge__what_is_released_was_all_before_it)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);
	uint64_t una = 1;

	made->s.cwnd = HMI_RX_RING;
	made_send_all(made, 200);
	for (uint64_t step = 0; una < 201; step++) {
		una = RTE_MIN(una + step, 201);
		cr_assert(made_ack(made, una, 0, HMI_RX_RING));
		cr_assert_eq(made->released, una - 1);
	}
	made_free(made);
}

/* ---- What is taken ------------------------------------------------------------------------- */

Test(session_window, receive__last_of_the_credit_and_one_beyond)
{
	static const uint32_t credits[] = { HMI_CREDIT_MIN, 9, 100, HMI_RX_RING };

	for (size_t i = 0; i < RTE_DIM(credits); i++) {
		struct made *made = made_session(32, credits[i]);
		enum hm_net_drop drop;

		cr_assert_eq(made_receive(made, 1 + credits[i], &drop), HMI_DROP);
		cr_assert_eq(drop, HM_NET_DROP_WINDOW);
		cr_assert_eq(made_receive(made, UINT32_MAX, &drop), HMI_DROP);
		/* It is no packet of the session at all: nothing is acknowledged for it. */
		cr_assert_eq(made->s.ack_ns, 0);
		cr_assert_eq(made->s.packets_received, 0);
		cr_assert_eq(made_receive(made, credits[i], &drop), HMI_KEEP);
		cr_assert_eq(made->s.packets_received, 1);
		made_free(made);
	}
}

Test(session_window, receive__whole_window_backwards)
{
	struct made *made = made_session(32, HMI_RX_RING);
	enum hm_net_drop drop;

	for (uint64_t number = HMI_RX_RING; number > 1; number--)
		cr_assert_eq(made_receive(made, number, &drop), HMI_KEEP, "number %lu", number);
	cr_assert_null(hmi_session_ready(&made->s));
	cr_assert_eq(made_receive(made, 1, &drop), HMI_DELIVER);
	for (uintptr_t number = 2; number <= HMI_RX_RING; number++) {
		cr_assert_eq((uintptr_t)hmi_session_ready(&made->s), number);
		hmi_session_done(&made->s);
	}
	cr_assert_null(hmi_session_ready(&made->s));
	cr_assert_eq(made->s.rx_expected, HMI_RX_RING + 1);
	cr_assert_eq(made->s.rx_early, 0);
	made_free(made);
}

Test(session_window, receive__duplicates_at_both_ends_of_the_window)
{
	struct made *made = made_session(32, 16);
	enum hm_net_drop drop;

	cr_assert_eq(made_receive(made, 0, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE);
	cr_assert_eq(made_receive(made, 1, &drop), HMI_DELIVER);
	cr_assert_eq(made_receive(made, 17, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_WINDOW);
	/* The header has given credit for one more. */
	(void)made_header(made);
	cr_assert_eq(made->s.rx_limit, 18);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(made_receive(made, 17, &drop), i == 0 ? HMI_KEEP : HMI_DROP);
		cr_assert_eq(drop, i == 0 ? HM_NET_DROPS : HM_NET_DROP_DUPLICATE);
		cr_assert_eq(made->s.rx_early, 1);
	}
	(void)made_header(made);
	cr_assert_eq(made_receive(made, 1, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE);
	/* Its acknowledgement was lost, perhaps: it is repeated at once. */
	cr_assert(hmi_session_ack_is_due(&made->s, made->now));
	made_free(made);
}

Test(session_window, receive__packets_that_wait_take_credit)
{
	struct made *made = made_session(32, 8);
	enum hm_net_drop drop;

	for (uint64_t number = 1; number <= 8; number++) {
		enum hmi_verdict verdict =
			hmi_session_receive(&made->s, (uint32_t)number, (void *)number, made->now, &drop);

		cr_assert_eq(verdict, number == 1 ? HMI_DELIVER : HMI_KEEP);
		if (number == 1)
			hmi_session_park(&made->s, (void *)number);
	}
	cr_assert_eq(made_header(made).credit, 0);
	cr_assert_eq(made_header(made).ack, 9);
	cr_assert_eq(made_receive(made, 9, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_WINDOW);
	for (uintptr_t number = 1; number <= 8; number++) {
		cr_assert_eq((uintptr_t)hmi_session_ready(&made->s), number);
		hmi_session_done(&made->s);
		cr_assert_eq(made_header(made).credit, number);
	}
	cr_assert_eq(made_receive(made, 9, &drop), HMI_DELIVER);
	made_free(made);
}

Test(session_window, header__credit_shrinks_no_faster_than_packets_come)
{
	struct made *made = made_session(32, 100);
	enum hm_net_drop drop;

	cr_assert_eq(made_header(made).credit, 100);
	made->s.rx_credit = 10;
	for (uint64_t number = 1; number <= 95; number++) {
		cr_assert_eq(made_receive(made, number, &drop), HMI_DELIVER);
		/* What was promised before stays promised, up to number 100. */
		cr_assert_eq(made_header(made).credit, number <= 90 ? 100 - number : 10, "number %lu",
			     number);
	}
	made_free(made);
}

Test(session_window, header__each_bit_for_a_packet_that_came_early)
{
	for (uint32_t bit = 0; bit < 34; bit++) {
		struct made *made = made_session(32, HMI_RX_RING);
		enum hm_net_drop drop;

		cr_assert_eq(made_receive(made, 2 + bit, &drop), HMI_KEEP);
		cr_assert_eq(made_header(made).sack, bit < 32 ? 1u << bit : 0, "bit %u", bit);
		cr_assert_eq(made_header(made).ack, 1);
		made_free(made);
	}
}

Test(session_window, header__says_who_it_is_for_and_ends_the_wait)
{
	struct made *made = made_session(32, 20);
	struct hmi_header header;
	enum hm_net_drop drop;

	cr_assert_eq(made_receive(made, 1, &drop), HMI_DELIVER);
	cr_assert_neq(made->s.ack_ns, 0);
	made->now += 5;
	hmi_session_header(&made->s, &header, HMI_DATA, (1ull << 32) + 5, made->now);
	cr_assert_eq(header.version, HMI_WIRE_VERSION);
	cr_assert_eq(header.kind, HMI_DATA);
	cr_assert_eq(header.session, 77);
	cr_assert_eq(header.number, 5);
	cr_assert_eq(header.ack, 2);
	cr_assert_eq(header.sack, 0);
	cr_assert_eq(header.length, 0);
	cr_assert_eq(header.credit, 20);
	cr_assert_eq(made->s.ack_ns, 0);
	cr_assert_not(made->s.ack_now);
	cr_assert_eq(made->s.rx_unacked, 0);
	cr_assert_eq(made->s.last_tx_ns, made->now);
	made_free(made);
}

/* ---- Numbers beyond what a header can say -------------------------------------------------- */

#define WRAP (1ull << 32)

Test(session_wrap, send__numbers_go_on)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);
	uint64_t number;

	made_renumber(made, WRAP - 5);
	made_append(made, 10);
	for (uint64_t want = WRAP - 5; want < WRAP + 5; want++) {
		cr_assert_not_null(hmi_session_send(&made->s, made->now, &number));
		cr_assert_eq(number, want);
	}
	/* Half of them have numbers that are small again. */
	cr_assert(made_ack(made, WRAP - 1, 0, 100));
	cr_assert_eq(made->s.tx_una, WRAP - 1);
	cr_assert(made_ack(made, WRAP, 0, 100));
	cr_assert_eq(made->s.tx_una, WRAP);
	cr_assert(made_ack(made, WRAP - 3, 0, 100));
	cr_assert_eq(made->s.tx_una, WRAP);
	cr_assert_not(made_ack(made, WRAP + 6, 0, 100));
	cr_assert(made_ack(made, WRAP + 5, 0, 100));
	cr_assert(hmi_session_is_flushed(&made->s));
	made_free(made);
}

Test(session_wrap, acknowledge__bits_across_the_step)
{
	struct made *made = made_session(HMI_RX_RING, HMI_RX_RING);

	made_renumber(made, WRAP - 2);
	made_send_all(made, 6);
	/* WRAP - 2 is missing, and so is WRAP; the others are there. */
	cr_assert(made_ack(made, WRAP - 2, 0x1d, 100));
	cr_assert_eq(made_retransmit(made), WRAP - 2);
	cr_assert_eq(made_retransmit(made), WRAP);
	cr_assert_eq(made_retransmit(made), 0);
	made_free(made);
}

Test(session_wrap, receive__early_late_and_twice_across_the_step)
{
	struct made *made = made_session(32, HMI_RX_RING);
	enum hm_net_drop drop;

	made_renumber(made, WRAP - 2);
	cr_assert_eq(made_receive(made, WRAP + 1, &drop), HMI_KEEP);
	cr_assert_eq(made_header(made).sack, 1u << 2);
	cr_assert_eq(made_receive(made, WRAP - 3, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE);
	cr_assert_eq(made_receive(made, WRAP + 1, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_DUPLICATE);
	cr_assert_eq(made_receive(made, WRAP + HMI_RX_RING - 2, &drop), HMI_DROP);
	cr_assert_eq(drop, HM_NET_DROP_WINDOW);
	cr_assert_eq(made_receive(made, WRAP + HMI_RX_RING - 3, &drop), HMI_KEEP);
	for (uint64_t number = WRAP - 2; number <= WRAP; number++)
		cr_assert_eq(made_receive(made, number, &drop), HMI_DELIVER);
	cr_assert_eq((uintptr_t)hmi_session_ready(&made->s), WRAP + 1);
	cr_assert_eq(made_header(made).ack, 2);
	made_free(made);
}

/* ---- What is left at the end ---------------------------------------------------------------- */

Test(session_drain, drain__first_what_the_peer_has_not_then_what_came_early)
{
	struct made *made = made_session(4, HMI_RX_RING);
	enum hm_net_drop drop;
	bool received;

	made_append(made, 6);
	cr_assert_eq(made_send(made), 4);
	cr_assert(made_ack(made, 3, 0, 1));
	cr_assert_eq(made_receive(made, 3, &drop), HMI_KEEP);
	cr_assert_eq(made_receive(made, 5, &drop), HMI_KEEP);
	for (uintptr_t want = 3; want <= 6; want++) {
		cr_assert_eq((uintptr_t)hmi_session_drain(&made->s, &received), want);
		cr_assert_not(received);
	}
	cr_assert_eq((uintptr_t)hmi_session_drain(&made->s, &received), 3);
	cr_assert(received);
	cr_assert_eq((uintptr_t)hmi_session_drain(&made->s, &received), 5);
	cr_assert(received);
	cr_assert_null(hmi_session_drain(&made->s, &received));
	cr_assert_null(hmi_session_drain(&made->s, &received));
	/* What was acknowledged was released, and nothing else. */
	cr_assert_eq(made->released, 2);
	made_free(made);
}

Test(session_drain, begin__again_after_an_end_is_as_new)
{
	struct made *made = made_session(32, 40), *fresh = made_session(32, 40);
	enum hm_net_drop drop;
	bool received;

	made_send_all(made, 20);
	cr_assert(made_ack(made, 5, 0x7c, 32));
	cr_assert_neq(made_retransmit(made), 0);
	cr_assert_eq(made_receive(made, 9, &drop), HMI_KEEP);
	made->now += MADE_SECOND / 2;
	(void)hmi_session_timer(&made->s, made->now);
	while (hmi_session_drain(&made->s, &received) != NULL)
		;
	/* Counters go on over sessions; all else is as in the first one. */
	fresh->s.packets_sent = made->s.packets_sent;
	fresh->s.packets_retransmitted = made->s.packets_retransmitted;
	fresh->s.packets_received = made->s.packets_received;
	fresh->s.release_arg = made;
	fresh->s.cwnd_before_probe = made->s.cwnd_before_probe;
	hmi_session_begin(&fresh->s, 32, made->now);
	hmi_session_begin(&made->s, 32, made->now);
	cr_assert_eq(memcmp(&fresh->s, &made->s, sizeof(made->s)), 0);
	made_free(made);
	made_free(fresh);
}

/* ---- Counters -------------------------------------------------------------------------------- */

Test(session_counters, packets__each_counted_once)
{
	struct made *made = made_session(32, 16);
	enum hm_net_drop drop;

	made_send_all(made, 10);
	cr_assert_eq(made->s.packets_sent, 10);
	cr_assert(made_ack(made, 1, 0x7, 32));
	cr_assert_eq(made_retransmit(made), 1);
	cr_assert_eq(made->s.packets_sent, 10);
	cr_assert_eq(made->s.packets_retransmitted, 1);
	cr_assert_eq(made_receive(made, 1, &drop), HMI_DELIVER);
	cr_assert_eq(made_receive(made, 3, &drop), HMI_KEEP);
	/* Neither a duplicate nor what is beyond the credit. */
	cr_assert_eq(made_receive(made, 3, &drop), HMI_DROP);
	cr_assert_eq(made_receive(made, 100, &drop), HMI_DROP);
	cr_assert_eq(made->s.packets_received, 2);
	made_free(made);
}
