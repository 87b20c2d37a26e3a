/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIDDLEWARE_PVT_H
#define MIDDLEWARE_PVT_H

/*
 * The stages of an actor: its own, behind those that its parent hands down.
 *
 *     receive   cell->receive is hmi_middleware_receive; the actor's own function is hmi_middleware.receive
 *     send      while the actor has its turn ctx->sending is set, and ctx->small_types says that no type is small: so
 *               all calls that send leave their fast paths, and look
 *     spawn     an actor with stages is no usual parent: see spawn.c
 *
 * Owned by the actor's lcore.
 */

#include "hm_middleware.h"
#include "lcore_pvt.h"
#include "system_pvt.h"
#include "type_pvt.h"

struct hmi_middleware {
	hm_receive_fn *receive; /* of the actor, or its behaviour */
	uint32_t count;
	bool sends, spawns; /* whether any stage is around sends, spawns */
	bool maintains;     /* it keeps its children, and takes the end of one for a loss */
	bool is_maintained; /* its parent does so */
	uint32_t handed;    /* stages that its parent has handed down: the first ones */
	/* For its children: the span that is open. Of one that has not started: that in which it was spawned. */
	struct hmi_trace trace;
	const struct hm_middleware *stages[];
};

/* What is to be done when all stages have gone on: the call that sends, with those of its arguments that stages do not see. */
struct hmi_send {
	enum hm_result (*last)(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to,
			       struct hm_msg *msg);
	bool is_forward;      /* the message was received */
	struct hm_pid sender; /* of hm_request_from */
	uint64_t timeout_us;  /* of hm_ask and its like */
	hm_reply_fn *on_reply;
	void *arg;
	struct hm_future *future;
};

/* ---- middleware.c ---- */

/* Read all that props say of stages: they may be no memory. Returns 0 or -E2BIG. */
int hmi_middleware_check(const struct hm_props *props);

/*
 * The stages of a child of an actor. *made: NULL if there are none, else to be freed with the child, or if there is none.
 * Returns 0, -ENOMEM, -E2BIG.
 */
int hmi_middleware_make(const struct hmi_cell *parent, const struct hm_props *props,
			struct hmi_middleware **made);

/* An actor that was just made has them. Returns 0 or -ENOMEM; then they are the caller's still. */
int hmi_middleware_own(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_middleware *middleware);

/* The same of one that hands them down to its children, and has none around itself. */
int hmi_middleware_hold(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_middleware *middleware);

/* How many stages it hands down. */
uint32_t hmi_middleware_inherited(const struct hmi_cell *cell);

/* An actor keeps its children: it has them, or others in their place, until it ends itself. */
void hmi_middleware_maintain(const struct hmi_cell *cell);

/* The actor ends. */
void hmi_middleware_drop(struct hmi_cell *cell);

/* It does not come to be: they are the caller's again. */
void hmi_middleware_leave(struct hmi_cell *cell);

/* NULL: the actor has none. */
static inline struct hmi_middleware *
hmi_middleware_of(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->middleware : NULL;
}

/* The function that the actor receives by. */
static inline hm_receive_fn **
hmi_receive_of(struct hmi_cell *cell)
{
	struct hmi_middleware *middleware = hmi_middleware_of(cell);

	return middleware != NULL ? &middleware->receive : &cell->receive;
}

/* As hm_receive_next. Returns whether all stages behind have gone on, so that the actor's own function was called. */
bool hmi_receive_next_noted(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
			    const struct hm_receive_next *next);
/* Whether a stage has the function and the argument of one before it: its own, and handed down. */
bool hmi_receive_is_repeated(const struct hmi_middleware *middleware, uint32_t stage);

/* The same of the stage that is called with `next`. */
bool hmi_receive_next_is_repeated(const struct hm_receive_next *next);

/* The actor's turn begins, and ends. */
void hmi_sending_begin(struct hm_ctx *ctx, const struct hmi_cell *cell);

static inline void
hmi_sending_end(struct hm_ctx *ctx)
{
	ctx->sending = NULL;
	ctx->small_types = ctx->sys->types->small;
}

/*
 * Send through the stages of the running actor; only if ctx->sending is set. `msg` is the call's, by hmi_made_again, so that it
 * goes with it if a stage fails; or one to be handed on, kept or being received. Neither is set meanwhile.
 */
enum hm_result hmi_send_through(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to,
				struct hm_msg *msg);

/* The same of a body. */
enum hm_result hmi_send_body_through(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to,
				     uint16_t type, const void *body);

/*
 * One of several messages was not sent, nor is anybody else told: `result` is what its stages have said, or why it was not made.
 * It is a dead letter, of which only the description is left.
 */
void hmi_send_refused(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, enum hm_result result);

/* Spawn through the stages of the running actor; only if it has some that are around spawns. */
int hmi_spawn_through(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid);

#endif /* MIDDLEWARE_PVT_H */
