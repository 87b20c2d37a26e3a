/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIMER_LOAD_H
#define TIMER_LOAD_H

/**
 * @file
 * What timers have to get along with: actors of the same lcore that always have messages, each of
 * which takes a microsecond.
 *
 *     actor ── TIMER_LOAD_WORK ──▶ another actor ── TIMER_LOAD_WORK ──▶ ...    for ever
 *
 * The same number of messages is always under way, so the run queue never is empty; until the end, when
 * all of them are taken out, so that none is left as a dead letter.
 */

#include <stdint.h>

#include "bench_node.h"

/** Type that the actors send to each other. */
#define TIMER_LOAD_WORK (HM_TYPE_USER + 100)

struct timer_load {
	struct bench_node *node;
	struct hm_pid *pids;
	uint32_t actors;
	uint64_t spin_ticks; /**< of a handler */
	uint64_t under_way;  /**< messages */
	struct hm_pid owner; /**< whom to tell that there are none any more */
	uint16_t told;       /**< by this type; 0: the end has not come */
};

/** Register the type. @return 0 or negative errno, printed */
__attribute__((warn_unused_result))
int timer_load_init(struct timer_load *load, struct bench_node *node, uint32_t actors);

void timer_load_fini(struct timer_load *load);

/** Spawn the actors, and give each so many messages to pass on. Fails by bench_node_fail. */
void timer_load_start(struct timer_load *load, struct hm_ctx *ctx, uint32_t depth);

/** Take all messages out, and tell the running actor when that is done, by a message of that type. */
void timer_load_end(struct timer_load *load, struct hm_ctx *ctx, uint16_t type);

#endif /* TIMER_LOAD_H */
