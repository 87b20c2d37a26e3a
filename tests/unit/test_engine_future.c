/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: a reply, or the news that there is none, exactly once.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_future, .init = hmt_eal_start);

/* One question, and how it ended. */
struct question {
	struct hm_pid to;
	uint64_t timeout_us;
	uint64_t number;
	enum hm_result asked;
	/* the end */
	uint32_t ends;
	enum hm_future_result result;
	uint64_t answer;
	struct hm_pid from;
	const struct hmt_probe *asker; /* NULL: not looked at */
	uint32_t asker_count;          /* what the asker had seen by then */
};

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct question *question = arg;

	cr_assert_eq((reply != NULL), (result == HM_FUTURE_REPLY));
	cr_assert_not_null(*(struct hmt_probe **)state);
	question->ends++;
	question->result = result;
	if (reply != NULL && hm_msg_type(reply) == HMT_NUMBER)
		question->answer = *(const uint64_t *)hm_msg_body(reply);
	if (reply != NULL && hm_msg_type(reply) == HM_IDENTITY)
		question->from = ((const struct hm_identity *)hm_msg_body(reply))->pid;
	else
		question->from = hm_sender(ctx);
	if (question->asker != NULL)
		question->asker_count = question->asker->count;
}

static void
ask(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;

	question->asked = hm_ask(ctx, question->to, HMT_NUMBER, &question->number, question->timeout_us,
				 on_reply, question);
}

/* Answers each number by twice the number; what is told to wait, later. */
struct oracle {
	struct hm_pid asker;
	uint64_t number;
	bool is_slow, is_twice;
};

static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct oracle *oracle = probe->arg;
	uint64_t number;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = 2 * *(const uint64_t *)hm_msg_body(msg);
	oracle->asker = hm_sender(ctx);
	oracle->number = number;
	if (!oracle->is_slow)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
	if (oracle->is_twice)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

static void
answer_now(struct hm_ctx *ctx, void *arg)
{
	struct oracle *oracle = arg;

	cr_assert_eq(hm_send(ctx, oracle->asker, HMT_NUMBER, &oracle->number), HM_OK);
}

struct scene {
	struct hmt_node node;
	struct hmt_probe asker, answerer;
	struct oracle oracle;
	struct question question;
};

static void
scene_start(struct scene *s, uint32_t asker_lcore, uint32_t answerer_lcore)
{
	memset(s, 0, sizeof(*s));
	s->answerer.on_msg = answer;
	s->answerer.arg = &s->oracle;
	s->question.number = 21;
	s->question.timeout_us = 1000;
	hmt_node_start(&s->node, 3);
	hmt_probe_spawn(&s->node, &s->asker, asker_lcore, "asker");
	s->question.to = hmt_probe_spawn(&s->node, &s->answerer, answerer_lcore, "answerer");
	hmt_settle(&s->node);
}

/* Futures and granted slots that are taken, on all lcores. */
static uint32_t
cells_live(const struct hmt_node *node)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < node->sys->lcores_count; i++)
		live += node->sys->lcores[i]->cells.live;
	return live;
}

Test(engine_future, ask__reply_ends_it_on_every_pair_of_lcores)
{
	static struct scene s;

	for (uint32_t pair = 0; pair < 9; pair++) {
		uint32_t live;

		scene_start(&s, pair / 3, pair % 3);
		live = cells_live(&s.node);
		hmt_do(&s.node, s.asker.pid, ask, &s.question);
		cr_assert_eq(s.question.asked, HM_OK);
		cr_assert_eq(s.question.ends, 1);
		cr_assert_eq(s.question.result, HM_FUTURE_REPLY);
		cr_assert_eq(s.question.answer, 42);
		cr_assert(hm_pid_equal(s.question.from, s.answerer.pid));
		cr_assert_eq(hmt_seen_count(&s.asker, HMT_NUMBER), 0, "not for the receive function");
		/* Neither the deadline nor a slot is left. */
		cr_assert_eq(cells_live(&s.node), live);
		hmt_elapse(&s.node, 10000);
		cr_assert_eq(s.question.ends, 1);
		hmt_node_end(&s.node);
	}
}

Test(engine_future, ask__timeout_comes_at_the_deadline_and_not_before)
{
	static struct scene s;

	scene_start(&s, 1, 2);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	hmt_elapse(&s.node, 999);
	cr_assert_eq(s.question.ends, 0);
	hmt_elapse(&s.node, 3);
	cr_assert_eq(s.question.ends, 1);
	cr_assert_eq(s.question.result, HM_FUTURE_TIMEOUT);
	cr_assert(hm_pid_is_none(s.question.from));
	hmt_node_end(&s.node);
}

