/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Counters: each frame that is dropped is counted once, by its reason; bytes, frames and peers add up.
 */
#include <errno.h>

#include "test_net_lone.h"

#include <rte_icmp.h>
#include <rte_udp.h>

TestSuite(net_counters, .init = pair_eal_start, .timeout = 60);

struct fixture {
	struct lone *lone;
	struct lone_peer peer;
	uint8_t frame[2048];
	uint32_t length;
};

/* A node with a session, and a good ACK of it. */
static struct fixture *
fixture_create(void)
{
	static struct fixture f;
	struct hmi_address from = lone_station(3);

	f.lone = lone_create("--peer-timeout-ms 3600000");
	f.peer = lone_open(f.lone, 3);
	f.length = lone_write(f.lone, &from, lone_header(&f.peer, HMI_ACK), NULL, f.frame);
	return &f;
}

static uint64_t
dropped_all(const struct fixture *f)
{
	struct hm_net_stats stats = pair_net(f->lone->sys);
	uint64_t sum = 0;

	for (int i = 0; i < HM_NET_DROPS; i++)
		sum += stats.rx_dropped[i];
	return sum;
}

/* A frame is dropped for this reason, and counted for no other. */
static void
drop_is(struct fixture *f, const uint8_t *frame, uint32_t length, enum hm_net_drop reason)
{
	uint64_t all = dropped_all(f), one = lone_dropped(f->lone, reason);
	struct hm_net_stats before = pair_net(f->lone->sys), after;

	lone_frame(f->lone, frame, length);
	lone_turn(f->lone);
	after = pair_net(f->lone->sys);
	cr_assert_eq(after.rx_dropped[reason], one + 1, "%s", hm_net_drop_name(reason));
	cr_assert_eq(dropped_all(f), all + 1, "%s", hm_net_drop_name(reason));
	cr_assert_eq(after.rx_frames, before.rx_frames + 1);
	cr_assert_eq(after.rx_bytes, before.rx_bytes + length);
	cr_assert_eq(after.rx_buffers_used, 0);
}

/* The good frame with another header, and checksums that agree. */
static void
header_drop_is(struct fixture *f, const struct hmi_header *header, enum hm_net_drop reason)
{
	struct hmi_address from = lone_station(3);
	uint8_t frame[2048], payload[64] = { 0 };
	uint32_t length = lone_write(f->lone, &from, *header, payload, frame);

	drop_is(f, frame, length, reason);
}

static struct hmi_header
header_good(const struct fixture *f)
{
	struct lone_peer peer = f->peer;

	return lone_header(&peer, HMI_DATA);
}

Test(net_counters, drop__of_frames_by_each_reason)
{
	struct fixture *f = fixture_create();
	uint8_t frame[2048];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);

	drop_is(f, f->frame, f->length - 1, HM_NET_DROP_TRUNCATED);
	drop_is(f, f->frame, 10, HM_NET_DROP_TRUNCATED);
	memcpy(frame, f->frame, f->length);
	frame[0] ^= 2;
	drop_is(f, frame, f->length, HM_NET_DROP_FOREIGN);
	memcpy(frame, f->frame, f->length);
	ip->version_ihl = 0x44;
	drop_is(f, frame, f->length, HM_NET_DROP_HEADER);
	memcpy(frame, f->frame, f->length);
	ip->time_to_live--;
	drop_is(f, frame, f->length, HM_NET_DROP_CHECKSUM);
	frame[f->length - 1] ^= 1;
	ip->time_to_live++;
	drop_is(f, frame, f->length, HM_NET_DROP_CHECKSUM);
	memcpy(frame, f->frame, f->length);
	ip->fragment_offset = RTE_BE16(0x2000);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	drop_is(f, frame, f->length, HM_NET_DROP_FRAGMENT);
	memcpy(frame, f->frame, f->length);
	frame[6] |= 1;
	drop_is(f, frame, f->length, HM_NET_DROP_MARTIAN);
	lone_destroy(f->lone);
}

