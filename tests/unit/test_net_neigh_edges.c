/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Neighbours at their limits: when what is asked, who is believed, and whose address it is.
 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_arp.h>

#include "neigh_pvt.h"

#define MS     1000000ull
#define SECOND 1000000000ull
#define START  (100 * SECOND)

/* The limits that docs/wire.md and neigh.c state. */
#define PROBE_NS 20000000ull
#define RETRY_NS 2000000000ull
#define AGE_NS   30000000000ull

static const struct hmi_address alice = {
	RTE_BE32(0x0a000001), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 1 } }, 0xffffff00
};
static const struct hmi_address bob = {
	RTE_BE32(0x0a000002), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 2 } }, 0xffffff00
};
static const struct hmi_address carol = {
	RTE_BE32(0x0a000003), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 3 } }, 0xffffff00
};

/* ---- Packets ---------------------------------------------------------------------------- */

static struct rte_arp_hdr
packet(uint16_t operation, const struct hmi_address *from, rte_be32_t source, rte_be32_t target)
{
	struct rte_arp_hdr arp = {
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = rte_cpu_to_be_16(operation),
	};

	arp.arp_data.arp_sha = from->mac;
	arp.arp_data.arp_sip = source;
	arp.arp_data.arp_tip = target;
	return arp;
}

/* What a frame that was sent says, and to whom it goes. */
static struct rte_arp_hdr
sent(const uint8_t *frame, struct rte_ether_addr *to)
{
	struct rte_arp_hdr arp;

	memcpy(to, frame, sizeof(*to));
	memcpy(&arp, frame + RTE_ETHER_HDR_LEN, sizeof(arp));
	return arp;
}

/* Whether an answer was made to a packet, which is no reason for a drop. */
static bool
hear(struct hmi_neigh *neigh, const struct rte_arp_hdr *arp, uint64_t now, uint8_t *out)
{
	enum hm_net_drop drop = HM_NET_DROP_GARBAGE;
	bool answered = hmi_neigh_receive(neigh, (const uint8_t *)arp, sizeof(*arp), now, out, &drop);

	cr_assert_eq(drop, HM_NET_DROPS);
	return answered;
}

/* Alice, whose address is her own. */
static struct hmi_neigh *
ready(void)
{
	static struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];

	hmi_neigh_init(&neigh, &alice);
	hmi_neigh_link_up(&neigh, START - SECOND);
	for (uint64_t now = START - SECOND; neigh.state != HMI_NEIGH_READY; now += PROBE_NS)
		cr_assert(hmi_neigh_tick(&neigh, now, out));
	return &neigh;
}

/* Alice, who knows where Bob is. */
static struct hmi_neigh *
acquainted(void)
{
	struct rte_arp_hdr reply = packet(RTE_ARP_OP_REPLY, &bob, bob.ip, alice.ip);
	struct hmi_neigh *neigh = ready();
	struct rte_ether_addr mac;
	uint8_t out[HMI_ARP_FRAME];

	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, START, &mac), -EAGAIN);
	cr_assert_not(hear(neigh, &reply, START, out));
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, START, &mac), 0);
	return neigh;
}

/* ---- The own address ---------------------------------------------------------------------- */

Test(neigh_own, tick__without_a_link_nothing_is_sent)
{
	struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];

	hmi_neigh_init(&neigh, &alice);
	for (uint64_t now = 0; now < 10 * SECOND; now += SECOND / 10)
		cr_assert_not(hmi_neigh_tick(&neigh, now, out));
	cr_assert_eq(neigh.state, HMI_NEIGH_WAITING);
}

Test(neigh_own, tick__three_probes_and_an_announcement_each_at_its_time)
{
	struct rte_ether_addr to;
	struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];

	hmi_neigh_init(&neigh, &alice);
	hmi_neigh_link_up(&neigh, START);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t due = START + i * PROBE_NS;
		struct rte_arp_hdr arp;

		if (i > 0)
			cr_assert_not(hmi_neigh_tick(&neigh, due - 1, out), "frame %u is too early", i);
		cr_assert_eq(neigh.state, HMI_NEIGH_PROBING);
		cr_assert(hmi_neigh_tick(&neigh, due, out), "frame %u", i);
		cr_assert_not(hmi_neigh_tick(&neigh, due, out), "frame %u comes twice", i);
		arp = sent(out, &to);
		cr_assert(rte_is_broadcast_ether_addr(&to));
		cr_assert_eq(arp.arp_opcode, RTE_BE16(RTE_ARP_OP_REQUEST));
		cr_assert_eq(arp.arp_data.arp_sip, i < 3 ? 0 : alice.ip, "frame %u", i);
		cr_assert_eq(arp.arp_data.arp_tip, alice.ip);
		cr_assert(rte_is_zero_ether_addr(&arp.arp_data.arp_tha));
		cr_assert(rte_is_same_ether_addr(&arp.arp_data.arp_sha, &alice.mac));
	}
	cr_assert_eq(neigh.state, HMI_NEIGH_READY);
}

