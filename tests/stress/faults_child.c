/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The children of stress_faults: what they do, and how they fail meanwhile.
 */
#include <string.h>

#include "faults.h"
#include "hm_behaviour.h"
#include "hm_future.h"
#include "hm_mailbox.h"
#include "hm_offload.h"
#include "hmt_actor.h"

#define HOPS    6u
#define TICK_US 10000u
#define WORDS   12u
/* One in so many calls faults, by where they are. */
#define OF_CALLS   200u
#define OF_REPLIES 30u
#define OF_ENDS    30u
/* All children of some parents are restarted together: more would not come to an end. */
#define OF_RESTARTS 400u

/* ---- States and messages with sums ------------------------------------------------------ */

static uint64_t
sum_of(const uint64_t *words, uint32_t words_count)
{
	uint64_t sum = 0x9e3779b97f4a7c15ull;

	for (uint32_t i = 0; i < words_count; i++)
		sum = (sum ^ words[i]) * 0xff51afd7ed558ccdull;
	return sum;
}

static struct token
token_make(uint64_t hops, uint64_t random)
{
	struct token token = { .words = { hops, random } };

	token.sum = sum_of(token.words, 2);
	return token;
}

static void
token_check(const struct token *token)
{
	if (token->sum != sum_of(token->words, 2))
		problem("a message that is not what was sent");
}

struct child {
	struct args args;
	uint64_t words[WORDS], sum;
	uint64_t seed, incarnation; /* 0: it has not started */
	struct hm_msg *kept;
	bool kept_is_new; /* by this call: a failure of it frees the message */
	bool stashed;     /* the message of this call: a failure of it does not cost that */
	bool restarts, stops;
};

static void
state_begin(struct child *c)
{
	if (c->incarnation != 0 || c->sum != 0 || c->words[0] != 0 || c->words[WORDS - 1] != 0 ||
	    c->kept != NULL || c->restarts || c->stops)
		problem("started on a state that is not a new one");
	c->incarnation = atomic_fetch_add_explicit(&shared.incarnations, 1, memory_order_relaxed) + 1;
	c->seed = c->args.seed + c->incarnation * 0x632be59bd9b4e019ull;
	c->words[0] = c->args.index;
	c->sum = sum_of(c->words, WORDS);
}

/* A call begins. */
static void
state_check(struct child *c)
{
	c->kept_is_new = c->stashed = false;
	if (c->incarnation == 0)
		problem("something came before started");
	else if (c->sum != sum_of(c->words, WORDS))
		problem("a state was changed that is not the failing actor's");
	if (c->restarts)
		problem("something came behind restarting");
}

__attribute__((noreturn)) static void
child_fault(struct hm_ctx *ctx, struct child *c, enum place place, bool has_message)
{
	if (c->kept_is_new)
		c->kept = NULL;
	fault(ctx, &c->seed, place, has_message && !c->stashed);
}

static void
state_change(struct child *c)
{
	c->words[pick(&c->seed, WORDS)] += hmt_random(&c->seed);
	c->sum = sum_of(c->words, WORDS);
}

/* ---- Children: what they do ----------------------------------------------------------------- */

static struct hm_pid
anybody(struct child *c)
{
	uint64_t local = atomic_load_explicit(&shared.locals[pick(&c->seed, ACTORS)], memory_order_relaxed);

	return local != 0 ? (struct hm_pid){ hm_system_node(shared.sys), local } : hm_pid_none();
}

static void
token_send(struct hm_ctx *ctx, struct child *c, uint64_t hops)
{
	struct token token = token_make(hops, hmt_random(&c->seed));

	(void)hm_send(ctx, anybody(c), TOKEN, &token);
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct child *c = state;

	state_check(c);
	if (c->incarnation != (uintptr_t)arg)
		problem("a reply to what another state has asked");
	if (result == HM_FUTURE_REPLY)
		token_check(hm_msg_body(reply));
	state_change(c);
	if (pick(&c->seed, OF_REPLIES) == 0)
		child_fault(ctx, c, IN_REPLY, result == HM_FUTURE_REPLY);
}

