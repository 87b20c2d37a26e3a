/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOVE_PVT_H
#define MOVE_PVT_H

/*
 * Actors that move to another lcore.
 *
 *     actor's lcore                                  the lcore that it moves to
 *     HMI_SYS_MOVE
 *       ── HMI_COMMAND_MOVE_RESERVE ────────────────▶ a slot; its messages to the actor are held from here on
 *       ◀─ HMI_SYS_MOVE_READY, behind its messages ──
 *     it may move now:  HMI_COMMAND_MOVE ───────────▶ the slot is the actor; what is held goes into its mailbox
 *       its slot here is a forwarder
 *       ── fences ── HMI_COMMAND_MOVE_FENCED ──────▶ what it has sent before has arrived: it runs
 *     it may not:       HMI_COMMAND_MOVE_RELEASE ───▶ the slot is free; tried again a little later
 *
 * The actor moves between two turns, as it is: its cell is copied, its state, what it owns and its messages stay where they
 * are in memory. Routes to it: route/forward_pvt.h.
 */

#include "forward_pvt.h"
#include "lcore_pvt.h"

/* The memory of what actors know of their moves. */
void hmi_moves_init(struct hm_ctx *ctx);

/* Free orders that wait for it. */
void hmi_moves_shut_down(struct hm_ctx *ctx);

/* HMI_SYS_MOVE, in the actor's turn. Returns whether it has taken the message over, since there is no memory yet. */
bool hmi_move_ordered(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* What follows. The actor may be gone from this lcore then: ctx->cell is NULL. */
void hmi_move_receive(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);

/* For the balancer: whether the actor is where it is to be, and could move at once. */
bool hmi_move_is_free(const struct hm_ctx *ctx, const struct hmi_cell *cell);

/* Whether the program has ever told it to move, and so knows better. */
bool hmi_move_was_told(const struct hmi_cell *cell);

/* When it came here, by the lcore's clock; 0: it has never moved. */
uint64_t hmi_move_arrived_ns(const struct hmi_cell *cell);

/* Order it to move, between two turns of actors or in its own. */
void hmi_move_order(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t lcore, enum hmi_move_by by);

/* A mark arrives: all that its lcore has sent before has. */
void hmi_move_mark(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *mark);

/*
 * The actor ends: no route is to lead to it. Returns the one of its slot, which is to answer for it (hmi_route_answer) and is
 * freed with that; NULL: the slot is the caller's.
 */
struct hmi_route *hmi_move_end(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Commands. */
void hmi_move_reserve_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_move_release_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_move_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_move_fenced_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_move_settled_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_move_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

#endif /* MOVE_PVT_H */
