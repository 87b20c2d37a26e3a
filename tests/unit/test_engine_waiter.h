/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_WAITER_H
#define TEST_ENGINE_WAITER_H

/*
 * The owner of a future on lcore 0, and one who waits on each lcore.
 */

#include "test_engine_memory.h"
#include "test_engine_shared.h"

struct scene {
	struct hmt_node node;
	struct hmt_probe owner, waiters[3];
	struct making making;
	struct wait waits[3];
	uint32_t live; /* slots that are taken, without futures */
};

/* Links of those who wait for futures. */
static inline uint32_t
waits_live(const struct scene *s)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < s->node.sys->lcores_count; i++) {
		const struct hmi_links *links = &s->node.sys->lcores[i]->links;

		for (uint32_t bucket = 0; bucket <= links->mask; bucket++) {
			for (const struct hmi_link *link = links->buckets[bucket]; link != NULL;
			     link = link->hash_next)
				live += link->kind == HMI_LINK_WAITER || link->kind == HMI_LINK_PIPE;
		}
	}
	return live;
}

static inline void
start(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 3);
	hmt_probe_spawn(&s->node, &s->owner, 0, NULL);
	for (uint32_t i = 0; i < 3; i++)
		hmt_probe_spawn(&s->node, &s->waiters[i], i, NULL);
	hmt_turn_until_idle(&s->node);
	s->live = cells_live(&s->node);
	s->making.timeout_us = 1000;
	hmt_do(&s->node, s->owner.pid, future_make, &s->making);
}

static inline void
wait_all(struct scene *s)
{
	for (uint32_t i = 0; i < 3; i++) {
		s->waits[i] = (struct wait){ .future = s->making.future };
		hmt_do(&s->node, s->waiters[i].pid, wait_begin, &s->waits[i]);
		cr_assert_eq(s->waits[i].result, HM_OK);
	}
}

/* To all who wait. */
static inline struct piping
piping_of(const struct scene *s)
{
	return (struct piping){ .future = s->making.future,
				.pids = { s->waiters[0].pid, s->waiters[1].pid, s->waiters[2].pid },
				.count = 3 };
}

/* arg: struct hm_pid * */
static inline void
request_number(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 1;

	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number), HM_OK);
}

#endif /* TEST_ENGINE_WAITER_H */
