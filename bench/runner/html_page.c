/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "html.h"

/* The last object of the report: machine, build, options, time. */
static const json_t *
record_of(const json_t *report)
{
	size_t size = json_array_size(report);

	return size > 0 ? json_array_get(report, size - 1) : NULL;
}

/* ---- head ------------------------------------------------------------------------ */

static void
tally_item(FILE *out, const char *class, unsigned int count, const char *what)
{
	if (count > 0)
		fprintf(out, "<li class=\"%s\"><b>%u</b><span>%s</span></li>", class, count, what);
}

static void
tally(FILE *out, const json_t *report)
{
	unsigned int verdicts[PLAN_VERDICTS] = { 0 }, idle = 0;
	size_t index;
	json_t *object;

	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (!report_row_read(object, &row))
			continue;
		if (row.reason != NULL)
			idle++;
		else
			verdicts[plan_judge(row.plan, &row.figures)]++;
	}
	fputs("<ul class=\"tally\">", out);
	tally_item(out, "met", verdicts[PLAN_VERDICT_MET], "budgets met");
	tally_item(out, "near", verdicts[PLAN_VERDICT_FLOOR], "above the floor, not yet in budget");
	tally_item(out, "missed", verdicts[PLAN_VERDICT_MISSED], "below the floor");
	tally_item(out, "none", verdicts[PLAN_VERDICT_INCONCLUSIVE],
		   "inconclusive: the spread exceeds the distance to the budget");
	tally_item(out, "none", verdicts[PLAN_VERDICT_NONE], "rows without a budget");
	tally_item(out, "none", idle, "rows without a result");
	fputs("</ul>\n", out);
}

static void
head(FILE *out, const json_t *report)
{
	const json_t *record = record_of(report), *machine = json_object_get(record, "machine");
	const char *warning = json_string_value(json_object_get(record, "warning"));

	fputs("<header><h1>hermod benchmark</h1><p>", out);
	html_text(out, json_string_value(json_object_get(machine, "cpu")));
	fprintf(out, ", %d cores, ", (int)json_integer_value(json_object_get(machine, "cores")));
	html_text(out, json_string_value(json_object_get(machine, "memory")));
	fputs(" · ", out);
	html_text(out, json_string_value(json_object_get(record, "time")));
	fputs("</p>", out);
	if (warning != NULL) {
		fputs("<p class=\"warning\">", out);
		html_text(out, warning);
		fputs(".</p>", out);
	}
	tally(out, report);
	fputs("</header>\n", out);
}

/* ---- budgets ---------------------------------------------------------------------- */

static void
budget_row(FILE *out, const struct report_row *row)
{
	bool of_ratio = row->plan->budget_kind == PLAN_BUDGET_RATIO;
	enum plan_verdict verdict = plan_judge(row->plan, &row->figures);
	const char *sign = row->plan->better == PLAN_LOWER ? "≤" : "≥";
	const char *unit = of_ratio ? "× the bare work" : html_unit(row->unit);
	char figure[HTML_FIGURE_MAX], budget[HTML_FIGURE_MAX], floor[HTML_FIGURE_MAX];

	fprintf(out, "<tr><td class=\"name\">%s</td><td>", row->name);
	html_text(out, row->plan->title);
	if (row->reason != NULL)
		html_figure(NAN, figure);
	else
		html_figure(of_ratio ? row->figures.ratio : row->figures.value, figure);
	fprintf(out,
		"</td><td class=\"n\"><b>%s</b></td><td class=\"n\">%s %s</td><td class=\"n\">%s %s</td>"
		"<td class=\"muted\">%s</td><td><span class=\"pill %s\">%s</span></td></tr>\n",
		figure, sign, html_figure(row->plan->budget, budget), sign,
		html_figure(row->plan->floor, floor), unit, html_verdict_class(verdict),
		verdict == PLAN_VERDICT_NONE ? "no result" : plan_verdict_name(verdict));
}

static void
budgets(FILE *out, const json_t *report)
{
	size_t index;
	json_t *object;

	fputs("<h2>Budgets</h2><p>What hermod promises. The floor is what no change may fall behind.</p>\n"
	      "<div class=\"card scroll\"><table><tr><th>row</th><th></th><th class=\"n\">measured</th>"
	      "<th class=\"n\">budget</th><th class=\"n\">floor</th><th></th><th></th></tr>\n",
	      out);
	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (report_row_read(object, &row) && row.plan->budget_kind != PLAN_BUDGET_NONE)
			budget_row(out, &row);
	}
	fputs("</table></div>\n", out);
}

/* ---- charts ----------------------------------------------------------------------- */

static void
bars(FILE *out, const json_t *report)
{
	if (html_bars_count(report, PLAN_CHART_RATE) > 0) {
		fputs("<h2>Throughput</h2><p>Messages a second; longer is better. At the right the share of "
		      "the bare work’s rate, with the smallest and largest of the slices. Each row has a "
		      "scale of its own.</p>\n",
		      out);
		html_bars(out, report, PLAN_CHART_RATE);
	}
	if (html_bars_count(report, PLAN_CHART_COST) > 0) {
		fputs("<h2>Time</h2><p>What one message, round trip or actor takes; shorter is "
		      "better. At the right, how many times the bare work’s time.</p>\n",
		      out);
		html_bars(out, report, PLAN_CHART_COST);
	}
}