Test(neigh_own, link_up__again_is_no_reason_to_probe)
{
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];

	hmi_neigh_link_up(neigh, START);
	cr_assert_eq(neigh->state, HMI_NEIGH_READY);
	cr_assert_not(hmi_neigh_tick(neigh, START + SECOND, out));
	/* Nor does it interrupt what is under way. */
	hmi_neigh_init(neigh, &alice);
	hmi_neigh_link_up(neigh, START);
	cr_assert(hmi_neigh_tick(neigh, START, out));
	hmi_neigh_link_up(neigh, START + 1);
	cr_assert_eq(neigh->probes, 1);
}

Test(neigh_own, conflict__while_probing_waits_its_own_time)
{
	struct rte_arp_hdr claim = packet(RTE_ARP_OP_REPLY, &bob, alice.ip, alice.ip);
	struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];

	for (unsigned int last = 0; last < 256; last += 51) {
		struct hmi_address own = alice;
		uint64_t due = START + RETRY_NS + last * 4 * MS;

		/* By the last byte of the Ethernet address, so that two stations do not meet again. */
		own.mac.addr_bytes[5] = (uint8_t)last;
		hmi_neigh_init(&neigh, &own);
		hmi_neigh_link_up(&neigh, START);
		cr_assert_not(hear(&neigh, &claim, START, out));
		cr_assert_eq(neigh.state, HMI_NEIGH_TAKEN);
		cr_assert(rte_is_same_ether_addr(&neigh.rival, &bob.mac));
		cr_assert_not(hmi_neigh_tick(&neigh, due - 1, out));
		cr_assert_eq(neigh.state, HMI_NEIGH_TAKEN);
		cr_assert(hmi_neigh_tick(&neigh, due, out));
		cr_assert_eq(neigh.state, HMI_NEIGH_PROBING);
		cr_assert_eq(neigh.probes, 1);
	}
}

Test(neigh_own, conflict__while_taken_is_counted_and_delays_nothing)
{
	struct rte_arp_hdr claim = packet(RTE_ARP_OP_REQUEST, &bob, alice.ip, carol.ip);
	struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];
	uint64_t due;

	hmi_neigh_init(&neigh, &alice);
	hmi_neigh_link_up(&neigh, START);
	cr_assert_not(hear(&neigh, &claim, START, out));
	due = neigh.next_ns;
	cr_assert_not(hear(&neigh, &claim, due - 1, out));
	cr_assert_eq(neigh.conflicts, 2);
	cr_assert_eq(neigh.next_ns, due);
	cr_assert(hmi_neigh_tick(&neigh, due, out));
}

Test(neigh_own, conflict__own_packets_that_come_back_are_none)
{
	struct rte_arp_hdr probe = packet(RTE_ARP_OP_REQUEST, &alice, 0, alice.ip);
	struct rte_arp_hdr announcement = packet(RTE_ARP_OP_REQUEST, &alice, alice.ip, alice.ip);
	struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];

	hmi_neigh_init(&neigh, &alice);
	hmi_neigh_link_up(&neigh, START);
	(void)hear(&neigh, &probe, START, out);
	(void)hear(&neigh, &announcement, START, out);
	cr_assert_eq(neigh.state, HMI_NEIGH_PROBING);
	cr_assert_eq(neigh.conflicts, 0);
}

Test(neigh_own, conflict__probe_for_another_address_is_none)
{
	struct rte_arp_hdr probe = packet(RTE_ARP_OP_REQUEST, &bob, 0, carol.ip);
	struct rte_arp_hdr reply = packet(RTE_ARP_OP_REPLY, &bob, 0, alice.ip);
	struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];

	hmi_neigh_init(&neigh, &alice);
	hmi_neigh_link_up(&neigh, START);
	cr_assert_not(hear(&neigh, &probe, START, out));
	/* A reply from no address is no probe either. */
	cr_assert_not(hear(&neigh, &reply, START, out));
	cr_assert_eq(neigh.state, HMI_NEIGH_PROBING);
	cr_assert_eq(neigh.conflicts, 0);
}

