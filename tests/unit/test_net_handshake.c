/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Strangers: what a node answers to their handshakes, and what they can take from others.
 */
#include "hmt_log.h"

#include "seal_pvt.h"
#include "test_net_inject.h"

TestSuite(net_handshake, .init = pair_eal_start, .timeout = 120);

/* A packet from 10.0.0.`host`: its header, and `payload`. Returns the answer's length. */
static uint32_t
packet_from(struct fixture *f, uint8_t host, struct hmi_header header, const uint8_t *payload,
	    uint8_t *answer)
{
	uint32_t head = hmi_header_bytes(header.kind), packet = head + header.length;
	struct hmi_address from = { 0 }, to = { 0 };
	struct hmi_template template;
	uint8_t frame[1514];
	struct rte_mbuf *mbuf;
	uint32_t length = 0;

	if (header.length > 0)
		memcpy(frame + PACKET + head, payload, header.length);
	from.ip = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, host));
	from.udp_port = rte_cpu_to_be_16(HMI_UDP_PORT);
	memcpy(&from.mac, "\x02\0\0\0\0", 5);
	from.mac.addr_bytes[5] = host;
	to.ip = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 2));
	to.udp_port = from.udp_port;
	memcpy(&to.mac, f->good, 6);
	hmi_header_write(frame + PACKET, &header);
	if (hmi_kind_is_handshake(header.kind))
		(void)hmi_seal(frame + PACKET, (enum hmi_kind)header.kind, packet);
	hmi_template_init(&template, &from, &to);
	hmi_template_write(&template, frame, (uint16_t)packet, hmi_sum(frame + PACKET, packet),
			   HMI_CHECKSUM_SOFTWARE);

	mbuf = rte_pktmbuf_alloc(f->pool);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)(PACKET + packet)), frame, PACKET + packet);
	cr_assert_eq(rte_ring_enqueue(f->wire.ab, mbuf), 0);
	wire_take(f);
	while (rte_ring_dequeue(f->wire.ba, (void **)&mbuf) == 0) {
		if (memcmp(rte_pktmbuf_mtod(mbuf, uint8_t *), &from.mac, 6) == 0) {
			length = mbuf->pkt_len;
			memcpy(answer, rte_pktmbuf_mtod(mbuf, uint8_t *), length);
		}
		rte_pktmbuf_free(mbuf);
	}
	return length;
}

/* What a stranger says of itself when it is well. */
static struct hmi_handshake
stranger(const char *name)
{
	struct hmi_handshake handshake = { .session = 4711,
					   .protocol = HMI_WIRE_VERSION,
					   .node = 77,
					   .started = 1,
					   .attempt = 1,
					   .window = 8,
					   .max_payload = 1400 };

	snprintf(handshake.name, sizeof(handshake.name), "%s", name);
	return handshake;
}

static uint32_t
hello_from(struct fixture *f, uint8_t host, const struct hmi_handshake *handshake, uint8_t *answer)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION, .kind = HMI_HELLO };
	uint8_t payload[HMI_HANDSHAKE_BYTES];

	header.length = (uint16_t)hmi_handshake_write(handshake, payload);
	return packet_from(f, host, header, payload, answer);
}

/* A HELLO from a stranger; returns the answer's length. */
static uint32_t
hello(struct fixture *f, const char *name, uint8_t *answer)
{
	struct hmi_handshake handshake = stranger(name);

	return hello_from(f, 9, &handshake, answer);
}

/* What an answer says. */
static struct hmi_handshake
answer_read(const uint8_t *answer, uint32_t length, struct hmi_header *header)
{
	struct hmi_handshake handshake;

	cr_assert_gt(length, PACKET + HMI_HANDSHAKE_HEADER);
	cr_assert_eq(hmi_header_read(header, answer + PACKET, length - PACKET), 0);
	cr_assert_eq(hmi_handshake_read(&handshake, answer + PACKET + HMI_HANDSHAKE_HEADER, header->length),
		     0);
	return handshake;
}

