/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whatever comes from the network: counted by its reason, never a crash, a leak or a lost session.
 */
#include "test_net_inject.h"

TestSuite(net_input, .init = pair_eal_start, .timeout = 120);

static const struct hmi_net *
net_of(const struct fixture *f)
{
	return &((const struct hmi_remote *)hm_module_self(f->nodes[1], &hm_net_module))->net;
}

Test(net_input, truncated__at_every_byte)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

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
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
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

/*
 * Another kind, number, sequence, acknowledgement, credit, lane or window may be a good one: those are for the next
 * tests. The last four bytes are a CRC that this port does not look at.
 */
static bool
may_be_good(uint32_t offset)
{
	return offset == 3 || (offset >= 8 && offset < 32) || offset >= 34;
}

Test(net_input, corrupted__every_byte_with_good_checksums)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t frame[2048];

	/* Protocol fields take every value; the message must not arrive more than once, if at all. */
	for (uint32_t at = PACKET; at < BATCH; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			if (f->good[at] == value || may_be_good(at - PACKET))
				continue;
			memcpy(frame, f->good, f->length);
			frame[at] = (uint8_t)value;
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
	header->ack = UINT32_MAX;
}

static void
ack_none(struct hmi_header *header)
{
	header->ack = 0;
	header->run = UINT16_MAX;
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
number_zero(struct hmi_header *header)
{
	header->number = 0;
}

/* That of the packet that has opened the session. */
static void
number_used(struct hmi_header *header)
{
	header->number = 1;
}

/* Any number is good for the next packet; but the data is none that credit was given for. */
static void
sequence_far(struct hmi_header *header)
{
	header->sequence += HMI_RX_RING;
}

static void
lane_control(struct hmi_header *header)
{
	header->lane = HMI_LANE_CONTROL;
}

static void
lane_user(struct hmi_header *header)
{
	header->lane = HMI_LANE_USER;
}

static void
lane_bulk(struct hmi_header *header)
{
	header->lane = HMI_LANE_BULK;
}

static void
kind_fragment(struct hmi_header *header)
{
	header->kind = HMI_FRAGMENT;
}

Test(net_input, header__bad_acknowledgements)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

	inject_header(f, ack_ahead);
	inject_header(f, ack_huge);
	cr_assert_eq(dropped(f, HM_NET_DROP_ACK), 2);
	cr_assert_eq(f->numbers, 0);
	fixture_destroy(f);
}

Test(net_input, header__acknowledgement_of_the_number_sent_last_and_the_next)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t *ack = f->good + PACKET + 16;

	hmi_fixed32_write(ack, (uint32_t)net_of(f)->peers[0]->session.flight.next);
	checksums_mend(f->good, f->length);
	inject(f, f->good, f->length);
	cr_assert_eq(dropped(f, HM_NET_DROP_ACK), 1);
	cr_assert_eq(f->numbers, 0);
	hmi_fixed32_write(ack, hmi_fixed32_read(ack) - 1);
	checksums_mend(f->good, f->length);
	inject(f, f->good, f->length);
	cr_assert_eq(dropped(f, HM_NET_DROP_ACK), 1);
	cr_assert_eq(f->numbers, 1);
	fixture_destroy(f);
}

Test(net_input, header__that_acknowledges_nothing)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

	inject_header(f, ack_none);
	cr_assert_eq(dropped(f, HM_NET_DROP_ACK), 0);
	cr_assert_eq(f->numbers, 1);
	fixture_destroy(f);
}

/* An ACK of node a, under its next number, with this payload. */
static void
inject_ack(struct fixture *f, const uint8_t *payload, uint32_t length)
{
	struct hmi_header header;
	uint8_t frame[2048];

	memcpy(frame, f->good, BATCH);
	cr_assert_eq(hmi_header_read(&header, f->good + PACKET, f->length - PACKET), 0);
	header.kind = HMI_ACK;
	header.length = (uint16_t)length;
	hmi_header_write(frame + PACKET, &header);
	memcpy(frame + BATCH, payload, length);
	checksums_mend(frame, BATCH + length);
	inject(f, frame, BATCH + length);
}

Test(net_input, ranges__that_cannot_be)
{
	/* A length without its other one, packets before the first one, a list that ends beyond its packet, no protobuf. */
	static const uint8_t odd[] = { 0x0a, 1, 0 }, below[] = { 0x0a, 4, 0, 0xff, 0xff, 3 },
			     cut[] = { 0x0a, 4, 0, 0 }, garbage[] = { 0xff, 0xff, 0xff };
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

	inject_ack(f, odd, sizeof(odd));
	inject_ack(f, below, sizeof(below));
	inject_ack(f, cut, sizeof(cut));
	inject_ack(f, garbage, sizeof(garbage));
	cr_assert_eq(dropped(f, HM_NET_DROP_ACK), 4);
	cr_assert_eq(pair_peer(f->nodes[1]).lost, 0);
	/* Their number was not used up. */
	inject(f, f->good, f->length);
	cr_assert_eq(f->numbers, 1);
	fixture_destroy(f);
}

