/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVE_PVT_H
#define RECEIVE_PVT_H

/*
 * The one place that calls receive functions.
 */

#include "lcore_pvt.h"

/* Hand a message to the running actor. It stays the caller's unless ctx->msg was cleared meanwhile. */
static inline void
hmi_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	ctx->msg = msg;
	cell->receive(ctx, hmi_cell_state(cell), msg);
}

/* Hand a message without body to the running actor. */
static inline void
hmi_lifecycle_receive(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t type)
{
	struct hm_msg *outer = ctx->msg;

	ctx->lifecycle->type = type;
	ctx->lifecycle->sender = hm_pid_none();
	hmi_receive(ctx, cell, ctx->lifecycle);
	ctx->msg = outer;
}

#endif /* RECEIVE_PVT_H */
