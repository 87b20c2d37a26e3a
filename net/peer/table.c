/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The table of peers, and what happens when one comes or goes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_string_fns.h>

#include "hm_actor.h"
#include "net_pvt.h"

#define UNREACHABLE_NS 5000000000ull /* calling in vain for so long is worth a line */

/* ---- Table ------------------------------------------------------------------------- */

struct hmi_peer *
hmi_peer_add(struct hmi_net *net, const char *name)
{
	uint32_t count = atomic_load_explicit(&net->peers_count, memory_order_relaxed);
	struct hmi_peer *peer;

	if (count == HM_NET_PEERS_MAX)
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return NULL;
	peer->number = (uint8_t)count;
	rte_strscpy(peer->name, name, sizeof(peer->name));
	peer->session.release = hmi_peer_release;
	peer->session.release_arg = net;
	peer->session.silence_ns = net->options.silence_ms * 1000000ull;
	net->peers[count] = peer;
	/* NP1, release: pairs with the acquire in peer_at of counters.c. */
	atomic_store_explicit(&net->peers_count, count + 1, memory_order_release);
	return peer;
}

static void
counter_reset(uint64_t *counter)
{
	hmi_count(counter, -hmi_counted(counter));
}

struct hmi_peer *
hmi_peer_reuse(struct hmi_net *net)
{
	for (uint32_t i = 0; i < net->peers_count; i++) {
		struct hmi_peer *peer = net->peers[i];

		if (peer->configured || peer->session.state != HMI_SESSION_IDLE)
			continue;
		counter_reset(&peer->sessions);
		counter_reset(&peer->lost);
		counter_reset(&peer->messages_sent);
		counter_reset(&peer->messages_received);
		counter_reset(&peer->session.packets_sent);
		counter_reset(&peer->session.packets_resent);
		counter_reset(&peer->session.packets_received);
		return peer;
	}
	return NULL;
}

struct hmi_peer *
hmi_peer_by_name(const struct hmi_net *net, const char *name)
{
	for (uint32_t i = 0; i < net->peers_count; i++) {
		if (strcmp(net->peers[i]->name, name) == 0)
			return net->peers[i];
	}
	return NULL;
}

struct hmi_peer *
hmi_peer_by_address(const struct hmi_net *net, rte_be32_t ip, rte_be16_t udp_port)
{
	for (uint32_t i = 0; i < net->peers_count; i++) {
		if (net->peers[i]->address.ip == ip && net->peers[i]->address.udp_port == udp_port)
			return net->peers[i];
	}
	return NULL;
}

struct hmi_peer *
hmi_peer_by_session(const struct hmi_net *net, uint32_t session)
{
	struct hmi_peer *peer = net->peers[session % HM_NET_PEERS_MAX];

	if (peer == NULL || session == 0 || peer->session.local_id != session)
		return NULL;
	return peer;
}

