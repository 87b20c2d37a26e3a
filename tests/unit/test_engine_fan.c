/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fans: one answer of many, and what becomes of messages when some do not answer.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hm_fan.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "test_engine_memory.h"

TestSuite(engine_fan, .init = hmt_eal_start);

#define PARTS 3u

/* Those that are asked; and what the function of the fan has seen. */
static struct hmt_probe owner, parts[PARTS];
static struct {
	uint32_t calls, answered;
	enum hm_future_result result, each[PARTS];
	bool fails;
} joined;

struct spawning {
	struct hm_fan fan;
	struct hm_pid pid;
	int rc;
};

static void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct spawning *s = arg;

	s->rc = hm_fan_spawn(ctx, &s->fan, NULL, &s->pid);
}

/* The sum. */
static void
join(struct hm_ctx *ctx, void *arg, enum hm_future_result result, const struct hm_msg *replies)
{
	uint64_t sum = *(const uint64_t *)arg;

	joined.calls++;
	joined.answered = hm_replies_answered(replies);
	joined.result = result;
	if (joined.fails)
		hm_fail(ctx, "no sum");
	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		const struct hm_msg *reply = hm_replies_get(replies, i);

		joined.each[i % PARTS] = hm_replies_result(replies, i);
		sum += reply != NULL ? *(const uint64_t *)hm_msg_body(reply) : 0;
	}
	(void)hm_respond(ctx, HMT_NUMBER, &sum);
}

/* A part answers by what it is asked, times its number. */
static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = *(const uint64_t *)hm_msg_body(msg) * (uint64_t)(probe - parts + 1);
	(void)hm_respond(ctx, HMT_NUMBER, &number);
}

static const uint64_t base = 1000;

/* Of messages; 0: the default. */
static uint64_t memory;

static void
fan_start(struct hmt_node *node, struct spawning *s, struct hm_fan fan)
{
	struct hm_pid to[PARTS];

	memset(&joined, 0, sizeof(joined));
	hmt_node_start_with(node, 2, memory, NULL);
	owner = (struct hmt_probe){ 0 };
	hmt_probe_spawn(node, &owner, 0, NULL);
	for (uint32_t i = 0; i < PARTS; i++) {
		parts[i] = (struct hmt_probe){ .on_msg = answer };
		to[i] = hmt_probe_spawn(node, &parts[i], i % 2, NULL);
	}
	s->fan = fan;
	s->fan.to = to; /* which does not outlive this function */
	s->fan.count = PARTS;
	s->fan.timeout_us = 1000;
	s->fan.join = join;
	s->fan.arg = (void *)(uintptr_t)&base;
	hmt_do(node, owner.pid, spawn, s);
	cr_assert_eq(s->rc, 0);
	memset(to, 0xff, sizeof(to));
}

static void
question_put(struct hmt_node *node, const struct spawning *s, struct hmt_question *q)
{
	*q = (struct hmt_question){ .to = s->pid, .type = HMT_NUMBER, .number = 5 };
	hmt_do(node, owner.pid, hmt_ask, q);
	hmt_turn_until_idle(node);
}

Test(engine_fan, work__one_answer_of_all)
{
	struct hmt_question q;
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ 0 });
	question_put(&node, &s, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_REPLY);
	cr_assert_eq(q.number, 1000 + 5 + 10 + 15);
	cr_assert_eq(joined.answered, PARTS);
	cr_assert_eq(joined.result, HM_FUTURE_REPLY);
	/* Each gets all, in order; without a sender, too. */
	for (uint64_t i = 0; i < 100; i++)
		hmt_number(&node, s.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(joined.calls, 101);
	for (uint32_t i = 0; i < PARTS; i++) {
		cr_assert_eq(hmt_seen_count(&parts[i], HMT_NUMBER), 101);
		for (uint64_t k = 0; k < 100; k++)
			cr_assert_eq(parts[i].seen[parts[i].count - 100 + k].number, k);
	}
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_fan, part__that_is_gone_or_silent)
{
	struct hmt_question q;
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ 0 });
	hmt_stop(&node, parts[1].pid);
	question_put(&node, &s, &q);
	cr_assert_eq(q.number, 1000 + 5 + 15, "of those that there are, at once");
	cr_assert_eq(joined.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(joined.each[0], HM_FUTURE_REPLY);
	cr_assert_eq(joined.each[1], HM_FUTURE_DEAD_LETTER);
	parts[2].on_msg = NULL;
	question_put(&node, &s, &q);
	cr_assert_eq(q.result, 0);
	hmt_elapse(&node, 1001);
	cr_assert_eq(q.number, 1000 + 5);
	cr_assert_eq(joined.result, HM_FUTURE_TIMEOUT);
	cr_assert_eq(joined.each[2], HM_FUTURE_TIMEOUT);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_fan, enough__others_are_not_waited_for)
{
	struct hmt_question q;
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ .enough = 2 });
	parts[0].on_msg = NULL;
	question_put(&node, &s, &q);
	cr_assert_eq(q.number, 1000 + 10 + 15);
	cr_assert_eq(joined.result, HM_FUTURE_REPLY);
	cr_assert_eq(joined.each[0], HM_FUTURE_CANCELLED);
	hmt_node_end(&node);
}

