/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

/**
 * @file
 * Slices of a benchmark, and their summary.
 *
 *     limit │ value │ limit │ value │ limit │ value │ …          one core, one run
 *      └─ ratio ─┘     └─ ratio ─┘     └─ ratio ─┘   → median, min..max, MAD
 *
 * The speed of a shared machine changes while a benchmark runs, so a limit and a value that were measured
 * at different times cannot be compared. Each slice of the value is therefore paired with a slice of the
 * bare work taken just before it, and the ratio is formed for each pair.
 *
 * Not thread-safe: a set belongs to the thread that fills it.
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

/** Summary of a set of slices. */
struct bench_summary {
	double value;      /**< median of the slices' values */
	double limit;      /**< median of the slices' limits, NaN: no limit */
	double ratio;      /**< median of value / limit per slice, NaN: no limit */
	double spread_min; /**< smallest of the ratios, or of the values where there is no limit */
	double spread_max; /**< largest, likewise */
	double spread_mad; /**< median distance from the median, likewise */
	uint32_t repeats;  /**< slices in the set */
};

/** Empty the set. */
void bench_slices_init(struct bench_slices *slices);

/**
 * Add a slice. Slices beyond BENCH_SLICES_MAX are ignored.
 *
 * @param value  what was measured
 * @param limit  the bare work's figure in the same unit, or NaN
 */
void bench_slices_add(struct bench_slices *slices, double value, double limit);

/** Summary of the set; without a slice every member but repeats is NaN. */
struct bench_summary bench_slices_summary(const struct bench_slices *slices);

/** Median of @p count numbers, NaN for none; at most BENCH_SLICES_MAX of them are used. */
double bench_stats_median(const double *numbers, uint32_t count);

/** Median distance from the median, NaN for none. */
double bench_stats_mad(const double *numbers, uint32_t count);

#endif /* BENCH_STATS_H */
