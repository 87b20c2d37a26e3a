/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Out: makes frames of packets, and hands them to the port.
 */
#include <string.h>

#include <rte_branch_prediction.h>

#include "protobuf_pvt.h"
#include "ranges_pvt.h"
#include "seal_pvt.h"
#include "transmit_pvt.h"

/* Write the headers in front of a frame's payload, and hand the frame to the port. */
static void
frame_send(struct hmi_net *net, struct hmi_peer *peer, struct rte_mbuf *frame, enum hmi_kind kind,
	   const struct hmi_departure *departure)
{
	uint8_t *start = rte_pktmbuf_mtod(frame, uint8_t *);
	uint16_t packet = (uint16_t)(rte_pktmbuf_data_len(frame) - HMI_HEAD_BYTES);
	struct hmi_header header;
	uint64_t sum;

	hmi_session_header(&peer->session, &header, kind, departure, net->now);
	header.length = (uint16_t)(packet - HMI_HEADER_BYTES);
	sum = hmi_header_write(start + HMI_HEAD_BYTES, &header);
	if (peer->wants_crc)
		sum += hmi_seal(start + HMI_HEAD_BYTES, kind, packet);
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

/*
 * The frame that carries a packet: the session's own, of which the port frees a reference; or a copy, if it was sent
 * before: the port, or over net_ring the receiver, may still read the first one. NULL: there is no buffer.
 */
static struct rte_mbuf *
frame_of(struct hmi_net *net, const struct hmi_departure *departure)
{
	struct rte_mbuf *frame = departure->packet;

	if (likely(!departure->again)) {
		rte_mbuf_refcnt_update(frame, 1);
		return frame;
	}
	frame = rte_pktmbuf_copy(frame, net->port.tx_pool, 0, UINT32_MAX);
	if (frame != NULL)
		frame->ol_flags = 0;
	return frame;
}

uint32_t
hmi_transmit_packets(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_departure departure;
	struct rte_mbuf *frame;
	uint32_t sent = 0;

	while (sent < HMI_TRANSMIT_BURST && hmi_port_room(&net->port) > 0 &&
	       hmi_session_send(&peer->session, net->now, &departure)) {
		frame = frame_of(net, &departure);
		sent++;
		/* Without a buffer it counts as sent, and is lost: it is sent again later. */
		if (likely(frame != NULL))
			frame_send(net, peer, frame, HMI_DATA, &departure);
	}
	return sent;
}

/* ---- Packets without messages ------------------------------------------------------- */

/* What has been received beside what the header says. */
static void
ranges_append(const struct hmi_session *s, struct rte_mbuf *frame)
{
	struct hmi_range ranges[HMI_SEEN_RANGES];
	uint8_t bytes[HMI_RANGES_BYTES + HMI_VARINT_MAX], *end;
	uint32_t count = hmi_seen_ranges(&s->seen, ranges);

	if (likely(count <= 1))
		return;
	end = hmi_ranges_write(bytes, ranges[0].from, ranges + 1, count - 1);
	memcpy(rte_pktmbuf_append(frame, (uint16_t)(end - bytes)), bytes, (size_t)(end - bytes));
}

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
	ranges_append(&peer->session, frame);
	frame_send(net, peer, frame, kind, NULL);
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
	uint8_t frame[HMI_HELLO_OFFSET + HMI_HANDSHAKE_BYTES];
	struct hmi_header full = *header;
	struct hmi_template template;
	uint64_t sum;

	full.version = HMI_WIRE_VERSION;
	full.length = (uint16_t)hmi_handshake_write(handshake, frame + HMI_HELLO_OFFSET);
	sum = hmi_header_write(frame + HMI_HEAD_BYTES, &full);
	sum += hmi_seal(frame + HMI_HEAD_BYTES, (enum hmi_kind)full.kind, HMI_HANDSHAKE_HEADER + full.length);
	sum += hmi_sum(frame + HMI_HELLO_OFFSET, full.length);
	hmi_template_init(&template, &net->neigh.own, to);
	hmi_template_write(&template, frame, (uint16_t)(HMI_HANDSHAKE_HEADER + full.length), sum,
			   HMI_CHECKSUM_SOFTWARE);
	hmi_transmit_raw(net, frame, HMI_HELLO_OFFSET + full.length);
}
