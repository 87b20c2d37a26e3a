/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Frames, ARP and ping: pure functions of bytes and time.
 */
#include <errno.h>

#include <criterion/criterion.h>
#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_udp.h>

#include "frame_pvt.h"
#include "icmp_pvt.h"
#include "neigh_pvt.h"

#define SECOND 1000000000ull

static const struct hmi_address alice = {
	RTE_BE32(0x0a000001), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 1 } }, 0
};
static const struct hmi_address bob = { RTE_BE32(0x0a000002), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 2 } }, 0 };

/* ---- Frames ---------------------------------------------------------------------- */

/* What docs/wire.md says of the head of each frame. */
static void
head_check(const uint8_t *frame)
{
	const struct rte_ether_hdr *ether = (const void *)frame;
	const struct rte_ipv4_hdr *ip = (const void *)(frame + HMI_IP_OFFSET);
	const struct rte_udp_hdr *udp = (const void *)(frame + HMI_UDP_OFFSET);

	cr_assert_eq(ether->ether_type, RTE_BE16(0x0800));
	cr_assert(rte_is_same_ether_addr(&ether->dst_addr, &bob.mac));
	cr_assert_eq(ip->version_ihl, 0x45);
	cr_assert_eq(ip->next_proto_id, 17);
	cr_assert_eq(ip->fragment_offset, RTE_BE16(RTE_IPV4_HDR_DF_FLAG), "don't fragment");
	cr_assert_eq(ip->time_to_live, 64);
	cr_assert_eq(udp->src_port, alice.udp_port);
	cr_assert_eq(udp->dst_port, bob.udp_port);
}

Test(frame, write__head_is_that_of_the_document_and_dpdk_finds_the_checksums_good)
{
	uint8_t frame[1600];
	struct hmi_template template;

	hmi_template_init(&template, &alice, &bob);
	for (uint16_t length = 0; length < 1400; length++) {
		const struct rte_ipv4_hdr *ip = (const void *)(frame + HMI_IP_OFFSET);
		const struct rte_udp_hdr *udp = (const void *)(frame + HMI_UDP_OFFSET);
		struct hmi_frame parts;

		for (uint16_t i = 0; i < length; i++)
			frame[HMI_HEAD_BYTES + i] = (uint8_t)(i * 31 + length);
		hmi_template_write(&template, frame, length, hmi_sum(frame + HMI_HEAD_BYTES, length),
				   HMI_CHECKSUM_SOFTWARE);
		head_check(frame);
		/* Over the checksum itself, DPDK's sum comes out as nothing; or all ones, for none. */
		cr_assert(rte_ipv4_udptcp_cksum(ip, udp) == 0 || rte_ipv4_udptcp_cksum(ip, udp) == 0xffff,
			  "length %u", length);
		cr_assert_eq((uint16_t)~rte_raw_cksum(ip, sizeof(*ip)), 0);
		hmi_frame_parse(&parts, frame, HMI_HEAD_BYTES + length, &bob, 0);
		cr_assert_eq(parts.kind, HMI_FRAME_UDP, "length %u", length);
		cr_assert_eq(parts.length, length);
		cr_assert_eq(parts.payload, frame + HMI_HEAD_BYTES);
		cr_assert_eq(parts.source.ip, alice.ip);
		cr_assert_eq(parts.source.udp_port, alice.udp_port);
	}
}

Test(frame, write__checksums_are_good_whatever_the_addresses)
{
	struct hmi_address from = alice, to = bob;
	uint8_t frame[100] = { 0 };
	struct hmi_frame parts;
	struct hmi_template template;

	/* Where the carry comes from depends on the byte order: so the first and the last octet. */
	for (uint32_t octets = 0; octets < 1u << 16; octets += 3) {
		from.ip = rte_cpu_to_be_32(RTE_IPV4(octets >> 8, 0, 0, octets >> 8));
		to.ip = rte_cpu_to_be_32(RTE_IPV4(octets & 0xff, 0, 0, octets & 0xff));
		if (!hmi_ip_is_station(from.ip))
			continue;
		hmi_template_init(&template, &from, &to);
		hmi_template_write(&template, frame, 40, hmi_sum(frame + HMI_HEAD_BYTES, 40),
				   HMI_CHECKSUM_SOFTWARE);
		hmi_frame_parse(&parts, frame, HMI_HEAD_BYTES + 40, &to, 0);
		cr_assert_eq(parts.kind, HMI_FRAME_UDP, "octets %x: drop %d", octets, parts.drop);
	}
}

