/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are made again, one after the other and side by side.
 */
#include <criterion/criterion.h>

#include "hm_move.h"
#include "hm_retry.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_random.h"

TestSuite(engine_retry, .init = hmt_eal_start);

/* ---- Waiting times ------------------------------------------------------------------------ */

/* In the reference they are nanoseconds, and grow by the attempt's number alone (6.2). */
Test(engine_retry, backoff__doubles_up_to_the_longest)
{
	static const struct hm_backoff plain = { .min_us = 100, .max_us = 3000 };
	static const uint64_t expected[] = { 100, 200, 400, 800, 1600, 3000, 3000 };
	static const struct hm_backoff none = { .min_us = 0, .jitter = 100 };
	static const struct hm_backoff above = { .min_us = 9000, .max_us = 3000 };
	static const struct hm_backoff far = { .min_us = UINT64_MAX / 2 + 1, .max_us = UINT64_MAX };
	static const struct hm_backoff hour = { .min_us = 1 };

	for (uint32_t i = 0; i < 7; i++)
		cr_assert_eq(hm_backoff_us(&plain, i, 12345), expected[i]);
	cr_assert_eq(hm_backoff_us(&plain, UINT32_MAX, 0), 3000);
	cr_assert_eq(hm_backoff_us(&none, UINT32_MAX, 7), 0);
	cr_assert_eq(hm_backoff_us(&above, 0, 7), 3000);
	cr_assert_eq(hm_backoff_us(&far, 5, 7), UINT64_MAX);
	cr_assert_eq(hm_backoff_us(&hour, 31, 7), UINT64_C(1) << 31);
	cr_assert_eq(hm_backoff_us(&hour, 32, 7), 3600000000);
}

Test(engine_retry, backoff__jitter)
{
	static const struct hm_backoff some = { .min_us = 1000, .max_us = 1000, .jitter = 30 };
	static const struct hm_backoff all = { .min_us = 1000, .max_us = 1000, .jitter = 200 };
	uint64_t seed = 4, least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		uint64_t us = hm_backoff_us(&some, 0, hmt_random(&seed));

		least = us < least ? us : least;
		most = us > most ? us : most;
		cr_assert_leq(hm_backoff_us(&all, 0, hmt_random(&seed)), 1000);
	}
	cr_assert_eq(least, 700);
	cr_assert_eq(most, 1000);
}

/* ---- What is asked ------------------------------------------------------------------------- */

/* Answers, or not. */
struct server {
	struct hmt_probe probe;
	uint32_t silent; /* requests that it does not answer */
	uint32_t asked;
};

static void
serve(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct server *server = probe->arg;
	uint64_t answer;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	answer = 100 * ++server->asked + *(const uint64_t *)hm_msg_body(msg);
	if (server->asked > server->silent)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &answer), HM_OK);
}

static void
server_spawn(struct hmt_node *node, struct server *server, uint32_t lcore, uint32_t silent)
{
	server->probe = (struct hmt_probe){ .on_msg = serve, .arg = server };
	server->asked = 0;
	server->silent = silent;
	hmt_probe_spawn(node, &server->probe, lcore, NULL);
}

struct question {
	struct hm_retry retry;
	struct hm_hedge hedge; /* count 0: it is a retry */
	struct hm_pid to;
	enum hm_result result;
	uint32_t answers;
	enum hm_future_result how;
	uint64_t number;
	bool fails; /* the function does */
};

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct question *q = arg;

	(void)state;
	q->answers++;
	q->how = result;
	cr_assert_eq(reply != NULL, result == HM_FUTURE_REPLY);
	q->number = reply != NULL ? *(const uint64_t *)hm_msg_body(reply) : 0;
	if (q->fails)
		hm_fail(ctx, "on purpose");
}

static void
ask(struct hm_ctx *ctx, void *arg)
{
	struct question *q = arg;
	uint64_t number = 7;

	if (q->hedge.count > 0)
		q->result = hm_hedge_ask(ctx, &q->hedge, HMT_NUMBER, &number, on_answer, q);
	else
		q->result = hm_retry_ask(ctx, q->to, HMT_NUMBER, &number, &q->retry, on_answer, q);
}

