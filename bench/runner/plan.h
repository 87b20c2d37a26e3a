/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_H
#define PLAN_H

/**
 * @file
 * The rows: which program answers which question, what it needs, and what would be good.
 */

#include <stdbool.h>
#include <stdint.h>

enum plan_better {
	PLAN_LOWER,  /**< a cost: the smaller the better */
	PLAN_HIGHER, /**< a rate: the larger the better */
};

enum plan_budget {
	PLAN_BUDGET_NONE,
	PLAN_BUDGET_RATIO, /**< on value / limit */
	PLAN_BUDGET_VALUE, /**< on the value itself */
};

/** Where a row appears in the report. */
enum plan_chart {
	PLAN_CHART_NONE,
	PLAN_CHART_RATE, /**< bars of messages a second */
	PLAN_CHART_COST, /**< bars of time */
};

struct plan_row {
	const char *name;
	const char *unit;
	const char *title;   /**< for people: what is measured, in a few words */
	const char *program; /**< file name beside the runner */
	const char *extra;   /**< one further option of the program, `--name=value`; may be NULL */
	enum plan_better better;
	enum plan_chart chart;
	enum plan_budget budget_kind;
	double budget;   /**< aimed at */
	double floor;    /**< the least that a release may do */
	uint32_t cores;  /**< cores it needs to itself */
	bool needs_root; /**< makes network namespaces */
	int memory_mb;   /**< of a process of it, where there are no hugepages */
	double setup_s;  /**< about, beside what it measures for */
};

enum plan_verdict {
	PLAN_VERDICT_NONE,  /**< no budget, or not run */
	PLAN_VERDICT_MET,   /**< within the budget */
	PLAN_VERDICT_FLOOR, /**< not within the budget, but above the floor */
	PLAN_VERDICT_MISSED,
};

/** All rows, in the order of the report; ended by one whose name is NULL. */
const struct plan_row *plan_rows(void);

/** The row of that name, or NULL. */
const struct plan_row *plan_find(const char *name);

/** @param value, ratio  of the row's result; NaN: it has none */
enum plan_verdict plan_judge(const struct plan_row *row, double value, double ratio);

/** "met", "missed" and so on; never NULL. */
const char *plan_verdict_name(enum plan_verdict verdict);

#endif /* PLAN_H */