Test(net_input, header__forged_session)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint64_t before = dropped(f, HM_NET_DROP_SESSION);

	inject_header(f, session_other);
	inject_header(f, session_other_peer);
	cr_assert_eq(dropped(f, HM_NET_DROP_SESSION), before + 2);
	cr_assert_eq(f->numbers, 0);
	fixture_destroy(f);
}

Test(net_input, header__numbers_out_of_the_window)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

	inject_header(f, number_far);
	cr_assert_eq(dropped(f, HM_NET_DROP_WINDOW), 1);
	inject_header(f, number_zero);
	cr_assert_eq(dropped(f, HM_NET_DROP_WINDOW), 2);
	inject_header(f, sequence_far);
	cr_assert_eq(dropped(f, HM_NET_DROP_WINDOW), 3);
	inject_header(f, number_used);
	cr_assert_eq(dropped(f, HM_NET_DROP_DUPLICATE), 1);
	inject_header(f, kind_fragment);
	cr_assert_eq(dropped(f, HM_NET_DROP_GARBAGE), 1);
	fixture_destroy(f);
}

static void
lane_unknown(struct hmi_header *header)
{
	header->lane = HMI_LANES;
}

/* Fragments are not known yet. */
Test(net_input, header__lanes_that_there_are_not)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

	inject_header(f, lane_bulk);
	inject_header(f, lane_unknown);
	cr_assert_eq(dropped(f, HM_NET_DROP_GARBAGE), 2);
	cr_assert_eq(f->numbers, 0);
	fixture_destroy(f);
}

/* Lanes have sequences of their own, and take any message. */
Test(net_input, header__data_of_control_and_users_lane)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t *number = f->good + PACKET + 8;

	for (uint64_t round = 1; round < 40; round++) {
		inject_header(f, lane_control);
		hmi_fixed32_write(number, hmi_fixed32_read(number) + 1);
		inject_header(f, lane_user);
		cr_assert_eq(f->numbers, 2 * round);
		good_advance(f);
	}
	cr_assert_eq(pair_peer(f->nodes[1]).messages_received, f->numbers);
	nodes_stop(f);
}

Test(net_input, header__right_session_from_a_wrong_address)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
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
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");

	for (int i = 0; i < 5; i++)
		inject(f, f->good, f->length);
	cr_assert_eq(dropped(f, HM_NET_DROP_DUPLICATE), 4);
	cr_assert_eq(f->numbers, 1);
	fixture_destroy(f);
}

Test(net_input, frame__fragments_and_options)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
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
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
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
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
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
		header.sequence++;
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

Test(net_input, envelope__notification_of_another_nodes_process)
{
	struct hm_terminated terminated = { .reason = HM_TERMINATED_STOPPED };
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t payload[HMI_TERMINATED_BYTES];
	struct hmi_envelope envelope = {
		.to = f->sink.local, .from = 7, .system = HM_SYS_TERMINATED, .payload = payload
	};

	for (int own = 0; own < 2; own++) {
		terminated.who = (struct hm_pid){ own ? hm_system_node(f->nodes[0]) : 4711, 7 };
		envelope.payload_length =
			(uint32_t)(hmi_wire_terminated_write(payload, &terminated) - payload);
		inject_envelope(f, &envelope);
		cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 1);
		good_advance(f);
	}
	nodes_stop(f);
}

Test(net_input, envelope__unknown_type_bad_payload_bad_system)
{
	static const uint8_t bad[] = { 0x09, 1, 2, 3 };
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_envelope envelope = {
		.to = f->sink.local, .type = 12345, .payload = bad, .payload_length = 4
	};

	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_UNKNOWN_TYPE), 1);
	/* Each takes the number of the packet before it plus one. */
	good_advance(f);
	envelope.type = hm_type_hash("hermod.test.Numbers");
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 1);
	good_advance(f);
	envelope.type = 0;
	envelope.system = 99;
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 2);
	good_advance(f);
	envelope.system = HM_SYS_TERMINATED;
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 3);
	good_advance(f);
	envelope.system = 0;
	inject_envelope(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_UNKNOWN_TYPE), 2);
	cr_assert_eq(pair_peer(f->nodes[1]).lost, 0);
	nodes_stop(f);
}
