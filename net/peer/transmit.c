/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Out: makes frames of packets, and hands them to the port.
 */
#include <string.h>

#include <rte_branch_prediction.h>

#include "transmit_pvt.h"

/* Write the headers in front of a frame's payload, and hand the frame to the port. */
static void
frame_send(struct hmi_net *net, struct hmi_peer *peer, struct rte_mbuf *frame, enum hmi_kind kind,
	   uint64_t number)
{
	uint8_t *start = rte_pktmbuf_mtod(frame, uint8_t *);
	uint16_t packet = (uint16_t)(rte_pktmbuf_data_len(frame) - HMI_HEAD_BYTES);
	struct hmi_header header;
	uint64_t sum;

	hmi_session_header(&peer->session, &header, kind, number, net->now);
	header.length = (uint16_t)(packet - HMI_HEADER_BYTES);
	sum = hmi_header_write(start + HMI_HEAD_BYTES, &header);
	if (net->port.tx_checksum == HMI_CHECKSUM_SOFTWARE)
		sum += hmi_sum(start + HMI_PACKET_OFFSET, header.length);
	hmi_template_write(&peer->template, start, packet, sum, net->port.tx_checksum);
	if (net->port.tx_checksum == HMI_CHECKSUM_OFFLOAD) {
		frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
		frame->l2_len = RTE_ETHER_HDR_LEN;
		frame->l3_len = sizeof(struct rte_ipv4_hdr);
	}
	hmi_count(&net->tx_bytes, rte_pktmbuf_data_len(frame));
	hmi_port_send(&net->port, frame);
}

uint32_t
hmi_transmit_packets(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t sent = 0;
	struct rte_mbuf *frame;
	uint64_t number;

	while (sent < HMI_TRANSMIT_BURST && hmi_port_room(&net->port) > 0 &&
	       (frame = hmi_session_send(&peer->session, net->now, &number)) != NULL) {
		/* The session keeps the frame until it is acknowledged; the port frees its own reference. */
		rte_mbuf_refcnt_update(frame, 1);
		frame_send(net, peer, frame, HMI_DATA, number);
		sent++;
	}
	return sent;
}

/* A retransmission is a copy: the port, or over net_ring the receiver, may still read the first frame. */
uint32_t
hmi_transmit_lost(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t sent = 0;
	struct rte_mbuf *frame, *copy;
	uint64_t number;

	while (sent < HMI_TRANSMIT_BURST && hmi_port_room(&net->port) > 0 &&
	       (frame = hmi_session_retransmit(&peer->session, net->now, &number)) != NULL) {
		copy = rte_pktmbuf_copy(frame, net->port.tx_pool, 0, UINT32_MAX);
		/* Without a buffer this retransmission is lost, and the packet is sent again later. */
		if (copy == NULL)
			break;
		copy->ol_flags = 0;
		frame_send(net, peer, copy, HMI_DATA, number);
		sent++;
	}
	return sent;
}

/* ---- Packets without messages ------------------------------------------------------- */

void
hmi_transmit_bare(struct hmi_net *net, struct hmi_peer *peer, enum hmi_kind kind)
{
	struct rte_mbuf *frame;

	if (hmi_port_room(&net->port) == 0)
		return;
	frame = rte_pktmbuf_alloc(net->port.tx_pool);
	if (frame == NULL)
		return;
	rte_pktmbuf_append(frame, HMI_PACKET_OFFSET);
	frame_send(net, peer, frame, kind, peer->session.tx_sent);
}

void
hmi_transmit_raw(struct hmi_net *net, const uint8_t *data, uint32_t length)
{
	struct rte_mbuf *frame;

	if (hmi_port_room(&net->port) == 0)
		return;
	frame = rte_pktmbuf_alloc(net->port.tx_pool);
	if (frame == NULL)
		return;
	if (length > rte_pktmbuf_tailroom(frame)) {
		rte_pktmbuf_free(frame);
		return;
	}
	memcpy(rte_pktmbuf_append(frame, (uint16_t)length), data, length);
	hmi_count(&net->tx_bytes, length);
	hmi_port_send(&net->port, frame);
}

void
hmi_transmit_handshake(struct hmi_net *net, const struct hmi_address *to, const struct hmi_header *header,
		       const struct hmi_handshake *handshake)
{
	uint8_t frame[HMI_PACKET_OFFSET + HMI_HANDSHAKE_BYTES];
	struct hmi_header full = *header;
	struct hmi_template template;
	uint64_t sum;

	full.version = HMI_WIRE_VERSION;
	full.length = (uint16_t)hmi_handshake_write(handshake, frame + HMI_PACKET_OFFSET);
	sum = hmi_header_write(frame + HMI_HEAD_BYTES, &full);
	sum += hmi_sum(frame + HMI_PACKET_OFFSET, full.length);
	hmi_template_init(&template, &net->neigh.own, to);
	hmi_template_write(&template, frame, (uint16_t)(HMI_HEADER_BYTES + full.length), sum,
			   HMI_CHECKSUM_SOFTWARE);
	hmi_transmit_raw(net, frame, HMI_PACKET_OFFSET + full.length);
}
