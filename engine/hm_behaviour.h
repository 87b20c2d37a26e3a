/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_BEHAVIOUR_H
#define HM_BEHAVIOUR_H

/**
 * @file
 * What an actor does with its next messages: behaviours, stash, receive timeout.
 *
 *     hm_become_push(busy)          messages go to another function from the next one on
 *     hm_stash ─▶ [ m1 m2 m3 ]      kept for later, in order
 *     hm_become_pop, hm_unstash_all ─▶ m1 m2 m3 are handled next, before all that waits
 *     hm_receive_timeout_set        HM_RECEIVE_TIMEOUT when no message has come for so long
 *
 * A restart empties the stack of behaviours, puts the stash back into the mailbox, and cancels the receive timeout, one
 * that waits in the mailbox, too.
 *
 * All functions are for the running actor: Context: turn, and only that is said below where they may allocate.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Behaviours ---------------------------------------------------------- */

/** Functions that may lie below the current one. */
#define HM_BEHAVIOURS_MAX 64u

/**
 * Handle messages by another function from the next one on. The stack is emptied: there is nothing to pop.
 *
 * Context: turn; neither blocks nor allocates.
 *
 * @param receive  NULL: that of the props
 */
void hm_become(struct hm_ctx *ctx, hm_receive_fn *receive);

/**
 * As hm_become, but keep the current function, for hm_become_pop.
 *
 * Context: turn; may take memory.
 *
 * @param receive  must not be NULL
 * @return HM_OK; HM_WOULD_BLOCK: HM_BEHAVIOURS_MAX are kept already; HM_NO_MEMORY; HM_INVALID: no function
 */
enum hm_result hm_become_push(struct hm_ctx *ctx, hm_receive_fn *receive);

/**
 * Go back to the function before the last hm_become_push.
 *
 * Context: turn; neither blocks nor allocates.
 *
 * @return whether there was one; else nothing has changed
 */
bool hm_become_pop(struct hm_ctx *ctx);

/* ---- Stash --------------------------------------------------------------- */

/** Messages that a stash holds if hm_props.stash is 0. */
#define HM_STASH_DEFAULT 1024u

/**
 * Keep the message that is being received for later, with its sender and all that it carries. What is left when the
 * actor stops is a dead letter.
 *
 * Context: turn; may take memory. Ownership: the message is not the caller's to read any more.
 *
 * @return HM_OK; HM_WOULD_BLOCK: hm_props.stash messages are kept already; HM_NO_MEMORY; HM_NO_RECEIVER: the message is
 *         the engine's own, or was handed on
 */
enum hm_result hm_stash(struct hm_ctx *ctx);

/**
 * Handle the message that was stashed first next, before all that waits in the mailbox.
 *
 * Context: turn; neither blocks nor allocates.
 *
 * @return whether there was one
 */
bool hm_unstash(struct hm_ctx *ctx);

/**
 * Handle all messages that were stashed next, in the order in which they came, before all that waits in the mailbox.
 *
 * Context: turn; neither blocks nor allocates.
 *
 * @return how many there were
 */
uint32_t hm_unstash_all(struct hm_ctx *ctx);

/**
 * Messages in the stash.
 *
 * Context: turn.
 *
 * @return how many
 */
uint32_t hm_stash_count(const struct hm_ctx *ctx);

/* ---- Receive timeout ------------------------------------------------------- */

/**
 * Have the actor receive HM_RECEIVE_TIMEOUT whenever no message has come for a time, again and again, until it is set to
 * another time or cancelled. Messages of types that are registered with hm_type.no_influence do not count, however
 * they were sent, nor does HM_RECEIVE_TIMEOUT itself; answers to the actor's futures and HM_TERMINATED do. Waiting
 * messages count as long as they wait. None comes while the actor waits for its restart, or stops.
 *
 * It comes after the time and up to an eighth of it later. A message costs nothing more for it, but for one in each
 * eighth of the time. From a second on it may be a 64th of the time later still: so many actors are woken together.
 *
 * Context: turn; may take memory.
 *
 * @param timeout_us  microseconds from now; 0 cancels
 * @return HM_OK; HM_NO_MEMORY
 */
enum hm_result hm_receive_timeout_set(struct hm_ctx *ctx, uint64_t timeout_us);

/**
 * Cancel the receive timeout. One that waits in the mailbox still comes. Without one nothing happens.
 *
 * Context: turn; neither blocks nor allocates.
 */
void hm_receive_timeout_cancel(struct hm_ctx *ctx);

/**
 * The receive timeout.
 *
 * Context: turn.
 *
 * @return microseconds; 0: there is none
 */
uint64_t hm_receive_timeout(const struct hm_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif /* HM_BEHAVIOUR_H */
