/* SPDX-License-Identifier: Apache-2.0 */
#include "limit_wake.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_pause.h>

#include "bench_clock.h"

#define TIMEOUT_NS 1000000000u

/* What is written ends a slice. */
#define STAMP_END 0

struct limit_wake {
	int fd;
	_Atomic uint64_t stamp_ns; /* of the last write; STAMP_END */
	_Atomic uint64_t woken;    /* times, of all slices */
};

int
limit_wake_create(struct limit_wake **wake)
{
	struct limit_wake *made = calloc(1, sizeof(*made));
	int status;

	if (made == NULL)
		return -ENOMEM;
	made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->fd < 0) {
		status = -errno;
		free(made);
		return status;
	}
	*wake = made;
	return 0;
}

void
limit_wake_destroy(struct limit_wake *wake)
{
	if (wake == NULL)
		return;
	close(wake->fd);
	free(wake);
}

/* the calls that a sleeping lcore makes */
static void
sleep_once(struct limit_wake *wake)
{
	struct pollfd poll = { .fd = wake->fd, .events = POLLIN };
	uint64_t count;

	while (ppoll(&poll, 1, NULL, NULL) <= 0 || read(wake->fd, &count, sizeof(count)) < 0)
		;
}

void
limit_wake_sleep(struct limit_wake *wake, struct bench_histogram *ns)
{
	/* The first write may come before the first sleep. */
	for (bool first = true;; first = false) {
		uint64_t stamp_ns, now_ns;

		sleep_once(wake);
		now_ns = bench_clock_ns();
		stamp_ns = atomic_load_explicit(&wake->stamp_ns, memory_order_acquire);
		if (stamp_ns == STAMP_END)
			return;
		if (!first)
			bench_histogram_record(ns, now_ns > stamp_ns ? now_ns - stamp_ns : 0);
		atomic_fetch_add_explicit(&wake->woken, 1, memory_order_release);
	}
}

static void
wake_once(struct limit_wake *wake, uint64_t stamp_ns)
{
	uint64_t one = 1;

	atomic_store_explicit(&wake->stamp_ns, stamp_ns, memory_order_release);
	(void)!write(wake->fd, &one, sizeof(one));
}

static int
woken_wait(struct limit_wake *wake, uint64_t woken, uint64_t since_ns)
{
	while (atomic_load_explicit(&wake->woken, memory_order_acquire) == woken) {
		if (bench_clock_ns() - since_ns > TIMEOUT_NS)
			return -ETIMEDOUT;
		rte_pause();
	}
	return 0;
}

int
limit_wake_drive(struct limit_wake *wake, uint64_t end_ns, uint64_t gap_ns)
{
	uint64_t now_ns = bench_clock_ns(), next_ns;
	int status = 0;

	while (status == 0 && now_ns < end_ns) {
		uint64_t woken = atomic_load_explicit(&wake->woken, memory_order_relaxed);

		for (next_ns = now_ns + gap_ns; now_ns < next_ns; now_ns = bench_clock_ns())
			rte_pause();
		wake_once(wake, now_ns);
		status = woken_wait(wake, woken, now_ns);
		now_ns = bench_clock_ns();
	}
	wake_once(wake, STAMP_END);
	return status;
}
