/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PID_SET_H
#define HM_PID_SET_H

/**
 * @file
 * Sets of PIDs.
 *
 *     struct hm_pid_set set = { 0 };      empty; as it is in an actor's state
 *
 *     for (uint32_t i = 0; i < hm_pid_set_count(&set); i++)
 *             (void)hm_send(ctx, hm_pid_set_at(&set, i), type, body);
 *
 * Adding, removing and looking for a PID take constant time. PIDs are in the order in which they were
 * added; one that is removed leaves its place to the last. So whoever removes while he goes through a set
 * goes from the last to the first.
 *
 * Memory: 24 bytes a PID for the first 8, and twice as many each time that they do not suffice. It does not
 * become less before hm_pid_set_fini, which an actor calls when it receives HM_STOPPED.
 *
 * Who may call what: one thread at a time for each set. Functions that do not change a set may run at the
 * same time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A set; zeroed, it is empty. Its members are the engine's own. */
struct hm_pid_set {
	struct hm_pid *pids; /**< in order */
	uint32_t *places;    /**< hash table behind them: index + 1; 0: free */
	uint64_t seed;       /**< of the hash: PIDs may come from other nodes, and collide on purpose */
	uint32_t count;      /**< of pids */
	uint32_t capacity;   /**< of pids, a power of two; half of the places */
};

/**
 * Add a PID.
 *
 * Context: any thread; allocates when the set grows.
 *
 * @param[in,out] set  not NULL
 * @param pid          of anybody
 * @return 0; -EEXIST: it is in the set already; -EINVAL: nobody's PID, or no set; -ENOMEM: the set is as before
 */
__attribute__((warn_unused_result))
int hm_pid_set_add(struct hm_pid_set *set, struct hm_pid pid);

/**
 * Remove a PID. The last one takes its place.
 *
 * Context: any thread; does not allocate.
 *
 * @param[in,out] set  not NULL
 * @return whether it was in the set
 */
bool hm_pid_set_remove(struct hm_pid_set *set, struct hm_pid pid);

/**
 * Whether a PID is in the set.
 *
 * Context: any thread; does not allocate. Ownership: the set is only read.
 *
 * @return true: it is
 */
bool hm_pid_set_contains(const struct hm_pid_set *set, struct hm_pid pid);

/**
 * Make room for so many PIDs altogether, so that adding them does not fail.
 *
 * Context: any thread; allocates.
 *
 * @param[in,out] set  not NULL
 * @param count        PIDs, up to 2^30
 * @return 0; -ENOMEM: the set is as before; -EINVAL: no set
 */
__attribute__((warn_unused_result))
int hm_pid_set_reserve(struct hm_pid_set *set, uint32_t count);

/**
 * Remove all PIDs; the memory is kept.
 *
 * Context: any thread; takes time in proportion to the memory.
 *
 * @param[in,out] set  not NULL
 */
void hm_pid_set_clear(struct hm_pid_set *set);

/**
 * Remove all PIDs, and free the memory. The set may be used again.
 *
 * Context: any thread.
 *
 * @param[in,out] set  not NULL
 */
void hm_pid_set_fini(struct hm_pid_set *set);

/**
 * PIDs in the set.
 *
 * Context: any thread. Ownership: the set is only read.
 *
 * @return how many
 */
static inline uint32_t
hm_pid_set_count(const struct hm_pid_set *set)
{
	return set->count;
}

/**
 * A PID by its place.
 *
 * Context: any thread. Ownership: the set is only read.
 *
 * @param index  below hm_pid_set_count
 * @return the PID; nobody's: there is no such place
 */
static inline struct hm_pid
hm_pid_set_at(const struct hm_pid_set *set, uint32_t index)
{
	return index < set->count ? set->pids[index] : hm_pid_none();
}

#ifdef __cplusplus
}
#endif

#endif /* HM_PID_SET_H */
