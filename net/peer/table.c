/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The table of peers, and the credit that is shared among them.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_string_fns.h>

#include "random_pvt.h"
#include "table_pvt.h"

static struct hmi_window *
window_take(void *owner)
{
	RTE_SET_USED(owner);
	return calloc(1, sizeof(struct hmi_window));
}

static void
window_give(void *owner, struct hmi_window *window)
{
	RTE_SET_USED(owner);
	free(window);
}

static const struct hmi_session_ops session_ops = {
	.release = hmi_peer_release,
	.window_take = window_take,
	.window_give = window_give,
};

struct hmi_peer *
hmi_peer_add(struct hmi_net *net, const char *name)
{
	uint32_t count = hmi_peers_count(net);
	struct hmi_peer *peer;

	if (count == HM_NET_PEERS_MAX)
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return NULL;
	peer->number = (uint8_t)count;
	rte_strscpy(peer->name, name, sizeof(peer->name));
	peer->session.ops = &session_ops;
	peer->session.owner = net;
	peer->session.peer_timeout_ns = net->peer_timeout_ns;
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
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		struct hmi_peer *peer = net->peers[i];

		if (peer->configured || peer->ending || peer->session.state != HMI_SESSION_IDLE)
			continue;
		counter_reset(&peer->sessions);
		counter_reset(&peer->lost);
		counter_reset(&peer->messages_sent);
		counter_reset(&peer->messages_received);
		counter_reset(&peer->session.packets_sent);
		counter_reset(&peer->session.packets_retransmitted);
		counter_reset(&peer->session.packets_received);
		return peer;
	}
	return NULL;
}

struct hmi_peer *
hmi_peer_by_name(const struct hmi_net *net, const char *name)
{
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		if (strcmp(net->peers[i]->name, name) == 0)
			return net->peers[i];
	}
	return NULL;
}

struct hmi_peer *
hmi_peer_by_address(const struct hmi_net *net, rte_be32_t ip, rte_be16_t udp_port)
{
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
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

uint32_t
hmi_peer_session_id(struct hmi_net *net, const struct hmi_peer *peer)
{
	uint32_t id;

	do {
		id = (uint32_t)hmi_random(&net->random) << HMI_PEER_BITS | peer->number;
	} while (id >> HMI_PEER_BITS == 0 || id == peer->session.local_id);
	return id;
}

void
hmi_peer_template_make(struct hmi_net *net, struct hmi_peer *peer)
{
	hmi_template_init(&peer->template, &net->neigh.own, &peer->address);
}

void
hmi_peer_release(void *arg, void *frame)
{
	struct hmi_net *net = arg;

	net->frames_kept--;
	rte_pktmbuf_free(frame);
}

/* ---- Credit ------------------------------------------------------------------------- */

/*
 * A session's share of the port's receive descriptors: what all peers may send at once fits into the
 * queue, unless there are so many sessions that each has the minimum.
 */
static uint32_t
credit_part(const struct hmi_net *net, uint32_t sessions)
{
	uint32_t each = net->port.rx_desc * 3 / 4 / RTE_MAX(sessions, 1u);

	each = RTE_MIN(each, HMI_WINDOW_MAX);
	return RTE_MAX(each, HMI_WINDOW_MIN);
}

/* What may be in flight is what the queue holds; what waits for a gap to be filled is held by the pool, and may be more. */
static void
credit_set(struct hmi_session *s, uint32_t window)
{
	s->rx_window = window;
	s->lanes[HMI_LANE_CONTROL].credit = HMI_CONTROL_RING;
	s->lanes[HMI_LANE_USER].credit = RTE_MIN(HMI_REORDER * window, HMI_RX_RING);
	s->lanes[HMI_LANE_BULK].credit = s->lanes[HMI_LANE_USER].credit;
}

/*
 * A smaller share takes effect as the credit given before is used up. A session that is not open yet
 * keeps the credit that its handshake has announced.
 */
void
hmi_peer_credit_deal(struct hmi_net *net)
{
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		struct hmi_session *s = &net->peers[i]->session;

		if (s->state == HMI_SESSION_OPEN)
			credit_set(s, credit_part(net, net->sessions_open));
	}
}

void
hmi_peer_credit_first(struct hmi_net *net, struct hmi_peer *peer)
{
	credit_set(&peer->session, RTE_MIN(credit_part(net, hmi_peers_count(net)), HMI_WINDOW_MAX / 2));
	peer->session.payload_max = net->port.mtu - HMI_MTU_HEADERS;
	peer->session.congestion.kind = net->port.in_memory ? HMI_CONGESTION_NONE : HMI_CONGESTION_DELAY;
}
