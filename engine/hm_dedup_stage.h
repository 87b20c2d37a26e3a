/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_DEDUP_STAGE_H
#define HM_DEDUP_STAGE_H

/**
 * @file
 * Deduplication as a stage of middleware (hm_middleware.h): a message whose key has come to the actor before does not come again.
 *
 *     message ─▶ key? ─┬─ none, or new ─▶ the next stage ... the actor ─▶ the key is remembered
 *                      └─ known ────────▶ on_repeat, or a dead letter, HM_DEAD_REPEATED
 *
 *     static bool order_key(const struct hm_msg *msg, uint64_t *key, void *arg)
 *     {
 *             if (hm_msg_type(msg) != order)
 *                     return false;
 *             *key = order_body(msg)->id;
 *             return true;
 *     }
 *
 *     static const struct hm_dedup_stage once = { .key = order_key, .keys = 1000, .memory_us = 60000000 };
 *     static const struct hm_middleware stage = { HM_DEDUP_STAGE(&once) };
 *
 * Each actor has a memory of its own, made when the first message with a key comes, as of hm_dedup_create: bounded, and for a
 * time. It is kept over a restart and a move, and ends with the actor.
 *
 * A key is remembered when its message has come to the actor's function, and that has handled it, handed it on or kept it. Of one
 * that was refused the key is not remembered, so it may come again: a stage behind this one has not gone on, or the actor is one of the
 * engine that did not take it, such as a pool of workers whose queue is full. So may one that has failed, and one that was stashed,
 * which is looked at when it comes back. Two of one key may both be in the stash; the second one is a repetition when it comes
 * back. A stage that handles messages itself, and does not go on, is to be in front of this one, or gets repetitions.
 */

#include "hm_dedup.h"
#include "hm_middleware.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The key of a message of a user's type.
 *
 * Context: turn. Ownership: nothing passes.
 *
 * @param msg       read only; its sender, hm_msg_sender, may be a part of the key
 * @param[out] key  such as an id, or a hash: equal keys are taken for the same
 * @param arg       hm_dedup_stage.arg
 * @return whether it has one; those that have none come to the actor
 */
typedef bool hm_dedup_key_fn(const struct hm_msg *msg, uint64_t *key, void *arg);

/** What a stage of deduplication does; constant, and outlives the actors that have it. */
struct hm_dedup_stage {
	hm_dedup_key_fn *key; /**< must not be NULL */
	uint32_t keys;        /**< that each actor remembers at most: 1 to 2^24 */
	uint64_t memory_us;   /**< microseconds for which a key is remembered; at least 1 */
	/**
	 * In place of the actor, in its turn: what is done with a repetition, such as answering it once more. NULL: it is a dead
	 * letter, and who has asked is told so.
	 */
	void (*on_repeat)(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, void *arg);
	void *arg; /**< of the functions; shared by all actors with this stage, on all lcores */
};

/** Members of a struct hm_middleware: the stage. It may be .inherited. */
#define HM_DEDUP_STAGE(stage) .receive = hm_dedup_receive, .arg = (void *)(uintptr_t)(stage)

/**
 * The stage of deduplication: as hm_middleware.receive.
 *
 * An actor for whose memory of keys there is no memory fails, rather than handle something twice; so does one whose stage has
 * numbers out of range.
 *
 * Context: turn, called by the engine; allocates at the first key. Ownership: nothing passes.
 *
 * @param arg  a struct hm_dedup_stage; must not be NULL
 */
void hm_dedup_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		      const struct hm_receive_next *next, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HM_DEDUP_STAGE_H */
