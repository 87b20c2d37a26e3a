/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKLOG_PVT_H
#define BACKLOG_PVT_H

/*
 * The backlog: messages queued for a peer that has no session, no credit or no buffer.
 */

#include "peer_pvt.h"

/* Put a message into the peer's batch, or into its backlog, or make it a dead letter. */
void hmi_backlog_send(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg);

/* Move messages of the backlog into the batch, as many as there is room and time for. */
void hmi_backlog_flush(struct hmi_net *net, struct hmi_peer *peer);

/* The oldest control message that waits; NULL: none. */
static inline struct hm_msg *
hmi_backlog_control(const struct hmi_peer *peer)
{
	return peer->backlog.control.head;
}

/* Take that one out: it is the caller's. */
void hmi_backlog_control_done(struct hmi_peer *peer);

/* Whether nothing waits. */
static inline bool
hmi_backlog_is_empty(const struct hmi_peer *peer)
{
	return peer->backlog.fifo.head == NULL && peer->backlog.control.head == NULL;
}

/*
 * Messages become dead letters. Resolve requests stay if this node will call the peer again. Returns whether that is
 * done; if not, there is no more time in this turn.
 */
bool hmi_backlog_lose(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason);

#endif /* BACKLOG_PVT_H */
