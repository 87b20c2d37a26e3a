/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of patterns that hand messages on, with stages of middleware around that: what is refused there, or found by a stage
 * that fails, is a dead letter once, and the process goes on.
 */
#include "hm_dedup_stage.h"
#include "hm_fan.h"
#include "hm_limit.h"
#include "hm_pipeline.h"
#include "hm_workers.h"
#include "test_engine_pattern.h"

TestSuite(engine_pattern_stages, .init = hmt_eal_start, .timeout = 60);

#define HOLD HMT_TYPE_NEXT
#define DONE (HMT_TYPE_NEXT + 1)
#define MANY 20u

static struct hmt_node node;
static struct hmt_probe owner, sink;
static struct hm_pid process;

static const struct hm_middleware *const stages[] = { &stage_inherited, NULL };

/* `owner`, whose children have the stage, and go on or begin anew when they fail, and `sink` without any. */
static void
start_with(const struct hm_middleware *const *with, const struct hm_supervisor *supervisor)
{
	static const struct hm_type hold = { .id = HOLD, .name = "hold", .size = sizeof(uint64_t) },
				    done = { .id = DONE, .name = "done", .size = sizeof(uint64_t) };

	sink = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_type_register(node.sys, &hold), 0);
	cr_assert_eq(hm_type_register(node.sys, &done), 0);
	hmt_probe_spawn(&node, &sink, 1, NULL);
	staged_spawn(&node, &owner, with, supervisor);
	stage_set(GOES_ON, 0, 0);
}

static void
numbers(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		hmt_number(&node, process, i);
	hmt_turn_until_idle(&node);
}

static uint64_t
dead(enum hm_dead_reason reason)
{
	return hmt_stats(&node).dead[reason];
}

static uint32_t
arrived(void)
{
	return hmt_seen_count(&sink, HMT_NUMBER);
}

static void
end(void)
{
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* Who has asked is told what becomes of it. */
static enum hm_future_result answered;
static uint32_t answers;

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	answered = result;
	answers++;
}

static void
ask(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, process, HMT_NUMBER, &(uint64_t){ 1 }, 1000000, on_answer, NULL), HM_OK);
}

static void
ask_and_be_refused(void)
{
	answers = 0;
	stage_set(REFUSES, 1, UINT32_MAX);
	hmt_do(&node, sink.pid, ask, NULL);
	cr_assert_eq(answers, 1);
	cr_assert_eq(answered, HM_FUTURE_DEAD_LETTER);
}

/* ---- Throttles -------------------------------------------------------------------------------- */

static void
throttle_spawn(struct hm_ctx *ctx, void *arg)
{
	const struct hm_throttle throttle = { sink.pid, 1000, 1 };

	(void)arg;
	cr_assert_eq(hm_throttle_spawn(ctx, &throttle, NULL, &process), 0);
}

static void
throttle_run(const struct hm_supervisor *supervisor, enum deed deed, uint32_t first, uint32_t last)
{
	start_with(stages, supervisor);
	hmt_do(&node, owner.pid, throttle_spawn, NULL);
	stage_set(deed, first, last);
	numbers(MANY);
	for (uint32_t ms = 0; ms < 2 * MANY; ms++)
		hmt_elapse(&node, 1002);
}

Test(engine_pattern_stages, throttle__stage_that_fails)
{
	static const enum deed failures[] = { FAILS_BEFORE, FAILS_BEHIND, FAULTS };
	static const struct hm_supervisor *const supervisors[] = { &stage_resume, NULL };

	for (uint32_t i = 0; i < 2 * RTE_DIM(failures); i++) {
		enum deed deed = failures[i / 2];

		throttle_run(supervisors[i % 2], deed, 3, 3);
		cr_assert_eq(hmt_stats(&node).failed, 1);
		cr_assert_eq(dead(HM_DEAD_FAILED), deed != FAILS_BEHIND);
		cr_assert_eq(arrived(), MANY - dead(HM_DEAD_FAILED), "deed %u, %u", deed, i % 2);
		cr_assert_eq(hmt_dead(&node), dead(HM_DEAD_FAILED), "it stays at its rate");
		end();
	}
}

