/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <math.h>
#include <string.h>

/* Size of the drawing; the margins hold the labels of the axes. */
#define WIDTH  480.0
#define HEIGHT 290.0
#define LEFT   58.0
#define RIGHT  26.0
#define TOP    10.0
#define BOTTOM 34.0

/* Ends of both axes. The horizontal one is -log10(1 - percentile): 0, 90, 99, 99.9 % are equally spaced. */
struct axes {
	double nines;     /* right end; the left one is 0 */
	double low, high; /* bottom and top, log10 of nanoseconds */
};

static double
nines_of(double percent)
{
	return -log10(1 - percent / 100);
}

static double
x_of(const struct axes *axes, double percent)
{
	return LEFT + nines_of(percent) / axes->nines * (WIDTH - LEFT - RIGHT);
}

static double
y_of(const struct axes *axes, double ns)
{
	return HEIGHT - BOTTOM - (log10(ns) - axes->low) / (axes->high - axes->low) * (HEIGHT - TOP - BOTTOM);
}

static double
unit_ns(const char *unit)
{
	return strcmp(unit, "us") == 0 ? 1e3 : strcmp(unit, "ms") == 0 ? 1e6 : 1;
}

/* ---- axes -------------------------------------------------------------------------- */

static void
axes_widen(struct axes *axes, const json_t *curve, double scale)
{
	size_t index;
	json_t *point;

	json_array_foreach(curve, index, point)
	{
		double percent = json_number_value(json_array_get(point, 0));
		double ns = json_number_value(json_array_get(point, 1)) * scale;

		if (percent >= 100 || ns <= 0)
			continue;
		axes->nines = fmax(axes->nines, nines_of(percent));
		axes->low = fmin(axes->low, log10(ns));
		axes->high = fmax(axes->high, log10(ns));
	}
}

/* extend both ends to the next of 1, 2, 5, and to at least a decade, so that a flat curve looks flat */
static void
axes_round(struct axes *axes)
{
	static const double steps[] = { 0, 0.30103, 0.69897, 1 };
	double low = floor(axes->low), high = floor(axes->high);

	for (int i = 3; i >= 0; i--) {
		if (low + steps[i] <= axes->low) {
			low += steps[i];
			break;
		}
	}
	for (int i = 0; i < 4; i++) {
		if (high + steps[i] >= axes->high) {
			high += steps[i];
			break;
		}
	}
	axes->low = low;
	axes->high = fmax(high, low + 1);
	axes->nines = fmax(axes->nines, 2);
}

static void
time_label(char *text, size_t size, double ns)
{
	if (ns >= 999999)
		snprintf(text, size, "%g ms", ns / 1e6);
	else if (ns >= 999)
		snprintf(text, size, "%g µs", ns / 1e3);
	else
		snprintf(text, size, "%g ns", ns);
}

static void
grid_times(FILE *out, const struct axes *axes)
{
	static const double steps[] = { 1, 2, 5 };

	for (double decade = floor(axes->low); decade <= axes->high; decade++) {
		for (int i = 0; i < 3; i++) {
			double ns = pow(10, decade) * steps[i], power = log10(ns);
			char text[32];

			if (power < axes->low - 1e-6 || power > axes->high + 1e-6)
				continue;
			fprintf(out, "<line class=\"axis\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>",
				LEFT, WIDTH - RIGHT, y_of(axes, ns), y_of(axes, ns));
			/* with more than three decades only powers of ten have room for a label */
			if (i > 0 && axes->high - axes->low > 3)
				continue;
			time_label(text, sizeof(text), ns);
			fprintf(out, "<text class=\"t m e\" x=\"%g\" y=\"%.1f\">%s</text>\n", LEFT - 8,
				y_of(axes, ns) + 4, text);
		}
	}
}

static void
grid_percentiles(FILE *out, const struct axes *axes)
{
	static const double percents[] = { 0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999, 99.99999 };

	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
		double x = x_of(axes, percents[i]);

		if (nines_of(percents[i]) > axes->nines + 1e-6)
			break;
		fprintf(out, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\"/>", x, x, TOP,
			HEIGHT - BOTTOM);
		/* with many nines, 50 % is too close to 0 % for a label */
		if (percents[i] == 50 && axes->nines > 4.5)
			continue;
		fprintf(out, "<text class=\"t m c\" x=\"%.1f\" y=\"%g\">%.7g%s</text>\n", x,
			HEIGHT - BOTTOM + 20, percents[i], percents[i] == 0 ? " %" : "");
	}
}

/* ---- curves ------------------------------------------------------------------------- */

static void
line(FILE *out, const char *class, const struct axes *axes, const json_t *curve, double scale)
{
	size_t index;
	json_t *point;

	if (json_array_size(curve) == 0)
		return;
	fprintf(out, "<polyline class=\"%s\" points=\"", class);
	json_array_foreach(curve, index, point)
	{
		double percent = json_number_value(json_array_get(point, 0));
		double ns = json_number_value(json_array_get(point, 1)) * scale;

		if (percent < 100 && ns > 0)
			fprintf(out, "%.1f,%.1f ", x_of(axes, percent), y_of(axes, ns));
	}
	fputs("\"/>\n", out);
}

/* "1.97 µs" */
static const char *
time_text(char text[HTML_FIGURE_MAX], double ns)
{
	char figure[HTML_FIGURE_MAX];

	if (ns >= 1e6)
		snprintf(text, HTML_FIGURE_MAX, "%.20s ms", html_figure(ns / 1e6, figure));
	else if (ns >= 1e3)
		snprintf(text, HTML_FIGURE_MAX, "%.20s µs", html_figure(ns / 1e3, figure));
	else
		snprintf(text, HTML_FIGURE_MAX, "%.20s ns", html_figure(ns, figure));
	return text;
}

static void
caption(FILE *out, const struct report_row *row)
{
	double scale = unit_ns(row->unit);
	char p50[HTML_FIGURE_MAX], p99[HTML_FIGURE_MAX], p999[HTML_FIGURE_MAX], max[HTML_FIGURE_MAX];

	fprintf(out, "<figcaption>%s<small>", row->name);
	html_text(out, row->plan->title);
	fprintf(out, "<br>p50 %s, p99 %s, p99.9 %s, max %s</small></figcaption>\n",
		time_text(p50, row->p50 * scale), time_text(p99, row->p99 * scale),
		time_text(p999, row->p999 * scale), time_text(max, row->max * scale));
}

void
html_curve(FILE *out, const struct report_row *row)
{
	double scale = unit_ns(row->unit);
	struct axes axes = { .nines = 0, .low = INFINITY, .high = -INFINITY };

	axes_widen(&axes, row->curve, scale);
	axes_widen(&axes, row->limit_curve, scale);
	if (!isfinite(axes.low))
		return;
	axes_round(&axes);
	fputs("<figure class=\"card\">", out);
	caption(out, row);
	fprintf(out, "<svg viewBox=\"0 0 %g %g\" role=\"img\">\n", WIDTH, HEIGHT);
	grid_times(out, &axes);
	grid_percentiles(out, &axes);
	line(out, "line raw", &axes, row->limit_curve, scale);
	line(out, "line", &axes, row->curve, scale);
	fputs("</svg></figure>\n", out);
}
