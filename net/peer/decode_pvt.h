/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECODE_PVT_H
#define DECODE_PVT_H

/*
 * Decodes batches into messages for actors, or reports them as dead letters.
 */

#include "peer_pvt.h"

/*
 * Deliver the messages of a batch, from byte *done on.
 * Returns false if message memory ran out; *done is then where to continue.
 */
bool hmi_decode_batch(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		      uint32_t *done);

/* Report the messages of a batch that was to be sent to the peer as dead letters. */
void hmi_decode_dead(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		     enum hm_dead_reason reason);

#endif /* DECODE_PVT_H */
