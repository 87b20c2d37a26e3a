/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage of middleware that fails with messages under way: what becomes of them.
 */
#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "test_engine_middleware_turn.h"

TestSuite(engine_middleware_fail, .init = hmt_eal_start);

static struct hm_msg *kept;
static struct hm_future future;

static void
do_send_big(struct hm_ctx *ctx, void *arg)
{
	char big[HMT_BIG_BYTES] = { 0 };

	(void)arg;
	(void)hm_request(ctx, other.pid, HMT_BIG, big);
}

static void
do_send_made(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "key", "value"), HM_OK);
	(void)hm_msg_request(ctx, other.pid, msg);
}

static void
do_send_buffer(struct hm_ctx *ctx, void *arg)
{
	struct hm_buffer *buffer;

	(void)arg;
	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), 100, &buffer), 0);
	(void)hm_send_buffer(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, buffer);
}

static void
do_ask(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_ask(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, hmt_ignore_reply, NULL);
}

static void
do_ask_made(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_ask(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0), 1000, hmt_ignore_reply, NULL);
}

static void
do_request_future(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_request_future(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, &future);
}

static void
do_forward(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_forward(ctx, other.pid);
}

static void
do_keep_and_forward(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
	(void)hm_msg_forward(ctx, other.pid, kept);
}

static void (*const deeds[])(struct hm_ctx *ctx, void *arg) = {
	do_send, do_send_big, do_send_made, do_send_buffer, do_ask, do_ask_made, do_request_future, do_spawn,
};

/* Each kind, as often as would show what is lost; what was sent before the failure has been sent. */
static void
deeds_fail(void)
{
	enum {
		TIMES = 20
	};

	for (size_t i = 0; i < RTE_DIM(deeds); i++) {
		uint64_t failed = hmt_stats(&node).failed, dead = hmt_stats(&node).dead[HM_DEAD_FAILED];

		for (uint32_t j = 0; j < TIMES; j++)
			hmt_do(&node, actor.pid, deeds[i], NULL);
		cr_assert_eq(hmt_stats(&node).failed, failed + TIMES, "deed %zu", i);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], dead + TIMES, "deed %zu", i);
		hmt_books_check(node.sys);
	}
	hmt_elapse(&node, 2000);
	cr_assert_eq(hmt_seen_count(&other, HMT_BIG), fails == BEHIND ? TIMES : 0);
}

/* Others, and the actor itself, are as before. */
static void
goes_on(void)
{
	fails = NEVER;
	counts_clear();
	other.count = 0;
	hmt_do(&node, other.pid, do_send, NULL);
	cr_assert_eq(sent, 0, "another one has no stages");
	hmt_do(&node, actor.pid, do_send, NULL);
	cr_assert_eq(sent, 1);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 2);
}

Test(engine_middleware_fail, fail__around_what_is_sent_and_spawned_loses_nothing, .timeout = 60)
{
	for (uint32_t i = 0; i < 4; i++) {
		node_start();
		by_signal = (i & 1) != 0;
		fails = (i & 2) != 0 ? BEHIND : BEFORE;
		deeds_fail();
		goes_on();
		hmt_node_end(&node);
	}
}

static struct hm_msg *made;

static void
make(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	made = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_not_null(made);
}

static void
made_send(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_send(ctx, other.pid, made);
}

static void
made_ask(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_ask(ctx, other.pid, made, 1000, hmt_ignore_reply, NULL);
}

static void
made_respond(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_respond(ctx, made);
}

static void
request_deed(struct hm_ctx *ctx, void *deed)
{
	cr_assert_eq(hm_request(ctx, actor.pid, HMT_DO, deed), HM_OK);
}

/* It was handed over, so the actor does not know it any more: it goes with the call. */
Test(engine_middleware_fail, fail__around_what_was_made_before_loses_it)
{
	static void (*const ways[])(struct hm_ctx * ctx, void *arg) = { made_send, made_ask, made_respond };

	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		struct hmt_deed deed = { ways[i], NULL };

		node_start();
		hmt_do(&node, actor.pid, make, NULL);
		fails = BEFORE;
		hmt_do(&node, other.pid, request_deed, &deed);
		cr_assert_eq(hmt_stats(&node).failed, 1);
		goes_on();
		hmt_stop(&node, actor.pid);
		hmt_node_end(&node);
	}
}

static void (*forward_how)(struct hm_ctx *ctx, void *arg);

static void
forward_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		forward_how(ctx, NULL);
}

/* Handed on before the failure, it is on its way; else it is a dead letter, or the actor has it still. */
static void
forward_fails(void (*how)(struct hm_ctx *ctx, void *arg), enum hm_dead_reason before)
{
	static const struct hm_middleware *const only_send[] = { &sending, NULL };
	struct hmt_probe *probe = &actor;

	for (uint32_t i = 0; i < 4; i++) {
		hmt_node_start(&node, 2);
		node.sys->guardian.supervisor = &resume;
		start(hmt_probe_props(0));
		actor = (struct hmt_probe){ .on_msg = forward_number };
		forward_how = how;
		props.middleware = only_send;
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
		hmt_turn_until_idle(&node);
		by_signal = (i & 1) != 0;
		fails = (i & 2) != 0 ? BEHIND : BEFORE;
		hmt_number(&node, actor.pid, 5);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_stats(&node).failed, 1);
		cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), fails == BEHIND);
		hmt_stop(&node, actor.pid);
		cr_assert_eq(hmt_stats(&node).dead[before], fails == BEFORE);
		hmt_node_end(&node);
	}
}

Test(engine_middleware_fail, fail__around_what_is_handed_on_loses_nothing)
{
	forward_fails(do_forward, HM_DEAD_FAILED);
	/* Kept in the call that failed, it is the actor's until that ends. */
	forward_fails(do_keep_and_forward, HM_DEAD_STOPPED);
}

Test(engine_middleware_fail, fail__around_what_is_received_loses_it_alone)
{
	for (uint32_t i = 0; i < 4; i++) {
		node_start();
		by_signal = (i & 1) != 0;
		fails = (i & 2) != 0 ? BEHIND : BEFORE;
		for (uint32_t j = 0; j < 5; j++)
			hmt_number(&node, actor.pid, j);
		hmt_turn_until_idle(&node);
		cr_assert_eq(received, 5);
		cr_assert_eq(hmt_stats(&node).failed, 5);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 5);
		cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), fails == BEHIND ? 5 : 0);
		goes_on();
		hmt_node_end(&node);
	}
}
