/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balancer: actors that talk to each other come to live on one lcore, and stay together.
 */
#include "hm_mailbox.h"
#include "move_pvt.h"
#include "test_engine_balance.h"

TestSuite(engine_balance_join, .init = hmt_eal_start);

/* Little beside what run_for lets pass: there is room. */
#define TALK_NS 600u

static const struct hm_props any_props = { .receive = work,
					   .state_size = sizeof(struct worker *),
					   .args_size = sizeof(struct worker *),
					   .lcore = HM_LCORE_ANY };

/* Two of one pair have a message on its way. */
static void
pair_talk(struct hmt_node *node, struct worker pair[2])
{
	for (uint32_t i = 0; i < 2; i++)
		pair[i].to = pair[1 - i].pid;
	worker_start(node, &pair[0]);
}

/* A pair, dealt to lcores 0 and 1 unless props say something else. */
static void
pair_start(struct hmt_node *node, struct worker pair[2], const struct hm_props *props, bool by_request)
{
	for (uint32_t i = 0; i < 2; i++) {
		pair[i] = (struct worker){ .message_ns = TALK_NS, .by_request = by_request };
		worker_spawn(node, &pair[i], props, NULL);
	}
	cr_assert_eq(pair[0].lcore, 0);
	pair_talk(node, pair);
}

/* ---- Joining ---------------------------------------------------------------------------- */

static void
check_joined(const struct hm_props *props, bool by_request)
{
	struct worker pair[2];
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	pair_start(&node, pair, props, by_request);
	cr_assert_eq(pair[1].lcore, 1);
	run_looks(&node, 2);
	cr_assert_eq(balance_stats(&node).joined, 0, "it has not lasted");
	run_looks(&node, 8);
	cr_assert_eq(pair[0].lcore, pair[1].lcore);
	cr_assert_eq(balance_stats(&node).joined, 1);
	/* Now one lcore has all the load, and they stay when they have rested. */
	run_looks(&node, 2 * HMI_BALANCE_REST);
	cr_assert_eq(pair[0].lcore, pair[1].lcore);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	cr_assert_eq(balance_stats(&node).moved, 0);
	hmt_node_end(&node);
}

Test(engine_balance_join, join__who_answer_each_other)
{
	check_joined(&any_props, true);
}

/* Their messages name no sender. */
Test(engine_balance_join, join__who_send_to_each_other)
{
	check_joined(&any_props, false);
}

static uint8_t
same_priority(const struct hm_msg *msg)
{
	(void)msg;
	return 3;
}

/* Whatever mailbox they have, but for a queue of the user's own, which nobody can look into. */
Test(engine_balance_join, join__who_have_mailboxes_of_their_own)
{
	static const struct hm_mailbox mailboxes[] = {
		{ .order = HM_MAILBOX_CONTROL },
		{ .order = HM_MAILBOX_PRIORITY, .priority = same_priority },
		{ .overflow = HM_OVERFLOW_REJECT, .capacity = 100 },
	};

	for (size_t i = 0; i < RTE_DIM(mailboxes); i++) {
		struct hm_props props = any_props;

		props.mailbox = &mailboxes[i];
		check_joined(&props, true);
		check_joined(&props, false);
	}
}

/* As the balancer does. */
static void
order_move(struct hmt_node *node, struct hm_pid pid, uint32_t lcore)
{
	struct hm_ctx *ctx = node->sys->lcores[hm_pid_lcore(pid)];

	hmi_move_order(ctx, hmi_cell_live(ctx, pid.local), lcore, HMI_MOVE_BY_LOAD);
}

/* Again, when they are elsewhere than where they were born. */
Test(engine_balance_join, join__who_have_moved)
{
	struct worker pair[2];
	struct hmt_node node;

	hmt_node_start_with(&node, 4, 0, BALANCE);
	for (uint32_t style = 0; style < 2; style++) {
		uint64_t joined = balance_stats(&node).joined;

		pair_start(&node, pair, &worker_props, style == 0);
		run_looks(&node, 2);
		/* Not by hand, or they would stay. */
		for (uint32_t i = 0; i < 2; i++)
			order_move(&node, pair[i].pid, 1 + i);
		run_looks(&node, 2);
		cr_assert_eq(pair[0].lcore, 1);
		cr_assert_eq(pair[1].lcore, 2);
		run_looks(&node, HMI_BALANCE_REST + 10);
		cr_assert_eq(pair[0].lcore, pair[1].lcore);
		cr_assert_eq(balance_stats(&node).joined, joined + 1);
		for (uint32_t i = 0; i < 2; i++)
			worker_stop(&node, &pair[i]);
	}
	hmt_node_end(&node);
}

Test(engine_balance_join, join__where_one_is_fixed)
{
	for (uint32_t fixed = 0; fixed < 2; fixed++) {
		struct hm_props stays = any_props;
		struct worker pair[2];
		struct hmt_node node;

		stays.balance = HM_BALANCE_STAY;
		hmt_node_start_with(&node, 2, 0, BALANCE);
		for (uint32_t i = 0; i < 2; i++) {
			pair[i] = (struct worker){ .message_ns = TALK_NS, .by_request = true };
			worker_spawn(&node, &pair[i], i == fixed ? &stays : &any_props, NULL);
		}
		pair_talk(&node, pair);
		run_looks(&node, 30);
		cr_assert_eq(pair[0].lcore, fixed, "%u", fixed);
		cr_assert_eq(pair[1].lcore, fixed, "%u", fixed);
		cr_assert_eq(balance_stats(&node).joined, 1);
		hmt_node_end(&node);
	}
}

