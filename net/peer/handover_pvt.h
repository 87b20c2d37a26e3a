/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDOVER_PVT_H
#define HANDOVER_PVT_H

/*
 * Hands packets to the decoder, in the order of their numbers.
 */

#include "peer_pvt.h"

/* Process a data packet of an open session. Returns whether the frame was kept or freed. */
bool hmi_handover_packet(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
			 struct rte_mbuf *frame);

/* Continue with the packets of all peers that wait for message memory, or for a turn. Returns units of work. */
uint32_t hmi_handover_resume(struct hmi_net *net);

/* Deliver, or report as dead letters, packets that were acknowledged and wait. */
void hmi_handover_end(struct hmi_net *net, struct hmi_peer *peer);

#endif /* HANDOVER_PVT_H */
