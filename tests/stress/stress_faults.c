/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand busy actors on two lcores, children of ten supervisors with strategies of all kinds. At random some fail: by
 * hm_fail and by signals of all kinds, in receive functions, reply functions and deciders, while they start, restart,
 * stop and have stopped; with messages, timers, futures, watches, stashes, behaviours and calls in their hands, and
 * mailboxes of all kinds. Every round ends in full flight, in order or by force.
 *
 *     stress_faults [FAULTS]      so many in all (10,000), and for HMT_SECONDS at least; HMT_SEED repeats a run's chances
 *
 * What must hold: the process lives; what an actor's state and a message contain is what their sums say; an actor that
 * restarts begins with a state as new, and receives nothing before HM_STARTED, no reply to what another state has
 * asked, and nothing of its users behind HM_STOPPING; each fault is counted as one failure, and as one dead letter if it
 * has cost a message; each message that was sent was received or is a dead letter; nothing is lost.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_log.h>

#include "hm_behaviour.h"
#include "hm_future.h"
#include "hm_mailbox.h"
#include "hm_offload.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_fault.h"
#include "hmt_stress.h"

#define LCORES        2u
#define PARENTS       10u
#define CHILDREN      100u /* of each */
#define ACTORS        (PARENTS * CHILDREN)
#define FAULTS_MANY   10000u
#define HOPS          6u
#define TICK_US       10000u
#define ROUND_SECONDS 0.4
#define WORDS         12u
/* One in so many calls faults, by where they are. */
#define OF_CALLS     200u
#define OF_REPLIES   30u
#define OF_ENDS      30u
#define OF_DECISIONS 50u
/* All children of some parents are restarted together: more would not come to an end. */
#define OF_RESTARTS 400u

/* ThreadSanitizer takes ten times as long. */
#ifdef __SANITIZE_THREAD__
#define FAULTS 1000u
#else
#define FAULTS FAULTS_MANY
#endif

enum {
	TICK = HM_TYPE_USER,
	TOKEN,
	QUESTION,
	ANSWER,
	BIG,
};

enum place {
	IN_RECEIVE,
	IN_REPLY,
	IN_STARTED,
	IN_RESTARTING,
	IN_STOPPING,
	IN_STOPPED,
	IN_TERMINATED,
	IN_DECIDER,
	PLACES,
};

static const char *const place_names[PLACES] = { "receive",  "reply",   "started",    "restarting",
						 "stopping", "stopped", "terminated", "decider" };

/* One more than the signals: hm_fail. */
#define KINDS (HMT_FAULTS + 1u)

struct shared {
	struct hm_system *sys;
	_Atomic uint64_t locals[ACTORS]; /* of their PIDs; 0: none */
	atomic_int problems;
	_Atomic uint64_t in_place[PLACES], of_kind[KINDS];
	_Atomic uint64_t injected, with_message, escalated, incarnations;
};

static struct shared shared;

static void
problem(const char *what)
{
	if (atomic_fetch_add(&shared.problems, 1) < 10)
		fprintf(stderr, "stress_faults: %s\n", what);
}

static uint32_t
pick(uint64_t *seed, uint32_t below)
{
	return (uint32_t)hmt_random_below(seed, below);
}

static void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- Faults ------------------------------------------------------------------------ */

__attribute__((noreturn)) static void
fault(struct hm_ctx *ctx, uint64_t *seed, enum place place, bool has_message)
{
	uint32_t kind = pick(seed, KINDS);

	count(&shared.injected);
	count(&shared.in_place[place]);
	count(&shared.of_kind[kind]);
	if (has_message)
		count(&shared.with_message);
	if (kind < HMT_FAULTS)
		hmt_fault_raise((enum hmt_fault)kind);
	/* Or this machine does not know the fault. */
	hm_fail(ctx, "one of many");
}

/* ---- States and messages with sums ------------------------------------------------------ */

static uint64_t
sum_of(const uint64_t *words, uint32_t words_count)
{
	uint64_t sum = 0x9e3779b97f4a7c15ull;

	for (uint32_t i = 0; i < words_count; i++)
		sum = (sum ^ words[i]) * 0xff51afd7ed558ccdull;
	return sum;
}

struct token {
	uint64_t words[2]; /* the hops that are left, and a random number */
	uint64_t sum;
};

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