Test(neigh_own, defence__once_a_second)
{
	struct rte_arp_hdr claim = packet(RTE_ARP_OP_REPLY, &bob, alice.ip, alice.ip), arp;
	struct hmi_neigh *neigh = ready();
	struct rte_ether_addr to;
	uint8_t out[HMI_ARP_FRAME];

	cr_assert(hear(neigh, &claim, START, out));
	arp = sent(out, &to);
	cr_assert(rte_is_broadcast_ether_addr(&to));
	cr_assert_eq(arp.arp_data.arp_sip, alice.ip);
	cr_assert_eq(arp.arp_data.arp_tip, alice.ip);
	cr_assert_not(hear(neigh, &claim, START + SECOND - 1, out));
	cr_assert(hear(neigh, &claim, START + SECOND, out));
	cr_assert_not(hear(neigh, &claim, START + SECOND, out));
	cr_assert_eq(neigh->conflicts, 4);
	cr_assert_eq(neigh->state, HMI_NEIGH_READY);
}

/* ---- Requests for the own address --------------------------------------------------------- */

Test(neigh_answer, receive__request_is_answered_to_who_asks)
{
	struct rte_arp_hdr request = packet(RTE_ARP_OP_REQUEST, &bob, bob.ip, alice.ip), arp;
	struct hmi_neigh *neigh = ready();
	struct rte_ether_addr to;
	uint8_t out[HMI_ARP_FRAME];

	cr_assert(hear(neigh, &request, START, out));
	arp = sent(out, &to);
	cr_assert(rte_is_same_ether_addr(&to, &bob.mac));
	cr_assert_eq(arp.arp_opcode, RTE_BE16(RTE_ARP_OP_REPLY));
	cr_assert_eq(arp.arp_data.arp_sip, alice.ip);
	cr_assert_eq(arp.arp_data.arp_tip, bob.ip);
	cr_assert(rte_is_same_ether_addr(&arp.arp_data.arp_sha, &alice.mac));
	cr_assert(rte_is_same_ether_addr(&arp.arp_data.arp_tha, &bob.mac));
}

Test(neigh_answer, receive__what_is_not_answered)
{
	struct rte_arp_hdr other = packet(RTE_ARP_OP_REQUEST, &bob, bob.ip, carol.ip);
	struct rte_arp_hdr reply = packet(RTE_ARP_OP_REPLY, &bob, bob.ip, alice.ip);
	struct rte_arp_hdr gratuitous = packet(RTE_ARP_OP_REQUEST, &bob, bob.ip, bob.ip);
	struct rte_arp_hdr request = packet(RTE_ARP_OP_REQUEST, &bob, bob.ip, alice.ip);
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];

	cr_assert_not(hear(neigh, &other, START, out));
	cr_assert_not(hear(neigh, &reply, START, out));
	cr_assert_not(hear(neigh, &gratuitous, START, out));
	/* Nor a request for an address that is not the node's yet. */
	hmi_neigh_init(neigh, &alice);
	cr_assert_not(hear(neigh, &request, START, out));
	hmi_neigh_link_up(neigh, START);
	cr_assert_not(hear(neigh, &request, START, out));
	cr_assert_eq(neigh->conflicts, 0);
}

Test(neigh_answer, receive__probe_for_a_ready_address_is_a_conflict_and_answered)
{
	struct rte_arp_hdr probe = packet(RTE_ARP_OP_REQUEST, &bob, 0, alice.ip), arp;
	struct hmi_neigh *neigh = ready();
	struct rte_ether_addr to;
	uint8_t out[HMI_ARP_FRAME];

	for (uint64_t i = 1; i <= 3; i++) {
		cr_assert(hear(neigh, &probe, START, out));
		arp = sent(out, &to);
		cr_assert_eq(arp.arp_opcode, RTE_BE16(RTE_ARP_OP_REPLY));
		cr_assert_eq(arp.arp_data.arp_tip, 0);
		cr_assert(rte_is_same_ether_addr(&to, &bob.mac));
		cr_assert_eq(neigh->conflicts, i);
	}
	cr_assert(rte_is_same_ether_addr(&neigh->rival, &bob.mac));
}

