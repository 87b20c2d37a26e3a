/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware: what is received, sent and asked passes through which stages, in which order, and what happens when one fails.
 */
#include "hm_behaviour.h"
#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "test_engine_middleware.h"

TestSuite(engine_middleware, .init = hmt_eal_start);

/* ---- Receive -------------------------------------------------------------------------------- */

Test(engine_middleware, receive__the_first_stage_is_the_outermost)
{
	START(&outer, &nothing, &inner);
	hmt_number(&node, actor.pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(trace, "ab");
	cr_assert_eq(hmt_seen_last(&actor, HMT_NUMBER)->number, 7);
	hmt_node_end(&node);
}

static void
receive_lifecycle(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		  const struct hm_receive_next *next, void *arg)
{
	static const char letters[] = {
		[HM_STARTED] = 's', [HM_STOPPING] = 'p', [HM_STOPPED] = 'e', [HM_RESTARTING] = 'r'
	};

	(void)arg;
	if (hm_msg_type(msg) < sizeof(letters) && letters[hm_msg_type(msg)] != '\0')
		note(letters[hm_msg_type(msg)]);
	hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware lifecycle = { .receive = receive_lifecycle };

Test(engine_middleware, receive__what_the_engine_sends_passes_through)
{
	START(&lifecycle);
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	hmt_stop(&node, actor.pid);
	cr_assert_str_eq(trace, "rspe");
	hmt_node_end(&node);
}

static void
receive_refused(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
		void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) != HMT_NUMBER)
		hm_receive_next(ctx, state, msg, next);
}

static void
receive_twice(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	(void)arg;
	hm_receive_next(ctx, state, msg, next);
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware refusing = { .receive = receive_refused };
static const struct hm_middleware doubling = { .receive = receive_twice };

Test(engine_middleware, receive__a_stage_that_does_not_go_on_has_handled_it)
{
	START(&refusing, &inner);
	hmt_number(&node, actor.pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 0);
	cr_assert_str_eq(trace, "");
	hmt_node_end(&node);
}

Test(engine_middleware, receive__a_stage_may_go_on_twice)
{
	START(&doubling, &inner);
	hmt_number(&node, actor.pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 2);
	cr_assert_str_eq(trace, "bb");
	hmt_node_end(&node);
}

static uint32_t became;

static void
other_behaviour(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HMT_NUMBER)
		became++;
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert(hm_become_pop(ctx));
	if (hm_msg_type(msg) == HMT_DO) {
		const struct hmt_deed *deed = hm_msg_body(msg);

		deed->fn(ctx, deed->arg);
	}
}

static void
become_other(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_become_push(ctx, other_behaviour), HM_OK);
}

static void
send_empty(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, HMT_EMPTY, NULL), HM_OK);
}

Test(engine_middleware, receive__stages_stay_whatever_the_behaviour)
{
	START(&inner);
	became = 0;
	hmt_do(&node, actor.pid, become_other, NULL);
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(became, 1);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 0);
	hmt_do(&node, other.pid, send_empty, &actor.pid);
	hmt_number(&node, actor.pid, 2);
	hmt_turn_until_idle(&node);
	cr_assert_eq(became, 1);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 1);
	/* And a restart begins with the function of the props. */
	hmt_do(&node, actor.pid, become_other, NULL);
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	hmt_number(&node, actor.pid, 3);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 2);
	cr_assert_str_eq(trace, "bbb");
	hmt_node_end(&node);
}

/* ---- Send ----------------------------------------------------------------------------------- */

static void
send_all_kinds(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 5, two[2] = { 6, 7 };
	char big[HMT_BIG_BYTES] = { 0 };
	struct hm_buffer *buffer;
	struct hm_msg *msg;
	uint32_t sent;

	(void)arg;
	cr_assert_eq(hm_send(ctx, other.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_request(ctx, other.pid, HMT_EMPTY, NULL), HM_OK);
	cr_assert_eq(hm_request_from(ctx, other.pid, other.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_send(ctx, other.pid, HMT_BIG, big), HM_OK);
	cr_assert_eq(hm_send_batch(ctx, other.pid, HMT_NUMBER, two, 2, &sent), HM_OK);
	cr_assert_eq(sent, 2);
	msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_eq(hm_msg_send(ctx, other.pid, msg), HM_OK);
	msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_eq(hm_msg_request(ctx, other.pid, msg), HM_OK);
	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), 100, &buffer), 0);
	cr_assert_eq(hm_send_buffer(ctx, other.pid, HMT_NUMBER, &number, buffer), HM_OK);
}

