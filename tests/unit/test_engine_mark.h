/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MARK_H
#define TEST_ENGINE_MARK_H

/*
 * Two probes on one lcore, and calls that one of them makes.
 */

#include <criterion/criterion.h>

#include "hm_offload.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

static struct hmt_probe actor, other;

static const uint64_t number = 1;

static inline void
node_with_two(struct hmt_node *node)
{
	actor = other = (struct hmt_probe){ 0 };
	hmt_node_start(node, 1);
	hmt_probe_spawn(node, &actor, 0, "actor");
	hmt_probe_spawn(node, &other, 0, NULL);
	hmt_turn_until_idle(node);
}

static inline void
work(const struct hm_work *self, void *args, void *result)
{
	(void)self;
	(void)args;
	(void)result;
}

/* Where nothing is mapped, and aligned as any structure, so that an access faults rather than being refused. */
static inline void *
bad(void)
{
	return (void *)(uintptr_t)1024;
}

static inline void
break_box(struct hm_ctx *ctx)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, other.pid.local);

	cell->box.head = cell->box.tail = bad();
}

#define CALL(name, ...)                             \
	static inline void name(struct hm_ctx *ctx) \
	{                                           \
		__VA_ARGS__;                        \
	}

CALL(send_small, (void)hm_send(ctx, other.pid, HMT_NUMBER, &number))
CALL(ask, (void)hm_ask(ctx, other.pid, HMT_NUMBER, &number, 1000, hmt_ignore_reply, NULL))

#endif /* TEST_ENGINE_MARK_H */
