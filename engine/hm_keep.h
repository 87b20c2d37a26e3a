/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_KEEP_H
#define HM_KEEP_H

/**
 * @file
 * Messages that an actor keeps: to try again, to answer later, or to hand on when somebody is free.
 *
 *     received ──hm_msg_keep──▶ the actor's own ──▶ hm_msg_forward: on its way again, as it came
 *                                               ├─▶ hm_msg_free: done with
 *                                               └─▶ the actor stops, or restarts: a dead letter
 *
 * Body, sender, headers, buffer and deadline stay as they came. A kept message is answered by a message to its sender:
 * `hm_request(ctx, hm_msg_sender(kept), type, body)`, which is what hm_respond does of the one being received. It is the
 * actor's as one of hm_msg_new is: hm_msg_send and its like take it, too, and send it as the actor's own, without the sender
 * and the deadline that it came with.
 *
 * Other than a stash (hm_behaviour.h), whose messages are received again, it stands outside of the mailbox; how many are kept
 * is bounded by the memory of messages (hm_system.h) alone.
 *
 *     case WORK:
 *             if (hm_msg_keep(ctx, &work->todo[work->count]) == HM_OK)
 *                     work->count++;
 *             break;
 *     case FREE:
 *             if (work->count > 0)
 *                     (void)hm_msg_forward(ctx, hm_sender(ctx), work->todo[--work->count]);
 */

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Keep the message that is being received: from here on it is the actor's own, and hm_sender and hm_respond know no sender.
 * When the actor stops or restarts what it keeps becomes dead letters, with HM_DEAD_STOPPED or HM_DEAD_FAILED: who has asked
 * learns that nobody answers. A call that fails after it has kept a message has kept it, if the actor goes on
 * (HM_DIRECTIVE_RESUME).
 *
 * Context: turn; may take memory. Ownership: the message is the caller's until it is handed on, sent or freed.
 *
 * @param[out] kept  the message, whose address does not change; not written unless HM_OK is returned
 * @return HM_OK; otherwise nothing has changed: HM_INVALID: @p kept is NULL; HM_NO_RECEIVER: the message is the engine's own, or
 *         was handed on or kept already; HM_NO_MEMORY
 */
enum hm_result hm_msg_keep(struct hm_ctx *ctx, struct hm_msg **kept);

/**
 * As hm_forward, of a message that is kept: with its sender, headers, buffer and deadline. No copy is made.
 *
 * Context: turn. Ownership: with HM_OK the message is handed over; else it stays the caller's.
 *
 * @param msg  NULL is HM_INVALID
 * @return HM_OK; HM_NO_RECEIVER: nobody; HM_INVALID: there is none, or it was made by hm_msg_new, or it is being received, or
 *         was sent or freed before: debug builds end the process
 */
enum hm_result hm_msg_forward(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

#ifdef __cplusplus
}
#endif

#endif /* HM_KEEP_H */
