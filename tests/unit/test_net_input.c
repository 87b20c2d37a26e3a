/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whatever comes from the network: counted by its reason, never a crash, a leak or a lost session.
 */
#include <stdlib.h>

#include "test_net_pair.h"

#include "frame_pvt.h"
#include "handshake_pvt.h"
#include "wire_pvt.h"

#define PACKET HMI_HEAD_BYTES
#define BATCH  (HMI_HEAD_BYTES + HMI_HEADER_BYTES)

struct sink_state {
	uint64_t *numbers;
};

static void
sink(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == PAIR_NUMBERS)
		++*((struct sink_state *)state)->numbers;
}

static const struct hm_props sink_props = HM_PROPS(.receive = sink, .state_size = sizeof(struct sink_state),
						   .args_size = sizeof(struct sink_state));

/* Two connected nodes, and a good frame with one message from a to b, held back. */
struct fixture {
	struct pair_wire wire;
	struct hm_system *nodes[2];
	struct rte_mempool *pool;
	uint8_t good[2048];
	uint32_t length;
	uint64_t numbers;
	struct hm_pid sink;
};

static void
numbers_send(struct fixture *f)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	numbers.a = numbers.d = 1;
	cr_assert_eq(hm_system_send(f->nodes[0], f->sink, PAIR_NUMBERS, &numbers), HM_OK);
}

/* Turn node a until it sends a data frame; keep its bytes, and lose the frame. */
static void
frame_catch(struct fixture *f)
{
	double end = pair_seconds() + PAIR_SECONDS;
	struct rte_mbuf *frame;

	numbers_send(f);
	f->length = 0;
	while (f->length == 0) {
		cr_assert_lt(pair_seconds(), end);
		hm_system_turn(f->nodes[0]);
		while (rte_ring_dequeue(f->wire.ab, (void **)&frame) == 0) {
			const uint8_t *data = rte_pktmbuf_mtod(frame, uint8_t *);

			if (frame->pkt_len > BATCH && data[PACKET + 3] == HMI_DATA) {
				f->length = frame->pkt_len;
				memcpy(f->good, data, f->length);
			}
			rte_pktmbuf_free(frame);
		}
	}
}

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	struct sink_state state = { &f.numbers };

	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, more);
	cr_assert_eq(hm_system_spawn(f.nodes[1], &sink_props, "sink", &state, &f.sink), 0);
	f.pool = rte_pktmbuf_pool_create("test_input", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_not_null(f.pool);
	pair_connect(f.nodes);
	frame_catch(&f);
	return &f;
}

/* Give bytes to node b as a frame, and let it work. */
static void
inject(struct fixture *f, const uint8_t *data, uint32_t length)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(f->pool);

	cr_assert_not_null(frame);
	if (length > 0)
		memcpy(rte_pktmbuf_append(frame, (uint16_t)length), data, length);
	cr_assert_eq(rte_ring_enqueue(f->wire.ab, frame), 0);
	hm_system_turn(f->nodes[1]);
	/* Answers, if any, are for nobody. */
	while (rte_ring_dequeue(f->wire.ba, (void **)&frame) == 0)
		rte_pktmbuf_free(frame);
}

/* Make the checksums good again after something was changed. */
static void
checksums_mend(uint8_t *frame, uint32_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame + HMI_UDP_OFFSET);

	ip->total_length = rte_cpu_to_be_16((uint16_t)(length - HMI_IP_OFFSET));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(length - HMI_UDP_OFFSET));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

static uint64_t
dropped(const struct fixture *f, enum hm_net_drop reason)
{
	return pair_net(f->nodes[1]).rx_dropped[reason];
}

static void
nodes_stop(struct fixture *f)
{
	pair_turn_for(f->nodes, 0.01);
	cr_assert_eq(pair_net(f->nodes[1]).rx_buffers_used, 0);
	cr_assert_eq(rte_mempool_in_use_count(f->pool), 0);
	pair_stop(f->nodes, 0);
	pair_stop(f->nodes, 1);
	pair_wire_empty(&f->wire);
}

