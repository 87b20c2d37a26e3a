/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware in all kinds of turns: a stage that fails with messages under way, an actor that ends or moves, a stage that keeps
 * what it gets, quanta, settings, other nodes.
 */
#include "hm_behaviour.h"
#include "hm_buffer.h"
#include "hm_deploy.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "hm_middleware.h"
#include "hm_move.h"
#include "hm_provider.h"
#include "hm_supervisor.h"
#include "hmt_fault.h"
#include "test_engine_memory.h"

#define OTHER_NODE 4711u

TestSuite(engine_middleware_turn, .init = hmt_eal_start);

static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };
static struct hmt_node node;
static struct hmt_probe actor, other, child;
static struct hm_props props;

/* Calls of the stages of receive, send and spawn. */
static uint32_t received, sent, spawned;

/* When the stage around what is sent or spawned fails, and how. */
static enum {
	NEVER,
	BEFORE,
	BEHIND
} fails;
static bool by_signal;

static void
fail_if(struct hm_ctx *ctx, bool is_time)
{
	if (!is_time)
		return;
	/* What it has made goes with it. */
	cr_assert_not_null(hm_msg_new(ctx, HMT_NUMBER, 0));
	if (by_signal)
		hmt_fault_raise(HMT_FAULT_NULL);
	hm_fail(ctx, "in a stage");
}

static void
receive_stage(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	bool is_number = hm_msg_type(msg) == HMT_NUMBER;

	(void)arg;
	received += is_number;
	fail_if(ctx, is_number && fails == BEFORE);
	hm_receive_next(ctx, state, msg, next);
	fail_if(ctx, is_number && fails == BEHIND);
}

static enum hm_result
send_stage(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	enum hm_result result;

	(void)arg;
	sent++;
	fail_if(ctx, fails == BEFORE);
	result = hm_send_next(ctx, to, msg, next);
	fail_if(ctx, fails == BEHIND);
	return result;
}

static int
spawn_stage(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	    const struct hm_spawn_next *next, void *arg)
{
	int rc;

	(void)arg;
	spawned++;
	fail_if(ctx, fails == BEFORE);
	rc = hm_spawn_next(ctx, what, pid, next);
	fail_if(ctx, fails == BEHIND);
	return rc;
}

static const struct hm_middleware receiving = { .receive = receive_stage }, sending = { .send = send_stage },
				  spawning = { .spawn = spawn_stage };
static const struct hm_middleware *const stages[] = { &receiving, &sending, &spawning, NULL };

static void
counts_clear(void)
{
	received = sent = spawned = 0;
}

/* `actor` with all three stages, /user/actor, and `other` without any, both on lcore 0; those that fail go on. */
static void
start(const struct hm_props *with)
{
	struct hmt_probe *probe = &actor;

	actor = other = child = (struct hmt_probe){ 0 };
	fails = NEVER;
	props = *with;
	props.middleware = stages;
	hmt_probe_spawn(&node, &other, 0, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, "actor", &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
	counts_clear();
}

static void
node_start(void)
{
	hmt_node_start(&node, 2);
	node.sys->guardian.supervisor = &resume;
	start(hmt_probe_props(0));
}

/* ---- A stage fails ----------------------------------------------------------------------------- */

static struct hm_msg *kept;
static struct hm_future future;

static void
do_send(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_send(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 });
}

static void
do_send_big(struct hm_ctx *ctx, void *arg)
{
	char big[HMT_BIG_BYTES] = { 0 };

	(void)arg;
	(void)hm_request(ctx, other.pid, HMT_BIG, big);
}

static void
do_send_made(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "key", "value"), HM_OK);
	(void)hm_msg_request(ctx, other.pid, msg);
}

static void
do_send_buffer(struct hm_ctx *ctx, void *arg)
{
	struct hm_buffer *buffer;

	(void)arg;
	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), 100, &buffer), 0);
	(void)hm_send_buffer(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, buffer);
}

static void
do_ask(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_ask(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, hmt_ignore_reply, NULL);
}

static void
do_ask_made(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_ask(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0), 1000, hmt_ignore_reply, NULL);
}

static void
do_request_future(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_request_future(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, &future);
}

static void
do_forward(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_forward(ctx, other.pid);
}

static void
do_keep_and_forward(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
	(void)hm_msg_forward(ctx, other.pid, kept);
}

static void
do_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	child = (struct hmt_probe){ 0 };
	(void)!hmt_probe_child(ctx, &child, HMT_LCORE_SAME, NULL);
}

static void (*const deeds[])(struct hm_ctx *ctx, void *arg) = {
	do_send, do_send_big, do_send_made, do_send_buffer, do_ask, do_ask_made, do_request_future, do_spawn,
};

