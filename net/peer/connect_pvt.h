/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONNECT_PVT_H
#define CONNECT_PVT_H

/*
 * Handshake packets, received and sent.
 */

#include "peer_pvt.h"

/* A handshake packet came. */
void hmi_connect_receive(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header);

/* Call a peer, if it is time. */
void hmi_connect_call(struct hmi_net *net, struct hmi_peer *peer);

#endif /* CONNECT_PVT_H */
