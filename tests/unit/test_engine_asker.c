/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one that asks: its reply functions, its order, and its end.
 */
#include "hmt_eal.h"
#include "test_engine_future.h"

TestSuite(engine_asker, .init = hmt_eal_start);

static void
stop_and_ask(struct hm_ctx *ctx, void *arg)
{
	hm_stop(ctx, hm_self(ctx));
	ask(ctx, arg);
}

Test(engine_asker, ask__an_asker_that_stopped_is_not_called)
{
	static struct future_scene s;

	for (int slow = 0; slow < 2; slow++) {
		uint32_t live;

		scene_start(&s, 1, 2);
		live = cells_live(&s.node);
		s.oracle.is_slow = slow;
		hmt_do(&s.node, s.asker.pid, stop_and_ask, &s.request);
		hmt_elapse(&s.node, 2000);
		cr_assert_eq(s.request.ends, 0);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], slow ? 0 : 1);
		cr_assert_eq(cells_live(&s.node), live - 1, "the asker's slot and the future's are free");
		hmt_node_end(&s.node);
	}
}

static void
ask_all(struct hm_ctx *ctx, void *arg)
{
	struct future_request *requests = arg;

	for (uint32_t i = 0; i < 3; i++)
		ask(ctx, &requests[i]);
}

static uint32_t
timers_live(const struct hmt_node *node)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < node->sys->lcores_count; i++)
		live += node->sys->lcores[i]->worker.wheel.count;
	return live;
}

/* Any of three requests may have been answered before. */
Test(engine_asker, stop__frees_the_futures_that_wait)
{
	static struct future_request requests[3];
	static struct future_oracle oracles[3];
	static struct hmt_probe answerers[3], asker;

	for (uint32_t answered = 0; answered < 8; answered++) {
		struct hmt_node node;
		uint32_t live;

		asker = (struct hmt_probe){ 0 };
		hmt_node_start(&node, 3);
		for (uint32_t i = 0; i < 3; i++) {
			oracles[i] = (struct future_oracle){ .is_slow = (answered >> i & 1) == 0 };
			answerers[i] = (struct hmt_probe){ .on_msg = answer, .arg = &oracles[i] };
			hmt_probe_spawn(&node, &answerers[i], i, NULL);
			requests[i] = (struct future_request){ .to = answerers[i].pid, .timeout_us = 1000 };
		}
		hmt_probe_spawn(&node, &asker, 1, NULL);
		hmt_turn_until_idle(&node);
		live = cells_live(&node);
		hmt_do(&node, asker.pid, ask_all, requests);
		hmt_stop(&node, asker.pid);
		cr_assert_eq(cells_live(&node), live - 1, "no slot is left but the asker's, which is free");
		cr_assert_eq(timers_live(&node), 0, "nor a deadline");
		for (uint32_t i = 0; i < 3; i++) {
			cr_assert_eq(requests[i].ends, answered >> i & 1);
			if (oracles[i].is_slow)
				hmt_do(&node, answerers[i].pid, answer_now, &oracles[i]);
		}
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY],
			     3u - (uint32_t)__builtin_popcount(answered));
		cr_assert_eq(hmt_dead(&node), 3u - (uint32_t)__builtin_popcount(answered));
		hmt_node_end(&node);
	}
}

static void
ask_when_stopped(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STOPPED)
		ask(ctx, probe->arg);
}

Test(engine_asker, stop__frees_what_the_last_message_asked)
{
	static struct future_scene s;
	uint32_t live;

	scene_start(&s, 1, 2);
	live = cells_live(&s.node);
	s.oracle.is_slow = true;
	s.asker.on_msg = ask_when_stopped;
	s.asker.arg = &s.request;
	hmt_stop(&s.node, s.asker.pid);
	cr_assert_eq(s.request.asked, HM_OK);
	cr_assert_eq(cells_live(&s.node), live - 1);
	cr_assert_eq(timers_live(&s.node), 0);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

struct parent {
	struct hmt_probe child;
	struct future_request request;
};

static void
child_make(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, 2, NULL), 0);
}

