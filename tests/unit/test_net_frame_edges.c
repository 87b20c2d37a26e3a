/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Ethernet, IPv4, UDP and ICMP headers at their limits: what is taken, and why the rest is not.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_icmp.h>
#include <rte_udp.h>

#include "frame_pvt.h"
#include "icmp_pvt.h"

#define ROOM    2048
#define PAYLOAD 10u

static const struct hmi_address alice = {
	RTE_BE32(0x0a000001), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 1 } }, 0
};
static const struct hmi_address bob = { RTE_BE32(0x0a000002), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 2 } }, 0 };

/* A good frame from Alice to Bob. Returns its length. */
static uint32_t
good_write(uint8_t *frame)
{
	struct hmi_template template;

	memset(frame, 0, ROOM);
	for (uint32_t i = 0; i < PAYLOAD; i++)
		frame[HMI_HEAD_BYTES + i] = (uint8_t)(i + 1);
	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, PAYLOAD, hmi_sum(frame + HMI_HEAD_BYTES, PAYLOAD),
			   HMI_CHECKSUM_SOFTWARE);
	return HMI_HEAD_BYTES + PAYLOAD;
}

static struct rte_ipv4_hdr *
ip_of(uint8_t *frame)
{
	return (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);
}

static struct rte_udp_hdr *
udp_of(uint8_t *frame)
{
	return (struct rte_udp_hdr *)(frame + HMI_UDP_OFFSET);
}

/* Make the IPv4 header's checksum good again, however long it says to be. */
static void
ip_mend(uint8_t *frame)
{
	struct rte_ipv4_hdr *ip = ip_of(frame);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = hmi_sum_fold(hmi_sum(frame + HMI_IP_OFFSET, (ip->version_ihl & 0xfu) * 4u));
}

/* Parse bytes that end where they end. Returns the reason of the drop, or HM_NET_DROPS for UDP and ICMP. */
static enum hm_net_drop
parse(const uint8_t *frame, uint32_t length, struct hmi_frame *parts)
{
	uint8_t *exact = malloc(length > 0 ? length : 1);

	memcpy(exact, frame, length);
	hmi_frame_parse(parts, exact, length, &bob, 0);
	if (parts->kind == HMI_FRAME_UDP || parts->kind == HMI_FRAME_ICMP)
		cr_assert(parts->payload >= exact && parts->payload + parts->length <= exact + length);
	free(exact);
	return parts->kind == HMI_FRAME_DROP ? parts->drop : HM_NET_DROPS;
}

/* ---- Ethernet --------------------------------------------------------------------------- */

Test(frame_ether, parse__every_truncation)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	for (uint32_t cut = 0; cut < length; cut++)
		cr_assert_eq(parse(frame, cut, &parts), HM_NET_DROP_TRUNCATED, "%u bytes", cut);
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROPS);
}

Test(frame_ether, parse__types_other_than_ours)
{
	static const uint16_t types[] = { 0, 0x002e, 0x05dc, 0x86dd, 0x8100, 0x88a8, 0x0801, 0xffff };
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	for (size_t i = 0; i < RTE_DIM(types); i++) {
		frame[12] = (uint8_t)(types[i] >> 8);
		frame[13] = (uint8_t)types[i];
		cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_FOREIGN, "type %x", types[i]);
	}
}

Test(frame_ether, parse__broadcast_is_for_arp_alone)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	memset(frame, 0xff, 6);
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_FOREIGN);
	frame[12] = 0x08;
	frame[13] = 0x06;
	(void)parse(frame, length, &parts);
	cr_assert_eq(parts.kind, HMI_FRAME_ARP);
	cr_assert_eq(parts.length, length - RTE_ETHER_HDR_LEN);
	/* Multicast is not broadcast, and another station's address is not ours. */
	frame[5] = 0xfe;
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_FOREIGN);
	memcpy(frame, &alice.mac, 6);
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_FOREIGN);
}

Test(frame_ether, parse__arp_from_no_station)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	frame[13] = 0x06;
	frame[6] |= 1;
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_MARTIAN);
}

Test(frame_ether, parse__padding_of_any_length_is_not_payload)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	memset(frame + length, 0xa5, ROOM - length);
	for (uint32_t padding = 0; padding < 100; padding++) {
		cr_assert_eq(parse(frame, length + padding, &parts), HM_NET_DROPS, "%u bytes", padding);
		cr_assert_eq(parts.length, PAYLOAD);
	}
}

/* ---- IPv4 ------------------------------------------------------------------------------- */

