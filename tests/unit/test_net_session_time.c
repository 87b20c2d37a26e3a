/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Sessions by the clock: acknowledgements, heartbeats, the end of a silent peer; and the handshake's steps.
 */
#include "test_net_session_make.h"

#include "handshake_pvt.h"

/* ---- Acknowledgements ------------------------------------------------------------------------ */

Test(session_ack, receive__waits_20_us_for_data_to_carry_it)
{
	struct made *made = made_session(32, HMI_RX_RING);
	enum hm_net_drop drop;

	cr_assert_not(hmi_session_ack_is_due(&made->s, made->now + MADE_SECOND));
	cr_assert_eq(made_receive(made, 1, &drop), HMI_DELIVER);
	cr_assert_not(hmi_session_ack_is_due(&made->s, made->now + HMI_ACK_DELAY_NS - 1));
	cr_assert(hmi_session_ack_is_due(&made->s, made->now + HMI_ACK_DELAY_NS));
	cr_assert_eq(hmi_session_timer(&made->s, made->now + HMI_ACK_DELAY_NS - 1), 0);
	cr_assert_eq(hmi_session_timer(&made->s, made->now + HMI_ACK_DELAY_NS), HMI_DUE_ACK);
	/* Those that follow do not put it off. */
	made->now += HMI_ACK_DELAY_NS - 1;
	cr_assert_eq(made_receive(made, 2, &drop), HMI_DELIVER);
	cr_assert(hmi_session_ack_is_due(&made->s, made->now + 1));
	made_free(made);
}

Test(session_ack, receive__sixteenth_packet_does_not_wait)
{
	struct made *made = made_session(32, HMI_RX_RING);
	enum hm_net_drop drop;

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 1; i <= HMI_ACK_PACKETS; i++) {
			cr_assert_eq(made_receive(made, made->s.rx_expected, &drop), HMI_DELIVER);
			cr_assert_eq(hmi_session_ack_is_due(&made->s, made->now), i == HMI_ACK_PACKETS,
				     "packet %u", i);
		}
		(void)made_header(made);
	}
	made_free(made);
}

Test(session_ack, receive__early_and_filling_a_hole_do_not_wait)
{
	struct made *made = made_session(32, HMI_RX_RING);
	enum hm_net_drop drop;

	cr_assert_eq(made_receive(made, 2, &drop), HMI_KEEP);
	cr_assert(hmi_session_ack_is_due(&made->s, made->now));
	(void)made_header(made);
	cr_assert_not(hmi_session_ack_is_due(&made->s, made->now + MADE_SECOND));
	cr_assert_eq(made_receive(made, 1, &drop), HMI_DELIVER);
	cr_assert(hmi_session_ack_is_due(&made->s, made->now));
	made_free(made);
}

Test(session_ack, ack_soon__at_once_even_at_time_zero)
{
	struct made *made = made_session(32, HMI_RX_RING);

	hmi_session_ack_soon(&made->s, 0);
	cr_assert(hmi_session_ack_is_due(&made->s, 0));
	(void)made_header(made);
	cr_assert_not(hmi_session_ack_is_due(&made->s, made->now));
	made_free(made);
}

Test(session_ack, timer__heartbeat_after_an_eighth_of_the_peer_timeout)
{
	struct made *made = made_session(32, HMI_RX_RING);
	uint64_t eighth = MADE_SECOND / 8;

	cr_assert_eq(hmi_session_timer(&made->s, made->now + eighth), 0);
	cr_assert_eq(hmi_session_timer(&made->s, made->now + eighth + 1), HMI_DUE_ACK);
	made->now += eighth;
	(void)made_header(made);
	cr_assert_eq(hmi_session_timer(&made->s, made->now + eighth), 0);
	cr_assert_eq(hmi_session_timer(&made->s, made->now + eighth + 1), HMI_DUE_ACK);
	made_free(made);
}