/* The session is whole: the message held back arrives when it is sent again, once, and others do. */
static void
fixture_destroy(struct fixture *f)
{
	pair_until(f->nodes, f->numbers == 1);
	for (int i = 0; i < 10; i++)
		numbers_send(f);
	pair_until(f->nodes, f->numbers == 11);
	cr_assert_eq(pair_peer(f->nodes[1]).lost, 0);
	nodes_stop(f);
}

TestSuite(net_input, .init = pair_eal_start, .timeout = 120);

Test(net_input, truncated__at_every_byte)
{
	struct fixture *f = fixture_create("--silence-ms 60000");

	for (uint32_t length = 0; length < f->length; length++)
		inject(f, f->good, length);
	cr_assert_eq(dropped(f, HM_NET_DROP_TRUNCATED), f->length);
	/* The same with headers that agree with the shorter length. */
	for (uint32_t length = BATCH; length < f->length; length++) {
		uint8_t frame[2048];

		memcpy(frame, f->good, length);
		checksums_mend(frame, length);
		inject(f, frame, length);
	}
	cr_assert_eq(dropped(f, HM_NET_DROP_LENGTH), f->length - BATCH);
	cr_assert_eq(f->numbers, 0);
	fixture_destroy(f);
}

Test(net_input, corrupted__every_bit)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t frame[2048];

	/* Beyond the source's Ethernet address, which no checksum covers and nobody looks at. */
	for (uint32_t bit = 0; bit < f->length * 8; bit++) {
		if (bit / 8 >= 6 && bit / 8 < 12)
			continue;
		memcpy(frame, f->good, f->length);
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		inject(f, frame, f->length);
	}
	cr_assert_eq(f->numbers, 0);
	cr_assert_gt(dropped(f, HM_NET_DROP_CHECKSUM), 0);
	cr_assert_gt(dropped(f, HM_NET_DROP_FOREIGN), 0);
	fixture_destroy(f);
}

Test(net_input, corrupted__every_byte_with_good_checksums)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t frame[2048];

	/* Protocol fields take every value; the message must not arrive more than once, if at all. */
	for (uint32_t at = PACKET; at < BATCH; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			if (f->good[at] == value || at == PACKET + 3 ||
			    (at >= PACKET + 8 && at < PACKET + 16))
				continue;
			memcpy(frame, f->good, f->length);
			frame[at] = (uint8_t)value;
			/* Another ack, sack or credit may be a good one: those are for the next test. */
			if (at >= PACKET + 16 && at < PACKET + 28)
				continue;
			if (at >= PACKET + 30)
				continue;
			checksums_mend(frame, f->length);
			inject(f, frame, f->length);
		}
	}
	cr_assert_eq(f->numbers, 0);
	cr_assert_gt(dropped(f, HM_NET_DROP_GARBAGE), 0);
	cr_assert_gt(dropped(f, HM_NET_DROP_VERSION), 0);
	cr_assert_gt(dropped(f, HM_NET_DROP_SESSION), 0);
	cr_assert_gt(dropped(f, HM_NET_DROP_LENGTH), 0);
	fixture_destroy(f);
}

/* A good frame with one field of its session header changed. */
static void
inject_header(struct fixture *f, void (*change)(struct hmi_header *header))
{
	struct hmi_header header;
	uint8_t frame[2048];

	memcpy(frame, f->good, f->length);
	cr_assert_eq(hmi_header_read(&header, frame + PACKET, f->length - PACKET), 0);
	change(&header);
	hmi_header_write(frame + PACKET, &header);
	checksums_mend(frame, f->length);
	inject(f, frame, f->length);
}

static void
ack_ahead(struct hmi_header *header)
{
	header->ack += 1000000;
}

static void
ack_huge(struct hmi_header *header)
{
	header->ack = UINT64_MAX;
}

static void
ack_zero(struct hmi_header *header)
{
	header->ack = 0;
}

static void
sack_ahead(struct hmi_header *header)
{
	header->sack = UINT32_MAX;
}

static void
session_other(struct hmi_header *header)
{
	header->session ^= 1u << 20;
}