Test(frame_ip, parse__every_version_and_header_length)
{
	for (unsigned int value = 0; value < 256; value++) {
		uint8_t frame[ROOM];
		uint32_t length = good_write(frame);
		struct hmi_frame parts;
		enum hm_net_drop drop;

		/* Room enough for all options, so that only the field itself is wrong. */
		ip_of(frame)->version_ihl = (uint8_t)value;
		ip_of(frame)->total_length = rte_cpu_to_be_16(80);
		ip_mend(frame);
		drop = parse(frame, length + 60, &parts);
		if (value >> 4 != 4 || (value & 0xf) < 5)
			cr_assert_eq(drop, HM_NET_DROP_HEADER, "%x", value);
		else
			cr_assert_neq(drop, HM_NET_DROP_HEADER, "%x", value);
	}
}

/* The good frame with `words` words of options. Returns its length. */
static uint32_t
options_write(uint8_t *frame, uint32_t words)
{
	uint32_t length = good_write(frame);

	memmove(frame + HMI_UDP_OFFSET + 4 * words, frame + HMI_UDP_OFFSET, length - HMI_UDP_OFFSET);
	memset(frame + HMI_UDP_OFFSET, 1, 4 * words);
	ip_of(frame)->version_ihl = (uint8_t)(0x45 + words);
	ip_of(frame)->total_length = rte_cpu_to_be_16((uint16_t)(length + 4 * words - HMI_IP_OFFSET));
	ip_mend(frame);
	return length + 4 * words;
}

Test(frame_ip, parse__options_of_each_length_are_skipped)
{
	for (uint32_t words = 0; words <= 10; words++) {
		uint8_t frame[ROOM];
		uint32_t length = options_write(frame, words);
		struct hmi_frame parts;

		cr_assert_eq(parse(frame, length, &parts), HM_NET_DROPS, "%u words", words);
		cr_assert_eq(parts.length, PAYLOAD);
		for (uint32_t cut = HMI_UDP_OFFSET; cut < length; cut++)
			cr_assert_eq(parse(frame, cut, &parts), HM_NET_DROP_TRUNCATED, "%u words, %u bytes",
				     words, cut);
	}
}

Test(frame_ip, parse__options_count_for_the_checksum)
{
	uint8_t frame[ROOM];
	uint32_t length = options_write(frame, 10);
	struct hmi_frame parts;

	for (uint32_t at = HMI_IP_OFFSET; at < HMI_UDP_OFFSET + 40; at++) {
		frame[at] ^= 0x10;
		cr_assert_neq(parse(frame, length, &parts), HM_NET_DROPS, "byte %u", at);
		frame[at] ^= 0x10;
	}
	frame[HMI_UDP_OFFSET + 39] ^= 1;
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_CHECKSUM);
}

Test(frame_ip, parse__total_length_from_nothing_to_beyond_the_frame)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame), total = length - HMI_IP_OFFSET;
	struct hmi_frame parts;

	for (uint32_t says = 0; says <= total + 2; says++) {
		enum hm_net_drop drop, want = HM_NET_DROP_TRUNCATED;

		if (says < sizeof(struct rte_ipv4_hdr))
			want = HM_NET_DROP_HEADER;
		else if (says == total)
			want = HM_NET_DROPS;
		ip_of(frame)->total_length = rte_cpu_to_be_16((uint16_t)says);
		ip_mend(frame);
		drop = parse(frame, length, &parts);
		cr_assert_eq(drop, want, "%u bytes: %d", says, drop);
	}
	ip_of(frame)->total_length = UINT16_MAX;
	ip_mend(frame);
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_TRUNCATED);
}

Test(frame_ip, parse__fragments_and_flags)
{
	for (uint32_t bit = 0; bit < 16; bit++) {
		uint8_t frame[ROOM];
		uint32_t length = good_write(frame);
		/* "Don't fragment" and the reserved bit say nothing; more fragments, or an offset, do. */
		enum hm_net_drop want = bit < 14 ? HM_NET_DROP_FRAGMENT : HM_NET_DROPS;
		struct hmi_frame parts;

		ip_of(frame)->fragment_offset = rte_cpu_to_be_16((uint16_t)(1u << bit));
		ip_mend(frame);
		cr_assert_eq(parse(frame, length, &parts), want, "bit %u", bit);
	}
}

Test(frame_ip, parse__every_protocol_but_two_is_foreign)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		if (protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP)
			continue;
		ip_of(frame)->next_proto_id = (uint8_t)protocol;
		ip_mend(frame);
		cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_FOREIGN, "protocol %u", protocol);
	}
}

