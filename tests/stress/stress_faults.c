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

#include "faults.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define FAULTS_MANY   10000u
#define ROUND_SECONDS 0.4
/* One in so many decisions faults, and one is left to who supervises the parent. */
#define OF_DECISIONS 50u

/* ThreadSanitizer takes ten times as long. */
#ifdef __SANITIZE_THREAD__
#define FAULTS 1000u
#else
#define FAULTS FAULTS_MANY
#endif

static const char *const place_names[PLACES] = { "receive",  "reply",   "started",    "restarting",
						 "stopping", "stopped", "terminated", "decider" };

struct shared shared;

void
problem(const char *what)
{
	if (atomic_fetch_add(&shared.problems, 1) < 10)
		fprintf(stderr, "stress_faults: %s\n", what);
}

/* ---- Faults ------------------------------------------------------------------------ */

__attribute__((noreturn)) void
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

/* ---- Parents ------------------------------------------------------------------------------------- */

struct parent {
	struct args args;
	uint64_t seed;
	struct hm_pid children[CHILDREN];
};

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
	const struct hm_props *props = faults_child_props(pick(&p->seed, LCORES), place);
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
