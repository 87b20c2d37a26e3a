/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVE_PVT_H
#define RECEIVE_PVT_H

/*
 * The one place that calls functions of users. They may not return (recover_pvt.h): ctx->msg is then what has to be
 * released.
 */

#include "lcore_pvt.h"
#include "msg_pvt.h"

/* From here on what is done is the running actor's own affair ... */
static inline void
hmi_user_enter(struct hm_ctx *ctx)
{
	ctx->in_user = 1;
}

/* ... to here. */
static inline void
hmi_user_leave(struct hm_ctx *ctx)
{
	ctx->in_user = 0;
	if (unlikely(ctx->made != NULL))
		hmi_made_keep(ctx);
}

/* Hand a message to the running actor. It stays the caller's unless ctx->msg was cleared meanwhile. */
static inline void
hmi_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	ctx->msg = msg;
	hmi_user_enter(ctx);
	cell->receive(ctx, hmi_cell_state(cell), msg);
	hmi_user_leave(ctx);
}

/* Hand a message without body to the running actor; no other one is being received. */
static inline void
hmi_lifecycle_receive(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t type)
{
	ctx->lifecycle->type = type;
	ctx->lifecycle->sender = hm_pid_none();
	hmi_receive(ctx, cell, ctx->lifecycle);
	ctx->msg = NULL;
}

/* Call a reply function of the running actor. ctx->msg is the reply, and stays the caller's unless it was cleared. */
static inline void
hmi_reply_run(struct hm_ctx *ctx, hm_reply_fn *on_reply, enum hm_future_result result, void *arg)
{
	hmi_user_enter(ctx);
	on_reply(ctx, hmi_cell_state(ctx->cell), result, result == HM_FUTURE_REPLY ? ctx->msg : NULL, arg);
	hmi_user_leave(ctx);
}

#endif /* RECEIVE_PVT_H */