static void
idle_long_and_ask(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	/* The turn has taken longer than the timeout. */
	s->node.now_ns += 50000000;
	ask(ctx, &s->question);
}

Test(engine_future, ask__deadline_counts_from_the_call_not_from_the_turns_start)
{
	static struct scene s;
	static struct question first;

	scene_start(&s, 0, 0);
	/* Another future, so that the lcore's wheel is in use. */
	first = s.question;
	first.timeout_us = 1000000;
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &first);
	s.oracle.is_slow = false;
	hmt_do(&s.node, s.asker.pid, idle_long_and_ask, &s);
	cr_assert_eq(s.question.ends, 1);
	cr_assert_eq(s.question.result, HM_FUTURE_REPLY);
	hmt_elapse(&s.node, 1000000);
	cr_assert_eq(first.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

Test(engine_future, ask__a_dead_receiver_ends_it_at_once)
{
	static struct scene s;

	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		scene_start(&s, 1, lcore);
		hmt_stop(&s.node, s.answerer.pid);
		hmt_do(&s.node, s.asker.pid, ask, &s.question);
		cr_assert_eq(s.question.ends, 1);
		cr_assert_eq(s.question.result, HM_FUTURE_DEAD_LETTER);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], 1);
		hmt_node_end(&s.node);
	}
}

Test(engine_future, ask__a_receiver_that_stops_with_the_request_unread_ends_it)
{
	static struct scene s;

	scene_start(&s, 1, 2);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	/* Read, but not answered: only the deadline can tell. */
	hmt_stop(&s.node, s.answerer.pid);
	cr_assert_eq(s.question.ends, 0);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.question.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

static void
forward_to_dead(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)probe->arg), HM_OK);
}

Test(engine_future, ask__a_request_forwarded_to_the_dead_ends_it)
{
	static struct scene s;
	static struct hmt_probe middle;

	middle = (struct hmt_probe){ .on_msg = forward_to_dead, .arg = &s.answerer.pid };
	scene_start(&s, 0, 2);
	hmt_stop(&s.node, s.answerer.pid);
	s.question.to = hmt_probe_spawn(&s.node, &middle, 1, NULL);
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	cr_assert_eq(s.question.ends, 1);
	cr_assert_eq(s.question.result, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&s.node);
}

Test(engine_future, ask__late_and_second_replies_are_dead_letters)
{
	static struct scene s;
	struct hm_stats stats;

	scene_start(&s, 1, 2);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.question.result, HM_FUTURE_TIMEOUT);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(s.question.ends, 1);
	stats = hmt_stats(&s.node);
	cr_assert_eq(stats.dead[HM_DEAD_LATE_REPLY], 1);

	s.oracle.is_slow = false;
	s.oracle.is_twice = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	cr_assert_eq(s.question.ends, 2);
	cr_assert_eq(s.question.result, HM_FUTURE_REPLY);
	cr_assert_eq(hmt_dead(&s.node), 2);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1 + stats.dead[HM_DEAD_LATE_REPLY]);
	hmt_node_end(&s.node);
}

static void
stop_and_ask(struct hm_ctx *ctx, void *arg)
{
	hm_stop(ctx, hm_self(ctx));
	ask(ctx, arg);
}

Test(engine_future, ask__an_asker_that_stopped_is_not_called)
{
	static struct scene s;

	for (int slow = 0; slow < 2; slow++) {
		uint32_t live;

		scene_start(&s, 1, 2);
		live = cells_live(&s.node);
		s.oracle.is_slow = slow;
		hmt_do(&s.node, s.asker.pid, stop_and_ask, &s.question);
		hmt_elapse(&s.node, 2000);
		cr_assert_eq(s.question.ends, 0);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], slow ? 0 : 1);
		cr_assert_eq(cells_live(&s.node), live - 1, "the asker's slot and the future's are free");
		hmt_node_end(&s.node);
	}
}

static void
ask_self_then_stop(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct question *question = probe->arg;

	if (hm_msg_type(msg) == HMT_EMPTY) {
		ask(ctx, question);
		hm_stop(ctx, hm_self(ctx));
	}
}

