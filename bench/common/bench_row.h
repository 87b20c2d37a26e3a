/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

/**
 * @file
 * A row of the report: the result of one benchmark, or why it could not run.
 *
 * Written as a JSON object on a line of its own, or as a line of text:
 *
 *     {"name": "cross.tell", "unit": "M msg/s", "value": 31.2, "limit": 84.0, "ratio": 0.37, …}
 *     cross.tell      31.2 M msg/s, bare 84.0,  ratio 0.37 (0.35..0.39, 9 repeats)
 *
 * Members that do not apply are NaN (or NULL) and left out of the JSON.
 */

#include <stdint.h>

#include "bench_histogram.h"
#include "bench_stats.h"

/** Most points of a latency curve. */
#define BENCH_CURVE_MAX 32

/** A latency curve: `percent` of all samples are not greater than the value. */
struct bench_curve {
	uint32_t count;
	double percent[BENCH_CURVE_MAX];
	double value[BENCH_CURVE_MAX];
};

struct bench_row {
	const char *name;   /**< as in "remote.pingpong" */
	const char *unit;   /**< of value, limit and percentiles */
	const char *reason; /**< why it could not run; then only name and unit are set as well */
	const char *note;   /**< what the bare work is, a limit or a baseline, or a remark; may be NULL */
	struct bench_summary summary;
	double p50, p99, p999, max;
	struct bench_curve curve;       /**< of what was measured; count 0: none */
	struct bench_curve limit_curve; /**< of the bare work; count 0: none */
};

/** An empty row. */
void bench_row_init(struct bench_row *row, const char *name, const char *unit);

/**
 * Take percentiles and curve from a histogram.
 *
 * @param scale  multiplies each value, as from ticks to the row's unit
 */
void bench_row_latency(struct bench_row *row, const struct bench_histogram *histogram, double scale);

/** The curve of the bare work, from its own histogram. */
void bench_row_limit_latency(struct bench_row *row, const struct bench_histogram *histogram, double scale);

/**
 * Write the row: as JSON to @p json_path if that is given, else as a line of text to stdout.
 *
 * @param json_path  file or device to append to, NULL: none
 * @return 0 or negative errno
 */
__attribute__((warn_unused_result))
int bench_row_write(const struct bench_row *row, const char *json_path);

#endif /* BENCH_ROW_H */
