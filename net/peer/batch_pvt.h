/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_PVT_H
#define BATCH_PVT_H

/*
 * The batch of a peer: the packet that is being filled.
 */

#include <stddef.h>

#include <rte_branch_prediction.h>

#include "peer_pvt.h"

/*
 * Whether a session may keep one more frame of a lane. `own` are reserved for it: a peer without credit cannot take
 * all.
 */
bool hmi_batch_may_keep(const struct hmi_net *net, struct hmi_session *s, enum hmi_net_lane_id id,
			uint32_t own);

/* A buffer that a session will keep; NULL: there is none. */
struct rte_mbuf *hmi_batch_frame(struct hmi_net *net);

/* Close the batch, and open one with `bytes` of room, at most payload_max. Returns whether it did. */
bool hmi_batch_renew(struct hmi_net *net, struct hmi_peer *peer, size_t bytes);

/* Append the batch, which must exist, to the session as its next packet. */
void hmi_batch_close(struct hmi_peer *peer);

/* Make sure of `bytes` of room in the batch, at most payload_max. Returns whether there is. */
static inline bool
hmi_batch_reserve(struct hmi_net *net, struct hmi_peer *peer, size_t bytes)
{
	return likely((size_t)(peer->batch_end - peer->batch_at) >= bytes && peer->batch != NULL) ||
	       hmi_batch_renew(net, peer, bytes);
}

#endif /* BATCH_PVT_H */
