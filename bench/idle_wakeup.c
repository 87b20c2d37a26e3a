/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * idle.wakeup: how long does a message of an external thread take to an actor whose lcore sleeps?
 *
 *     thread on the second core                      lcore 0: driver
 *     limit_wake_drive        ── write(eventfd) ──▶  limit_wake_sleep     a slice of the limit
 *     wait until it sleeps,   ── TYPE_WAKE ───────▶  receive              a slice of messages
 *     hm_system_send          ◀── handled, by memory
 *                             ── TYPE_SLICE ──────▶  adds both slices to the row
 *
 * Times are of CLOCK_MONOTONIC: from just before the call to the receive function.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_pause.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_wake.h"

#define TIMEOUT_NS 1000000000u

/* Between two looks whether the lcore sleeps. */
#define LOOK_NS 50000

/* How long it has slept when it is woken, and the sleeper of the limit, about. */
#define GAP_NS 100000

enum {
	TYPE_WAKE = HM_TYPE_USER,
	TYPE_LIMIT, /* to the driver: enter the bare sleep */
	TYPE_SLICE, /* to the driver: a pair of slices is over */
};

struct stamp {
	uint64_t sent_ns;
};

struct run {
	struct bench_node node;
	struct limit_wake *limit;
	pthread_t waker;
	bool has_waker;
	/* written before the waker starts */
	struct hm_pid driver;
	int stat_fd;               /* of the lcore's thread, in /proc; -1: none */
	const char *waker_failure; /* the waker's, until it is joined */
	/* the driver's */
	struct bench_histogram value_slice, limit_slice; /* ns */
	struct bench_histogram value_ns, limit_ns;       /* of all slices */
	/* read by the waker */
	_Alignas(64) _Atomic uint64_t handled; /* written by the driver */
	_Atomic bool ended;                    /* the system has stopped */
};

/* ---- waker: the external thread -------------------------------------------------------- */

static int
waker_fail(struct run *run, int status, const char *why)
{
	run->waker_failure = why;
	hm_system_stop(run->node.sys);
	return status;
}

/* A system that has stopped, as at Ctrl-C, ends the thread, but is no failure of it. */
static int
waker_send(struct run *run, uint16_t type, const void *body)
{
	enum hm_result result = hm_system_send(run->node.sys, run->driver, type, body);

	if (result == HM_NO_RECEIVER)
		return -ESHUTDOWN;
	return result == HM_OK ? 0 : waker_fail(run, -EIO, hm_result_name(result));
}

static void
spin_ns(uint64_t ns)
{
	uint64_t start_ns = bench_clock_ns();

	while (bench_clock_ns() - start_ns < ns)
		rte_pause();
}

/* Asked of the kernel: by its CPU time, a thread that spins and has lost its core for a while sleeps, too. */
static bool
lcore_sleeps(const struct run *run)
{
	char text[128];
	ssize_t length = pread(run->stat_fd, text, sizeof(text) - 1, 0);
	const char *name_end;

	if (length <= 0)
		return false;
	text[length] = '\0';
	name_end = strrchr(text, ')');
	return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

/* Without timers nothing wakes it again but what is sent. */
static int
sleep_wait(struct run *run)
{
	uint64_t start_ns = bench_clock_ns();

	do {
		spin_ns(LOOK_NS);
		if (bench_clock_ns() - start_ns > TIMEOUT_NS)
			return waker_fail(run, -ETIMEDOUT,
					  "the lcore does not fall asleep: this needs --idle adaptive");
	} while (!lcore_sleeps(run));
	spin_ns(GAP_NS);
	return 0;
}

static int
handled_wait(struct run *run, uint64_t handled, uint64_t since_ns)
{
	while (atomic_load_explicit(&run->handled, memory_order_acquire) == handled) {
		if (atomic_load_explicit(&run->ended, memory_order_acquire))
			return -ESHUTDOWN;
		if (bench_clock_ns() - since_ns > TIMEOUT_NS)
			return waker_fail(run, -ETIMEDOUT, "a message was not received within a second");
		rte_pause();
	}
	return 0;
}

static int
wake_once(struct run *run)
{
	uint64_t handled = atomic_load_explicit(&run->handled, memory_order_relaxed);
	int status = sleep_wait(run);
	struct stamp stamp;

	if (status != 0)
		return status;
	stamp.sent_ns = bench_clock_ns();
	status = waker_send(run, TYPE_WAKE, &stamp);
	return status != 0 ? status : handled_wait(run, handled, stamp.sent_ns);
}

static int
slices_take(struct run *run)
{
	uint64_t slice_ns = (uint64_t)(bench_options_slice_s(&run->node.options) * 1e9), end_ns;
	int status = waker_send(run, TYPE_LIMIT, NULL);

	if (status != 0)
		return status;
	if (limit_wake_drive(run->limit, bench_clock_ns() + slice_ns, GAP_NS) != 0)
		return waker_fail(run, -ETIMEDOUT, "the bare sleeper did not wake up within a second");
	end_ns = bench_clock_ns() + slice_ns;
	do {
		status = wake_once(run);
	} while (status == 0 && bench_clock_ns() < end_ns);
	return status != 0 ? status : waker_send(run, TYPE_SLICE, NULL);
}

/* Where it does not take time from the lcore that it wakes: on the core of another one, which sleeps. */
static int
waker_pin(void)
{
	rte_cpuset_t cpus = rte_lcore_cpuset(rte_get_next_lcore(rte_get_main_lcore(), 1, 1));

	return pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

static void *
waker_main(void *arg)
{
	struct run *run = arg;
	int status = waker_pin();

	if (status != 0)
		status = waker_fail(run, -status, "cannot move the thread that sends to the second core");
	/* one pair more: the first only warms up */
	for (uint32_t i = 0; status == 0 && i <= run->node.options.repeats; i++)
		status = slices_take(run);
	return NULL;
}

/* ---- driver: lcore 0 ------------------------------------------------------------------- */

static bool
stat_open(struct run *run)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)gettid());
	run->stat_fd = open(path, O_RDONLY | O_CLOEXEC);
	return run->stat_fd >= 0;
}

