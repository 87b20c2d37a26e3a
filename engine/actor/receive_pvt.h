/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVE_PVT_H
#define RECEIVE_PVT_H

/*
 * The one place that calls functions of users. They may not return (recover_pvt.h): ctx->msg is then what has to be
 * released.
 */

#include "hm_future.h"
#include "hm_type.h"
#include "flight_pvt.h"
#include "lcore_pvt.h"
#include "msg_pvt.h"

/* From here on what is done is the running actor's own affair ... */
static inline void
hmi_user_enter(struct hm_ctx *ctx)
{
	ctx->in_user = HMI_USER_RUNS;
}

/* ... to here. Returns whether that is all that there is to know: no message was made, and none taken over. */
static inline bool
hmi_user_leave(struct hm_ctx *ctx)
{
	bool is_all = likely(ctx->in_user == HMI_USER_RUNS);

	ctx->in_user = 0;
	if (unlikely(!is_all && ctx->made != NULL))
		hmi_made_keep(ctx);
	return is_all;
}

/* Hand a message to the running actor. Returns whether it is still the caller's; if not, ctx->msg is NULL. */
static inline bool
hmi_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	ctx->msg = msg;
	hmi_user_enter(ctx);
	cell->receive(ctx, hmi_cell_state(cell), msg);
	return hmi_user_leave(ctx) || ctx->msg != NULL;
}

/* The running actor keeps the message that it receives, or hands it on. */
static inline void
hmi_received_take(struct hm_ctx *ctx)
{
	ctx->msg = NULL;
	ctx->in_user |= HMI_USER_TOOK;
}

/* The same; it is a dead letter. Nothing happens if it was taken already, by a stage in front that goes on twice. */
void hmi_received_refuse(struct hm_ctx *ctx, enum hm_dead_reason reason);

/*
 * For processes of the engine that hand on: as hm_forward, and hm_msg_forward, with the engine's mark not set, since stages of
 * middleware are around that. What is refused is a dead letter here. Returns whether it was handed on.
 */
bool hmi_received_forward(struct hm_ctx *ctx, struct hm_pid to);
bool hmi_kept_forward(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

/* Have a message answered for the running actor, which has received it: ctx->msg. */
static inline void
hmi_auto_respond_run(struct hm_ctx *ctx, struct hmi_cell *cell, hm_auto_respond_fn *fn)
{
	hmi_user_enter(ctx);
	fn(ctx, hmi_cell_state(cell), ctx->msg);
	(void)hmi_user_leave(ctx);
}

/*
 * Call a reply function, or a continuation, of the running actor. ctx->msg is what ended the future; it stays the
 * caller's unless ctx->msg was cleared meanwhile. `reply`: that, or NULL.
 */
static inline void
hmi_reply_run(struct hm_ctx *ctx, hm_reply_fn *fn, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	hmi_user_enter(ctx);
	fn(ctx, hmi_cell_state(ctx->cell), result, reply, arg);
	(void)hmi_user_leave(ctx);
}

/* Hand a message without body to the running actor; no other one is being received. `actor`: as hmi_flight_actor. */
static inline void
hmi_lifecycle_receive_as(struct hm_ctx *ctx, struct hmi_cell *cell, uint64_t actor, uint16_t type)
{
	hmi_flight_note_actor(ctx, actor, type);
	ctx->lifecycle->type = type;
	ctx->lifecycle->sender = hm_pid_none();
	(void)hmi_receive(ctx, cell, ctx->lifecycle);
	ctx->msg = NULL;
}

static inline void
hmi_lifecycle_receive(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t type)
{
	hmi_lifecycle_receive_as(ctx, cell, hmi_flight_actor(ctx, cell, HM_EVENT_HANDLES), type);
}

#endif /* RECEIVE_PVT_H */