/* One sends, and gets a message for each four; to the other that is all it gets. */
static void
produce(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct worker *worker = *(struct worker **)state;
	uint64_t number = 0;

	for (uint32_t i = 0; hm_msg_type(msg) == HMT_NUMBER && i < 4; i++)
		cr_assert_eq(hm_send(ctx, worker->to, HMT_NUMBER, &number), HM_OK);
	worker->lcore = hm_lcore(ctx);
	if (hm_msg_type(msg) == HMT_NUMBER) {
		worker->handled++;
		worker->node->now_ns += 2000;
		cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
	}
}

static void
consume(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct worker *worker = *(struct worker **)state;

	worker->lcore = hm_lcore(ctx);
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	worker->handled++;
	worker->node->now_ns += 10;
}

Test(engine_balance_join, join__one_way)
{
	struct worker pair[2] = { 0 };
	struct hm_props props[2] = { any_props, any_props };
	struct hmt_node node;

	props[0].receive = produce;
	props[1].receive = consume;
	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < 2; i++)
		worker_spawn(&node, &pair[i], &props[i], NULL);
	pair[0].to = pair[1].pid;
	worker_start(&node, &pair[0]);
	run_looks(&node, 40);
	cr_assert_eq(balance_stats(&node).joined, 1);
	cr_assert_eq(pair[0].lcore, pair[1].lcore);
	hmt_node_end(&node);
}

/* ---- Staying together --------------------------------------------------------------------- */

/* Pairs of one lcore share two, and none is parted. */
Test(engine_balance_join, spread__pairs_as_one)
{
	struct worker pairs[4][2];
	struct hmt_node node;
	uint32_t on_first = 0;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < 4; i++)
		pair_start(&node, pairs[i], &worker_props, i % 2 == 0);
	run_looks(&node, 60);
	for (uint32_t i = 0; i < 4; i++) {
		cr_assert_eq(pairs[i][0].lcore, pairs[i][1].lcore);
		on_first += pairs[i][0].lcore == 0;
	}
	cr_assert_eq(on_first, 2);
	cr_assert_eq(balance_stats(&node).moved, 4);
	cr_assert_eq(balance_stats(&node).joined, 0);
	hmt_node_end(&node);
}

/* Of a pair, one that may not move keeps the other. */
Test(engine_balance_join, spread__no_half_of_a_pair)
{
	struct hm_props stays = worker_props;
	struct worker pairs[2][2];
	struct hmt_node node;

	stays.balance = HM_BALANCE_STAY;
	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t k = 0; k < 2; k++) {
			pairs[i][k] = (struct worker){ .message_ns = TALK_NS };
			worker_spawn(&node, &pairs[i][k], k == 0 ? &stays : &worker_props, NULL);
		}
		pair_talk(&node, pairs[i]);
	}
	run_looks(&node, 60);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	hmt_node_end(&node);
}

/* ---- Who is not joined ----------------------------------------------------------------------- */

Test(engine_balance_join, stay__who_talk_seldom)
{
	struct worker pair[2];
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	pair_start(&node, pair, &any_props, true);
	/* A thousand messages a second: fewer than are worth it, however they are sampled. */
	for (uint32_t turn = 0; turn < 5000; turn++) {
		hm_system_turn(node.sys);
		node.now_ns += 1000000;
	}
	cr_assert_gt(pair[0].handled, 1000);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	hmt_node_end(&node);
}

Test(engine_balance_join, stay__who_both_may_not_move)
{
	struct hm_props props = any_props;
	struct worker pair[2];
	struct hmt_node node;

	props.balance = HM_BALANCE_STAY;
	hmt_node_start_with(&node, 2, 0, BALANCE);
	pair_start(&node, pair, &props, true);
	run_looks(&node, 30);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	cr_assert_eq(balance_stats(&node).refused, 0);
	hmt_node_end(&node);
}

/* A server answers each client's message; to it, none of them is most. */
static void
serve(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct worker *worker = *(struct worker **)state;

	worker->lcore = hm_lcore(ctx);
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	worker->handled++;
	worker->node->now_ns += TALK_NS;
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

Test(engine_balance_join, stay__clients_of_a_server)
{
	struct worker server = { 0 }, clients[4];
	struct hm_props props = worker_props, client_props = any_props;
	struct hmt_node node;

	props.receive = serve;
	props.balance = HM_BALANCE_STAY;
	hmt_node_start_with(&node, 2, 0, BALANCE);
	worker_spawn(&node, &server, &props, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		clients[i] = (struct worker){ .message_ns = TALK_NS, .by_request = true, .to = server.pid };
		node.sys->lcores[0]->deal = 1;
		worker_spawn(&node, &clients[i], &client_props, NULL);
		worker_start(&node, &clients[i]);
	}
	run_looks(&node, 30);
	cr_assert_gt(server.handled, 10000);
	cr_assert_eq(balance_stats(&node).joined, 0);
	hmt_node_end(&node);
}

/* ---- The end ------------------------------------------------------------------------------------ */

Test(engine_balance_join, stop__while_they_join)
{
	struct worker pair[2];
	struct hmt_node node;
	uint32_t turns = 0;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	pair_start(&node, pair, &any_props, false);
	for (; hmt_stats(&node).moved == 0; turns++)
		run_for(&node, 1);
	hmt_node_end(&node);
	for (uint32_t stop = turns - 20; stop < turns + 5; stop++) {
		hmt_node_start_with(&node, 2, 0, BALANCE);
		pair_start(&node, pair, &any_props, false);
		for (uint32_t turn = 0; turn < stop; turn++)
			run_for(&node, 1);
		/* One of them ends, or all do. */
		if (stop % 2 == 0)
			worker_stop(&node, &pair[stop / 2 % 2]);
		hmt_node_end(&node);
	}
}
