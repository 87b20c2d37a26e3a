/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTML_H
#define HTML_H

/**
 * @file
 * Parts of the HTML page. They write to an open file, whose error state report_html checks at the end.
 */

#include <stddef.h>
#include <stdio.h>

#include "report.h"

/** Size of a figure as text, terminating zero included. */
#define HTML_FIGURE_MAX 32

/** The page's style sheet: light and dark, without external files. */
extern const char html_style[];

/** Write text with HTML's special characters escaped; NULL writes nothing. */
void html_text(FILE *out, const char *text);

/** A number with about three significant digits, without exponent; an en dash for NaN. @return @p text */
const char *html_figure(double figure, char text[HTML_FIGURE_MAX]);

/** A unit in its usual spelling: "us" becomes "µs". */
const char *html_unit(const char *unit);

/** CSS class of a verdict, and of its mark. */
const char *html_verdict_class(enum plan_verdict verdict);

/**
 * Bars of all rows of a chart: the value, and below it the limit.
 *
 * Each row has its own scale, set by the greatest of value, limit and budget: the chart shows how value and
 * limit compare in rows whose figures differ by orders of magnitude.
 */
void html_bars(FILE *out, const json_t *report, enum plan_chart chart);

/** Number of rows that html_bars draws. */
unsigned int html_bars_count(const json_t *report, enum plan_chart chart);

/** The latency curve of a row and that of its limit, in one figure. */
void html_curve(FILE *out, const struct report_row *row);

#endif /* HTML_H */