Test(engine_future, ask__a_request_to_the_asker_itself_that_stops_is_a_dead_letter)
{
	static struct hmt_probe probe;
	static struct question question;
	struct hmt_node node;

	probe = (struct hmt_probe){ .on_msg = ask_self_then_stop, .arg = &question };
	question = (struct question){ .timeout_us = 1000 };
	hmt_node_start(&node, 1);
	question.to = hmt_probe_spawn(&node, &probe, 0, NULL);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_EMPTY, NULL), HM_OK);
	hmt_settle(&node);
	cr_assert_eq(question.ends, 0);
	cr_assert_eq(hmt_dead(&node), 1);
	hmt_elapse(&node, 2000);
	hmt_node_end(&node);
}

static void
answer_between_numbers(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_pid *asker = probe->arg;
	uint64_t number = 1;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_send(ctx, *asker, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_send(ctx, *asker, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_send(ctx, *asker, HMT_NUMBER, &number), HM_OK);
}

Test(engine_future, ask__a_reply_keeps_its_place_among_its_senders_messages)
{
	static struct scene s;

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(&s, 0, lcore);
		s.answerer.on_msg = answer_between_numbers;
		s.answerer.arg = &s.asker.pid;
		s.question.asker = &s.asker;
		hmt_do(&s.node, s.asker.pid, ask, &s.question);
		cr_assert_eq(s.question.result, HM_FUTURE_REPLY);
		cr_assert_eq(s.question.asker_count, 1 + 2, "started and two numbers came before it");
		cr_assert_eq(s.asker.count, 1 + 3);
		hmt_node_end(&s.node);
	}
}

static void
ask_badly(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;
	uint64_t number = 0;

	cr_assert_eq(hm_ask(ctx, hm_pid_none(), HMT_NUMBER, &number, 1, on_reply, question), HM_NO_RECEIVER);
	cr_assert_eq(hm_ask(ctx, question->to, HMT_TYPE_NEXT, &number, 1, on_reply, question),
		     HM_UNKNOWN_TYPE);
	cr_assert_neq(hm_ask(ctx, question->to, HMT_NUMBER, &number, 1, NULL, question), HM_OK);
	/* Neither overflows nor comes at once. */
	question->timeout_us = UINT64_MAX;
	ask(ctx, question);
}

Test(engine_future, ask__bad_ones_are_refused_and_the_longest_waits)
{
	static struct scene s;

	scene_start(&s, 0, 1);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask_badly, &s.question);
	cr_assert_eq(s.question.asked, HM_OK);
	hmt_elapse(&s.node, 1000000000000);
	cr_assert_eq(s.question.ends, 0);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(s.question.ends, 1);
	cr_assert_eq(s.question.result, HM_FUTURE_REPLY);
	hmt_node_end(&s.node);
}

static void
ask_again(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct question *question = arg;

	on_reply(ctx, state, result, reply, arg);
	if (result == HM_FUTURE_REPLY && question->ends < 10)
		cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &question->answer, 1000, ask_again, arg),
			     HM_OK);
}

static void
ask_chain(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;

	cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &question->number, 1000, ask_again, arg), HM_OK);
}

Test(engine_future, ask__from_a_reply_function)
{
	static struct scene s;

	scene_start(&s, 0, 1);
	s.question.number = 1;
	hmt_do(&s.node, s.asker.pid, ask_chain, &s.question);
	cr_assert_eq(s.question.ends, 10);
	cr_assert_eq(s.question.answer, 1024);
	hmt_node_end(&s.node);
}

static void
forward_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	struct question *question = arg;

	(void)state;
	(void)reply;
	question->ends++;
	question->asked = hm_forward(ctx, question->from);
	if (result == HM_FUTURE_REPLY)
		cr_assert_eq(question->asked, HM_OK);
	else
		cr_assert_eq(question->asked, HM_NO_RECEIVER);
}

static void
ask_and_forward(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;

	cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &question->number, 1000, forward_reply, arg),
		     HM_OK);
}

