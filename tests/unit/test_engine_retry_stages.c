/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are made again, through stages of middleware that refuse them or fail: the function is called once if the actor
 * goes on, and not at all if it begins anew.
 */
#include <sys/mman.h>

#include "hm_retry.h"
#include "test_engine_pattern.h"

TestSuite(engine_retry_stages, .init = hmt_eal_start, .timeout = 60);

#define SERVERS 3u

/* Answers, or not. */
struct server {
	struct hmt_probe probe;
	uint32_t silent; /* requests that it does not answer */
	uint32_t asked;
};

static struct hmt_node node;
static struct hmt_probe asker;
static struct server servers[SERVERS];
static struct hm_pid pids[SERVERS];

static void
serve(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct server *server = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER && ++server->asked > server->silent)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

/* `asker` with the stage on lcore 0; if it fails it goes on, or begins anew. */
static void
start(bool goes_on, uint32_t silent)
{
	static const struct hm_middleware *const stages[] = { &stage_own, NULL };

	hmt_node_start(&node, 2);
	if (goes_on)
		node.sys->guardian.supervisor = &stage_resume;
	for (uint32_t i = 0; i < SERVERS; i++) {
		servers[i] =
			(struct server){ .probe = { .on_msg = serve, .arg = &servers[i] }, .silent = silent };
		hmt_probe_spawn(&node, &servers[i].probe, i % 2, NULL);
		pids[i] = servers[i].probe.pid;
	}
	staged_spawn(&node, &asker, stages, NULL);
}

static uint32_t
asked(void)
{
	return servers[0].asked + servers[1].asked + servers[2].asked;
}

/* ---- Questions -------------------------------------------------------------------------------- */

static struct {
	enum hm_result result; /* HM_UNKNOWN_TYPE: the call did not return */
	uint32_t answers;
	enum hm_future_result how;
} question;

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	cr_assert_eq(reply != NULL, result == HM_FUTURE_REPLY);
	cr_assert_eq(arg, &question);
	question.answers++;
	question.how = result;
}

static void
retry(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_retry four = { .attempts = 4,
					      .timeout_us = 1000,
					      .backoff = { .min_us = 500, .max_us = 2000 } };

	(void)arg;
	question.result =
		hm_retry_ask(ctx, pids[0], HMT_NUMBER, &(uint64_t){ 7 }, &four, on_answer, &question);
}

static uint64_t delay_us;

static void
hedge(struct hm_ctx *ctx, void *arg)
{
	const struct hm_hedge three = {
		.to = pids, .count = SERVERS, .delay_us = delay_us, .timeout_us = 10000
	};

	(void)arg;
	question.result = hm_hedge_ask(ctx, &three, HMT_NUMBER, &(uint64_t){ 7 }, on_answer, &question);
}

/* Ask, and wait until all is over. */
static void
ask(void (*how)(struct hm_ctx *ctx, void *arg), enum deed deed, uint32_t first, uint32_t last)
{
	memset(&question, 0, sizeof(question));
	question.result = HM_UNKNOWN_TYPE;
	stage_set(deed, first, last);
	hmt_do(&node, asker.pid, how, NULL);
	for (uint32_t i = 0; i < 400; i++)
		hmt_elapse(&node, 100);
}

