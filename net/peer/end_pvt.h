/* SPDX-License-Identifier: Apache-2.0 */
#ifndef END_PVT_H
#define END_PVT_H

/*
 * A session opens, and ends.
 */

#include "peer_pvt.h"

/* The handshake is done: the node can be sent to. */
void hmi_peer_opened(struct hmi_net *net, struct hmi_peer *peer);

/* The session is over: dead letters, and Terminated for the watchers. `why`: for the log. */
void hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why);

/* The node stops, and what is still under way to or from the peer becomes dead letters. */
void hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer);

#endif /* END_PVT_H */