Test(engine_middleware, send__every_kind_passes_through)
{
	START(&outer, &inner);
	hmt_do(&node, actor.pid, send_all_kinds, NULL);
	cr_assert_str_eq(trace, "ababababababababab");
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 7);
	cr_assert_eq(hmt_seen_count(&other, HMT_BIG), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&other, HMT_EMPTY)->sender, actor.pid));
	cr_assert(hm_pid_equal(other.seen[3].sender, other.pid));
	hmt_node_end(&node);
}

Test(engine_middleware, send__actors_without_stages_have_none)
{
	START(&outer);
	hmt_do(&node, actor.pid, send_all_kinds, NULL);
	trace[0] = '\0';
	hmt_do(&node, other.pid, send_empty, &actor.pid);
	cr_assert_str_eq(trace, "");
	cr_assert_eq(hmt_seen_count(&actor, HMT_EMPTY), 1);
	hmt_node_end(&node);
}

/* The messages that it gets are answered, handed on, or kept and handed on. */
static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 8;
	struct hm_msg *kept;

	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
	else if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_msg_respond(ctx, hm_msg_new(ctx, HMT_NUMBER, 0)), HM_NO_SENDER);
	else if (hm_msg_type(msg) == HMT_BIG) {
		cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
		cr_assert_eq(hm_msg_forward(ctx, other.pid, kept), HM_OK);
	} else if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, other.pid), HM_OK);
}

static void
request_all(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 3;
	char big[HMT_BIG_BYTES] = { 0 };

	(void)arg;
	cr_assert_eq(hm_request(ctx, actor.pid, HMT_EMPTY, NULL), HM_OK);
	cr_assert_eq(hm_send(ctx, actor.pid, HMT_EMPTY, NULL), HM_OK);
	cr_assert_eq(hm_request(ctx, actor.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_request(ctx, actor.pid, HMT_BIG, big), HM_OK);
}

static enum hm_result
send_read_only(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	       void *arg)
{
	(void)arg;
	if (hm_send_is_forward(next))
		note('r');
	else
		note(hm_msg_header_set(ctx, msg, "stage", "was here") == HM_OK ? 'h' : '!');
	return hm_send_next(ctx, to, msg, next);
}

static const struct hm_middleware marking = { .send = send_read_only };

Test(engine_middleware, send__answers_and_what_is_handed_on_pass_through)
{
	START(&marking);
	actor.on_msg = answer;
	hmt_do(&node, other.pid, request_all, NULL);
	/* Answered, handed on, kept and handed on: those that were received are read only. */
	cr_assert_str_eq(trace, "hrr");
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&other, HMT_BIG), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&other, HMT_BIG)->sender, other.pid));
	hmt_node_end(&node);
}

static char header[32];

static void
header_read(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const char *value = hm_msg_header(msg, "stage");

	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) >= HM_TYPE_USER)
		snprintf(header, sizeof(header), "%s", value != NULL ? value : "(none)");
}

Test(engine_middleware, send__a_stage_gives_a_message_headers)
{
	START(&marking);
	other.on_msg = header_read;
	hmt_do(&node, actor.pid, send_number, NULL);
	cr_assert_str_eq(header, "was here");
	hmt_node_end(&node);
}

static enum hm_result
send_refused(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	     void *arg)
{
	(void)to;
	(void)next;
	(void)arg;
	hm_msg_free(ctx, msg);
	return HM_WOULD_BLOCK;
}

