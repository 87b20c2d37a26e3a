/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_row.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* a point is used only if at least one sample lies beyond it */
static const double curve_percent[] = {
	0,    10,    25,     50,    75,     90,     95,      97.5,    99,       99.5,     99.75,
	99.9, 99.95, 99.975, 99.99, 99.995, 99.999, 99.9995, 99.9999, 99.99995, 99.99999, 100,
};

void
bench_row_init(struct bench_row *row, const char *name, const char *unit)
{
	memset(row, 0, sizeof(*row));
	row->name = name;
	row->unit = unit;
	row->p50 = row->p99 = row->p999 = row->max = NAN;
	row->summary.value = row->summary.limit = row->summary.ratio = NAN;
	row->summary.spread_min = row->summary.spread_max = row->summary.spread_mad = NAN;
}

static void
curve_fill(struct bench_curve *curve, const struct bench_histogram *histogram, double scale)
{
	curve->count = 0;
	for (size_t i = 0; i < sizeof(curve_percent) / sizeof(*curve_percent); i++) {
		double percent = curve_percent[i];

		if (percent < 100 && (double)histogram->count * (100 - percent) / 100 < 1)
			continue;
		curve->percent[curve->count] = percent;
		curve->value[curve->count] = (double)bench_histogram_percentile(histogram, percent) * scale;
		curve->count++;
	}
}

void
bench_row_latency(struct bench_row *row, const struct bench_histogram *histogram, double scale)
{
	if (histogram->count == 0)
		return;
	row->p50 = (double)bench_histogram_percentile(histogram, 50) * scale;
	row->p99 = (double)bench_histogram_percentile(histogram, 99) * scale;
	row->p999 = (double)bench_histogram_percentile(histogram, 99.9) * scale;
	row->max = (double)histogram->max * scale;
	curve_fill(&row->curve, histogram, scale);
}

void
bench_row_limit_latency(struct bench_row *row, const struct bench_histogram *histogram, double scale)
{
	if (histogram->count > 0)
		curve_fill(&row->limit_curve, histogram, scale);
}

/* five significant digits: no benchmark here is more precise */
static double
rounded(double number)
{
	char text[32];

	snprintf(text, sizeof(text), "%.5g", number);
	return strtod(text, NULL);
}

static void
put(json_t *object, const char *key, double number)
{
	if (isfinite(number))
		json_object_set_new(object, key, json_real(rounded(number)));
}

static void
put_text(json_t *object, const char *key, const char *text)
{
	if (text != NULL)
		json_object_set_new(object, key, json_string(text));
}

static void
put_curve(json_t *object, const char *key, const struct bench_curve *curve)
{
	json_t *points;

	if (curve->count == 0)
		return;
	points = json_array();
	for (uint32_t i = 0; i < curve->count; i++) {
		json_t *point = json_array();

		json_array_append_new(point, json_real(curve->percent[i]));
		json_array_append_new(point, json_real(rounded(curve->value[i])));
		json_array_append_new(points, point);
	}
	json_object_set_new(object, key, points);
}

static void
put_spread(json_t *object, const struct bench_summary *summary)
{
	json_t *spread;

	if (summary->repeats == 0)
		return;
	json_object_set_new(object, "repeats", json_integer(summary->repeats));
	spread = json_object();
	put(spread, "min", summary->spread_min);
	put(spread, "max", summary->spread_max);
	put(spread, "mad", summary->spread_mad);
	json_object_set_new(object, "spread", spread);
}

static json_t *
row_json(const struct bench_row *row)
{
	json_t *object = json_object();

	put_text(object, "name", row->name);
	put_text(object, "unit", row->unit);
	put_text(object, "reason", row->reason);
	if (row->reason != NULL)
		return object;
	put(object, "value", row->summary.value);
	put(object, "p50", row->p50);
	put(object, "p99", row->p99);
	put(object, "p999", row->p999);
	put(object, "max", row->max);
	put(object, "limit", row->summary.limit);
	put(object, "ratio", row->summary.ratio);
	put_spread(object, &row->summary);
	put_text(object, "note", row->note);
	put_curve(object, "percentiles", &row->curve);
	put_curve(object, "limit_percentiles", &row->limit_curve);
	return object;
}

static void
row_print(const struct bench_row *row)
{
	const struct bench_summary *s = &row->summary;

	if (row->reason != NULL) {
		printf("%-24s no result: %s\n", row->name, row->reason);
		return;
	}
	printf("%-24s %.4g %s", row->name, s->value, row->unit);
	if (!isnan(row->p50))
		printf(", p50 %.4g p99 %.4g p99.9 %.4g max %.4g", row->p50, row->p99, row->p999, row->max);
	if (!isnan(s->limit))
		printf(", bare %.4g, ratio %.3g", s->limit, s->ratio);
	if (s->repeats > 1)
		printf(" (%.3g..%.3g, %u repeats)", s->spread_min, s->spread_max, s->repeats);
	printf("\n");
}

int
bench_row_write(const struct bench_row *row, const char *json_path)
{
	FILE *file;
	json_t *object;
	int status;

	if (json_path == NULL) {
		row_print(row);
		return fflush(stdout) == 0 ? 0 : -errno;
	}
	file = fopen(json_path, "a");
	if (file == NULL)
		return -errno;
	object = row_json(row);
	status = json_dumpf(object, file, JSON_REAL_PRECISION(9)) == 0 ? 0 : -EIO;
	json_decref(object);
	if (fputc('\n', file) == EOF)
		status = -EIO;
	if (fclose(file) != 0)
		status = -errno;
	return status;
}
