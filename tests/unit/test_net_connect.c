/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How a node calls, whom it answers and refuses, and when it gives up: in virtual time, to the tick.
 */
#include <inttypes.h>

#include "hmt_log.h"
#include "test_net_lone.h"

#define TICK_NS 100000ull

TestSuite(net_connect, .init = pair_eal_start, .timeout = 60);

/* A node that calls b, and has sent its first HELLO, which comes back in `hello`. */
static struct lone *
caller(const char *more, struct lone_packet *hello)
{
	const struct lone_packet *packet = NULL;
	char words[200];
	struct lone *lone;

	snprintf(words, sizeof(words), "--peer b@10.0.0.2 %s", more);
	lone = lone_create(words);
	while (packet == NULL) {
		cr_assert_lt(lone->now, LONE_START_NS + LONE_SECOND);
		lone_pass(lone, LONE_STEP_NS);
		packet = lone_take_kind(lone, HMI_HELLO);
	}
	*hello = *packet;
	return lone;
}

/* ---- Calling ---------------------------------------------------------------------------------- */

Test(net_connect, hello__says_who_calls_whom)
{
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	cr_assert_eq(hello.to, lone_station(2).ip);
	cr_assert_eq(hello.header.version, HMI_WIRE_VERSION);
	cr_assert_eq(hello.header.session, 0);
	cr_assert_neq(hello.handshake.session, 0);
	cr_assert_eq(hello.handshake.protocol, HMI_WIRE_VERSION);
	cr_assert_eq(hello.handshake.node, hm_system_node(lone->sys));
	cr_assert_eq(hello.handshake.types, hm_type_digest(lone->sys));
	cr_assert_eq(hello.handshake.reason, 0);
	cr_assert_eq(hello.handshake.attempt, 1);
	cr_assert_eq(hello.handshake.max_payload, LONE_BYTES);
	cr_assert_str_eq(hello.handshake.name, "a");
	cr_assert_str_eq(hello.handshake.expects, "b");
	lone_destroy(lone);
}

/* What of its header behind the CRC only other packets use. */
static void
rest_is_zero(const struct rte_mbuf *frame)
{
	static const uint8_t zeros[HMI_HANDSHAKE_HEADER - 12];
	const uint8_t *packet = rte_pktmbuf_mtod_offset(frame, const uint8_t *, LONE_PACKET);

	if (frame->pkt_len > LONE_PACKET && packet[0] == 'H')
		cr_assert_arr_eq(packet + 12, zeros, sizeof(zeros));
}

Test(net_connect, hello__has_zeros_where_a_session_has_numbers)
{
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	lone->on_frame = rest_is_zero;
	lone_pass(lone, 20 * LONE_MS + 2 * TICK_NS);
	cr_assert_not_null(lone_take_kind(lone, HMI_HELLO));
	lone_destroy(lone);
}

Test(net_connect, hello__at_doubled_intervals_under_the_same_id)
{
	static const uint64_t waits[] = { 20, 40, 80, 160, 320, 500, 500 };
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);
	uint64_t before = hello.when_ns;

	for (size_t i = 0; i < RTE_DIM(waits); i++) {
		const struct lone_packet *next;

		lone_pass(lone, waits[i] * LONE_MS + 2 * TICK_NS);
		next = lone_take(lone);
		cr_assert_not_null(next);
		cr_assert_null(lone_take(lone), "two HELLOs after %lu ms", waits[i]);
		cr_assert_geq(next->when_ns - before, waits[i] * LONE_MS);
		cr_assert_leq(next->when_ns - before, waits[i] * LONE_MS + 2 * TICK_NS);
		cr_assert_eq(next->handshake.session, hello.handshake.session);
		before = next->when_ns;
	}
	lone_destroy(lone);
}

