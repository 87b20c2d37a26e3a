/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_RETRY_H
#define HM_RETRY_H

/**
 * @file
 * Asking again: retries with exponential back-off and jitter, and hedged requests.
 *
 *     hm_retry_ask   ask ── no answer ── wait ── ask ── no answer ── wait longer ── ask ...      one after the other
 *     hm_hedge_ask   ask one ── no answer yet ── ask another, too ...                            side by side
 *
 * Both call one function, once, with the first answer, or with how the last request has ended. The receiver may get a request
 * more than once: what is asked must not do harm if it is done twice (or see hm_dedup.h).
 *
 * Stages of middleware (hm_middleware.h) are around each request. One that a stage refuses has ended as a dead letter, or for want of
 * memory; only the first one is told to the caller instead. A stage that fails fails the actor: when that goes on
 * (HM_DIRECTIVE_RESUME) the request counts as one without an answer, so that the function is called nevertheless; whom a hedged one
 * had not asked by then may be left out.
 *
 * They are an actor's own, as its futures are: when it stops or restarts they are over, and the function is not called. They move
 * with it (hm_move.h). With a circuit breaker (hm_breaker.h) ask it before, and report in the function.
 */

#include <stdint.h>

#include "hm_actor.h"
#include "hm_supervisor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How hm_retry_ask asks. */
struct hm_retry {
	uint32_t attempts;   /**< requests at most, the first one among them; at least 1 */
	uint64_t timeout_us; /**< microseconds that each waits for its answer; at least 1 */
	struct hm_backoff
		backoff; /**< waiting times, as before restarts: doubled each time; reset_us is not used */
};

/** Most whom hm_hedge_ask asks. */
#define HM_HEDGE_MAX 8u

/** How hm_hedge_ask asks. */
struct hm_hedge {
	const struct hm_pid *to; /**< whom; may name one several times, as a router */
	uint32_t count;          /**< of them: 1 to HM_HEDGE_MAX */
	uint64_t delay_us;       /**< microseconds from one request to the next; 0: all at once */
	uint64_t timeout_us; /**< microseconds from the first request on, by which all is over; at least 1 */
};

/**
 * The waiting time behind an attempt.
 *
 * Context: any thread; neither blocks nor allocates. Ownership: the argument stays the caller's.
 *
 * @param backoff  must not be NULL; a jitter above 100 is taken for 100
 * @param attempt  0: the first
 * @param random   a random number, for the jitter
 * @return microseconds; 0 if min_us is 0
 */
uint64_t hm_backoff_us(const struct hm_backoff *backoff, uint32_t attempt, uint64_t random);

/**
 * As hm_ask, and ask again when the answer does not come in time, the request is a dead letter, or message memory is used up.
 *
 * Context: turn; does not block; allocates. Ownership: the body is copied, a protobuf message with all that it points to; @p arg
 * stays the caller's.
 *
 * @param retry     must not be NULL; copied
 * @param on_reply  must not be NULL; called once, with how the last request has ended if there is no answer
 * @param arg       handed to @p on_reply; may be NULL
 * @return as hm_ask, for the first request; HM_INVALID also: no attempts, no time-out, a jitter above 100, or an argument is
 *         NULL
 */
enum hm_result hm_retry_ask(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
			    const struct hm_retry *retry, hm_reply_fn *on_reply, void *arg);

/**
 * Ask one process, and, as long as there is no answer, others: the first answer counts, later ones are taken and dropped. Who
 * answers by a dead letter is followed by the next one at once.
 *
 * Context: turn; does not block; allocates. Ownership: body and PIDs are copied; @p arg stays the caller's.
 *
 * @param hedge     must not be NULL
 * @param on_reply  must not be NULL; called once, with how the last request has ended if there is no answer
 * @param arg       handed to @p on_reply; may be NULL
 * @return as hm_ask, for the first request; HM_INVALID also: a number out of range, nobody among those who are to be asked, or an
 *         argument is NULL
 */
enum hm_result hm_hedge_ask(struct hm_ctx *ctx, const struct hm_hedge *hedge, uint16_t type, const void *body,
			    hm_reply_fn *on_reply, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HM_RETRY_H */