Test(session_ack, timer__peer_timeout_exactly_and_a_nanosecond_later)
{
	struct made *made = made_session(32, HMI_RX_RING);

	made->s.last_tx_ns = made->now + MADE_SECOND;
	cr_assert_eq(hmi_session_timer(&made->s, made->now + MADE_SECOND), 0);
	cr_assert_eq(hmi_session_timer(&made->s, made->now + MADE_SECOND + 1), HMI_DUE_LOST);
	/* Any acknowledgement that makes sense puts it off. */
	made->now += MADE_SECOND;
	cr_assert(made_ack(made, 1, 0, 32));
	made->s.last_tx_ns = made->now + MADE_SECOND;
	cr_assert_eq(hmi_session_timer(&made->s, made->now + MADE_SECOND), 0);
	cr_assert_eq(hmi_session_timer(&made->s, made->now + MADE_SECOND + 1), HMI_DUE_LOST);
	made_free(made);
}

Test(session_ack, timer__lost_is_all_that_it_says)
{
	struct made *made = made_session(32, HMI_RX_RING);

	made_send_all(made, 3);
	made->now += 2 * MADE_SECOND;
	cr_assert_eq(hmi_session_timer(&made->s, made->now), HMI_DUE_LOST);
	cr_assert_eq(made->s.tx_lost, 0);
	made_free(made);
}

/* ---- Calling --------------------------------------------------------------------------------- */

/* A session that is nobody's yet. */
static struct made *
idle(void)
{
	struct made *made = made_session(0, 100);

	made->s.state = HMI_SESSION_IDLE;
	made->s.remote_id = 0;
	return made;
}

/* What another node says. */
static struct hmi_handshake
said(uint64_t node, uint32_t session, uint32_t attempt, uint64_t started)
{
	return (struct hmi_handshake){
		.node = node, .session = session, .attempt = attempt, .started = started, .window = 50
	};
}

Test(session_call, call_is_due__20_ms_doubled_up_to_500)
{
	static const uint64_t waits[] = { 20, 40, 80, 160, 320, 500, 500, 500 };
	struct made *made = idle();

	cr_assert_not(hmi_handshake_call_is_due(&made->s, made->now));
	hmi_handshake_call(&made->s, 5, made->now);
	cr_assert_eq(made->s.state, HMI_SESSION_CALLING);
	cr_assert(hmi_handshake_call_is_due(&made->s, made->now));
	for (size_t i = 0; i < RTE_DIM(waits); i++) {
		made->now += waits[i] * MADE_MS;
		cr_assert_not(hmi_handshake_call_is_due(&made->s, made->now - 1), "call %zu", i);
		cr_assert(hmi_handshake_call_is_due(&made->s, made->now), "call %zu", i);
		cr_assert_not(hmi_handshake_call_is_due(&made->s, made->now), "call %zu", i);
	}
	made_free(made);
}

Test(session_call, call__under_a_new_id_and_to_nobody_yet)
{
	struct hmi_handshake hello = said(9, 70, 3, 1000);
	struct made *made = idle();

	(void)hmi_handshake_hello(&made->s, &hello, 5, made->now);
	hmi_handshake_call(&made->s, 6, made->now + 1);
	cr_assert_eq(made->s.state, HMI_SESSION_CALLING);
	cr_assert_eq(made->s.local_id, 6);
	cr_assert_eq(made->s.remote_id, 0);
	cr_assert_eq(made->s.last_rx_ns, made->now + 1);
	made_free(made);
}

Test(session_call, reject__slows_the_calls_down)
{
	struct made *made = idle();

	cr_assert_not(hmi_handshake_reject(&made->s, made->now));
	hmi_handshake_call(&made->s, 5, made->now);
	cr_assert(hmi_handshake_call_is_due(&made->s, made->now));
	cr_assert(hmi_handshake_reject(&made->s, made->now));
	for (int i = 0; i < 3; i++) {
		made->now += HMI_CALL_LAST_NS;
		cr_assert_not(hmi_handshake_call_is_due(&made->s, made->now - 1));
		cr_assert(hmi_handshake_call_is_due(&made->s, made->now));
	}
	/* A new attempt begins quickly again. */
	hmi_handshake_call(&made->s, 6, made->now);
	cr_assert(hmi_handshake_call_is_due(&made->s, made->now));
	cr_assert(hmi_handshake_call_is_due(&made->s, made->now + HMI_CALL_FIRST_NS));
	made_free(made);
}