Test(frame, parse__padding_is_not_payload)
{
	uint8_t frame[100] = { 0 };
	struct hmi_frame parts;
	struct hmi_template template;

	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, 3, hmi_sum(frame + HMI_HEAD_BYTES, 3), HMI_CHECKSUM_SOFTWARE);
	hmi_frame_parse(&parts, frame, 60, &bob, 0);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP);
	cr_assert_eq(parts.length, 3);
}

Test(frame, parse__what_the_port_checked_is_not_checked_again)
{
	uint8_t frame[100] = { 0 };
	struct hmi_frame parts;
	struct hmi_template template;

	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, 4, hmi_sum(frame + HMI_HEAD_BYTES, 4), HMI_CHECKSUM_OFFLOAD);
	hmi_frame_parse(&parts, frame, 46, &bob, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
	hmi_frame_parse(&parts, frame, 46, &bob, HMI_CHECKED_IP | HMI_CHECKED_UDP);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP);
}

Test(frame, parse__for_others)
{
	struct hmi_address other = bob;
	uint8_t frame[100] = { 0 };
	struct hmi_frame parts;
	struct hmi_template template;

	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, 4, hmi_sum(frame + HMI_HEAD_BYTES, 4), HMI_CHECKSUM_SOFTWARE);
	hmi_frame_parse(&parts, frame, 46, &alice, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_FOREIGN);
	other.ip = RTE_BE32(0x0a000009);
	hmi_frame_parse(&parts, frame, 46, &other, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_FOREIGN);
	other = bob;
	other.udp_port = RTE_BE16(1);
	hmi_frame_parse(&parts, frame, 46, &other, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_FOREIGN);
}

Test(frame, parse__checksum_of_zero_is_none)
{
	uint8_t frame[100] = { 0 };
	struct hmi_frame parts;
	struct hmi_template template;

	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, 4, hmi_sum(frame + HMI_HEAD_BYTES, 4), HMI_CHECKSUM_SOFTWARE);
	/* Whatever the payload, without a checksum nothing is compared. */
	frame[HMI_HEAD_BYTES] ^= 1;
	hmi_frame_parse(&parts, frame, 46, &bob, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
	memset(frame + HMI_UDP_OFFSET + 6, 0, 2);
	hmi_frame_parse(&parts, frame, 46, &bob, 0);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP);
	cr_assert_eq(parts.length, 4);
	/* One of the two bytes is a checksum. */
	frame[HMI_UDP_OFFSET + 7] = 1;
	hmi_frame_parse(&parts, frame, 46, &bob, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
}

Test(frame, write__without_a_udp_checksum)
{
	uint8_t frame[100] = { 0 };
	struct hmi_template template;
	struct hmi_frame parts;

	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, 40, 0, HMI_CHECKSUM_NO_UDP);
	cr_assert_eq(frame[HMI_UDP_OFFSET + 6] | frame[HMI_UDP_OFFSET + 7], 0);
	/* That of the IPv4 header is there, and checked. */
	cr_assert_eq((uint16_t)~rte_raw_cksum(frame + HMI_IP_OFFSET, sizeof(struct rte_ipv4_hdr)), 0);
	hmi_frame_parse(&parts, frame, HMI_HEAD_BYTES + 40, &bob, 0);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP);
	cr_assert_eq(parts.length, 40);
	frame[HMI_IP_OFFSET + 8] ^= 1;
	hmi_frame_parse(&parts, frame, HMI_HEAD_BYTES + 40, &bob, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
}

