/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Lcores that hang while systems start and stop, side by side.
 *
 * Two threads make systems, one after the other, on EAL lcores that they share. Actors hang for some milliseconds: they
 * compute, sleep, wait for a pipe, or do not take the signal that asks them; the systems stop while they do. Each
 * stall that began must end, be counted, and name an actor of its own system, if it names any.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "hm_system.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"
#include "tsan_pvt.h"

#define MAKERS 2u
#define ACTORS 3u
#define HANGS  12u

struct maker {
	pthread_t thread;
	struct hm_system *sys;
	uint64_t node; /* of the system */
	uint64_t seed;
	double end_s;
	uint32_t began, ended, foreign; /* of the system's stalls */
	uint64_t stalls, systems, answers;
};

/* EAL's heap is locked where the sanitizer does not see it: memory of one system is another one's later. */
#ifdef HMI_TSAN
static pthread_mutex_t heap = PTHREAD_MUTEX_INITIALIZER;

static void
heap_lock(void)
{
	pthread_mutex_lock(&heap);
}

static void
heap_unlock(void)
{
	pthread_mutex_unlock(&heap);
}
#else
static void
heap_lock(void)
{
}

static void
heap_unlock(void)
{
}
#endif

static void
on_stall(void *arg, const struct hm_stall *stall)
{
	struct maker *m = arg;

	m->began += stall->event == HM_STALL_BEGAN;
	m->ended += stall->event == HM_STALL_ENDED;
	m->answers += stall->backtrace != NULL;
	m->foreign += !hm_pid_is_none(stall->actor) && stall->actor.node != m->node;
}

/* ---- Ways to hang ------------------------------------------------------------------------ */

static void
compute_until(double end_s)
{
	while (hmt_now_s() < end_s)
		;
}

static void
wait_for_pipe(void)
{
	int ends[2];
	char byte;

	if (pipe(ends) != 0)
		return;
	/* It ends at once, but is a call that waits. */
	(void)!write(ends[1], "x", 1);
	(void)!read(ends[0], &byte, 1);
	close(ends[0]);
	close(ends[1]);
}

static void
hang(uint64_t seed)
{
	double end_s = hmt_now_s() + (double)hmt_random_below(&seed, 12) * 1e-3;
	sigset_t all, before;

	switch (hmt_random_below(&seed, 4)) {
	case 0:
		compute_until(end_s);
		break;
	case 1:
		while (hmt_now_s() < end_s)
			usleep(500);
		break;
	case 2:
		while (hmt_now_s() < end_s)
			wait_for_pipe();
		break;
	default:
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		compute_until(end_s);
		/* Sometimes its signal is left to whoever runs here next. */
		if (hmt_random_below(&seed, 2) == 0)
			pthread_sigmask(SIG_SETMASK, &before, NULL);
		break;
	}
}

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hang(*(const uint64_t *)hm_msg_body(msg));
}

/* ---- Systems --------------------------------------------------------------------------------- */

static void
check(bool what, const char *text, const struct maker *m)
{
	if (what)
		return;
	fprintf(stderr, "%s: %u began, %u ended, %u of other systems, %" PRIu64 " counted\n", text, m->began,
		m->ended, m->foreign, m->stalls);
	exit(1);
}

static void
hangs_send(struct maker *m)
{
	static const struct hm_props props = { .receive = receive, .lcore = HM_LCORE_ANY };
	struct hm_pid actors[ACTORS];

	for (uint32_t i = 0; i < ACTORS; i++)
		check(hm_system_spawn(m->sys, &props, NULL, NULL, &actors[i]) == 0, "spawn", m);
	for (uint32_t i = 0; i < HANGS; i++) {
		uint64_t seed = hmt_random(&m->seed);

		check(hm_system_send(m->sys, actors[i % ACTORS], HMT_NUMBER, &seed) == HM_OK, "send", m);
	}
}

static void
system_run(struct maker *m)
{
	static const struct hm_type number = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND,
				    .lcores = 1,
				    .messages = 1024,
				    .stall_ms = 2,
				    .on_stall = on_stall,
				    .on_stall_arg = m };
	struct hm_stats stats;

	m->began = m->ended = 0;
	heap_lock();
	check(hm_system_create(&m->sys, 0, NULL, &config) == 0, "create", m);
	heap_unlock();
	m->node = hm_system_node(m->sys);
	check(hm_type_register(m->sys, &number) == 0, "register", m);
	hangs_send(m);
	check(hm_system_start(m->sys) == 0, "start", m);
	usleep((useconds_t)hmt_random_below(&m->seed, 30000));
	hm_system_stop(m->sys);
	check(hm_system_join(m->sys) == 0, "join", m);
	hm_system_stats(m->sys, &stats);
	heap_lock();
	hm_system_destroy(m->sys);
	heap_unlock();
	m->stalls += stats.stalls;
	m->systems++;
	check(m->began == stats.stalls && m->ended == m->began && m->foreign == 0, "stalls", m);
}

static void *
maker_main(void *arg)
{
	struct maker *m = arg;

	while (hmt_now_s() < m->end_s)
		system_run(m);
	return NULL;
}

int
main(void)
{
	static struct maker makers[MAKERS];
	uint64_t stalls = 0, systems = 0, answers = 0;
	struct hmt_stress stress = hmt_stress_begin(5);

	hmt_eal_start_with(MAKERS + 1, 64);
	for (uint32_t i = 0; i < MAKERS; i++) {
		makers[i].seed = hmt_random(&stress.random);
		makers[i].end_s = stress.end_s;
		pthread_create(&makers[i].thread, NULL, maker_main, &makers[i]);
	}
	for (uint32_t i = 0; i < MAKERS; i++) {
		pthread_join(makers[i].thread, NULL);
		stalls += makers[i].stalls;
		systems += makers[i].systems;
		answers += makers[i].answers;
	}
	printf("%" PRIu64 " stalls in %" PRIu64 " systems, %" PRIu64 " stacks\n", stalls, systems, answers);
	if (stalls > 0 && answers > 0)
		return 0;
	fprintf(stderr, "no lcore was seen to hang\n");
	return 1;
}
