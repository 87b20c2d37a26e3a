/* SPDX-License-Identifier: Apache-2.0 */
#ifndef END_PVT_H
#define END_PVT_H

/*
 * What happens when a session opens, and when it ends.
 */

#include "peer_pvt.h"

/* The handshake is complete: messages to the node can be sent. */
void hmi_peer_opened(struct hmi_net *net, struct hmi_peer *peer);

/*
 * The session has ended: unacknowledged messages become dead letters, watchers get HM_TERMINATED, and a
 * configured peer is called again. `why`: for the log.
 */
void hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why);

/* This node stops: what is still under way to or from the peer becomes dead letters. */
void hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer);

#endif /* END_PVT_H */