Test(net_counters, drop__of_packets_by_each_reason)
{
	struct fixture *f = fixture_create();
	struct hmi_header header;

	for (unsigned int kind = 0; kind < 256; kind = kind == 0 ? 7 : kind + 31) {
		header = header_good(f);
		header.kind = (uint8_t)kind;
		header_drop_is(f, &header, HM_NET_DROP_GARBAGE);
	}
	header = header_good(f);
	header.version = HMI_WIRE_VERSION + 1;
	header_drop_is(f, &header, HM_NET_DROP_VERSION);
	header.version = 0;
	header_drop_is(f, &header, HM_NET_DROP_VERSION);
	header = header_good(f);
	header.session = 0;
	header_drop_is(f, &header, HM_NET_DROP_SESSION);
	header.session = f->peer.session + 1;
	header_drop_is(f, &header, HM_NET_DROP_SESSION);
	header = header_good(f);
	header.ack = (uint32_t)lone_net(f->lone)->peers[0]->session.flight.next;
	header_drop_is(f, &header, HM_NET_DROP_ACK);
	header = header_good(f);
	/* That of the packet which has opened the session. */
	header.number = 1;
	header_drop_is(f, &header, HM_NET_DROP_DUPLICATE);
	header.kind = HMI_ACK;
	header_drop_is(f, &header, HM_NET_DROP_DUPLICATE);
	header = header_good(f);
	header.number = 0;
	header_drop_is(f, &header, HM_NET_DROP_WINDOW);
	header.number = 1 + HMI_SEEN_AHEAD + 1;
	header_drop_is(f, &header, HM_NET_DROP_WINDOW);
	header = header_good(f);
	header.sequence = (uint32_t)lone_lane(f->lone, 0)->rx_limit;
	header_drop_is(f, &header, HM_NET_DROP_WINDOW);
	header.sequence = 0;
	header_drop_is(f, &header, HM_NET_DROP_DUPLICATE);
	header = header_good(f);
	header.number++;
	header.length = 3;
	header_drop_is(f, &header, HM_NET_DROP_BATCH);
	header = header_good(f);
	header.kind = HMI_HELLO;
	header_drop_is(f, &header, HM_NET_DROP_HANDSHAKE);
	lone_destroy(f->lone);
}

Test(net_counters, drop__length_of_the_payload_one_off)
{
	for (int off = -1; off <= 1; off += 2) {
		static struct fixture *f;
		struct hmi_address from = lone_station(3);
		uint8_t frame[2048], payload[10] = { 0 };
		struct hmi_header header;
		uint32_t length;

		f = f == NULL ? fixture_create() : f;
		header = header_good(f);
		header.length = sizeof(payload);
		length = lone_write(f->lone, &from, header, payload, frame);
		header.length = (uint16_t)((int)sizeof(payload) + off);
		(void)hmi_header_write(frame + LONE_PACKET, &header);
		/* Without a checksum, which a payload need not have. */
		memset(frame + HMI_UDP_OFFSET + 6, 0, 2);
		drop_is(f, frame, length, HM_NET_DROP_LENGTH);
		if (off == 1)
			lone_destroy(f->lone);
	}
}

Test(net_counters, drop__from_another_source)
{
	struct fixture *f = fixture_create();
	struct hmi_address from = lone_station(4);
	struct hmi_header header = header_good(f);
	uint8_t frame[2048];

	drop_is(f, frame, lone_write(f->lone, &from, header, NULL, frame), HM_NET_DROP_SOURCE);
	from = lone_station(3);
	from.udp_port = RTE_BE16(17356);
	drop_is(f, frame, lone_write(f->lone, &from, header, NULL, frame), HM_NET_DROP_SOURCE);
	lone_destroy(f->lone);
}

