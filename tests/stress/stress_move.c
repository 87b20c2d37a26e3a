/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Actors that are moved about without pause while all send to all.
 *
 *     stress_move [ROUNDS [SEED]]
 *
 * Each message carries its number among those from its sender to its receiver, so that one that is lost, comes twice or
 * is overtaken is found where it arrives. Beside that, actors spawn children, which are moved as well, send to their parent
 * and stop; and a timer of each one beats.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hermod.h"
#include "hmt_eal.h"

#define ACTORS   24u
#define EXTERNAL ACTORS /* the place of the external thread among senders */
#define SENDERS  (ACTORS + 1)
#define LCORES   4u
#define SENDS    6u /* of a round */
#define BEAT_US  2000u
#define PATIENCE 240000u /* polls of a millisecond */

enum type {
	ROUND = HM_TYPE_USER,
	NUMBERED,
	ANSWER,
	BEAT,
	FROM_CHILD,
};

struct numbered {
	uint64_t number;
	uint32_t from, wants; /* an answer */
};

struct actor {
	uint32_t index, children;
	uint64_t random, rounds, beats;
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

static void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t
counted(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
must(enum hm_result result)
{
	if (result != HM_OK) {
		fprintf(stderr, "a call answers: %s\n", hm_result_name(result));
		abort();
	}
}

/* ---- Children ---------------------------------------------------------------------- */

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_pid *parent = state;

	if (hm_msg_type(msg) != ROUND)
		return;
	must(hm_send(ctx, *parent, FROM_CHILD, NULL));
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
	uint64_t random = random_next(&actor->random);

	if (hm_spawn(ctx, random % 2 == 0 ? &here : &anywhere, NULL, &self, &child) != 0)
		abort();
	must(hm_move(ctx, child, (uint32_t)(random >> 8) % LCORES));
	must(hm_send(ctx, child, ROUND, NULL));
	if (random % 3 == 0)
		must(hm_move(ctx, child, (uint32_t)(random >> 16) % LCORES));
	count(&children);
}

/* ---- Actors ------------------------------------------------------------------------ */

static void
numbered_send(struct hm_ctx *ctx, struct actor *actor, uint32_t to, bool by_request)
{
	struct numbered body = { .number = ++actor->sent[to], .from = actor->index, .wants = by_request };

	count(&sent);
	must(by_request ? hm_request(ctx, actors[to], NUMBERED, &body)
			: hm_send(ctx, actors[to], NUMBERED, &body));
}

static void
round_do(struct hm_ctx *ctx, struct actor *actor)
{
	for (uint32_t i = 0; i < SENDS; i++) {
		uint64_t random = random_next(&actor->random);

		numbered_send(ctx, actor, (uint32_t)random % ACTORS, (random >> 32) % 4 == 0);
	}
	if (random_next(&actor->random) % 8 == 0)
		must(hm_move(ctx, actors[random_next(&actor->random) % ACTORS],
			     (uint32_t)random_next(&actor->random) % LCORES));
	if (random_next(&actor->random) % 16 == 0)
		child_spawn(ctx, actor);
	if (++actor->rounds < rounds)
		must(hm_send(ctx, hm_self(ctx), ROUND, NULL));
	else
		count(&done);
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
	count(&received);
	if (body->wants != 0)
		must(hm_respond(ctx, ANSWER, NULL));
}

static void
actor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor *actor = state;
	struct hm_timer timer;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		must(hm_send_after(ctx, hm_self(ctx), BEAT, NULL, BEAT_US, BEAT_US, &timer));
		break;
	case ROUND:
		round_do(ctx, actor);
		break;
	case NUMBERED:
		numbered_receive(ctx, actor, hm_msg_body(msg));
		break;
	case BEAT:
		count(&beats);
		break;
	case HM_TERMINATED:
		count(&children_gone);
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

static void
pause_ms(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

/* The external thread is a sender, too, and moves actors. */
static bool
drive(struct hm_system *sys, uint64_t seed)
{
	uint64_t numbers[ACTORS] = { 0 }, random = seed | 1;

	for (uint32_t i = 0; i < ACTORS; i++)
		must(hm_system_send(sys, actors[i], ROUND, NULL));
	for (uint32_t i = 0; i < PATIENCE; i++) {
		uint32_t to = (uint32_t)random_next(&random) % ACTORS;
		struct numbered body = { .number = numbers[to] + 1, .from = EXTERNAL };

		if (counted(&done) == ACTORS && counted(&sent) == counted(&received) &&
		    counted(&children) == counted(&children_gone))
			return true;
		pause_ms();
		if (counted(&done) == ACTORS || hm_system_send(sys, actors[to], NUMBERED, &body) != HM_OK)
			continue;
		numbers[to]++;
		count(&sent);
		if (hm_system_move(sys, actors[(to + 1) % ACTORS], i % LCORES) != 0)
			continue;
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	struct hm_stats stats;
	struct hm_system *sys;
	bool all;

	if (argc > 1)
		rounds = strtoull(argv[1], NULL, 0);
	printf("%" PRIu64 " rounds, seed %" PRIu64 "\n", rounds, seed);
	hmt_eal_start_with(LCORES + 1, 256);
	if (hm_system_create(&sys, 0, NULL, &config) != 0)
		abort();
	types_register(sys);
	actors_spawn(sys, seed);
	if (hm_system_start(sys) != 0)
		abort();
	all = drive(sys, seed);
	hm_system_stats(sys, &stats);
	printf("%" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " of %" PRIu64 " children, %" PRIu64
	       " moves, %" PRIu64 " beats, %" PRIu64 " circles\n",
	       counted(&received), counted(&sent), counted(&children_gone), counted(&children), stats.moved,
	       counted(&beats), stats.circles);
	if (!all || stats.moved == 0)
		return EXIT_FAILURE;
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(sys);
	return EXIT_SUCCESS;
}
