/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop and poison as futures; and what futures learn when another node is lost.
 */
#include "hmt_eal.h"
#include "shared_future_pvt.h"
#include "test_engine_shared.h"

TestSuite(engine_stop_future, .init = hmt_eal_start);

/* A stop as a future, one who waits for it, and whom it is about. */
struct scene {
	struct hmt_node node;
	struct hmt_probe owner, target, child;
	struct hm_pid who;
	uint64_t timeout_us;
	bool is_poison;
	enum hm_result result;
	struct making making; /* its future alone */
	struct wait wait;
	struct hm_terminated answer;
	uint32_t live, links; /* slots and links without futures */
};

static void
take_terminated(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
		void *arg)
{
	struct scene *s = arg;

	on_reply(ctx, state, result, reply, &s->wait.end);
	if (reply == NULL)
		return;
	cr_assert_eq(hm_msg_type(reply), HM_TERMINATED);
	s->answer = *(const struct hm_terminated *)hm_msg_body(reply);
}

static void
stop_begin(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	s->result = (s->is_poison ? hm_poison_future : hm_stop_future)(ctx, s->who, s->timeout_us,
								       &s->making.future);
	if (s->result == HM_OK)
		cr_assert_eq(hm_reenter_after(ctx, s->making.future, take_terminated, s), HM_OK);
}

static uint32_t
links_live(const struct hmt_node *node)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < node->sys->lcores_count; i++)
		live += node->sys->lcores[i]->links.count;
	return live;
}

static void
child_make(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, 0, NULL), 0);
}

static void
start(struct scene *s, uint32_t lcore)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 3);
	hmt_probe_spawn(&s->node, &s->owner, 0, NULL);
	s->who = hmt_probe_spawn(&s->node, &s->target, lcore, NULL);
	hmt_do(&s->node, s->target.pid, child_make, &s->child);
	s->timeout_us = 1000;
	s->live = cells_live(&s->node);
	s->links = links_live(&s->node);
}

/* ---- This node ------------------------------------------------------------------------------- */

Test(engine_stop_future, stop_future__ends_when_the_process_is_gone)
{
	static struct scene s;

	for (uint32_t c = 0; c < 6; c++) {
		start(&s, c % 3);
		s.is_poison = c >= 3;
		hmt_do(&s.node, s.owner.pid, stop_begin, &s);
		cr_assert_eq(s.result, HM_OK);
		must_be(&s.wait, HM_FUTURE_REPLY);
		cr_assert_eq(s.answer.reason, HM_TERMINATED_STOPPED);
		cr_assert_eq(s.answer.reserved, 0);
		cr_assert(hm_pid_equal(s.answer.who, s.target.pid));
		cr_assert_eq(hmt_seen_count(&s.target, HM_STOPPED), 1);
		cr_assert_eq(hmt_seen_count(&s.child, HM_STOPPED), 1, "children first");
		cr_assert_eq(hmt_seen_count(&s.owner, HM_TERMINATED), 0, "it does not watch");
		cr_assert_eq(cells_live(&s.node), s.live - 2 + 1);
		hmt_node_end(&s.node);
	}
}

static void
numbers_and_stop(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;
	uint64_t number = 1;

	for (int i = 0; i < 5; i++)
		cr_assert_eq(hm_send(ctx, s->who, HMT_NUMBER, &number), HM_OK);
	stop_begin(ctx, s);
}

Test(engine_stop_future, poison_future__comes_behind_what_waits)
{
	static struct scene s;

	start(&s, 1);
	s.is_poison = true;
	hmt_do(&s.node, s.owner.pid, numbers_and_stop, &s);
	must_be(&s.wait, HM_FUTURE_REPLY);
	cr_assert_eq(hmt_seen_count(&s.target, HMT_NUMBER), 5);
	hmt_node_end(&s.node);
}

static void
watch_and_stop(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	cr_assert_eq(hm_watch(ctx, s->who), HM_OK);
	stop_begin(ctx, s);
}

Test(engine_stop_future, stop_future__beside_a_watch_both_are_told)
{
	static struct scene s;

	start(&s, 2);
	hmt_do(&s.node, s.owner.pid, watch_and_stop, &s);
	must_be(&s.wait, HM_FUTURE_REPLY);
	cr_assert_eq(hmt_seen_count(&s.owner, HM_TERMINATED), 1);
	hmt_node_end(&s.node);
}

Test(engine_stop_future, stop_future__of_one_who_is_gone)
{
	static struct scene s;

	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		start(&s, lcore);
		hmt_stop(&s.node, s.target.pid);
		hmt_do(&s.node, s.owner.pid, stop_begin, &s);
		must_be(&s.wait, HM_FUTURE_REPLY);
		cr_assert_eq(s.answer.reason, HM_TERMINATED_NOT_FOUND);
		hmt_node_end(&s.node);
	}
}

