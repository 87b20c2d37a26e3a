/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLAIM_PVT_H
#define CLAIM_PVT_H

/*
 * Claims: what an actor takes along, when it moves, of a future that it has made.
 *
 * The future itself stays where it is: others have its PID, answers come there, and its deadline runs there. It is the
 * actor's no more, but knows the actor's PID; the actor has a claim instead.
 *
 *     future (a cell)                                   actor ─▶ owned ─▶ claim: PID of the future, function
 *       ── HMI_SYS_ANSWER: the answer, or that there is none ──▶ into the mailbox; the function is called
 *       ◀── HMI_COMMAND_CLAIM: the actor ends or restarts, or cancels ──
 *       ── HMI_SYS_CLAIM_END: a future with a handle is gone ──▶ the claim is free
 *
 * An answer is sent to the actor's PID, by the way of all messages, and handled on arrival. So it finds the actor wherever
 * it has gone meanwhile, and comes behind what its lcore has sent there before. A future that was claimed stays so, also
 * if the actor comes back.
 *
 * The same is done to an answer that is in the mailbox when the actor leaves.
 *
 * A claim is of the lcore where its actor lives. Its memory is there before anything is changed.
 */

#include "hm_future.h"
#include "lcore_pvt.h"

struct hmi_claim {
	struct hmi_link link; /* first: pid is the future's; hashed until the answer comes */
	hm_reply_fn *fn;      /* NULL: there is none, or it is not to be called any more */
	void *arg;
	bool ended; /* the answer is in the mailbox */
};

/* Body of HMI_SYS_ANSWER. */
struct hmi_answer {
	uint64_t future;         /* local part of its PID */
	struct hm_msg *msg;      /* what has ended it */
	struct hmi_claim *claim; /* once it is in the mailbox; NULL: nobody waits for it */
	uint32_t result;         /* enum hm_future_result */
};

void hmi_claims_init(struct hm_ctx *ctx);

/* ---- Leaving ---- */

/* Have memory for all that the actor will claim. Returns whether there is some; and give it back. */
bool hmi_claims_reserve(struct hm_ctx *ctx, const struct hmi_cell *cell);
void hmi_claims_unreserve(struct hm_ctx *ctx);

/* The actor takes the answers in its mailbox along. */
void hmi_claims_part(struct hm_ctx *ctx, struct hmi_cell *cell);

/* The actor takes a claim along, in the place of what it owns, a future of this PID; `fn`: NULL if it has none. */
struct hmi_claim *hmi_claim_make(struct hm_ctx *ctx, struct hmi_owned *owned, struct hm_pid future,
				 hm_reply_fn *fn, void *arg);

/* ---- At the future ---- */

/* A future that was claimed has ended: tell its actor, whose home is given. Takes the message over. */
void hmi_answer_post(struct hm_ctx *ctx, uint64_t home, uint64_t future, enum hm_future_result result,
		     struct hm_msg *msg);

/* The same for one whose actor leaves with the answer in its mailbox; claim: NULL: nobody waits for it. */
struct hm_msg *hmi_answer_new(struct hm_ctx *ctx, struct hmi_claim *claim, uint64_t future,
			      enum hm_future_result result, struct hm_msg *msg);

/* A future with a handle that was claimed is gone. */
void hmi_claim_end_post(struct hm_ctx *ctx, uint64_t home, uint64_t future);

/* A message to an actor that has moved, at once if it is here. */
void hmi_claimant_post(struct hm_ctx *ctx, uint64_t home, struct hm_msg *msg);

/* Command. */
void hmi_claim_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* ---- At the actor ---- */

/* HMI_SYS_ANSWER, which it takes over, and HMI_SYS_CLAIM_END arrive. */
void hmi_answer_arrive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);
void hmi_claim_end(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *msg);

/* HMI_SYS_ANSWER has found nobody. */
void hmi_answer_lost(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

/* The running actor gives an order to a future that it has claimed; node: of HMI_CLAIM_NODE. Returns false: it has not. */
bool hmi_claim_order(struct hm_ctx *ctx, struct hm_pid future, enum hmi_claim_order order, uint64_t node);

/* What an answer in the mailbox is for the process of each lcore: see hmi_process_ops. */
void hmi_answer_resume(struct hm_ctx *ctx, struct hmi_cell *process, struct hm_msg *msg);
void hmi_answer_discard(struct hm_ctx *ctx, struct hmi_cell *process, struct hm_msg *msg,
			enum hm_dead_reason reason);

/* ---- Answers that find no function ---- */

/* What was to be handed to a function of an actor finds none any more: an answer is a dead letter. */
void hmi_continuation_discard(struct hm_ctx *ctx, struct hm_msg *msg, bool is_reply,
			      enum hm_dead_reason reason);

/* The actor's turn has come to a message whose function is not to be called any more. */
void hmi_continuation_drop(struct hm_ctx *ctx, struct hm_msg *msg, bool is_reply);

/* The same of what a batch has collected; takes the message over. */
void hmi_replies_discard(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason);

#endif /* CLAIM_PVT_H */
