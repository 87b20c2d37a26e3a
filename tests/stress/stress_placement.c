/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Actors of all placements and priorities come and go, spawned by actors of several lcores and by an external thread.
 *
 *     lcores 0, 1    shared: round robin, load and keys place actors here
 *     lcores 2, 3    reserved: one actor at a time has each for itself
 *
 * None may be where it was not to be, two may never have one lcore, and at the end no lcore has any load.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hm_dispatch.h"
#include "hm_system.h"
#include "hm_type.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES       4u
#define RESERVED     2u
#define SPAWNERS     3u
#define CHILDREN_MAX 300u

enum {
	GO = HM_TYPE_USER
};

struct shared {
	struct hm_system *sys;
	_Atomic bool stop, own[LCORES];
	_Atomic uint64_t problems, ended, owned, busy;
};

static void
problem(struct shared *shared, const char *what, uint64_t number)
{
	if (atomic_fetch_add_explicit(&shared->problems, 1, memory_order_relaxed) < 5)
		fprintf(stderr, "%s: %" PRIu64 "\n", what, number);
}

/* ---- Actors that are placed --------------------------------------------------------------------- */

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct shared *shared = *(struct shared **)state;

	if (hm_msg_type(msg) == GO)
		hm_stop(ctx, hm_self(ctx));
	else if (hm_msg_type(msg) == HM_STOPPED)
		atomic_fetch_add_explicit(&shared->ended, 1, memory_order_relaxed);
}

/* Who has the lcore before is over, its last message among it. */
static void
owner_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct shared *shared = *(struct shared **)state;
	_Atomic bool *own = &shared->own[hm_lcore(ctx)];

	if (hm_msg_type(msg) == HM_STARTED) {
		if (atomic_exchange_explicit(own, true, memory_order_relaxed))
			problem(shared, "two have the lcore", hm_lcore(ctx));
		atomic_fetch_add_explicit(&shared->owned, 1, memory_order_relaxed);
	} else if (hm_msg_type(msg) == HM_STOPPED) {
		atomic_store_explicit(own, false, memory_order_relaxed);
	}
	child_receive(ctx, state, msg);
}

#define CHILD(fn, where, ...)                                                                     \
	{                                                                                         \
		.receive = (fn), .state_size = 8, .args_size = 8, .lcore = (where), ##__VA_ARGS__ \
	}

enum {
	SAME,
	ANY,
	LEAST,
	KEY,
	OWN,
	PLACES
};

static const struct hm_props placed[PLACES] = {
	[SAME] = CHILD(child_receive, HM_LCORE_SAME, .priority = HM_ACTOR_LOW),
	[ANY] = CHILD(child_receive, HM_LCORE_ANY, .priority = HM_ACTOR_HIGH),
	[LEAST] = CHILD(child_receive, HM_LCORE_LEAST, .quantum = 2, .quantum_us = 5),
	[KEY] = CHILD(child_receive, HM_LCORE_KEY, .priority = HM_ACTOR_LOW, .quantum_us = 1),
	[OWN] = CHILD(owner_receive, HM_LCORE_OWN, .priority = HM_ACTOR_HIGH),
};

static void
place_check(struct shared *shared, uint32_t place, uint32_t lcore, uint32_t here, uint64_t key)
{
	bool is_right = place == SAME  ? lcore == here
			: place == KEY ? lcore == hm_system_lcore_of_key(shared->sys, key)
			: place == OWN ? lcore >= LCORES - RESERVED
				       : lcore < LCORES - RESERVED;

	if (!is_right)
		problem(shared, "on a wrong lcore, placed as", place);
}

/* ---- Who spawns them ------------------------------------------------------------------------------- */

struct spawner {
	struct shared *shared;
	uint64_t random;
};

static void
child_spawn(struct hm_ctx *ctx, struct spawner *spawner, uint32_t place)
{
	struct shared *shared = spawner->shared;
	uint64_t key = hmt_random(&spawner->random);
	struct hm_pid pid;
	int rc;

	if (place == KEY)
		rc = hm_spawn_key(ctx, &placed[place], NULL, &shared, key, &pid);
	else
		rc = hm_spawn(ctx, &placed[place], NULL, &shared, &pid);
	if (place == OWN && rc == -EBUSY) {
		atomic_fetch_add_explicit(&shared->busy, 1, memory_order_relaxed);
	} else if (rc != 0) {
		problem(shared, "not spawned", (uint64_t)-rc);
	} else {
		place_check(shared, place, hm_pid_lcore(pid), hm_lcore(ctx), key);
		if (hm_send(ctx, pid, GO, NULL) != HM_OK)
			problem(shared, "not sent", place);
	}
}