struct args {
	uint32_t index; /* among all children; of a parent: among the parents */
	uint32_t reserved;
	uint64_t seed; /* where it begins */
};

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

/* ---- Parents ------------------------------------------------------------------------------------- */

struct parent {
	struct args args;
	uint64_t seed;
	struct hm_pid children[CHILDREN];
};

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

static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	struct parent *p = state;
	uint32_t number = pick(&p->seed, 40);

	(void)failure;
	if (pick(&p->seed, OF_DECISIONS) == 0)
		fault(ctx, &p->seed, IN_DECIDER, false);
	if (pick(&p->seed, OF_DECISIONS) == 0) {
		count(&shared.escalated);
		return HM_DIRECTIVE_ESCALATE;
	}
	return number < 10 ? HM_DIRECTIVE_RESUME : number < 12 ? HM_DIRECTIVE_STOP : HM_DIRECTIVE_RESTART;
}

static const struct hm_supervisor one_delayed = { .restarts = HM_RESTARTS_UNLIMITED,
						  .backoff = { .min_us = 50, .max_us = 5000, .jitter = 50 } };
static const struct hm_supervisor all = { .scope = HM_ALL_FOR_ONE, .restarts = 20, .window_us = 1000000 };
static const struct hm_supervisor rest = { .scope = HM_REST_FOR_ONE,
					   .restarts = 50,
					   .decide = decide,
					   .backoff = { .min_us = 100, .max_us = 1000 } };
static const struct hm_supervisor own = { .restarts = HM_RESTARTS_UNLIMITED, .decide = decide };

/* One that another lcore has no slot for now is made with the next tick. */
static void
child_spawn(struct hm_ctx *ctx, struct parent *p, uint32_t place)
{
	struct args args = { p->args.index * CHILDREN + place, 0, hmt_random(&p->seed) };
	const struct hm_props *props = &child_props[pick(&p->seed, LCORES)][place % MAILBOXES];
	int rc = hm_spawn(ctx, props, NULL, &args, &p->children[place]);

	if (rc == 0)
		atomic_store_explicit(&shared.locals[args.index], p->children[place].local,
				      memory_order_relaxed);
	else if (rc != -EAGAIN && rc != -ESHUTDOWN)
		problem("a spawn that fails for no reason");
}

static void
children_fill(struct hm_ctx *ctx, struct parent *p)
{
	for (uint32_t place = 0; place < CHILDREN; place++) {
		if (hm_pid_is_none(p->children[place]))
			child_spawn(ctx, p, place);
	}
}

static void
child_gone(struct parent *p, struct hm_pid who)
{
	for (uint32_t place = 0; place < CHILDREN; place++) {
		if (hm_pid_equal(p->children[place], who)) {
			p->children[place] = hm_pid_none();
			return;
		}
	}
	problem("the end of somebody who is no child");
}

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct parent *p = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (hm_children_count(ctx) != 0)
			problem("started with the children of the state before");
		p->seed = p->args.seed +
			  atomic_fetch_add_explicit(&shared.incarnations, 1, memory_order_relaxed);
		children_fill(ctx, p);
		(void)hm_send_after(ctx, hm_self(ctx), TICK, NULL, 1000, 1000, NULL);
		break;
	case TICK:
		children_fill(ctx, p);
		break;
	case HM_TERMINATED:
		child_gone(p, ((const struct hm_terminated *)hm_msg_body(msg))->who);
		break;
	default:
		break;
	}
}

#define PARENT_PROPS(where, strategy)                                                                \
	{                                                                                            \
		.receive = parent_receive, .state_size = sizeof(struct parent),                      \
		.args_size = sizeof(struct args), .lcore = HM_LCORE(where), .supervisor = (strategy) \
	}

static const struct hm_props parent_props[] = {
	PARENT_PROPS(0, NULL),         PARENT_PROPS(1, NULL),  PARENT_PROPS(0, &one_delayed),
	PARENT_PROPS(1, &one_delayed), PARENT_PROPS(0, &all),  PARENT_PROPS(1, &all),
	PARENT_PROPS(0, &rest),        PARENT_PROPS(1, &rest), PARENT_PROPS(0, &own),
	PARENT_PROPS(1, &own),
};

_Static_assert(RTE_DIM(parent_props) == PARENTS, "props of each parent");

/* ---- Rounds ------------------------------------------------------------------------------------- */

