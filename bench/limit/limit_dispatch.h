/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_DISPATCH_H
#define LIMIT_DISPATCH_H

/**
 * @file
 * Cost of a message on one core when only the bare work is done.
 *
 *     free list ─▶ message ─▶ receiver's FIFO ─▶ run queue ─▶ receive(actor, message) ─▶ free list
 *
 * No identity check, no lifecycle, no statistics: the baseline of all local rows. An object belongs to
 * the thread that calls it, and figures are of that thread's CPU time.
 *
 *     naive     a send touches the receiver's memory at once
 *     deferred  sends are delivered in bursts of up to 32 after a prefetch of the receiver, and the
 *               run queue is prefetched, too
 */

#include <stdint.h>

struct limit_dispatch;

/**
 * Create @p actors bare actors, each of which sends to a fixed pseudo-random other.
 *
 * @param actors  2 for a pair, up to a million
 * @return 0, -EINVAL or -ENOMEM
 */
__attribute__((warn_unused_result))
int limit_dispatch_create(struct limit_dispatch **limit, uint32_t actors);

/** Free it; NULL is allowed. */
void limit_dispatch_destroy(struct limit_dispatch *limit);

/**
 * Let @p in_flight messages circulate until @p messages have been handled.
 *
 * @return nanoseconds a message
 */
double limit_dispatch_naive_ns(struct limit_dispatch *limit, uint32_t in_flight, uint64_t messages);

/** The same with deferred delivery. */
double limit_dispatch_deferred_ns(struct limit_dispatch *limit, uint32_t in_flight, uint64_t messages);

/**
 * Set up every actor anew, and let each handle a first message: the bare work of a spawn when memory is
 * allocated already.
 *
 * @return nanoseconds an actor
 */
double limit_dispatch_spawn_ns(struct limit_dispatch *limit);

#endif /* LIMIT_DISPATCH_H */
