/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <math.h>
#include <string.h>

void
html_text(FILE *out, const char *text)
{
	for (; text != NULL && *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

const char *
html_figure(double figure, char text[HTML_FIGURE_MAX])
{
	double size = fabs(figure);
	int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;

	if (isnan(figure))
		snprintf(text, HTML_FIGURE_MAX, "–");
	else
		snprintf(text, HTML_FIGURE_MAX, "%.*f", decimals, figure);
	return text;
}

const char *
html_unit(const char *unit)
{
	if (unit == NULL)
		return "";
	return strcmp(unit, "us") == 0 ? "µs" : unit;
}

const char *
html_verdict_class(enum plan_verdict verdict)
{
	static const char *const classes[] = {
		[PLAN_VERDICT_NONE] = "none",         [PLAN_VERDICT_MET] = "met",
		[PLAN_VERDICT_FLOOR] = "near",        [PLAN_VERDICT_MISSED] = "missed",
		[PLAN_VERDICT_INCONCLUSIVE] = "none",
	};

	return classes[verdict];
}
