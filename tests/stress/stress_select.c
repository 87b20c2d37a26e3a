/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Names come and go on two lcores, while actors and external threads select them.
 *
 *     /user/keeper ─┬─ stays0 ... stays99       each selection must find all of these, once
 *                   └─ passes...                and may find some of these
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hm_select.h"
#include "hm_system.h"
#include "hm_type.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define STAYING 100u
#define PASSING 64u
#define THREADS 2u

enum {
	GO = HM_TYPE_USER
};

struct shared {
	struct hm_system *sys;
	_Atomic bool stop;
	_Atomic uint64_t selections, found, problems, passed, received;
};

static void
problem(struct shared *shared, const char *what, uint64_t number)
{
	if (atomic_fetch_add_explicit(&shared->problems, 1, memory_order_relaxed) < 5)
		fprintf(stderr, "%s: %" PRIu64 "\n", what, number);
}

/* ---- Actors that have a name ------------------------------------------------------------------ */

static void
named_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == GO)
		atomic_fetch_add_explicit(&(*(struct shared **)state)->received, 1, memory_order_relaxed);
}

static const struct hm_props named[] = {
	{ .receive = named_receive, .state_size = 8, .args_size = 8, .lcore = HM_LCORE(0) },
	{ .receive = named_receive, .state_size = 8, .args_size = 8, .lcore = HM_LCORE(1) },
};

/* ---- What a selection has found ------------------------------------------------------------------ */

struct seen {
	struct shared *shared;
	uint8_t stays[STAYING];
	uint32_t staying;
};

static void
seen_add(struct seen *seen, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	unsigned long number;

	atomic_fetch_add_explicit(&seen->shared->found, 1, memory_order_relaxed);
	if (strncmp(name, "stays", 5) != 0)
		return;
	number = strtoul(name + 5, NULL, 10);
	if (number >= STAYING || seen->stays[number]++ != 0)
		problem(seen->shared, "found twice", number);
	else
		seen->staying++;
}

static void
seen_end(struct seen *seen)
{
	if (seen->staying != STAYING)
		problem(seen->shared, "of those that stay were found", seen->staying);
	atomic_fetch_add_explicit(&seen->shared->selections, 1, memory_order_relaxed);
	memset(seen->stays, 0, sizeof(seen->stays));
	seen->staying = 0;
}

/* ---- The keeper: spawns them, selects, and stops some ------------------------------------------------ */

struct keeper {
	struct shared *shared;
	struct seen *seen;
	struct hm_pid passing[PASSING];
	uint64_t passed, random;
};

static void
keeper_found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	struct keeper *keeper = state;

	(void)arg;
	(void)pid;
	if (path != NULL) {
		seen_add(keeper->seen, path);
		return;
	}
	seen_end(keeper->seen);
	if (hm_send(ctx, hm_self(ctx), GO, NULL) != HM_OK)
		problem(keeper->shared, "not sent", 0);
}

static void
child_spawn(struct hm_ctx *ctx, struct keeper *keeper, const char *kind, uint64_t number, struct hm_pid *pid)
{
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "%s%" PRIu64, kind, number);
	rc = hm_spawn(ctx, &named[number % 2], name, &keeper->shared, pid);
	if (rc != 0)
		problem(keeper->shared, "not spawned", (uint64_t)-rc);
}

static void
keeper_go(struct hm_ctx *ctx, struct keeper *keeper)
{
	for (uint64_t i = 1 + hmt_random_below(&keeper->random, 16); i > 0; i--) {
		struct hm_pid *pid = &keeper->passing[keeper->passed % PASSING];

		hm_stop(ctx, *pid);
		child_spawn(ctx, keeper, "passes", keeper->passed++, pid);
	}
	atomic_store_explicit(&keeper->shared->passed, keeper->passed, memory_order_relaxed);
	if (hm_select_send(ctx, "s*", GO, NULL) != HM_OK)
		problem(keeper->shared, "not selected", 0);
	if (hm_select_all(ctx, "*", keeper_found, NULL) != 0)
		problem(keeper->shared, "not listed", 0);
}

static void
keeper_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct keeper *keeper = state;

	if (hm_msg_type(msg) == HM_STARTED) {
		for (uint32_t i = 0; i < STAYING; i++)
			child_spawn(ctx, keeper, "stays", i, NULL);
		for (uint32_t i = 0; i < PASSING; i++)
			child_spawn(ctx, keeper, "passes", keeper->passed++, &keeper->passing[i]);
		keeper_go(ctx, keeper);
	} else if (hm_msg_type(msg) == GO) {
		if (!atomic_load_explicit(&keeper->shared->stop, memory_order_relaxed))
			keeper_go(ctx, keeper);
	} else if (hm_msg_type(msg) == HM_STOPPED) {
		free(keeper->seen);
	}
}

/* ---- External threads -------------------------------------------------------------------------------- */

static void
thread_found(const char *path, struct hm_pid pid, void *arg)
{
	(void)pid;
	seen_add(arg, path);
}

static void *
select_again(void *arg)
{
	struct shared *shared = arg;
	struct seen seen = { .shared = shared };

	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		if (hm_system_select(shared->sys, "/user/keeper/*", thread_found, &seen) < 0)
			problem(shared, "no selection", 0);
		seen_end(&seen);
		if (hm_system_select(shared->sys, "/user/**", thread_found, &seen) < 0)
			problem(shared, "no selection of all", 0);
		seen_end(&seen);
	}
	return NULL;
}

static void
system_start(struct shared *shared, uint64_t *random)
{
	static const struct hm_props props = { .receive = keeper_receive,
					       .state_size = sizeof(struct keeper),
					       .args_size = sizeof(struct keeper) };
	static const struct hm_type type = { .id = GO, .name = "go" };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = 2 };
	struct keeper keeper = { .shared = shared,
				 .seen = calloc(1, sizeof(struct seen)),
				 .random = hmt_random(random) };
	struct hm_pid pid;

	if (keeper.seen == NULL)
		exit(EXIT_FAILURE);
	keeper.seen->shared = shared;
	if (hm_system_create(&shared->sys, 0, NULL, &config) != 0 ||
	    hm_type_register(shared->sys, &type) != 0 ||
	    hm_system_spawn(shared->sys, &props, "keeper", &keeper, &pid) != 0 ||
	    hm_system_start(shared->sys) != 0)
		exit(EXIT_FAILURE);
	/* Until those that stay are there. */
	while (atomic_load_explicit(&shared->passed, memory_order_relaxed) == 0)
		sched_yield();
}

int
main(void)
{
	static struct shared shared;
	struct hmt_stress stress = hmt_stress_begin(2);
	pthread_t threads[THREADS];

	hmt_eal_start_with(3, 64);
	system_start(&shared, &stress.random);
	for (uint32_t i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, select_again, &shared) != 0)
			return EXIT_FAILURE;
	}
	hmt_stress_wait(&stress);
	atomic_store_explicit(&shared.stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	hm_system_stop(shared.sys);
	if (hm_system_join(shared.sys) != 0)
		problem(&shared, "not joined", 0);
	hm_system_destroy(shared.sys);
	printf("%" PRIu64 " selections found %" PRIu64 " names, of %" PRIu64 " that came and went; %" PRIu64
	       " messages\n",
	       atomic_load(&shared.selections), atomic_load(&shared.found), atomic_load(&shared.passed),
	       atomic_load(&shared.received));
	return atomic_load(&shared.problems) == 0 && atomic_load(&shared.selections) > 0 ? EXIT_SUCCESS
											 : EXIT_FAILURE;
}
