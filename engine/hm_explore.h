/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_EXPLORE_H
#define HM_EXPLORE_H

/**
 * @file
 * All orders of a small test: the same scenario runs again and again, each time with its lcores turned in another order.
 *
 *     scenario(kit) ─ step: lcore 0, 1 or 2? ─ step: lcore 0 or 2? ─ ... ─ end      run 1: 0 0 ...
 *                            ▲                        │                              run 2: 0 2 ...
 *                            └──── the last choice that has another way ─┘           run 3: 1 0 ...
 *
 * What differs between orders is what crosses lcores, so the scenario's actors live on several: HM_LCORE(index), hm_kit_probe_on.
 * A step is a turn of an lcore, in which it does all that it has; with hm_kit_config.by_message one message, for many more orders.
 *
 * Each run begins with a fresh kit, and has to do the same as the one before as long as the order is the same: the scenario keeps
 * nothing between runs, and takes chance and time from the kit alone.
 *
 * The first run that fails ends the search. Its order is in the text of the failure: HM_ORDER=... in the environment has
 * hm_explore run this order alone, for a debugger.
 *
 * Bounds: a search that has not tried all orders says so, and how many it has: hm_explored. Late choices are varied first, those of the
 * end of the test among them; so of a search that is cut by its number of runs the first choices are all alike. A depth that ends behind
 * the race, rather than more runs, has it tried in all ways.
 *
 * Limits: orders are exhausted, not reduced: two lcores that always have work have 2^depth of them. Whatever two lcores do in turns
 * that do not touch each other counts in both orders. At most HM_EXPLORE_LCORES_MAX lcores.
 */

#include "hm_testkit.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most lcores of a scenario. */
#define HM_EXPLORE_LCORES_MAX 36u
/** Most choices in a run that are varied. */
#define HM_EXPLORE_DEPTH_MAX 63u
/** hm_explore_config.depth that is 0. */
#define HM_EXPLORE_DEPTH_DEFAULT 24u
/** hm_explore_config.runs that is 0. */
#define HM_EXPLORE_RUNS_DEFAULT 1000u
/** Bytes of the text of a failure, with its end. */
#define HM_EXPLORE_TEXT_MAX 1024u

/**
 * A scenario: registers types, spawns actors, and expects.
 *
 * Context: the caller's thread. A failure leaves it by longjmp: what it has allocated itself by then is lost.
 *
 * @param kit  fresh; it is ended behind the function, by hm_kit_end, whose failures count, too
 * @param arg  hm_explore_config.arg
 */
typedef void hm_explore_fn(struct hm_kit *kit, void *arg);

/** What to explore; members that are left out are zero, which is their default. */
struct hm_explore_config {
	struct hm_kit_config
		kit; /**< as of hm_kit_create, but for real_time; its order is the exploration's */
	hm_explore_fn *scenario; /**< must not be NULL */
	void *arg;               /**< for scenario */
	/** Choices in a run that are varied, up to HM_EXPLORE_DEPTH_MAX; later ones go in turn. */
	uint32_t depth;
	uint32_t runs; /**< at most */
};

/** What was found. */
struct hm_explored {
	uint32_t runs; /**< different orders that ran */
	/** There are no others. False also where one has failed, and where HM_ORDER has named the one. */
	bool is_complete;
	bool cut_by_runs; /**< there are others: hm_explore_config.runs was reached */
	/** Behind the depth there seemed to be other ways, which were not gone: all orders up to there ran, unless cut_by_runs. */
	bool cut_by_depth;
	/** The order that has failed: lcores as digits, and from 10 on letters; "" if none did. */
	char order[HM_EXPLORE_DEPTH_MAX + 1];
	char text[HM_EXPLORE_TEXT_MAX]; /**< its failure; "" if none did */
};

/**
 * Run a scenario in all orders of lcores, up to bounds.
 *
 * A failure is told by hm_kit_config.fail, when the search is over; by default it is printed, and the process aborts. That a bound
 * has cut the search is no failure: @p explored says it; without one a line on standard error.
 *
 * Context: any thread; runs receive functions. Ownership: the configuration is only read.
 *
 * @param config          must not be NULL
 * @param[out] explored   may be NULL; written whenever a run was made
 * @return 0: no run has failed, whether all were made or not; -EPROTO: one has; -EINVAL: @p config or its scenario is NULL, real
 *         time, depth beyond its limit, more lcores than HM_EXPLORE_LCORES_MAX, or HM_ORDER is no order, which is
 *         printed to standard error; or as hm_kit_create
 */
__attribute__((warn_unused_result))
int hm_explore(const struct hm_explore_config *config, struct hm_explored *explored);

#ifdef __cplusplus
}
#endif

#endif /* HM_EXPLORE_H */