static struct hmt_probe asker;
static struct server servers[3];

static const struct hm_retry four = { .attempts = 4,
				      .timeout_us = 1000,
				      .backoff = { .min_us = 500, .max_us = 2000 } };

static void
retry_start(struct hmt_node *node, struct question *q, uint32_t silent)
{
	hmt_node_start(node, 2);
	server_spawn(node, &servers[0], 1, silent);
	hmt_probe_spawn(node, &asker, 0, NULL);
	*q = (struct question){ .retry = four, .to = servers[0].probe.pid };
	hmt_do(node, asker.pid, ask, q);
	cr_assert_eq(q->result, HM_OK);
}

Test(engine_retry, retry__first_answer_ends_it)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, 0);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.number, 107);
	hmt_elapse(&node, 1000000);
	cr_assert_eq(servers[0].asked, 1);
	cr_assert_eq(q.answers, 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_retry, retry__waits_longer_each_time)
{
	/* Time-outs and waiting times, in turns. */
	static const uint64_t asked_us[] = { 0, 1500, 3500, 6500 };
	struct question q;
	struct hmt_node node;
	uint64_t us = 0;

	retry_start(&node, &q, 3);
	for (uint32_t i = 1; i < 4; i++) {
		for (; us < asked_us[i] - 10; us += 10)
			hmt_elapse(&node, 10);
		cr_assert_eq(servers[0].asked, i, "before %lu us", us);
		for (; us < asked_us[i] + 100; us += 10)
			hmt_elapse(&node, 10);
		cr_assert_eq(servers[0].asked, i + 1, "after %lu us", us);
	}
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.how, HM_FUTURE_REPLY);
	cr_assert_eq(q.number, 407);
	hmt_node_end(&node);
}

Test(engine_retry, retry__gives_up_after_the_last)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, UINT32_MAX);
	for (uint32_t i = 0; i < 100; i++)
		hmt_elapse(&node, 500);
	cr_assert_eq(servers[0].asked, 4);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.how, HM_FUTURE_TIMEOUT);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_retry, retry__dead_letters_and_who_comes_back)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, 0);
	hmt_stop(&node, servers[0].probe.pid);
	q.answers = 0;
	hmt_do(&node, asker.pid, ask, &q);
	for (uint32_t i = 0; i < 100; i++)
		hmt_elapse(&node, 500);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.how, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 4, "without waiting for the time-outs");
	hmt_node_end(&node);
}

Test(engine_retry, retry__ends_with_its_actor)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, UINT32_MAX);
	/* While it waits for an answer, and while it waits to ask again. */
	for (uint32_t us = 700; us <= 1400; us += 700) {
		static struct hmt_probe other;

		hmt_probe_spawn(&node, &other, 0, NULL);
		servers[0].asked = 0;
		hmt_do(&node, other.pid, ask, &q);
		hmt_elapse(&node, us);
		hmt_stop(&node, other.pid);
		hmt_elapse(&node, 20000);
	}
	cr_assert_leq(q.answers, 1, "that of the first one");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_retry, retry__function_that_fails)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, 0);
	q.fails = true;
	hmt_do(&node, asker.pid, ask, &q);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	cr_assert_eq(q.answers, 2);
	q.fails = false;
	hmt_do(&node, asker.pid, ask, &q);
	cr_assert_eq(q.answers, 3, "it was restarted");
	hmt_node_end(&node);
}

Test(engine_retry, retry__moves_with_its_actor)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, 2);
	hmt_elapse(&node, 300);
	cr_assert_eq(hm_system_move(node.sys, asker.pid, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	for (uint32_t i = 0; i < 60; i++)
		hmt_elapse(&node, 100);
	cr_assert_eq(servers[0].asked, 3);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.number, 307);
	hmt_node_end(&node);
}

/* ---- Side by side ------------------------------------------------------------------------------ */

