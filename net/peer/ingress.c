/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * In: parses frames, and dispatches packets to their session.
 */
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "connect_pvt.h"
#include "end_pvt.h"
#include "handover_pvt.h"
#include "icmp_pvt.h"
#include "ingress_pvt.h"
#include "ranges_pvt.h"
#include "seal_pvt.h"
#include "table_pvt.h"
#include "transmit_pvt.h"

#define ICMP_FRAME_MAX 2048u

/* ---- Packets ------------------------------------------------------------------------ */

/* Process what a packet acknowledges. Returns whether that is valid. */
static bool
acknowledge(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
	    const struct rte_mbuf *frame)
{
	struct hmi_acknowledgement ack = { .header = header };
	struct hmi_range ranges[HMI_RANGES];

	if (unlikely(header->kind != HMI_DATA && header->length > 0)) {
		uint32_t length;
		const uint8_t *payload = hmi_handover_payload(frame, &length);
		int count =
			hmi_ranges_read(ranges, hmi_session_ack_low(&peer->session, header), payload, length);

		if (count < 0)
			return false;
		ack.ranges = ranges;
		ack.count = (uint32_t)count;
	}
	return hmi_session_acknowledge(&peer->session, &ack, net->now);
}

/* DATA, ACK or BYE of a session. Returns whether the frame was kept or freed. */
static bool
session_receive(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
		struct rte_mbuf *frame)
{
	bool kept = false;

	if (unlikely(peer->session.state != HMI_SESSION_OPEN)) {
		if (net->gone || hmi_peer_is_ending(net, peer, peer->session.peer_node) ||
		    !hmi_handshake_confirm(&peer->session, net->now)) {
			hmi_net_drop(net, HM_NET_DROP_SESSION);
			return false;
		}
		hmi_peer_opened(net, peer);
	}
	if (unlikely(!acknowledge(net, peer, header, frame))) {
		hmi_net_drop(net, HM_NET_DROP_ACK);
		return false;
	}
	if (unlikely(net->gone))
		return false;
	if (likely(header->kind == HMI_DATA))
		kept = hmi_handover_packet(net, peer, header, frame);
	else if (!hmi_session_note(&peer->session, header, net->now))
		hmi_net_drop(net, HM_NET_DROP_DUPLICATE);
	else if (header->kind == HMI_BYE)
		hmi_peer_lost(net, peer, "disconnected");
	hmi_peer_activate(net, peer);
	return kept;
}

/* Whether a packet is of a kind, and of a lane, that this node takes part in. */
static bool
is_known(const struct hmi_header *header)
{
	if (header->kind < HMI_DATA || header->kind > HMI_BYE)
		return false;
	return header->lane < (header->kind == HMI_DATA ? HMI_LANE_BULK : HMI_LANES);
}

/* A packet of the session protocol. Returns whether the frame was kept or freed. */
static bool
packet_receive(struct hmi_net *net, const struct hmi_frame *parts, struct rte_mbuf *frame)
{
	struct hmi_header header;
	struct hmi_peer *peer;

	if (unlikely(hmi_header_read(&header, parts->payload, parts->length) != 0)) {
		hmi_net_drop(net, HM_NET_DROP_GARBAGE);
		return false;
	}
	if (unlikely(hmi_kind_is_handshake(header.kind))) {
		/* What another version writes there is its affair. */
		if (header.version == HMI_WIRE_VERSION &&
		    !hmi_seal_holds(parts->payload, (enum hmi_kind)header.kind, parts->length))
			hmi_net_drop(net, HM_NET_DROP_CRC);
		else
			hmi_connect_receive(net, parts, &header);
		return false;
	}
	if (unlikely(header.version != HMI_WIRE_VERSION)) {
		hmi_net_drop(net, HM_NET_DROP_VERSION);
		return false;
	}
	if (unlikely(header.length != parts->length - HMI_HEADER_BYTES)) {
		hmi_net_drop(net, HM_NET_DROP_LENGTH);
		return false;
	}
	if (unlikely(!is_known(&header))) {
		hmi_net_drop(net, HM_NET_DROP_GARBAGE);
		return false;
	}
	if (net->port.crc && !hmi_seal_holds(parts->payload, (enum hmi_kind)header.kind, parts->length)) {
		hmi_net_drop(net, HM_NET_DROP_CRC);
		return false;
	}
	peer = hmi_peer_by_session(net, header.session);
	if (unlikely(peer == NULL)) {
		hmi_net_drop(net, HM_NET_DROP_SESSION);
		return false;
	}
	if (unlikely(parts->source.ip != peer->address.ip ||
		     parts->source.udp_port != peer->address.udp_port)) {
		hmi_net_drop(net, HM_NET_DROP_SOURCE);
		return false;
	}
	return session_receive(net, peer, &header, frame);
}

