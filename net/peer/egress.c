/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Sending at the end of a turn.
 */
#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "batch_pvt.h"
#include "egress_pvt.h"
#include "transmit_pvt.h"

uint32_t
hmi_egress_flush(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_session *s = &peer->session;
	uint32_t sent = 0;

	if (unlikely(s->state != HMI_SESSION_OPEN))
		return 0;
	if (unlikely(s->tx_lost > 0))
		sent += hmi_transmit_lost(net, peer);
	sent += hmi_transmit_packets(net, peer);
	if (unlikely(peer->backlog.fifo.head != NULL))
		hmi_backlog_flush(net, peer);
	/* A batch that could not be sent now stays open, so that more messages can be added. */
	if (peer->batch != NULL && s->tx_sent == s->tx_next && hmi_session_may_send(s) &&
	    hmi_port_room(&net->port) > 0)
		hmi_batch_close(peer);
	sent += hmi_transmit_packets(net, peer);
	if (hmi_session_ack_is_due(s, net->now)) {
		hmi_transmit_bare(net, peer, HMI_ACK);
		sent++;
	}
	return sent;
}

/* Whether a peer has nothing left to be sent. */
static bool
is_flushed(const struct hmi_peer *peer)
{
	const struct hmi_session *s = &peer->session;

	return s->state != HMI_SESSION_OPEN ||
	       (peer->batch == NULL && s->tx_sent == s->tx_next && s->tx_lost == 0 && s->ack_ns == 0 &&
		peer->backlog.fifo.head == NULL);
}

uint32_t
hmi_egress_flush_all(struct hmi_net *net)
{
	uint32_t i = 0, work = 0;

	/* The last peer of the list takes the place of one that is removed. */
	while (i < net->active_count) {
		struct hmi_peer *peer = net->active[i];

		work += hmi_egress_flush(net, peer);
		if (is_flushed(peer)) {
			peer->active = false;
			net->active[i] = net->active[--net->active_count];
		} else {
			i++;
		}
	}
	return work;
}