static void
ask_self_and_answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	/* The answer comes into the mailbox of the one that stops now, whose child is still to stop. */
	(void)probe;
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_asker, stop__with_a_child_and_the_answer_in_the_mailbox)
{
	static struct parent parent;
	static struct hmt_probe probe;
	struct hmt_node node;

	probe = (struct hmt_probe){ .on_msg = ask_self_and_answer };
	parent = (struct parent){ .request = { .timeout_us = 1000 } };
	hmt_node_start(&node, 3);
	parent.request.to = hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, child_make, &parent.child);
	hmt_do(&node, probe.pid, ask, &parent.request);
	cr_assert_eq(parent.request.ends, 0);
	cr_assert_eq(hmt_stats(&node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 1);
	cr_assert_eq(hmt_seen_count(&parent.child, HM_STOPPED), 1);
	hmt_node_end(&node);
}

static void
ask_self_then_stop(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct future_request *request = probe->arg;

	if (hm_msg_type(msg) == HMT_EMPTY) {
		ask(ctx, request);
		hm_stop(ctx, hm_self(ctx));
	}
}

Test(engine_asker, ask__a_request_to_the_asker_itself_that_stops_is_a_dead_letter)
{
	static struct hmt_probe probe;
	static struct future_request request;
	struct hmt_node node;

	probe = (struct hmt_probe){ .on_msg = ask_self_then_stop, .arg = &request };
	request = (struct future_request){ .timeout_us = 1000 };
	hmt_node_start(&node, 1);
	request.to = hmt_probe_spawn(&node, &probe, 0, NULL);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(request.ends, 0);
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

Test(engine_asker, ask__a_reply_keeps_its_place_among_its_senders_messages)
{
	static struct future_scene s;

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(&s, 0, lcore);
		s.answerer.on_msg = answer_between_numbers;
		s.answerer.arg = &s.asker.pid;
		s.request.asker = &s.asker;
		hmt_do(&s.node, s.asker.pid, ask, &s.request);
		cr_assert_eq(s.request.result, HM_FUTURE_REPLY);
		cr_assert_eq(s.request.asker_count, 1 + 2, "started and two numbers came before it");
		cr_assert_eq(s.asker.count, 1 + 3);
		hmt_node_end(&s.node);
	}
}

static void
answer_between_number_and_poison(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 7;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)probe->arg, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_poison(ctx, *(struct hm_pid *)probe->arg), HM_OK);
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)probe->arg, HMT_NUMBER, &number), HM_OK);
}

/* All in one turn of the asker, if both are on one lcore. */
Test(engine_asker, ask__a_reply_between_a_message_and_poison)
{
	static struct future_scene s;

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		struct hm_stats before, after;

		scene_start(&s, 0, lcore);
		s.answerer.on_msg = answer_between_number_and_poison;
		s.answerer.arg = &s.asker.pid;
		s.request.asker = &s.asker;
		before = hmt_stats(&s.node);
		hmt_do(&s.node, s.asker.pid, ask, &s.request);
		after = hmt_stats(&s.node);
		cr_assert_eq(s.request.ends, 1);
		cr_assert_eq(s.request.asker_count, 1 + 1, "started and a number came before it");
		cr_assert_eq(s.asker.count, 1 + 1 + 2, "it stopped, and got no second number");
		cr_assert_eq(after.received - before.received, 4, "deed, request, number, reply");
		cr_assert_eq(after.stopped - before.stopped, 1);
		cr_assert_eq(after.dead[HM_DEAD_STOPPED] + after.dead[HM_DEAD_NO_PROCESS], 1);
		hmt_node_end(&s.node);
	}
}

static void
stop_at_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	on_reply(ctx, state, result, reply, arg);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_asker, stop__in_a_reply_function_is_before_the_next_message)
{
	static struct future_scene s;

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(&s, 0, lcore);
		/* Two numbers, the reply, and one more. */
		s.answerer.on_msg = answer_between_numbers;
		s.answerer.arg = &s.asker.pid;
		s.request.then = stop_at_reply;
		hmt_do(&s.node, s.asker.pid, ask, &s.request);
		cr_assert_eq(s.request.ends, 1);
		cr_assert_eq(hmt_seen_count(&s.asker, HMT_NUMBER), 2);
		cr_assert_eq(hmt_seen_count(&s.asker, HM_STOPPED), 1);
		cr_assert_eq(hmt_dead(&s.node), 1);
		hmt_node_end(&s.node);
	}
}

