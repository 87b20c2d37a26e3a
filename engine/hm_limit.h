/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_LIMIT_H
#define HM_LIMIT_H

/**
 * @file
 * Rates: a token bucket, a bucket for each key, and a process that lets messages through at a rate.
 *
 *     hm_bucket     in an actor's state: may I now? else how long must I wait?
 *     hm_limiter    the same for each of many keys, such as users or addresses
 *     hm_throttle   senders ──▶ process ── so many a second ──▶ receiver; who sends more waits, and nothing is lost
 *
 * A bucket holds up to `burst` tokens, and gets `rate` of them a second. It is full at first. It is kept as the one moment at which it
 * will be full again (GCRA, ITU-T I.371), so that it costs two words, and no timer.
 *
 * Buckets and limiters belong to one thread at a time, such as the actor in whose state they are, and take the time as a
 * parameter: hm_now_ns in a turn.
 */

#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Tokens a second, and in a bucket, at most. */
#define HM_RATE_MAX 1000000u

/** A token bucket. Its members are hm_bucket_init's and hm_bucket_take's. */
struct hm_bucket {
	uint64_t interval_ns; /**< between two tokens, rounded to a nanosecond */
	uint64_t full_ns;     /**< when it is full again */
	uint32_t burst;       /**< tokens that it holds */
};

/* ---- A bucket ---------------------------------------------------------------------- */

/**
 * Make a bucket, which is full.
 *
 * Context: any thread. Ownership: the caller's memory; nothing is to be freed.
 *
 * @param rate   tokens a second, 1 to HM_RATE_MAX
 * @param burst  tokens that it holds, 1 to HM_RATE_MAX
 * @return 0; -EINVAL: NULL, or a number out of range
 */
__attribute__((warn_unused_result))
int hm_bucket_init(struct hm_bucket *bucket, uint32_t rate, uint32_t burst);

/**
 * Take tokens: all of them, or none.
 *
 * Context: the bucket's thread; neither blocks nor allocates. Ownership: the bucket stays the caller's.
 *
 * @param bucket  of hm_bucket_init; must not be NULL
 * @param now_ns  nanoseconds, of a clock that does not go back
 * @param tokens  0: always there
 * @return 0: they were taken; else nanoseconds until they will be there, if nobody else takes any; UINT64_MAX: the bucket
 *         never holds so many
 */
uint64_t hm_bucket_take(struct hm_bucket *bucket, uint64_t now_ns, uint32_t tokens);

/* ---- A bucket for each key ------------------------------------------------------------ */

struct hm_limiter;

/**
 * Make a limiter. A key has a full bucket at first, and is forgotten when its bucket is full again and the place is needed.
 *
 * Context: any thread; allocates 48 bytes for each key. Ownership: the limiter is the caller's, until hm_limiter_destroy.
 *
 * @param rate          of each key, as hm_bucket_init
 * @param burst         of each key, as hm_bucket_init
 * @param keys          that have less than a full bucket, at most: 1 to 2^24
 * @param[out] limiter  untouched on error
 * @return 0; -EINVAL: NULL, or a number out of range; -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_limiter_create(uint32_t rate, uint32_t burst, uint32_t keys, struct hm_limiter **limiter);

/** Free a limiter. NULL is allowed. Context: any thread; no other one uses it. Ownership: the limiter is gone. */
void hm_limiter_destroy(struct hm_limiter *limiter);

/**
 * As hm_bucket_take, of a key's bucket. While there are as many keys as there may be, and the bucket of the one that was used least
 * recently is not full again, others are refused: no key ever gets more than its rate.
 *
 * Context: the limiter's thread; neither blocks nor allocates. Ownership: the limiter stays the caller's.
 *
 * @param limiter  must not be NULL
 * @param key      any
 * @return as hm_bucket_take; for a key that is refused, nanoseconds until there may be room for it
 */
uint64_t hm_limiter_take(struct hm_limiter *limiter, uint64_t key, uint64_t now_ns, uint32_t tokens);

/**
 * Keys that a limiter knows.
 *
 * Context: the limiter's thread. Ownership: the limiter stays the caller's.
 *
 * @param limiter  must not be NULL
 * @return how many
 */
uint32_t hm_limiter_count(const struct hm_limiter *limiter);

/* ---- A process that throttles ------------------------------------------------------------ */

/** What a throttle lets through. */
struct hm_throttle {
	struct hm_pid to; /**< who gets the messages, with their senders, headers and deadlines; not nobody */
	uint32_t rate;    /**< messages a second, as hm_bucket_init */
	uint32_t burst;   /**< messages that may come together, as hm_bucket_init */
};

/**
 * Spawn a throttle, a child of the running actor on its lcore: what is sent to it goes to another actor at a rate. Between
 * two messages it is muted, so that others wait in its mailbox, and when there are too many who sends them is muted
 * (hm_mailbox.h): nothing is lost. What a stage of middleware refuses as it goes on is a dead letter (hm_middleware.h). It stops
 * when that actor does, behind what waits for it by then. It does not move to other lcores.
 *
 * Context: turn; does not block; may take memory. Ownership: name and @p throttle are copied.
 *
 * @param throttle  must not be NULL
 * @param name      as in hm_spawn
 * @param[out] pid  may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: NULL, nobody, or a number out of range
 */
__attribute__((warn_unused_result))
int hm_throttle_spawn(struct hm_ctx *ctx, const struct hm_throttle *throttle, const char *name,
		      struct hm_pid *pid);

#ifdef __cplusplus
}
#endif

#endif /* HM_LIMIT_H */