static uint64_t
random_next(struct hmi_net *net)
{
	/* splitmix64; the ids only have to differ from those of sessions that are over */
	uint64_t z = net->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t
hmi_peer_session_id(struct hmi_net *net, const struct hmi_peer *peer)
{
	uint32_t id;

	do {
		id = (uint32_t)random_next(net) << HMI_PEER_BITS | peer->number;
	} while (id >> HMI_PEER_BITS == 0 || id == peer->session.local_id);
	return id;
}

void
hmi_peer_flow_make(struct hmi_net *net, struct hmi_peer *peer)
{
	hmi_flow_init(&peer->flow, &net->neigh.own, &peer->address);
}

void
hmi_peer_release(void *arg, void *frame)
{
	struct hmi_net *net = arg;

	net->frames_kept--;
	rte_pktmbuf_free(frame);
}

/* ---- Coming ------------------------------------------------------------------------- */

/* A session's part of the port's descriptors: all that peers may send at once fits into its queue. */
static uint32_t
credit_part(const struct hmi_net *net, uint32_t sessions)
{
	uint32_t each = net->port.rx_desc * 3 / 4 / RTE_MAX(sessions, 1u);

	each = RTE_MIN(each, HMI_RX_RING);
	return RTE_MAX(each, HMI_CREDIT_MIN);
}

/*
 * Deal out the descriptors anew. What was promised before stays promised; it runs out within a
 * window, or is what a session that is not open yet will begin with.
 */
static void
credit_deal(struct hmi_net *net)
{
	for (uint32_t i = 0; i < net->peers_count; i++) {
		struct hmi_session *s = &net->peers[i]->session;

		if (s->state == HMI_SESSION_OPEN)
			s->rx_credit = credit_part(net, net->sessions_open);
	}
}

void
hmi_peer_credit_first(struct hmi_net *net, struct hmi_peer *peer)
{
	peer->session.rx_credit = RTE_MIN(credit_part(net, net->peers_count), HMI_RX_RING / 2);
}

/* From now on messages for the peer's node go to the peer; not if another one's session is with that node. */
static void
node_take(struct hmi_net *net, struct hmi_peer *peer)
{
	uint16_t index;

	if (hm_node_learn(net->sys, peer->session.peer_node, &index) != 0) {
		hmi_net_log(net, ERR, "peer %s: no more nodes can be learnt", peer->name);
	} else if (net->peer_by_node[index] != 0) {
		hmi_net_log(net, ERR, "peer %s: it has the id of peer %s, which alone is sent to", peer->name,
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
	credit_deal(net);
	peer->said = 0;
	peer->unreachable_ns = 0;
	peer->resume = 0;
	peer->stalled = false;
	peer->stalled_ns = 0;
	hmi_peer_flow_make(net, peer);
	/* From now on ARP watches over it. */
	(void)hmi_neigh_lookup(&net->neigh, peer->address.ip, net->now, &peer->address.mac);
	node_take(net, peer);
	hmi_peer_activate(net, peer);
	hmi_net_log(net, INFO, "peer %s at %s: connected, node %" PRIx64, peer->name,
		    hmi_ip_format(peer->address.ip, ip), peer->session.peer_node);
}

/* ---- Going -------------------------------------------------------------------------- */

/* A packet, or a batch, that the peer has not acknowledged. */
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
		/* What came too early was not acknowledged: its sender reports it. */
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

/* Messages that waited become dead letters; questions wait for the next session if there is to be one. */
static void
waiting_lose(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	uint32_t count = atomic_load_explicit(&peer->waiting.count, memory_order_relaxed);

	for (; count > 0; count--) {
		struct hm_msg *msg = hmi_waiting_pop(peer);

		if (!hmi_is_question(msg))
			hm_dead_letter_publish(net->ctx, msg, reason);
		else if (peer->configured && !net->gone)
			hmi_waiting_push(peer, msg);
		else
			hm_msg_free(net->ctx, msg);
	}
}

/* Nobody can send to the node any more; what was under way is handed on, or a dead letter. */
static void
session_end(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	peer->session.state = HMI_SESSION_IDLE;
	net->sessions_open--;
	net->peer_by_node[peer->node_index] = 0;
	hmi_ingress_end(net, peer);
	packets_lose(net, peer, reason);
	waiting_lose(net, peer, reason);
}

void
hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why)
{
	if (peer->session.state == HMI_SESSION_OPEN) {
		hmi_net_log(net, INFO, "peer %s: lost: %s", peer->name, why);
		hmi_count(&peer->lost, 1);
		session_end(net, peer, HM_DEAD_NODE_LOST);
		credit_deal(net);
		hm_node_lost(net->ctx, peer->node_index);
		peer->node_index = 0;
	}
	peer->session.state = HMI_SESSION_IDLE;
	peer->session.local_id = 0;
	peer->session.ack_ns = 0;
	if (peer->configured) {
		peer->unreachable_ns = net->now;
		hmi_peer_credit_first(net, peer);
		hmi_shake_call(&peer->session, hmi_peer_session_id(net, peer), net->now);
		peer->attempt++;
	}
}

void
hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer)
{
	if (peer->session.state == HMI_SESSION_OPEN)
		session_end(net, peer, HM_DEAD_SHUTDOWN);
	else
		waiting_lose(net, peer, HM_DEAD_SHUTDOWN);
}

/* ---- Time --------------------------------------------------------------------------- */

static void
calling_tick(struct hmi_net *net, struct hmi_peer *peer)
{
	char ip[HMI_IP_TEXT];

	hmi_greet_call(net, peer);
	if (peer->unreachable_ns == 0 || net->now - peer->unreachable_ns < UNREACHABLE_NS)
		return;
	peer->unreachable_ns = 0;
	hmi_net_log(net, INFO, "peer %s at %s:%u: does not answer; calling on; check its --ip and --udp-port",
		    peer->name, hmi_ip_format(peer->address.ip, ip),
		    rte_be_to_cpu_16(peer->address.udp_port));
}

void
hmi_peer_tick(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_session *s = &peer->session;
	unsigned int due;

	if (s->state == HMI_SESSION_CALLING)
		calling_tick(net, peer);
	else if (s->state == HMI_SESSION_ANSWERED && net->now - s->heard_ns > s->silence_ns)
		hmi_peer_lost(net, peer, "it did not go on");
	if (s->state != HMI_SESSION_OPEN)
		return;
	due = hmi_session_timer(s, net->now);
	if ((due & HMI_DUE_LOST) != 0) {
		hmi_peer_lost(net, peer, "silent for too long");
		return;
	}
	if ((due & HMI_DUE_ACK) != 0)
		hmi_session_ack_soon(s, net->now);
	if (due != 0)
		hmi_peer_activate(net, peer);
}
