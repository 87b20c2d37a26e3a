/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Threads ask others for samples, and give up at any time.
 *
 * Targets compute, sleep, and keep the signal away for a while. Askers take a sample's memory from the heap, ask, wait for
 * some microseconds, give up, and free it. What came must be of the thread that was asked, once for each that came.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hmt_eal.h"
#include "hmt_stress.h"
#include "sample_pvt.h"

#define TARGETS 3u
#define ASKERS  3u
#define BURST   8u /* samples of an asker at a time: all together fewer than there are slots */

struct target {
	pthread_t thread;
	_Atomic pid_t id;
	uint64_t seed;
};

struct asker {
	pthread_t thread;
	uint64_t seed;
	uint64_t came, given_up;
};

/* What a handler fills in. */
struct asked {
	struct hmi_sample sample;
	pid_t expected, found;
	uint32_t looks;
};

static struct target targets[TARGETS];
/* Askers end before those that they ask. */
static _Atomic bool is_over, nobody_asks;
static _Atomic uint64_t looks;

static void
spin(uint64_t *seed)
{
	double end_s = hmt_now_s() + (double)hmt_random_below(seed, 50) * 1e-6;

	while (hmt_now_s() < end_s)
		;
}

static void *
target_main(void *arg)
{
	struct target *t = arg;
	sigset_t all, before;

	sigfillset(&all);
	t->id = gettid();
	while (!nobody_asks) {
		spin(&t->seed);
		if (hmt_random_below(&t->seed, 4) == 0)
			usleep(10);
		if (hmt_random_below(&t->seed, 4) != 0)
			continue;
		pthread_sigmask(SIG_SETMASK, &all, &before);
		spin(&t->seed);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	return NULL;
}

static void
look(void *arg)
{
	struct asked *a = arg;

	a->found = gettid();
	a->looks++;
	atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
}

static void
check(bool what, const char *text)
{
	if (what)
		return;
	fprintf(stderr, "%s\n", text);
	exit(1);
}

static struct asked *
ask(struct asker *asker)
{
	struct asked *a = calloc(1, sizeof(*a));
	int rc;

	a->sample.look = look;
	a->sample.arg = a;
	a->expected = targets[hmt_random_below(&asker->seed, TARGETS)].id;
	rc = hmi_sample_ask(&a->sample, a->expected);
	check(rc == 0, "a slot is free, and the thread is there");
	return a;
}

static void
give_up(struct asker *asker, struct asked *a)
{
	bool came = a->sample.ticket == 0 || hmi_sample_cancel(&a->sample);

	check(a->sample.ticket == 0, "it is the asker's");
	check(a->looks == came, "a look for each that came");
	check(!came || (a->found == a->expected && a->sample.trace.count > 0),
	      "of the thread that was asked");
	asker->came += came;
	asker->given_up += !came;
	memset(a, 0x5a, sizeof(*a));
	free(a);
}

static void *
asker_main(void *arg)
{
	struct asker *asker = arg;

	while (!is_over) {
		struct asked *burst[BURST];

		for (uint32_t i = 0; i < BURST; i++)
			burst[i] = ask(asker);
		spin(&asker->seed);
		for (uint32_t i = 0; i < BURST; i++) {
			(void)hmi_sample_poll(&burst[i]->sample);
			give_up(asker, burst[i]);
		}
		/* The targets have to get on. */
		usleep(100);
	}
	return NULL;
}

int
main(void)
{
	static struct asker askers[ASKERS];
	struct hmt_stress stress = hmt_stress_begin(3);
	uint64_t came = 0, given_up = 0;

	check(hmi_sample_signal_get() == 0, "a signal is free");
	for (uint32_t i = 0; i < TARGETS; i++) {
		targets[i].seed = hmt_random(&stress.random);
		pthread_create(&targets[i].thread, NULL, target_main, &targets[i]);
		while (targets[i].id == 0)
			usleep(100);
	}
	for (uint32_t i = 0; i < ASKERS; i++) {
		askers[i].seed = hmt_random(&stress.random);
		pthread_create(&askers[i].thread, NULL, asker_main, &askers[i]);
	}
	hmt_stress_wait(&stress);
	is_over = true;
	for (uint32_t i = 0; i < ASKERS; i++) {
		pthread_join(askers[i].thread, NULL);
		came += askers[i].came;
		given_up += askers[i].given_up;
	}
	nobody_asks = true;
	for (uint32_t i = 0; i < TARGETS; i++)
		pthread_join(targets[i].thread, NULL);
	hmi_sample_signal_put();
	printf("%" PRIu64 " samples, %" PRIu64 " given up\n", came, given_up);
	check(looks == came, "as many looks as samples");
	check(came > 0 && given_up > 0, "some come, and some do not");
	return 0;
}