Test(engine_future, forward__hands_a_reply_on)
{
	static struct scene s;
	static struct hmt_probe third;

	scene_start(&s, 0, 1);
	s.question.from = hmt_probe_spawn(&s.node, &third, 2, NULL);
	hmt_do(&s.node, s.asker.pid, ask_and_forward, &s.question);
	cr_assert_eq(s.question.ends, 1);
	cr_assert_eq(hmt_seen_last(&third, HMT_NUMBER)->number, 42);
	/* That there is no reply cannot be handed on. */
	hmt_stop(&s.node, s.answerer.pid);
	hmt_do(&s.node, s.asker.pid, ask_and_forward, &s.question);
	cr_assert_eq(s.question.ends, 2);
	cr_assert_eq(hmt_seen_count(&third, HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

static void
watch_sender(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	/* A future is no actor: it can neither be stopped nor watched for long. */
	cr_assert_eq(hm_watch(ctx, hm_sender(ctx)), HM_OK);
	hm_stop(ctx, hm_sender(ctx));
	cr_assert_eq(hm_poison(ctx, hm_sender(ctx)), HM_OK);
}

Test(engine_future, future__is_not_stopped_and_answers_a_watch)
{
	static struct scene s;

	scene_start(&s, 0, 1);
	s.answerer.on_msg = watch_sender;
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	cr_assert_eq(s.question.ends, 0);
	cr_assert_eq(hmt_seen_count(&s.answerer, HM_TERMINATED), 1);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.question.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

Test(engine_future, drop__with_futures_and_replies_under_way)
{
	static struct scene s;
	static struct question second;
	struct hmt_deed deed = { ask, &second };

	scene_start(&s, 0, 1);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.question);
	s.oracle.is_slow = false;
	second = s.question;
	cr_assert_eq(hm_system_send(s.node.sys, s.asker.pid, HMT_DO, &deed), HM_OK);
	for (int i = 0; i < 2; i++)
		hm_system_turn(s.node.sys);
	hmt_node_drop(&s.node);
}

/* ---- Paths -------------------------------------------------------------------------- */

struct address {
	const char *text;
	int rc;
	struct question question;
};

static void
resolve(struct hm_ctx *ctx, void *arg)
{
	struct address *address = arg;

	address->rc = hm_resolve(ctx, address->text, 1000, on_reply, &address->question);
}

Test(engine_future, resolve__finds_a_name_or_nobody)
{
	static struct scene s;
	struct address here = { .text = "/user/answerer" }, nobody = { .text = "/user/nobody" };

	scene_start(&s, 1, 2);
	hmt_do(&s.node, s.asker.pid, resolve, &here);
	cr_assert_eq(here.rc, 0);
	cr_assert_eq(here.question.ends, 1);
	cr_assert(hm_pid_equal(here.question.from, s.answerer.pid));
	hmt_do(&s.node, s.asker.pid, resolve, &nobody);
	cr_assert_eq(nobody.question.result, HM_FUTURE_REPLY);
	cr_assert(hm_pid_is_none(nobody.question.from));
	hmt_node_end(&s.node);
}

/* The same program runs on one node and on two. */
Test(engine_future, resolve__the_own_nodes_address_needs_no_network)
{
	static struct scene s;
	struct address here = { .text = "hermod://node/user/answerer" };

	scene_start(&s, 1, 2);
	cr_assert_str_eq(hm_system_name(s.node.sys), "node");
	hmt_do(&s.node, s.asker.pid, resolve, &here);
	cr_assert_eq(here.rc, 0);
	cr_assert(hm_pid_equal(here.question.from, s.answerer.pid));
	hmt_node_end(&s.node);
}

static void
ask_wrongly(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &number, 0, on_reply, question), HM_INVALID);
	cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &number, 1, NULL, question), HM_INVALID);
}

Test(engine_future, ask__without_timeout_or_function_sends_nothing)
{
	static struct scene s;

	scene_start(&s, 0, 1);
	s.question.to = s.answerer.pid;
	hmt_do(&s.node, s.asker.pid, ask_wrongly, &s.question);
	cr_assert_eq(s.answerer.count, 1, "HM_STARTED alone");
	cr_assert_eq(s.question.ends, 0);
	hmt_node_end(&s.node);
}

Test(engine_future, resolve__bad_addresses_are_refused)
{
	static char too_long[HM_PATH_MAX + 20];
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ NULL, -EINVAL },
		{ "", -EINVAL },
		{ "user/a", -EINVAL },
		{ too_long, -EINVAL },
		{ "hermod://", -EINVAL },
		{ "hermod:///user/a", -EINVAL },
		{ "hermod://node", -EINVAL },
		{ "hermod://node/", -EINVAL },
		{ "hermod://elsewhere/user/a", -ENETUNREACH },
	};
	static struct scene s;
	uint32_t live;

	memset(too_long, '/', sizeof(too_long) - 1);
	scene_start(&s, 0, 0);
	live = cells_live(&s.node);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct address address = { .text = cases[i].text };

		hmt_do(&s.node, s.asker.pid, resolve, &address);
		cr_assert_eq(address.rc, cases[i].rc, "%s", cases[i].text);
		cr_assert_eq(address.question.ends, 0);
	}
	cr_assert_eq(cells_live(&s.node), live);
	hmt_node_end(&s.node);
}
