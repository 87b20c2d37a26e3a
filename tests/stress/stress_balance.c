/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Actors that the balancer moves about while all send to each other, and while who is hot changes.
 *
 *     stress_balance [MOVES]
 *
 * Each message carries its number among those from its sender to its receiver, so that one that is lost, comes twice or
 * is overtaken is found where it arrives. Each actor sends most to one partner. Beside that, hot children are spawned and end, on
 * lcores that have just measured them. It lasts until the balancer has moved actors so many times, or for ten seconds if it has moved
 * any: where all lcores are busy all the time there is little to move. Then the system is stopped in the middle of it, five times,
 * and again until HMT_SECONDS are over.
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

#define ACTORS   16u
#define LCORES   4u
#define CHATS    6u /* messages of a round to the partner */
#define HOT_WORK 3000u
#define PATIENCE 240000u /* polls of a millisecond */
#define ENOUGH   10000u  /* of them, if anybody has moved */
#define STOPS    5u      /* systems that are stopped in the middle */

enum type {
	ROUND = HM_TYPE_USER,
	NUMBERED,
	FROM_CHILD,
};

struct numbered {
	uint64_t number;
	uint32_t from;
};

struct actor {
	uint32_t index;
	uint64_t random, rounds;
	uint64_t sent[ACTORS], received[ACTORS];
};

static struct hm_pid actors[ACTORS];
/* No order: only their values matter. */
static _Atomic uint64_t sent, received, children, children_gone;
static _Atomic uint32_t phase, quiet;
static _Atomic bool over;

static void
work(uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++)
		__asm__ volatile("" : : "r"(i));
}

/* ---- Children: hot, and soon gone --------------------------------------------------------- */

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint32_t *left = state;

	if (hm_msg_type(msg) != ROUND)
		return;
	work(HOT_WORK);
	if (--*left > 0) {
		hmt_must(hm_send(ctx, hm_self(ctx), ROUND, NULL));
		return;
	}
	hmt_must(hm_send(ctx, hm_parent(ctx), FROM_CHILD, NULL));
	hm_stop(ctx, hm_self(ctx));
}

static void
child_spawn(struct hm_ctx *ctx, struct actor *actor)
{
	static const struct hm_props props = { .receive = child_receive,
					       .state_size = sizeof(uint32_t),
					       .args_size = sizeof(uint32_t) };
	uint32_t left = 1 + (uint32_t)(hmt_random(&actor->random) % 500);
	struct hm_pid child;

	if (hm_spawn(ctx, &props, NULL, &left, &child) != 0)
		abort();
	hmt_must(hm_send(ctx, child, ROUND, NULL));
	hmt_count(&children);
}

/* ---- Actors ------------------------------------------------------------------------------- */

static void
numbered_send(struct hm_ctx *ctx, struct actor *actor, uint32_t to)
{
	struct numbered body = { .number = ++actor->sent[to], .from = actor->index };

	hmt_count(&sent);
	hmt_must(actor->index % 4 < 2 ? hm_request(ctx, actors[to], NUMBERED, &body)
				      : hm_send(ctx, actors[to], NUMBERED, &body));
}

static void
round_do(struct hm_ctx *ctx, struct actor *actor)
{
	bool hot = (actor->index + atomic_load_explicit(&phase, memory_order_relaxed)) % 4 < 2;

	work(hot ? HOT_WORK : 1);
	for (uint32_t i = 0; i < CHATS; i++)
		numbered_send(ctx, actor, actor->index ^ 1);
	numbered_send(ctx, actor, (uint32_t)(hmt_random(&actor->random) % ACTORS));
	if (hmt_random(&actor->random) % 256 == 0)
		child_spawn(ctx, actor);
	if (!atomic_load_explicit(&over, memory_order_relaxed))
		hmt_must(hm_send(ctx, hm_self(ctx), ROUND, NULL));
	else
		atomic_fetch_add_explicit(&quiet, 1, memory_order_relaxed);
}

static void
numbered_receive(const struct hm_ctx *ctx, struct actor *actor, const struct numbered *body)
{
	if (body->number != actor->received[body->from] + 1) {
		fprintf(stderr, "actor %u on lcore %u: number %" PRIu64 " of %u, after %" PRIu64 "\n",
			actor->index, hm_lcore(ctx), body->number, body->from, actor->received[body->from]);
		abort();
	}
	actor->received[body->from] = body->number;
	hmt_count(&received);
}