Test(engine_fan, in_flight__is_bounded_and_who_asks_is_told)
{
	struct hmt_question q;
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ .in_flight = 2 });
	for (uint32_t i = 0; i < PARTS; i++)
		parts[i].on_msg = NULL;
	hmt_number(&node, s.pid, 1);
	hmt_number(&node, s.pid, 2);
	hmt_number(&node, s.pid, 3);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 1);
	question_put(&node, &s, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_DEAD_LETTER);
	hmt_elapse(&node, 1001);
	cr_assert_eq(joined.calls, 2);
	parts[0].on_msg = parts[1].on_msg = parts[2].on_msg = answer;
	question_put(&node, &s, &q);
	cr_assert_eq(q.result, 1 + HM_FUTURE_REPLY, "there is room again");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_fan, fail__of_the_function)
{
	struct hmt_question q;
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ .in_flight = 1 });
	joined.fails = true;
	question_put(&node, &s, &q);
	cr_assert_eq(joined.calls, 1);
	cr_assert_eq(hmt_stats(&node).restarted, 1);
	joined.fails = false;
	question_put(&node, &s, &q);
	cr_assert_eq(q.number, 1000 + 5 + 10 + 15,
		     "it has begun anew, with the same parts, and none is in flight");
	hmt_elapse(&node, 2000000);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_fan, stop__while_answers_are_awaited)
{
	struct hmt_question q;
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ 0 });
	parts[0].on_msg = NULL;
	question_put(&node, &s, &q);
	hmt_stop(&node, s.pid);
	hmt_elapse(&node, 1001);
	cr_assert_eq(joined.calls, 0);
	cr_assert_eq(hmt_stats(&node).continuations_dropped, 1);
	cr_assert_eq(q.result, 0, "its own time is not up");
	hmt_elapse(&node, 1000000);
	cr_assert_eq(q.result, 1 + HM_FUTURE_TIMEOUT);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
	/* And of a system that ends under it. */
	fan_start(&node, &s, (struct hm_fan){ 0 });
	hmt_number(&node, s.pid, 1);
	hmt_node_drop(&node);
}

Test(engine_fan, shortage__is_a_dead_letter_and_nothing_is_in_flight)
{
	struct hmt_question q = { .type = HMT_NUMBER };
	static struct hoard hoard;
	struct spawning s;
	struct hmt_node node;

	memory = LITTLE;
	fan_start(&node, &s, (struct hm_fan){ .in_flight = 1 });
	hmt_number(&node, s.pid, 1);
	do_now(&node, owner.pid, hoard_all, &hoard);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_MEMORY], 1);
	cr_assert_eq(joined.calls, 0);
	do_now(&node, owner.pid, hoard_free, &hoard);
	q.to = s.pid;
	do_now(&node, owner.pid, hmt_ask, &q);
	hmt_elapse(&node, 1001);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 0);
	cr_assert_neq(q.result, 0, "there is an answer, or none");
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_fan, spawn__limits)
{
	struct hm_pid to[HM_FAN_MAX + 1];
	struct spawning s;
	struct hmt_node node;

	fan_start(&node, &s, (struct hm_fan){ 0 });
	for (uint32_t i = 0; i < RTE_DIM(to); i++)
		to[i] = parts[0].pid;
	for (uint32_t i = 0; i < 7; i++) {
		struct hm_fan good = { .to = to, .count = 2, .timeout_us = 1, .join = join };
		struct hm_fan bad[] = { good, good, good, good, good, good, good };
		struct hm_pid nobody[2] = { to[0], hm_pid_none() };

		bad[0].to = NULL;
		bad[1].count = 0;
		bad[2].count = HM_FAN_MAX + 1;
		bad[3].enough = 3;
		bad[4].timeout_us = 0;
		bad[5].join = NULL;
		bad[6].to = nobody;
		s.fan = bad[i];
		hmt_do(&node, owner.pid, spawn, &s);
		cr_assert_eq(s.rc, -EINVAL, "%u", i);
	}
	s.fan = (struct hm_fan){ .to = to,
				 .count = HM_FAN_MAX,
				 .timeout_us = 1000,
				 .join = join,
				 .arg = (void *)(uintptr_t)&base };
	hmt_do(&node, owner.pid, spawn, &s);
	cr_assert_eq(s.rc, 0);
	hmt_number(&node, s.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(joined.answered, HM_FAN_MAX);
	hmt_node_end(&node);
}