Test(frame_ip, parse__time_to_live_and_service_do_not_matter)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	for (unsigned int value = 0; value < 256; value++) {
		ip_of(frame)->time_to_live = (uint8_t)value;
		ip_of(frame)->type_of_service = (uint8_t)~value;
		ip_of(frame)->packet_id = rte_cpu_to_be_16((uint16_t)(value * 257));
		ip_mend(frame);
		cr_assert_eq(parse(frame, length, &parts), HM_NET_DROPS, "value %u", value);
	}
}

Test(frame_ip, parse__broadcast_and_neighbours_addresses_are_foreign)
{
	static const uint32_t addresses[] = { 0, 0x0a0000ff, 0x0a000001, 0x0a000003, 0xffffffff, 0xe0000001 };
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	for (size_t i = 0; i < RTE_DIM(addresses); i++) {
		ip_of(frame)->dst_addr = rte_cpu_to_be_32(addresses[i]);
		ip_mend(frame);
		cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_FOREIGN, "address %x", addresses[i]);
	}
}

/* ---- UDP -------------------------------------------------------------------------------- */

Test(frame_udp, parse__length_from_nothing_to_beyond_the_packet)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame), whole = sizeof(struct rte_udp_hdr) + PAYLOAD;
	struct hmi_frame parts;

	/* Without a checksum, so that the length alone decides. */
	udp_of(frame)->dgram_cksum = 0;
	for (uint32_t says = 0; says <= whole + 2; says++) {
		bool fits = says >= sizeof(struct rte_udp_hdr) && says <= whole;

		udp_of(frame)->dgram_len = rte_cpu_to_be_16((uint16_t)says);
		cr_assert_eq(parse(frame, length, &parts), fits ? HM_NET_DROPS : HM_NET_DROP_TRUNCATED,
			     "%u bytes", says);
		if (fits)
			cr_assert_eq(parts.length, says - sizeof(struct rte_udp_hdr));
	}
	/* Padding of the frame does not count, though it is there. */
	udp_of(frame)->dgram_len = rte_cpu_to_be_16((uint16_t)(whole + 1));
	cr_assert_eq(parse(frame, length + 20, &parts), HM_NET_DROP_TRUNCATED);
}

Test(frame_udp, parse__checksum_covers_what_the_length_says_and_no_more)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	/* Four bytes behind UDP's end, within the IPv4 packet. */
	ip_of(frame)->total_length = rte_cpu_to_be_16((uint16_t)(length + 4 - HMI_IP_OFFSET));
	ip_mend(frame);
	memset(frame + length, 0xa5, 4);
	cr_assert_eq(parse(frame, length + 4, &parts), HM_NET_DROPS);
	cr_assert_eq(parts.length, PAYLOAD);
}

Test(frame_udp, parse__each_byte_counts_for_the_checksum)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	for (uint32_t at = HMI_HEAD_BYTES; at < length; at++) {
		frame[at] ^= 0x80;
		cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_CHECKSUM, "byte %u", at);
		frame[at] ^= 0x80;
	}
	/* The source's port, and the source's address, which only the pseudo header has. */
	frame[HMI_UDP_OFFSET] ^= 1;
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_CHECKSUM);
	frame[HMI_UDP_OFFSET] ^= 1;
	ip_of(frame)->src_addr = RTE_BE32(0x0a000003);
	ip_mend(frame);
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_CHECKSUM);
}

Test(frame_udp, write__checksum_that_comes_out_as_zero)
{
	struct hmi_template template;
	uint8_t frame[ROOM] = { 0 };
	struct hmi_frame parts;
	unsigned int zeros = 0;

	/* One of all payloads of two bytes makes the checksum 0, which on the wire would mean "none". */
	hmi_template_init(&template, &alice, &bob);
	for (uint32_t word = 0; word <= UINT16_MAX; word++) {
		memcpy(frame + HMI_HEAD_BYTES, &word, 2);
		hmi_template_write(&template, frame, 2, word, HMI_CHECKSUM_SOFTWARE);
		cr_assert_neq(udp_of(frame)->dgram_cksum, 0, "word %x", word);
		zeros += udp_of(frame)->dgram_cksum == 0xffff;
		hmi_frame_parse(&parts, frame, HMI_HEAD_BYTES + 2, &bob, 0);
		cr_assert_eq(parts.kind, HMI_FRAME_UDP, "word %x", word);
	}
	cr_assert_eq(zeros, 1);
}