static void
session_other_peer(struct hmi_header *header)
{
	header->session ^= 3;
}

static void
number_far(struct hmi_header *header)
{
	header->number += 100000;
}

static void
number_old(struct hmi_header *header)
{
	header->number = 0;
}

static void
kind_fragment(struct hmi_header *header)
{
	header->kind = HMI_FRAGMENT;
}

Test(net_input, header__bad_acknowledgements)
{
	struct fixture *f = fixture_create("--silence-ms 60000");

	inject_header(f, ack_ahead);
	inject_header(f, ack_huge);
	inject_header(f, ack_zero);
	inject_header(f, sack_ahead);
	cr_assert_eq(dropped(f, HM_NET_DROP_ACK), 4);
	cr_assert_eq(f->numbers, 0);
	fixture_destroy(f);
}

Test(net_input, header__forged_session)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint64_t before = dropped(f, HM_NET_DROP_SESSION);

	inject_header(f, session_other);
	inject_header(f, session_other_peer);
	cr_assert_eq(dropped(f, HM_NET_DROP_SESSION), before + 2);
	cr_assert_eq(f->numbers, 0);
	fixture_destroy(f);
}

Test(net_input, header__numbers_out_of_the_window)
{
	struct fixture *f = fixture_create("--silence-ms 60000");

	inject_header(f, number_far);
	cr_assert_eq(dropped(f, HM_NET_DROP_WINDOW), 1);
	inject_header(f, number_old);
	cr_assert_eq(dropped(f, HM_NET_DROP_DUPLICATE), 1);
	inject_header(f, kind_fragment);
	cr_assert_eq(dropped(f, HM_NET_DROP_GARBAGE), 1);
	fixture_destroy(f);
}

Test(net_input, header__right_session_from_a_wrong_address)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t frame[2048];

	memcpy(frame, f->good, f->length);
	((struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET))->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 77));
	checksums_mend(frame, f->length);
	inject(f, frame, f->length);
	memcpy(frame, f->good, f->length);
	((struct rte_udp_hdr *)(frame + HMI_UDP_OFFSET))->src_port = rte_cpu_to_be_16(1);
	checksums_mend(frame, f->length);
	inject(f, frame, f->length);
	cr_assert_eq(dropped(f, HM_NET_DROP_SOURCE), 2);
	fixture_destroy(f);
}

Test(net_input, frame__duplicate_is_delivered_once)
{
	struct fixture *f = fixture_create("--silence-ms 60000");

	for (int i = 0; i < 5; i++)
		inject(f, f->good, f->length);
	cr_assert_eq(dropped(f, HM_NET_DROP_DUPLICATE), 4);
	cr_assert_eq(f->numbers, 1);
	fixture_destroy(f);
}

Test(net_input, frame__fragments_and_options)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	struct rte_ipv4_hdr *ip;
	uint8_t frame[2048];

	memcpy(frame, f->good, f->length);
	ip = (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG);
	checksums_mend(frame, f->length);
	inject(f, frame, f->length);
	cr_assert_eq(dropped(f, HM_NET_DROP_FRAGMENT), 1);

	/* Four bytes of options: legal, and no reason to lose a message. */
	memcpy(frame, f->good, HMI_UDP_OFFSET);
	memset(frame + HMI_UDP_OFFSET, 1, 4);
	memcpy(frame + HMI_UDP_OFFSET + 4, f->good + HMI_UDP_OFFSET, f->length - HMI_UDP_OFFSET);
	ip->version_ihl = 0x46;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(f->length + 4 - HMI_IP_OFFSET));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = hmi_sum_fold(hmi_sum(frame + HMI_IP_OFFSET, 24));
	inject(f, frame, f->length + 4);
	cr_assert_eq(f->numbers, 1);
	fixture_destroy(f);
}

