/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_PVT_H
#define PROCESS_PVT_H

/*
 * Process operations: what a slot does with a message. Actors, futures, the lcore process,
 * /deadLetters and granted slots are processes; delivery knows this table, and no feature by name.
 *
 *     message ─▶ cell ─┬─ actor, user message: its mailbox, inline
 *                      └─ everything else: ops->deliver, ops->system
 *
 * A process that ends in its owner's turn (a future) puts its last message into the owner's mailbox
 * with HMI_MSG_RESUME; the owner's turn calls ops->resume with it.
 *
 * All functions run on the process's lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_dead_letter.h"
#include "hm_msg.h"

struct hm_ctx;
struct hmi_cell;

/* Of an actor that has moved, to a process that it has left behind: actor/claim_pvt.h. */
enum hmi_claim_order {
	HMI_CLAIM_DROP,    /* it ends or restarts */
	HMI_CLAIM_CANCEL,  /* as hm_future_cancel */
	HMI_CLAIM_RELEASE, /* as hm_future_release */
	HMI_CLAIM_NODE,    /* a node is asked */
};

struct hmi_process_ops {
	/* A user message arrived; the function takes it over. */
	void (*deliver)(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);
	/* A system message arrived; the function takes it over. */
	void (*system)(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);
	/* The owner's turn has come to the message. It stays the caller's, unless ctx->msg is cleared. NULL: never. */
	void (*resume)(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);
	/* The owner ended before that; the function takes the message over. NULL: never. */
	void (*discard)(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg,
			enum hm_dead_reason reason);
	/*
	 * The owner leaves for another lcore, and the message waits for its turn: returns what it takes along instead. NULL: the
	 * same.
	 */
	struct hm_msg *(*part)(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);
	/* The owner has left for another lcore, and gives an order; one that is its owner's no more. NULL: never. */
	void (*claimed)(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint64_t node);
	/* The actor that waits for it; NULL: nobody, or always nobody. */
	struct hmi_cell *(*owner)(struct hmi_cell *cell);
	/*
	 * The time in ns until which the process waits for an answer, by the lcore's clock; 0: it does not wait any
	 * more. NULL: it never waits.
	 */
	uint64_t (*waits_until_ns)(struct hm_ctx *ctx, const struct hmi_cell *cell);
	/*
	 * No lcore runs any more: dead-letter what waits, notify who waits. Returns whether there was
	 * anything. NULL: nothing ever waits here.
	 */
	bool (*shut_down)(struct hm_ctx *ctx, struct hmi_cell *cell);
	/* The node of an index is lost. NULL: nothing here waits for another node. */
	void (*node_down)(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t node);
	/* Whether a PID of another generation is the process's as well. NULL: none is. */
	bool (*has)(const struct hmi_cell *cell, uint64_t local);
};

/*
 * A resource that an actor owns: a timer, a watch, a future. It is in the list of its actor, and is
 * dropped when the actor ends, and, unless it outlives that, when it restarts. The life cycle knows no resource by name.
 */
struct hmi_owned;

struct hmi_owned_ops {
	/* The owner ends, or restarts. The resource is out of the list already; the function frees it. */
	void (*drop)(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned);
	/* It is the process's rather than the state's: a restart does not drop it. */
	bool outlives_restart;
	/* Whether the owner may move to another lcore now, and take it along. NULL: it may not, as long as it has this. */
	bool (*may_move)(const struct hmi_owned *owned);
	/* Something is under way for the owner: until that has come it is not passive (hm_passivation.h). */
	bool is_awaited;
	/* It stays behind: by `leave` a claim takes its place in the owner's list. */
	bool is_claimed;
	/* The owner leaves for another lcore, or has come there: it stays where it is, and in the owner's list. */
	void (*leave)(struct hm_ctx *ctx, struct hmi_owned *owned);
	void (*arrive)(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned);
};

struct hmi_owned {
	struct hmi_owned *next;
	struct hmi_owned **prev; /* what points to this one */
	const struct hmi_owned_ops *ops;
};

static inline void
hmi_owned_add(struct hmi_owned **list, struct hmi_owned *owned, const struct hmi_owned_ops *ops)
{
	owned->ops = ops;
	owned->next = *list;
	owned->prev = list;
	if (owned->next != NULL)
		owned->next->prev = &owned->next;
	*list = owned;
}

static inline void
hmi_owned_remove(struct hmi_owned *owned)
{
	*owned->prev = owned->next;
	if (owned->next != NULL)
		owned->next->prev = owned->prev;
}

#endif /* PROCESS_PVT_H */
