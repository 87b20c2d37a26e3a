/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a result is worth, beside its row's budget.
 */
#include "plan.h"

#include <math.h>

/* of the figure that has the budget; NaN: there was one repeat */
static double
spread_of(const struct plan_row *row, const struct plan_figures *figures)
{
	double spread = figures->spread_max - figures->spread_min;

	/* it is that of the ratio, if there is one */
	return row->budget_kind == PLAN_BUDGET_VALUE && !isnan(figures->ratio)
		       ? spread / figures->ratio * figures->value
		       : spread;
}

enum plan_verdict
plan_judge(const struct plan_row *row, const struct plan_figures *figures)
{
	double figure = row->budget_kind == PLAN_BUDGET_RATIO ? figures->ratio : figures->value;
	double sign = row->better == PLAN_LOWER ? 1 : -1;

	if (row->budget_kind == PLAN_BUDGET_NONE || isnan(figure))
		return PLAN_VERDICT_NONE;
	if (spread_of(row, figures) > fabs(figure - row->budget))
		return PLAN_VERDICT_INCONCLUSIVE;
	if (sign * figure <= sign * row->budget)
		return PLAN_VERDICT_MET;
	return sign * figure <= sign * row->floor ? PLAN_VERDICT_FLOOR : PLAN_VERDICT_MISSED;
}

bool
plan_breaks(const struct plan_row *row, const struct plan_figures *figures)
{
	enum plan_verdict verdict = plan_judge(row, figures);

	return row->stable && (verdict == PLAN_VERDICT_FLOOR || verdict == PLAN_VERDICT_MISSED);
}

const char *
plan_verdict_name(enum plan_verdict verdict)
{
	static const char *const names[] = {
		[PLAN_VERDICT_NONE] = "",
		[PLAN_VERDICT_MET] = "met",
		[PLAN_VERDICT_FLOOR] = "near",
		[PLAN_VERDICT_MISSED] = "missed",
		[PLAN_VERDICT_INCONCLUSIVE] = "inconclusive",
	};

	return names[verdict];
}
