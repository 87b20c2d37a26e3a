/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

/**
 * @file
 * The clocks of the benchmarks.
 *
 * Work on one lcore is timed by the CPU time of its thread. The lcore never blocks, so on an idle
 * machine this is the elapsed time, and on a busy one the time that other programs take is not counted.
 * Work between lcores or processes is timed by CLOCK_MONOTONIC, a slice at a time. Single round trips
 * are timed by the cycle counter, which takes a few nanoseconds to read, and converted by the frequency
 * that EAL measured.
 */

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

/** CLOCK_MONOTONIC in seconds. */
static inline double
bench_clock_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/** Nanoseconds since the same moment; compares between threads. */
static inline uint64_t
bench_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/** CPU time of the calling thread in seconds; a system call, so for whole slices only. */
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
