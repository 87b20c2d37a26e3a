/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware in all kinds of turns: an actor that ends or moves, a stage that keeps what it gets, quanta, settings, other nodes.
 */
#include "hm_behaviour.h"
#include "hm_deploy.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "hm_move.h"
#include "hm_provider.h"
#include "test_engine_middleware_turn.h"

#define OTHER_NODE 4711u

TestSuite(engine_middleware_turn, .init = hmt_eal_start);

/* ---- The turn's end ------------------------------------------------------------------------------ */

static void
send_at_end(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_STOPPING || hm_msg_type(msg) == HM_STOPPED)
		do_send(ctx, NULL);
}

static void
send_and_stop(struct hm_ctx *ctx, void *arg)
{
	do_send(ctx, arg);
	hm_stop(ctx, hm_self(ctx));
	do_send(ctx, arg);
}

/* Whoever has its turn next on the lcore has no stages. */
Test(engine_middleware_turn, end__in_a_turn_that_sends)
{
	struct hmt_deed deed = { send_and_stop, NULL }, after = { do_send, NULL };

	node_start();
	actor.on_msg = send_at_end;
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_DO, &deed), HM_OK);
	cr_assert_eq(hm_system_send(node.sys, other.pid, HMT_DO, &after), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(sent, 4);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 5);
	hmt_node_end(&node);
}

static void
move_and_send(struct hm_ctx *ctx, void *arg)
{
	do_send(ctx, arg);
	cr_assert_eq(hm_move(ctx, hm_self(ctx), 1), HM_OK);
	do_send(ctx, arg);
}

Test(engine_middleware_turn, move__in_a_turn_that_sends)
{
	node_start();
	hmt_do(&node, actor.pid, move_and_send, NULL);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	cr_assert_eq(sent, 2);
	hmt_do(&node, other.pid, do_send, NULL);
	cr_assert_eq(sent, 2);
	hmt_do(&node, actor.pid, do_send, NULL);
	cr_assert_eq(sent, 3);
	/* It ends elsewhere, and its stages are freed there. */
	hmt_stop(&node, actor.pid);
	hmt_node_end(&node);
}

/* ---- Stages that do something ------------------------------------------------------------------------ */

static bool holds;
static struct hm_msg *kept;

static void
receive_holding(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
		void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) == HMT_NUMBER && holds)
		cr_assert_eq(hm_stash(ctx), HM_OK);
	else if (hm_msg_type(msg) == HMT_BIG)
		cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
	else
		hm_receive_next(ctx, state, msg, next);
	/* In the actor's turn, and so by its stages. */
	if (hm_msg_type(msg) == HMT_EMPTY)
		do_send(ctx, NULL);
}

static void
release(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	holds = false;
	while (hm_unstash(ctx))
		;
	cr_assert_eq(hm_msg_forward(ctx, other.pid, kept), HM_OK);
}

Test(engine_middleware_turn, receive__a_stage_stashes_keeps_and_sends)
{
	static const struct hm_middleware holding = { .receive = receive_holding };
	static const struct hm_middleware *const all[] = { &receiving, &holding, &sending, NULL };
	struct hmt_probe *probe = &actor;
	char big[HMT_BIG_BYTES] = { 0 };

	node_start();
	actor = (struct hmt_probe){ 0 };
	props.middleware = all;
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
	holds = true;
	hmt_number(&node, actor.pid, 1);
	hmt_number(&node, actor.pid, 2);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_BIG, big), HM_OK);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(received, 2);
	cr_assert_eq(sent, 1);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 0);
	hmt_do(&node, actor.pid, release, NULL);
	/* What comes back from the stash passes through them once more. */
	cr_assert_eq(received, 4);
	cr_assert_eq(sent, 2);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&other, HMT_BIG), 1);
	hmt_node_end(&node);
}

/* ---- What passes through none ------------------------------------------------------------------------ */

static struct hm_future piped;

static void
send_otherwise(struct hm_ctx *ctx, void *arg)
{
	const uint64_t number = 1;
	const struct hm_period once = { .delay_us = 1, .period_us = 1, .count = 1 };

	(void)arg;
	cr_assert_eq(hm_request_future(ctx, child.pid, HMT_EMPTY, NULL, 1000000, &piped), HM_OK);
	sent = 0;
	cr_assert_eq(hm_pipe_to(ctx, piped, &other.pid, 1), HM_OK);
	cr_assert_eq(hm_send_after(ctx, other.pid, HMT_NUMBER, &number, 1, 0, NULL), HM_OK);
	cr_assert_eq(hm_send_every(ctx, other.pid, HMT_NUMBER, &number, &once, NULL), HM_OK);
	cr_assert_eq(hm_poison(ctx, child.pid), HM_OK);
}

