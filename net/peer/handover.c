/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * In: hands packets to the decoder, in the order of their numbers.
 */
#include <rte_branch_prediction.h>
#include <rte_udp.h>

#include "decode_pvt.h"
#include "handover_pvt.h"

/* The payload of a frame that was checked when it was received. */
static const uint8_t *
frame_payload(const struct rte_mbuf *frame, uint32_t *length)
{
	const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);
	uint32_t head = (data[HMI_IP_OFFSET] & 0xfu) * 4u; /* options make an IPv4 header longer */
	const uint8_t *packet = data + HMI_IP_OFFSET + head + sizeof(struct rte_udp_hdr);
	struct hmi_header header = { 0 };

	(void)hmi_header_read(&header, packet, HMI_HEADER_BYTES);
	*length = header.length;
	return packet + HMI_HEADER_BYTES;
}

/* Put the session's next packet back, to be delivered in a later turn. */
static void
packet_park(struct hmi_net *net, struct hmi_peer *peer, struct rte_mbuf *frame)
{
	hmi_session_park(&peer->session, frame);
	peer->stalled = net->stalled = true;
}

/* Deliver the session's next packet. Returns whether all of it was delivered. */
static bool
packet_deliver(struct hmi_net *net, struct hmi_peer *peer, struct rte_mbuf *frame)
{
	uint32_t length;
	const uint8_t *payload = frame_payload(frame, &length);

	if (unlikely(!hmi_decode_batch(net, peer, payload, length, &peer->resume))) {
		packet_park(net, peer, frame);
		return false;
	}
	peer->resume = 0;
	hmi_session_done(&peer->session);
	rte_pktmbuf_free(frame);
	return true;
}

/*
 * Deliver the packets that are next in order: the peer's first of this turn, and others as far as the turn has time
 * for them. work: packets that were delivered before. Returns it with those of this call.
 */
static uint32_t
packets_deliver(struct hmi_net *net, struct hmi_peer *peer, uint32_t work)
{
	struct rte_mbuf *frame;

	while ((frame = hmi_session_ready(&peer->session)) != NULL) {
		if (work > 0 && net->rx_messages >= HMI_POLL_MESSAGES && !peer->ending) {
			packet_park(net, peer, frame);
			break;
		}
		if (!packet_deliver(net, peer, frame))
			break;
		work++;
	}
	return work;
}

static uint32_t
peer_resume(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t work;

	peer->stalled = false;
	work = packets_deliver(net, peer, 0);
	/* The packets that waited had reduced the credit: announce the new one at once. */
	if (work > 0 && peer->session.state == HMI_SESSION_OPEN) {
		hmi_session_ack_soon(&peer->session, net->now);
		hmi_peer_activate(net, peer);
	}
	return work;
}

/* The first of them finds the memory that became free, and the time of this turn: each turn it is another one. */
uint32_t
hmi_handover_resume(struct hmi_net *net)
{
	uint32_t count = net->peers_count, first = net->resume_first++, work = 0;

	net->stalled = false;
	for (uint32_t i = 0; i < count; i++) {
		struct hmi_peer *peer = net->peers[(first + i) % count];

		if (peer->stalled)
			work += peer_resume(net, peer);
	}
	return work;
}

void
hmi_handover_end(struct hmi_net *net, struct hmi_peer *peer)
{
	peer->ending = true;
	(void)packets_deliver(net, peer, 0);
	peer->ending = false;
}

bool
hmi_handover_packet(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
		    struct rte_mbuf *frame)
{
	enum hm_net_drop drop = HM_NET_DROPS;

	switch (hmi_session_receive(&peer->session, header->number, frame, net->now, &drop)) {
	case HMI_KEEP:
		return true;
	case HMI_DROP:
		hmi_net_drop(net, drop);
		return false;
	case HMI_DELIVER:
		break;
	}
	if (likely(packet_deliver(net, peer, frame)))
		(void)packets_deliver(net, peer, 1);
	return true;
}