Test(net_connect, hello__not_before_arp_has_answered)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");

	lone->deaf = true;
	lone_pass(lone, 2 * LONE_SECOND);
	cr_assert_null(lone_take(lone));
	/* Three probes, the announcement, and requests at doubled intervals. */
	cr_assert_geq(lone->arps, 4 + 5);
	lone->deaf = false;
	lone_pass(lone, LONE_SECOND + 2 * TICK_NS);
	cr_assert_not_null(lone_take_kind(lone, HMI_HELLO));
	lone_destroy(lone);
}

Test(net_connect, welcome__opens_and_is_acknowledged_at_once)
{
	struct hmi_handshake welcome = lone_says(2);
	const struct lone_packet *ack;
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	cr_assert_eq(pair_state(lone->sys), HM_NET_PEER_OPEN);
	ack = lone_take(lone);
	cr_assert_not_null(ack);
	cr_assert_eq(ack->header.kind, HMI_ACK);
	cr_assert_eq(ack->header.session, LONE_ID);
	cr_assert_eq(ack->header.number, 1);
	/* Nothing was received yet, and so much may come. */
	cr_assert_eq(ack->header.ack, 0);
	cr_assert_eq(ack->header.window, HMI_WINDOW_MAX);
	cr_assert_eq(ack->header.limit_user, 1 + HMI_REORDER * HMI_WINDOW_MAX);
	cr_assert_eq(ack->header.limit_bulk, ack->header.limit_user);
	/* The same again is late. */
	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_HANDSHAKE), 1);
	cr_assert_eq(pair_peer(lone->sys).sessions, 1);
	lone_destroy(lone);
}

Test(net_connect, welcome__from_somebody_else)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION, .kind = HMI_WELCOME };
	struct hmi_handshake welcome = lone_says(2);
	uint8_t payload[HMI_HANDSHAKE_BYTES], frame[2048];
	struct hmi_address from = lone_station(2);
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	lone_shake(lone, 3, HMI_WELCOME, hello.handshake.session, &welcome);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_SOURCE), 1);
	/* The right station, but not the right port. */
	from.udp_port = RTE_BE16(1);
	header.session = hello.handshake.session;
	header.length = (uint16_t)hmi_handshake_write(&welcome, payload);
	lone_frame(lone, frame, lone_write(lone, &from, header, payload, frame));
	lone_turn(lone);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_SOURCE), 2);
	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session ^ 0x40, &welcome);
	lone_shake(lone, 2, HMI_WELCOME, 0, &welcome);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_SESSION), 2);
	cr_assert_eq(pair_state(lone->sys), HM_NET_PEER_CALLING);
	lone_destroy(lone);
}

Test(net_connect, welcome__that_leaves_out_what_it_needs)
{
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	for (int i = 0; i < 4; i++) {
		struct hmi_handshake welcome = lone_says(2);

		if (i == 0)
			welcome.session = 0;
		else if (i == 1)
			welcome.node = 0;
		else if (i == 2)
			welcome.name[0] = '\0';
		else
			welcome.max_payload = 507;
		lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
		cr_assert_eq(lone_dropped(lone, HM_NET_DROP_HANDSHAKE), (uint64_t)i + 1);
		cr_assert_eq(pair_state(lone->sys), HM_NET_PEER_CALLING, "case %d", i);
	}
	lone_destroy(lone);
}

/* The node goes on calling, but only every 500 ms. */
static void
calls_slowly(struct lone *lone)
{
	lone_forget(lone);
	lone_pass(lone, 499 * LONE_MS);
	cr_assert_null(lone_take(lone));
	lone_pass(lone, LONE_MS + 2 * TICK_NS);
	cr_assert_not_null(lone_take_kind(lone, HMI_HELLO));
	cr_assert_eq(pair_state(lone->sys), HM_NET_PEER_CALLING);
}

Test(net_connect, welcome__of_another_name_or_version)
{
	struct hmi_handshake welcome = lone_says(2);
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	snprintf(welcome.name, sizeof(welcome.name), "c");
	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	calls_slowly(lone);
	welcome = lone_says(2);
	welcome.protocol = HMI_WIRE_VERSION + 1;
	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_VERSION), 1);
	calls_slowly(lone);
	lone_destroy(lone);
}