static void
stop_wrongly(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;
	struct hm_future future;

	cr_assert_eq(hm_stop_future(ctx, hm_pid_none(), 1, &future), HM_NO_RECEIVER);
	cr_assert_eq(hm_stop_future(ctx, hm_self(ctx), 1, &future), HM_NO_RECEIVER);
	cr_assert_eq(hm_poison_future(ctx, hm_self(ctx), 1, &future), HM_NO_RECEIVER);
	cr_assert_eq(hm_stop_future(ctx, s->who, 0, &future), HM_INVALID);
	cr_assert_eq(hm_poison_future(ctx, s->who, 1, NULL), HM_INVALID);
}

Test(engine_stop_future, stop_future__wrong_ones_stop_nobody)
{
	static struct scene s;

	start(&s, 1);
	hmt_do(&s.node, s.owner.pid, stop_wrongly, &s);
	cr_assert_eq(hmt_seen_count(&s.target, HM_STOPPED), 0);
	cr_assert_eq(hmt_seen_count(&s.owner, HM_STOPPED), 0);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

/* Its child cannot be told to stop: it is on an lcore that does not turn. */
static void
turn_others(struct scene *s, uint32_t still)
{
	for (int n = 0; n < 20; n++) {
		for (uint32_t i = 0; i < s->node.sys->lcores_count; i++) {
			if (i != still)
				hmi_worker_turn(&s->node.sys->lcores[i]->worker);
		}
	}
}

Test(engine_stop_future, stop_future__timeout_and_then_it_goes_on_and_is_not_watched)
{
	static struct scene s;

	for (int cancel = 0; cancel < 2; cancel++) {
		struct hm_pid owner;

		start(&s, 1);
		owner = s.owner.pid;
		s.node.sys->lcores[0]->cell = hmi_cell_live(s.node.sys->lcores[0], owner.local);
		stop_begin(s.node.sys->lcores[0], &s);
		s.node.sys->lcores[0]->cell = NULL;
		rcu_register_thread();
		if (cancel) {
			s.node.sys->lcores[0]->cell = hmi_cell_live(s.node.sys->lcores[0], owner.local);
			future_cancel(s.node.sys->lcores[0], &s.making);
			s.node.sys->lcores[0]->cell = NULL;
		} else {
			turn_others(&s, 1);
			s.node.now_ns += 1002000;
		}
		/* The target's lcore has seen neither watch nor stop. */
		turn_others(&s, 1);
		rcu_unregister_thread();
		must_be(&s.wait, cancel ? HM_FUTURE_CANCELLED : HM_FUTURE_TIMEOUT);
		hmt_turn_until_idle(&s.node);
		cr_assert_eq(hmt_seen_count(&s.target, HM_STOPPED), 1);
		must_be(&s.wait, cancel ? HM_FUTURE_CANCELLED : HM_FUTURE_TIMEOUT);
		hmt_node_end(&s.node);
	}
}

/* What ends such a future is the process's end, and nothing else. */
static void
bother(struct hm_ctx *ctx, void *arg)
{
	const struct scene *s = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_send(ctx, s->making.future.pid, HMT_NUMBER, &number), HM_OK);
}

static void
never_stops(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	/* The lcore's own process knows no stop, and is not watched. */
	s->who = hmi_lcore_process(ctx->sys, 1);
	stop_begin(ctx, s);
}