Test(net_counters, drop__short_packets_are_garbage)
{
	struct fixture *f = fixture_create();
	struct hmi_address from = lone_station(3), to = lone_station(1);
	struct hmi_template template;
	uint8_t frame[2048] = { 0 };

	to.mac = lone_net(f->lone)->port.mac;
	hmi_template_init(&template, &from, &to);
	for (uint16_t length = 0; length < HMI_HEADER_BYTES; length++) {
		memcpy(frame + LONE_PACKET, f->frame + LONE_PACKET, length);
		hmi_template_write(&template, frame, length, hmi_sum(frame + LONE_PACKET, length),
				   HMI_CHECKSUM_SOFTWARE);
		drop_is(f, frame, LONE_PACKET + length, HM_NET_DROP_GARBAGE);
	}
	lone_destroy(f->lone);
}

Test(net_counters, drop__before_the_address_is_the_nodes)
{
	struct lone *lone = lone_create_early("");
	struct hmi_header header = { .version = HMI_WIRE_VERSION, .kind = HMI_HELLO };
	struct hmi_handshake hello = lone_says(3);
	uint8_t payload[HMI_HANDSHAKE_BYTES];

	header.length = (uint16_t)hmi_handshake_write(&hello, payload);
	lone_pass(lone, 30 * LONE_MS);
	cr_assert_eq(lone_net(lone)->neigh.state, HMI_NEIGH_PROBING);
	lone_put(lone, 3, header, payload);
	lone_turn(lone);
	cr_assert_eq(lone_dropped(lone, HM_NET_DROP_FOREIGN), 1);
	cr_assert_eq(hm_net_peers(lone->sys), 0);
	cr_assert_null(lone_take(lone));
	lone_destroy(lone);
}

/* ---- What is answered -------------------------------------------------------------------------------- */

Test(net_counters, echo__answered_and_counted)
{
	struct fixture *f = fixture_create();
	struct hmi_address from = lone_station(3), to = lone_station(1);
	struct rte_icmp_hdr head = { .icmp_type = 8 };
	uint8_t frame[2048] = { 0 };
	uint32_t at;

	to.mac = lone_net(f->lone)->port.mac;
	at = hmi_frame_ip_write(frame, &from, &to, IPPROTO_ICMP, 64);
	head.icmp_cksum = hmi_sum_fold(hmi_sum((const uint8_t *)&head, sizeof(head)));
	memcpy(frame + at, &head, sizeof(head));
	for (uint64_t i = 1; i <= 3; i++) {
		lone_frame(f->lone, frame, at + 64);
		lone_turn(f->lone);
		cr_assert_eq(pair_net(f->lone->sys).echo_replies, i);
	}
	cr_assert_eq(dropped_all(f), 0);
	/* An answer to nobody's request. */
	head.icmp_type = 0;
	head.icmp_cksum = 0;
	head.icmp_cksum = hmi_sum_fold(hmi_sum((const uint8_t *)&head, sizeof(head)));
	memcpy(frame + at, &head, sizeof(head));
	drop_is(f, frame, at + 64, HM_NET_DROP_FOREIGN);
	cr_assert_eq(pair_net(f->lone->sys).echo_replies, 3);
	lone_destroy(f->lone);
}

Test(net_counters, arp__answers_are_counted_requests_are_not)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");
	uint64_t before = pair_net(lone->sys).arp_replies;
	struct hmi_address from = lone_station(9);
	struct rte_arp_hdr arp = { .arp_hardware = RTE_BE16(1),
				   .arp_protocol = RTE_BE16(0x0800),
				   .arp_hlen = 6,
				   .arp_plen = 4,
				   .arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST) };
	struct rte_ether_addr all = { { 255, 255, 255, 255, 255, 255 } };
	uint8_t frame[HMI_ARP_FRAME];

	lone_pass(lone, 100 * LONE_MS);
	cr_assert_gt(lone->arps, 4);
	cr_assert_eq(pair_net(lone->sys).arp_replies, before);
	arp.arp_data.arp_sha = from.mac;
	arp.arp_data.arp_sip = from.ip;
	arp.arp_data.arp_tip = lone_station(1).ip;
	(void)hmi_frame_ether_write(frame, &from.mac, &all, RTE_ETHER_TYPE_ARP);
	memcpy(frame + RTE_ETHER_HDR_LEN, &arp, sizeof(arp));
	lone_frame(lone, frame, sizeof(frame));
	lone_turn(lone);
	cr_assert_eq(pair_net(lone->sys).arp_replies, before + 1);
	lone_destroy(lone);
}

