/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * In: hands packets to the decoder, each lane's in order.
 */
#include <rte_branch_prediction.h>
#include <rte_udp.h>

#include "decode_pvt.h"
#include "handover_pvt.h"

const uint8_t *
hmi_handover_payload(const struct rte_mbuf *frame, uint32_t *length)
{
	const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);
	uint32_t head = (data[HMI_IP_OFFSET] & 0xfu) * 4u; /* options make an IPv4 header longer */
	const uint8_t *packet = data + HMI_IP_OFFSET + head + sizeof(struct rte_udp_hdr);
	struct hmi_header header = { 0 };

	(void)hmi_header_read(&header, packet, HMI_HEADER_BYTES);
	*length = header.length;
	return packet + HMI_HEADER_BYTES;
}

/* The peer's next packets wait. */
static void
stall(struct hmi_net *net, struct hmi_peer *peer)
{
	peer->stalled = net->waiting = true;
}

/* Deliver a lane's next packet. If that takes memory or time that is not there, the session keeps the rest. */
static enum hmi_decoded
packet_deliver(struct hmi_net *net, struct hmi_peer *peer, enum hmi_net_lane_id lane, struct rte_mbuf *frame)
{
	uint32_t length;
	const uint8_t *payload = hmi_handover_payload(frame, &length);
	enum hmi_decoded decoded = hmi_decode_batch(net, peer, payload, length, &peer->resume[lane]);

	if (unlikely(decoded != HMI_DECODED)) {
		hmi_session_park(&peer->session, lane, frame);
		stall(net, peer);
		return decoded;
	}
	peer->resume[lane] = 0;
	hmi_session_done(&peer->session, lane);
	rte_pktmbuf_free(frame);
	return HMI_DECODED;
}

/* Deliver the packets that are next in a lane, as far as there is time. Returns units of work. */
static uint32_t
lane_deliver(struct hmi_net *net, struct hmi_peer *peer, enum hmi_net_lane_id lane)
{
	enum hmi_decoded decoded = HMI_DECODED;
	struct rte_mbuf *frame;
	uint32_t work = 0;

	while (decoded == HMI_DECODED && (frame = hmi_session_ready(&peer->session, lane)) != NULL) {
		decoded = packet_deliver(net, peer, lane, frame);
		/* A part of a packet is work, too, unless that waits for memory. */
		work += decoded != HMI_DECODED_NO_MEMORY;
		if (decoded == HMI_DECODED && hmi_net_expired(net, HMI_FRAME_STEPS)) {
			decoded = HMI_DECODED_NO_TIME;
			stall(net, peer);
		}
	}
	return work;
}

/* All lanes: what waits in one is no matter of the others. */
static uint32_t
lanes_deliver(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t work = 0;

	for (uint32_t lane = 0; lane < HMI_LANES; lane++)
		work += lane_deliver(net, peer, (enum hmi_net_lane_id)lane);
	return work;
}

/* Packets that were handed on so far. */
static uint64_t
done_count(const struct hmi_session *s)
{
	uint64_t count = 0;

	for (uint32_t lane = 0; lane < HMI_LANES; lane++)
		count += s->lanes[lane].done;
	return count;
}

uint32_t
hmi_handover_resume(struct hmi_net *net, struct hmi_peer *peer)
{
	uint64_t before = done_count(&peer->session);
	uint32_t work;

	peer->stalled = false;
	work = lanes_deliver(net, peer);
	/* The packets that waited had reduced the credit: announce the new one at once. */
	if (done_count(&peer->session) != before && peer->session.state == HMI_SESSION_OPEN) {
		hmi_session_ack_soon(&peer->session, net->now);
		hmi_peer_activate(net, peer);
	}
	return work;
}

bool
hmi_handover_end(struct hmi_net *net, struct hmi_peer *peer)
{
	peer->stalled = false;
	(void)lanes_deliver(net, peer);
	return !peer->stalled;
}

bool
hmi_handover_packet(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
		    struct rte_mbuf *frame)
{
	enum hmi_net_lane_id lane = (enum hmi_net_lane_id)header->lane;
	enum hm_net_drop drop = HM_NET_DROPS;

	switch (hmi_session_receive(&peer->session, header, frame, net->now, &drop)) {
	case HMI_KEEP:
		return true;
	case HMI_DROP:
		hmi_net_drop(net, drop);
		return false;
	case HMI_DELIVER:
		break;
	}
	if (likely(packet_deliver(net, peer, lane, frame) == HMI_DECODED))
		(void)lane_deliver(net, peer, lane);
	return true;
}
