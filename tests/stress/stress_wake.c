/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Lcores that fall asleep all the time, and are woken by each other and by a thread: no wake-up is lost.
 *
 *     main thread ── inject ──▶ worker 0 ── lane ──▶ worker 1 ── lane ──▶ worker 0 ...
 *            ▲─────────────── after some rounds: semaphore ─────────────────┘
 *
 * One message goes round, so that each receiver has nothing else to do and goes to sleep, for ever if
 * nobody woke it. The main thread waits a random time before the next one, so that it meets every
 * moment of falling asleep. At the end both are stopped while they sleep.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_memory.h>

#include "hmt_eal.h"
#include "hmt_msg.h"
#include "hmt_stress.h"
#include "worker_pvt.h"

#define WORKERS 2u
#define ROUNDS  5u
#define LOST_S  20

struct node {
	struct hmi_worker worker; /* first */
	uint64_t delivered;
};

static struct node nodes[WORKERS];
static struct hm_msg *message;
static struct hmi_clock clock_of_all;
static sem_t back;

/* Passed on ROUNDS times; `to` counts. */
static void
deliver(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	struct node *node = (struct node *)worker;

	for (uint32_t i = 0; i < count; i++) {
		node->delivered++;
		if (++msgs[i]->to < 2 * ROUNDS)
			hmi_worker_push(worker, 1 - worker->index, msgs[i]);
		else
			sem_post(&back);
	}
}

static uint32_t
nothing_runs(struct hmi_worker *worker)
{
	(void)worker;
	return 0;
}

static const struct hmi_worker_ops ops = { .deliver = deliver, .run_stage = nothing_runs };

static int
worker_main(void *worker)
{
	hmi_worker_loop(worker);
	return 0;
}

static void
set_up(void)
{
	struct hmi_worker *workers[WORKERS];

	hmt_eal_start_with(WORKERS + 1, 64);
	hmt_msgs_make(&message, 1);
	hmi_clock_init(&clock_of_all);
	sem_init(&back, 0, 0);
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct hmi_worker_config config = {
			.index = i,
			.lcores_count = WORKERS,
			.lane_size = 64,
			.inject_size = 64,
			.quantum = HMI_DEADLINE_STEPS,
			.idle = HM_IDLE_ADAPTIVE,
			.crowded = true,
			.socket = SOCKET_ID_ANY,
			.clock = &clock_of_all,
		};

		workers[i] = &nodes[i].worker;
		if (hmi_worker_create(workers[i], &config, &ops) != 0)
			abort();
	}
	hmi_worker_connect(workers, WORKERS);
	for (uint32_t i = 0; i < WORKERS; i++)
		hmt_launch(1 + i, worker_main, workers[i]);
}

/* Returns whether the message came back. */
static bool
round_trip(uint64_t *random)
{
	uint64_t end = rte_rdtsc() + hmt_random_below(random, 200000);
	struct timespec lost;

	message->to = 0;
	if (!hmi_worker_inject(&nodes[hmt_random_below(random, WORKERS)].worker, message))
		return false;
	clock_gettime(CLOCK_REALTIME, &lost);
	lost.tv_sec += LOST_S;
	while (sem_timedwait(&back, &lost) != 0) {
		if (errno != EINTR)
			return false;
	}
	while (rte_rdtsc() < end)
		;
	return true;
}

/* On a busy machine an lcore may always have found something before it fell asleep. Returns whether all sleep. */
static bool
sleep_await(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t sleeping = 0;

	for (uint32_t ms = 0; ms < LOST_S * 1000 && sleeping < WORKERS; ms++) {
		nanosleep(&pause, NULL);
		for (sleeping = 0; sleeping < WORKERS; sleeping++) {
			if (!atomic_load_explicit(&nodes[sleeping].worker.wake.asleep, memory_order_relaxed))
				break;
		}
	}
	return sleeping == WORKERS;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	uint64_t trips = 0;
	bool lost = false, asleep;

	set_up();
	while (!lost && (trips < 100 || !hmt_stress_is_over(&stress))) {
		lost = !round_trip(&stress.random);
		trips += !lost;
	}
	asleep = sleep_await();
	for (uint32_t i = 0; i < WORKERS; i++)
		hmi_worker_stop(&nodes[i].worker);
	for (uint32_t i = 0; !lost && i < WORKERS; i++)
		hmt_wait(1 + i);
	printf("%lu trips of %u deliveries, %s\n", trips, 2 * ROUNDS,
	       lost ? "then a wake-up was lost" : "no wake-up was lost");
	return lost || !asleep ? EXIT_FAILURE : EXIT_SUCCESS;
}
