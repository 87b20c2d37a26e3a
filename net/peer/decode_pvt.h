/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECODE_PVT_H
#define DECODE_PVT_H

/*
 * Decodes batches into messages for actors, or reports them as dead letters.
 */

#include "peer_pvt.h"

enum hmi_decoded {
	HMI_DECODED,           /* all of it */
	HMI_DECODED_NO_MEMORY, /* the next message waits for message memory */
	HMI_DECODED_NO_TIME,   /* ... for another turn */
};

/* Deliver the messages of a batch but the first *done. Counts them in *done. */
enum hmi_decoded hmi_decode_batch(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload,
				  uint32_t length, uint32_t *done);

/*
 * Report the messages of a batch that was to be sent to the peer as dead letters, but for the first *done. Counts
 * them in *done. Returns whether that is all of them; if not, there is no more time in this turn.
 */
bool hmi_decode_dead(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		     uint32_t *done);

#endif /* DECODE_PVT_H */