static void
waker_start(struct hm_ctx *ctx, struct run *run)
{
	run->driver = hm_self(ctx);
	if (!stat_open(run)) {
		bench_node_fail(&run->node, ctx, "cannot read the state of the lcore's thread in /proc");
		return;
	}
	run->has_waker = pthread_create(&run->waker, NULL, waker_main, run) == 0;
	if (!run->has_waker)
		bench_node_fail(&run->node, ctx, "cannot start the thread that sends");
}

static void
wake_take(struct run *run, const struct stamp *stamp)
{
	uint64_t now_ns = bench_clock_ns();

	bench_histogram_record(&run->value_slice, now_ns > stamp->sent_ns ? now_ns - stamp->sent_ns : 0);
	atomic_fetch_add_explicit(&run->handled, 1, memory_order_release);
}

static double
median_us(const struct bench_histogram *ns)
{
	return (double)bench_histogram_percentile(ns, 50) / 1e3;
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	if (run->limit_slice.count == 0) {
		bench_node_fail(&run->node, ctx, "a slice has no time for a wake-up: more --duration");
		return;
	}
	if (run->node.warm) {
		bench_histogram_merge(&run->value_ns, &run->value_slice);
		bench_histogram_merge(&run->limit_ns, &run->limit_slice);
	}
	(void)bench_node_slice(&run->node, ctx, median_us(&run->value_slice), median_us(&run->limit_slice));
	bench_histogram_init(&run->value_slice);
	bench_histogram_init(&run->limit_slice);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		waker_start(ctx, run);
		break;
	case TYPE_LIMIT:
		limit_wake_sleep(run->limit, &run->limit_slice);
		break;
	case TYPE_WAKE:
		wake_take(run, hm_msg_body(msg));
		break;
	case TYPE_SLICE:
		slices_end(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- program ------------------------------------------------------------------------------ */

static int
types_register(struct run *run)
{
	int status = bench_node_type(&run->node, TYPE_WAKE, "wake", sizeof(struct stamp));

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_LIMIT, "limit", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_SLICE, "slice", 0);
	return status;
}

static void
waker_join(struct run *run)
{
	atomic_store_explicit(&run->ended, true, memory_order_release);
	if (run->has_waker)
		pthread_join(run->waker, NULL);
	if (run->stat_fd >= 0)
		close(run->stat_fd);
	if (run->node.failure == NULL)
		run->node.failure = run->waker_failure;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = limit_wake_create(&run->limit);

	if (status != 0)
		fprintf(stderr, "cannot create an eventfd: %s\n", strerror(-status));
	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	waker_join(run);
	bench_row_init(row, "idle.wakeup", "us");
	row->note =
		"from an external thread to the receive function; limit: a bare eventfd between the same cores";
	bench_row_latency(row, &run->value_ns, 1e-3);
	bench_row_limit_latency(row, &run->limit_ns, 1e-3);
	limit_wake_destroy(run->limit);
	return status;
}

int
main(int argc, char **argv)
{
	struct run *run = aligned_alloc(64, sizeof(*run));
	int status;

	if (run == NULL)
		return EXIT_FAILURE;
	memset(run, 0, sizeof(*run));
	run->stat_fd = -1;
	bench_node_init(&run->node, "From an external thread to an actor whose lcore sleeps.");
	run->node.lcores = 2;
	status = bench_node_main(&run->node, argc, argv, measure);
	free(run);
	return status;
}
