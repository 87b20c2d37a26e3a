/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_STOP_ASK_H
#define TEST_ENGINE_STOP_ASK_H

/*
 * An actor that asks while it stops, and those around it.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

#define TIMEOUT_US 1000000u
#define KEPT_MAX   8u

/* The actor that stops and asks, a child of it, one that watches it, and one that answers when it is told to. */
static struct hmt_probe asker, child, watcher, keeper;
static struct hmt_node node;
static struct hm_pid kept[KEPT_MAX];
static uint32_t kept_count;

/* What the reply functions have seen. */
static struct {
	uint32_t count, timeouts;
	uint64_t sum;
	uint32_t asker_had_stopped;
} replies;

static inline void
keep(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && kept_count < KEPT_MAX)
		kept[kept_count++] = hm_sender(ctx);
}

static inline void
answer(struct hm_ctx *ctx, void *number)
{
	cr_assert_gt(kept_count, 0);
	(void)hm_send(ctx, kept[--kept_count], HMT_NUMBER, number);
}

static inline void
answer_one(uint64_t number)
{
	hmt_do(&node, keeper.pid, answer, &number);
}

static inline void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	replies.count++;
	replies.timeouts += result == HM_FUTURE_TIMEOUT;
	replies.asker_had_stopped += hmt_seen_count(&asker, HM_STOPPED);
	if (reply != NULL && hm_msg_type(reply) == HMT_NUMBER)
		replies.sum += *(const uint64_t *)hm_msg_body(reply);
}

static inline void
ask_by(struct hm_ctx *ctx, hm_reply_fn *fn)
{
	const uint64_t number = 1;

	cr_assert_eq(hm_ask(ctx, keeper.pid, HMT_NUMBER, &number, TIMEOUT_US, fn, NULL), HM_OK);
}

static inline void
ask_at(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == *(const uint16_t *)probe->arg)
		ask_by(ctx, on_reply);
}

static const uint16_t at_stopping = HM_STOPPING, at_stopped = HM_STOPPED, at_restarting = HM_RESTARTING,
		      at_terminated = HM_TERMINATED;

static inline void
watch_asker(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_watch(ctx, asker.pid), HM_OK);
}

static inline void
child_spawn(struct hm_ctx *ctx, void *lcore)
{
	cr_assert_eq(hmt_probe_child(ctx, &child, *(const uint32_t *)lcore, NULL), 0);
}

static inline void
start_with(void (*on_msg)(struct hm_ctx *, struct hmt_probe *, const struct hm_msg *), const uint16_t *at,
	   const struct hm_props *props)
{
	struct hmt_probe *probe = &asker;

	asker = (struct hmt_probe){ .on_msg = on_msg, .arg = (void *)(uintptr_t)at };
	child = watcher = (struct hmt_probe){ 0 };
	keeper = (struct hmt_probe){ .on_msg = keep };
	memset(&replies, 0, sizeof(replies));
	kept_count = 0;
	hmt_node_start_with(&node, 2, 0, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, props != NULL ? props : hmt_probe_props(0), "asker", &probe,
				     &asker.pid),
		     0);
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	hmt_probe_spawn(&node, &keeper, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_do(&node, watcher.pid, watch_asker, NULL);
}

static inline void
start(void (*on_msg)(struct hm_ctx *, struct hmt_probe *, const struct hm_msg *), const uint16_t *at)
{
	start_with(on_msg, at, NULL);
}

static inline void
stop_asker(void)
{
	cr_assert_eq(hm_system_stop_actor(node.sys, asker.pid), 0);
	hmt_turn_until_idle(&node);
}

static inline void
ended_check(enum hm_terminated_reason reason)
{
	const struct hmt_seen *terminated = hmt_seen_last(&watcher, HM_TERMINATED);

	cr_assert_eq(hmt_seen_count(&asker, HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	cr_assert_eq(terminated->terminated.reason, reason);
	cr_assert_eq(replies.asker_had_stopped, 0);
}

static inline void
waits_check(void)
{
	cr_assert_eq(hmt_seen_count(&asker, HM_STOPPING), 1);
	cr_assert_eq(hmt_seen_count(&asker, HM_STOPPED), 0);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 0);
}

#endif /* TEST_ENGINE_STOP_ASK_H */
