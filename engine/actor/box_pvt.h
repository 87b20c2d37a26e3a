/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BOX_PVT_H
#define BOX_PVT_H

/*
 * Mailboxes other than the default one: with a bound, an order or hooks of their own.
 *
 *     deliver ─▶ limit 0: hmi_box_put ─▶ hmi_box ──(hmi_box_next)──▶ receive function
 *             └▶ else: hmi_cell.box ──────────────────────────────────▲ before all others
 *
 * The cell's own queue holds what was there before the actor was made, and is handled first. An actor whose limit is not 0 has
 * no hmi_box.
 */

#include "hm_mailbox.h"
#include "lcore_pvt.h"

/* Whether a mailbox's members are what they may be. NULL is the default one. */
bool hmi_mailbox_is_valid(const struct hm_mailbox *mailbox);

/* Give an actor that is being made its mailbox, by its props. Returns 0, -ENOMEM, or what a user's init answers. */
int hmi_box_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_mailbox *mailbox);

/* Free it; it is empty. */
void hmi_box_free(struct hmi_cell *cell);

/* A message for an actor that has one. */
void hmi_box_put(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* The message that its turn handles next; NULL: none. */
struct hm_msg *hmi_box_next(struct hm_ctx *ctx, struct hmi_cell *cell);

/* The actor stops or restarts: what waits goes into the cell's own queue. */
void hmi_box_spill(struct hm_ctx *ctx, struct hmi_cell *cell);

/* It has restarted: what waits goes back. */
void hmi_box_refill(struct hm_ctx *ctx, struct hmi_cell *cell);

/* The running actor has failed: nobody is told that the message was handled. */
void hmi_box_forget(struct hmi_cell *cell);

/* Messages that wait in it, beside those of the cell's own queue. */
uint32_t hmi_box_count(const struct hmi_cell *cell);

/* The queue with the first message that waits in a mailbox, of whatever kind; empty: none does, or a queue of the user's own has it. */
const struct hmi_fifo *hmi_cell_first(const struct hmi_cell *cell);

/*
 * Messages that wait for an actor: in its mailbox, of whatever kind, in its stash, and aside while it restarts. *first: one
 * that may be the next; NULL: it is unknown, since a queue of the user's own has it.
 */
uint32_t hmi_actor_waiting(const struct hmi_cell *cell, const struct hm_msg **first);

/* The engine's own messages that wait in it. */
struct hmi_fifo *hmi_box_internal(const struct hmi_cell *cell);

/* The actor is to leave for another lcore: make deadlines of requests that wait exact, but in a queue of the user's. */
void hmi_box_deadlines_settle(struct hm_ctx *ctx, const struct hmi_cell *cell);

/* The limit is 0 for other reasons, too: see receive_timeout.c. */
static inline bool
hmi_cell_has_box(const struct hmi_cell *cell)
{
	return unlikely(cell->limit == 0) && cell->actor.extra != NULL && cell->actor.extra->box != NULL;
}

/* As hmi_cell_push, for an actor whose limit is 0. */
void hmi_cell_push_closely(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* Put a message, which is always taken, at the end of what an actor's turn will handle. */
static inline void
hmi_cell_push(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (likely(cell->limit != 0))
		hmi_fifo_push(&cell->box, msg);
	else
		hmi_cell_push_closely(ctx, cell, msg);
}

static inline uint32_t
hmi_cell_count(const struct hmi_cell *cell)
{
	return cell->box.count + (hmi_cell_has_box(cell) ? hmi_box_count(cell) : 0);
}

/* Whether the actor's turn has messages to handle. */
static inline bool
hmi_cell_is_empty(const struct hmi_cell *cell)
{
	return cell->box.head == NULL && (likely(!hmi_cell_has_box(cell)) || hmi_box_count(cell) == 0);
}

#endif /* BOX_PVT_H */
