/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EGRESS_PVT_H
#define EGRESS_PVT_H

/*
 * Sending at the end of a turn.
 */

#include "peer_pvt.h"

/* Send what is ready: retransmissions, batches, an acknowledgement. Returns the number of frames. */
uint32_t hmi_egress_flush(struct hmi_net *net, struct hmi_peer *peer);

/* hmi_egress_flush for all active peers. Returns the number of frames. */
uint32_t hmi_egress_flush_all(struct hmi_net *net);

#endif /* EGRESS_PVT_H */