Test(frame, parse__impossible_sources)
{
	static const struct rte_ether_addr macs[] = { { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
						      { { 1, 0, 0x5e, 0, 0, 1 } },
						      { { 0 } } };
	const uint32_t ips[] = { 0,
				 RTE_IPV4(127u, 0, 0, 1),
				 RTE_IPV4(224u, 0, 0, 1),
				 RTE_IPV4(240u, 1, 1, 1),
				 RTE_IPV4(255u, 255, 255, 255),
				 RTE_IPV4(10u, 0, 0, 255),
				 RTE_IPV4(10u, 0, 0, 0) };
	struct hmi_address from, own = bob;
	struct hmi_template template;
	uint8_t frame[100] = { 0 };
	struct hmi_frame parts;

	own.mask = 0xffffff00;
	for (size_t i = 0; i < RTE_DIM(macs) + RTE_DIM(ips); i++) {
		from = alice;
		if (i < RTE_DIM(macs))
			from.mac = macs[i];
		else
			from.ip = rte_cpu_to_be_32(ips[i - RTE_DIM(macs)]);
		hmi_template_init(&template, &from, &bob);
		hmi_template_write(&template, frame, 4, hmi_sum(frame + HMI_HEAD_BYTES, 4),
				   HMI_CHECKSUM_SOFTWARE);
		hmi_frame_parse(&parts, frame, 46, &own, 0);
		cr_assert_eq(parts.kind, HMI_FRAME_DROP, "source %zu", i);
		cr_assert_eq(parts.drop, HM_NET_DROP_MARTIAN, "source %zu", i);
	}
}

/* ---- Ping ------------------------------------------------------------------------- */

static uint32_t
ping_write(uint8_t *frame, uint32_t data)
{
	uint32_t at = hmi_frame_ip_write(frame, &alice, &bob, IPPROTO_ICMP, (uint16_t)(8 + data));
	struct rte_icmp_hdr head = { .icmp_type = HMI_ICMP_ECHO_REQUEST, .icmp_ident = 5, .icmp_seq_nb = 6 };

	memset(frame + at + 8, 0x77, data);
	memcpy(frame + at, &head, sizeof(head));
	head.icmp_cksum = hmi_sum_fold(hmi_sum(frame + at, 8 + data));
	memcpy(frame + at, &head, sizeof(head));
	return at + 8 + data;
}

Test(icmp, answer__echo_of_the_request)
{
	for (uint32_t data = 0; data < 200; data++) {
		uint8_t ping[300], pong[300];
		struct hmi_frame parts;
		uint32_t length = ping_write(ping, data);

		hmi_frame_parse(&parts, ping, length, &bob, 0);
		cr_assert_eq(parts.kind, HMI_FRAME_ICMP);
		cr_assert_eq(hmi_icmp_answer(&parts, &bob, pong, sizeof(pong)), length);
		hmi_frame_parse(&parts, pong, length, &alice, 0);
		cr_assert_eq(parts.kind, HMI_FRAME_ICMP);
		cr_assert_eq(parts.payload[0], HMI_ICMP_ECHO_REPLY);
		cr_assert_arr_eq(parts.payload + 4, ping + length - data - 4, data + 4);
		/* An answer is not answered. */
		cr_assert_eq(hmi_icmp_answer(&parts, &alice, ping, sizeof(ping)), 0);
	}
}

Test(icmp, answer__damaged_or_too_long)
{
	uint8_t ping[300], pong[300];
	struct hmi_frame parts;
	uint32_t length = ping_write(ping, 100);

	hmi_frame_parse(&parts, ping, length, &bob, 0);
	cr_assert_eq(hmi_icmp_answer(&parts, &bob, pong, length - 1), 0);
	ping[length - 1] ^= 1;
	hmi_frame_parse(&parts, ping, length, &bob, 0);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
}

/* ---- ARP -------------------------------------------------------------------------- */

/* Let a station acquire its address; returns the time when it has. */
static uint64_t
acquire(struct hmi_neigh *neigh, const struct hmi_address *own, uint64_t now)
{
	uint8_t out[HMI_ARP_FRAME];
	int sent = 0;

	hmi_neigh_init(neigh, own);
	hmi_neigh_link_up(neigh, now);
	for (; neigh->state != HMI_NEIGH_READY; now += SECOND / 1000)
		sent += hmi_neigh_tick(neigh, now, out);
	/* Three probes and the announcement. */
	cr_assert_eq(sent, 4);
	return now;
}

/* Hand a frame of one station to another. Returns whether `out` holds an answer. */
static bool
hear(struct hmi_neigh *neigh, const uint8_t *frame, uint64_t now, uint8_t *out)
{
	enum hm_net_drop drop;
	bool answered = hmi_neigh_receive(neigh, frame + RTE_ETHER_HDR_LEN, HMI_ARP_FRAME - RTE_ETHER_HDR_LEN,
					  now, out, &drop);

	cr_assert_eq(drop, HM_NET_DROPS);
	return answered;
}

Test(neigh, lookup__asked_answered_known)
{
	uint8_t request[HMI_ARP_FRAME], reply[HMI_ARP_FRAME];
	struct hmi_neigh a, b;
	struct rte_ether_addr mac;
	uint64_t now = acquire(&a, &alice, SECOND);

	acquire(&b, &bob, SECOND);
	cr_assert_neq(hmi_neigh_lookup(&a, bob.ip, now, &mac), 0);
	cr_assert(hmi_neigh_tick(&a, now, request));
	cr_assert_not(hmi_neigh_tick(&a, now, reply));
	cr_assert(hear(&b, request, now, reply));
	cr_assert_not(hear(&a, reply, now, request));
	cr_assert_eq(hmi_neigh_lookup(&a, bob.ip, now, &mac), 0);
	cr_assert(rte_is_same_ether_addr(&mac, &bob.mac));
}

Test(neigh, tick__asks_again_and_forgets_who_does_not_answer)
{
	uint8_t request[HMI_ARP_FRAME], reply[HMI_ARP_FRAME];
	struct hmi_neigh a, b;
	struct rte_ether_addr mac;
	uint64_t now = acquire(&a, &alice, SECOND);
	uint32_t asked = 0;

	acquire(&b, &bob, SECOND);
	(void)hmi_neigh_lookup(&a, bob.ip, now, &mac);
	cr_assert(hmi_neigh_tick(&a, now, request));
	cr_assert(hear(&b, request, now, reply));
	(void)hear(&a, reply, now, request);
	for (uint64_t end = now + 60 * SECOND; now < end; now += SECOND / 100)
		asked += hmi_neigh_tick(&a, now, request);
	cr_assert_gt(asked, 3);
	cr_assert_lt(asked, 60);
	cr_assert_neq(hmi_neigh_lookup(&a, bob.ip, now, &mac), 0);
	/* It comes back. */
	cr_assert(hear(&b, request, now, reply));
	(void)hear(&a, reply, now, request);
	cr_assert_eq(hmi_neigh_lookup(&a, bob.ip, now, &mac), 0);
}

Test(neigh, receive__strangers_are_not_remembered)
{
	uint8_t request[HMI_ARP_FRAME], reply[HMI_ARP_FRAME];
	struct hmi_neigh a, b;
	uint64_t now = acquire(&a, &alice, SECOND);

	acquire(&b, &bob, SECOND);
	(void)hmi_neigh_lookup(&b, alice.ip, now, &(struct rte_ether_addr){ 0 });
	cr_assert(hmi_neigh_tick(&b, now, request));
	cr_assert(hear(&a, request, now, reply));
	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++)
		cr_assert_eq(a.entries[i].ip, 0);
}

