/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_FAN_H
#define HM_FAN_H

/**
 * @file
 * Fans: each message goes to several processes at once, and one function makes one answer of all of theirs.
 *
 *                           ┌──▶ shop a ──┐
 *     who asks ──▶ fan ─────┼──▶ shop b ──┼──▶ join: hm_respond, to who has asked
 *                           └──▶ shop c ──┘
 *
 *     static void
 *     cheapest(struct hm_ctx *ctx, void *arg, enum hm_future_result result, const struct hm_msg *replies)
 *     {
 *             for (uint32_t i = 0; i < hm_replies_count(replies); i++)
 *                     if (hm_replies_get(replies, i) != NULL)
 *                             ...
 *             (void)hm_respond(ctx, OFFER, &best);
 *     }
 *
 * It is hm_ask_batch (hm_future.h) as a process: who sends knows no more than its PID. The function may as well send what it has made on,
 * to the next stage of a pipeline for example (hm_request_from, with hm_sender(ctx)).
 *
 * Order: the function is called for messages in the order in which their answers are complete, which may be another one than that in
 * which they came. Each process gets them in the order in which they came.
 *
 * Of a process that is gone, or whose mailbox does not take the message, the answer is HM_FUTURE_DEAD_LETTER, at once. An answer that comes
 * later, or when others were enough, is a dead letter (late reply). When the fan ends or restarts, so are all, and the function
 * is not called for what is under way.
 *
 * What is passed on is the body, as its type says: neither headers nor a buffer, nor what hm_msg_new has made room for behind it. A
 * router of the kind HM_ROUTER_BROADCAST passes on all.
 */

#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most processes of a fan. */
#define HM_FAN_MAX 64u
/** hm_fan.in_flight: what 0 means. */
#define HM_FAN_IN_FLIGHT 1024u

/**
 * Make one answer of all. hm_sender is who has sent the message, or nobody. If it fails, the fan has failed.
 *
 * Context: turn of the fan. Ownership: the answers are the engine's, until the return.
 *
 * @param arg      hm_fan.arg
 * @param result   as of hm_ask_batch: HM_FUTURE_REPLY: as many as are enough
 * @param replies  never NULL: hm_replies_get and its like, in the order of hm_fan.to
 */
typedef void hm_fan_join_fn(struct hm_ctx *ctx, void *arg, enum hm_future_result result,
			    const struct hm_msg *replies);

/** What a fan is made of. */
struct hm_fan {
	const struct hm_pid *to; /**< who gets each message; copied */
	uint32_t count;          /**< of them: 1 to HM_FAN_MAX */
	uint32_t enough;         /**< answers that are enough; 0: all */
	uint64_t timeout_us;     /**< microseconds for the answers to one message; not 0 */
	uint32_t
		in_flight; /**< messages that wait for answers at most, another one is a dead letter (rejected); 0: HM_FAN_IN_FLIGHT */
	hm_fan_join_fn *join; /**< must not be NULL */
	void *arg;            /**< for join; must outlive the fan */
};

/**
 * Spawn a fan, a child of the running actor on its lcore.
 *
 * Context: turn; does not block; may take memory. Ownership: name and @p fan are copied, but for what arg points to.
 *
 * @param fan       must not be NULL
 * @param name      as in hm_spawn
 * @param[out] pid  may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: NULL, nobody among the processes, or a number out of range
 */
__attribute__((warn_unused_result))
int hm_fan_spawn(struct hm_ctx *ctx, const struct hm_fan *fan, const char *name, struct hm_pid *pid);

#ifdef __cplusplus
}
#endif

#endif /* HM_FAN_H */