/* ---- Sums ---------------------------------------------------------------------------------------------- */

Test(net_counters, sent__frames_and_bytes_are_those_on_the_wire)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");
	struct hm_net_stats stats;
	uint64_t bytes, frames;

	lone_pass(lone, 500 * LONE_MS);
	lone_forget(lone);
	stats = pair_net(lone->sys);
	frames = stats.tx_frames;
	bytes = stats.tx_bytes;
	lone_pass(lone, 2 * LONE_SECOND);
	stats = pair_net(lone->sys);
	for (const struct lone_packet *packet; (packet = lone_take(lone)) != NULL; frames++)
		bytes += LONE_PACKET + hmi_header_bytes(packet->header.kind) + packet->header.length;
	cr_assert_eq(stats.tx_frames, frames);
	cr_assert_eq(stats.tx_bytes, bytes);
	cr_assert_eq(stats.tx_held | stats.tx_dropped, 0);
	cr_assert_eq(stats.tx_buffers_used, 0);
	lone_destroy(lone);
}

Test(net_counters, stats__of_the_port)
{
	struct lone *lone = lone_create("");
	struct hm_net_stats stats = pair_net(lone->sys);

	cr_assert_str_eq(stats.port, "net_ring_a");
	cr_assert_eq(stats.mtu, 1500);
	cr_assert(stats.link_up);
	cr_assert_not(stats.address_taken);
	cr_assert(stats.tx_udp_checksum);
	cr_assert_not(stats.tx_checksum_offload);
	lone_destroy(lone);
}

Test(net_counters, peer_stats__of_each_and_of_none)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2:77");
	struct hm_net_peer_stats stats, untouched;

	(void)lone_open(lone, 3);
	cr_assert_eq(hm_net_peers(lone->sys), 2);
	cr_assert_eq(hm_net_peer_stats(lone->sys, 0, &stats), 0);
	cr_assert_str_eq(stats.name, "b");
	cr_assert_eq(stats.ip, RTE_IPV4(10, 0, 0, 2));
	cr_assert_eq(stats.udp_port, 77);
	cr_assert_eq(stats.state, HM_NET_PEER_CALLING);
	cr_assert_eq(stats.sessions, 0);
	cr_assert_eq(hm_net_peer_stats(lone->sys, 1, &stats), 0);
	cr_assert_str_eq(stats.name, "s3");
	cr_assert_eq(stats.state, HM_NET_PEER_OPEN);
	cr_assert_eq(stats.node, lone_says(3).node);
	cr_assert_eq(stats.sessions, 1);
	memset(&stats, 0xee, sizeof(stats));
	untouched = stats;
	cr_assert_eq(hm_net_peer_stats(lone->sys, 2, &stats), -ENOENT);
	cr_assert_eq(hm_net_peer_stats(lone->sys, UINT32_MAX, &stats), -ENOENT);
	cr_assert_eq(memcmp(&stats, &untouched, sizeof(stats)), 0);
	lone_destroy(lone);
}

Test(net_counters, drop_name__each_reason_has_its_own)
{
	for (unsigned int a = 0; a < HM_NET_DROPS; a++) {
		for (unsigned int b = 0; b < a; b++)
			cr_assert_str_neq(hm_net_drop_name((enum hm_net_drop)a),
					  hm_net_drop_name((enum hm_net_drop)b));
	}
	cr_assert_str_eq(hm_net_drop_name((enum hm_net_drop)UINT32_MAX), "unknown");
}
