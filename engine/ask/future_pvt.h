/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUTURE_PVT_H
#define FUTURE_PVT_H

/*
 * What futures and batches have in common, and their parts share: hmi_cell.future.
 */

#include "claim_pvt.h"
#include "hm_future.h"
#include "lcore_pvt.h"

/* ---- future.c ---- */

/* Free one that is in no list any more. */
void hmi_future_free(struct hm_ctx *ctx, struct hmi_cell *cell);

/* The one whose deadline is over; its actor's flight recorder notes that. */
struct hmi_cell *hmi_future_due(struct hm_ctx *ctx, struct hmi_timer *timer);

/* Of a future that has an owner. */
extern const struct hmi_owned_ops hmi_future_owned_ops;

/* ---- future_claim.c: an actor leaves this lcore ---- */

/* One that is pending: hmi_owned_ops.leave. */
void hmi_future_leave(struct hm_ctx *ctx, struct hmi_owned *owned);

/* What has ended it is in the actor's mailbox, and may be nobody's since a restart: hmi_process_ops.part. */
struct hm_msg *hmi_future_part(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* One whose actor has left ends: it is freed, and the actor gets the message. */
void hmi_future_claimed_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result,
			    struct hm_msg *msg);

/* The actor of a future gives an order: hmi_process_ops.claimed. */
void hmi_future_claimed(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint64_t node);

#endif /* FUTURE_PVT_H */
