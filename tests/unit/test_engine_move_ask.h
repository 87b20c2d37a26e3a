/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MOVE_ASK_H
#define TEST_ENGINE_MOVE_ASK_H

/*
 * An actor that asks, of another one that answers when it is told, and that moves meanwhile.
 */
#include "hm_future.h"
#include "test_engine_move.h"

#define TIMEOUT_US 10000u
#define NUMBER     4711u
#define BUSY       12u /* messages before the answer */
#define QUEUED     20u /* more than it handles while it is told to move */
#define PAIR       2u

enum kind {
	ASK,
	BATCH,
	OWN_FUTURE,
	OTHERS_FUTURE,
	KINDS,
};

/* What its function was called with. */
struct heard {
	uint32_t calls, where;
	enum hm_future_result result;
	uint64_t number;
};

struct scene {
	struct hmt_node node;
	struct hmt_probe mover, answerer, other;
	struct hm_pid askers[8]; /* whom the answerer is to answer */
	uint32_t askers_count;
	struct hm_future future;
	struct heard heard;
	enum kind kind;
	uint32_t live, links; /* before it asks */
};

static struct scene scene;

static inline void
keep_asker(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_sender(ctx)))
		scene.askers[scene.askers_count++] = hm_sender(ctx);
}

static inline void
answer(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = NUMBER;

	(void)arg;
	for (uint32_t i = 0; i < scene.askers_count; i++)
		cr_assert_eq(hm_send(ctx, scene.askers[i], HMT_NUMBER, &number), HM_OK);
}

static inline void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct heard *heard = arg;

	cr_assert_eq(*(struct hmt_probe **)state, &scene.mover, "its own state");
	cr_assert(hm_pid_equal(hm_self(ctx), scene.mover.pid));
	heard->calls++;
	heard->result = result;
	heard->where = hm_lcore(ctx);
	if (scene.kind == BATCH) {
		cr_assert_not_null(reply);
		cr_assert_eq(hm_replies_answered(reply), result == HM_FUTURE_REPLY ? PAIR : 0);
		reply = hm_replies_get(reply, PAIR - 1);
	}
	cr_assert_eq(reply != NULL, result == HM_FUTURE_REPLY);
	if (reply != NULL)
		heard->number = *(const uint64_t *)hm_msg_body(reply);
}

/* Of the mover, or of another actor. */
static inline void
make_future(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	cr_assert_eq(hm_request_future(ctx, scene.answerer.pid, HMT_NUMBER, &number, TIMEOUT_US,
				       &scene.future),
		     HM_OK);
}

static inline void
ask(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;
	struct hm_batch_request requests[PAIR] = { { scene.answerer.pid, HMT_NUMBER, &number },
						   { scene.answerer.pid, HMT_NUMBER, &number } };
	struct hm_batch batch = { .requests = requests,
				  .count = PAIR,
				  .timeout_us = TIMEOUT_US,
				  .on_end = on_end,
				  .arg = &scene.heard };

	(void)arg;
	switch (scene.kind) {
	case ASK:
		cr_assert_eq(hm_ask(ctx, scene.answerer.pid, HMT_NUMBER, &number, TIMEOUT_US, on_end,
				    &scene.heard),
			     HM_OK);
		break;
	case BATCH:
		cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
		break;
	case OWN_FUTURE:
		make_future(ctx, NULL);
		cr_assert_eq(hm_reenter_after(ctx, scene.future, on_end, &scene.heard), HM_OK);
		break;
	default:
		cr_assert_eq(hm_reenter_after(ctx, scene.future, on_end, &scene.heard), HM_OK);
		break;
	}
}

static inline uint32_t
live_all(void)
{
	return (uint32_t)hmt_lcores_sum(&scene.node, hmt_slots_live);
}

static inline uint64_t
links(const struct hm_ctx *ctx)
{
	return ctx->links.count;
}

static inline uint32_t
links_all(void)
{
	return (uint32_t)hmt_lcores_sum(&scene.node, links);
}

static inline void
scene_start(enum kind kind, uint32_t home)
{
	memset(&scene, 0, sizeof(scene));
	scene.kind = kind;
	scene.answerer.on_msg = keep_asker;
	/* A message in each turn, so that others wait. */
	hmt_node_start_with(&scene.node, LCORES, 0, "--quantum 1");
	hmt_probe_spawn(&scene.node, &scene.answerer, 3, NULL);
	hmt_probe_spawn(&scene.node, &scene.other, 2, NULL);
	hmt_probe_spawn(&scene.node, &scene.mover, home, NULL);
	hmt_turn_until_idle(&scene.node);
	scene.live = live_all();
	scene.links = links_all();
	if (kind == OTHERS_FUTURE)
		hmt_do(&scene.node, scene.other.pid, make_future, NULL);
	hmt_do(&scene.node, scene.mover.pid, ask, NULL);
}

static inline void
cancel(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_future_cancel(ctx, scene.future);
}

static inline void
release(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_future_release(ctx, scene.future);
}

static inline void
send_deed(struct hm_pid to, void (*fn)(struct hm_ctx *ctx, void *arg))
{
	struct hmt_deed deed = { fn, NULL };

	cr_assert_eq(hm_system_send(scene.node.sys, to, HMT_DO, &deed), HM_OK);
}

#endif /* TEST_ENGINE_MOVE_ASK_H */
