/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors on three lcores, which share whatever cores there are, do everything at once at random:
 * send, ask, forward, watch, spawn and stop on every lcore, set timers, look up names, and share buffers in
 * messages with headers; two external threads do the like. Every round ends in full flight, in order or by force. Then no message may
 * be lost: each one sent was received or is a dead letter, and is back in its pool; and each buffer was freed once.
 *
 * What each actor checks for itself: messages of one sender in order, Terminated only for whom it
 * watches or has spawned and once for each, Started first and Stopped last, and the end of a future
 * at most once (traffic_actor.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hm_dead_letter.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"
#include "traffic.h"

#define ROUND_SECONDS 0.4
#define ROUNDS        3u /* at least: one of each kind */
#define MEMORY_LITTLE (256u << 10)
#define MEMORY_MUCH   (4u << 20)

void
fault(struct shared *shared, const char *what)
{
	if (atomic_fetch_add(&shared->faults, 1) < 10)
		fprintf(stderr, "stress_engine_traffic: %s\n", what);
}

/* ---- External threads ------------------------------------------------------------------ */

struct outsider {
	struct shared *shared;
	pthread_t thread;
	uint32_t index;
	uint64_t seed;
};

static void
outsider_spawn(struct outsider *o)
{
	struct args args = { o->shared, hmt_random(&o->seed), 1, 0 };
	struct hm_pid pid;
	int rc = hm_system_spawn(o->shared->sys, &traffic_props[pick(&o->seed, LCORES)], NULL, &args, &pid);

	if (rc == 0)
		rc = hm_system_stop_actor(o->shared->sys, pid);
	if (rc != 0 && rc != -EAGAIN && rc != -ESHUTDOWN)
		fault(o->shared, "a spawn of an external thread that fails for no reason");
}

static void
outsider_ask(struct outsider *o)
{
	uint64_t number = hmt_random(&o->seed), answer = 0;
	struct hm_reply reply = { .body = &answer, .size = sizeof(answer) };
	int rc = hm_system_ask(o->shared->sys, o->shared->roots[pick(&o->seed, ROOTS)], REQUEST, &number,
			       1 + number % 2000, &reply);

	if (rc == 0 && answer != number)
		fault(o->shared, "another answer than was given");
	if (rc != 0 && rc != -ETIMEDOUT && rc != -ENOENT && rc != -EAGAIN && rc != -ESHUTDOWN)
		fault(o->shared, "a request of an external thread that fails for no reason");
}

static void
outsider_share(struct outsider *o)
{
	struct hm_buffer *buffer = hmt_bytes_new(o->shared->sys, &o->shared->bytes, &o->seed);
	struct hm_pid who = o->shared->roots[pick(&o->seed, ROOTS)],
		      to = o->shared->roots[pick(&o->seed, ROOTS)];

	if (buffer != NULL)
		(void)hm_system_send_buffer(o->shared->sys, to, ACQUAINTANCE, &who, hm_buffer_get(buffer));
	hm_buffer_put(buffer);
}

static void
outsider_subscribe(struct outsider *o)
{
	struct hm_pid pid = o->shared->roots[pick(&o->seed, ROOTS)];
	int rc = hm_dead_letters_subscribe(o->shared->sys, pid);

	if (rc == 0)
		hm_dead_letters_unsubscribe(o->shared->sys, pid);
	else if (rc != -ENOSPC)
		fault(o->shared, "a subscription of an external thread that fails for no reason");
}

static void *
outsider_main(void *arg)
{
	struct outsider *o = arg;
	struct shared *shared = o->shared;
	uint64_t sent[ROOTS] = { 0 };
	struct hm_pid pid;

	while (!atomic_load(&shared->is_over)) {
		uint32_t to = pick(&o->seed, ROOTS);
		struct ordered body = { ROOTS + o->index, sent[to] + 1 };
		struct timespec pause = { .tv_nsec = pick(&o->seed, 50000) };

		if (hm_system_send(shared->sys, shared->roots[to], ORDERED, &body) == HM_OK)
			sent[to]++;
		switch (pick(&o->seed, 8)) {
		case 0:
			outsider_spawn(o);
			break;
		case 1:
			outsider_ask(o);
			break;
		case 2:
			if (hm_lookup(shared->sys, "/user/root-1/left", &pid) == -EINVAL)
				fault(shared, "hm_lookup refused its arguments");
			break;
		case 3:
			outsider_subscribe(o);
			break;
		case 4:
			outsider_share(o);
			break;
		default:
			nanosleep(&pause, NULL);
			break;
		}
	}
	return NULL;
}

/* ---- Rounds ------------------------------------------------------------------------------- */

static void
require(bool what, const char *text)
{
	if (!what) {
		fprintf(stderr, "stress_engine_traffic: %s\n", text);
		exit(EXIT_FAILURE);
	}
}

static void
system_make(struct shared *shared, uint64_t memory)
{
	static const struct hm_type types[] = {
		{ .id = TICK, .name = "tick" },
		{ .id = ORDERED, .name = "ordered", .size = sizeof(struct ordered) },
		{ .id = ACQUAINTANCE, .name = "acquaintance", .size = sizeof(struct hm_pid) },
		{ .id = REQUEST, .name = "request", .size = sizeof(uint64_t) },
		{ .id = ANSWER, .name = "answer", .size = sizeof(uint64_t) },
	};
	/* Rings so small that they overflow. */
	static char words[][16] = { "stress", "--", "--lane", "32", "--inject", "64" };
	char *argv[] = { words[0], words[1], words[2], words[3], words[4], words[5], NULL };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES, .memory = memory };

	require(hm_system_create(&shared->sys, 6, argv, &config) == 0, "no system");
	for (size_t i = 0; i < RTE_DIM(types); i++)
		require(hm_type_register(shared->sys, &types[i]) == 0, "no type");
}

