/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are answered for the actor, and the built-in touch.
 */
#include "hmt_eal.h"
#include "test_engine_memory.h"
#include "test_engine_shared.h"

TestSuite(engine_auto_respond, .init = hmt_eal_start);

enum {
	WORK = HMT_TYPE_NEXT, /* answered by DONE; body: uint64_t */
	BIG_WORK,             /* the same, of 100 bytes */
	DONE,                 /* body: uint64_t, one more than that of WORK */
};

static uint32_t responded;

static void
work_done(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t number = 1 + *(const uint64_t *)hm_msg_body(msg);

	cr_assert_not_null(*(struct hmt_probe **)state);
	cr_assert_eq(hm_msg_sender(msg).local, hm_sender(ctx).local);
	responded++;
	cr_assert_eq(hm_respond(ctx, DONE, &number), HM_OK);
}

/* One who asks on lcore 0, and one who works on each lcore. */
struct scene {
	struct hmt_node node;
	struct hmt_probe asker, workers[2];
};

static void
start(struct scene *s)
{
	static const struct hm_type types[] = {
		{ .id = WORK, .name = "work", .size = sizeof(uint64_t), .auto_respond = work_done },
		{ .id = BIG_WORK, .name = "big work", .size = 100, .auto_respond = work_done },
		{ .id = DONE, .name = "done", .size = sizeof(uint64_t) },
	};

	memset(s, 0, sizeof(*s));
	responded = 0;
	hmt_node_start(&s->node, 2);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(s->node.sys, &types[i]), 0);
	hmt_probe_spawn(&s->node, &s->asker, 0, NULL);
	for (uint32_t i = 0; i < 2; i++)
		hmt_probe_spawn(&s->node, &s->workers[i], i, NULL);
	hmt_turn_until_idle(&s->node);
}

/* A message by each way of sending, from one to another. */
struct sending {
	struct hm_pid to;
	uint16_t type;
	enum hm_result (*send)(struct hm_ctx *ctx, struct sending *sending, const void *body);
	uint32_t ends;
	enum hm_future_result result;
	uint16_t reply_type;
	uint64_t answer;
	struct hm_pid who;
};

static void
sending_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	struct sending *sending = arg;

	(void)ctx;
	(void)state;
	sending->ends++;
	sending->result = result;
	if (reply == NULL)
		return;
	sending->reply_type = hm_msg_type(reply);
	if (sending->reply_type == HM_TOUCHED)
		sending->who = ((const struct hm_touched *)hm_msg_body(reply))->who;
	else
		sending->answer = *(const uint64_t *)hm_msg_body(reply);
}

static enum hm_result
by_send(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	return hm_send(ctx, sending->to, sending->type, body);
}

static enum hm_result
by_request(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	return hm_request(ctx, sending->to, sending->type, body);
}

static enum hm_result
by_msg_request(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	struct hm_msg *msg = hm_msg_new(ctx, sending->type, 0);

	if (hm_msg_length(msg) > 0)
		memcpy(hm_msg_body_mut(msg), body, hm_msg_length(msg));
	return hm_msg_request(ctx, sending->to, msg);
}

static enum hm_result
by_request_from(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	return hm_request_from(ctx, sending->to, hm_self(ctx), sending->type, body);
}

static enum hm_result
by_ask(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	return hm_ask(ctx, sending->to, sending->type, body, 1000, sending_end, sending);
}

static enum hm_result
by_future(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	struct hm_future future;
	enum hm_result result = hm_request_future(ctx, sending->to, sending->type, body, 1000, &future);

	cr_assert_eq(hm_reenter_after(ctx, future, sending_end, sending), HM_OK);
	hm_future_release(ctx, future);
	return result;
}

static enum hm_result
by_timer(struct hm_ctx *ctx, struct sending *sending, const void *body)
{
	return hm_send_after(ctx, sending->to, sending->type, body, 1, 0, NULL);
}

static void
sending_begin(struct hm_ctx *ctx, void *arg)
{
	struct sending *sending = arg;
	uint64_t body[13] = { 41 };

	cr_assert_eq(sending->send(ctx, sending, body), HM_OK);
}

/* ---- Types with an answer of their own ------------------------------------------------------------ */