Test(net_input, frame__garbage)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t frame[1500];
	uint64_t frames = pair_net(f->nodes[1]).rx_frames, sum = 0;

	srand(1);
	for (int i = 0; i < 3000; i++) {
		uint32_t length = (uint32_t)rand() % sizeof(frame), start = (uint32_t)rand() % BATCH;

		for (uint32_t at = 0; at < length; at++)
			frame[at] = (uint8_t)rand();
		/* Headers that are good up to somewhere. */
		memcpy(frame, f->good, RTE_MIN(start, length));
		if (length > BATCH && i % 2 == 0)
			checksums_mend(frame, length);
		inject(f, frame, length);
	}
	cr_assert_eq(f->numbers, 0);
	cr_assert_eq(pair_net(f->nodes[1]).rx_frames, frames + 3000);
	for (int i = 0; i < HM_NET_DROPS; i++)
		sum += dropped(f, i);
	cr_assert_gt(sum, 2000);
	fixture_destroy(f);
}

Test(net_input, batch__garbage_in_an_open_session)
{
	/* The packet's number is used up by garbage, as if the peer had sent it. */
	struct fixture *f = fixture_create("--silence-ms 60000");
	struct hmi_header header;
	uint8_t frame[2048];

	srand(2);
	cr_assert_eq(hmi_header_read(&header, f->good + PACKET, f->length - PACKET), 0);
	for (int i = 0; i < 100; i++) {
		memcpy(frame, f->good, BATCH);
		for (uint32_t at = BATCH; at < f->length; at++)
			frame[at] = (uint8_t)rand();
		if (i % 2 == 0)
			memcpy(frame + BATCH, f->good + BATCH, 20);
		hmi_header_write(frame + PACKET, &header);
		checksums_mend(frame, f->length);
		inject(f, frame, f->length);
		header.number++;
	}
	cr_assert_gt(dropped(f, HM_NET_DROP_BATCH), 20, "%lu", dropped(f, HM_NET_DROP_BATCH));
	nodes_stop(f);
}

/* Replace the batch of the good frame by one envelope. */
static void
inject_envelope(struct fixture *f, const struct hmi_envelope *envelope)
{
	struct hmi_header header;
	uint8_t frame[2048], *end;

	memcpy(frame, f->good, BATCH);
	end = hmi_envelope_write(frame + BATCH, envelope);
	cr_assert_eq(hmi_header_read(&header, f->good + PACKET, f->length - PACKET), 0);
	header.length = (uint16_t)(end - frame - BATCH);
	hmi_header_write(frame + PACKET, &header);
	checksums_mend(frame, (uint32_t)(end - frame));
	inject(f, frame, (uint32_t)(end - frame));
}

Test(net_input, envelope__unknown_type_bad_payload_bad_system)
{
	static const uint8_t bad[] = { 0x09, 1, 2, 3 };
	struct fixture *f = fixture_create("--silence-ms 60000");
	struct hmi_envelope envelope = {
		.to = f->sink.local, .type = 12345, .payload = bad, .payload_length = 4
	};

	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_UNKNOWN_TYPE), 1);
	/* Each takes the number of the packet before it plus one. */
	hmi_fixed64_write(f->good + PACKET + 8, hmi_fixed64_read(f->good + PACKET + 8) + 1);
	envelope.type = hm_type_hash("hermod.test.Numbers");
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 1);
	hmi_fixed64_write(f->good + PACKET + 8, hmi_fixed64_read(f->good + PACKET + 8) + 1);
	envelope.type = 0;
	envelope.system = 99;
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 2);
	hmi_fixed64_write(f->good + PACKET + 8, hmi_fixed64_read(f->good + PACKET + 8) + 1);
	envelope.system = HM_SYS_TERMINATED;
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 3);
	hmi_fixed64_write(f->good + PACKET + 8, hmi_fixed64_read(f->good + PACKET + 8) + 1);
	envelope.system = 0;
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_UNKNOWN_TYPE), 2);
	cr_assert_eq(pair_peer(f->nodes[1]).lost, 0);
	nodes_stop(f);
}