static void
answer_is(const uint8_t *answer, uint32_t length, enum hmi_kind kind, uint32_t reason)
{
	struct hmi_header header;
	struct hmi_handshake handshake = answer_read(answer, length, &header);

	cr_assert_eq(header.kind, kind, "kind %u", header.kind);
	cr_assert_eq(header.session, 4711);
	cr_assert_eq(header.version, HMI_WIRE_VERSION);
	cr_assert_eq(handshake.reason, reason, "reason %u", handshake.reason);
	cr_assert_str_eq(handshake.name, "b");
}

Test(net_handshake, hello__refused_with_a_reason)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t answer[1514];

	answer_is(answer, hello(f, "b", answer), HMI_REJECT, HMI_REFUSAL_SAME_NAME);
	answer_is(answer, hello(f, "a", answer), HMI_REJECT, HMI_REFUSAL_NAME_TAKEN);
	cr_assert_eq(hello(f, "no/name", answer), 0);
	cr_assert_eq(hello(f, "", answer), 0);
	cr_assert_eq(dropped(f, HM_NET_DROP_HANDSHAKE), 2);
	cr_assert_eq(hm_net_peers(f->nodes[1]), 1);
	answer_is(answer, hello(f, "stranger", answer), HMI_WELCOME, 0);
	cr_assert_eq(hm_net_peers(f->nodes[1]), 2);
	fixture_destroy(f);
}

Test(net_handshake, hello__other_version_is_refused_whatever_else_it_says)
{
	/* Session and protocol are where they always are; 6, a name here, is a number there. */
	static const uint8_t payload[] = { 0x0d, 0x67, 0x12, 0, 0, 0x10, 2, 0x30, 5 };
	struct hmi_header header = { .version = HMI_WIRE_VERSION + 1,
				     .kind = HMI_HELLO,
				     .length = sizeof(payload) };
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t answer[1514];

	answer_is(answer, packet_from(f, 9, header, payload, answer), HMI_REJECT, HMI_REFUSAL_PROTOCOL);
	cr_assert_eq(dropped(f, HM_NET_DROP_VERSION), 1);
	/* Who says neither cannot be answered. */
	header.length = 0;
	cr_assert_eq(packet_from(f, 9, header, payload, answer), 0);
	cr_assert_eq(dropped(f, HM_NET_DROP_HANDSHAKE), 1);
	cr_assert_eq(hm_net_peers(f->nodes[1]), 1);
	fixture_destroy(f);
}

Test(net_handshake, hello__packets_too_small_for_any_message)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_handshake handshake = stranger("tiny");
	uint8_t answer[1514];

	/* A batch for it would be written beyond its end. */
	for (uint32_t bytes = 0; bytes < 508; bytes++) {
		handshake.max_payload = bytes;
		cr_assert_eq(hello_from(f, 9, &handshake, answer), 0, "%u", bytes);
	}
	cr_assert_eq(dropped(f, HM_NET_DROP_HANDSHAKE), 508);
	handshake.max_payload = 508;
	answer_is(answer, hello_from(f, 9, &handshake, answer), HMI_WELCOME, 0);
	fixture_destroy(f);
}

Test(net_handshake, hello__more_peers_than_there_may_be)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t answer[1514];
	char name[16];

	/* Each from the same address, so each is the stranger again under another name. */
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		(void)hello(f, name, answer);
	}
	cr_assert_leq(hm_net_peers(f->nodes[1]), HM_NET_PEERS_MAX);
	fixture_destroy(f);
}

/* Strangers of a name each, at as many addresses. Returns the last one's answer. */
static uint32_t
hello_many(struct fixture *f, uint32_t count, uint8_t *answer)
{
	uint32_t length = 0;
	char name[16];

	for (uint32_t i = 0; i < count; i++) {
		struct hmi_handshake handshake;

		snprintf(name, sizeof(name), "s%u", i);
		handshake = stranger(name);
		handshake.node = 1000 + i;
		length = hello_from(f, (uint8_t)(100 + i), &handshake, answer);
	}
	return length;
}