/* A future that the actor waits for in two ways, or not at all. */
static void
future_use(struct hm_ctx *ctx, struct child *c)
{
	struct token token = token_make(0, hmt_random(&c->seed));
	struct hm_pid whom = anybody(c);
	struct hm_future future;

	if (hm_request_future(ctx, anybody(c), QUESTION, &token, 1 + token.words[1] % 3000, &future) != HM_OK)
		return;
	if (pick(&c->seed, 3) != 0)
		(void)hm_reenter_after(ctx, future, on_reply, (void *)(uintptr_t)c->incarnation);
	if (pick(&c->seed, 3) == 0 && !hm_pid_is_none(whom))
		(void)hm_pipe_to(ctx, future, &whom, 1);
	if (pick(&c->seed, 4) == 0)
		hm_future_cancel(ctx, future);
	else if (pick(&c->seed, 2) == 0)
		hm_future_release(ctx, future);
}

static hm_receive_fn child_receive;

/* What it does with its next messages. */
static void
behaviour_change(struct hm_ctx *ctx, struct child *c)
{
	switch (pick(&c->seed, 6)) {
	case 0:
		(void)hm_become_push(ctx, child_receive);
		break;
	case 1:
		(void)hm_become_pop(ctx);
		break;
	case 2:
		(void)hm_receive_timeout_set(ctx, 500 + pick(&c->seed, 2000));
		break;
	case 3:
		(void)hm_unstash_all(ctx);
		break;
	case 4:
		(void)hm_unstash(ctx);
		break;
	default:
		hm_become(ctx, NULL);
		break;
	}
}

static void
work(const struct hm_work *self, void *args, void *result)
{
	struct token token = token_make(0, *(uint64_t *)args);

	(void)self;
	memcpy(result, &token, sizeof(token));
}

/* A message is made, and sent in this call, in a later one, or never. */
static void
message_make(struct hm_ctx *ctx, struct child *c)
{
	struct token token = token_make(0, hmt_random(&c->seed));
	struct hm_msg *msg = c->kept;

	if (msg != NULL) {
		c->kept = NULL;
		(void)hm_msg_send(ctx, anybody(c), msg);
		return;
	}
	msg = hm_msg_new(ctx, TOKEN, 0);
	if (msg == NULL)
		return;
	memcpy(hm_msg_body_mut(msg), &token, sizeof(token));
	c->kept_is_new = pick(&c->seed, 2) == 0;
	if (c->kept_is_new)
		c->kept = msg;
	else
		(void)hm_msg_send(ctx, anybody(c), msg);
}

static void
deed_do(struct hm_ctx *ctx, struct child *c)
{
	uint64_t number = hmt_random(&c->seed);
	struct token token = token_make(0, number);

	switch (pick(&c->seed, 10)) {
	case 8:
		future_use(ctx, c);
		break;
	case 9:
		behaviour_change(ctx, c);
		break;
	case 0:
		(void)hm_ask(ctx, anybody(c), QUESTION, &token, 1 + number % 3000, on_reply,
			     (void *)(uintptr_t)c->incarnation);
		break;
	case 1:
		(void)hm_send_after(ctx, anybody(c), TOKEN, &token, number % 2000, 0, NULL);
		break;
	case 2:
		(void)hm_watch(ctx, anybody(c));
		break;
	case 3:
		(void)hm_offload(ctx, work, &number, sizeof(number), TOKEN, NULL);
		break;
	case 4:
		(void)hm_send(ctx, anybody(c), BIG, NULL);
		break;
	case 5:
		message_make(ctx, c);
		break;
	case 6:
		if (number % 64 == 0)
			hm_stop(ctx, number % 128 == 0 ? hm_self(ctx) : anybody(c));
		break;
	default:
		token_send(ctx, c, HOPS);
		break;
	}
}

/* ---- Children: what they receive ---------------------------------------------------------------- */

static void
child_started(struct hm_ctx *ctx, struct child *c)
{
	state_begin(c);
	(void)hm_send_after(ctx, hm_self(ctx), TICK, NULL, pick(&c->seed, TICK_US), TICK_US, NULL);
	token_send(ctx, c, HOPS);
	if (pick(&c->seed, OF_RESTARTS) == 0)
		child_fault(ctx, c, IN_STARTED, false);
}

