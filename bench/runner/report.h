/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_H
#define REPORT_H

/**
 * @file
 * Reports of the rows: a table for the terminal, a JSON file, an HTML page.
 *
 * All of them read the same JSON array: one object for each row (its members: bench_row.h, and `steal_percent`
 * and `load` of the machine meanwhile; a row that did not run has `name`, `unit` and `reason`), and a last object with the members `machine`, `build`,
 * `options`, `time`, and `warning` if bench_build_warning has one.
 */

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "plan.h"

/** Members of a row; those that it lacks are NaN or NULL. Texts belong to the JSON. */
struct report_row {
	const char *name, *unit, *reason, *note;
	const struct plan_row *plan; /**< never NULL */
	struct plan_figures figures;
	double limit;
	double p50, p99, p999, max;
	double steal_percent, load; /**< of the machine meanwhile: see host.h */
	int repeats;
	const json_t *curve, *limit_curve; /**< arrays of [percent, value], or NULL */
};

/** Read one object of the array. @return false: it is no row of the plan */
bool report_row_read(const json_t *object, struct report_row *row);

/** Print the table. */
void report_table(FILE *stream, const json_t *report);

/** Print the stable rows that are beyond their budget, a line each. @return how many */
unsigned int report_breaks(FILE *stream, const json_t *report);

/** Write the array to a file. @return 0 or negative errno */
__attribute__((warn_unused_result))
int report_json(const char *path, const json_t *report);

/** Write the page to a file. @return 0 or negative errno */
__attribute__((warn_unused_result))
int report_html(const char *path, const json_t *report);

#endif /* REPORT_H */