static void
ask_again(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct future_request *request = arg;

	on_reply(ctx, state, result, reply, arg);
	if (result == HM_FUTURE_REPLY && request->ends < 10)
		cr_assert_eq(hm_ask(ctx, request->to, HMT_NUMBER, &request->answer, 1000, ask_again, arg),
			     HM_OK);
}

Test(engine_asker, ask__from_a_reply_function)
{
	static struct future_scene s;

	scene_start(&s, 0, 1);
	s.request.number = 1;
	s.request.then = ask_again;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(s.request.ends, 10);
	cr_assert_eq(s.request.answer, 1024);
	hmt_node_end(&s.node);
}

static void
forward_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	struct future_request *request = arg;

	(void)state;
	(void)reply;
	request->ends++;
	request->asked = hm_forward(ctx, request->from);
	if (result == HM_FUTURE_REPLY)
		cr_assert_eq(request->asked, HM_OK);
	else
		cr_assert_eq(request->asked, HM_NO_RECEIVER);
}

Test(engine_asker, forward__hands_a_reply_on)
{
	static struct future_scene s;
	static struct hmt_probe third;

	scene_start(&s, 0, 1);
	s.request.then = forward_reply;
	s.request.from = hmt_probe_spawn(&s.node, &third, 2, NULL);
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(s.request.ends, 1);
	cr_assert_eq(hmt_seen_last(&third, HMT_NUMBER)->number, 42);
	/* That there is no reply cannot be handed on. */
	hmt_stop(&s.node, s.answerer.pid);
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(s.request.ends, 2);
	cr_assert_eq(hmt_seen_count(&third, HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

Test(engine_asker, drop__with_futures_and_replies_under_way)
{
	static struct future_scene s;
	static struct future_request second;
	struct hmt_deed deed = { ask, &second };

	scene_start(&s, 0, 1);
	s.oracle.is_slow = true;
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	s.oracle.is_slow = false;
	second = s.request;
	cr_assert_eq(hm_system_send(s.node.sys, s.asker.pid, HMT_DO, &deed), HM_OK);
	for (int i = 0; i < 2; i++)
		hm_system_turn(s.node.sys);
	hmt_node_drop(&s.node);
}

/* A network that has an answer when the time is up. */
struct network {
	struct hm_pid asker;
	bool has_answer;
};

static void
network_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	((struct network *)self)->asker = hm_msg_sender(msg);
	hm_msg_free(ctx, msg);
}

static uint32_t
network_poll(void *self, struct hm_ctx *ctx)
{
	struct network *network = self;
	struct hm_msg *msg;

	if (!network->has_answer)
		return 0;
	network->has_answer = false;
	msg = hm_msg_alloc(ctx, HMT_NUMBER, sizeof(uint64_t));
	*(uint64_t *)hm_msg_body_mut(msg) = 42;
	msg->to = network->asker.local;
	msg->sender = hm_pid_none();
	hm_provider_receive(ctx, msg);
	return 1;
}

/* The lcore was held up, perhaps: what is there counts. */
Test(engine_asker, ask__an_answer_that_lies_in_the_port_beats_the_deadline)
{
	static const struct hm_provider_ops ops = { .deliver = network_deliver, .poll = network_poll };
	static struct future_scene s;
	struct network network = { 0 };
	uint16_t index;

	scene_start(&s, 1, 2);
	cr_assert_eq(hm_provider_register(s.node.sys, 1, &ops, &network), 0);
	cr_assert_eq(hm_node_learn(s.node.sys, 4711, &index), 0);
	s.request.to = (struct hm_pid){ 4711, 99 };
	hmt_do(&s.node, s.asker.pid, ask, &s.request);
	cr_assert_eq(network.asker.node, hm_system_node(s.node.sys));
	network.has_answer = true;
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(s.request.ends, 1);
	cr_assert_eq(s.request.result, HM_FUTURE_REPLY);
	cr_assert_eq(s.request.answer, 42);
	hmt_node_drop(&s.node);
}