Test(neigh, tick__entries_that_nobody_looks_up_are_freed)
{
	uint8_t out[HMI_ARP_FRAME], reply[HMI_ARP_FRAME];
	struct hmi_neigh a, b;
	struct rte_ether_addr mac;
	uint64_t now = acquire(&a, &alice, SECOND), freed;

	acquire(&b, &bob, SECOND);
	(void)hmi_neigh_lookup(&a, bob.ip, now, &mac);
	(void)hmi_neigh_lookup(&a, RTE_BE32(0x0a000003), now, &mac);
	/* Bob answers for two minutes, and is looked up now and then; the third address is not. */
	for (uint64_t end = now + 120 * SECOND; now < end; now += SECOND / 10) {
		while (hmi_neigh_tick(&a, now, out)) {
			if (hear(&b, out, now, reply))
				(void)hear(&a, reply, now, out);
		}
		if (now / SECOND % 30 == 0)
			cr_assert_eq(hmi_neigh_lookup(&a, bob.ip, now, &mac),
				     now < end - 119 * SECOND ? -EAGAIN : 0);
	}
	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++)
		cr_assert(a.entries[i].ip == 0 || a.entries[i].ip == bob.ip);
	cr_assert_eq(hmi_neigh_lookup(&a, bob.ip, now, &mac), 0);
	/* From then on nobody looks Bob up: revalidated for a while, then freed, and not asked for any more. */
	freed = now + HMI_NEIGH_UNUSED_NS + SECOND;
	for (; now < freed; now += SECOND / 10) {
		while (hmi_neigh_tick(&a, now, out)) {
			if (hear(&b, out, now, reply))
				(void)hear(&a, reply, now, out);
		}
	}
	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++)
		cr_assert_eq(a.entries[i].ip, 0);
	cr_assert_not(hmi_neigh_tick(&a, now + 100 * SECOND, out));
}