Test(engine_stop_future, stop_future__takes_no_answer_but_the_end)
{
	static struct scene s;

	start(&s, 1);
	hmt_do(&s.node, s.owner.pid, never_stops, &s);
	hmt_do(&s.node, s.target.pid, bother, &s);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_UNEXPECTED], 1);
	cr_assert_eq(s.wait.end.ends, 0);
	hmt_elapse(&s.node, 1002);
	must_be(&s.wait, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

static void
forge(struct scene *s, struct hm_pid who)
{
	struct hm_ctx *ctx = s->node.sys->lcores[0];
	struct hm_msg *msg = hm_msg_alloc_control(ctx, HM_SYS_TERMINATED, sizeof(struct hm_terminated));
	struct hm_terminated *body = hm_msg_body_mut(msg);

	body->who = who;
	msg->to = s->making.future.pid.local;
	msg->to_node = 0;
	hm_provider_receive(ctx, msg);
	hmt_turn_until_idle(&s->node);
}

Test(engine_stop_future, stop_future__is_not_ended_by_another_nodes_word)
{
	static struct scene s;

	start(&s, 1);
	hmt_do(&s.node, s.owner.pid, never_stops, &s);
	forge(&s, s.who);
	forge(&s, (struct hm_pid){ 4711, 1 });
	cr_assert_eq(s.wait.end.ends, 0);
	hmt_node_drop(&s.node);
}

Test(engine_stop_future, owner__that_stops_withdraws_the_watch)
{
	static struct scene s;

	start(&s, 1);
	hmt_do(&s.node, s.owner.pid, never_stops, &s);
	cr_assert_eq(links_live(&s.node), s.links + 2, "whose end it is, and who waits");
	hmt_stop(&s.node, s.owner.pid);
	cr_assert_eq(links_live(&s.node), s.links);
	cr_assert_eq(s.wait.end.ends, 0);
	hmt_node_end(&s.node);
}

/* ---- Another node that is lost ------------------------------------------------------------------ */

#define NODE_A 4711u
#define NODE_B 4712u

static void
swallow(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	++*(uint32_t *)self;
	hm_msg_free(ctx, msg);
}

static const struct hm_provider_ops swallow_ops = { .deliver = swallow };

static uint32_t swallowed;

/* Two nodes, to which everything is lost; the owner is on lcore 1. */
static void
network_start(struct scene *s, uint16_t *index)
{
	uint16_t other;

	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 2);
	cr_assert_eq(hm_provider_register(s->node.sys, 0, &swallow_ops, &swallowed), 0);
	cr_assert_eq(hm_node_learn(s->node.sys, NODE_A, index), 0);
	cr_assert_eq(hm_node_learn(s->node.sys, NODE_B, &other), 0);
	hmt_probe_spawn(&s->node, &s->owner, 1, NULL);
	hmt_turn_until_idle(&s->node);
	s->timeout_us = 1000;
	swallowed = 0;
}

Test(engine_stop_future, node_lost__a_stop_ends_by_it)
{
	static struct scene s;
	uint16_t index;

	network_start(&s, &index);
	s.who = (struct hm_pid){ NODE_A, 99 };
	hmt_do(&s.node, s.owner.pid, stop_begin, &s);
	cr_assert_eq(swallowed, 2, "watch and stop");
	hm_node_lost(s.node.sys->lcores[0], index);
	hmt_turn_until_idle(&s.node);
	must_be(&s.wait, HM_FUTURE_REPLY);
	cr_assert_eq(s.answer.reason, HM_TERMINATED_NODE_LOST);
	cr_assert(hm_pid_equal(s.answer.who, s.who));
	hmt_node_drop(&s.node);
}

Test(engine_stop_future, node_lost__a_request_ends_by_a_dead_letter)
{
	static struct scene s;
	static struct wait waits[2];
	uint16_t index;

	network_start(&s, &index);
	for (uint32_t i = 0; i < 2; i++) {
		struct making making = { .to = { NODE_A + i, 99 }, .timeout_us = 1000 };

		hmt_do(&s.node, s.owner.pid, future_make, &making);
		waits[i] = (struct wait){ .future = making.future };
		hmt_do(&s.node, s.owner.pid, wait_begin, &waits[i]);
	}
	hm_node_lost(s.node.sys->lcores[0], index);
	hmt_turn_until_idle(&s.node);
	must_be(&waits[0], HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(waits[1].end.ends, 0, "of the other node");
	hmt_elapse(&s.node, 1002);
	must_be(&waits[1], HM_FUTURE_TIMEOUT);
	hmt_node_drop(&s.node);
}

static struct {
	uint32_t ends;
	enum hm_future_result result, results[3];
} batch_end;

static void
on_batch_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	batch_end.ends++;
	batch_end.result = result;
	for (uint32_t i = 0; i < 3; i++)
		batch_end.results[i] = hm_replies_result(reply, i);
}

static void
batch_ask(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_batch_request requests[3] = { { { NODE_A, 99 }, HMT_EMPTY, NULL },
							     { { NODE_B, 99 }, HMT_EMPTY, NULL },
							     { { NODE_A, 98 }, HMT_EMPTY, NULL } };
	struct hm_batch batch = {
		.requests = requests, .count = 3, .timeout_us = 1000, .on_end = on_batch_end
	};

	(void)arg;
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
}

Test(engine_stop_future, node_lost__requests_of_a_batch_end_by_a_dead_letter)
{
	static struct scene s;
	uint16_t index;

	network_start(&s, &index);
	hmt_do(&s.node, s.owner.pid, batch_ask, NULL);
	hm_node_lost(s.node.sys->lcores[0], index);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(batch_end.ends, 0, "one is of the other node");
	hmt_elapse(&s.node, 1002);
	cr_assert_eq(batch_end.ends, 1);
	cr_assert_eq(batch_end.result, HM_FUTURE_TIMEOUT);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(batch_end.results[i], i == 1 ? HM_FUTURE_TIMEOUT : HM_FUTURE_DEAD_LETTER);
	hmt_node_drop(&s.node);
}
