/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONNECT_PVT_H
#define CONNECT_PVT_H

/*
 * Handshake packets, received and sent.
 */

#include "peer_pvt.h"

/* Process a handshake packet. */
void hmi_connect_receive(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header);

/* Send HELLO to a peer, if it is due. */
void hmi_connect_call(struct hmi_net *net, struct hmi_peer *peer);

#endif /* CONNECT_PVT_H */
