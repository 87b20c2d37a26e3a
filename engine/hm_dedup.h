/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_DEDUP_H
#define HM_DEDUP_H

/**
 * @file
 * Deduplication: has this key come before?
 *
 *     if (hm_dedup_seen(state->seen, order->id, hm_now_ns(ctx)))
 *             return;                                 (a repetition)
 *
 * A key is remembered for a time, which begins when it comes first: repetitions do not make it longer. Memory is bounded: beyond so
 * many keys the oldest is forgotten early, which is counted.
 *
 * It belongs to one thread at a time, such as the actor in whose state it is.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hm_dedup;

/**
 * Make a memory of keys.
 *
 * Context: any thread; allocates 48 bytes for each key. Ownership: it is the caller's, until hm_dedup_destroy.
 *
 * @param keys        that are remembered at most: 1 to 2^24
 * @param memory_us   microseconds for which a key is remembered; at least 1
 * @param[out] dedup  untouched on error
 * @return 0; -EINVAL: NULL, or a number out of range; -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_dedup_create(uint32_t keys, uint64_t memory_us, struct hm_dedup **dedup);

/** Free it. NULL is allowed. Context: any thread; no other one uses it. Ownership: it is gone. */
void hm_dedup_destroy(struct hm_dedup *dedup);

/**
 * Whether a key has come before, within its time. If it has not, it is remembered from now on.
 *
 * Context: its thread; neither blocks nor allocates. Ownership: it stays the caller's.
 *
 * @param dedup   must not be NULL
 * @param key     such as an id, or a hash: equal keys are taken for the same
 * @param now_ns  nanoseconds, of a clock that does not go back
 * @return whether it is a repetition
 */
bool hm_dedup_seen(struct hm_dedup *dedup, uint64_t key, uint64_t now_ns);

/**
 * Whether a key has come before, within its time, without remembering it.
 *
 * Context: its thread; neither blocks nor allocates. Ownership: it stays the caller's.
 *
 * @param dedup   must not be NULL
 * @param now_ns  as in hm_dedup_seen
 * @return whether it is remembered
 */
bool hm_dedup_knows(const struct hm_dedup *dedup, uint64_t key, uint64_t now_ns);

/**
 * Forget a key, for example since what came with it has failed and is to be tried again. One that is not remembered is ignored.
 *
 * Context: its thread. Ownership: it stays the caller's.
 *
 * @param dedup  must not be NULL
 */
void hm_dedup_forget(struct hm_dedup *dedup, uint64_t key);

/**
 * Keys that were forgotten before their time, since there were too many.
 *
 * Context: its thread. Ownership: it stays the caller's.
 *
 * @param dedup  must not be NULL
 * @return how many so far: if not 0, repetitions may have been missed
 */
uint64_t hm_dedup_evicted(const struct hm_dedup *dedup);

#ifdef __cplusplus
}
#endif

#endif /* HM_DEDUP_H */