static void
child_ends(struct hm_ctx *ctx, struct child *c, uint16_t type)
{
	static const enum place places[] = {
		[HM_RESTARTING] = IN_RESTARTING, [HM_STOPPING] = IN_STOPPING, [HM_STOPPED] = IN_STOPPED
	};

	c->restarts = type == HM_RESTARTING;
	c->stops |= type == HM_STOPPING;
	deed_do(ctx, c);
	if (pick(&c->seed, c->restarts ? OF_RESTARTS : OF_ENDS) == 0)
		child_fault(ctx, c, places[type], false);
	if (type == HM_STOPPED && c->kept != NULL)
		hm_msg_free(ctx, c->kept);
}

static void
child_user_message(struct hm_ctx *ctx, struct child *c, const struct hm_msg *msg)
{
	const struct token *token = hm_msg_body(msg);
	uint16_t type = hm_msg_type(msg);

	if (c->stops)
		problem("a user message behind stopping");
	if (type == TOKEN || type == QUESTION || type == ANSWER)
		token_check(token);
	state_change(c);
	deed_do(ctx, c);
	if (type == TOKEN && token->words[0] > 0)
		token_send(ctx, c, token->words[0] - 1);
	if (type == QUESTION && pick(&c->seed, 8) != 0)
		(void)hm_respond(ctx, ANSWER, token);
	else
		c->stashed = pick(&c->seed, 32) == 0 && hm_stash(ctx) == HM_OK;
	if (pick(&c->seed, OF_CALLS) == 0)
		child_fault(ctx, c, IN_RECEIVE, type >= HM_TYPE_USER);
}

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct child *c = state;

	if (hm_msg_type(msg) == HM_STARTED) {
		child_started(ctx, c);
		return;
	}
	state_check(c);
	switch (hm_msg_type(msg)) {
	case HM_RESTARTING:
	case HM_STOPPING:
	case HM_STOPPED:
		child_ends(ctx, c, hm_msg_type(msg));
		break;
	case HM_TERMINATED:
		if (pick(&c->seed, OF_ENDS) == 0)
			child_fault(ctx, c, IN_TERMINATED, false);
		break;
	default:
		child_user_message(ctx, c, msg);
		break;
	}
}

/* ---- Their props --------------------------------------------------------------------- */

static uint8_t
priority_of(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == TICK ? HM_PRIORITY_MAX : HM_PRIORITY_DEFAULT;
}

#define MAILBOXES 5u

static const struct hm_mailbox mailboxes[MAILBOXES] = {
	{ .capacity = HM_MAILBOX_UNLIMITED },
	{ .capacity = 16 },
	{ .overflow = HM_OVERFLOW_REJECT, .capacity = 16 },
	{ .overflow = HM_OVERFLOW_DROP_OLDEST, .capacity = 16 },
	{ .order = HM_MAILBOX_PRIORITY, .priority = priority_of },
};

#define CHILD_PROPS(lcore_, mailbox_)                                                     \
	{                                                                                 \
		.receive = child_receive, .state_size = sizeof(struct child),             \
		.args_size = sizeof(struct args), .lcore = HM_LCORE(lcore_), .stash = 16, \
		.mailbox = &mailboxes[mailbox_]                                           \
	}
#define CHILD_PROPS_OF(lcore_)                                                          \
	{                                                                               \
		CHILD_PROPS(lcore_, 0), CHILD_PROPS(lcore_, 1), CHILD_PROPS(lcore_, 2), \
			CHILD_PROPS(lcore_, 3), CHILD_PROPS(lcore_, 4)                  \
	}

static const struct hm_props child_props[LCORES][MAILBOXES] = { CHILD_PROPS_OF(0), CHILD_PROPS_OF(1) };

const struct hm_props *
faults_child_props(uint32_t lcore, uint32_t place)
{
	return &child_props[lcore][place % MAILBOXES];
}
