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
 * configured peer is called again. `why`: for the log. What there is no time for in this turn is left to
 * hmi_peer_end; then peer->ending is set.
 */
void hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why);

/* Go on with the end of a session, in a later turn. Returns whether it is complete. */
bool hmi_peer_end(struct hmi_net *net, struct hmi_peer *peer);

/*
 * Whether no session with a node may begin yet: that of this peer, or of another one with the node, is still ending.
 * Its messages would come beside those of the new one, and HM_TERMINATED between them.
 */
bool hmi_peer_is_ending(const struct hmi_net *net, const struct hmi_peer *peer, uint64_t node);

/* This node stops: what is still under way to or from the peer becomes dead letters. */
void hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer);

#endif /* END_PVT_H */
