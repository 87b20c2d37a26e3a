/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passivation of an actor with futures that have a handle: it waits for those that have not ended, and for no others.
 */
#include <criterion/criterion.h>

#include "hm_future.h"
#include "hm_move.h"
#include "hm_passivation.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_passivation_future, .init = hmt_eal_start, .timeout = 60);

#define IDLE_US 8000u
#define LONG_US (4 * IDLE_US)

static struct hmt_node node;
static struct hmt_probe actor, other;
static struct hm_pid asker;
static struct hm_future future;

static void
asker_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		asker = hm_sender(ctx);
}

static void
idle_set(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_passivation_set(ctx, IDLE_US), HM_OK);
}

/* `actor`, which is to be passive, and `other`, which answers when it is told to, both on lcore 0. */
static void
start(void)
{
	actor = (struct hmt_probe){ 0 };
	other = (struct hmt_probe){ .on_msg = asker_note };
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &actor, 0, NULL);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_do(&node, actor.pid, idle_set, NULL);
}

static bool
has_stopped_after(uint64_t us)
{
	for (uint64_t at = 0; at < us; at += 100)
		hmt_elapse(&node, 100);
	return hmt_seen_count(&actor, HM_STOPPED) == 1;
}

static void
request(struct hm_ctx *ctx, void *timeout_us)
{
	cr_assert_eq(hm_request_future(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 },
				       *(const uint64_t *)timeout_us, &future),
		     HM_OK);
}

static void
promise(struct hm_ctx *ctx, void *timeout_us)
{
	cr_assert_eq(hm_future_new(ctx, *(const uint64_t *)timeout_us, &future), HM_OK);
}

static void
answer(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, asker, HMT_NUMBER, &(uint64_t){ 2 }), HM_OK);
}

static void
cancel(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_future_cancel(ctx, future);
}

static void
release(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_future_release(ctx, future);
}

Test(engine_passivation_future, pending__puts_it_off_until_the_answer)
{
	uint64_t timeout_us = 1000000;

	start();
	hmt_do(&node, actor.pid, request, &timeout_us);
	cr_assert_not(has_stopped_after(LONG_US));
	hmt_do(&node, other.pid, answer, NULL);
	/* It is kept, and nobody has taken it. */
	cr_assert(has_stopped_after(2 * IDLE_US));
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_passivation_future, pending__puts_it_off_until_its_time_is_up)
{
	static void (*const ways[])(struct hm_ctx *, void *) = { request, promise };
	uint64_t timeout_us = LONG_US;

	for (uint32_t i = 0; i < RTE_DIM(ways); i++) {
		start();
		hmt_do(&node, actor.pid, ways[i], &timeout_us);
		cr_assert_not(has_stopped_after(LONG_US - 1000), "%u", i);
		cr_assert(has_stopped_after(2 * IDLE_US), "%u", i);
		hmt_node_end(&node);
	}
}

Test(engine_passivation_future, cancelled__puts_it_off_no_more)
{
	uint64_t timeout_us = 1000000;

	start();
	hmt_do(&node, actor.pid, request, &timeout_us);
	cr_assert_not(has_stopped_after(LONG_US));
	hmt_do(&node, actor.pid, cancel, NULL);
	cr_assert(has_stopped_after(2 * IDLE_US));
	hmt_node_end(&node);
}

Test(engine_passivation_future, released__puts_it_off_while_it_is_pending)
{
	uint64_t timeout_us = 1000000;

	start();
	hmt_do(&node, actor.pid, request, &timeout_us);
	hmt_do(&node, actor.pid, release, NULL);
	cr_assert_not(has_stopped_after(LONG_US));
	hmt_do(&node, other.pid, answer, NULL);
	cr_assert(has_stopped_after(2 * IDLE_US));
	hmt_node_end(&node);
}

static void
actor_move(void)
{
	cr_assert_eq(hm_system_move(node.sys, actor.pid, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HM_MOVED), 1);
}

/* What it has left behind: a claim says whether that had ended. */
Test(engine_passivation_future, move__of_one_that_has_ended)
{
	uint64_t timeout_us = 1000000;

	start();
	hmt_do(&node, actor.pid, request, &timeout_us);
	hmt_do(&node, other.pid, answer, NULL);
	actor_move();
	cr_assert(has_stopped_after(2 * IDLE_US));
	hmt_node_end(&node);
}

Test(engine_passivation_future, move__of_one_that_is_pending)
{
	uint64_t timeout_us = 1000000;

	start();
	hmt_do(&node, actor.pid, request, &timeout_us);
	actor_move();
	cr_assert_not(has_stopped_after(LONG_US));
	hmt_do(&node, other.pid, answer, NULL);
	cr_assert_not(has_stopped_after(LONG_US), "its lcore is not told, but by who releases it");
	hmt_do(&node, actor.pid, release, NULL);
	cr_assert(has_stopped_after(2 * IDLE_US));
	hmt_node_end(&node);
}