static void
child_answers(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, NULL), HM_OK);
}

/* The engine makes them, when the actor has no turn: timers, what a future is piped to; and what is no message of a user. */
Test(engine_middleware_turn, send__timers_and_pipes_pass_through_none)
{
	node_start();
	hmt_do(&node, actor.pid, do_spawn, NULL);
	child.on_msg = child_answers;
	hmt_do(&node, actor.pid, send_otherwise, NULL);
	hmt_elapse(&node, 2000);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 3);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	cr_assert_eq(sent, 0);
	hmt_node_end(&node);
}

/* ---- With other properties ----------------------------------------------------------------------------- */

Test(engine_middleware_turn, quantum__and_priority_beside_stages)
{
	struct hm_props with = *hmt_probe_props(0);

	with.quantum = 1;
	with.quantum_us = HM_QUANTUM_US_MAX;
	with.priority = HM_ACTOR_HIGH;
	hmt_node_start(&node, 2);
	start(&with);
	for (uint32_t i = 0; i < 100; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(received, 100);
	cr_assert_eq(hmt_seen_last(&actor, HMT_NUMBER)->number, 99);
	hmt_do(&node, actor.pid, do_send, NULL);
	hmt_do(&node, other.pid, do_send, NULL);
	cr_assert_eq(sent, 1);
	hmt_node_end(&node);
}

Test(engine_middleware_turn, settings__leave_the_stages_to_the_props)
{
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_deploy_set(node.sys, "/user/actor:lcore=1", NULL, 0), 0);
	start(hmt_probe_props(0));
	cr_assert_eq(hm_pid_lcore(actor.pid), 1);
	hmt_number(&node, actor.pid, 1);
	hmt_do(&node, actor.pid, do_send, NULL);
	cr_assert_eq(received, 1);
	cr_assert_eq(sent, 1);
	hmt_node_end(&node);
}

/* ---- Other nodes ------------------------------------------------------------------------------------------ */

struct taken {
	uint32_t messages, headers, bodies;
};

static void
provider_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct taken *taken = self;

	taken->messages++;
	taken->headers += hm_msg_headers_count(msg);
	hm_msg_free(ctx, msg);
}

/* Straight from the sender's body, which no stage would see. */
static bool
provider_send(void *self, struct hm_ctx *ctx, const struct hm_outgoing *out)
{
	struct taken *taken = self;

	(void)ctx;
	(void)out;
	taken->bodies++;
	return true;
}

static const struct hm_provider_ops provider_ops = { .deliver = provider_deliver, .send = provider_send };

static enum hm_result
send_marked(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	    void *arg)
{
	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "stage", "was here"), HM_OK);
	return hm_send_next(ctx, to, msg, next);
}

static void
send_away(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)arg, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)arg, HMT_NUMBER, &(uint64_t){ 1 }, 1000, hmt_ignore_reply,
			    NULL),
		     HM_OK);
}

Test(engine_middleware_turn, remote__a_stage_sees_it_and_its_headers_are_dropped)
{
	static const struct hm_middleware marking = { .send = send_marked };
	static const struct hm_middleware *const all[] = { &marking, &sending, NULL };
	struct hm_pid away = { OTHER_NODE, 77 };
	struct hmt_probe *probe = &actor;
	struct taken taken = { 0 };
	uint16_t index;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_provider_register(node.sys, 0, &provider_ops, &taken), 0);
	cr_assert_eq(hm_node_learn(node.sys, OTHER_NODE, &index), 0);
	start(hmt_probe_props(0));
	actor = (struct hmt_probe){ 0 };
	props.middleware = all;
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_do(&node, actor.pid, send_away, &away);
	cr_assert_eq(sent, 2);
	cr_assert_eq(taken.messages, 2);
	cr_assert_eq(taken.headers + taken.bodies, 0);
	cr_assert_eq(hmt_stats(&node).headers_dropped, 2);
	hmt_node_drop(&node);
}