static void
require(bool what, const char *text)
{
	if (!what) {
		fprintf(stderr, "stress_faults: %s\n", text);
		exit(EXIT_FAILURE);
	}
}

static void
system_make(uint64_t *seed, bool is_quiet)
{
	static const struct hm_type types[] = {
		{ .id = TICK, .name = "tick" },
		{ .id = TOKEN, .name = "token", .size = sizeof(struct token) },
		{ .id = QUESTION, .name = "question", .size = sizeof(struct token) },
		{ .id = ANSWER, .name = "answer", .size = sizeof(struct token) },
		{ .id = BIG, .name = "big", .size = 3000 },
	};
	char *argv[] = { (char *)(uintptr_t) "stress", NULL };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND,
				    .lcores = LCORES,
				    .supervisor = &hm_supervisor_always };

	require(hm_system_create(&shared.sys, 1, argv, &config) == 0, "no system");
	/* The first round is logged, call stacks too; that takes more time than all else. */
	if (is_quiet)
		rte_log_set_level_pattern("hermod", RTE_LOG_ERR);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		require(hm_type_register(shared.sys, &types[i]) == 0, "no type");
	for (uint32_t i = 0; i < PARENTS; i++) {
		struct args args = { i, 0, hmt_random(seed) };

		require(hm_system_spawn(shared.sys, &parent_props[i], NULL, &args, NULL) == 0, "no parent");
	}
}

/* As the second signal does. */
static void
force(struct hm_system *sys)
{
	atomic_store(&sys->forced, true);
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		hmi_worker_stop(&sys->lcores[i]->worker);
}

static void
round_end(const struct hm_stats *stats, bool is_forced)
{
	if (stats->failed != shared.injected + shared.escalated)
		problem("failures that were not injected, or faults that are no failures");
	if (stats->dead[HM_DEAD_FAILED] != shared.with_message)
		problem("a message that its receiver has failed with is no dead letter");
	if (!is_forced && stats->spawned != stats->stopped)
		problem("actors are left");
	/* What is lost is named. */
	rte_log_set_level_pattern("hermod", RTE_LOG_WARNING);
	hmt_system_drain(shared.sys);
	hmt_books_check(shared.sys);
	hmt_system_free(shared.sys);
}

/* Returns how many faults there were. */
static uint64_t
round_run(uint64_t *seed, uint32_t number)
{
	bool is_forced = number % 2 == 1;
	struct hm_stats stats;
	uint64_t injected;

	shared.injected = shared.with_message = shared.escalated = 0;
	memset(shared.locals, 0, sizeof(shared.locals));
	system_make(seed, number > 0);
	require(hm_system_start(shared.sys) == 0, "it does not start");
	hmt_sleep_s(ROUND_SECONDS);
	if (is_forced)
		force(shared.sys);
	else
		hm_system_stop(shared.sys);
	require(hm_system_join(shared.sys) == (is_forced ? -EINTR : 0), "it does not end");
	hm_system_stats(shared.sys, &stats);
	injected = shared.injected;
	printf("%s: %" PRIu64 " faults, %" PRIu64 " restarts, %" PRIu64 " spawned, %" PRIu64 " sent, %" PRIu64
	       " received\n",
	       is_forced ? "forced" : "in order", injected, stats.restarted, stats.spawned, stats.sent,
	       stats.received);
	round_end(&stats, is_forced);
	return injected;
}

static void
places_print(uint64_t faults)
{
	/* By chance, few may leave one out. */
	bool is_few = faults < FAULTS_MANY;

	for (uint32_t place = 0; place < PLACES; place++) {
		printf("%s %s %" PRIu64, place == 0 ? "in" : ",", place_names[place], shared.in_place[place]);
		if (shared.in_place[place] == 0 && !is_few)
			problem("a place without a fault");
	}
	printf("\n");
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		if (shared.of_kind[kind] == 0 && !is_few)
			problem("a kind of fault that did not happen");
	}
}

int
main(int argc, char **argv)
{
	struct hmt_stress stress = hmt_stress_begin(1);
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : FAULTS, faults = 0;

	hmt_eal_start_with(LCORES + 1, 128);
	for (uint32_t i = 0; faults < wanted || !hmt_stress_is_over(&stress); i++)
		faults += round_run(&stress.random, i);
	places_print(faults);
	printf("%" PRIu64 " faults, %d problems\n", faults, shared.problems);
	return shared.problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