/* ---- Frames ------------------------------------------------------------------------- */

static void
arp_receive(struct hmi_net *net, const struct hmi_frame *parts)
{
	enum hm_net_drop drop;
	uint8_t out[HMI_ARP_FRAME];

	if (hmi_neigh_receive(&net->neigh, parts->payload, parts->length, net->now, out, &drop)) {
		hmi_transmit_raw(net, out, sizeof(out));
		hmi_count(&net->arp_replies, 1);
	}
	if (drop != HM_NET_DROPS)
		hmi_net_drop(net, drop);
}

static void
icmp_receive(struct hmi_net *net, const struct hmi_frame *parts)
{
	uint8_t out[ICMP_FRAME_MAX];
	uint32_t length = hmi_icmp_answer(parts, &net->neigh.own, out, sizeof(out));

	if (length == 0 || net->neigh.state != HMI_NEIGH_READY) {
		hmi_net_drop(net, HM_NET_DROP_FOREIGN);
		return;
	}
	hmi_transmit_raw(net, out, length);
	hmi_count(&net->echo_replies, 1);
}

/* The frame in one segment: the same, or a copy. Returns NULL if no buffer can hold it. */
static struct rte_mbuf *
linearized(struct hmi_net *net, struct rte_mbuf *frame)
{
	struct rte_mbuf *copy = NULL;

	if (likely(frame->nb_segs == 1))
		return frame;
	copy = rte_pktmbuf_copy(frame, net->port.rx_pool, 0, UINT32_MAX);
	rte_pktmbuf_free(frame);
	if (copy != NULL && copy->nb_segs == 1)
		return copy;
	rte_pktmbuf_free(copy);
	hmi_net_drop(net, HM_NET_DROP_NO_FRAME);
	return NULL;
}

/*
 * Checksums that the port vouches for: HMI_CHECKED_ bits. The bits of "good" are set in "none" too: the packet
 * is intact, but nobody has filled in its checksum, as between virtual machines of one host.
 */
static unsigned int
checked_by_port(const struct rte_mbuf *frame)
{
	unsigned int checked = 0;

	if ((frame->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD) != 0)
		checked |= HMI_CHECKED_IP;
	if ((frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0)
		checked |= HMI_CHECKED_UDP;
	return checked;
}

/* Process a frame, and free it if it is not kept. */
static void
frame_receive(struct hmi_net *net, struct rte_mbuf *frame)
{
	struct hmi_frame parts;
	bool kept = false;

	frame = linearized(net, frame);
	if (unlikely(frame == NULL))
		return;
	hmi_count(&net->rx_bytes, rte_pktmbuf_data_len(frame));
	hmi_frame_parse(&parts, rte_pktmbuf_mtod(frame, const uint8_t *), rte_pktmbuf_data_len(frame),
			&net->neigh.own, net->port.rx_offload ? checked_by_port(frame) : 0);
	switch (parts.kind) {
	case HMI_FRAME_UDP:
		if (unlikely(net->neigh.state != HMI_NEIGH_READY))
			hmi_net_drop(net, HM_NET_DROP_FOREIGN);
		else
			kept = packet_receive(net, &parts, frame);
		break;
	case HMI_FRAME_ARP:
		arp_receive(net, &parts);
		break;
	case HMI_FRAME_ICMP:
		icmp_receive(net, &parts);
		break;
	case HMI_FRAME_DROP:
		hmi_net_drop(net, parts.drop);
		break;
	}
	if (!kept)
		rte_pktmbuf_free(frame);
}

/* Process frames that were received, as far as there is time. Returns how many. */
static uint32_t
frames_process(struct hmi_net *net)
{
	uint32_t first = net->rx_next;

	while (net->rx_next < net->rx_count) {
		struct rte_mbuf *frame = net->rx_frames[net->rx_next++];

		if (net->rx_next < net->rx_count)
			rte_prefetch0(rte_pktmbuf_mtod(net->rx_frames[net->rx_next], void *));
		frame_receive(net, frame);
		if (hmi_net_expired(net, HMI_FRAME_STEPS))
			break;
	}
	return net->rx_next - first;
}

uint32_t
hmi_ingress_poll(struct hmi_net *net, uint32_t polls)
{
	uint32_t work = 0;

	if (unlikely(net->rx_next < net->rx_count)) {
		work = frames_process(net);
		if (hmi_net_expired(net, 1))
			return work;
	}
	net->rx_next = 0;
	do {
		net->rx_count = hmi_port_receive(&net->port, net->rx_frames);
	} while (net->rx_count == 0 && --polls > 0);
	return work + frames_process(net);
}