static void
actor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor *actor = state;

	switch (hm_msg_type(msg)) {
	case ROUND:
		round_do(ctx, actor);
		break;
	case NUMBERED:
		numbered_receive(ctx, actor, hm_msg_body(msg));
		break;
	case HM_TERMINATED:
		hmt_count(&children_gone);
		break;
	default:
		break;
	}
}

/* ---- The run -------------------------------------------------------------------------------- */

static struct hm_system *
system_start(uint64_t seed)
{
	/* All on the first lcore. */
	static const struct hm_props props = { .receive = actor_receive,
					       .faults = HM_FAULTS_ABORT,
					       .state_size = sizeof(struct actor),
					       .args_size = sizeof(struct actor) };
	static const struct hm_type types[] = {
		{ .id = ROUND, .name = "round" },
		{ .id = NUMBERED, .name = "numbered", .size = sizeof(struct numbered) },
		{ .id = FROM_CHILD, .name = "from child" },
	};
	const struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES, .balance_ms = 1 };
	struct hm_system *sys;

	if (hm_system_create(&sys, 0, NULL, &config) != 0)
		abort();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (hm_type_register(sys, &types[i]) != 0)
			abort();
	}
	for (uint32_t i = 0; i < ACTORS; i++) {
		struct actor args = { .index = i, .random = seed * 2654435761u + i + 1 };

		if (hm_system_spawn(sys, &props, NULL, &args, &actors[i]) != 0)
			abort();
	}
	for (uint32_t i = 0; i < ACTORS; i++)
		hmt_must(hm_system_send(sys, actors[i], ROUND, NULL));
	if (hm_system_start(sys) != 0)
		abort();
	return sys;
}

static void
system_stop(struct hm_system *sys)
{
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		abort();
	hm_system_destroy(sys);
}

static void
pause_ms(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

/* Until the balancer has moved so many, or some for long enough; who is hot changes meanwhile. */
static bool
drive(const struct hm_system *sys, uint64_t moves, struct hm_balance_stats *stats)
{
	uint64_t done;

	for (uint32_t i = 0; i < PATIENCE; i++) {
		if (hm_system_balance_stats(sys, stats) != 0)
			abort();
		done = stats->moved + stats->joined;
		if (done >= moves || (done > 0 && i >= ENOUGH))
			return true;
		pause_ms();
		atomic_store_explicit(&phase, i / 64, memory_order_relaxed);
	}
	return false;
}

/* Nobody sends any more: all that was sent has come. */
static bool
settle(void)
{
	atomic_store_explicit(&over, true, memory_order_relaxed);
	for (uint32_t i = 0; i < PATIENCE; i++) {
		if (atomic_load_explicit(&quiet, memory_order_relaxed) == ACTORS &&
		    hmt_counted(&sent) == hmt_counted(&received) &&
		    hmt_counted(&children) == hmt_counted(&children_gone))
			return true;
		pause_ms();
	}
	return false;
}

int
main(int argc, char **argv)
{
	uint64_t moves = argc > 1 ? strtoull(argv[1], NULL, 0) : 200;
	struct hmt_stress stress = hmt_stress_begin(0);
	uint64_t seed = stress.seed;
	struct hm_balance_stats stats;
	struct hm_system *sys;
	bool all;

	hmt_eal_start_with(LCORES + 1, 256);
	sys = system_start(seed);
	all = drive(sys, moves, &stats) && settle();
	printf("%" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " of %" PRIu64 " children, %" PRIu64
	       " moved, %" PRIu64 " joined, %" PRIu64 " refused\n",
	       hmt_counted(&received), hmt_counted(&sent), hmt_counted(&children_gone),
	       hmt_counted(&children), stats.moved, stats.joined, stats.refused);
	system_stop(sys);
	atomic_store_explicit(&over, false, memory_order_relaxed);
	for (uint32_t i = 0; all && (i < STOPS || !hmt_stress_is_over(&stress)); i++) {
		sys = system_start(seed + i);
		all = drive(sys, 1 + i % STOPS, &stats);
		system_stop(sys);
	}
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
