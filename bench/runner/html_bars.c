/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <math.h>
#include <string.h>

#define WIDTH      1000
#define BAR_WIDTH  640.0
#define ROW_HEIGHT 78
#define BAR_HEIGHT 16

/* A row as bars: all figures in one unit, so that lengths can be compared. */
struct bars {
	const struct report_row *row;
	const char *unit;
	double value, limit, budget; /* NaN: none */
};

/* ---- figures --------------------------------------------------------------------- */

/* a time as a rate: 1,000 / (ns a message) is M messages a second; other units are rates already */
static double
as_rate(const char *unit, double figure)
{
	return strcmp(unit, "ns/message") == 0 ? 1e3 / figure : figure;
}

static double
budget_figure(const struct report_row *row)
{
	const struct plan_row *plan = row->plan;

	if (plan->budget_kind == PLAN_BUDGET_RATIO)
		return row->limit * plan->budget;
	return plan->budget_kind == PLAN_BUDGET_VALUE ? plan->budget : NAN;
}

static struct bars
bars_of(const struct report_row *row, enum plan_chart chart)
{
	struct bars bars = {
		.row = row,
		.unit = row->unit,
		.value = row->figures.value,
		.limit = row->limit,
		.budget = budget_figure(row),
	};

	if (chart == PLAN_CHART_RATE) {
		bars.unit = "M msg/s";
		bars.value = as_rate(row->unit, bars.value);
		bars.limit = as_rate(row->unit, bars.limit);
		bars.budget = as_rate(row->unit, bars.budget);
	}
	return bars;
}

/* fmax returns the other number if one of the two is NaN */
static double
longest(const struct bars *bars)
{
	return fmax(bars->value, fmax(bars->limit, bars->budget));
}

static bool
is_drawn(const struct report_row *row, enum plan_chart chart)
{
	return row->plan->chart == chart && row->reason == NULL && row->figures.value > 0;
}

unsigned int
html_bars_count(const json_t *report, enum plan_chart chart)
{
	unsigned int count = 0;
	size_t index;
	json_t *object;

	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (report_row_read(object, &row) && is_drawn(&row, chart))
			count++;
	}
	return count;
}

/* ---- drawing ----------------------------------------------------------------------- */

static void
bar(FILE *out, const char *class, double y, double figure, const struct bars *bars)
{
	if (!isnan(figure))
		fprintf(out,
			"<rect class=\"%s\" x=\"0\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>\n",
			class, y, fmax(figure / longest(bars) * BAR_WIDTH, 2), BAR_HEIGHT);
}

static void
bar_label(FILE *out, const char *class, double y, double figure, const struct bars *bars)
{
	char text[HTML_FIGURE_MAX];

	if (!isnan(figure))
		fprintf(out, "<text class=\"t s %s\" x=\"%.1f\" y=\"%.1f\">%s %s</text>\n", class,
			fmax(figure / longest(bars) * BAR_WIDTH, 2) + 8, y + BAR_HEIGHT - 3.5,
			html_figure(figure, text), html_unit(bars->unit));
}

static void
budget_mark(FILE *out, double y, const struct bars *bars)
{
	double x = bars->budget / longest(bars) * BAR_WIDTH;

	if (!isnan(bars->budget))
		fprintf(out, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", x, x,
			y - 3, y + 2 * BAR_HEIGHT + 6);
}

static void
head(FILE *out, double y, const struct report_row *row)
{
	fprintf(out, "<text class=\"t\" x=\"0\" y=\"%.1f\"><tspan font-weight=\"650\">%s</tspan>", y,
		row->name);
	fputs("<tspan class=\"t m\" dx=\"10\">", out);
	html_text(out, row->plan->title);
	fputs("</tspan></text>\n", out);
}

/* the verdict colours the figure that it is about */
static const char *
verdict_class(const struct report_row *row, enum plan_budget kind)
{
	if (row->plan->budget_kind != kind)
		return "";
	return html_verdict_class(plan_judge(row->plan, &row->figures));
}

/* "2.03×" for a time, "49 %" for a rate; in a chart of rates, the ratio of a row in time units is inverted */
static const char *
share(char text[HTML_FIGURE_MAX], double ratio, const struct report_row *row, enum plan_chart chart)
{
	char figure[HTML_FIGURE_MAX];

	if (chart == PLAN_CHART_COST) {
		snprintf(text, HTML_FIGURE_MAX, "%.28s×", html_figure(ratio, figure));
		return text;
	}
	if (row->plan->better == PLAN_LOWER)
		ratio = 1 / ratio;
	snprintf(text, HTML_FIGURE_MAX, ratio < 0.0995 ? "%.1f %%" : "%.0f %%", ratio * 100);
	return text;
}

static void
ratio(FILE *out, double y, const struct report_row *row, enum plan_chart chart)
{
	bool turned = chart == PLAN_CHART_RATE && row->plan->better == PLAN_LOWER;
	double first = turned ? row->figures.spread_max : row->figures.spread_min;
	double second = turned ? row->figures.spread_min : row->figures.spread_max;
	char text[HTML_FIGURE_MAX], low[HTML_FIGURE_MAX], high[HTML_FIGURE_MAX];

	if (isnan(row->figures.ratio))
		return;
	fprintf(out,
		"<text class=\"t e %s\" x=\"%d\" y=\"%.1f\" style=\"font-size:21px;font-weight:650\">"
		"%s</text>\n",
		verdict_class(row, PLAN_BUDGET_RATIO), WIDTH, y + 4,
		share(text, row->figures.ratio, row, chart));
	if (row->repeats > 1)
		fprintf(out, "<text class=\"t e m\" x=\"%d\" y=\"%.1f\">%s to %s</text>\n", WIDTH, y + 22,
			share(low, first, row, chart), share(high, second, row, chart));
}

static void
bars_draw(FILE *out, double top, const struct bars *bars, enum plan_chart chart)
{
	double y = top + 24, y_limit = y + BAR_HEIGHT + 3;
	char class[32];

	snprintf(class, sizeof(class), "b %s", verdict_class(bars->row, PLAN_BUDGET_VALUE));
	head(out, top + 14, bars->row);
	bar(out, "own", y, bars->value, bars);
	bar(out, "limit", y_limit, bars->limit, bars);
	budget_mark(out, y, bars);
	bar_label(out, class, y, bars->value, bars);
	bar_label(out, "m", y_limit, bars->limit, bars);
	ratio(out, y + BAR_HEIGHT, bars->row, chart);
}

static void
legend(FILE *out)
{
	fputs("<ul class=\"legend\"><li><i class=\"o\"></i>hermod</li><li><i class=\"l\"></i>the bare work, "
	      "measured beside it</li><li><i class=\"k\"></i>budget</li></ul>\n",
	      out);
}

void
html_bars(FILE *out, const json_t *report, enum plan_chart chart)
{
	unsigned int count = html_bars_count(report, chart), drawn = 0;
	size_t index;
	json_t *object;

	if (count == 0)
		return;
	fputs("<div class=\"card bars scroll\">", out);
	legend(out);
	fprintf(out, "<svg viewBox=\"0 0 %d %u\" role=\"img\">\n", WIDTH, count * ROW_HEIGHT - 10);
	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (!report_row_read(object, &row) || !is_drawn(&row, chart))
			continue;

		struct bars bars = bars_of(&row, chart);

		bars_draw(out, drawn++ * ROW_HEIGHT, &bars, chart);
	}
	fputs("</svg></div>\n", out);
}
