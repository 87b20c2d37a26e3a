/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLE_PVT_H
#define TABLE_PVT_H

/*
 * The table of peers, and the credit that is shared among them.
 */

#include "peer_pvt.h"

/* Add a peer. Returns NULL: no memory, or the table is full. */
struct hmi_peer *hmi_peer_add(struct hmi_net *net, const char *name);

/* A peer that is not configured and has no session, to be reused for another node; NULL: there is none. */
struct hmi_peer *hmi_peer_reuse(struct hmi_net *net);

struct hmi_peer *hmi_peer_by_name(const struct hmi_net *net, const char *name);

struct hmi_peer *hmi_peer_by_address(const struct hmi_net *net, rte_be32_t ip, rte_be16_t udp_port);

/* The peer with this session id; NULL: there is none. */
struct hmi_peer *hmi_peer_by_session(const struct hmi_net *net, uint32_t session);

/* A new session id for a peer. */
uint32_t hmi_peer_session_id(struct hmi_net *net, const struct hmi_peer *peer);

/* Make the header template of frames to a peer anew. */
void hmi_peer_template_make(struct hmi_net *net, struct hmi_peer *peer);

/* Free a frame that a session kept; for hmi_session.release. */
void hmi_peer_release(void *net, void *frame);

/* Set the credit that the next handshake with a peer announces. */
void hmi_peer_credit_first(struct hmi_net *net, struct hmi_peer *peer);

/* A session has opened or ended: share the credit among the open sessions anew. */
void hmi_peer_credit_deal(struct hmi_net *net);

#endif /* TABLE_PVT_H */
