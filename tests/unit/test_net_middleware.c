/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware over the network: the stages of a sender on one node, and of a receiver on another one.
 */
#include "hm_header.h"
#include "test_net_both.h"

TestSuite(net_middleware, .init = pair_eal_start, .timeout = 120);

#define MORE 1000u /* added to each number by the sender's stage */

static uint64_t sent, received, answers, refuse_at;

static enum hm_result
send_stage(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	(void)arg;
	if (++sent == refuse_at) {
		hm_msg_free(ctx, msg);
		return HM_WOULD_BLOCK;
	}
	cr_assert_eq(hm_msg_header_set(ctx, msg, "stage", "was here"), HM_OK);
	((Hermod__Test__Numbers *)hm_msg_body_mut(msg))->a += MORE;
	return hm_send_next(ctx, to, msg, next);
}

static void
receive_stage(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	const Hermod__Test__Numbers *numbers = hm_msg_body(msg);

	(void)arg;
	if (hm_msg_type(msg) == PAIR_NUMBERS) {
		received++;
		cr_assert_geq(numbers->a, MORE);
		/* Headers stay on their node. */
		cr_assert_null(hm_msg_header(msg, "stage"));
	}
	hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware sending = { .send = send_stage };
static const struct hm_middleware receiving = { .receive = receive_stage };
static const struct hm_middleware *const sender_stages[] = { &sending, NULL };
static const struct hm_middleware *const receiver_stages[] = { &receiving, NULL };

/* As those of test_net_both.h, with stages. */
static struct fixture *
fixture_with_stages(const char *more)
{
	static struct hm_props sender, receiver;
	static struct fixture f;
	struct driver *driver = &f.driver;
	struct state state = { &f.sink_seen };

	sent = received = answers = refuse_at = 0;
	sender = driver_props;
	sender.middleware = sender_stages;
	receiver = sink_props;
	receiver.middleware = receiver_stages;
	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, more);
	f.driver.seen = &f.driver_seen;
	f.driver.address = "hermod://b/user/sink";
	cr_assert_eq(hm_system_spawn(f.nodes[0], &sender, "driver", &driver, &f.driver_pid), 0);
	cr_assert_eq(hm_system_spawn(f.nodes[1], &receiver, "sink", &state, &f.sink_pid), 0);
	pair_connect(f.nodes);
	drive(&f, RESOLVE, 1);
	pair_until(f.nodes, f.driver.found == 1);
	return &f;
}

/* Not from the sender's body, which no stage has seen; and in order. */
Test(net_middleware, send__stages_of_both_nodes_see_each_message)
{
	struct fixture *f = fixture_with_stages("");

	f->sink_seen.last = MORE;
	drive(f, SEND, 5000);
	pair_until(f->nodes, f->sink_seen.numbers == 5000);
	cr_assert_eq(sent, 5000);
	cr_assert_eq(received, 5000);
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	fixture_destroy(f);
}

Test(net_middleware, send__loss_shows_no_stage_a_message_twice)
{
	struct fixture *f =
		fixture_with_stages("--fault-drop 1000 --fault-duplicate 500 --fault-reorder 1000 "
				    "--fault-seed 42 --peer-timeout-ms 10000");

	f->sink_seen.last = MORE;
	drive(f, SEND, 5000);
	pair_until(f->nodes, f->sink_seen.numbers == 5000);
	cr_assert_eq(sent, 5000);
	cr_assert_eq(received, 5000);
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	fixture_destroy(f);
}

Test(net_middleware, ask__is_answered_by_pid_and_by_address)
{
	struct fixture *f = fixture_with_stages("");

	drive(f, ASK, 10);
	pair_until(f->nodes, f->driver.replies == 10);
	drive(f, ASK_BY_PATH, 10);
	pair_until(f->nodes, f->driver.replies == 20);
	drive(f, SEND_BY_PATH, 10);
	pair_until(f->nodes, f->sink_seen.numbers == 30);
	cr_assert_eq(sent, 30);
	cr_assert_eq(received, 30);
	fixture_destroy(f);
}

/* By an address it is found out later, so its asker is told rather than the call. */
Test(net_middleware, ask__by_an_address_that_is_refused_is_told)
{
	struct fixture *f = fixture_with_stages("");

	refuse_at = 1;
	drive(f, ASK_BY_PATH, 1);
	pair_until(f->nodes, f->driver.dead == 1);
	cr_assert_geq(pair_dead(f->nodes[0], HM_DEAD_REFUSED), 1);
	cr_assert_eq(f->sink_seen.numbers, 0);
	fixture_destroy(f);
}

/* ---- A batch to another node, which is lost ---------------------------------------------------------- */

static struct {
	struct hm_pid to;
	uint32_t calls, answered;
	enum hm_future_result result, each[2];
} batch_seen;

static void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies, void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	batch_seen.calls++;
	batch_seen.result = result;
	batch_seen.answered = hm_replies_answered(replies);
	for (uint32_t i = 0; i < hm_replies_count(replies); i++)
		batch_seen.each[i] = hm_replies_result(replies, i);
}

static void
batch_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	Hermod__Test__Numbers wanted, unwanted;
	const struct hm_batch_request two[] = { { batch_seen.to, PAIR_NUMBERS, &wanted },
						{ batch_seen.to, PAIR_NUMBERS, &unwanted } };
	const struct hm_batch batch = {
		.requests = two, .count = 2, .timeout_us = 60000000, .on_end = on_end
	};

	(void)state;
	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	hermod__test__numbers__init(&wanted);
	hermod__test__numbers__init(&unwanted);
	wanted.d = 1;
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
}

/* One is answered; of the other one, which is not, the end comes with the node's, not with the time-out. */
Test(net_middleware, batch__that_waits_for_a_lost_node_is_told)
{
	static const struct hm_props props = { .receive = batch_receive, .middleware = sender_stages };
	struct fixture *f = fixture_with_stages("--peer-timeout-ms 200");
	uint64_t poke = 0;
	struct hm_pid asker;

	batch_seen.to = f->driver.target;
	cr_assert_eq(hm_system_spawn(f->nodes[0], &props, NULL, NULL, &asker), 0);
	cr_assert_eq(hm_system_send(f->nodes[0], asker, PAIR_LOCAL, &poke), HM_OK);
	pair_until(f->nodes, received == 2);
	cr_assert_eq(sent, 2);
	pair_turn_for(f->nodes, 0.05);
	cr_assert_eq(batch_seen.calls, 0);
	hm_system_destroy(f->nodes[1]);
	f->nodes[1] = NULL;
	pair_until(f->nodes, batch_seen.calls == 1);
	cr_assert_eq(batch_seen.answered, 1);
	cr_assert_eq(batch_seen.each[0], HM_FUTURE_REPLY);
	cr_assert_eq(batch_seen.each[1], HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(batch_seen.result, HM_FUTURE_DEAD_LETTER);
	fixture_destroy(f);
}
