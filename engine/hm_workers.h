/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_WORKERS_H
#define HM_WORKERS_H

/**
 * @file
 * A pool of workers that pull their work: each has so many messages at most, and others wait in the pool.
 *
 *     senders ──▶ pool ──message──▶ worker
 *                  │   ◀──────────── it has left the worker's mailbox: the next one
 *                  └─ queue: nobody is free
 *
 * A worker is an actor like others. It has a place for each of `in_flight` messages, and a message keeps its place until the
 * receive function has returned; or until it has left the mailbox without that, since it has expired, was rejected, or a stage of
 * middleware has consumed it. The pool learns that by HM_TOUCH, which it sends behind each message.
 *
 * A worker whose work goes on, for example until an answer has come, holds the place, by a number of its own choice:
 *
 *     POOL_HOLD and POOL_DONE are registered types of 8 bytes, as hm_workers.hold and .done.
 *
 *     case WORK:
 *             number = begin(state, hm_msg_body(msg));
 *             (void)hm_request(ctx, hm_parent(ctx), POOL_HOLD, &number);      (in the message's own turn)
 *             break;
 *     case ANSWER:
 *             number = end(state, hm_msg_body(msg));
 *             (void)hm_request(ctx, hm_parent(ctx), POOL_DONE, &number);
 *             break;
 *
 * It holds the place until then, or until it restarts or ends, or for `hold_us`; what is over by time is counted
 * (hm_stats.holds_expired). To be done with what is not held, any more or yet, is to say nothing. So a pool bounds how much is
 * under way, and no message takes a place for good. A worker that stashes or keeps its messages holds their places, too.
 *
 * A worker that fails is restarted, and what it held counts as done; one that is stopped is replaced by another one, one that has failed
 * 10 times in 10 s is not. When all are gone the pool fails.
 *
 * The pool passes on messages of all registered types but those two, with their senders, headers and deadlines. What a stage of
 * middleware refuses there is a dead letter, and takes no place.
 */

#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most workers of a pool. */
#define HM_WORKERS_MAX 1024u
/** Most messages that one worker has, or that wait in a pool. */
#define HM_WORKERS_IN_FLIGHT_MAX 1024u
#define HM_WORKERS_QUEUE_MAX     (1u << 20) /**< as above */
/** Longest time of a hold, some 12 days. */
#define HM_WORKERS_HOLD_US_MAX (UINT64_C(1) << 40)

/** What a pool is made of. */
struct hm_workers {
	const struct hm_props *props; /**< of a worker; HM_LCORE_ANY deals them out to all lcores */
	const void *args;             /**< of each worker, as in hm_spawn; must outlive the pool */
	uint32_t count;               /**< of workers: 1 to HM_WORKERS_MAX */
	uint32_t in_flight;           /**< messages that a worker has at most; 0: 1 */
	/** Messages that wait in the pool at most; another one is a dead letter (rejected), and its asker is told. */
	uint32_t queue;
	/**
	 * What a worker requests of its parent to hold a place: registered, as a structure of 8 bytes, a number. 0: workers hold none, and
	 * done and hold_us are 0.
	 */
	uint16_t hold;
	/** The same to give it back; not hold. */
	uint16_t done;
	/**
	 * Microseconds after which a place that is held comes back all the same, and up to an eighth later: 1 to HM_WORKERS_HOLD_US_MAX.
	 * Choose more than the longest work takes: from then on the worker may have more than in_flight under way.
	 */
	uint64_t hold_us;
};

/**
 * Spawn a pool, a child of the running actor on its lcore.
 *
 * Context: turn; does not block; may take memory. Ownership: name and @p workers are copied, but what it points to.
 *
 * @param workers   must not be NULL
 * @param name      as in hm_spawn
 * @param[out] pid  may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: NULL, a number out of range, or a type that is not registered so. That its workers cannot be
 *         spawned makes the pool fail.
 */
__attribute__((warn_unused_result))
int hm_workers_spawn(struct hm_ctx *ctx, const struct hm_workers *workers, const char *name,
		     struct hm_pid *pid);

#ifdef __cplusplus
}
#endif

#endif /* HM_WORKERS_H */