Test(session_call, reject__matters_to_who_calls_alone)
{
	static const enum hmi_session_state states[] = { HMI_SESSION_IDLE, HMI_SESSION_ANSWERED,
							 HMI_SESSION_OPEN };

	for (size_t i = 0; i < RTE_DIM(states); i++) {
		struct made *made = idle();

		made->s.state = states[i];
		cr_assert_not(hmi_handshake_reject(&made->s, made->now));
		cr_assert_eq(made->s.state, states[i]);
		made_free(made);
	}
}

Test(session_call, welcome__opens_what_calls)
{
	struct hmi_handshake welcome = said(9, 70, 3, 1000);
	struct made *made = idle();

	hmi_handshake_call(&made->s, 5, made->now);
	cr_assert_eq(hmi_handshake_welcome(&made->s, &welcome, made->now), HMI_HANDSHAKE_OPENED);
	cr_assert_eq(made->s.state, HMI_SESSION_OPEN);
	cr_assert_eq(made->s.local_id, 5);
	cr_assert_eq(made->s.remote_id, 70);
	cr_assert_eq(made->s.peer_node, 9);
	cr_assert_eq(made->s.tx_limit, 51);
	cr_assert(hmi_session_ack_is_due(&made->s, made->now));
	/* The same again, or another one, is late. */
	cr_assert_eq(hmi_handshake_welcome(&made->s, &welcome, made->now), HMI_HANDSHAKE_IGNORE);
	cr_assert_not(hmi_handshake_confirm(&made->s, made->now));
	made_free(made);
}

Test(session_call, welcome__window_of_more_than_256_is_256)
{
	static const uint32_t windows[] = { 0, 1, 255, 256, 257, 65536, UINT32_MAX };

	for (size_t i = 0; i < RTE_DIM(windows); i++) {
		struct hmi_handshake welcome = said(9, 70, 3, 1000);
		struct made *made = idle();

		welcome.window = windows[i];
		hmi_handshake_call(&made->s, 5, made->now);
		cr_assert_eq(hmi_handshake_welcome(&made->s, &welcome, made->now), HMI_HANDSHAKE_OPENED);
		cr_assert_eq(made->s.tx_limit, 1 + RTE_MIN(windows[i], HMI_RX_RING), "window %u", windows[i]);
		made_free(made);
	}
}

Test(session_call, welcome__to_one_that_has_answered_must_be_of_the_same_session)
{
	struct hmi_handshake hello = said(9, 70, 3, 1000), other = said(9, 71, 3, 1000);
	struct made *made = idle();

	cr_assert_eq(hmi_handshake_welcome(&made->s, &hello, made->now), HMI_HANDSHAKE_IGNORE);
	cr_assert_eq(hmi_handshake_hello(&made->s, &hello, 5, made->now), HMI_HANDSHAKE_ANSWER);
	cr_assert_eq(hmi_handshake_welcome(&made->s, &other, made->now), HMI_HANDSHAKE_IGNORE);
	cr_assert_eq(made->s.state, HMI_SESSION_ANSWERED);
	cr_assert_eq(hmi_handshake_welcome(&made->s, &hello, made->now), HMI_HANDSHAKE_OPENED);
	made_free(made);
}

/* ---- Called ---------------------------------------------------------------------------------- */

Test(session_hello, hello__to_who_calls_keeps_the_id_it_called_with)
{
	struct hmi_handshake hello = said(9, 70, 3, 1000);
	struct made *made = idle();

	hmi_handshake_call(&made->s, 5, made->now);
	cr_assert_eq(hmi_handshake_hello(&made->s, &hello, 6, made->now), HMI_HANDSHAKE_ANSWER);
	cr_assert_eq(made->s.local_id, 5);
	cr_assert_eq(made->s.remote_id, 70);
	cr_assert_eq(made->s.state, HMI_SESSION_ANSWERED);
	/* It calls no more. */
	cr_assert_not(hmi_handshake_call_is_due(&made->s, made->now + MADE_SECOND));
	made_free(made);
}