Test(net_connect, reject__of_each_reason_and_of_none)
{
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);

	for (uint32_t reason = 0; reason <= HMI_REFUSAL_TOO_MANY_PEERS + 1; reason++) {
		struct hmi_handshake reject = { .session = hello.handshake.session, .reason = reason };

		/* It need not say more than its reason. */
		lone_shake(lone, 2, HMI_REJECT, hello.handshake.session, &reject);
		calls_slowly(lone);
	}
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_HANDSHAKE), 0);
	lone_destroy(lone);
}

Test(net_connect, data__for_a_session_that_only_calls)
{
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);
	struct lone_peer peer = lone_peer_of(lone, 2, hello.handshake.session);

	lone_send(lone, &peer, HMI_DATA, NULL, 0);
	lone_send(lone, &peer, HMI_ACK, NULL, 0);
	lone_send(lone, &peer, HMI_BYE, NULL, 0);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_SESSION), 3);
	cr_assert_eq(pair_state(lone->sys), HM_NET_PEER_CALLING);
	lone_destroy(lone);
}

/* ---- What is said of it ------------------------------------------------------------------------ */

Test(net_connect, log__peer_that_does_not_answer_for_five_seconds)
{
	struct lone *lone = lone_create_early("--peer b@10.0.0.2");
	struct hmt_log log;

	hmt_log_start(&log);
	while (lone->now < LONE_START_NS + 5 * LONE_SECOND - LONE_MS) {
		lone_pass(lone, LONE_MS);
		cr_assert_eq(hmt_log_count(&log, "does not answer"), 0, "after %" PRIu64 " ms",
			     (uint64_t)((lone->now - LONE_START_NS) / LONE_MS));
	}
	lone_pass(lone, 2 * LONE_MS);
	cr_assert_eq(hmt_log_count(&log, "does not answer"), 1, "%s", hmt_log_text(&log));
	/* It calls on, and says no more. */
	lone_pass(lone, 10 * LONE_SECOND);
	cr_assert_eq(hmt_log_count(&log, "does not answer"), 1, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	lone_destroy(lone);
}

/* The peer refuses, for this reason. */
static void
reject(struct lone *lone, uint32_t session, uint32_t reason)
{
	struct hmi_handshake reject = { .session = session, .reason = reason };

	lone_shake(lone, 2, HMI_REJECT, session, &reject);
	lone_pass(lone, 600 * LONE_MS);
}

/* As often as a node calls, and is refused: the log gets a line for each other reason. */
Test(net_connect, log__each_reason_of_a_refusal_once)
{
	uint32_t session, reason, lines = 0;
	struct lone_packet hello;
	struct lone *lone = caller("", &hello);
	struct hmt_log log;

	hmt_log_start(&log);
	session = hello.handshake.session;
	for (reason = HMI_REFUSAL_NONE; reason <= HMI_REFUSAL_TOO_MANY_PEERS; reason++) {
		for (int i = 0; i < 3; i++)
			reject(lone, session, reason);
		cr_assert_eq(hmt_log_count(&log, "no session: "), ++lines, "reason %u: %s", reason,
			     hmt_log_text(&log));
		cr_assert_eq(hmt_log_count(&log, hmi_refusal_text(reason)), 1, "reason %u: %s", reason,
			     hmt_log_text(&log));
	}
	/* What was said before, but not last, is logged again. */
	reject(lone, session, HMI_REFUSAL_PROTOCOL);
	reject(lone, session, HMI_REFUSAL_PROTOCOL);
	cr_assert_eq(hmt_log_count(&log, "no session: "), ++lines, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	lone_destroy(lone);
}

Test(net_connect, log__refusal_after_a_session_is_logged_again)
{
	struct hmi_handshake welcome = lone_says(2);
	struct lone_packet hello;
	struct lone *lone = caller("--peer-timeout-ms 100", &hello);
	struct hmt_log log;

	hmt_log_start(&log);
	reject(lone, hello.handshake.session, HMI_REFUSAL_NAME_TAKEN);
	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	/* Of an open session, and of one that is over: late. */
	reject(lone, hello.handshake.session, HMI_REFUSAL_NAME_TAKEN);
	reject(lone, hello.handshake.session, HMI_REFUSAL_NAME_TAKEN);
	cr_assert_eq(hmt_log_count(&log, "no session: "), 1, "%s", hmt_log_text(&log));
	hello = *lone_take_kind(lone, HMI_HELLO);
	while (hello.handshake.attempt != 2)
		hello = *lone_take_kind(lone, HMI_HELLO);
	reject(lone, hello.handshake.session, HMI_REFUSAL_NAME_TAKEN);
	cr_assert_eq(hmt_log_count(&log, "no session: "), 2, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	lone_destroy(lone);
}

/* ---- Called ----------------------------------------------------------------------------------- */

/* A HELLO is refused, with this reason, and no peer is made of it. */
static void
refused(struct lone *lone, uint8_t host, const struct hmi_handshake *hello, uint32_t reason)
{
	uint32_t peers = hm_net_peers(lone->sys);
	const struct lone_packet *reject;

	lone_forget(lone);
	lone_shake(lone, host, HMI_HELLO, 0, hello);
	reject = lone_take(lone);
	cr_assert_not_null(reject);
	cr_assert_eq(reject->header.kind, HMI_REJECT);
	cr_assert_eq(reject->to, lone_station(host).ip);
	cr_assert_eq(reject->header.session, hello->session);
	cr_assert_eq(reject->handshake.session, hello->session);
	cr_assert_eq(reject->handshake.reason, reason);
	cr_assert_eq(reject->handshake.protocol, HMI_WIRE_VERSION);
	cr_assert_str_eq(reject->handshake.name, "a");
	cr_assert_eq(hm_net_peers(lone->sys), peers);
}

Test(net_connect, hello__refused_for_its_names)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");
	struct hmi_handshake hello = lone_says(3);

	snprintf(hello.expects, sizeof(hello.expects), "x");
	refused(lone, 3, &hello, HMI_REFUSAL_WRONG_NAME);
	hello.expects[0] = '\0';
	snprintf(hello.name, sizeof(hello.name), "a");
	refused(lone, 3, &hello, HMI_REFUSAL_SAME_NAME);
	/* Who is called by name at another address. */
	snprintf(hello.name, sizeof(hello.name), "b");
	refused(lone, 3, &hello, HMI_REFUSAL_NAME_TAKEN);
	/* Another name at the address that is called. */
	hello = lone_says(3);
	refused(lone, 2, &hello, HMI_REFUSAL_UNEXPECTED_NAME);
	hello.node = hm_system_node(lone->sys);
	refused(lone, 3, &hello, HMI_REFUSAL_SAME_NAME);
	lone_destroy(lone);
}

Test(net_connect, hello__refused_for_its_version)
{
	struct lone *lone = lone_create("");
	struct hmi_handshake hello = lone_says(3);

	hello.protocol = HMI_WIRE_VERSION - 1;
	refused(lone, 3, &hello, HMI_REFUSAL_PROTOCOL);
	hello.protocol = HMI_WIRE_VERSION + 1;
	refused(lone, 3, &hello, HMI_REFUSAL_PROTOCOL);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_VERSION), 2);
	lone_destroy(lone);
}