static void
spawner_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct spawner *spawner = state;

	if (hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != GO)
		return;
	for (uint32_t i = 0; i < PLACES && hm_children_count(ctx) < CHILDREN_MAX; i++)
		child_spawn(ctx, spawner, (uint32_t)hmt_random_below(&spawner->random, PLACES));
	if (!atomic_load_explicit(&spawner->shared->stop, memory_order_relaxed) &&
	    hm_send(ctx, hm_self(ctx), GO, NULL) != HM_OK)
		problem(spawner->shared, "not sent to itself", 0);
}

/* An external thread: it spawns, and looks at what lcores publish. */
static void *
spawn_outside(void *arg)
{
	struct shared *shared = arg;

	for (uint64_t n = 0; !atomic_load_explicit(&shared->stop, memory_order_relaxed); n++) {
		struct hm_load load;
		struct hm_pid pid;

		if (hm_system_spawn(shared->sys, &placed[LEAST], NULL, &shared, &pid) != 0)
			problem(shared, "not spawned outside", 0);
		place_check(shared, LEAST, hm_pid_lcore(pid), 0, 0);
		if (hm_system_stop_actor(shared->sys, pid) == -EAGAIN)
			sched_yield();
		/* It never counts below nothing. */
		if (hm_system_load(shared->sys, (uint32_t)(n % LCORES), &load) != 0 || load.actors > 1u << 24)
			problem(shared, "no such load", load.actors);
	}
	return NULL;
}

/* ---- The system --------------------------------------------------------------------------------------- */

static void
system_start(struct shared *shared, uint64_t *random)
{
	static const struct hm_type type = { .id = GO, .name = "go" };
	static const struct hm_props spawners[SPAWNERS] = {
		{ .receive = spawner_receive, .state_size = 16, .args_size = 16, .lcore = HM_LCORE(0) },
		{ .receive = spawner_receive, .state_size = 16, .args_size = 16, .lcore = HM_LCORE(1) },
		{ .receive = spawner_receive, .state_size = 16, .args_size = 16, .lcore = HM_LCORE(3) },
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES, .reserve = RESERVED };
	struct spawner spawner = { .shared = shared };

	if (hm_system_create(&shared->sys, 0, NULL, &config) != 0 ||
	    hm_type_register(shared->sys, &type) != 0)
		exit(EXIT_FAILURE);
	for (uint32_t i = 0; i < SPAWNERS; i++) {
		spawner.random = hmt_random(random);
		if (hm_system_spawn(shared->sys, &spawners[i], NULL, &spawner, NULL) != 0)
			exit(EXIT_FAILURE);
	}
	if (hm_system_start(shared->sys) != 0)
		exit(EXIT_FAILURE);
}

/* All have ended, and every lcore says so. */
static void
end_check(struct shared *shared)
{
	struct hm_stats stats;
	struct hm_load load;

	hm_system_stats(shared->sys, &stats);
	if (stats.spawned != stats.stopped)
		problem(shared, "have not stopped", stats.spawned - stats.stopped);
	for (uint32_t i = 0; i < LCORES; i++) {
		if (hm_system_load(shared->sys, i, &load) != 0 || load.actors != 0 || load.waiting != 0)
			problem(shared, "load is left", load.actors);
		if (atomic_load_explicit(&shared->own[i], memory_order_relaxed))
			problem(shared, "somebody still has the lcore", i);
	}
}

int
main(void)
{
	static struct shared shared;
	struct hmt_stress stress = hmt_stress_begin(2);
	pthread_t thread;

	hmt_eal_start_with(LCORES + 1, 64);
	system_start(&shared, &stress.random);
	if (pthread_create(&thread, NULL, spawn_outside, &shared) != 0)
		return EXIT_FAILURE;
	hmt_stress_wait(&stress);
	atomic_store_explicit(&shared.stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	hm_system_stop(shared.sys);
	if (hm_system_join(shared.sys) != 0)
		problem(&shared, "not joined", 0);
	end_check(&shared);
	hm_system_destroy(shared.sys);
	printf("%" PRIu64 " actors came and went, %" PRIu64 " of them with an lcore of their own; %" PRIu64
	       " found none\n",
	       atomic_load(&shared.ended), atomic_load(&shared.owned), atomic_load(&shared.busy));
	return atomic_load(&shared.problems) == 0 && atomic_load(&shared.owned) > 0 ? EXIT_SUCCESS
										    : EXIT_FAILURE;
}