Test(engine_auto_respond, type__is_delivered_and_then_answered_however_it_is_requested)
{
	enum hm_result (*const ways[])(struct hm_ctx *, struct sending *,
				       const void *) = { by_request, by_msg_request, by_request_from, by_ask,
							 by_future };
	static struct scene s;
	static struct sending sending;
	uint32_t wanted = 0;

	start(&s);
	for (size_t way = 0; way < RTE_DIM(ways); way++) {
		for (uint32_t c = 0; c < 4; c++) {
			struct hmt_probe *worker = &s.workers[c % 2];
			uint16_t type = c < 2 ? WORK : BIG_WORK;

			s.asker.count = worker->count = 0;
			sending = (struct sending){ .to = worker->pid, .type = type, .send = ways[way] };
			hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
			cr_assert_eq(hmt_seen_count(worker, type), 1, "delivered");
			cr_assert_eq(responded, ++wanted);
			if (sending.ends > 0)
				cr_assert_eq(sending.answer, 42);
			else
				cr_assert_eq(hmt_seen_last(&s.asker, DONE)->number, 42);
			cr_assert_eq(sending.ends, ways[way] == by_ask || ways[way] == by_future);
		}
	}
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

Test(engine_auto_respond, type__without_a_sender_is_not_answered)
{
	enum hm_result (*const ways[])(struct hm_ctx *, struct sending *, const void *) = { by_send,
											    by_timer };
	static struct scene s;
	static struct sending sending;
	uint64_t number = 1;

	start(&s);
	for (size_t way = 0; way < RTE_DIM(ways); way++) {
		sending = (struct sending){ .to = s.workers[1].pid, .type = WORK, .send = ways[way] };
		hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
		hmt_elapse(&s.node, 10);
	}
	cr_assert_eq(hm_system_send(s.node.sys, s.workers[1].pid, WORK, &number), HM_OK);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.workers[1], WORK), 3);
	cr_assert_eq(responded, 0);
	hmt_node_end(&s.node);
}

static void
forward_on(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == WORK)
		cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)probe->arg), HM_OK);
}

Test(engine_auto_respond, type__that_is_forwarded_is_answered_by_the_last_one)
{
	static struct scene s;
	static struct sending sending;

	start(&s);
	s.workers[0].on_msg = forward_on;
	s.workers[0].arg = &s.workers[1].pid;
	sending = (struct sending){ .to = s.workers[0].pid, .type = WORK, .send = by_request };
	hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
	cr_assert_eq(responded, 1);
	cr_assert_eq(hmt_seen_count(&s.asker, DONE), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&s.asker, DONE)->sender, s.workers[1].pid));
	hmt_node_end(&s.node);
}

static void
stop_self(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == WORK)
		hm_stop(ctx, hm_self(ctx));
}

Test(engine_auto_respond, type__of_an_actor_that_stops_itself_is_answered_before)
{
	static struct scene s;
	static struct sending sending;

	start(&s);
	s.workers[1].on_msg = stop_self;
	sending = (struct sending){ .to = s.workers[1].pid, .type = WORK, .send = by_ask };
	hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
	cr_assert_eq(sending.answer, 42);
	cr_assert_eq(hmt_seen_count(&s.workers[1], HM_STOPPED), 1);
	/* Who does not receive it any more does not answer it either. */
	hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
	cr_assert_eq(sending.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(responded, 1);
	hmt_node_end(&s.node);
}

/* An answer of such a type: it is no request, and the one that asked may hand it on. */
static void
respond_work(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 7;

	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_respond(ctx, WORK, &number), HM_OK);
}

static void
hand_on(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert_eq(*(const uint64_t *)hm_msg_body(reply), 7);
	cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)arg), HM_OK);
}

struct handing {
	struct hm_pid from, to;
	bool is_shared;
};

static void
ask_to_hand_on(struct hm_ctx *ctx, void *arg)
{
	struct handing *handing = arg;
	struct hm_future future;
	uint64_t number = 1;

	if (!handing->is_shared) {
		cr_assert_eq(hm_ask(ctx, handing->from, HMT_NUMBER, &number, 1000, hand_on, &handing->to),
			     HM_OK);
		return;
	}
	cr_assert_eq(hm_request_future(ctx, handing->from, HMT_NUMBER, &number, 1000, &future), HM_OK);
	cr_assert_eq(hm_reenter_after(ctx, future, hand_on, &handing->to), HM_OK);
}

