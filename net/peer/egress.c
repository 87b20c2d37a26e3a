/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Out: batches into packets, packets into frames.
 */
#include <string.h>

#include <rte_branch_prediction.h>

#include "hm_actor.h"
#include "net_pvt.h"

/* Batches that are closed before the turn's end are sent on when there are so many. */
#define SEND_EARLY 8u

/* ---- Frames --------------------------------------------------------------------- */

/* Fill in all headers of a frame whose payload is there, and hand it to the port. */
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
	if (!net->port.tx_offload)
		sum += hmi_sum(start + HMI_PACKET_OFFSET, header.length);
	hmi_flow_write(&peer->flow, start, packet, sum, net->port.tx_offload);
	if (net->port.tx_offload) {
		frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
		frame->l2_len = RTE_ETHER_HDR_LEN;
		frame->l3_len = sizeof(struct rte_ipv4_hdr);
	}
	hmi_count(&net->tx_bytes, rte_pktmbuf_data_len(frame));
	hmi_port_send(&net->port, frame);
}

/* New packets, as far as there is credit. */
static uint32_t
packets_send(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t sent = 0;
	struct rte_mbuf *frame;
	uint64_t number;

	while (hmi_port_room(&net->port) > 0 &&
	       (frame = hmi_session_send(&peer->session, net->now, &number)) != NULL) {
		/* The session keeps it until it is acknowledged. */
		rte_mbuf_refcnt_update(frame, 1);
		frame_send(net, peer, frame, HMI_DATA, number);
		sent++;
	}
	return sent;
}

/* Lost packets: a copy each, since a sent frame may still be read by the port, or by its receiver. */
static uint32_t
packets_resend(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t sent = 0;
	struct rte_mbuf *frame, *copy;
	uint64_t number;

	while (hmi_port_room(&net->port) > 0 &&
	       (frame = hmi_session_resend(&peer->session, net->now, &number)) != NULL) {
		copy = rte_pktmbuf_copy(frame, net->port.tx_pool, 0, UINT32_MAX);
		/* Without a buffer the packet is lost once more; its time will come. */
		if (copy == NULL)
			break;
		copy->ol_flags = 0;
		frame_send(net, peer, copy, HMI_DATA, number);
		sent++;
	}
	return sent;
}

/* ---- Batches -------------------------------------------------------------------- */

/* Whether a session may keep one more frame: peers that take nothing leave some for the others. */
static bool
may_keep(const struct hmi_net *net, const struct hmi_session *s)
{
	if (s->tx_next - s->tx_una < HMI_FRAMES_OWN)
		return true;
	return hmi_session_has_room(s) &&
	       net->frames_kept < HMI_FRAMES_KEPT - HMI_FRAMES_OWN * HM_NET_PEERS_MAX;
}

/* Start a batch. Returns whether there is a buffer, and room in the session. */
static bool
batch_open(struct hmi_net *net, struct hmi_peer *peer)
{
	struct rte_mbuf *batch;

	if (!may_keep(net, &peer->session))
		return false;
	batch = rte_pktmbuf_alloc(net->port.tx_pool);
	if (unlikely(batch == NULL))
		return false;
	net->frames_kept++;
	peer->batch = batch;
	peer->batch_at = rte_pktmbuf_mtod_offset(batch, uint8_t *, HMI_PACKET_OFFSET);
	peer->batch_end = peer->batch_at + peer->payload_max;
	return true;
}

static void
batch_close(struct hmi_peer *peer)
{
	struct rte_mbuf *batch = peer->batch;
	uint8_t *start = rte_pktmbuf_mtod(batch, uint8_t *);

	batch->data_len = (uint16_t)(peer->batch_at - start);
	batch->pkt_len = batch->data_len;
	hmi_session_append(&peer->session, batch);
	peer->batch = NULL;
	peer->batch_at = peer->batch_end = NULL;
}

/* Send packets that wait for the end of the turn without need. */
static void
send_early(struct hmi_net *net, struct hmi_peer *peer)
{
	const struct hmi_session *s = &peer->session;

	if (s->tx_next - s->tx_sent >= SEND_EARLY && packets_send(net, peer) > 0)
		(void)hmi_port_flush(&net->port);
}

__attribute__((noinline)) bool
hmi_batch_renew(struct hmi_net *net, struct hmi_peer *peer, size_t bytes)
{
	if (peer->batch != NULL) {
		batch_close(peer);
		send_early(net, peer);
	}
	assert(bytes <= peer->payload_max);
	RTE_SET_USED(bytes); /* without assertions */
	hmi_peer_activate(net, peer);
	return batch_open(net, peer);
}

/* ---- Packets without messages ------------------------------------------------------ */

void
hmi_egress_bare(struct hmi_net *net, struct hmi_peer *peer, enum hmi_kind kind)
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

uint32_t
hmi_egress_flush(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_session *s = &peer->session;
	uint32_t sent = 0;

	if (unlikely(s->state != HMI_SESSION_OPEN))
		return 0;
	if (unlikely(s->tx_lost > 0))
		sent += packets_resend(net, peer);
	sent += packets_send(net, peer);
	if (unlikely(peer->waiting.head != NULL))
		hmi_encode_waiting(net, peer);
	/* A batch that could not go out now goes on being filled instead. */
	if (peer->batch != NULL && s->tx_sent == s->tx_next && hmi_session_may_send(s) &&
	    hmi_port_room(&net->port) > 0)
		batch_close(peer);
	sent += packets_send(net, peer);
	if (hmi_session_ack_is_due(s, net->now)) {
		hmi_egress_bare(net, peer, HMI_ACK);
		sent++;
	}
	return sent;
}

void
hmi_egress_raw(struct hmi_net *net, const uint8_t *data, uint32_t length)
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
hmi_egress_handshake(struct hmi_net *net, const struct hmi_address *to, const struct hmi_header *header,
		     const struct hmi_handshake *handshake)
{
	uint8_t frame[HMI_PACKET_OFFSET + HMI_HANDSHAKE_BYTES];
	struct hmi_header full = *header;
	struct hmi_flow flow;
	uint64_t sum;

	full.version = HMI_WIRE_VERSION;
	full.length = (uint16_t)hmi_handshake_write(handshake, frame + HMI_PACKET_OFFSET);
	sum = hmi_header_write(frame + HMI_HEAD_BYTES, &full);
	sum += hmi_sum(frame + HMI_PACKET_OFFSET, full.length);
	hmi_flow_init(&flow, &net->neigh.own, to);
	hmi_flow_write(&flow, frame, (uint16_t)(HMI_HEADER_BYTES + full.length), sum, false);
	hmi_egress_raw(net, frame, HMI_PACKET_OFFSET + full.length);
}
