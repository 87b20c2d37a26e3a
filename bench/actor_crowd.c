/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_crowd.h"

#include <errno.h>
#include <stdlib.h>

#include "bench_clock.h"

#define BATCH 1000

static void
member_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor_crowd *crowd = *(struct actor_crowd **)state;

	if (hm_msg_type(msg) != HM_STARTED || ++crowd->started < crowd->size)
		return;
	crowd->started_s = bench_clock_cpu_seconds();
	bench_node_check(crowd->node, ctx, hm_send(ctx, crowd->driver, ACTOR_CROWD_STARTED, NULL));
}

static void
more_ask(struct actor_crowd *crowd, struct hm_ctx *ctx)
{
	bench_node_check(crowd->node, ctx, hm_send(ctx, crowd->driver, ACTOR_CROWD_MORE, NULL));
}

static void
batch_spawn(struct actor_crowd *crowd, struct hm_ctx *ctx)
{
	static const struct hm_props props = {
		.receive = member_receive,
		.state_size = sizeof(struct actor_crowd *),
		.args_size = sizeof(struct actor_crowd *),
	};

	for (int i = 0; i < BATCH && crowd->spawned < crowd->size; i++, crowd->spawned++) {
		if (hm_spawn(ctx, &props, NULL, &crowd, &crowd->pids[crowd->spawned]) != 0) {
			bench_node_fail(crowd->node, ctx, "cannot spawn: out of memory or messages");
			return;
		}
	}
	if (crowd->spawned < crowd->size)
		more_ask(crowd, ctx);
}

static void
batch_stop(struct actor_crowd *crowd, struct hm_ctx *ctx)
{
	for (int i = 0; i < BATCH && crowd->told < crowd->size; i++, crowd->told++)
		hm_stop(ctx, crowd->pids[crowd->told]);
	if (crowd->told < crowd->size)
		more_ask(crowd, ctx);
}

int
actor_crowd_init(struct actor_crowd *crowd, struct bench_node *node, uint32_t size)
{
	int status = bench_node_type(node, ACTOR_CROWD_MORE, "more", 0);

	if (status == 0)
		status = bench_node_type(node, ACTOR_CROWD_STARTED, "started", 0);
	if (status != 0)
		return status;
	*crowd = (struct actor_crowd){ .node = node, .size = size };
	crowd->pids = calloc(size, sizeof(*crowd->pids));
	if (crowd->pids == NULL)
		return -ENOMEM;
	/* touched now, so that its page faults and memory are not counted as the actors' */
	for (uint32_t i = 0; i < size; i++)
		crowd->pids[i].node = 1;
	return 0;
}

void
actor_crowd_fini(struct actor_crowd *crowd)
{
	free(crowd->pids);
	crowd->pids = NULL;
}

void
actor_crowd_spawn(struct actor_crowd *crowd, struct hm_ctx *ctx)
{
	crowd->driver = hm_self(ctx);
	crowd->spawned = crowd->started = crowd->told = 0;
	crowd->start_s = bench_clock_cpu_seconds();
	batch_spawn(crowd, ctx);
}

void
actor_crowd_stop(struct actor_crowd *crowd, struct hm_ctx *ctx)
{
	batch_stop(crowd, ctx);
}

void
actor_crowd_go_on(struct actor_crowd *crowd, struct hm_ctx *ctx)
{
	if (crowd->spawned < crowd->size)
		batch_spawn(crowd, ctx);
	else
		batch_stop(crowd, ctx);
}