Test(session_hello, hello__the_same_again_is_answered_with_the_same_ids)
{
	struct hmi_handshake hello = said(9, 70, 3, 1000);
	struct made *made = idle();
	uint64_t first = made->now;

	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(hmi_handshake_hello(&made->s, &hello, 5 + i, made->now), HMI_HANDSHAKE_ANSWER);
		cr_assert_eq(made->s.local_id, 5);
		made->now += MADE_MS;
	}
	/* It is no sign that the answers arrive. */
	cr_assert_eq(made->s.last_rx_ns, first);
	cr_assert(hmi_handshake_confirm(&made->s, made->now));
	cr_assert_eq(hmi_handshake_hello(&made->s, &hello, 9, made->now), HMI_HANDSHAKE_ANSWER);
	cr_assert_eq(made->s.state, HMI_SESSION_OPEN);
	cr_assert_eq(made->s.local_id, 5);
	made_free(made);
}

Test(session_hello, hello__which_one_replaces_which)
{
	static const struct {
		uint64_t node;
		uint32_t session, attempt;
		uint64_t started;
		enum hmi_handshake_action action;
	} cases[] = {
		/* The session is node 9's, session 70, attempt 3, started at 1000. */
		{ 9, 70, 3, 1000, HMI_HANDSHAKE_ANSWER },  { 9, 70, 2, 1000, HMI_HANDSHAKE_ANSWER },
		{ 9, 71, 2, 1000, HMI_HANDSHAKE_IGNORE },  { 9, 71, 3, 1000, HMI_HANDSHAKE_IGNORE },
		{ 9, 71, 4, 1000, HMI_HANDSHAKE_REPLACE }, { 9, 71, 4, 1, HMI_HANDSHAKE_REPLACE },
		{ 9, 71, 2, 9999, HMI_HANDSHAKE_IGNORE },  { 8, 70, 3, 999, HMI_HANDSHAKE_IGNORE },
		{ 8, 70, 9, 999, HMI_HANDSHAKE_IGNORE },   { 8, 70, 3, 1000, HMI_HANDSHAKE_REPLACE },
		{ 8, 71, 1, 1001, HMI_HANDSHAKE_REPLACE }, { 8, 71, 1, UINT64_MAX, HMI_HANDSHAKE_REPLACE },
	};

	for (int open = 0; open < 2; open++) {
		for (size_t i = 0; i < RTE_DIM(cases); i++) {
			struct hmi_handshake first = said(9, 70, 3, 1000);
			struct hmi_handshake next =
				said(cases[i].node, cases[i].session, cases[i].attempt, cases[i].started);
			struct made *made = idle();
			struct hmi_session before;

			(void)hmi_handshake_hello(&made->s, &first, 5, made->now);
			cr_assert(open == 0 || hmi_handshake_confirm(&made->s, made->now));
			before = made->s;
			cr_assert_eq(hmi_handshake_hello(&made->s, &next, 6, made->now + 1), cases[i].action,
				     "case %zu", i);
			/* Whatever is to be done, it is the caller's: nothing has changed. */
			cr_assert_eq(memcmp(&before, &made->s, sizeof(before)), 0, "case %zu", i);
			made_free(made);
		}
	}
}

Test(session_hello, confirm__opens_what_has_answered_and_nothing_else)
{
	struct hmi_handshake hello = said(9, 70, 3, 1000);
	struct made *made = idle();

	cr_assert_not(hmi_handshake_confirm(&made->s, made->now));
	hmi_handshake_call(&made->s, 5, made->now);
	cr_assert_not(hmi_handshake_confirm(&made->s, made->now));
	(void)hmi_handshake_hello(&made->s, &hello, 6, made->now);
	cr_assert(hmi_handshake_confirm(&made->s, made->now));
	cr_assert_eq(made->s.state, HMI_SESSION_OPEN);
	cr_assert_eq(made->s.tx_limit, 51);
	cr_assert_eq(made->s.rx_limit, 101);
	cr_assert(hmi_session_ack_is_due(&made->s, made->now));
	cr_assert_not(hmi_handshake_confirm(&made->s, made->now));
	made_free(made);
}
