/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEAD_PVT_H
#define DEAD_PVT_H

/*
 * The dead-letter queue of an lcore.
 *
 *     hmi_dead ──count──▶ ctx->dead ──(worker loop)──▶ event/dead_letter.c: publish, answer, notify
 *
 * Code that finds no receiver for a message only appends it here: nothing is sent from within the call, so
 * no caller is entered again.
 */

#include "hm_dead_letter.h"
#include "lcore_pvt.h"

/* Body of the queue's entries, which are control messages. */
struct hmi_dead_record {
	struct hm_dead_letter letter;
	struct hm_msg *msg; /* NULL: only the description is left */
};

/* A message of this lcore's or another node's process finds no receiver; takes it over. */
void hmi_dead(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason);

/* As hmi_dead, of a message that an actor has had: it may have come to a slot that the actor has left since. */
void hmi_dead_of(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg,
		 enum hm_dead_reason reason);

/* As hmi_dead, for a receiver whose node has no index. */
void hmi_dead_to(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, enum hm_dead_reason reason);

/*
 * Whether a message belongs to the engine: it is not counted or published, but who waits is notified.
 * The answer to a resolve request is one, too: it may come late, after its asker has timed out.
 */
static inline bool
hmi_msg_is_internal(const struct hm_msg *msg)
{
	return (msg->flags & HMI_MSG_SYSTEM) != 0 || msg->type == HM_IDENTITY || msg->type == HMI_STREAM_GO ||
	       (msg->type == HM_SYS_POISON && (msg->flags & HMI_MSG_POISON) != 0);
}

#endif /* DEAD_PVT_H */
