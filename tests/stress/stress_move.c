/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Actors that are moved about without pause while all send to all.
 *
 *     stress_move [ROUNDS]        each actor has so many at least (3,000), and goes on for HMT_SECONDS
 *
 * Each message carries its number among those from its sender to its receiver, so that one that is lost, comes twice or
 * is overtaken is found where it arrives. Beside that, actors spawn children, which are moved as well, ask their parent, send
 * to it and stop; and a timer of each one beats.
 *
 * Actors ask each other as well, in all ways, and move while they wait: each question has a number, which the answer
 * repeats, and its function is called once.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define ACTORS   24u
#define EXTERNAL ACTORS /* the place of the external thread among senders */
#define SENDERS  (ACTORS + 1)
#define LCORES   4u
#define SENDS    6u /* of a round */
#define BEAT_US  2000u
#define LONG_US  600000000u /* a deadline that does not pass */
#define PAIR     3u
#define PATIENCE 240.0 /* seconds after its own */

enum type {
	ROUND = HM_TYPE_USER,
	NUMBERED,
	ANSWER,
	BEAT,
	FROM_CHILD,
	QUESTION,
	REPLY,
	RESULT,
};

struct numbered {
	uint64_t number;
	uint32_t from, wants; /* an answer */
};

struct actor {
	uint32_t index, children;
	uint64_t random, rounds, beats, questions;
	uint64_t sent[ACTORS], received[SENDERS];
};

struct args {
	uint32_t index;
	uint64_t seed;
};

static struct hm_pid actors[ACTORS];
static uint64_t rounds = 3000;
/* No order: only their values matter. */
static _Atomic uint64_t sent, received, done, children, children_gone, beats;
/* Functions that are to be called, and that were; those that have found the time over, or were cancelled. */
static _Atomic uint64_t asked, ended, timeouts, cancelled;
/* Calls of the offload pool that were taken, and results that have come. */
static _Atomic uint64_t works, results;
static _Atomic bool is_time; /* no order: actors look at it now and then; their rounds end */

static void
expect(bool is_so, const char *what)
{
	if (!is_so) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* ---- Children ---------------------------------------------------------------------- */

static void
child_answered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	const struct hm_pid *parent = state;

	expect(result == HM_FUTURE_REPLY, "a child is not answered");
	expect(*(const uint64_t *)hm_msg_body(reply) == (uintptr_t)arg, "a child gets another answer");
	hmt_count(&ended);
	hmt_must(hm_send(ctx, *parent, FROM_CHILD, NULL));
	hm_stop(ctx, hm_self(ctx));
}

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_pid *parent = state;
	uint64_t number = hm_self(ctx).local;

	if (hm_msg_type(msg) != ROUND)
		return;
	if (number % 3 != 0) {
		hmt_count(&asked);
		hmt_must(hm_ask(ctx, *parent, QUESTION, &number, LONG_US, child_answered,
				(void *)(uintptr_t)number));
		return;
	}
	/* Some do not wait for it. */
	hmt_must(hm_ask(ctx, *parent, QUESTION, &number, LONG_US, child_answered, (void *)(uintptr_t)number));
	hmt_must(hm_send(ctx, *parent, FROM_CHILD, NULL));
	hm_stop(ctx, hm_self(ctx));
}

static void
child_spawn(struct hm_ctx *ctx, struct actor *actor)
{
	static const struct hm_props here = { .receive = child_receive,
					      .state_size = sizeof(struct hm_pid),
					      .args_size = sizeof(struct hm_pid) };
	static const struct hm_props anywhere = { .receive = child_receive,
						  .lcore = HM_LCORE_ANY,
						  .state_size = sizeof(struct hm_pid),
						  .args_size = sizeof(struct hm_pid) };
	struct hm_pid self = hm_self(ctx), child;
	uint64_t random = hmt_random(&actor->random);

	if (hm_spawn(ctx, random % 2 == 0 ? &here : &anywhere, NULL, &self, &child) != 0)
		abort();
	hmt_must(hm_move(ctx, child, (uint32_t)(random >> 8) % LCORES));
	hmt_must(hm_send(ctx, child, ROUND, NULL));
	if (random % 3 == 0)
		hmt_must(hm_move(ctx, child, (uint32_t)(random >> 16) % LCORES));
	hmt_count(&children);
}

/* ---- Questions --------------------------------------------------------------------- */

/* arg: the question's number, whose lowest bit says whether it may end without an answer. */
static void
answered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct actor *actor = state;
	uint64_t number = (uintptr_t)arg;

	expect(hm_pid_equal(hm_self(ctx), actors[actor->index]), "it is called with another state");
	expect(number >> 40 == actor->index, "it is another actor's");
	hmt_count(&ended);
	if (result == HM_FUTURE_REPLY) {
		expect(*(const uint64_t *)hm_msg_body(reply) == number, "it gets another answer");
		return;
	}
	expect((number & 1) != 0, "it is not answered");
	hmt_count(result == HM_FUTURE_TIMEOUT ? &timeouts : &cancelled);
}