/* A handshake packet from 10.0.0.`host`: its header, and `payload`. Returns the answer's length. */
static uint32_t
packet_from(struct fixture *f, uint8_t host, struct hmi_header header, const uint8_t *payload,
	    uint8_t *answer)
{
	struct hmi_address from = { 0 }, to = { 0 };
	struct hmi_flow flow;
	uint8_t frame[512];
	struct rte_mbuf *mbuf;
	uint32_t length = 0;

	memcpy(frame + BATCH, payload, header.length);
	from.ip = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, host));
	from.udp_port = rte_cpu_to_be_16(HMI_UDP_PORT);
	memcpy(&from.mac, "\x02\0\0\0\0", 5);
	from.mac.addr_bytes[5] = host;
	to.ip = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 2));
	to.udp_port = from.udp_port;
	memcpy(&to.mac, f->good, 6);
	hmi_header_write(frame + PACKET, &header);
	hmi_flow_init(&flow, &from, &to);
	hmi_flow_write(&flow, frame, (uint16_t)(HMI_HEADER_BYTES + header.length),
		       hmi_sum(frame + HMI_HEAD_BYTES, HMI_HEADER_BYTES + header.length), false);

	mbuf = rte_pktmbuf_alloc(f->pool);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)(BATCH + header.length)), frame, BATCH + header.length);
	cr_assert_eq(rte_ring_enqueue(f->wire.ab, mbuf), 0);
	hm_system_turn(f->nodes[1]);
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

static void
answer_is(const uint8_t *answer, uint32_t length, enum hmi_kind kind, uint32_t reason)
{
	struct hmi_handshake handshake;
	struct hmi_header header;

	cr_assert_gt(length, BATCH);
	cr_assert_eq(hmi_header_read(&header, answer + PACKET, length - PACKET), 0);
	cr_assert_eq(header.kind, kind, "kind %u", header.kind);
	cr_assert_eq(header.session, 4711);
	cr_assert_eq(header.version, HMI_WIRE_VERSION);
	cr_assert_eq(hmi_handshake_read(&handshake, answer + BATCH, header.length), 0);
	cr_assert_eq(handshake.reason, reason, "reason %u", handshake.reason);
	cr_assert_str_eq(handshake.name, "b");
}

Test(net_input, hello__refused_with_a_reason)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t answer[512];

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

Test(net_input, hello__other_version_is_refused_whatever_else_it_says)
{
	/* Session and protocol are where they always are; 6, a name here, is a number there. */
	static const uint8_t payload[] = { 0x0d, 0x67, 0x12, 0, 0, 0x10, 2, 0x30, 5 };
	struct hmi_header header = { .version = 2, .kind = HMI_HELLO, .length = sizeof(payload) };
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t answer[512];

	answer_is(answer, packet_from(f, 9, header, payload, answer), HMI_REJECT, HMI_REFUSAL_PROTOCOL);
	cr_assert_eq(dropped(f, HM_NET_DROP_VERSION), 1);
	/* Who says neither cannot be answered. */
	header.length = 0;
	cr_assert_eq(packet_from(f, 9, header, payload, answer), 0);
	cr_assert_eq(dropped(f, HM_NET_DROP_HANDSHAKE), 1);
	cr_assert_eq(hm_net_peers(f->nodes[1]), 1);
	fixture_destroy(f);
}

Test(net_input, hello__packets_too_small_for_any_message)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	struct hmi_handshake handshake = stranger("tiny");
	uint8_t answer[512];

	/* A batch for it would be written beyond its end. */
	for (uint32_t bytes = 0; bytes < 516; bytes++) {
		handshake.max_payload = bytes;
		cr_assert_eq(hello_from(f, 9, &handshake, answer), 0, "%u", bytes);
	}
	cr_assert_eq(dropped(f, HM_NET_DROP_HANDSHAKE), 516);
	handshake.max_payload = 516;
	answer_is(answer, hello_from(f, 9, &handshake, answer), HMI_WELCOME, 0);
	fixture_destroy(f);
}

Test(net_input, hello__more_peers_than_there_may_be)
{
	struct fixture *f = fixture_create("--silence-ms 60000");
	uint8_t answer[512];
	char name[16];

	/* Each from the same address, so each is the stranger again under another name. */
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		(void)hello(f, name, answer);
	}
	cr_assert_leq(hm_net_peers(f->nodes[1]), HM_NET_PEERS_MAX);
	fixture_destroy(f);
}
