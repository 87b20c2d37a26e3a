/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DELIVER_PVT_H
#define DELIVER_PVT_H

/*
 * The fast path of delivery: a user message for an actor of this lcore.
 */

#include "engine_pvt.h"

/* Deliver a message that is no user message for an actor; its receiver exists. */
void hmi_deliver_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* Deliver to a cell, which is the receiver's if its generation fits. */
static inline void
hmi_deliver_to(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely(cell->generation != (uint32_t)msg->to)) {
		hmi_dead(ctx, msg,
			 hmi_cell_was_future(cell, msg->to) ? HM_DEAD_LATE_REPLY : HM_DEAD_NO_PROCESS);
		return;
	}
	if (unlikely(cell->kind != HMI_CELL_ACTOR || (msg->flags & HMI_MSG_SYSTEM) != 0)) {
		hmi_deliver_other(ctx, cell, msg);
		return;
	}
	hmi_fifo_push(&cell->box, msg);
	hmi_schedule(ctx, cell);
}

#endif /* DELIVER_PVT_H */
