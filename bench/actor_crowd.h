/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOR_CROWD_H
#define ACTOR_CROWD_H

/**
 * @file
 * Many idle actors, spawned in batches and stopped in batches by a driver actor.
 *
 *     driver ── hm_spawn × 1,000 ──▶ members       one batch for each ACTOR_CROWD_MORE, which
 *        ▲                             │           the driver sends to itself
 *        └── ACTOR_CROWD_STARTED ◀── the last one to start
 *
 * All of them run on the driver's lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bench_node.h"

/** Types that the driver receives, and hands to actor_crowd_go_on. */
enum {
	ACTOR_CROWD_MORE = HM_TYPE_USER + 100, /**< the driver to itself: next batch */
	ACTOR_CROWD_STARTED,                   /**< all have handled HM_STARTED */
};

struct actor_crowd {
	struct bench_node *node;
	struct hm_pid *pids;
	struct hm_pid driver;
	uint32_t size;
	uint32_t spawned, started, told; /**< told: asked to stop */
	double start_s, started_s;       /**< CPU time when the first was spawned, when the last started */
};

/** @return 0 or negative errno, printed */
__attribute__((warn_unused_result))
int actor_crowd_init(struct actor_crowd *crowd, struct bench_node *node, uint32_t size);

void actor_crowd_fini(struct actor_crowd *crowd);

/** Begin to spawn. The driver receives ACTOR_CROWD_STARTED when all have started. */
void actor_crowd_spawn(struct actor_crowd *crowd, struct hm_ctx *ctx);

/** Begin to stop. The driver receives one HM_TERMINATED for each member. */
void actor_crowd_stop(struct actor_crowd *crowd, struct hm_ctx *ctx);

/** Spawn or stop the next batch; to be called on ACTOR_CROWD_MORE. */
void actor_crowd_go_on(struct actor_crowd *crowd, struct hm_ctx *ctx);

#endif /* ACTOR_CROWD_H */
