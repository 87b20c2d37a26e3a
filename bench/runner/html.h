/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTML_H
#define HTML_H

/**
 * @file
 * Pieces that the page is made of. All write to an open file; the page checks it once at the end.
 */

#include <stddef.h>
#include <stdio.h>

#include "report.h"

/** Longest figure as text, its closing zero included. */
#define HTML_FIGURE_MAX 32

/** The page's style sheet: light and dark, no file from outside. */
extern const char html_style[];

/** Text with what HTML would take for markup made harmless; NULL writes nothing. */
void html_text(FILE *out, const char *text);

/** Three digits that matter, never an exponent; an en dash for NaN. @return @p text */
const char *html_figure(double figure, char text[HTML_FIGURE_MAX]);

/** A unit as people write it: "us" becomes "µs". */
const char *html_unit(const char *unit);

/** CSS class of a verdict, and of its mark. */
const char *html_verdict_class(enum plan_verdict verdict);

/**
 * Bars of all rows that belong into a chart: what was measured, and below it the limit.
 *
 * Each row has a scale of its own, set by the longer of its two bars: what is to be seen is how
 * much of the limit is reached, in rows whose figures lie three orders of magnitude apart.
 */
void html_bars(FILE *out, const json_t *report, enum plan_chart chart);

/** How many rows would html_bars draw? */
unsigned int html_bars_count(const json_t *report, enum plan_chart chart);

/** The latency curve of a row beside that of its limit, as one figure. */
void html_curve(FILE *out, const struct report_row *row);

#endif /* HTML_H */
