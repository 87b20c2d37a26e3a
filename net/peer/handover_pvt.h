/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDOVER_PVT_H
#define HANDOVER_PVT_H

/*
 * Packets to the decoder, in the order of their numbers.
 */

#include "peer_pvt.h"

/* Take in a data packet of an open session. Returns whether the frame was kept or freed. */
bool hmi_handover_packet(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
			 struct rte_mbuf *frame);

/* Go on with the packets of all peers that waited for message memory. Returns units of work. */
uint32_t hmi_handover_resume(struct hmi_net *net);

/* Hand on, or report as dead letters, packets that were acknowledged and wait for message memory. */
void hmi_handover_end(struct hmi_net *net, struct hmi_peer *peer);

#endif /* HANDOVER_PVT_H */
