/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines of every kind of request: with a handle, in a batch, of an automatically answered type, of an external
 * thread; and of a request that was stashed.
 */
#include "hm_behaviour.h"
#include "hm_call.h"
#include "hmt_eal.h"
#include "test_engine_future.h"

TestSuite(engine_deadline_kinds, .init = hmt_eal_start);

#define TIMEOUT_US 1000u
#define ANSWERED   0x600u /* a type that is answered for all actors */

/* Messages that come first, on each of which the receiver spends the time of a timeout. */
#define BUSY 4u

struct scene {
	struct hmt_node node;
	struct hmt_probe asker, receiver;
	struct hm_pid to;
	bool is_slow;
	uint32_t ends; /* functions that were called */
	enum hm_future_result result;
};

static struct scene scene;

static void
spend_time(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY && scene.is_slow)
		scene.node.now_ns += TIMEOUT_US * 1000;
}

static void
answer_done(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	cr_assert_eq(hm_respond(ctx, ANSWERED, hm_msg_body(msg)), HM_OK);
}

static void
begin(uint32_t lcore, bool is_slow)
{
	static const struct hm_type answered = {
		.id = ANSWERED, .name = "answered", .size = sizeof(uint64_t), .auto_respond = answer_done
	};

	scene = (struct scene){ .receiver = { .on_msg = spend_time }, .is_slow = is_slow };
	hmt_node_start_with(&scene.node, 2, 0, "--quantum 1");
	cr_assert_eq(hm_type_register(scene.node.sys, &answered), 0);
	hmt_probe_spawn(&scene.node, &scene.asker, 0, NULL);
	scene.to = hmt_probe_spawn(&scene.node, &scene.receiver, lcore, NULL);
	hmt_turn_until_idle(&scene.node);
}

static void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	scene.ends++;
	scene.result = result;
}

static void
keep_busy(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; i < BUSY; i++)
		cr_assert_eq(hm_send(ctx, scene.to, HMT_EMPTY, NULL), HM_OK);
}

/* What a deed has asked is received if there is time, and dropped if there is none; on one lcore, and across two. */
static void
cr_expect_dropped_when_late(void (*ask_it)(struct hm_ctx *ctx, void *arg), uint16_t type, uint32_t requests)
{
	for (uint32_t run = 0; run < 4; run++) {
		bool is_late = run / 2 != 0;

		begin(run % 2, is_late);
		hmt_do(&scene.node, scene.asker.pid, ask_it, NULL);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_EMPTY), BUSY);
		cr_assert_eq(hmt_seen_count(&scene.receiver, type), is_late ? 0 : requests, "run %u", run);
		cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED], is_late ? requests : 0);
		if (is_late)
			cr_assert(scene.ends == 1 && scene.result == HM_FUTURE_TIMEOUT, "run %u: %u, %u", run,
				  scene.ends, scene.result);
		hmt_node_end(&scene.node);
	}
}

static void
request_future(struct hm_ctx *ctx, void *arg)
{
	struct hm_future future;

	(void)arg;
	keep_busy(ctx);
	cr_assert_eq(hm_request_future(ctx, scene.to, HMT_NUMBER, NULL, TIMEOUT_US, &future), HM_OK);
	cr_assert_eq(hm_reenter_after(ctx, future, on_end, NULL), HM_OK);
}

Test(engine_deadline_kinds, request_future__an_expired_request_is_not_received)
{
	cr_expect_dropped_when_late(request_future, HMT_NUMBER, 1);
}

static void
ask_batch(struct hm_ctx *ctx, void *arg)
{
	struct hm_batch_request requests[3] = {
		{ .to = scene.to, .type = HMT_NUMBER },
		{ .to = scene.to, .type = HMT_NUMBER },
		{ .to = scene.to, .type = HMT_NUMBER },
	};
	struct hm_batch batch = {
		.requests = requests, .count = 3, .timeout_us = TIMEOUT_US, .on_end = on_end
	};

	(void)arg;
	keep_busy(ctx);
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
}

Test(engine_deadline_kinds, ask_batch__expired_requests_are_not_received)
{
	cr_expect_dropped_when_late(ask_batch, HMT_NUMBER, 3);
}

static void
ask_answered(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	keep_busy(ctx);
	cr_assert_eq(hm_ask(ctx, scene.to, ANSWERED, NULL, TIMEOUT_US, on_end, NULL), HM_OK);
}

Test(engine_deadline_kinds, ask__of_a_type_that_is_answered_automatically)
{
	cr_expect_dropped_when_late(ask_answered, ANSWERED, 1);
	begin(0, false);
	hmt_do(&scene.node, scene.asker.pid, ask_answered, NULL);
	cr_assert_eq(scene.ends, 1);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	hmt_node_end(&scene.node);
}

/* In a stepped system the clock is another one than the machine's. The request waits in a lane. */
Test(engine_deadline_kinds, system_request__an_expired_request_is_not_received)
{
	for (uint32_t is_late = 0; is_late < 2; is_late++) {
		uint64_t number = 1;
		struct hm_call *call;

		begin(1, false);
		cr_assert_eq(hm_system_request(scene.node.sys, scene.to, HMT_NUMBER, &number, TIMEOUT_US,
					       &call),
			     0);
		hmt_elapse(&scene.node, is_late ? 2 * TIMEOUT_US : TIMEOUT_US / 2);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 1 - is_late);
		cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED], is_late);
		hm_call_free(call);
		hmt_node_end(&scene.node);
	}
}

/* ---- Stashed ------------------------------------------------------------------------------------- */

static void
stash_numbers(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	/* Taken out of the stash it comes a second time. */
	if (hm_msg_type(msg) == HMT_NUMBER && hmt_seen_count(probe, HMT_NUMBER) == 1)
		cr_assert_eq(hm_stash(ctx), HM_OK);
}

static void
ask_number(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, scene.to, HMT_NUMBER, NULL, TIMEOUT_US, on_end, NULL), HM_OK);
}

static void
unstash(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_unstash_all(ctx), 1);
}

Test(engine_deadline_kinds, unstash__a_request_that_has_expired_meanwhile_is_not_received)
{
	for (uint32_t run = 0; run < 4; run++) {
		bool is_late = run / 2 != 0;

		begin(run % 2, false);
		scene.receiver.on_msg = stash_numbers;
		hmt_do(&scene.node, scene.asker.pid, ask_number, NULL);
		hmt_elapse(&scene.node, is_late ? 2 * TIMEOUT_US : TIMEOUT_US / 2);
		hmt_do(&scene.node, scene.receiver.pid, unstash, NULL);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), is_late ? 1 : 2, "run %u", run);
		cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED], is_late);
		hmt_node_end(&scene.node);
	}
}