Test(engine_auto_respond, type__as_an_answer_is_none_that_is_answered)
{
	static struct scene s;
	static struct handing handing;

	for (int shared = 0; shared < 2; shared++) {
		start(&s);
		s.workers[0].on_msg = respond_work;
		handing = (struct handing){ s.workers[0].pid, s.workers[1].pid, shared };
		hmt_do(&s.node, s.asker.pid, ask_to_hand_on, &handing);
		cr_assert_eq(hmt_seen_count(&s.workers[1], WORK), 1);
		/* Handed on to one that receives it, it is answered to its sender, if it has one. */
		cr_assert_eq(responded, shared ? 0 : 1);
		cr_assert_eq(hmt_seen_count(&s.workers[0], DONE), shared ? 0 : 1);
		hmt_node_end(&s.node);
	}
}

static void
ask_to_pipe(struct hm_ctx *ctx, void *arg)
{
	struct handing *handing = arg;
	struct hm_future future;
	uint64_t number = 1;

	cr_assert_eq(hm_request_future(ctx, handing->from, HMT_NUMBER, &number, 1000, &future), HM_OK);
	cr_assert_eq(hm_pipe_to(ctx, future, &handing->to, 1), HM_OK);
}

Test(engine_auto_respond, type__that_is_piped_is_answered_to_its_sender)
{
	static struct scene s;
	static struct handing handing;

	start(&s);
	s.workers[0].on_msg = respond_work;
	handing = (struct handing){ .from = s.workers[0].pid, .to = s.workers[1].pid };
	hmt_do(&s.node, s.asker.pid, ask_to_pipe, &handing);
	cr_assert_eq(hmt_seen_count(&s.workers[1], WORK), 1);
	cr_assert_eq(responded, 1);
	cr_assert_eq(hmt_seen_last(&s.workers[0], DONE)->number, 8);
	hmt_node_end(&s.node);
}

Test(engine_auto_respond, type__from_the_network_is_answered)
{
	static struct scene s;
	struct hm_address address;
	struct hm_msg *msgs[2];

	start(&s);
	address = (struct hm_address){ .to = s.workers[1].pid.local, .sender = s.asker.pid };
	for (int i = 0; i < 3; i++) {
		msgs[i > 0] = hm_msg_alloc(s.node.sys->lcores[1], WORK, sizeof(uint64_t));
		msgs[i > 0]->body[0] = 41;
		if (i > 0)
			continue;
		msgs[0]->to = address.to;
		msgs[0]->sender = address.sender;
		msgs[0]->to_node = 0;
		hm_provider_receive(s.node.sys->lcores[1], msgs[0]);
		msgs[0] = hm_msg_alloc(s.node.sys->lcores[1], HMT_NUMBER, sizeof(uint64_t));
		i++;
		msgs[1] = hm_msg_alloc(s.node.sys->lcores[1], WORK, sizeof(uint64_t));
		msgs[1]->body[0] = 41;
		hm_provider_receive_burst(s.node.sys->lcores[1], &address, msgs, 2);
		break;
	}
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.workers[1], WORK), 2);
	cr_assert_eq(hmt_seen_count(&s.workers[1], HMT_NUMBER), 1);
	cr_assert_eq(responded, 2);
	cr_assert_eq(hmt_seen_count(&s.asker, DONE), 2);
	hmt_node_drop(&s.node);
}

/* ---- Touch ------------------------------------------------------------------------------------------- */

Test(engine_auto_respond, touch__any_actor_answers_without_its_receive_function)
{
	enum hm_result (*const ways[])(struct hm_ctx *, struct sending *,
				       const void *) = { by_request, by_msg_request, by_request_from, by_ask,
							 by_future };
	static struct scene s;
	static struct sending sending;

	start(&s);
	for (size_t way = 0; way < RTE_DIM(ways); way++) {
		for (uint32_t i = 0; i < 2; i++) {
			s.asker.count = s.workers[i].count = 0;
			sending = (struct sending){ .to = s.workers[i].pid,
						    .type = HM_TOUCH,
						    .send = ways[way] };
			hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
			cr_assert_eq(s.workers[i].count, 0);
			if (sending.ends == 0) {
				const struct hmt_seen *seen = hmt_seen_last(&s.asker, HM_TOUCHED);

				sending.who = ((const struct hm_touched *)(const void *)seen->words)->who;
				cr_assert(hm_pid_equal(seen->sender, s.workers[i].pid));
			}
			cr_assert(hm_pid_equal(sending.who, s.workers[i].pid));
		}
	}
	cr_assert_eq(hmt_dead(&s.node), 0);
	cr_assert_str_eq(hm_type_name(s.node.sys, HM_TOUCH), "touch");
	cr_assert_str_eq(hm_type_name(s.node.sys, HM_TOUCHED), "touched");
	cr_assert_str_eq(hm_type_name(s.node.sys, HM_REPLIES), "replies");
	hmt_node_end(&s.node);
}