static void
hedge_start(struct hmt_node *node, struct question *q, struct hm_pid *to, const uint32_t silent[3])
{
	hmt_node_start(node, 2);
	for (uint32_t i = 0; i < 3; i++) {
		server_spawn(node, &servers[i], i % 2, silent[i]);
		to[i] = servers[i].probe.pid;
	}
	hmt_probe_spawn(node, &asker, 0, NULL);
	*q = (struct question){ .hedge = { .to = to, .count = 3, .delay_us = 1000, .timeout_us = 10000 } };
}

static uint32_t
asked(void)
{
	return servers[0].asked + servers[1].asked + servers[2].asked;
}

Test(engine_retry, hedge__the_first_answers)
{
	static const uint32_t silent[3] = { 0, 0, 0 };
	struct hm_pid to[3];
	struct question q;
	struct hmt_node node;

	hedge_start(&node, &q, to, silent);
	hmt_do(&node, asker.pid, ask, &q);
	cr_assert_eq(q.result, HM_OK);
	cr_assert_eq(q.answers, 1);
	hmt_elapse(&node, 1000000);
	cr_assert_eq(asked(), 1);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_retry, hedge__another_is_asked_after_the_delay)
{
	static const uint32_t silent[3] = { 9, 9, 0 };
	struct hm_pid to[3];
	struct question q;
	struct hmt_node node;

	hedge_start(&node, &q, to, silent);
	hmt_do(&node, asker.pid, ask, &q);
	hmt_elapse(&node, 990);
	cr_assert_eq(asked(), 1);
	hmt_elapse(&node, 20);
	cr_assert_eq(asked(), 2);
	hmt_elapse(&node, 970);
	cr_assert_eq(asked(), 2);
	cr_assert_eq(q.answers, 0);
	hmt_elapse(&node, 50);
	cr_assert_eq(asked(), 3);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.number, 107);
	/* The others' time is up, and nobody is told. */
	hmt_elapse(&node, 100000);
	cr_assert_eq(q.answers, 1);
	hmt_node_end(&node);
}

Test(engine_retry, hedge__nobody_answers_in_time)
{
	static const uint32_t silent[3] = { 9, 9, 9 };
	struct hm_pid to[3];
	struct question q;
	struct hmt_node node;

	hedge_start(&node, &q, to, silent);
	hmt_do(&node, asker.pid, ask, &q);
	for (uint32_t i = 0; i < 9; i++)
		hmt_elapse(&node, 1100);
	cr_assert_eq(q.answers, 0);
	hmt_elapse(&node, 200);
	cr_assert_eq(q.answers, 1, "all of them by the one deadline");
	cr_assert_eq(q.how, HM_FUTURE_TIMEOUT);
	hmt_elapse(&node, 100000);
	cr_assert_eq(q.answers, 1);
	hmt_node_end(&node);
}

Test(engine_retry, hedge__who_is_gone_is_followed_at_once)
{
	static const uint32_t silent[3] = { 0, 0, 0 };
	struct hm_pid to[3];
	struct question q;
	struct hmt_node node;

	hedge_start(&node, &q, to, silent);
	hmt_stop(&node, to[0]);
	hmt_stop(&node, to[1]);
	hmt_do(&node, asker.pid, ask, &q);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(q.how, HM_FUTURE_REPLY);
	hmt_stop(&node, to[2]);
	hmt_do(&node, asker.pid, ask, &q);
	hmt_elapse(&node, 20000);
	cr_assert_eq(q.answers, 2);
	cr_assert_eq(q.how, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&node);
}

Test(engine_retry, hedge__all_at_once)
{
	static const uint32_t silent[3] = { 9, 0, 0 };
	struct hm_pid to[3];
	struct question q;
	struct hmt_node node;

	hedge_start(&node, &q, to, silent);
	q.hedge.delay_us = 0;
	hmt_do(&node, asker.pid, ask, &q);
	cr_assert_eq(asked(), 3);
	cr_assert_eq(q.answers, 1);
	hmt_elapse(&node, 20000);
	cr_assert_eq(q.answers, 1);
	/* It ends with its actor, in all states. */
	servers[1].silent = servers[2].silent = 99;
	q.hedge.delay_us = 1000;
	hmt_do(&node, asker.pid, ask, &q);
	hmt_elapse(&node, 1100);
	hmt_stop(&node, asker.pid);
	hmt_elapse(&node, 20000);
	cr_assert_eq(q.answers, 1);
	hmt_node_end(&node);
}