Test(neigh, receive__impossible_senders)
{
	uint8_t request[HMI_ARP_FRAME], out[HMI_ARP_FRAME];
	struct hmi_address own = bob;
	struct hmi_neigh a, b;
	struct rte_ether_addr mac;
	uint64_t now = acquire(&a, &alice, SECOND);
	enum hm_net_drop drop;

	own.mask = 0xffffff00;
	acquire(&b, &own, SECOND);
	(void)hmi_neigh_lookup(&a, bob.ip, now, &mac);
	cr_assert(hmi_neigh_tick(&a, now, request));
	/* Sender's addresses: Ethernet from byte 22, IPv4 from byte 28 on. */
	for (int i = 0; i < 4; i++) {
		uint8_t bad[HMI_ARP_FRAME];

		memcpy(bad, request, sizeof(bad));
		if (i == 0)
			bad[22] |= 1;
		else if (i == 1)
			memset(bad + 22, 0, 6);
		else if (i == 2)
			bad[28] = 224;
		else
			bad[31] = 255;
		cr_assert_not(hmi_neigh_receive(&b, bad + RTE_ETHER_HDR_LEN,
						HMI_ARP_FRAME - RTE_ETHER_HDR_LEN, now, out, &drop));
		cr_assert_eq(drop, HM_NET_DROP_MARTIAN, "sender %d", i);
	}
	cr_assert(hear(&b, request, now, out));
}

Test(neigh, lookup__more_than_there_is_room_for)
{
	struct rte_ether_addr mac;
	struct hmi_neigh a;
	uint64_t now = acquire(&a, &alice, SECOND);

	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++)
		cr_assert_eq(hmi_neigh_lookup(&a, rte_cpu_to_be_32(0x0a000100 + i), now, &mac), -EAGAIN);
	cr_assert_eq(hmi_neigh_lookup(&a, bob.ip, now, &mac), -ENOSPC);
}

Test(neigh, conflict__owner_defends_the_newcomer_waits)
{
	struct hmi_address rival = bob;
	uint8_t probe[HMI_ARP_FRAME], defence[HMI_ARP_FRAME];
	struct hmi_neigh a, b;
	uint64_t now = acquire(&a, &alice, SECOND);

	rival.ip = alice.ip;
	hmi_neigh_init(&b, &rival);
	hmi_neigh_link_up(&b, now);
	cr_assert(hmi_neigh_tick(&b, now, probe));
	cr_assert(hear(&a, probe, now, defence));
	cr_assert_eq(a.conflicts, 1);
	cr_assert_not(hear(&b, defence, now, probe));
	cr_assert_eq(b.state, HMI_NEIGH_TAKEN);
	cr_assert_eq(a.state, HMI_NEIGH_READY);
	/* Later the address is free. */
	for (uint64_t end = now + 10 * SECOND; now < end; now += SECOND / 100)
		(void)hmi_neigh_tick(&b, now, probe);
	cr_assert_eq(b.state, HMI_NEIGH_READY);
}

Test(neigh, conflict__two_that_start_together_both_wait)
{
	struct hmi_address rival = bob;
	uint8_t probe_a[HMI_ARP_FRAME], probe_b[HMI_ARP_FRAME], out[HMI_ARP_FRAME];
	struct hmi_neigh a, b;

	rival.ip = alice.ip;
	hmi_neigh_init(&a, &alice);
	hmi_neigh_init(&b, &rival);
	hmi_neigh_link_up(&a, SECOND);
	hmi_neigh_link_up(&b, SECOND);
	cr_assert(hmi_neigh_tick(&a, SECOND, probe_a));
	cr_assert(hmi_neigh_tick(&b, SECOND, probe_b));
	cr_assert_not(hear(&a, probe_b, SECOND, out));
	cr_assert_not(hear(&b, probe_a, SECOND, out));
	cr_assert_eq(a.state, HMI_NEIGH_TAKEN);
	cr_assert_eq(b.state, HMI_NEIGH_TAKEN);
	cr_assert_neq(a.next_ns, b.next_ns);
}

Test(neigh, receive__garbage)
{
	uint8_t good[HMI_ARP_FRAME], bytes[28], out[HMI_ARP_FRAME];
	enum hm_net_drop drop;
	struct hmi_neigh a, b;
	uint64_t now = acquire(&a, &alice, SECOND);

	acquire(&b, &bob, SECOND);
	(void)hmi_neigh_lookup(&b, alice.ip, now, &(struct rte_ether_addr){ 0 });
	cr_assert(hmi_neigh_tick(&b, now, good));
	for (uint32_t length = 0; length < 28; length++) {
		cr_assert_not(hmi_neigh_receive(&a, good + 14, length, now, out, &drop));
		cr_assert_eq(drop, HM_NET_DROP_TRUNCATED);
	}
	for (uint32_t at = 0; at < 8; at++) {
		memcpy(bytes, good + 14, sizeof(bytes));
		bytes[at] ^= 0x40;
		cr_assert_not(hmi_neigh_receive(&a, bytes, sizeof(bytes), now, out, &drop));
		cr_assert_eq(drop, HM_NET_DROP_HEADER);
	}
}
