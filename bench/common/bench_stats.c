/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
bench_slices_init(struct bench_slices *slices)
{
	slices->count = 0;
}

void
bench_slices_add(struct bench_slices *slices, double value, double limit)
{
	if (slices->count == BENCH_SLICES_MAX)
		return;
	slices->value[slices->count] = value;
	slices->limit[slices->count] = limit;
	slices->count++;
}

double
bench_stats_median(const double *numbers, uint32_t count)
{
	double sorted[BENCH_SLICES_MAX];

	if (count == 0)
		return NAN;
	if (count > BENCH_SLICES_MAX)
		count = BENCH_SLICES_MAX;
	memcpy(sorted, numbers, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), ascending);
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

double
bench_stats_mad(const double *numbers, uint32_t count)
{
	double median = bench_stats_median(numbers, count);
	double distance[BENCH_SLICES_MAX];

	if (count > BENCH_SLICES_MAX)
		count = BENCH_SLICES_MAX;
	for (uint32_t i = 0; i < count; i++)
		distance[i] = fabs(numbers[i] - median);
	return bench_stats_median(distance, count);
}

static void
spread_fill(struct bench_summary *summary, const double *numbers, uint32_t count)
{
	summary->spread_min = summary->spread_max = numbers[0];
	for (uint32_t i = 1; i < count; i++) {
		summary->spread_min = fmin(summary->spread_min, numbers[i]);
		summary->spread_max = fmax(summary->spread_max, numbers[i]);
	}
	summary->spread_mad = bench_stats_mad(numbers, count);
}

struct bench_summary
bench_slices_summary(const struct bench_slices *slices)
{
	struct bench_summary summary = {
		.value = NAN,
		.limit = NAN,
		.ratio = NAN,
		.spread_min = NAN,
		.spread_max = NAN,
		.spread_mad = NAN,
	};
	double ratio[BENCH_SLICES_MAX];
	uint32_t count = slices->count;

	if (count == 0)
		return summary;
	summary.repeats = count;
	summary.value = bench_stats_median(slices->value, count);
	if (isnan(slices->limit[0])) {
		spread_fill(&summary, slices->value, count);
		return summary;
	}
	for (uint32_t i = 0; i < count; i++)
		ratio[i] = slices->value[i] / slices->limit[i];
	summary.limit = bench_stats_median(slices->limit, count);
	summary.ratio = bench_stats_median(ratio, count);
	spread_fill(&summary, ratio, count);
	return summary;
}
