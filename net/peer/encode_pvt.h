/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENCODE_PVT_H
#define ENCODE_PVT_H

/*
 * Encodes messages into the batch of a peer.
 */

#include "envelope_pvt.h"
#include "peer_pvt.h"

/* Whether a message is a resolve request: see remote_resolve. */
bool hmi_is_resolve_request(const struct hm_msg *msg);

/*
 * Encode a message straight from the sender's body. Returns false, and does nothing, if the caller has to
 * make a message of it for hmi_backlog_send.
 */
bool hmi_encode_body(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out);

/* The envelope of a message of the engine, whose payload, if it has one, is written to HMI_TERMINATED_BYTES. */
void hmi_encode_system(const struct hmi_net *net, const struct hm_msg *msg, struct hmi_envelope *envelope,
		       uint8_t *payload);

/* Encode a message and free it. Returns false, and does nothing, if there is no room. */
bool hmi_encode_message(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg);

#endif /* ENCODE_PVT_H */
