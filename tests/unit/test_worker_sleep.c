/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A worker that sleeps: for how long it asks the kernel to, and what wakes it.
 */
#include <poll.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "hmt_workers.h"

TestSuite(worker_sleep, .init = hmt_workers_start, .fini = hmt_workers_end, .timeout = 60);

static sem_t begun; /* for each sleep */
static bool has_end;

/* In the place of the C library's, which the worker would call. */
int
ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask)
{
	struct timespec left = time != NULL ? *time : (struct timespec){ 0 };

	has_end = time != NULL;
	sem_post(&begun);
	return (int)syscall(SYS_ppoll, fds, count, time != NULL ? &left : NULL, mask, sizeof(long));
}

static int
loop_main(void *worker)
{
	hmi_worker_loop(worker);
	return 0;
}

/* Run a worker until it sleeps. */
static void
sleep_begin(struct hmi_worker *w)
{
	sem_init(&begun, 0, 0);
	hmi_idle_init(&w->idle, HM_IDLE_ADAPTIVE, true);
	hmt_launch(1, loop_main, w);
	sem_wait(&begun);
}

static void
sleep_end(struct hmi_worker *w)
{
	hmi_worker_stop(w);
	hmt_wait(1);
}

/* An lcore that nothing is left for takes no time at all: nothing wakes it now and then. */
Test(worker_sleep, sleep__without_timer_and_network_has_no_end)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	sleep_begin(w);
	cr_assert_not(has_end);
	sleep_end(w);
}

Test(worker_sleep, sleep__with_a_timer_ends_with_it)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmt_nodes[0].timer.fire = hmt_worker_fire;
	hmi_wheel_add(&w->wheel, &hmt_nodes[0].timer, 1000000000u);
	sleep_begin(w);
	cr_assert(has_end);
	sleep_end(w);
}

static sem_t heard;
static uint32_t heard_count;

static void
asked(struct hmi_worker *worker)
{
	(void)worker;
	heard_count++;
	sem_post(&heard);
}

Test(worker_sleep, ask__wakes_it_and_needs_no_room)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;
	struct hmi_worker_ops ops = hmt_worker_ops;
	uint32_t filled = 0;

	ops.asked = asked;
	w->ops = &ops;
	sem_init(&heard, 0, 0);
	sleep_begin(w);
	while (hmi_inject_push(&w->inject, hmt_messages[filled]))
		filled++;
	for (uint32_t i = 1; i <= 3; i++) {
		hmi_worker_ask(w);
		sem_wait(&heard);
		cr_assert_eq(heard_count, i);
	}
	sleep_end(w);
}

/* Both at once: the request to stop is not lost when the other one is taken back. */
static void
asked_is_stopped(struct hmi_worker *worker)
{
	heard_count++;
	hmi_worker_stop(worker);
}

Test(worker_sleep, ask__twice_before_a_turn_is_once)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;
	struct hmi_worker_ops ops = hmt_worker_ops;

	ops.asked = asked_is_stopped;
	w->ops = &ops;
	hmi_worker_ask(w);
	hmi_worker_ask(w);
	hmi_worker_loop(w);
	cr_assert_eq(heard_count, 1);
	cr_assert_eq(w->turns, 1);
}