static void
batch_answered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	const struct actor *actor = state;
	uint64_t number = (uintptr_t)arg;

	(void)ctx;
	expect(number >> 40 == actor->index, "it is another actor's");
	expect(result == HM_FUTURE_REPLY && hm_replies_answered(reply) == PAIR, "a batch is not answered");
	for (uint32_t i = 0; i < PAIR; i++)
		expect(*(const uint64_t *)hm_msg_body(hm_replies_get(reply, i)) == number + i,
		       "it gets another answer");
	hmt_count(&ended);
}

static void
batch_ask(struct hm_ctx *ctx, struct actor *actor, uint64_t number)
{
	uint64_t numbers[PAIR];
	struct hm_batch_request requests[PAIR];

	for (uint32_t i = 0; i < PAIR; i++) {
		numbers[i] = number + i;
		requests[i] = (struct hm_batch_request){ actors[hmt_random(&actor->random) % ACTORS],
							 QUESTION, &numbers[i] };
	}
	hmt_must(hm_ask_batch(ctx, &(struct hm_batch){ .requests = requests,
						       .count = PAIR,
						       .timeout_us = LONG_US,
						       .on_end = batch_answered,
						       .arg = (void *)(uintptr_t)number }));
}

static void
future_ask(struct hm_ctx *ctx, struct hm_pid to, uint64_t number)
{
	struct hm_future future;

	hmt_must(hm_request_future(ctx, to, QUESTION, &number, LONG_US, &future));
	hmt_must(hm_reenter_after(ctx, future, answered, (void *)(uintptr_t)number));
	if ((number & 1) != 0)
		hm_future_cancel(ctx, future);
	hm_future_release(ctx, future);
}

static void
work(const struct hm_work *unused, void *args, void *result)
{
	(void)unused;
	*(uint64_t *)result = *(const uint64_t *)args;
}

static void
offload(struct hm_ctx *ctx, uint64_t number)
{
	enum hm_result result = hm_offload(ctx, work, &number, sizeof(number), RESULT, NULL);

	/* Its queue may be full. */
	if (result == HM_OK)
		hmt_count(&works);
	else
		expect(result == HM_WOULD_BLOCK, "a call is refused");
}

static void
ask(struct hm_ctx *ctx, struct actor *actor)
{
	uint64_t random = hmt_random(&actor->random);
	struct hm_pid to = actors[(random >> 32) % ACTORS];
	uint64_t number = (uint64_t)actor->index << 40 | ++actor->questions * 16;
	bool may_fail = random % 4 == 0;

	switch (random >> 8 & 7) {
	case 0:
		hmt_count(&asked);
		batch_ask(ctx, actor, number);
		break;
	case 1:
	case 2:
		hmt_count(&asked);
		future_ask(ctx, to, number | may_fail);
		break;
	case 3:
		offload(ctx, number);
		break;
	default:
		hmt_count(&asked);
		number |= may_fail;
		hmt_must(hm_ask(ctx, to, QUESTION, &number, may_fail ? 200 : LONG_US, answered,
				(void *)(uintptr_t)number));
		break;
	}
}

/* ---- Actors ------------------------------------------------------------------------ */

static void
numbered_send(struct hm_ctx *ctx, struct actor *actor, uint32_t to, bool by_request)
{
	struct numbered body = { .number = ++actor->sent[to], .from = actor->index, .wants = by_request };

	hmt_count(&sent);
	hmt_must(by_request ? hm_request(ctx, actors[to], NUMBERED, &body)
			    : hm_send(ctx, actors[to], NUMBERED, &body));
}

static void
round_do(struct hm_ctx *ctx, struct actor *actor)
{
	for (uint32_t i = 0; i < SENDS; i++) {
		uint64_t random = hmt_random(&actor->random);

		numbered_send(ctx, actor, (uint32_t)random % ACTORS, (random >> 32) % 4 == 0);
	}
	for (uint32_t i = 0; i < 2; i++)
		ask(ctx, actor);
	if (hmt_random(&actor->random) % 8 == 0)
		hmt_must(hm_move(ctx, actors[hmt_random(&actor->random) % ACTORS],
				 (uint32_t)hmt_random(&actor->random) % LCORES));
	if (hmt_random(&actor->random) % 16 == 0)
		child_spawn(ctx, actor);
	if (++actor->rounds < rounds || !atomic_load_explicit(&is_time, memory_order_relaxed))
		hmt_must(hm_send(ctx, hm_self(ctx), ROUND, NULL));
	else
		hmt_count(&done);
}

static void
numbered_receive(struct hm_ctx *ctx, struct actor *actor, const struct numbered *body)
{
	if (body->number != actor->received[body->from] + 1) {
		fprintf(stderr, "actor %u on lcore %u: number %" PRIu64 " of %u, after %" PRIu64 "\n",
			actor->index, hm_lcore(ctx), body->number, body->from, actor->received[body->from]);
		abort();
	}
	actor->received[body->from] = body->number;
	hmt_count(&received);
	if (body->wants != 0)
		hmt_must(hm_respond(ctx, ANSWER, NULL));
}