/* Each kind, as often as would show what is lost; what was sent before the failure has been sent. */
static void
deeds_fail(void)
{
	enum {
		TIMES = 20
	};

	for (size_t i = 0; i < RTE_DIM(deeds); i++) {
		uint64_t failed = hmt_stats(&node).failed, dead = hmt_stats(&node).dead[HM_DEAD_FAILED];

		for (uint32_t j = 0; j < TIMES; j++)
			hmt_do(&node, actor.pid, deeds[i], NULL);
		cr_assert_eq(hmt_stats(&node).failed, failed + TIMES, "deed %zu", i);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], dead + TIMES, "deed %zu", i);
		hmt_books_check(node.sys);
	}
	hmt_elapse(&node, 2000);
	cr_assert_eq(hmt_seen_count(&other, HMT_BIG), fails == BEHIND ? TIMES : 0);
}

/* Others, and the actor itself, are as before. */
static void
goes_on(void)
{
	fails = NEVER;
	counts_clear();
	other.count = 0;
	hmt_do(&node, other.pid, do_send, NULL);
	cr_assert_eq(sent, 0, "another one has no stages");
	hmt_do(&node, actor.pid, do_send, NULL);
	cr_assert_eq(sent, 1);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 2);
}

Test(engine_middleware_turn, fail__around_what_is_sent_and_spawned_loses_nothing, .timeout = 60)
{
	for (uint32_t i = 0; i < 4; i++) {
		node_start();
		by_signal = (i & 1) != 0;
		fails = (i & 2) != 0 ? BEHIND : BEFORE;
		deeds_fail();
		goes_on();
		hmt_node_end(&node);
	}
}

static struct hm_msg *made;

static void
make(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	made = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_not_null(made);
}

static void
made_send(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_send(ctx, other.pid, made);
}

static void
made_ask(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_ask(ctx, other.pid, made, 1000, hmt_ignore_reply, NULL);
}

static void
made_respond(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_msg_respond(ctx, made);
}

static void
request_deed(struct hm_ctx *ctx, void *deed)
{
	cr_assert_eq(hm_request(ctx, actor.pid, HMT_DO, deed), HM_OK);
}

/* It was handed over, so the actor does not know it any more: it goes with the call. */
Test(engine_middleware_turn, fail__around_what_was_made_before_loses_it)
{
	static void (*const ways[])(struct hm_ctx * ctx, void *arg) = { made_send, made_ask, made_respond };

	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		struct hmt_deed deed = { ways[i], NULL };

		node_start();
		hmt_do(&node, actor.pid, make, NULL);
		fails = BEFORE;
		hmt_do(&node, other.pid, request_deed, &deed);
		cr_assert_eq(hmt_stats(&node).failed, 1);
		goes_on();
		hmt_stop(&node, actor.pid);
		hmt_node_end(&node);
	}
}

static void (*forward_how)(struct hm_ctx *ctx, void *arg);

static void
forward_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		forward_how(ctx, NULL);
}

/* Handed on before the failure, it is on its way; else it is a dead letter, or the actor has it still. */
static void
forward_fails(void (*how)(struct hm_ctx *ctx, void *arg), enum hm_dead_reason before)
{
	static const struct hm_middleware *const only_send[] = { &sending, NULL };
	struct hmt_probe *probe = &actor;

	for (uint32_t i = 0; i < 4; i++) {
		hmt_node_start(&node, 2);
		node.sys->guardian.supervisor = &resume;
		start(hmt_probe_props(0));
		actor = (struct hmt_probe){ .on_msg = forward_number };
		forward_how = how;
		props.middleware = only_send;
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
		hmt_turn_until_idle(&node);
		by_signal = (i & 1) != 0;
		fails = (i & 2) != 0 ? BEHIND : BEFORE;
		hmt_number(&node, actor.pid, 5);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_stats(&node).failed, 1);
		cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), fails == BEHIND);
		hmt_stop(&node, actor.pid);
		cr_assert_eq(hmt_stats(&node).dead[before], fails == BEFORE);
		hmt_node_end(&node);
	}
}

Test(engine_middleware_turn, fail__around_what_is_handed_on_loses_nothing)
{
	forward_fails(do_forward, HM_DEAD_FAILED);
	/* Kept in the call that failed, it is the actor's until that ends. */
	forward_fails(do_keep_and_forward, HM_DEAD_STOPPED);
}

Test(engine_middleware_turn, fail__around_what_is_received_loses_it_alone)
{
	for (uint32_t i = 0; i < 4; i++) {
		node_start();
		by_signal = (i & 1) != 0;
		fails = (i & 2) != 0 ? BEHIND : BEFORE;
		for (uint32_t j = 0; j < 5; j++)
			hmt_number(&node, actor.pid, j);
		hmt_turn_until_idle(&node);
		cr_assert_eq(received, 5);
		cr_assert_eq(hmt_stats(&node).failed, 5);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 5);
		cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), fails == BEHIND ? 5 : 0);
		goes_on();
		hmt_node_end(&node);
	}
}

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
