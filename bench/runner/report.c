/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------- */

static double
number(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	return json_is_number(member) ? json_number_value(member) : NAN;
}

static const char *
text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool
report_row_read(const json_t *object, struct report_row *row)
{
	const json_t *spread = json_object_get(object, "spread");
	const char *name = text(object, "name");

	memset(row, 0, sizeof(*row));
	if (name == NULL || (row->plan = plan_find(name)) == NULL)
		return false;
	row->name = name;
	row->unit = text(object, "unit");
	row->reason = text(object, "reason");
	row->note = text(object, "note");
	row->figures.value = number(object, "value");
	row->limit = number(object, "limit");
	row->figures.ratio = number(object, "ratio");
	row->p50 = number(object, "p50");
	row->p99 = number(object, "p99");
	row->p999 = number(object, "p999");
	row->max = number(object, "max");
	row->figures.spread_min = number(spread, "min");
	row->figures.spread_max = number(spread, "max");
	row->steal_percent = number(object, "steal_percent");
	row->load = number(object, "load");
	row->repeats = (int)json_integer_value(json_object_get(object, "repeats"));
	row->curve = json_object_get(object, "percentiles");
	row->limit_curve = json_object_get(object, "limit_percentiles");
	return true;
}

/* ---- table ---------------------------------------------------------------------- */

/* a cell of that width; blank for NaN */
static void
cell(FILE *stream, int width, double figure)
{
	if (isnan(figure))
		fprintf(stream, " %*s", width, "");
	else if (figure >= 1000)
		fprintf(stream, " %*.0f", width, figure);
	else
		fprintf(stream, " %*.3g", width, figure);
}

static void
cell_spread(FILE *stream, const struct report_row *row)
{
	char pair[32] = "";

	if (!isnan(row->figures.spread_min) && row->repeats > 1)
		snprintf(pair, sizeof(pair), "%.3g..%.3g", row->figures.spread_min, row->figures.spread_max);
	fprintf(stream, " %13s", pair);
}

static void
cell_budget(FILE *stream, const struct report_row *row)
{
	enum plan_verdict verdict = plan_judge(row->plan, &row->figures);
	char budget[32] = "";

	if (verdict != PLAN_VERDICT_NONE)
		snprintf(budget, sizeof(budget), "%s (%.3g%s)", plan_verdict_name(verdict), row->plan->budget,
			 row->plan->budget_kind == PLAN_BUDGET_RATIO ? "x" : "");
	fprintf(stream, "  %-22s", budget);
}

/* why the repeats differ so much: what others had of the machine */
static void
disturbance_print(FILE *stream, const struct report_row *row)
{
	if (plan_judge(row->plan, &row->figures) == PLAN_VERDICT_INCONCLUSIVE && !isnan(row->load))
		fprintf(stream, "steal %.2g %%, load %.2g; ", row->steal_percent, row->load);
}

static void
row_print(FILE *stream, const struct report_row *row)
{
	fprintf(stream, "%-26s", row->name);
	if (row->reason != NULL) {
		fprintf(stream, " no result: %s\n", row->reason);
		return;
	}
	cell(stream, 9, row->figures.value);
	fprintf(stream, " %-10s", row->unit);
	cell(stream, 8, row->limit);
	cell(stream, 6, row->figures.ratio);
	cell_spread(stream, row);
	cell_budget(stream, row);
	disturbance_print(stream, row);
	if (!isnan(row->p50))
		fprintf(stream, "p50 %.4g, p99 %.4g, p99.9 %.4g", row->p50, row->p99, row->p999);
	fputc('\n', stream);
}

void
report_table(FILE *stream, const json_t *report)
{
	size_t index;
	json_t *object;

	fprintf(stream, "%-26s %9s %-10s %8s %6s %13s  %-22s%s\n", "name", "value", "unit", "bare", "ratio",
		"spread", "budget", "latency");
	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (report_row_read(object, &row))
			row_print(stream, &row);
	}
	fputs("bare: the same work without hermod, measured in turns with the value: a limit, or a baseline that a "
	      "result may beat, as the row's note says; ratio: median of value / bare; "
	      "budget: of the ratio (x) or of the value; inconclusive: the spread exceeds the distance to it\n",
	      stream);
}

unsigned int
report_breaks(FILE *stream, const json_t *report)
{
	unsigned int count = 0;
	size_t index;
	json_t *object;

	json_array_foreach(report, index, object)
	{
		struct report_row row;

		if (!report_row_read(object, &row) || !plan_breaks(row.plan, &row.figures))
			continue;
		fprintf(stream, "%s: %.4g %s, beyond its budget of %.4g\n", row.name, row.figures.value,
			row.unit, row.plan->budget);
		count++;
	}
	return count;
}

/* ---- JSON ------------------------------------------------------------------------ */

int
report_json(const char *path, const json_t *report)
{
	FILE *file = fopen(path, "w");
	int status = 0;

	if (file == NULL)
		return -errno;
	if (json_dumpf(report, file, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) != 0 ||
	    fputc('\n', file) == EOF)
		status = -EIO;
	if (fclose(file) != 0)
		status = -errno;
	return status;
}
