/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session opens, or ends: messages that were under way become dead letters.
 */
#include <inttypes.h>

#include "backlog_pvt.h"
#include "decode_pvt.h"
#include "end_pvt.h"
#include "handover_pvt.h"
#include "hm_actor.h"
#include "table_pvt.h"

/* ---- Opening ------------------------------------------------------------------------ */

/* Route messages for the peer's node to the peer, unless another peer has that node. */
static void
node_take(struct hmi_net *net, struct hmi_peer *peer)
{
	uint16_t index;

	if (hm_node_learn(net->sys, peer->session.peer_node, &index) != 0) {
		hmi_net_log(net, ERR, "peer %s: too many nodes are known", peer->name);
	} else if (net->peer_by_node[index] != 0) {
		hmi_net_log(net, ERR, "peer %s: peer %s has the same id, and gets its messages", peer->name,
			    hmi_peer_by_node(net, index)->name);
	} else {
		peer->node_index = index;
		net->peer_by_node[index] = (uint8_t)(peer->number + 1);
	}
}

void
hmi_peer_opened(struct hmi_net *net, struct hmi_peer *peer)
{
	char ip[HMI_IP_TEXT];

	hmi_count(&peer->sessions, 1);
	net->sessions_open++;
	hmi_peer_credit_deal(net);
	peer->refusal_logged = 0;
	peer->unreachable_ns = 0;
	peer->resume = 0;
	peer->stalled = false;
	peer->stalled_ns = 0;
	hmi_peer_template_make(net, peer);
	/* Creates an ARP entry, which neighbours_refresh keeps. */
	(void)hmi_neigh_lookup(&net->neigh, peer->address.ip, net->now, &peer->address.mac);
	node_take(net, peer);
	hmi_peer_activate(net, peer);
	if (hmi_log_allows(&peer->log, net->now))
		hmi_net_log(net, INFO, "peer %s at %s: connected, node %" PRIx64 "%s", peer->name,
			    hmi_ip_format(peer->address.ip, ip), peer->session.peer_node,
			    peer->types_differ ? "; it knows other message types than this node" : "");
}

/* ---- Ending ------------------------------------------------------------------------- */

/* Report the messages of a packet or batch that the peer has not acknowledged, and free it. */
static void
frame_lose(struct hmi_net *net, struct hmi_peer *peer, struct rte_mbuf *frame, const uint8_t *end,
	   enum hm_dead_reason reason)
{
	const uint8_t *start = rte_pktmbuf_mtod_offset(frame, uint8_t *, HMI_PACKET_OFFSET);

	hmi_decode_dead(net, peer, start, (uint32_t)(end - start), reason);
	hmi_peer_release(net, frame);
}

static void
packets_lose(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	struct rte_mbuf *frame, *batch = peer->batch;
	const uint8_t *batch_at = peer->batch_at;
	bool received;

	peer->batch = NULL;
	peer->batch_at = peer->batch_end = NULL;
	while ((frame = hmi_session_drain(&peer->session, &received)) != NULL) {
		/* Received behind a gap, so not in the cumulative acknowledgement: the peer reports it. */
		if (received)
			rte_pktmbuf_free(frame);
		else
			frame_lose(net, peer, frame,
				   rte_pktmbuf_mtod_offset(frame, uint8_t *, rte_pktmbuf_data_len(frame)),
				   reason);
	}
	if (batch != NULL)
		frame_lose(net, peer, batch, batch_at, reason);
}

/* Stop routing to the node; deliver what was acknowledged, and report the rest as dead letters. */
static void
session_end(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	peer->session.state = HMI_SESSION_IDLE;
	net->sessions_open--;
	net->peer_by_node[peer->node_index] = 0;
	hmi_handover_end(net, peer);
	packets_lose(net, peer, reason);
	hmi_backlog_lose(net, peer, reason);
}

void
hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why)
{
	if (peer->session.state == HMI_SESSION_OPEN) {
		if (hmi_log_allows(&peer->log, net->now))
			hmi_net_log(net, INFO, "peer %s: %s", peer->name, why);
		hmi_count(&peer->lost, 1);
		session_end(net, peer, HM_DEAD_NODE_LOST);
		hmi_peer_credit_deal(net);
		hm_node_lost(net->ctx, peer->node_index);
		peer->node_index = 0;
	}
	peer->session.state = HMI_SESSION_IDLE;
	peer->session.local_id = 0;
	peer->session.ack_ns = 0;
	if (peer->configured) {
		peer->unreachable_ns = net->now;
		hmi_peer_credit_first(net, peer);
		hmi_handshake_call(&peer->session, hmi_peer_session_id(net, peer), net->now);
		peer->attempt++;
	}
}

void
hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer)
{
	if (peer->session.state == HMI_SESSION_OPEN)
		session_end(net, peer, HM_DEAD_SHUTDOWN);
	else
		hmi_backlog_lose(net, peer, HM_DEAD_SHUTDOWN);
}
