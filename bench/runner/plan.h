/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_H
#define PLAN_H

/**
 * @file
 * The rows: which program measures which scenario, what it needs, and its budget.
 */

#include <stdbool.h>
#include <stdint.h>

enum plan_better {
	PLAN_LOWER,  /**< a cost: lower is better */
	PLAN_HIGHER, /**< a rate: higher is better */
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
	const char *title;   /**< what is measured, in a few words */
	const char *program; /**< file name in the runner's folder */
	const char *extra;   /**< one further option of the program, `--name=value`; may be NULL */
	bool sleeps;         /**< its lcores sleep when they have nothing to do: no `--idle=spin` */
	enum plan_better better;
	enum plan_chart chart;
	enum plan_budget budget_kind;
	double budget;   /**< goal */
	double floor;    /**< worst figure that is acceptable */
	uint32_t cores;  /**< cores that it needs */
	bool needs_root; /**< creates network namespaces */
	bool stable; /**< the figure does not depend on the machine's speed and load: its budget is enforced */
	int memory_mb;  /**< EAL's -m for each of its processes, where there are no hugepages */
	double setup_s; /**< expected time in addition to the duration */
	double duration_s; /**< least duration that shows all of it, unless the user says another; 0: the default */
};

enum plan_verdict {
	PLAN_VERDICT_NONE,  /**< no budget, or no result */
	PLAN_VERDICT_MET,   /**< within the budget */
	PLAN_VERDICT_FLOOR, /**< not within the budget, but not worse than the floor */
	PLAN_VERDICT_MISSED,
	PLAN_VERDICT_INCONCLUSIVE, /**< the spread exceeds the distance to the budget */
	PLAN_VERDICTS,
};

/** A row's result; NaN: it has none. */
struct plan_figures {
	double value, ratio;
	double spread_min, spread_max; /**< of the ratio, or of the value if there is no ratio */
};

/** All rows, in the order of the report; ended by one whose name is NULL. */
const struct plan_row *plan_rows(void);

/** The row of that name, or NULL. */
const struct plan_row *plan_find(const char *name);

/** Hold a result against the row's budget. */
enum plan_verdict plan_judge(const struct plan_row *row, const struct plan_figures *figures);

/** Whether a result has to make the run fail: that of a stable row, beyond its budget. */
bool plan_breaks(const struct plan_row *row, const struct plan_figures *figures);

/** "met", "near", "missed", "inconclusive", or "" for PLAN_VERDICT_NONE; never NULL. */
const char *plan_verdict_name(enum plan_verdict verdict);

#endif /* PLAN_H */
