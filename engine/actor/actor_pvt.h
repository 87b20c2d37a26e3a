/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOR_PVT_H
#define ACTOR_PVT_H

/*
 * Actors: their turn, their life cycle, who watches whom.
 *
 *     start ──▶ running ──▶ stopping ──(last child gone)──▶ ending ──▶ gone
 *        STARTED       STOPPING                      STOPPED
 *
 * Whatever a function here calls may end the running actor: then ctx->cell is NULL.
 */

#include "lcore_pvt.h"

/* Messages, links and owned resources that an actor handles in one turn beside user messages. */
#define HMI_SYSTEM_PORTION 256u

/* hm_terminated.reserved in a parent's notification of its child's end; receivers see 0. */
#define HMI_TERMINATED_CHILD 1u

extern const struct hmi_process_ops hmi_actor_ops;

/* ---- run.c ---- */

/* The run stage of an lcore's turn: actors run, what they have sent is delivered. Returns units of work done. */
uint32_t hmi_actors_run(struct hmi_worker *worker);

/* ---- lifecycle.c ---- */

/* Handle HM_STARTED, the system lane, or a portion of the actor's end. */
void hmi_actor_handle_pending(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Begin to stop. */
void hmi_actor_stop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_terminated_reason reason);

/* Go on with stopping: end if no child is left. */
void hmi_actor_stop_advance(struct hm_ctx *ctx, struct hmi_cell *cell);

/* ---- watch.c ---- */

/* A notification that a process is gone, to be posted. */
struct hm_msg *hmi_terminated_new(struct hm_ctx *ctx, struct hm_pid who, uint32_t reason);

/* Notify a watcher that a process is gone. */
void hmi_terminated_post(struct hm_ctx *ctx, struct hm_pid watcher, struct hm_pid who, uint32_t reason);

/* Notify a parent that its child is gone. */
void hmi_child_terminated_post(struct hm_ctx *ctx, uint64_t parent, struct hm_pid child, uint32_t reason);

/* A process watches the actor. */
void hmi_watch_add(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid watcher);

/* It does not watch any more. */
void hmi_watch_remove(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid watcher);

/* A watched process, or a child, is gone. The message stays the caller's. */
void hmi_terminated_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* ---- children.c ---- */

/* Add a child to the running actor. Returns 0 or -ENOMEM. */
int hmi_child_add(struct hm_ctx *ctx, struct hm_pid child);

/* Take back the child that was added last. */
void hmi_child_undo(struct hm_ctx *ctx, struct hm_pid child);

/* An actor ends: it leaves the ring of its siblings. */
void hmi_child_leave(struct hm_ctx *ctx, struct hmi_cell *child);

/* The parent has been notified of the end of a child. */
void hmi_child_gone(struct hm_ctx *ctx, struct hmi_cell *parent, struct hm_pid child);

/* Send a stop to the first children, those on other lcores before those on this one. */
void hmi_children_stop(struct hm_ctx *ctx, struct hmi_cell *parent);

/* Send a stop to some more. Returns whether any are left. */
bool hmi_children_stop_advance(struct hm_ctx *ctx, struct hmi_cell *parent);

/* ---- spawn.c ---- */

/* Turn a taken slot into an actor, which the caller starts. Returns 0 or -ENOMEM. */
int hmi_actor_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args);

/* Command: an actor is to be made in a slot that was granted to its parent's lcore. */
void hmi_spawn_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_spawn_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

#endif /* ACTOR_PVT_H */