Test(neigh_answer, receive__operations_that_are_not_ours)
{
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];

	for (uint32_t operation = 0; operation < 1u << 16; operation += operation < 16 ? 1 : 255) {
		struct rte_arp_hdr arp = packet((uint16_t)operation, &bob, bob.ip, carol.ip);
		bool known = operation == RTE_ARP_OP_REQUEST || operation == RTE_ARP_OP_REPLY;
		enum hm_net_drop drop;

		cr_assert_not(
			hmi_neigh_receive(neigh, (const uint8_t *)&arp, sizeof(arp), START, out, &drop));
		cr_assert_eq(drop, known ? HM_NET_DROPS : HM_NET_DROP_HEADER, "operation %u", operation);
	}
}

/* ---- The cache ---------------------------------------------------------------------------- */

Test(neigh_cache, lookup__address_zero_is_nobodys)
{
	struct hmi_neigh *neigh = ready();
	struct rte_ether_addr mac;

	cr_assert_eq(hmi_neigh_lookup(neigh, 0, START, &mac), -ENOSPC);
	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++)
		cr_assert_eq(neigh->entries[i].ip, 0);
}

Test(neigh_cache, lookup__full_table_still_finds_who_is_in_it)
{
	struct hmi_neigh *neigh = acquainted();
	struct rte_ether_addr mac;

	for (uint32_t i = 1; i < HMI_NEIGHBOURS; i++)
		cr_assert_eq(hmi_neigh_lookup(neigh, rte_cpu_to_be_32(0x0a000100 + i), START, &mac), -EAGAIN);
	cr_assert_eq(hmi_neigh_lookup(neigh, carol.ip, START, &mac), -ENOSPC);
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, START, &mac), 0);
	cr_assert_eq(hmi_neigh_lookup(neigh, RTE_BE32(0x0a000101), START, &mac), -EAGAIN);
}

Test(neigh_cache, lookup__place_of_one_that_was_freed)
{
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr mac;
	uint64_t later = START + HMI_NEIGH_UNUSED_NS + 1;

	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++)
		(void)hmi_neigh_lookup(neigh, rte_cpu_to_be_32(0x0a000100 + i), i == 70 ? START : later,
				       &mac);
	while (hmi_neigh_tick(neigh, later, out))
		;
	cr_assert_eq(hmi_neigh_lookup(neigh, carol.ip, later, &mac), -EAGAIN);
	cr_assert_eq(neigh->entries[70].ip, carol.ip);
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, later, &mac), -ENOSPC);
}

Test(neigh_cache, tick__unused_for_exactly_as_long_is_kept)
{
	struct hmi_neigh *neigh = acquainted();
	uint8_t out[HMI_ARP_FRAME];

	while (hmi_neigh_tick(neigh, START + HMI_NEIGH_UNUSED_NS, out))
		;
	cr_assert_eq(neigh->entries[0].ip, bob.ip);
	while (hmi_neigh_tick(neigh, START + HMI_NEIGH_UNUSED_NS + 1, out))
		;
	cr_assert_eq(neigh->entries[0].ip, 0);
}

Test(neigh_cache, tick__requests_at_doubled_intervals_up_to_a_second)
{
	static const uint64_t waits[] = { 50, 100, 200, 400, 800, 1000, 1000, 1000 };
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr mac, to;
	uint64_t now = START;

	(void)hmi_neigh_lookup(neigh, bob.ip, now, &mac);
	cr_assert(hmi_neigh_tick(neigh, now, out));
	for (size_t i = 0; i < RTE_DIM(waits); i++) {
		struct rte_arp_hdr arp;

		now += waits[i] * MS;
		cr_assert_not(hmi_neigh_tick(neigh, now - 1, out), "request %zu", i);
		cr_assert(hmi_neigh_tick(neigh, now, out), "request %zu", i);
		arp = sent(out, &to);
		cr_assert(rte_is_broadcast_ether_addr(&to));
		cr_assert_eq(arp.arp_data.arp_tip, bob.ip);
		cr_assert_eq(arp.arp_data.arp_sip, alice.ip);
	}
}

Test(neigh_cache, tick__one_that_is_known_is_asked_itself_when_it_is_old)
{
	struct hmi_neigh *neigh = acquainted();
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr to;

	cr_assert_not(hmi_neigh_tick(neigh, START + AGE_NS - 1, out));
	cr_assert(hmi_neigh_tick(neigh, START + AGE_NS, out));
	(void)sent(out, &to);
	cr_assert(rte_is_same_ether_addr(&to, &bob.mac));
}

