/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DELIVER_PVT_H
#define DELIVER_PVT_H

/*
 * Delivery: from a lane, the inject ring, the network or the outbox to the receiver's cell.
 * Inline: a user message for an actor of this lcore.
 */

#include <rte_branch_prediction.h>

#include "lcore_pvt.h"

/* Deliver a message of this lcore. */
void hmi_deliver(struct hm_ctx *ctx, struct hm_msg *msg);

/* Deliver a burst that came through a lane or the inject ring. */
void hmi_deliver_burst(struct hm_ctx *ctx, struct hm_msg **msgs, uint32_t count);

/* Deliver a message to an actor's system lane or to another process; the generation fits. */
void hmi_deliver_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* Deliver a message whose generation does not fit: to a slot that is reserved, or to nobody. */
void hmi_deliver_stale(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* Deliver a batch of the outbox. Returns how many messages it was. */
uint32_t hmi_outbox_deliver(struct hm_ctx *ctx);

/* Deliver all that is in the outbox. */
void hmi_outbox_flush(struct hm_ctx *ctx);

/* The outbox has no room for a message: make some. */
void hmi_outbox_full(struct hm_ctx *ctx, struct hm_msg *msg);

/* Hand a message for another node to the provider, which owns it from here on; on the provider's lcore. */
static inline void
hmi_provider_take(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_guard_received(msg);
	msg->flags |= HMI_MSG_MADE;
	ctx->sys->provider_ops->deliver(ctx->sys->provider, ctx, msg);
}

/* Deliver to a cell, which is the receiver's if its generation fits. */
static inline void
hmi_deliver_to(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely(cell->generation != (uint32_t)msg->to)) {
		hmi_deliver_stale(ctx, cell, msg);
		return;
	}
	if (unlikely(cell->box.count >= cell->limit || (msg->flags & HMI_MSG_SYSTEM) != 0)) {
		hmi_deliver_other(ctx, cell, msg);
		return;
	}
	hmi_fifo_push(&cell->box, msg);
	hmi_schedule(ctx, cell);
}

/* Whether user messages to a PID go into the cell's mailbox, without further checks. */
static inline bool
hmi_delivers_to(const struct hmi_cell *cell, uint64_t to)
{
	return cell->generation == (uint32_t)to && cell->box.count < cell->limit;
}

#endif /* DELIVER_PVT_H */
