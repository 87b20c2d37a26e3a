/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Continues what there was no time or memory for: packets that wait, and sessions that end.
 */
#include "end_pvt.h"
#include "handover_pvt.h"
#include "resume_pvt.h"

static uint32_t
peer_resume(struct hmi_net *net, struct hmi_peer *peer)
{
	if (!peer->ending)
		return peer->stalled ? hmi_handover_resume(net, peer) : 0;
	if (!hmi_peer_end(net, peer))
		net->waiting = true;
	return 1;
}

/* The first of them finds the memory that became free, and the time of this turn. */
uint32_t
hmi_resume(struct hmi_net *net)
{
	uint32_t count = hmi_peers_count(net), work = 0;

	net->waiting = false;
	for (uint32_t i = 0; i < count; i++) {
		work += peer_resume(net, net->peers[net->resume_next++ % count]);
		if (hmi_net_expired(net, 1)) {
			net->waiting = true;
			return work;
		}
	}
	net->resume_next++;
	return work;
}