Test(engine_pattern_stages, throttle__what_is_refused_is_a_dead_letter)
{
	throttle_run(NULL, REFUSES, 2, 6);
	cr_assert_eq(dead(HM_DEAD_REFUSED), 5);
	cr_assert_eq(arrived(), MANY - 5);
	ask_and_be_refused();
	end();
	throttle_run(NULL, FINDS_NO_MEMORY, 1, 1);
	cr_assert_eq(dead(HM_DEAD_NO_MEMORY), 1);
	cr_assert_eq(arrived(), MANY - 1);
	end();
	/* Behind a stage that has handed it on it is not the throttle's any more. */
	throttle_run(NULL, LIES, 1, 1);
	cr_assert_eq(hmt_dead(&node), 0);
	cr_assert_eq(arrived(), MANY);
	end();
}

/* ---- Pools of workers --------------------------------------------------------------------------- */

static struct hm_pid worker;

static void
worker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const uint64_t one = 1;

	(void)state;
	worker = hm_self(ctx);
	if (hm_msg_type(msg) == HMT_NUMBER) {
		cr_assert_eq(hm_send(ctx, sink.pid, HMT_EMPTY, NULL), HM_OK);
		cr_assert_eq(hm_request(ctx, hm_parent(ctx), HOLD, &one), HM_OK);
	}
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_request(ctx, hm_parent(ctx), DONE, &one), HM_OK);
}

static void
pool_spawn(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props props = { .receive = worker_receive };
	const struct hm_workers workers = {
		.props = &props, .count = 1, .queue = 4, .hold = HOLD, .done = DONE, .hold_us = 1000000
	};

	(void)arg;
	cr_assert_eq(hm_workers_spawn(ctx, &workers, NULL, &process), 0);
}

static void
pool_start(const struct hm_middleware *const *with)
{
	start_with(with, NULL);
	hmt_do(&node, owner.pid, pool_spawn, NULL);
}

/* What the workers have had. */
static uint32_t
worked(void)
{
	return hmt_seen_count(&sink, HMT_EMPTY);
}