Test(neigh_cache, tick__five_requests_in_vain_and_it_is_forgotten)
{
	struct hmi_neigh *neigh = acquainted();
	uint32_t changes = neigh->changes;
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr mac, to;
	uint64_t now = START + AGE_NS;

	for (unsigned int i = 0; i < 5; i++) {
		now = RTE_MAX(now, neigh->entries[0].ask_ns);
		cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, now, &mac), 0, "request %u", i);
		cr_assert(hmi_neigh_tick(neigh, now, out));
		(void)sent(out, &to);
		cr_assert(rte_is_same_ether_addr(&to, &bob.mac));
	}
	cr_assert_eq(neigh->changes, changes);
	now = neigh->entries[0].ask_ns;
	cr_assert(hmi_neigh_tick(neigh, now, out));
	(void)sent(out, &to);
	/* From now on everybody is asked, and soon again. */
	cr_assert(rte_is_broadcast_ether_addr(&to));
	cr_assert_eq(neigh->changes, changes + 1);
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, now, &mac), -EAGAIN);
	cr_assert_eq(neigh->entries[0].ask_ns, now + 50 * MS);
}

Test(neigh_cache, receive__an_answer_ends_the_asking)
{
	struct rte_arp_hdr reply = packet(RTE_ARP_OP_REPLY, &bob, bob.ip, alice.ip);
	struct hmi_neigh *neigh = acquainted();
	uint32_t changes = neigh->changes;
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr mac;

	for (unsigned int i = 0; i < 4; i++)
		cr_assert(hmi_neigh_tick(neigh, RTE_MAX(START + AGE_NS, neigh->entries[0].ask_ns), out));
	cr_assert_not(hear(neigh, &reply, START + AGE_NS + 5 * SECOND, out));
	cr_assert_eq(neigh->entries[0].asked, 0);
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, START + AGE_NS + 5 * SECOND, &mac), 0);
	cr_assert_not(hmi_neigh_tick(neigh, START + 2 * AGE_NS + 5 * SECOND - 1, out));
	cr_assert(hmi_neigh_tick(neigh, START + 2 * AGE_NS + 5 * SECOND, out));
	/* It is where it was: nobody has to make headers anew. */
	cr_assert_eq(neigh->changes, changes);
}

Test(neigh_cache, receive__gratuitous_replies_are_for_those_in_the_table)
{
	struct rte_arp_hdr moved = packet(RTE_ARP_OP_REQUEST, &carol, bob.ip, bob.ip);
	struct rte_arp_hdr stranger = packet(RTE_ARP_OP_REQUEST, &carol, carol.ip, carol.ip);
	struct hmi_neigh *neigh = acquainted();
	uint32_t changes = neigh->changes;
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr mac;

	cr_assert_not(hear(neigh, &stranger, START, out));
	cr_assert_eq(neigh->changes, changes);
	cr_assert_eq(neigh->entries[1].ip, 0);
	/* Bob's address is at another station now. */
	cr_assert_not(hear(neigh, &moved, START, out));
	cr_assert_eq(neigh->changes, changes + 1);
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, START, &mac), 0);
	cr_assert(rte_is_same_ether_addr(&mac, &carol.mac));
}

Test(neigh_cache, receive__a_request_tells_where_its_sender_is)
{
	struct rte_arp_hdr request = packet(RTE_ARP_OP_REQUEST, &bob, bob.ip, carol.ip);
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];
	struct rte_ether_addr mac;

	(void)hmi_neigh_lookup(neigh, bob.ip, START, &mac);
	cr_assert_not(hear(neigh, &request, START, out));
	cr_assert_eq(hmi_neigh_lookup(neigh, bob.ip, START, &mac), 0);
	cr_assert(rte_is_same_ether_addr(&mac, &bob.mac));
}

Test(neigh_cache, receive__longer_than_a_packet_is_padding)
{
	struct {
		struct rte_arp_hdr arp;
		uint8_t padding[18];
	} frame = { .arp = packet(RTE_ARP_OP_REQUEST, &bob, bob.ip, alice.ip) };
	struct hmi_neigh *neigh = ready();
	uint8_t out[HMI_ARP_FRAME];
	enum hm_net_drop drop;

	cr_assert(hmi_neigh_receive(neigh, (const uint8_t *)&frame, sizeof(frame), START, out, &drop));
	cr_assert_eq(drop, HM_NET_DROPS);
}
