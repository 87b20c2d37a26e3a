/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Stopping a system while it is being started, and calling it from external threads meanwhile, again and again.
 *
 * One thread creates a system, runs it to its end and destroys it; another one stops it at some moment between
 * creation and the end; a third one spawns, sends, asks and looks up. Each system must end in order. They are of
 * all modes: in the background, stepped, and on all lcores, where the stop is a signal.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define ROUNDS 60u /* at least */

struct round {
	struct hm_system *sys;
	enum hm_mode mode;
	struct hm_pid pid;
	uint64_t seed;
	pthread_barrier_t begin, end;
	_Atomic bool over; /* no order: the threads end some rounds later */
};

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_msg_sender(msg)))
		(void)hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg));
}

static const struct hm_props props = { .receive = receive };

static void
wait_some(uint64_t *seed)
{
	for (uint64_t n = hmt_random_below(seed, 2000); n > 0; n--)
		sched_yield();
}

static void *
stopper(void *arg)
{
	struct round *r = arg;
	uint64_t seed = r->seed;

	for (;;) {
		pthread_barrier_wait(&r->begin);
		if (r->over)
			return NULL;
		wait_some(&seed);
		if (r->mode == HM_MODE_LCORES)
			kill(getpid(), SIGTERM);
		else
			hm_system_stop(r->sys);
		pthread_barrier_wait(&r->end);
	}
}

static void
call_around(struct round *r)
{
	uint64_t number = 1, answer;
	struct hm_reply reply = { .body = &answer, .size = sizeof(answer) };
	struct hm_pid pid;
	int rc;

	(void)hm_system_send(r->sys, r->pid, HMT_NUMBER, &number);
	rc = hm_system_spawn(r->sys, &props, NULL, NULL, &pid);
	if (rc != 0 && rc != -ESHUTDOWN && rc != -EAGAIN) {
		fprintf(stderr, "hm_system_spawn: %d\n", rc);
		exit(1);
	}
	rc = hm_lookup(r->sys, "/user/echo", &pid);
	if (rc != 0 && rc != -ENOENT) {
		fprintf(stderr, "hm_lookup: %d\n", rc);
		exit(1);
	}
	(void)!hm_system_ask(r->sys, r->pid, HMT_NUMBER, &number, 1000, &reply);
}

static void *
caller(void *arg)
{
	struct round *r = arg;

	for (;;) {
		pthread_barrier_wait(&r->begin);
		if (r->over)
			return NULL;
		for (int i = 0; i < 4; i++)
			call_around(r);
		pthread_barrier_wait(&r->end);
	}
}

/* Until the guardian is gone. */
static int
turn_to_the_end(struct hm_system *sys)
{
	struct hm_pid pid;

	while (hm_lookup(sys, "/user", &pid) == 0) {
		if (hm_system_turn(sys) == 0)
			sched_yield();
	}
	return 0;
}

static int
run_to_the_end(const struct round *r)
{
	int rc;

	if (r->mode == HM_MODE_STEPPED)
		return turn_to_the_end(r->sys);
	if (r->mode == HM_MODE_LCORES)
		return hm_system_run(r->sys);
	rc = hm_system_start(r->sys);
	return rc == 0 ? hm_system_join(r->sys) : rc;
}

static void
round_run(struct round *r)
{
	static const struct hm_type number = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct hm_config config = { .mode = r->mode, .messages = 1024 };
	int rc = hm_system_create(&r->sys, 0, NULL, &config);

	if (rc == 0)
		rc = hm_type_register(r->sys, &number);
	if (rc == 0)
		rc = hm_system_spawn(r->sys, &props, "echo", NULL, &r->pid);
	if (rc != 0) {
		fprintf(stderr, "start: %d\n", rc);
		exit(1);
	}
	pthread_barrier_wait(&r->begin);
	rc = run_to_the_end(r);
	pthread_barrier_wait(&r->end);
	if (rc != 0) {
		fprintf(stderr, "run: %d\n", rc);
		exit(1);
	}
	hm_system_destroy(r->sys);
}

int
main(void)
{
	static const enum hm_mode modes[] = { HM_MODE_BACKGROUND, HM_MODE_STEPPED, HM_MODE_LCORES };
	struct hmt_stress stress = hmt_stress_begin(0);
	static struct round r;
	pthread_t threads[2];
	uint32_t rounds;
	sigset_t set;

	/* For all threads, before there are any: only hm_system_run waits for it. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	hmt_eal_start();
	r.seed = stress.seed;
	pthread_barrier_init(&r.begin, NULL, 3);
	pthread_barrier_init(&r.end, NULL, 3);
	pthread_create(&threads[0], NULL, stopper, &r);
	pthread_create(&threads[1], NULL, caller, &r);
	for (rounds = 0; rounds < ROUNDS || !hmt_stress_is_over(&stress); rounds++) {
		r.mode = modes[rounds % RTE_DIM(modes)];
		round_run(&r);
	}
	r.over = true;
	pthread_barrier_wait(&r.begin);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("%u systems\n", rounds);
	return 0;
}
