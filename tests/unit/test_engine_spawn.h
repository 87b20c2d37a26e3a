/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_SPAWN_H
#define TEST_ENGINE_SPAWN_H

/*
 * Actors that spawn as they are told, and actors that only count themselves.
 */

#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

/* What an actor spawns. */
struct order {
	const struct hm_props *props;
	const char *name;
	const void *args;
	uint32_t count;
	int rc; /* of the last one */
	uint32_t done;
	struct hm_pid pid; /* of the last one */
};

static inline void
spawn_order(struct hm_ctx *ctx, void *arg)
{
	struct order *order = arg;

	for (uint32_t i = 0; i < order->count; i++) {
		order->rc = hm_spawn(ctx, order->props, order->name, order->args, &order->pid);
		order->done += order->rc == 0;
	}
}

/* An actor that only counts itself. */
static inline void
counted_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint32_t *alive = *(uint32_t **)state;

	(void)ctx;
	if (hm_msg_type(msg) == HM_STARTED)
		(*alive)++;
	else if (hm_msg_type(msg) == HM_STOPPED)
		(*alive)--;
}

#define COUNTED(where)                                                        \
	{                                                                     \
		.receive = counted_receive, .state_size = sizeof(uint32_t *), \
		.args_size = sizeof(uint32_t *), .lcore = (where)             \
	}

static const struct hm_props counted_here = COUNTED(HM_LCORE_SAME), counted_there = COUNTED(HM_LCORE(1)),
			     counted_any = COUNTED(HM_LCORE_ANY);

#endif /* TEST_ENGINE_SPAWN_H */
