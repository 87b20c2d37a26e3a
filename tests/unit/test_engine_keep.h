/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_KEEP_H
#define TEST_ENGINE_KEEP_H

/*
 * An actor on the first lcore that keeps all numbers, and another one on the last lcore.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "actor_pvt.h"
#include "hm_keep.h"
#include "hm_type.h"
#include "hmt_actor.h"
#include "hmt_types.pb-c.h"

/* A protobuf type: Hmt__Tree. */
#define TREE HMT_TYPE_NEXT

/* More than an actor that ends gives back in one portion. */
#define MANY (2 * HMI_SYSTEM_PORTION + 3)

static struct scene {
	struct hmt_node node;
	struct hmt_probe keeper, other;
	struct hm_msg *kept[MANY];
	uint32_t count;
	enum hm_future_result result;
	uint64_t answer;
	uint32_t calls; /* of the reply function */
} scene;

static inline void
keep(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *kept = NULL;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER && hm_msg_type(msg) != TREE)
		return;
	cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
	cr_assert_eq(kept, msg);
	scene.kept[scene.count++] = kept;
}

static inline void
scene_start(uint32_t lcores)
{
	static const struct hm_type tree = { .id = TREE, .descriptor = &hmt__tree__descriptor };

	memset(&scene, 0, sizeof(scene));
	scene.keeper.on_msg = keep;
	hmt_node_start(&scene.node, lcores);
	cr_assert_eq(hm_type_register(scene.node.sys, &tree), 0);
	hmt_probe_spawn(&scene.node, &scene.keeper, 0, NULL);
	hmt_probe_spawn(&scene.node, &scene.other, lcores - 1, NULL);
	hmt_turn_until_idle(&scene.node);
}

static inline void
numbers_keep(uint32_t count)
{
	uint32_t before = scene.count;

	for (uint64_t i = 0; i < count; i++)
		hmt_number(&scene.node, scene.keeper.pid, i);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(scene.count, before + count);
}

static inline void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	scene.calls++;
	scene.result = result;
	scene.answer = reply != NULL ? *(const uint64_t *)hm_msg_body(reply) : 0;
}

#define SECOND UINT64_C(1000000)

static inline void
ask(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 5;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, scene.keeper.pid, HMT_NUMBER, &number, SECOND, on_reply, NULL), HM_OK);
}

/* Others answer requests with ten times the number. */
static inline void
respond(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER || hm_pid_is_none(hm_sender(ctx)))
		return;
	number = 10 * *(const uint64_t *)hm_msg_body(msg);
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

static inline void
forward_all(struct hm_ctx *ctx, void *to)
{
	for (uint32_t i = 0; i < scene.count; i++)
		cr_assert_eq(hm_msg_forward(ctx, *(struct hm_pid *)to, scene.kept[i]), HM_OK);
	scene.count = 0;
}

#endif /* TEST_ENGINE_KEEP_H */
