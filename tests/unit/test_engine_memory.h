/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MEMORY_H
#define TEST_ENGINE_MEMORY_H

/*
 * A node with little message memory, and an actor that takes all of it.
 */

#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

#define LITTLE (256u << 10)
#define FEW    (LITTLE / 64)

/* All that an actor could get, and what it was told when there was no more. */
struct hoard {
	struct hm_msg *msgs[FEW + 1];
	uint32_t count;
	struct hm_pid to;
	enum hm_result send, ask, after;
	uint32_t ends;
	enum hm_future_result result;
};

static inline void
on_hoard_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	struct hoard *hoard = arg;

	(void)ctx;
	(void)state;
	(void)reply;
	hoard->ends++;
	hoard->result = result;
}

/* What hm_msg_new has refused when all is taken: one of each size. */
#define REFUSED 2u

/* Small ones and those of the class that control messages come from. */
static inline void
hoard_all(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	static const size_t extras[REFUSED] = { 0, 60 };

	for (size_t i = 0; i < RTE_DIM(extras); i++) {
		struct hm_msg *msg;

		while ((msg = hm_msg_new(ctx, HMT_NUMBER, extras[i])) != NULL)
			hoard->msgs[hoard->count++] = msg;
	}
}

static inline void
hoard_use(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	hoard_all(ctx, arg);
	hoard->send = hm_send(ctx, hoard->to, HMT_NUMBER, &number);
	hoard->ask = hm_ask(ctx, hoard->to, HMT_NUMBER, &number, 1000, on_hoard_reply, hoard);
	hoard->after = hm_send_after(ctx, hoard->to, HMT_NUMBER, &number, 1, 0, NULL);
}

static inline void
hoard_free(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;

	while (hoard->count > 0)
		hm_msg_free(ctx, hoard->msgs[--hoard->count]);
}

/* What each actor of a scene does with all messages taken: by hand, since a deed is a message too. */
static inline void
do_now(struct hmt_node *node, struct hm_pid who, void (*fn)(struct hm_ctx *ctx, void *arg), void *arg)
{
	struct hm_ctx *ctx = node->sys->lcores[hm_pid_lcore(who)];

	ctx->cell = hmi_cell_live(ctx, who.local);
	fn(ctx, arg);
	ctx->cell = NULL;
}

/* A node with little memory, and a probe on its last lcore. */
static inline void
one_start(struct hmt_node *node, uint32_t lcores, struct hmt_probe *probe)
{
	hmt_node_start_with(node, lcores, LITTLE, NULL);
	hmt_probe_spawn(node, probe, lcores - 1, NULL);
	hmt_turn_until_idle(node);
}

/* A node with little memory, a probe on its lcore 0, and another one on lcore 1, which is returned. */
static inline struct hm_pid
two_start(struct hmt_node *node, struct hmt_probe *probe, struct hmt_probe *other)
{
	hmt_node_start_with(node, 2, LITTLE, NULL);
	hmt_probe_spawn(node, other, 1, NULL);
	hmt_probe_spawn(node, probe, 0, NULL);
	hmt_turn_until_idle(node);
	return other->pid;
}

#endif /* TEST_ENGINE_MEMORY_H */
