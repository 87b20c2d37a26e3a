/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

/**
 * @file
 * The two clocks of the benchmarks.
 *
 * Whole slices are timed by CLOCK_MONOTONIC, whose rate needs no calibration. Single round trips
 * are timed by the cycle counter, which costs a few nanoseconds to read, and are converted by the
 * rate that EAL measured.
 */

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

/** Seconds since some fixed moment; never steps back. */
static inline double
bench_clock_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/** Cycle counter; needs no EAL. */
static inline uint64_t
bench_clock_ticks(void)
{
	return rte_rdtsc();
}

/** Nanoseconds of one tick; EAL must be up. */
static inline double
bench_clock_tick_ns(void)
{
	return 1e9 / (double)rte_get_tsc_hz();
}

#endif /* BENCH_CLOCK_H */
