/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPLIES_PVT_H
#define REPLIES_PVT_H

/*
 * A message that holds others: the answers to a batch of requests, with what became of each request.
 *
 *     HM_REPLIES ── entries[0] ─▶ answer
 *                   entries[1]    (none: timeout)
 *                   entries[2] ─▶ answer
 *
 * Whoever releases it releases all of them, whatever has happened to the one that it was handed to.
 */

#include "hm_future.h"
#include "pool_pvt.h"

struct hmi_replies_entry {
	struct hm_msg *reply; /* NULL: none */
	uint16_t node;        /* index of the node that is asked; 0: this one */
	uint8_t result;       /* enum hm_future_result, once it is not pending any more */
	bool pending;
};

/* Body of HM_REPLIES. */
struct hmi_replies {
	uint32_t count, answered;
	uint32_t pending;   /* requests that may still be answered */
	uint32_t enough;    /* answers that end the batch */
	uint8_t size_class; /* of the message that this is the body of */
	struct hmi_replies_entry entries[];
};

_Static_assert(sizeof(struct hmi_replies) + HM_BATCH_MAX * sizeof(struct hmi_replies_entry) <=
		       HM_MSG_BODY_MAX,
	       "a batch fits a message");

static inline struct hmi_replies *
hmi_replies_of(struct hm_msg *msg)
{
	return hm_msg_body_mut(msg);
}

/* A message for the answers to `count` requests, all of which are pending. NULL: no memory. */
struct hm_msg *hmi_replies_new(struct hm_ctx *ctx, uint32_t count);

/* Release what it holds; it is a message like others then. */
void hmi_replies_empty(struct hmi_msg_cache *cache, struct hm_msg *msg);

#endif /* REPLIES_PVT_H */
