/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_STRESS_H
#define HMT_STRESS_H

/**
 * @file
 * What all stress programs are given from outside: their chances, and their time.
 *
 * HMT_SEED in the environment holds the seed, which is the time of day otherwise; HMT_SECONDS how long the program runs. Both
 * are printed at the beginning, so that a run that failed, or was killed, can be repeated. Threads run as they please all the
 * same: only what each of them does is repeated, not in which order.
 *
 *     struct hmt_stress stress = hmt_stress_begin(2);
 *
 *     do {
 *             round_run(hmt_random(&stress.random));
 *     } while (!hmt_stress_is_over(&stress));
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hm_result.h"
#include "hmt_random.h"

struct hmt_stress {
	uint64_t seed;
	double seconds;  /**< that it was given */
	uint64_t random; /**< for hmt_random; begins with the seed */
	double end_s;    /**< by hmt_now_s */
};

/**
 * Begin, and print the seed and the seconds: @p usual, unless HMT_SECONDS says something else. What is printed from now on
 * is written line by line. Ends the process when one of both is no number.
 */
struct hmt_stress hmt_stress_begin(double usual);

/** Whether its seconds, which began with hmt_stress_begin, are over. */
bool hmt_stress_is_over(const struct hmt_stress *stress);

/** Sleep until its seconds are over. */
void hmt_stress_wait(const struct hmt_stress *stress);

/** Bytes of the process that are in memory; ends the process if the kernel does not tell. */
uint64_t hmt_resident(void);

/**
 * Seconds that this process's threads, together, could have run and had no core, so far. Where that is much, no latency is
 * the program's own. 0 where the kernel does not tell.
 */
double hmt_starved_s(void);

/** Seconds of a clock that only goes forward. */
double hmt_now_s(void);

/** Sleep for so many seconds; a signal does not end it. */
void hmt_sleep_s(double seconds);

/** Count what many threads count. It orders nothing. */
static inline void
hmt_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/** What was counted so far. */
static inline uint64_t
hmt_counted(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/** Abort, and say what a call has answered, unless it is HM_OK. */
static inline void
hmt_must(enum hm_result result)
{
	if (result == HM_OK)
		return;
	fprintf(stderr, "a call answers: %s\n", hm_result_name(result));
	abort();
}

#endif /* HMT_STRESS_H */
