/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT and SIGTERM stop the system; a second one forces it, and the process ends if a receive function
 * does not return then. A thread of its own waits for
 * them, so that no handler runs, and no global variable has to name the system for a handler.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_log.h>

#include "lcore_setup_pvt.h"
#include "shutdown_pvt.h"

#define POLL_NS 50000000l
/* So soon after the first one it is the same: terminals and wrappers signal a process and its group. */
#define ECHO_NS 200000000u
/* So long the receive functions that run have to return after the second one. */
#define GRACE_NS 500000000u

static void
stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

void
hmi_signals_block(sigset_t *before)
{
	sigset_t set;

	stop_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, before);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- The second signal ---------------------------------------------------------------- */

static bool
any_runs(const struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		if (atomic_load_explicit(&sys->lcores[i]->has_thread, memory_order_acquire)) /* S3 */
			return true;
	}
	return false;
}

/* What an lcore runs that has not ended a turn for GRACE_NS. */
static void
stuck_tell(const struct hm_system *sys, struct hm_ctx *ctx)
{
	char text[HMI_STUCK_TEXT];

	hmi_stuck_describe(sys, ctx, text);
	fprintf(stderr, "hermod: %s; the process ends\n", text);
}

/* Who has not ended for GRACE_NS. */
static void
late_tell(struct hm_system *sys)
{
	uint32_t calls = hmi_offload_running(&sys->offload);

	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		if (atomic_load_explicit(&sys->lcores[i]->has_thread, memory_order_acquire)) /* S3 */
			stuck_tell(sys, sys->lcores[i]);
	}
	if (calls > 0)
		fprintf(stderr, "hermod: %u calls of the offload pool have not returned; the process ends\n",
			calls);
}

/* Stop the lcores without waiting for actors. One that does not end its turn keeps the process alive for ever. */
static void
force(struct hm_system *sys, int sig)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t end_ns = now_ns() + GRACE_NS;

	rte_log(RTE_LOG_WARNING, (uint32_t)sys->logtype, "hermod: stopped by force\n");
	hmi_stop_force(sys);
	while (any_runs(sys) || hmi_offload_running(&sys->offload) > 0) {
		if (now_ns() < end_ns) {
			/* allowed: this thread is no lcore */
			nanosleep(&pause, NULL);
			continue;
		}
		late_tell(sys);
		/* allowed: promised in hm_system.h; exit would run handlers beside an actor that may hold their locks. */
		_exit(128 + sig);
	}
}

static void
wait_for_signals(void *arg)
{
	struct hm_system *sys = arg;
	struct timespec poll = { .tv_nsec = POLL_NS };
	struct hmi_stop_watch watch = { 0 };
	uint64_t first_ns = 0;
	bool has_forced = false;
	sigset_t set;

	stop_signals(&set);
	while (!atomic_load_explicit(&sys->signals_end, memory_order_relaxed)) {
		int sig = sigtimedwait(&set, NULL, &poll);

		/* Its time is up, as this thread or lcore 0 finds: the same as a second signal. */
		if (!has_forced && (hmi_stop_watch(sys, &watch) ||
				    atomic_load_explicit(&sys->forced, memory_order_relaxed))) {
			force(sys, SIGTERM);
			has_forced = true;
		}
		if (sig <= 0)
			continue;
		/* The first one never forces, though the program may have asked for the stop itself. */
		if (first_ns == 0) {
			hm_system_stop(sys);
			first_ns = now_ns();
			continue;
		}
		if (now_ns() - first_ns < ECHO_NS)
			continue;
		force(sys, sig);
		has_forced = true;
	}
}

int
hmi_signals_start(struct hm_system *sys)
{
	return hmi_control_thread_start(&sys->signals, "hm-signals", wait_for_signals, sys);
}

void
hmi_signals_stop(struct hm_system *sys)
{
	atomic_store_explicit(&sys->signals_end, true, memory_order_relaxed);
	hmi_control_thread_join(&sys->signals);
}