/* Whether node b still waits for a stranger's first packet: until the peer timeout, without its own gaps. */
static bool
any_answered(const struct fixture *f)
{
	struct hm_net_peer_stats stats;

	for (uint32_t i = 0; hm_net_peer_stats(f->nodes[1], i, &stats) == 0; i++) {
		if (stats.state == HM_NET_PEER_ANSWERED)
			return true;
	}
	return false;
}

Test(net_handshake, hello__place_of_one_that_is_gone)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 500");
	struct hmi_handshake handshake = stranger("late");
	uint8_t answer[1514];

	answer_is(answer, hello_many(f, HM_NET_PEERS_MAX, answer), HMI_REJECT, HMI_REFUSAL_TOO_MANY_PEERS);
	cr_assert_eq(hm_net_peers(f->nodes[1]), HM_NET_PEERS_MAX);
	/* None of them goes on. */
	pair_until(f->nodes, !any_answered(f));
	handshake.node = 5000;
	answer_is(answer, hello_from(f, 50, &handshake, answer), HMI_WELCOME, 0);
	cr_assert_eq(hm_net_peers(f->nodes[1]), HM_NET_PEERS_MAX);
	fixture_destroy(f);
}

/* How many peers of node b have a name. */
static uint32_t
peers_named(const struct fixture *f, const char *name)
{
	struct hm_net_peer_stats stats;
	uint32_t count = 0;

	for (uint32_t i = 0; hm_net_peer_stats(f->nodes[1], i, &stats) == 0; i++)
		count += strcmp(stats.name, name) == 0;
	return count;
}

Test(net_handshake, hello__name_moves_to_the_address_of_another_one)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 500");
	uint8_t answer[1514];
	struct hmi_handshake x = stranger("x"), y = stranger("y");

	answer_is(answer, hello_from(f, 8, &x, answer), HMI_WELCOME, 0);
	answer_is(answer, hello_from(f, 9, &y, answer), HMI_WELCOME, 0);
	pair_until(f->nodes, !any_answered(f));
	x.node = 78;
	answer_is(answer, hello_from(f, 9, &x, answer), HMI_WELCOME, 0);
	cr_assert_eq(peers_named(f, "x"), 1);
	fixture_destroy(f);
}

Test(net_handshake, welcome__window_fits_the_descriptors)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000 --rx-desc 64");
	struct hmi_handshake back;
	struct hmi_header header;
	uint8_t answer[1514];
	uint32_t length = hello(f, "stranger", answer);

	answer_is(answer, length, HMI_WELCOME, 0);
	back = answer_read(answer, length, &header);
	cr_assert_leq(back.window, 64 * 3 / 4 / 2, "%u", back.window);
	fixture_destroy(f);
}

/* ---- Strangers with a session ------------------------------------------------------ */

/* Call node b as some node; returns node b's id of the session, which is not open yet. */
static uint32_t
session_call(struct fixture *f, uint8_t host, uint64_t node)
{
	struct hmi_handshake handshake;
	struct hmi_header header;
	uint8_t answer[1514];
	uint32_t length;
	char name[16];

	snprintf(name, sizeof(name), "s%u", host);
	handshake = stranger(name);
	handshake.node = node;
	handshake.window = 256;
	length = hello_from(f, host, &handshake, answer);
	answer_is(answer, length, HMI_WELCOME, 0);
	return answer_read(answer, length, &header).session;
}

/* The first packet, an ACK, opens a session; the second one, BYE, ends it. */
static void
bare_from(struct fixture *f, uint8_t host, uint32_t session, enum hmi_kind kind)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION,
				     .kind = (uint8_t)kind,
				     .window = HMI_WINDOW_MAX,
				     .session = session,
				     .number = kind == HMI_BYE ? 2 : 1,
				     .limit_user = 1,
				     .limit_bulk = 1 };
	uint8_t answer[1514];

	(void)packet_from(f, host, header, NULL, answer);
}

/* Open a session; returns node b's id of it. */
static uint32_t
session_open(struct fixture *f, uint8_t host)
{
	uint32_t session = session_call(f, host, 1000u + host);

	bare_from(f, host, session, HMI_ACK);
	return session;
}

