/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

/**
 * @file
 * Slices, and what they say together.
 *
 *     limit │ value │ limit │ value │ limit │ value │ …          one core, one run
 *      └─ ratio ─┘     └─ ratio ─┘     └─ ratio ─┘   → median, min..max, MAD
 *
 * A machine that is shared moves its cores about while a benchmark runs, so a limit measured once
 * and a value measured once say nothing about each other. Each slice of the thing measured
 * therefore stands beside a slice of the bare work taken just before it, and the ratio is formed
 * slice by slice.
 *
 * Not thread-safe; a set belongs to whoever fills it.
 */

#include <stdint.h>

/** Most slices of one row. */
#define BENCH_SLICES_MAX 256

/** Slices of one row, in the order in which they were taken. */
struct bench_slices {
	double value[BENCH_SLICES_MAX];
	double limit[BENCH_SLICES_MAX]; /**< NaN where the row has no limit */
	uint32_t count;
};

/** What a set of slices says. */
struct bench_summary {
	double value;      /**< median of the slices' values */
	double limit;      /**< median of the slices' limits, NaN: no limit */
	double ratio;      /**< median of value / limit per slice, NaN: no limit */
	double spread_min; /**< smallest of the ratios, or of the values where there is no limit */
	double spread_max; /**< largest, likewise */
	double spread_mad; /**< median distance from the median, likewise */
	uint32_t repeats;  /**< slices summed up */
};

/** Forget all slices. */
void bench_slices_init(struct bench_slices *slices);

/**
 * Add a slice. Slices beyond BENCH_SLICES_MAX are ignored.
 *
 * @param value  what was measured
 * @param limit  the bare work's figure in the same unit, or NaN
 */
void bench_slices_add(struct bench_slices *slices, double value, double limit);

/** Sum up; every member is NaN when there is no slice. */
struct bench_summary bench_slices_summary(const struct bench_slices *slices);

/** Median of @p count numbers, NaN for none; at most BENCH_SLICES_MAX of them are looked at. */
double bench_stats_median(const double *numbers, uint32_t count);

/** Median distance from the median, NaN for none. */
double bench_stats_mad(const double *numbers, uint32_t count);

#endif /* BENCH_STATS_H */