Test(net_connect, hello__from_the_nodes_own_address)
{
	struct lone *lone = lone_create("");
	struct hmi_handshake hello = lone_says(3);

	refused(lone, 1, &hello, HMI_REFUSAL_SAME_ADDRESS);
	lone_destroy(lone);
}

Test(net_connect, hello__name_of_a_node_with_a_session)
{
	struct lone *lone = lone_create("");
	struct hmi_handshake hello = lone_says(4);

	(void)lone_open(lone, 3);
	snprintf(hello.name, sizeof(hello.name), "s3");
	refused(lone, 4, &hello, HMI_REFUSAL_NAME_TAKEN);
	hello = lone_says(4);
	hello.node = lone_says(3).node;
	refused(lone, 4, &hello, HMI_REFUSAL_NAME_TAKEN);
	lone_destroy(lone);
}

Test(net_connect, hello__again_is_welcomed_with_the_same_id)
{
	struct lone *lone = lone_create("");
	struct hmi_handshake hello = lone_says(3);
	uint32_t session = 0;

	for (int i = 0; i < 5; i++) {
		const struct lone_packet *welcome;

		lone_shake(lone, 3, HMI_HELLO, 0, &hello);
		welcome = lone_take(lone);
		cr_assert_not_null(welcome);
		cr_assert_eq(welcome->header.kind, HMI_WELCOME);
		cr_assert(session == 0 || welcome->handshake.session == session);
		session = welcome->handshake.session;
	}
	cr_assert_eq(hm_net_peers(lone->sys), 1);
	lone_destroy(lone);
}