Test(frame_udp, parse__no_checksum_is_good_and_one_of_the_two_is_checked)
{
	uint8_t frame[ROOM];
	uint32_t length = good_write(frame);
	struct hmi_frame parts;

	frame[length - 1] ^= 1;
	udp_of(frame)->dgram_cksum = 0;
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROPS);
	/* That of the IPv4 header is no matter of choice. */
	ip_of(frame)->hdr_checksum = 0;
	cr_assert_eq(parse(frame, length, &parts), HM_NET_DROP_CHECKSUM);
	hmi_frame_parse(&parts, frame, length, &bob, HMI_CHECKED_UDP);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
	hmi_frame_parse(&parts, frame, length, &bob, HMI_CHECKED_IP);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP);
	/* What the port has checked of IPv4 says nothing about UDP. */
	udp_of(frame)->dgram_cksum = 1;
	hmi_frame_parse(&parts, frame, length, &bob, HMI_CHECKED_IP);
	cr_assert_eq(parts.kind, HMI_FRAME_DROP);
	cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM);
}

Test(frame_udp, write__longest_packet)
{
	static uint8_t frame[9600 + RTE_ETHER_HDR_LEN];
	uint16_t length = sizeof(frame) - HMI_HEAD_BYTES;
	struct hmi_template template;
	struct hmi_frame parts;

	memset(frame, 0xff, sizeof(frame));
	hmi_template_init(&template, &alice, &bob);
	hmi_template_write(&template, frame, length, hmi_sum(frame + HMI_HEAD_BYTES, length),
			   HMI_CHECKSUM_SOFTWARE);
	hmi_frame_parse(&parts, frame, sizeof(frame), &bob, 0);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP);
	cr_assert_eq(parts.length, length);
}

/* ---- ICMP ------------------------------------------------------------------------------- */

/* An ICMP packet of a type, a code and so many bytes. Returns the frame's length. */
static uint32_t
icmp_write(uint8_t *frame, uint8_t type, uint8_t code, uint16_t bytes)
{
	uint32_t at = hmi_frame_ip_write(frame, &alice, &bob, IPPROTO_ICMP, bytes);
	uint16_t checksum;

	memset(frame + at, 0, bytes);
	if (bytes > 0)
		frame[at] = type;
	if (bytes > 1)
		frame[at + 1] = code;
	checksum = hmi_sum_fold(hmi_sum(frame + at, bytes));
	if (bytes > 3)
		memcpy(frame + at + 2, &checksum, 2);
	return at + bytes;
}

static uint32_t
icmp_answer(uint8_t type, uint8_t code, uint16_t bytes)
{
	uint8_t frame[ROOM], out[ROOM];
	uint32_t length = icmp_write(frame, type, code, bytes);
	struct hmi_frame parts;

	hmi_frame_parse(&parts, frame, length, &bob, 0);
	cr_assert_eq(parts.kind, HMI_FRAME_ICMP);
	return hmi_icmp_answer(&parts, &bob, out, sizeof(out));
}

Test(icmp, answer__only_to_echo_requests)
{
	for (unsigned int type = 0; type < 256; type++)
		cr_assert_eq(icmp_answer((uint8_t)type, 0, 8) != 0, type == HMI_ICMP_ECHO_REQUEST, "type %u",
			     type);
	for (unsigned int code = 1; code < 256; code++)
		cr_assert_eq(icmp_answer(HMI_ICMP_ECHO_REQUEST, (uint8_t)code, 8), 0, "code %u", code);
}

Test(icmp, answer__shorter_than_its_header)
{
	for (uint16_t bytes = 4; bytes < 8; bytes++)
		cr_assert_eq(icmp_answer(HMI_ICMP_ECHO_REQUEST, 0, bytes), 0, "%u bytes", bytes);
	cr_assert_eq(icmp_answer(HMI_ICMP_ECHO_REQUEST, 0, 8), RTE_ETHER_HDR_LEN + 20 + 8);
}

Test(icmp, parse__too_short_for_a_checksum_is_garbage)
{
	uint8_t frame[ROOM];
	struct hmi_frame parts;

	for (uint16_t bytes = 1; bytes < 4; bytes++) {
		uint32_t length = icmp_write(frame, HMI_ICMP_ECHO_REQUEST, 0, bytes);

		hmi_frame_parse(&parts, frame, length, &bob, 0);
		cr_assert_eq(parts.drop, HM_NET_DROP_CHECKSUM, "%u bytes", bytes);
	}
}