static void
worker_done(void)
{
	cr_assert_eq(hm_system_send(node.sys, worker, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
}

Test(engine_pattern_stages, workers__what_is_refused_is_a_dead_letter_and_leaves_its_place)
{
	pool_start(stages);
	ask_and_be_refused();
	stage_set(REFUSES, 1, 3);
	numbers(3);
	cr_assert_eq(dead(HM_DEAD_REFUSED), 4);
	cr_assert_eq(worked(), 0);
	numbers(1);
	cr_assert_eq(worked(), 1);
	end();
}

Test(engine_pattern_stages, workers__what_has_waited_and_is_refused)
{
	pool_start(stages);
	numbers(5);
	cr_assert_eq(worked(), 1);
	/* The next one takes the place of those that are refused. */
	stage_set(REFUSES, 1, 2);
	worker_done();
	cr_assert_eq(dead(HM_DEAD_REFUSED), 2);
	cr_assert_eq(worked(), 2);
	stage_set(FINDS_NO_MEMORY, 1, 1);
	worker_done();
	cr_assert_eq(dead(HM_DEAD_NO_MEMORY), 1);
	cr_assert_eq(worked(), 2);
	numbers(1);
	cr_assert_eq(worked(), 3);
	end();
}

Test(engine_pattern_stages, misuse__stage_that_has_handed_on_what_it_refuses)
{
	pool_start(stages);
	stage_set(LIES, 1, UINT32_MAX);
	numbers(1);
	stage_set(GOES_ON, 0, 0);
	numbers(2);
	stage_set(LIES, 1, UINT32_MAX);
	worker_done();
	cr_assert_eq(hmt_dead(&node), 0);
	end();
}

/* ---- A stage in front that goes on twice ----------------------------------------------------------- */

static void
receive_twice(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	bool is_number = hm_msg_type(msg) == HMT_NUMBER;

	(void)arg;
	hm_receive_next(ctx, state, msg, next);
	if (is_number)
		hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware doubling = { .receive = receive_twice, .inherited = true };

static const struct hm_middleware *const twice[] = { &doubling, &stage_inherited, NULL };

/* What is refused, or handed on, cannot be refused again. */
Test(engine_pattern_stages, misuse__twice_in_front_of_a_pool)
{
	pool_start(twice);
	stage_set(REFUSES, 1, 1);
	numbers(1);
	cr_assert_eq(dead(HM_DEAD_REFUSED), 1);
	for (uint32_t i = 0; i < 3; i++)
		numbers(4);
	cr_assert_eq(hmt_dead(&node), 1 + 12 - 5, "one is worked on, four wait");
	end();
}

Test(engine_pattern_stages, misuse__twice_in_front_of_a_throttle)
{
	start_with(twice, NULL);
	hmt_do(&node, owner.pid, throttle_spawn, NULL);
	numbers(MANY);
	for (uint32_t ms = 0; ms < 3 * MANY; ms++)
		hmt_elapse(&node, 1002);
	cr_assert_eq(arrived(), MANY);
	cr_assert_eq(hmt_dead(&node), 0);
	end();
}

/* ---- Pipelines ---------------------------------------------------------------------------------- */

static void
step_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_send(ctx, *(const struct hm_pid *)state, HMT_EMPTY, NULL), HM_OK);
}

static void
pipeline_spawn(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props props = { .receive = step_receive,
					       .state_size = sizeof(struct hm_pid),
					       .args_size = sizeof(struct hm_pid) };
	static const struct hm_stage step = { .props = &props };
	const struct hm_pipeline pipeline = { .stages = &step, .count = 1, .to = sink.pid };

	(void)arg;
	cr_assert_eq(hm_pipeline_spawn(ctx, &pipeline, NULL, &process), 0);
}

Test(engine_pattern_stages, pipeline__what_is_refused_is_a_dead_letter)
{
	start_with(stages, NULL);
	hmt_do(&node, owner.pid, pipeline_spawn, NULL);
	ask_and_be_refused();
	stage_set(REFUSES, 2, 3);
	numbers(4);
	cr_assert_eq(dead(HM_DEAD_REFUSED), 3);
	cr_assert_eq(worked(), 2);
	end();
}

/* ---- Fans ----------------------------------------------------------------------------------------- */

static uint32_t joined;

static void
join(struct hm_ctx *ctx, void *arg, enum hm_future_result result, const struct hm_msg *replies)
{
	(void)ctx;
	(void)arg;
	(void)replies;
	joined += result == HM_FUTURE_DEAD_LETTER;
}

static void
fan_spawn(struct hm_ctx *ctx, void *arg)
{
	const struct hm_fan fan = {
		.to = &sink.pid, .count = 1, .in_flight = 1, .timeout_us = 1000000, .join = join
	};

	(void)arg;
	cr_assert_eq(hm_fan_spawn(ctx, &fan, NULL, &process), 0);
}

Test(engine_pattern_stages, fan__stage_that_refuses_or_fails)
{
	static const enum deed deeds[] = { REFUSES, FAILS_BEFORE, FAILS_BEHIND, FAULTS };

	for (uint32_t i = 0; i < RTE_DIM(deeds); i++) {
		joined = 0;
		start_with(stages, &stage_resume);
		hmt_do(&node, owner.pid, fan_spawn, NULL);
		stage_set(deeds[i], 1, 1);
		numbers(1);
		cr_assert_eq(joined, deeds[i] == REFUSES);
		cr_assert_eq(dead(HM_DEAD_FAILED), deeds[i] != REFUSES);
		/* Its place is free. */
		numbers(1);
		cr_assert_eq(arrived(), deeds[i] == FAILS_BEHIND ? 2 : 1);
		end();
	}
}

/* ---- Deduplication in front of them ---------------------------------------------------------------- */

static bool
number_key(const struct hm_msg *msg, uint64_t *key, void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return false;
	*key = *(const uint64_t *)hm_msg_body(msg);
	return true;
}

static const struct hm_dedup_stage once = { .key = number_key, .keys = 64, .memory_us = 1000000 };
static const struct hm_middleware once_stage = { HM_DEDUP_STAGE(&once), .inherited = true };

/* What a pool had no room for, or could not hand on, may come again. */
Test(engine_pattern_stages, dedup__what_the_pool_refuses_is_not_known)
{
	static const struct hm_middleware *const with[] = { &once_stage, &stage_inherited, NULL };

	pool_start(with);
	stage_set(REFUSES, 1, 1);
	numbers(1);
	cr_assert_eq(dead(HM_DEAD_REFUSED), 1);
	numbers(7);
	cr_assert_eq(worked(), 1);
	cr_assert_eq(dead(HM_DEAD_REJECTED), 2, "5 and 6");
	for (uint32_t i = 0; i < 5; i++)
		worker_done();
	numbers(7);
	cr_assert_eq(dead(HM_DEAD_REPEATED), 5, "0 to 4");
	worker_done();
	cr_assert_eq(worked(), 7);
	end();
}