static enum hm_result
send_elsewhere(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	       void *arg)
{
	(void)to;
	(void)arg;
	*(uint64_t *)hm_msg_body_mut(msg) += 1;
	/* What a stage sends itself has no stages. */
	cr_assert_eq(hm_send(ctx, other.pid, HMT_EMPTY, NULL), HM_OK);
	return hm_send_next(ctx, other.pid, msg, next);
}

static const struct hm_middleware closed = { .send = send_refused };
static const struct hm_middleware redirecting = { .send = send_elsewhere };

static void
send_refused_number(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }), HM_WOULD_BLOCK);
	cr_assert_eq(hm_ask(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, hmt_ignore_reply, NULL),
		     HM_WOULD_BLOCK);
}

Test(engine_middleware, send__a_stage_that_refuses_says_why)
{
	START(&closed);
	hmt_do(&node, actor.pid, send_refused_number, NULL);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	hmt_node_end(&node);
}

static void
send_to_self(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
}

Test(engine_middleware, send__a_stage_changes_body_and_receiver)
{
	START(&redirecting);
	hmt_do(&node, actor.pid, send_to_self, NULL);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 0);
	cr_assert_eq(hmt_seen_last(&other, HMT_NUMBER)->number, 2);
	cr_assert_eq(hmt_seen_count(&other, HMT_EMPTY), 1);
	hmt_node_end(&node);
}

/* ---- Ask ------------------------------------------------------------------------------------ */

static void
respond_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

static uint32_t replies, timeouts;

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	(void)reply;
	(void)arg;
	replies += result == HM_FUTURE_REPLY;
	timeouts += result == HM_FUTURE_TIMEOUT;
	/* In the actor's turn, so through its stages. */
	cr_assert_eq(hm_send(ctx, other.pid, HMT_EMPTY, NULL), HM_OK);
}

static struct hm_future future;

static void
ask_three(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, on_reply, NULL), HM_OK);
	cr_assert_eq(hm_msg_ask(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0), 1000, on_reply, NULL), HM_OK);
	cr_assert_eq(hm_request_future(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 2 }, 1000, &future), HM_OK);
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_OK);
}

Test(engine_middleware, ask__requests_pass_through_and_are_answered)
{
	replies = timeouts = 0;
	START(&marking, &outer);
	other.on_msg = respond_number;
	hmt_do(&node, actor.pid, ask_three, NULL);
	cr_assert_eq(replies, 3);
	cr_assert_str_eq(trace, "hahahahahaha");
	hmt_node_end(&node);
}

Test(engine_middleware, ask__without_an_answer_it_ends_in_time)
{
	replies = timeouts = 0;
	START(&marking, &outer);
	hmt_do(&node, actor.pid, ask_three, NULL);
	hmt_elapse(&node, 2000);
	cr_assert_eq(timeouts, 3);
	hmt_node_end(&node);
}

/* ---- Failure -------------------------------------------------------------------------------- */

static void
receive_failing(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
		void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_fail(ctx, "the stage of receive");
	hm_receive_next(ctx, state, msg, next);
}

static enum hm_result
send_failing(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	     void *arg)
{
	(void)to;
	(void)msg;
	(void)next;
	(void)arg;
	hm_fail(ctx, "the stage of send");
}

static const struct hm_middleware receive_fails = { .receive = receive_failing };
static const struct hm_middleware send_fails = { .send = send_failing };

Test(engine_middleware, fail__in_a_stage_is_the_actors_failure)
{
	START(&outer, &receive_fails);
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 2);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1);
	hmt_do(&node, actor.pid, send_number, NULL);
	cr_assert_str_eq(trace, "aa");
	hmt_node_end(&node);
}

Test(engine_middleware, fail__in_a_stage_of_send_leaves_other_actors_alone)
{
	START(&outer, &send_fails);
	hmt_do(&node, actor.pid, send_to_self, NULL);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 2);
	trace[0] = '\0';
	hmt_do(&node, other.pid, send_to_self, NULL);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	cr_assert_str_eq(trace, "");
	/* And its next life has them still. */
	hmt_do(&node, actor.pid, send_to_self, NULL);
	cr_assert_str_eq(trace, "a");
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 3);
	hmt_node_end(&node);
}