static void
roots_make(struct shared *shared, uint64_t *seed)
{
	char name[16];

	for (uint32_t i = 0; i < ROOTS; i++) {
		struct args args = { shared, hmt_random(seed), 0, i };

		snprintf(name, sizeof(name), "root-%u", i);
		require(hm_system_spawn(shared->sys, &traffic_props[i % LCORES], name, &args,
					&shared->roots[i]) == 0,
			"no root");
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

static int
round_run(uint64_t *seed, uint64_t memory, bool is_forced)
{
	static struct shared shared;
	struct outsider outsiders[THREADS];
	struct hm_stats stats;

	memset(&shared, 0, sizeof(shared));
	system_make(&shared, memory);
	roots_make(&shared, seed);
	require(hm_dead_letters_subscribe(shared.sys, shared.roots[0]) == 0, "no subscriber");
	require(hm_system_start(shared.sys) == 0, "it does not start");
	for (uint32_t i = 0; i < THREADS; i++) {
		outsiders[i] = (struct outsider){ .shared = &shared, .index = i, .seed = hmt_random(seed) };
		require(pthread_create(&outsiders[i].thread, NULL, outsider_main, &outsiders[i]) == 0,
			"no thread");
	}
	hmt_sleep_s(ROUND_SECONDS);
	if (is_forced)
		force(shared.sys);
	else
		hm_system_stop(shared.sys);
	require(hm_system_join(shared.sys) == (is_forced ? -EINTR : 0), "it does not end");
	/* The external threads meet a system that has stopped. */
	hmt_sleep_s(0.01);
	atomic_store(&shared.is_over, true);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(outsiders[i].thread, NULL);
	hm_system_stats(shared.sys, &stats);
	printf("%s: %" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " refused, %" PRIu64
	       " spawned, %" PRIu64 " ends told, %" PRIu64 " of %" PRIu64 " futures ended\n",
	       is_forced ? "forced" : "in order", stats.sent, stats.received, stats.no_memory, stats.spawned,
	       shared.terminated, shared.ended, shared.asked);
	require(is_forced || stats.spawned == stats.stopped, "actors are left");
	hmt_system_drain(shared.sys);
	hmt_books_check(shared.sys);
	hmt_system_free(shared.sys);
	printf("%" PRIu64 " buffers, %" PRIu64 " requests expired\n", shared.bytes.made,
	       stats.dead[HM_DEAD_EXPIRED]);
	require(shared.bytes.made == shared.bytes.freed, "buffers are lost");
	return atomic_load(&shared.faults);
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	int faults = 0;

	hmt_eal_start_with(LCORES + 1, 64);
	for (uint32_t i = 0; i < ROUNDS || !hmt_stress_is_over(&stress); i++)
		faults += round_run(&stress.random, i % 2 == 0 ? MEMORY_MUCH : MEMORY_LITTLE, i % 3 == 2);
	return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