static void
curves(FILE *out, const json_t *report)
{
	bool begun = false;
	size_t index;
	json_t *object;

	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (!report_row_read(object, &row) || row.curve == NULL)
			continue;
		if (!begun)
			fputs("<h2>Latency</h2><p>The share of round trips that took no longer; both axes are "
			      "logarithmic, so each further nine takes as much room as the one before. "
			      "Dashed: the bare work.</p>\n<div class=\"panels\">",
			      out);
		begun = true;
		html_curve(out, &row);
	}
	if (begun)
		fputs("</div>\n", out);
}

/* ---- table ------------------------------------------------------------------------- */

static void
cell(FILE *out, double figure)
{
	char text[HTML_FIGURE_MAX];

	fprintf(out, "<td class=\"n\">%s</td>", isnan(figure) ? "" : html_figure(figure, text));
}

static void
cell_spread(FILE *out, const struct report_row *row)
{
	char low[HTML_FIGURE_MAX], high[HTML_FIGURE_MAX];

	if (row->repeats < 2)
		fputs("<td></td>", out);
	else
		fprintf(out, "<td class=\"n muted\">%s to %s</td>", html_figure(row->figures.spread_min, low),
			html_figure(row->figures.spread_max, high));
}

static void
table_row(FILE *out, const struct report_row *row)
{
	fprintf(out, "<tr><td class=\"name\">%s", row->name);
	if (row->note != NULL && row->reason == NULL) {
		fputs("<small>", out);
		html_text(out, row->note);
		fputs("</small>", out);
	}
	fputs("</td>", out);
	if (row->reason != NULL) {
		fputs("<td class=\"reason\" colspan=\"9\">no result: ", out);
		html_text(out, row->reason);
		fputs("</td></tr>\n", out);
		return;
	}
	cell(out, row->figures.value);
	fprintf(out, "<td class=\"muted\">%s</td>", html_unit(row->unit));
	cell(out, row->limit);
	cell(out, row->figures.ratio);
	cell_spread(out, row);
	cell(out, row->p50);
	cell(out, row->p99);
	cell(out, row->p999);
	cell(out, row->max);
	fputs("</tr>\n", out);
}

static void
table(FILE *out, const json_t *report)
{
	size_t index;
	json_t *object;

	fputs("<h2>All rows</h2><p>The value is the median of its slices, the ratio the median of the "
	      "slices’ ratios, with the smallest and largest beside it (of the values, where there is no "
	      "bare work). The note says whether the bare work is a limit, or a baseline that a result "
	      "may beat.</p>\n<div class=\"card scroll\"><table><tr><th>row</th><th class=\"n\">value</th><th></th>"
	      "<th class=\"n\">bare</th><th class=\"n\">ratio</th><th class=\"n\">spread</th>"
	      "<th class=\"n\">p50</th><th class=\"n\">p99</th><th class=\"n\">p99.9</th>"
	      "<th class=\"n\">max</th></tr>\n",
	      out);
	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (report_row_read(object, &row))
			table_row(out, &row);
	}
	fputs("</table></div>\n", out);
}

/* ---- record ------------------------------------------------------------------------ */

static void
record_value(FILE *out, const json_t *value)
{
	char text[HTML_FIGURE_MAX];

	if (json_is_string(value))
		html_text(out, json_string_length(value) > 0 ? json_string_value(value) : "–");
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else
		fputs(html_figure(json_number_value(value), text), out);
}

static void
record_part(FILE *out, const json_t *record, const char *title, const char *key)
{
	const char *name;
	json_t *value;

	fprintf(out, "<div class=\"card\"><h3>%s</h3><dl>", title);
	json_object_foreach(json_object_get(record, key), name, value)
	{
		fputs("<dt>", out);
		for (const char *c = name; *c != '\0'; c++)
			fputc(*c == '_' ? ' ' : *c, out);
		fputs("</dt><dd>", out);
		record_value(out, value);
		fputs("</dd>", out);
	}
	fputs("</dl></div>\n", out);
}

static void
record(FILE *out, const json_t *report)
{
	const json_t *found = record_of(report);

	fputs("<h2>Machine, build, options</h2><p>Figures of two machines, or of two hours, say nothing about "
	      "each other; ratios of one run do.</p>\n<div class=\"record\">",
	      out);
	record_part(out, found, "Machine", "machine");
	record_part(out, found, "Build", "build");
	record_part(out, found, "Options", "options");
	fputs("</div>\n", out);
}

/* ---- page -------------------------------------------------------------------------- */

int
report_html(const char *path, const json_t *report)
{
	FILE *out = fopen(path, "w");
	int status = 0;

	if (out == NULL)
		return -errno;
	fprintf(out,
		"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<title>hermod benchmark</title>\n<style>\n%s</style>\n<main>\n",
		html_style);
	head(out, report);
	budgets(out, report);
	bars(out, report);
	curves(out, report);
	table(out, report);
	record(out, report);
	fputs("</main>\n</html>\n", out);
	if (ferror(out))
		status = -EIO;
	if (fclose(out) != 0)
		status = -errno;
	return status;
}
