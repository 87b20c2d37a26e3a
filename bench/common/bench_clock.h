/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

/**
 * @file
 * The clocks of the benchmarks.
 *
 * What happens on one lcore is timed by the CPU time of its thread: it never waits, so this is what
 * passes on an idle machine, and on a busy one what other programs take of the core does not count.
 * What happens between lcores or processes is timed by CLOCK_MONOTONIC, as a whole. Single round
 * trips are timed by the cycle counter, which costs a few nanoseconds to read, and are converted
 * by the rate that EAL measured.
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

/** Seconds that the calling thread has had a core; a system call, so for whole slices only. */
static inline double
bench_clock_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
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
