/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_WAKE_H
#define LIMIT_WAKE_H

/**
 * @file
 * How long does a thread take to wake another one that sleeps?
 *
 *     waker's core                                sleeper's core
 *     limit_wake_drive ── write(eventfd) ──▶ ppoll, read: limit_wake_sleep
 *              ▲                                   │
 *              └────────── woken, by memory ───────┘
 *
 * A slice is a call of each, on two threads, in any order. The waker spins in between, so that no time
 * of its own wake-up counts.
 */

#include <stdint.h>

#include "bench_histogram.h"

struct limit_wake;

/** @return 0 or negative errno */
__attribute__((warn_unused_result))
int limit_wake_create(struct limit_wake **wake);

/** NULL is allowed. */
void limit_wake_destroy(struct limit_wake *wake);

/**
 * Sleep and be woken, again and again, until the waker ends the slice.
 *
 * @param ns  receives the times from just before the write to behind the read, in nanoseconds
 */
void limit_wake_sleep(struct limit_wake *wake, struct bench_histogram *ns);

/**
 * Wake the sleeper until a moment of CLOCK_MONOTONIC; then end its slice.
 *
 * @param gap_ns  how long it sleeps each time, about
 * @return 0; -ETIMEDOUT: it did not wake up within a second
 */
__attribute__((warn_unused_result))
int limit_wake_drive(struct limit_wake *wake, uint64_t end_ns, uint64_t gap_ns);

#endif /* LIMIT_WAKE_H */
