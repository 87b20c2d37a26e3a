/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session opens, or ends: messages that were under way become dead letters.
 */
#include <inttypes.h>
#include <string.h>

#include "backlog_pvt.h"
#include "batch_pvt.h"
#include "decode_pvt.h"
#include "end_pvt.h"
#include "handover_pvt.h"
#include "hm_actor.h"
#include "table_pvt.h"

#define END_STEPS \
	32u /* of hm_turn_expired, beside what the session leaves: a line is logged, lcores are told */

/* ---- Opening ------------------------------------------------------------------------ */

/* No message can be routed to the peer's node. index: of the node; 0: it has none. */
static void
node_refused_log(struct hmi_net *net, struct hmi_peer *peer, uint16_t index)
{
	if (!hmi_log_allows(&peer->log, net->now))
		return;
	if (index == 0)
		hmi_net_log(net, ERR, "peer %s: too many nodes are known", peer->name);
	else
		hmi_net_log(net, ERR, "peer %s: peer %s has the same id, and gets its messages", peer->name,
			    hmi_peer_by_node(net, index)->name);
}

/* Route messages for the peer's node to the peer, unless another peer has that node. */
static void
node_take(struct hmi_net *net, struct hmi_peer *peer)
{
	uint16_t index = 0;

	if (hm_node_learn(net->sys, peer->session.peer_node, &index) != 0 || net->peer_by_node[index] != 0) {
		node_refused_log(net, peer, index);
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
	memset(peer->resume, 0, sizeof(peer->resume));
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

/*
 * A session that has ended leaves packets that were acknowledged and wait, packets and a batch that the peer has not
 * acknowledged, and a backlog. They are delivered, or become dead letters, in this order and in portions: 256 and 512
 * packets may hold 700 messages each. Meanwhile the node stays known, and what is still sent to it becomes a dead
 * letter as well. Then watchers are told, and a new session may begin.
 */
static void
end_begin(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	if (peer->batch != NULL)
		hmi_batch_close(peer);
	peer->session.state = HMI_SESSION_IDLE;
	peer->ending = net->waiting = true;
	peer->end_reason = reason;
	net->sessions_open--;
}

/* What is lost next: a packet that the peer has not acknowledged; or, behind a gap, one that it was told was received. */
static bool
lost_next(struct hmi_peer *peer)
{
	peer->lost_frame = hmi_session_drain(&peer->session, &peer->lost_received);
	return peer->lost_frame != NULL;
}

static void
lost_free(struct hmi_net *net, struct hmi_peer *peer)
{
	if (peer->lost_received)
		rte_pktmbuf_free(peer->lost_frame);
	else
		hmi_peer_release(net, peer->lost_frame);
	peer->lost_frame = NULL;
}

/* The batch in it. */
static const uint8_t *
lost_batch(const struct hmi_peer *peer, uint32_t *length)
{
	if (peer->lost_received)
		return hmi_handover_payload(peer->lost_frame, length);
	*length = rte_pktmbuf_data_len(peer->lost_frame) - HMI_PACKET_OFFSET;
	return rte_pktmbuf_mtod_offset(peer->lost_frame, const uint8_t *, HMI_PACKET_OFFSET);
}

/* Report the messages in them. Returns whether that is done. */
static bool
packets_lose(struct hmi_net *net, struct hmi_peer *peer)
{
	while (peer->lost_frame != NULL || lost_next(peer)) {
		uint32_t length;
		const uint8_t *batch = lost_batch(peer, &length);

		if (!hmi_decode_dead(net, peer, batch, length, &peer->lost_done))
			return false;
		peer->lost_done = 0;
		lost_free(net, peer);
		if (hmi_net_expired(net, HMI_FRAME_STEPS))
			return false;
	}
	return true;
}

/* Go on with what a session has left. Returns whether nothing is left. */
static bool
remains_end(struct hmi_net *net, struct hmi_peer *peer)
{
	return hmi_handover_end(net, peer) && packets_lose(net, peer) &&
	       hmi_backlog_lose(net, peer, peer->end_reason);
}

/* Call a peer that this node keeps a session with. */
static void
call_again(struct hmi_net *net, struct hmi_peer *peer)
{
	if (!peer->configured)
		return;
	peer->unreachable_ns = net->now;
	hmi_peer_credit_first(net, peer);
	hmi_handshake_call(&peer->session, hmi_peer_session_id(net, peer), net->now);
	peer->attempt++;
}

bool
hmi_peer_end(struct hmi_net *net, struct hmi_peer *peer)
{
	if (!remains_end(net, peer))
		return false;
	peer->ending = false;
	net->peer_by_node[peer->node_index] = 0;
	hm_node_lost(net->ctx, peer->node_index);
	peer->node_index = 0;
	call_again(net, peer);
	return true;
}

void
hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why)
{
	if (peer->session.state == HMI_SESSION_OPEN) {
		if (hmi_log_allows(&peer->log, net->now))
			hmi_net_log(net, INFO, "peer %s: %s", peer->name, why);
		hmi_count(&peer->lost, 1);
		end_begin(net, peer, HM_DEAD_NODE_LOST);
		hmi_peer_credit_deal(net);
	}
	peer->session.state = HMI_SESSION_IDLE;
	peer->session.local_id = 0;
	peer->session.ack_ns = 0;
	if (!peer->ending)
		call_again(net, peer);
	else if (!hmi_net_expired(net, END_STEPS))
		(void)hmi_peer_end(net, peer);
}

bool
hmi_peer_is_ending(const struct hmi_net *net, const struct hmi_peer *peer, uint64_t node)
{
	if (!net->waiting)
		return false;
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		const struct hmi_peer *other = net->peers[i];

		if (other->ending && (other == peer || other->session.peer_node == node))
			return true;
	}
	return false;
}

void
hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer)
{
	if (peer->session.state == HMI_SESSION_OPEN)
		end_begin(net, peer, HM_DEAD_SHUTDOWN);
	if (!peer->ending) {
		(void)hmi_backlog_lose(net, peer, HM_DEAD_SHUTDOWN);
		return;
	}
	(void)remains_end(net, peer);
	peer->ending = false;
	net->peer_by_node[peer->node_index] = 0;
}
