/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Sending at the end of a turn.
 */
#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "batch_pvt.h"
#include "control_pvt.h"
#include "egress_pvt.h"
#include "transmit_pvt.h"

/* Send until nothing is left to be sent, or there is no more time. Returns the number of frames. */
static uint32_t
bursts_send(struct hmi_net *net, struct hmi_peer *peer)
{
	uint32_t sent = 0, burst;

	do {
		burst = hmi_transmit_packets(net, peer);
		sent += burst;
	} while (burst == HMI_TRANSMIT_BURST && !hmi_net_expired(net, burst * HMI_FRAME_STEPS));
	return sent;
}

uint32_t
hmi_egress_flush(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_session *s = &peer->session;
	uint32_t sent = 0;

	if (unlikely(s->state != HMI_SESSION_OPEN))
		return 0;
	if (unlikely(peer->backlog.control.head != NULL))
		hmi_control_flush(net, peer);
	sent += bursts_send(net, peer);
	if (unlikely(peer->backlog.fifo.head != NULL))
		hmi_backlog_flush(net, peer);
	/* A batch that could not be sent now stays open, so that more messages can be added. */
	if (peer->batch != NULL && hmi_session_may_send_more(s, HMI_LANE_USER, net->now) &&
	    hmi_port_room(&net->port) > 0)
		hmi_batch_close(peer);
	sent += bursts_send(net, peer);
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

	return s->state != HMI_SESSION_OPEN || (peer->batch == NULL && !hmi_session_has_unsent(s) &&
						s->ack_ns == 0 && hmi_backlog_is_empty(peer));
}

uint32_t
hmi_egress_flush_all(struct hmi_net *net)
{
	uint32_t work = 0;

	for (uint32_t left = net->active_count; left > 0; left--) {
		struct hmi_peer *peer;
		uint32_t sent;

		if (net->active_next >= net->active_count)
			net->active_next = 0;
		peer = net->active[net->active_next];
		sent = hmi_egress_flush(net, peer);
		work += sent;
		/* The last peer of the list takes the place of one that is removed. */
		if (is_flushed(peer)) {
			peer->active = false;
			net->active[net->active_next] = net->active[--net->active_count];
		} else {
			net->active_next++;
		}
		if (hmi_net_expired(net, 1 + sent % HMI_TRANSMIT_BURST * HMI_FRAME_STEPS))
			break;
	}
	return work;
}
