/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

/**
 * @file
 * A log-linear histogram: each power of two is divided into 128 equal steps.
 *
 *     0 … 127 exactly │ 128 … 255 by 1 │ 256 … 511 by 2 │ 512 … 1023 by 4 │ …
 *
 * So the relative error is below 0.8 % over the whole range of 64 bits, and no value is out of range.
 * The unit of the values (ticks, nanoseconds) is the caller's choice.
 *
 * Not thread-safe: a histogram belongs to one thread, and is merged after that thread is done.
 */

#include <stdint.h>

#define BENCH_HISTOGRAM_SUB_BITS 7
#define BENCH_HISTOGRAM_SUB      (1u << BENCH_HISTOGRAM_SUB_BITS)
#define BENCH_HISTOGRAM_BUCKETS  ((64 - BENCH_HISTOGRAM_SUB_BITS + 1) * BENCH_HISTOGRAM_SUB)

struct bench_histogram {
	uint64_t count;
	uint64_t max;
	uint64_t bucket[BENCH_HISTOGRAM_BUCKETS];
};

/** Empty it. */
void bench_histogram_init(struct bench_histogram *histogram);

/** Bucket of a value. */
static inline uint32_t
bench_histogram_index(uint64_t value)
{
	uint32_t shift;

	if (value < BENCH_HISTOGRAM_SUB)
		return (uint32_t)value;
	shift = 63u - (uint32_t)__builtin_clzll(value) - BENCH_HISTOGRAM_SUB_BITS;
	return shift * BENCH_HISTOGRAM_SUB + (uint32_t)(value >> shift);
}

/** Count one value; a handful of instructions. */
static inline void
bench_histogram_record(struct bench_histogram *histogram, uint64_t value)
{
	histogram->bucket[bench_histogram_index(value)]++;
	histogram->count++;
	if (value > histogram->max)
		histogram->max = value;
}

/** Add what @p from holds to @p to. */
void bench_histogram_merge(struct bench_histogram *to, const struct bench_histogram *from);

/**
 * The value that @p percent of all recorded values do not exceed.
 *
 * @param percent  0 to 100
 * @return the middle of its bucket, never above the largest value; 0 if nothing was recorded
 */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent);

#endif /* BENCH_HISTOGRAM_H */
