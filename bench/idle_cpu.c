/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * idle.cpu: how much of a core does a system take that has nothing to do?
 *
 * An external thread reads the CPU time of the process twice, and sleeps in between; the system has no
 * messages, no timers and no network. All is measured at once: slices would have to wake somebody.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

#include "bench_clock.h"
#include "bench_node.h"

/* Until then the lcores have fallen asleep. */
#define SETTLE_S 0.1

struct run {
	struct bench_node node;
	pthread_t watcher;
	bool has_watcher;
	sem_t stopped;  /* posted when the system has stopped */
	double percent; /* the watcher's, until it is joined; NaN: not measured */
};

static double
process_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One long sleep, as each wake-up would count. Returns whether the system still runs. */
static bool
sleep_s(struct run *run, double seconds)
{
	double until_s = bench_clock_seconds() + seconds;
	struct timespec until = { .tv_sec = (time_t)until_s,
				  .tv_nsec = (long)((until_s - floor(until_s)) * 1e9) };
	int status;

	do {
		status = sem_clockwait(&run->stopped, CLOCK_MONOTONIC, &until);
	} while (status != 0 && errno == EINTR);
	return status != 0;
}

static void *
watcher_main(void *arg)
{
	struct run *run = arg;
	double start_s, cpu_s;

	if (!sleep_s(run, SETTLE_S))
		return NULL;
	start_s = bench_clock_seconds();
	cpu_s = process_cpu_seconds();
	if (!sleep_s(run, run->node.options.duration_s))
		return NULL;
	cpu_s = process_cpu_seconds() - cpu_s;
	run->percent = 100 * cpu_s / (bench_clock_seconds() - start_s);
	hm_system_stop(run->node.sys);
	return NULL;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	run->has_watcher = pthread_create(&run->watcher, NULL, watcher_main, run) == 0;
	if (!run->has_watcher)
		bench_node_fail(&run->node, ctx, "cannot start the thread that watches");
}

static void
watcher_join(struct run *run)
{
	sem_post(&run->stopped);
	if (run->has_watcher)
		pthread_join(run->watcher, NULL);
	sem_destroy(&run->stopped);
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status;

	run->percent = NAN;
	sem_init(&run->stopped, 0, 0);
	status = bench_node_run(node, "driver", driver_receive, run);
	watcher_join(run);
	bench_row_init(row, "idle.cpu", "%");
	row->note = "CPU time of the process, of one core";
	if (!isnan(run->percent))
		bench_slices_add(&node->slices, run->percent, NAN);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "CPU share of an idle system of two lcores.",
		.lcores = 2,
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