/* Nothing of it is left at its actor. */
static void
end(void)
{
	cr_assert_null(hmi_cell_live(node.sys->lcores[0], asker.pid.local)->actor.owned);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* ---- A stage that fails ------------------------------------------------------------------------- */

static const enum deed failures[] = { FAILS_BEFORE, FAILS_BEHIND, FAULTS };

Test(engine_retry_stages, retry__stage_that_fails_and_the_actor_goes_on)
{
	for (uint32_t i = 0; i < RTE_DIM(failures); i++) {
		bool is_sent = failures[i] == FAILS_BEHIND;

		for (uint32_t at = 1; at <= 3; at++) {
			start(true, at - 1);
			ask(retry, failures[i], at, at);
			cr_assert_eq(hmt_stats(&node).failed, 1);
			cr_assert_eq(question.result, at == 1 ? HM_UNKNOWN_TYPE : HM_OK);
			cr_assert_eq(question.answers, 1, "deed %u at %u", failures[i], at);
			cr_assert_eq(question.how, HM_FUTURE_REPLY);
			/* What was not sent was not answered, and the next one is; what was sent is. */
			cr_assert_eq(asked(), at, "deed %u at %u", failures[i], at);
			cr_assert_eq(stage.count, is_sent ? at : at + 1);
			end();
		}
	}
}

Test(engine_retry_stages, retry__stage_that_fails_each_time)
{
	start(true, 0);
	ask(retry, FAILS_BEFORE, 1, UINT32_MAX);
	cr_assert_eq(hmt_stats(&node).failed, 4);
	cr_assert_eq(question.answers, 1);
	cr_assert_eq(question.how, HM_FUTURE_TIMEOUT);
	cr_assert_eq(asked(), 0);
	end();
}

Test(engine_retry_stages, retry__stage_that_fails_and_the_actor_begins_anew)
{
	for (uint32_t i = 0; i < RTE_DIM(failures); i++) {
		for (uint32_t at = 1; at <= 2; at++) {
			start(false, 1);
			ask(retry, failures[i], at, at);
			cr_assert_eq(hmt_stats(&node).failed, 1);
			cr_assert_eq(question.answers, 0);
			cr_assert_eq(asked(), failures[i] == FAILS_BEHIND ? at : at - 1);
			end();
		}
	}
}

Test(engine_retry_stages, hedge__stage_that_fails_and_the_actor_goes_on)
{
	for (uint32_t i = 0; i < RTE_DIM(failures); i++) {
		for (uint32_t at = 1; at <= 3; at++) {
			start(true, 1);
			delay_us = 1000;
			ask(hedge, failures[i], at, at);
			cr_assert_eq(hmt_stats(&node).failed, 1);
			cr_assert_eq(question.answers, 1, "deed %u at %u", failures[i], at);
			cr_assert_eq(question.how, HM_FUTURE_TIMEOUT);
			end();
		}
	}
}

Test(engine_retry_stages, hedge__stage_that_fails_where_another_answers)
{
	for (uint32_t i = 0; i < RTE_DIM(failures); i++) {
		for (uint32_t at = 2; at <= 3; at++) {
			start(true, 0);
			delay_us = 0;
			ask(hedge, failures[i], at, at);
			cr_assert_eq(hmt_stats(&node).failed, 1);
			cr_assert_eq(question.answers, 1, "deed %u at %u", failures[i], at);
			cr_assert_eq(question.how, HM_FUTURE_REPLY);
			end();
		}
	}
}

/* It is the answer of somebody who is gone that has the next one asked. */
Test(engine_retry_stages, hedge__stage_that_fails_behind_a_dead_letter)
{
	for (uint32_t i = 0; i < RTE_DIM(failures); i++) {
		start(true, 0);
		hmt_stop(&node, pids[0]);
		delay_us = 1000;
		ask(hedge, failures[i], 2, 2);
		cr_assert_eq(question.answers, 1, "deed %u", failures[i]);
		cr_assert_eq(question.how, HM_FUTURE_REPLY);
		end();
	}
}

Test(engine_retry_stages, hedge__stage_that_fails_and_the_actor_begins_anew)
{
	for (uint32_t i = 0; i < RTE_DIM(failures); i++) {
		for (uint32_t at = 1; at <= 3; at++) {
			start(false, 1);
			delay_us = 1000;
			ask(hedge, failures[i], at, at);
			cr_assert_eq(hmt_stats(&node).failed, 1);
			cr_assert_eq(question.answers, 0);
			end();
		}
	}
}

/* ---- A stage that refuses ------------------------------------------------------------------------ */

Test(engine_retry_stages, refused__the_first_one_is_told_to_the_caller)
{
	static void (*const ways[])(struct hm_ctx *, void *) = { retry, hedge };

	for (uint32_t i = 0; i < RTE_DIM(ways); i++) {
		start(true, 0);
		delay_us = 0;
		ask(ways[i], REFUSES, 1, UINT32_MAX);
		cr_assert_eq(question.result, HM_WOULD_BLOCK);
		cr_assert_eq(question.answers, 0);
		cr_assert_eq(hmt_stats(&node).failed, 0);
		end();
	}
}

Test(engine_retry_stages, refused__a_later_one_is_tried_again)
{
	start(true, 1);
	ask(retry, REFUSES, 2, 3);
	cr_assert_eq(question.result, HM_OK);
	cr_assert_eq(question.answers, 1);
	cr_assert_eq(question.how, HM_FUTURE_REPLY);
	cr_assert_eq(asked(), 2);
	end();
}

Test(engine_retry_stages, refused__all_later_ones_and_the_function_is_told)
{
	static const struct {
		enum deed deed;
		enum hm_future_result how;
	} kinds[] = { { REFUSES, HM_FUTURE_DEAD_LETTER }, { FINDS_NO_MEMORY, HM_FUTURE_NO_MEMORY } };

	for (uint32_t i = 0; i < RTE_DIM(kinds); i++) {
		start(true, 1);
		ask(retry, kinds[i].deed, 2, UINT32_MAX);
		cr_assert_eq(question.answers, 1);
		cr_assert_eq(question.how, kinds[i].how);
		cr_assert_eq(asked(), 1);
		end();
	}
}

/* Those that are refused are left out: the first that is not is asked at once. */
Test(engine_retry_stages, refused__one_of_those_who_are_asked)
{
	start(true, 0);
	delay_us = 1000;
	ask(hedge, REFUSES, 1, 2);
	cr_assert_eq(question.result, HM_OK);
	cr_assert_eq(question.answers, 1);
	cr_assert_eq(servers[2].asked, 1);
	end();
}

Test(engine_retry_stages, refused__after_the_delay_and_nobody_is_left)
{
	start(true, 1);
	delay_us = 1000;
	ask(hedge, REFUSES, 2, UINT32_MAX);
	cr_assert_eq(question.answers, 1);
	cr_assert_eq(question.how, HM_FUTURE_TIMEOUT, "that of the one who was asked");
	end();
}

/* What was sent is answered, whatever the stage says. */
Test(engine_retry_stages, misuse__stage_that_has_sent_what_it_refuses)
{
	static void (*const ways[])(struct hm_ctx *, void *) = { retry, hedge };

	for (uint32_t i = 0; i < RTE_DIM(ways); i++) {
		start(true, 0);
		delay_us = 0;
		ask(ways[i], LIES, 1, UINT32_MAX);
		cr_assert_eq(question.result, HM_OK);
		cr_assert_eq(question.answers, 1);
		cr_assert_eq(question.how, HM_FUTURE_REPLY);
		end();
	}
}

Test(engine_retry_stages, hidden__is_a_request_without_an_answer)
{
	start(true, 0);
	ask(retry, HIDES, 1, 1);
	cr_assert_eq(question.answers, 1);
	cr_assert_eq(question.how, HM_FUTURE_REPLY);
	cr_assert_eq(asked(), 1);
	end();
}

/* ---- Arguments, and nobody ----------------------------------------------------------------------- */

static void
nobody(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_retry once = { .attempts = 1, .timeout_us = 1000 };

	(void)arg;
	question.result =
		hm_retry_ask(ctx, hm_pid_none(), HMT_NUMBER, &(uint64_t){ 7 }, &once, on_answer, &question);
}

Test(engine_retry_stages, retry__of_nobody)
{
	start(true, 0);
	ask(nobody, GOES_ON, 0, 0);
	cr_assert_eq(question.result, HM_NO_RECEIVER);
	cr_assert_eq(question.answers, 0);
	cr_assert_eq(stage.count, 0);
	end();
}

static void
retry_bad(struct hm_ctx *ctx, void *bad)
{
	static const struct hm_retry once = { .attempts = 1, .timeout_us = 1000 };

	(void)hm_retry_ask(ctx, pids[0], HMT_BIG, bad, &once, on_answer, &question);
}

static void
hedge_bad(struct hm_ctx *ctx, void *bad)
{
	const struct hm_hedge all = { .to = pids, .count = SERVERS, .timeout_us = 10000 };

	(void)hm_hedge_ask(ctx, &all, HMT_BIG, bad, on_answer, &question);
}

/* A body that is no memory is the actor's fault, as of any call that sends. */
Test(engine_retry_stages, body__that_cannot_be_read)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(nowhere != MAP_FAILED);
	start(true, 0);
	hmt_do(&node, asker.pid, retry_bad, nowhere);
	hmt_do(&node, asker.pid, hedge_bad, nowhere);
	cr_assert_eq(hmt_stats(&node).failed, 2);
	end();
}