/* Whether node b knows the way to a node. */
static bool
is_known(struct fixture *f, uint64_t node)
{
	return hm_system_send(f->nodes[1], (struct hm_pid){ node, UINT64_MAX }, PAIR_NUMBERS, NULL) == HM_OK;
}

Test(net_handshake, strangers__that_claim_the_id_of_a_node_with_a_session)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_handshake twin = stranger("twin");
	uint8_t answer[1514];

	twin.node = hm_system_node(f->nodes[0]);
	answer_is(answer, hello_from(f, 9, &twin, answer), HMI_REJECT, HMI_REFUSAL_NAME_TAKEN);
	cr_assert(is_known(f, twin.node));
	fixture_destroy(f);
}

Test(net_handshake, strangers__of_one_id_that_call_at_the_same_time)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t first = session_call(f, 8, 77), second = session_call(f, 9, 77);

	bare_from(f, 8, first, HMI_ACK);
	bare_from(f, 9, second, HMI_ACK);
	cr_assert(is_known(f, 77));
	/* The node is the first one's, and is there as long as that one. */
	bare_from(f, 9, second, HMI_BYE);
	cr_assert(is_known(f, 77));
	bare_from(f, 8, first, HMI_BYE);
	cr_assert_not(is_known(f, 77));
	fixture_destroy(f);
}

Test(net_handshake, log__flood_of_hellos_is_a_few_lines)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_handshake handshake = stranger("flood");
	uint8_t answer[1514];
	struct hmt_log log;
	double start = pair_seconds();

	hmt_log_start(&log);
	/* Each ends the session that the one before it has opened. */
	for (handshake.attempt = 1; handshake.attempt <= 200; handshake.attempt++) {
		struct hmi_header header;
		uint32_t length;

		handshake.session = 5000 + handshake.attempt;
		length = hello_from(f, 9, &handshake, answer);
		bare_from(f, 9, answer_read(answer, length, &header).session, HMI_ACK);
	}
	/* Three in each second that was begun. */
	cr_assert_geq(hmt_log_count(&log, "peer flood"), 3);
	cr_assert_leq(hmt_log_count(&log, "peer flood"), 3 * ((unsigned int)(pair_seconds() - start) + 2),
		      "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	fixture_destroy(f);
}

/* Touch node b's actor until it cannot keep any more answers, which this one never acknowledges. */
static void
answers_pile_up(struct fixture *f, uint8_t host)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION,
				     .kind = HMI_DATA,
				     .lane = HMI_LANE_USER,
				     .window = HMI_WINDOW_MAX,
				     .limit_user = 257,
				     .limit_bulk = 1 };
	struct hmi_envelope request = { .to = f->sink.local, .from = 1, .system = HM_TOUCH };
	uint8_t batch[1400], *end = batch, answer[1514];

	while ((size_t)(end - batch) + hmi_envelope_size(&request) <= sizeof(batch))
		end = hmi_envelope_write(end, &request);
	header.length = (uint16_t)(end - batch);
	header.session = session_open(f, host);
	for (header.sequence = 1; header.sequence <= 500; header.sequence++) {
		header.number = 1 + header.sequence;
		(void)packet_from(f, host, header, batch, answer);
	}
}

Test(net_handshake, strangers__that_acknowledge_nothing_hold_up_nobody)
{
	/* What waits in message memory is limited by the option, which is not what this is about. */
	struct fixture *f = fixture_create("--peer-timeout-ms 60000 --peer-queue 100");
	struct hm_pid nobody = { hm_system_node(f->nodes[0]), UINT64_MAX };
	Hermod__Test__Numbers numbers;

	for (uint8_t host = 100; host < 105; host++)
		answers_pile_up(f, host);
	cr_assert_geq(pair_net(f->nodes[1]).tx_buffers_used, 1500);
	hermod__test__numbers__init(&numbers);
	cr_assert_eq(hm_system_send(f->nodes[1], nobody, PAIR_NUMBERS, &numbers), HM_OK);
	pair_until(f->nodes, pair_dead(f->nodes[0], HM_DEAD_NO_PROCESS) == 1);
	fixture_destroy(f);
}
