/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Shutdown, after the lcores have stopped: send what is left and end the sessions.
 */
#include <rte_cycles.h>
#include <rte_pause.h>

#include "backlog_pvt.h"
#include "egress_pvt.h"
#include "end_pvt.h"
#include "ingress_pvt.h"
#include "remote_pvt.h"
#include "transmit_pvt.h"

#define SHUTDOWN_NS 100000000ull /* to wait for acknowledgements at the end */
#define BYES        2u

static bool
all_acknowledged(const struct hmi_net *net)
{
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		const struct hmi_peer *peer = net->peers[i];

		if (peer->session.state == HMI_SESSION_OPEN &&
		    (peer->batch != NULL || !hmi_backlog_is_empty(peer) ||
		     !hmi_session_is_flushed(&peer->session)))
			return false;
	}
	return true;
}

/* One turn of the network alone. Packets that are received now are not delivered. */
static void
shutdown_turn(struct hmi_net *net)
{
	(void)hmi_ingress_poll(net, 1);
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		struct hmi_peer *peer = net->peers[i];
		struct hmi_session *s = &peer->session;

		if (s->state == HMI_SESSION_OPEN && (hmi_session_timer(s, net->now) & HMI_DUE_LOST) != 0)
			hmi_peer_leave(net, peer);
		else
			(void)hmi_egress_flush(net, peer);
	}
	(void)hmi_port_flush(&net->port);
}

void
hmi_remote_shutdown(struct hmi_net *net)
{
	uint64_t start = rte_rdtsc(), began = net->now, passed = 0;

	net->gone = true;
	for (;;) {
		hmi_net_turn(net, net->ctx, began + passed);
		shutdown_turn(net);
		if (all_acknowledged(net) || passed > SHUTDOWN_NS)
			break;
		rte_pause();
		passed = (uint64_t)((double)(rte_rdtsc() - start) * 1e9 / (double)rte_get_tsc_hz());
	}
	for (uint32_t n = 0; n < BYES; n++) {
		for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
			if (net->peers[i]->session.state == HMI_SESSION_OPEN)
				hmi_transmit_bare(net, net->peers[i], HMI_BYE);
		}
		(void)hmi_port_flush(&net->port);
	}
	for (uint32_t i = 0; i < hmi_peers_count(net); i++)
		hmi_peer_leave(net, net->peers[i]);
}