Test(engine_retry, hedge__function_that_fails)
{
	static const uint32_t silent[3] = { 9, 0, 0 };
	struct hm_pid to[3];
	struct question q;
	struct hmt_node node;

	hedge_start(&node, &q, to, silent);
	q.fails = true;
	hmt_do(&node, asker.pid, ask, &q);
	hmt_elapse(&node, 1100);
	cr_assert_eq(q.answers, 1);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	hmt_elapse(&node, 100000);
	hmt_node_end(&node);
}

/* ---- Misuse ------------------------------------------------------------------------------------- */

static void
misuse(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid to[2] = { *(struct hm_pid *)arg, hm_pid_none() };
	struct hm_retry retry = four;
	struct hm_hedge hedge = { .to = to, .count = 2, .timeout_us = 1 };
	struct question q;

	cr_assert_eq(hm_retry_ask(ctx, to[0], HMT_EMPTY, NULL, NULL, on_answer, &q), HM_INVALID);
	cr_assert_eq(hm_retry_ask(ctx, to[0], HMT_EMPTY, NULL, &retry, NULL, &q), HM_INVALID);
	cr_assert_eq(hm_retry_ask(ctx, to[1], HMT_EMPTY, NULL, &retry, on_answer, &q), HM_NO_RECEIVER);
	cr_assert_eq(hm_retry_ask(ctx, to[0], HMT_TYPE_NEXT, NULL, &retry, on_answer, &q), HM_UNKNOWN_TYPE);
	retry.attempts = 0;
	cr_assert_eq(hm_retry_ask(ctx, to[0], HMT_EMPTY, NULL, &retry, on_answer, &q), HM_INVALID);
	retry = four;
	retry.timeout_us = 0;
	cr_assert_eq(hm_retry_ask(ctx, to[0], HMT_EMPTY, NULL, &retry, on_answer, &q), HM_INVALID);
	retry = four;
	retry.backoff.jitter = 101;
	cr_assert_eq(hm_retry_ask(ctx, to[0], HMT_EMPTY, NULL, &retry, on_answer, &q), HM_INVALID);
	cr_assert_eq(hm_hedge_ask(ctx, NULL, HMT_EMPTY, NULL, on_answer, &q), HM_INVALID);
	cr_assert_eq(hm_hedge_ask(ctx, &hedge, HMT_EMPTY, NULL, on_answer, &q), HM_INVALID, "nobody");
	hedge.count = HM_HEDGE_MAX + 1;
	cr_assert_eq(hm_hedge_ask(ctx, &hedge, HMT_EMPTY, NULL, on_answer, &q), HM_INVALID);
	hedge.count = 0;
	cr_assert_eq(hm_hedge_ask(ctx, &hedge, HMT_EMPTY, NULL, on_answer, &q), HM_INVALID);
	hedge.count = 1;
	cr_assert_eq(hm_hedge_ask(ctx, &hedge, HMT_EMPTY, NULL, NULL, &q), HM_INVALID);
	cr_assert_eq(hm_hedge_ask(ctx, &hedge, HMT_TYPE_NEXT, NULL, on_answer, &q), HM_UNKNOWN_TYPE);
	hedge.timeout_us = 0;
	cr_assert_eq(hm_hedge_ask(ctx, &hedge, HMT_EMPTY, NULL, on_answer, &q), HM_INVALID);
}

Test(engine_retry, misuse__is_answered)
{
	struct question q;
	struct hmt_node node;

	retry_start(&node, &q, 0);
	hmt_do(&node, asker.pid, misuse, &servers[0].probe.pid);
	cr_assert_eq(hmt_stats(&node).failed, 0);
	hmt_node_end(&node);
}