Test(engine_auto_respond, touch__without_a_sender_and_to_the_dead)
{
	static struct scene s;
	static struct sending sending;

	start(&s);
	sending = (struct sending){ .to = s.workers[1].pid, .type = HM_TOUCH, .send = by_send };
	hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
	sending.send = by_timer;
	hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
	hmt_elapse(&s.node, 10);
	cr_assert_eq(hm_system_send(s.node.sys, s.workers[1].pid, HM_TOUCH, NULL), HM_OK);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(s.workers[1].count, 1, "HM_STARTED alone");
	hmt_stop(&s.node, s.workers[1].pid);
	sending.send = by_ask;
	hmt_do(&s.node, s.asker.pid, sending_begin, &sending);
	cr_assert_eq(sending.ends, 1);
	cr_assert_eq(sending.result, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&s.node);
}

static void
number_then_touch(struct hm_ctx *ctx, void *arg)
{
	struct sending *sending = arg;
	uint64_t number = 1;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(hm_send(ctx, sending->to, HMT_NUMBER, &number), HM_OK);
	sending_begin(ctx, sending);
}

static uint32_t numbers_before;

static void
touched(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HM_TOUCHED)
		numbers_before = hmt_seen_count(probe->arg, HMT_NUMBER);
}

Test(engine_auto_respond, touch__is_answered_behind_what_waits)
{
	static struct scene s;
	static struct sending sending;

	start(&s);
	s.asker.on_msg = touched;
	s.asker.arg = &s.workers[1];
	sending = (struct sending){ .to = s.workers[1].pid, .type = HM_TOUCH, .send = by_request };
	hmt_do(&s.node, s.asker.pid, number_then_touch, &sending);
	cr_assert_eq(numbers_before, 3);
	hmt_node_end(&s.node);
}

static void
guardian_touch(struct hm_ctx *ctx, void *arg)
{
	struct sending *sending = arg;

	sending->to = hm_parent(ctx);
	sending_begin(ctx, sending);
}

Test(engine_auto_respond, touch__the_guardian_answers_too)
{
	static struct scene s;
	static struct sending sending;

	start(&s);
	sending = (struct sending){ .type = HM_TOUCH, .send = by_ask };
	hmt_do(&s.node, s.asker.pid, guardian_touch, &sending);
	cr_assert_eq(sending.ends, 1);
	cr_assert(hm_pid_equal(sending.who, sending.to));
	hmt_node_end(&s.node);
}

Test(engine_auto_respond, touch__without_a_free_message)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	static struct sending sending;
	struct hmt_node node;

	sending =
		(struct sending){ .to = two_start(&node, &probe, &other), .type = HM_TOUCH, .send = by_ask };
	do_now(&node, probe.pid, sending_begin, &sending);
	do_now(&node, probe.pid, hoard_all, &hoard);
	hmt_turn_until_idle(&node);
	cr_assert_eq(sending.ends, 1, "the answer is from the heap");
	cr_assert(hm_pid_equal(sending.who, other.pid));
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

Test(engine_auto_respond, touch__from_the_network)
{
	static struct scene s;
	struct hm_ctx *ctx;
	struct hm_msg *msg;

	start(&s);
	ctx = s.node.sys->lcores[0];
	for (int i = 0; i < 2; i++) {
		/* A touched without its body is none. */
		msg = hm_msg_alloc_control(ctx, i == 0 ? HM_TOUCH : HM_TOUCHED, 0);
		msg->to = s.workers[1].pid.local;
		msg->sender = s.asker.pid;
		msg->to_node = 0;
		hm_provider_receive(ctx, msg);
		hmt_turn_until_idle(&s.node);
	}
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TOUCHED), 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_MALFORMED], 1);
	cr_assert_eq(s.workers[1].count, 1);
	hmt_node_drop(&s.node);
}

Test(engine_auto_respond, type_register__keeps_the_engines_own_ids)
{
	static const struct hm_type touch = { .id = HM_TOUCH, .name = "mine" },
				    named = { .id = DONE + 1, .name = "touch" };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_type_register(node.sys, &touch), -EINVAL);
	cr_assert_eq(hm_type_register(node.sys, &named), 0, "names of the engine's are free");
	hmt_node_end(&node);
}
