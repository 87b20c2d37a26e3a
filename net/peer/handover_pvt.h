/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDOVER_PVT_H
#define HANDOVER_PVT_H

/*
 * Hands packets to the decoder, in the order of their numbers.
 */

#include "peer_pvt.h"

/* The payload of a frame that was checked when it was received. */
const uint8_t *hmi_handover_payload(const struct rte_mbuf *frame, uint32_t *length);

/* Process a data packet of an open session. Returns whether the frame was kept or freed. */
bool hmi_handover_packet(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_header *header,
			 struct rte_mbuf *frame);

/* Continue with a peer's packets that wait for message memory, or for a turn. Returns units of work. */
uint32_t hmi_handover_resume(struct hmi_net *net, struct hmi_peer *peer);

/*
 * Deliver the packets of an ended session that were acknowledged and wait, or report them as dead letters. Returns
 * whether that is done; if not, there is no more time in this turn.
 */
bool hmi_handover_end(struct hmi_net *net, struct hmi_peer *peer);

#endif /* HANDOVER_PVT_H */
