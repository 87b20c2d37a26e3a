/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECODE_PVT_H
#define DECODE_PVT_H

/*
 * Decodes batches into messages for actors, or reports them as dead letters.
 */

#include "peer_pvt.h"

/*
 * Deliver the messages of a batch but the first *done. Counts them in *done.
 * Returns false if message memory ran out.
 */
bool hmi_decode_batch(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		      uint32_t *done);

/* Report the messages of a batch that was to be sent to the peer as dead letters. */
void hmi_decode_dead(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		     enum hm_dead_reason reason);

#endif /* DECODE_PVT_H */
