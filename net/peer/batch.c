/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The batch of a peer: the packet that is being filled.
 */
#include <rte_branch_prediction.h>

#include "assert_pvt.h"
#include "batch_pvt.h"
#include "transmit_pvt.h"

/* So many closed batches are sent before the end of the turn. */
#define SEND_EARLY 8u

bool
hmi_batch_may_keep(const struct hmi_net *net, struct hmi_session *s, enum hmi_net_lane_id id, uint32_t own)
{
	const struct hmi_net_lane *lane = &s->lanes[id];

	if (!hmi_session_has_room(s, id, net->now))
		return false;
	return lane->next - lane->una < own ||
	       net->frames_kept < HMI_FRAMES_KEPT - HMI_FRAMES_OWN * HM_NET_PEERS_MAX;
}

struct rte_mbuf *
hmi_batch_frame(struct hmi_net *net)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(net->port.tx_pool);

	net->frames_kept += frame != NULL;
	return frame;
}

/* Open a batch. Returns whether there is a buffer, and room in the session. */
static bool
batch_open(struct hmi_net *net, struct hmi_peer *peer)
{
	struct rte_mbuf *batch;

	if (!hmi_batch_may_keep(net, &peer->session, HMI_LANE_USER, HMI_FRAMES_USER))
		return false;
	batch = hmi_batch_frame(net);
	if (unlikely(batch == NULL))
		return false;
	hmi_session_promise(&peer->session, HMI_LANE_USER);
	peer->batch = batch;
	peer->batch_at = rte_pktmbuf_mtod_offset(batch, uint8_t *, HMI_PACKET_OFFSET);
	peer->batch_end = peer->batch_at + peer->payload_max;
	peer->open.plan = NULL;
	return true;
}

void
hmi_batch_close(struct hmi_peer *peer)
{
	struct rte_mbuf *batch = peer->batch;
	uint8_t *start = rte_pktmbuf_mtod(batch, uint8_t *);

	batch->data_len = (uint16_t)(peer->batch_at - start);
	batch->pkt_len = batch->data_len;
	hmi_session_append(&peer->session, HMI_LANE_USER, batch, batch->data_len);
	peer->batch = NULL;
	peer->batch_at = peer->batch_end = NULL;
}

/* Many packets are sent before the end of the turn, so that the peer can process them meanwhile. */
static void
send_early(struct hmi_net *net, struct hmi_peer *peer)
{
	const struct hmi_net_lane *lane = &peer->session.lanes[HMI_LANE_USER];

	if (lane->next - lane->sent >= SEND_EARLY && hmi_transmit_packets(net, peer) > 0)
		(void)hmi_port_flush(&net->port);
}

__attribute__((noinline)) bool
hmi_batch_renew(struct hmi_net *net, struct hmi_peer *peer, size_t bytes)
{
	if (peer->batch != NULL) {
		hmi_batch_close(peer);
		send_early(net, peer);
	}
	HMI_ASSERT(bytes <= peer->payload_max);
	RTE_SET_USED(bytes); /* without assertions */
	hmi_peer_activate(net, peer);
	return batch_open(net, peer);
}
