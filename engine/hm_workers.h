/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_WORKERS_H
#define HM_WORKERS_H

/**
 * @file
 * A pool of workers that pull their work: each has so many messages at most, and others wait in the pool.
 *
 *     senders ──▶ pool ──▶ worker ── done ──▶ pool: the next one
 *                  └─ queue: nobody is free
 *
 *     POOL_DONE is a registered type without body. A worker's receive function:
 *
 *     case WORK:
 *             do_it(state, hm_msg_body(msg));
 *             (void)hm_respond(ctx, RESULT, &result);           (to who has sent the work)
 *             (void)hm_request(ctx, hm_parent(ctx), POOL_DONE, NULL);
 *             break;
 *
 * A worker may say so later, for example when an answer has come that it waits for: so a pool bounds how much is under way. For each
 * message it says so once, as the last thing that it does with it.
 *
 * A worker that fails is restarted, and its message counts as done; one that is stopped is replaced by another one, one that has failed
 * 10 times in 10 s is not. When all are gone the pool fails.
 *
 * The pool passes on messages of all registered types but POOL_DONE, with their senders, headers and deadlines. What a stage of
 * middleware refuses there is a dead letter, and the worker gets the next one.
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

/** What a pool is made of. */
struct hm_workers {
	const struct hm_props *props; /**< of a worker; HM_LCORE_ANY deals them out to all lcores */
	const void *args;             /**< of each worker, as in hm_spawn; must outlive the pool */
	uint32_t count;               /**< of workers: 1 to HM_WORKERS_MAX */
	uint32_t in_flight;           /**< messages that a worker has at most; 0: 1 */
	/** Messages that wait in the pool at most; another one is a dead letter (rejected), and its asker is told. */
	uint32_t queue;
	uint16_t done; /**< registered, without body: what a worker requests of its parent */
};

/**
 * Spawn a pool, a child of the running actor on its lcore.
 *
 * Context: turn; does not block; may take memory. Ownership: name and @p workers are copied, but what it points to.
 *
 * @param workers   must not be NULL
 * @param name      as in hm_spawn
 * @param[out] pid  may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: NULL, or a number out of range. That its workers cannot be spawned makes the pool fail.
 */
__attribute__((warn_unused_result))
int hm_workers_spawn(struct hm_ctx *ctx, const struct hm_workers *workers, const char *name,
		     struct hm_pid *pid);

#ifdef __cplusplus
}
#endif

#endif /* HM_WORKERS_H */