static void
actor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor *actor = state;
	struct hm_timer timer;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		hmt_must(hm_send_after(ctx, hm_self(ctx), BEAT, NULL, BEAT_US, BEAT_US, &timer));
		break;
	case ROUND:
		round_do(ctx, actor);
		break;
	case NUMBERED:
		numbered_receive(ctx, actor, hm_msg_body(msg));
		break;
	case BEAT:
		hmt_count(&beats);
		break;
	case QUESTION:
		hmt_must(hm_respond(ctx, REPLY, hm_msg_body(msg)));
		break;
	case RESULT:
		expect(*(const uint64_t *)hm_msg_body(msg) >> 40 == actor->index, "it is another actor's");
		hmt_count(&results);
		break;
	case HM_TERMINATED:
		hmt_count(&children_gone);
		break;
	default:
		break;
	}
}

/* ---- The run ----------------------------------------------------------------------- */

static void
types_register(struct hm_system *sys)
{
	static const struct hm_type types[] = {
		{ .id = ROUND, .name = "round" },
		{ .id = NUMBERED, .name = "numbered", .size = sizeof(struct numbered) },
		{ .id = ANSWER, .name = "answer" },
		{ .id = BEAT, .name = "beat" },
		{ .id = FROM_CHILD, .name = "from child" },
		{ .id = QUESTION, .name = "question", .size = sizeof(uint64_t) },
		{ .id = REPLY, .name = "reply", .size = sizeof(uint64_t) },
		{ .id = RESULT, .name = "result", .size = sizeof(uint64_t) },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (hm_type_register(sys, &types[i]) != 0)
			abort();
	}
}

static void
actors_spawn(struct hm_system *sys, uint64_t seed)
{
	static const struct hm_props props = { .receive = actor_receive,
					       .faults = HM_FAULTS_ABORT,
					       .state_size = sizeof(struct actor),
					       .args_size = sizeof(struct actor),
					       .lcore = HM_LCORE_ANY };

	for (uint32_t i = 0; i < ACTORS; i++) {
		struct actor args = { .index = i, .random = seed * 2654435761u + i + 1 };

		if (hm_system_spawn(sys, &props, NULL, &args, &actors[i]) != 0)
			abort();
	}
}

static bool
is_over(void)
{
	return hmt_counted(&done) == ACTORS && hmt_counted(&sent) == hmt_counted(&received) &&
	       hmt_counted(&children) == hmt_counted(&children_gone) &&
	       hmt_counted(&asked) == hmt_counted(&ended) && hmt_counted(&works) == hmt_counted(&results);
}

/* The external thread is a sender, too, and moves actors. */
static bool
drive(struct hm_system *sys, const struct hmt_stress *stress)
{
	uint64_t numbers[ACTORS] = { 0 }, random = stress->seed | 1;

	for (uint32_t i = 0; i < ACTORS; i++)
		hmt_must(hm_system_send(sys, actors[i], ROUND, NULL));
	for (uint32_t i = 0; hmt_now_s() < stress->end_s + PATIENCE; i++) {
		uint32_t to = (uint32_t)hmt_random(&random) % ACTORS;
		struct numbered body = { .number = numbers[to] + 1, .from = EXTERNAL };

		if (is_over())
			return true;
		if (hmt_stress_is_over(stress))
			atomic_store_explicit(&is_time, true, memory_order_relaxed);
		hmt_sleep_s(0.001);
		if (hmt_counted(&done) == ACTORS || hm_system_send(sys, actors[to], NUMBERED, &body) != HM_OK)
			continue;
		numbers[to]++;
		hmt_count(&sent);
		if (hm_system_move(sys, actors[(to + 1) % ACTORS], i % LCORES) != 0)
			continue;
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };
	struct hmt_stress stress = hmt_stress_begin(0);
	struct hm_stats stats;
	struct hm_system *sys;
	bool all;

	if (argc > 1)
		rounds = strtoull(argv[1], NULL, 0);
	hmt_eal_start_with(LCORES + 1, 256);
	if (hm_system_create(&sys, 0, NULL, &config) != 0)
		abort();
	types_register(sys);
	actors_spawn(sys, stress.seed);
	if (hm_system_start(sys) != 0)
		abort();
	all = drive(sys, &stress);
	hm_system_stats(sys, &stats);
	printf("%" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " of %" PRIu64 " children, %" PRIu64
	       " moves, %" PRIu64 " beats, %" PRIu64 " circles\n",
	       hmt_counted(&received), hmt_counted(&sent), hmt_counted(&children_gone),
	       hmt_counted(&children), stats.moved, hmt_counted(&beats), stats.circles);
	printf("%" PRIu64 " of %" PRIu64 " questions, %" PRIu64 " too late, %" PRIu64 " cancelled; %" PRIu64
	       " of %" PRIu64 " calls\n",
	       hmt_counted(&ended), hmt_counted(&asked), hmt_counted(&timeouts), hmt_counted(&cancelled),
	       hmt_counted(&results), hmt_counted(&works));
	if (!all || stats.moved == 0)
		return EXIT_FAILURE;
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(sys);
	return EXIT_SUCCESS;
}