Test(net_connect, hello__replayed_into_an_open_session)
{
	struct lone *lone = lone_create("");
	struct hmi_handshake old = lone_says(3), hello = lone_says(3);
	struct lone_peer peer = lone_open(lone, 3);
	const struct lone_packet *welcome;

	/* An earlier attempt of the same node, and an older incarnation. */
	old.session = LONE_ID - 1;
	old.attempt = 0;
	lone_shake(lone, 3, HMI_HELLO, 0, &old);
	old.node = 77;
	old.started = 0;
	lone_shake(lone, 3, HMI_HELLO, 0, &old);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_HANDSHAKE), 2);
	cr_assert_null(lone_take(lone));
	/* The very HELLO of the session is answered, and ends nothing. */
	lone_shake(lone, 3, HMI_HELLO, 0, &hello);
	welcome = lone_take(lone);
	cr_assert_not_null(welcome);
	cr_assert_eq(welcome->handshake.session, peer.session);
	cr_assert_eq(lone_stats(lone, "s3").lost, 0);
	/* A later attempt ends it. */
	hello.attempt = 2;
	hello.session = LONE_ID + 1;
	lone_shake(lone, 3, HMI_HELLO, 0, &hello);
	welcome = lone_take(lone);
	cr_assert_not_null(welcome);
	cr_assert_neq(welcome->handshake.session, peer.session);
	cr_assert_eq(welcome->header.session, LONE_ID + 1);
	cr_assert_eq(lone_stats(lone, "s3").lost, 1);
	/* The old id is over. */
	lone_send(lone, &peer, HMI_ACK, NULL, 0);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_SESSION), 1);
	lone_destroy(lone);
}

Test(net_connect, lost__a_named_peer_is_called_under_another_id)
{
	struct hmi_handshake welcome = lone_says(2);
	const struct lone_packet *again;
	struct lone_packet hello;
	struct lone *lone = caller("--peer-timeout-ms 100", &hello);

	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	lone_forget(lone);
	lone_pass(lone, 100 * LONE_MS + 3 * TICK_NS);
	again = lone_take_kind(lone, HMI_HELLO);
	cr_assert_not_null(again);
	cr_assert_neq(again->handshake.session, hello.handshake.session);
	cr_assert_eq(again->handshake.attempt, 2);
	cr_assert_eq(again->handshake.node, hello.handshake.node);
	cr_assert_eq(again->handshake.started, hello.handshake.started);
	/* A late WELCOME of the first attempt opens nothing. */
	lone_shake(lone, 2, HMI_WELCOME, hello.handshake.session, &welcome);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_SESSION), 1);
	cr_assert_eq(pair_state(lone->sys), HM_NET_PEER_CALLING);
	lone_destroy(lone);
}
