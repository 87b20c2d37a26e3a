/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the benchmark says of a figure beside its budget.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>

#include "plan.h"

static const struct plan_row cost = {
	.name = "cost", .better = PLAN_LOWER, .budget_kind = PLAN_BUDGET_RATIO, .budget = 2, .floor = 3
};
static const struct plan_row rate = {
	.name = "rate", .better = PLAN_HIGHER, .budget_kind = PLAN_BUDGET_VALUE, .budget = 20, .floor = 8
};

/* A ratio, and by how much repeats differ to both sides. */
static enum plan_verdict
judge_cost(double ratio, double apart)
{
	struct plan_figures figures = {
		.value = 100, .ratio = ratio, .spread_min = ratio - apart, .spread_max = ratio + apart
	};

	return plan_judge(&cost, &figures);
}

/* A value that has a limit: the spread is that of a ratio of 0.1. */
static enum plan_verdict
judge_rate(double value, double apart_percent)
{
	struct plan_figures figures = { .value = value,
					.ratio = 0.1,
					.spread_min = 0.1 - apart_percent / 1000,
					.spread_max = 0.1 + apart_percent / 1000 };

	return plan_judge(&rate, &figures);
}

Test(bench_plan, judge__repeats_that_agree)
{
	cr_assert_eq(judge_cost(1.9, 0.01), PLAN_VERDICT_MET);
	cr_assert_eq(judge_cost(2.5, 0.01), PLAN_VERDICT_FLOOR);
	cr_assert_eq(judge_cost(3.5, 0.01), PLAN_VERDICT_MISSED);
	cr_assert_eq(judge_rate(25, 1), PLAN_VERDICT_MET);
	cr_assert_eq(judge_rate(12, 1), PLAN_VERDICT_FLOOR);
	cr_assert_eq(judge_rate(6, 1), PLAN_VERDICT_MISSED);
}

Test(bench_plan, judge__spread_exceeds_the_distance_to_the_budget)
{
	cr_assert_eq(judge_cost(1.9, 0.06), PLAN_VERDICT_INCONCLUSIVE);
	cr_assert_eq(judge_cost(2.1, 0.06), PLAN_VERDICT_INCONCLUSIVE);
	cr_assert_eq(judge_cost(1.9, 0.04), PLAN_VERDICT_MET);
	/* 22 +- 5 % is 2.2 from end to end, the budget is 2 away */
	cr_assert_eq(judge_rate(22, 5), PLAN_VERDICT_INCONCLUSIVE);
	cr_assert_eq(judge_rate(22, 4), PLAN_VERDICT_MET);
}

Test(bench_plan, judge__value_without_a_limit)
{
	struct plan_figures figures = { .value = 22, .ratio = NAN, .spread_min = 21.5, .spread_max = 22.5 };

	cr_assert_eq(plan_judge(&rate, &figures), PLAN_VERDICT_MET);
	figures.spread_min = 20;
	cr_assert_eq(plan_judge(&rate, &figures), PLAN_VERDICT_INCONCLUSIVE);
}

Test(bench_plan, judge__no_result_or_one_repeat)
{
	struct plan_figures figures = { .value = 22, .ratio = NAN, .spread_min = NAN, .spread_max = NAN };

	cr_assert_eq(plan_judge(&rate, &figures), PLAN_VERDICT_MET);
	cr_assert_eq(plan_judge(&cost, &figures), PLAN_VERDICT_NONE);
}

/* What a row says of a figure without a spread. */
static bool
breaks(const struct plan_row *row, double value)
{
	struct plan_figures figures = { .value = value, .ratio = NAN, .spread_min = NAN, .spread_max = NAN };

	return plan_breaks(row, &figures);
}

Test(bench_plan, breaks__stable_row_beyond_its_budget)
{
	struct plan_row bytes = { .stable = true,
				  .better = PLAN_LOWER,
				  .budget_kind = PLAN_BUDGET_VALUE,
				  .budget = 20,
				  .floor = 30 };

	cr_assert_not(breaks(&bytes, 20));
	cr_assert(breaks(&bytes, 21), "within the floor, but no goal");
	cr_assert(breaks(&bytes, 31));
	cr_assert_not(breaks(&bytes, NAN), "no result is reported as such");
	bytes.stable = false;
	cr_assert_not(breaks(&bytes, 31), "may be the machine's fault");
}

Test(bench_plan, breaks__rows_that_no_machine_changes)
{
	cr_assert(breaks(plan_find("idle.cpu"), 1.1));
	cr_assert(breaks(plan_find("actor.bytes"), 257));
	cr_assert_not(breaks(plan_find("idle.cpu"), 0.9));
	cr_assert_not(breaks(plan_find("actor.bytes"), 255));
	cr_assert_not(breaks(plan_find("spawn"), 1000));
}

Test(bench_plan, rows__have_names_of_verdicts_and_budgets_within_floors)
{
	for (const struct plan_row *row = plan_rows(); row->name != NULL; row++) {
		struct plan_figures figures = { .value = row->floor,
						.ratio = row->floor,
						.spread_min = row->floor,
						.spread_max = row->floor };

		cr_assert_eq(plan_find(row->name), row);
		if (row->budget_kind != PLAN_BUDGET_NONE)
			cr_assert_eq(plan_judge(row, &figures), PLAN_VERDICT_FLOOR, "%s", row->name);
	}
	for (int verdict = PLAN_VERDICT_NONE; verdict < PLAN_VERDICTS; verdict++)
		cr_assert_not_null(plan_verdict_name((enum plan_verdict)verdict));
}
