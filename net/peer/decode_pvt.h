/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECODE_PVT_H
#define DECODE_PVT_H

/*
 * Batches into messages, for actors, or for the dead letters.
 */

#include "peer_pvt.h"

/*
 * Hand on the messages of a batch, from byte *done on.
 * Returns false if message memory ran out before the end; *done says how far it came.
 */
bool hmi_decode_batch(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		      uint32_t *done);

/* Report the messages of a batch for the peer as dead letters. */
void hmi_decode_dead(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		     enum hm_dead_reason reason);

#endif /* DECODE_PVT_H */
