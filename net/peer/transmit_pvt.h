/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSMIT_PVT_H
#define TRANSMIT_PVT_H

/*
 * Makes frames of packets, and hands them to the port.
 */

#include "peer_pvt.h"

#define HMI_TRANSMIT_BURST 16u /* frames that the functions below send at once, at most */

/* Send packets of a session, as far as credit and congestion allow. Returns the number of frames. */
uint32_t hmi_transmit_packets(struct hmi_net *net, struct hmi_peer *peer);

/* Send a packet without payload: ACK, BYE. */
void hmi_transmit_bare(struct hmi_net *net, struct hmi_peer *peer, enum hmi_kind kind);

/* Send a packet of the handshake to any station. */
void hmi_transmit_handshake(struct hmi_net *net, const struct hmi_address *to,
			    const struct hmi_header *header, const struct hmi_handshake *handshake);

/* Send a frame as it is. */
void hmi_transmit_raw(struct hmi_net *net, const uint8_t *frame, uint32_t length);

#endif /* TRANSMIT_PVT_H */
