/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_CLOCK_H
#define LIMIT_CLOCK_H

/**
 * @file
 * How late is a loop that does nothing but look at the clock?
 *
 * What is late here is the machine's fault: the core was taken away, or an interrupt had it.
 */

#include <stdint.h>

#include "bench_histogram.h"

/**
 * Spin on CLOCK_MONOTONIC, for moments at equal distances, the first of them one distance from now.
 *
 * @param end_ns   no moments after this one, but there is one at least
 * @param gap_ns   distance, not 0
 * @param late_ns  receives how late each was noticed, in nanoseconds
 */
void limit_clock_watch(uint64_t end_ns, uint64_t gap_ns, struct bench_histogram *late_ns);

#endif /* LIMIT_CLOCK_H */
