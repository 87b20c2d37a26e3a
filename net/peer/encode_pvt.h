/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENCODE_PVT_H
#define ENCODE_PVT_H

/*
 * Messages into the batch of a peer.
 */

#include "peer_pvt.h"

/* Whether a message is a resolve request: see remote_resolve. */
bool hmi_is_resolve_request(const struct hm_msg *msg);

/*
 * Put a message into the peer's batch straight from its sender's body. Returns false if it has to be
 * a message first, and come by hmi_backlog_send: nothing happened.
 */
bool hmi_encode_body(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out);

/* Put a message into the peer's batch and free it. Returns false if there is no room: nothing happened. */
bool hmi_encode_message(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg);

#endif /* ENCODE_PVT_H */
