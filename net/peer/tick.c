/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Timers of the port, of neighbours, and of sessions.
 */
#include "connect_pvt.h"
#include "end_pvt.h"
#include "table_pvt.h"
#include "tick_pvt.h"
#include "transmit_pvt.h"

#define UNREACHABLE_NS 5000000000ull /* without an answer for so long, a line is logged */
#define TICK_NS        100000ull     /* interval of hmi_tick */

/* ---- Neighbours --------------------------------------------------------------------- */

/*
 * A look-up keeps the entries of peers with an open session; others are freed when unused. (While a peer is
 * called, each HELLO looks up its neighbour.)
 */
static void
neighbours_refresh(struct hmi_net *net)
{
	net->neigh_refresh_ns = net->now + HMI_NEIGH_UNUSED_NS / 4;
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		struct rte_ether_addr mac;

		if (net->peers[i]->session.state == HMI_SESSION_OPEN)
			(void)hmi_neigh_lookup(&net->neigh, net->peers[i]->address.ip, net->now, &mac);
	}
}

/* Ethernet addresses of neighbours may have changed: renew the header templates. */
static void
templates_renew(struct hmi_net *net)
{
	net->neigh_changes = net->neigh.changes;
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		struct hmi_peer *peer = net->peers[i];

		if (peer->session.state == HMI_SESSION_OPEN &&
		    hmi_neigh_lookup(&net->neigh, peer->address.ip, net->now, &peer->address.mac) == 0)
			hmi_peer_template_make(net, peer);
	}
}

static void
conflict_log(struct hmi_net *net)
{
	const uint8_t *mac = net->neigh.rival.addr_bytes;
	char ip[HMI_IP_TEXT];

	if (!hmi_log_allows(&net->log, net->now))
		return;
	net->conflicts_logged = net->neigh.conflicts;
	hmi_net_log(
		net, ERR,
		"address %s: another station, %02x:%02x:%02x:%02x:%02x:%02x, has it too; %s; give one of them "
		"another --ip",
		hmi_ip_format(net->neigh.own.ip, ip), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		net->neigh.state == HMI_NEIGH_READY ? "this node keeps it" : "this node waits for it");
}

static void
neighbours_tick(struct hmi_net *net)
{
	uint8_t out[HMI_ARP_FRAME];

	if (net->now >= net->neigh_refresh_ns)
		neighbours_refresh(net);
	while (hmi_neigh_tick(&net->neigh, net->now, out))
		hmi_transmit_raw(net, out, sizeof(out));
	if (net->neigh.changes != net->neigh_changes)
		templates_renew(net);
	if (net->neigh.conflicts != net->conflicts_logged)
		conflict_log(net);
}

/* ---- Peers -------------------------------------------------------------------------- */

static void
calling_tick(struct hmi_net *net, struct hmi_peer *peer)
{
	char ip[HMI_IP_TEXT];

	hmi_connect_call(net, peer);
	if (peer->unreachable_ns == 0 || net->now - peer->unreachable_ns < UNREACHABLE_NS)
		return;
	peer->unreachable_ns = 0;
	hmi_net_log(net, INFO,
		    "peer %s at %s:%u: does not answer; trying again; check its --ip and --udp-port",
		    peer->name, hmi_ip_format(peer->address.ip, ip),
		    rte_be_to_cpu_16(peer->address.udp_port));
}

static void
peer_tick(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_session *s = &peer->session;
	unsigned int due;

	if (s->state == HMI_SESSION_CALLING)
		calling_tick(net, peer);
	else if (s->state == HMI_SESSION_ANSWERED && net->now - s->last_rx_ns > s->peer_timeout_ns)
		hmi_peer_lost(net, peer, "lost: its handshake was not completed");
	if (s->state != HMI_SESSION_OPEN)
		return;
	due = hmi_session_timer(s, net->now);
	if ((due & HMI_DUE_LOST) != 0) {
		hmi_peer_lost(net, peer, "lost: nothing received within --peer-timeout-ms");
		return;
	}
	if ((due & HMI_DUE_ACK) != 0)
		hmi_session_ack_soon(s, net->now);
	if (due != 0)
		hmi_peer_activate(net, peer);
}

void
hmi_tick(struct hmi_net *net)
{
	if (net->tick_next == 0) {
		if (hmi_port_tick(&net->port, net->now))
			hmi_neigh_link_up(&net->neigh, net->now);
		neighbours_tick(net);
	}
	/* Sessions that end together may take longer than there is time. */
	while (net->tick_next < hmi_peers_count(net)) {
		peer_tick(net, net->peers[net->tick_next++]);
		if (hmi_net_expired(net, 1))
			return;
	}
	net->tick_next = 0;
	net->tick_ns = net->now + TICK_NS;
}
