/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_histogram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
bench_histogram_init(struct bench_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}

void
bench_histogram_merge(struct bench_histogram *to, const struct bench_histogram *from)
{
	for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
	if (from->max > to->max)
		to->max = from->max;
}

/* the middle of a bucket: its lower bound would make every percentile too low */
static uint64_t
bucket_middle(uint32_t index)
{
	uint32_t shift;
	uint64_t low;

	if (index < 2 * BENCH_HISTOGRAM_SUB)
		return index;
	shift = index / BENCH_HISTOGRAM_SUB - 1;
	low = (uint64_t)(index - shift * BENCH_HISTOGRAM_SUB) << shift;
	return low + ((1ull << shift) >> 1);
}

uint64_t
bench_histogram_percentile(const struct bench_histogram *histogram, double percent)
{
	uint64_t wanted, seen = 0;

	if (!(percent >= 0 && percent <= 100)) {
		fprintf(stderr, "a histogram has no percentile %g\n", percent);
		abort();
	}
	if (histogram->count == 0)
		return 0;
	wanted = (uint64_t)ceil((double)histogram->count * percent / 100);
	if (wanted == 0)
		wanted = 1;
	if (wanted >= histogram->count)
		return histogram->max;
	for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen >= wanted) {
			uint64_t middle = bucket_middle(i);

			return middle < histogram->max ? middle : histogram->max;
		}
	}
	return histogram->max;
}
