/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_CHILDREN_H
#define HM_CHILDREN_H

/**
 * @file
 * The children of the running actor, one after the other:
 *
 *     struct hm_child_iter iter = { 0 };
 *     struct hm_pid child;
 *
 *     while (hm_child_next(ctx, &iter, &child))
 *             hm_stop(ctx, child);
 *
 * Those on the actor's own lcore come first, then those on others. What is done meanwhile does not disturb
 * it: children may be stopped, spawned, sent to.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A place among the children; zeroed: before the first. Its members are the engine's own. */
struct hm_child_iter {
	const void *at; /**< the engine's */
	uint32_t slot;  /**< the engine's */
	uint32_t first; /**< the engine's */
};

/**
 * The next child.
 *
 * Each child that had been spawned before the first call, and whose HM_TERMINATED has not been received,
 * comes once, but for one on the actor's own lcore that has ended already. A child that is spawned
 * meanwhile comes once or not at all.
 *
 * Context: turn; within one call of the receive or reply function, in which the iterator was zeroed;
 * neither blocks nor allocates. Takes a constant time for a child on the actor's lcore; to those on others
 * it steps over all that the actor owns, timers and watches among it.
 *
 * @param[in,out] iter  zeroed before the first call
 * @param[out] child    untouched when there is none left
 * @return whether there was one
 */
bool hm_child_next(struct hm_ctx *ctx, struct hm_child_iter *iter, struct hm_pid *child);

#ifdef __cplusplus
}
#endif

#endif /* HM_CHILDREN_H */
