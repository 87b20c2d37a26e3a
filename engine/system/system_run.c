/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a system's lcores, and bringing them to an end.
 *
 *     created ──▶ running ──(guardian gone: every actor has stopped)──▶ lcores leave ──▶ stopped
 *                    └──────────(second signal, or time is up)───────────▲
 *
 * Ordering: S1: see external.c. S2: the guardian's lcore releases actors_gone, who looks
 * acquires it. S3: an lcore's thread releases has_thread behind its id. S4: an lcore that was
 * launched posts `ended`. C1: see claimed.
 */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "lcore_setup_pvt.h"
#include "rcu_pvt.h"
#include "shutdown_pvt.h"

/* Turns after the last actor stopped: its last messages reach lanes, provider and network. */
#define LAST_TURNS 8
/* How often a thread that waits for the stop looks whether lcore 0 is stuck. */
#define WATCH_NS 50000000l

static bool
is_forced(const struct hm_system *sys)
{
	return atomic_load_explicit(&sys->forced, memory_order_relaxed);
}

static bool
actors_gone(struct hm_system *sys)
{
	return atomic_load_explicit(&sys->actors_gone, memory_order_acquire); /* S2 */
}

static void
last_turns(struct hm_ctx *ctx)
{
	hmi_rcu_enter();
	for (int i = 0; i < LAST_TURNS; i++)
		hmi_worker_turn_alone(&ctx->worker);
	hmi_rcu_leave();
}

static int
lcore_main(void *arg)
{
	struct hm_ctx *ctx = arg;

	hmi_signals_block(NULL);
	hmi_stalls_lcore(ctx->sys);
	ctx->thread = pthread_self();
	ctx->thread_id = gettid();
	atomic_store_explicit(&ctx->has_thread, true, memory_order_release); /* S3 */
	hmi_worker_loop(&ctx->worker);
	if (!is_forced(ctx->sys))
		last_turns(ctx);
	atomic_store_explicit(&ctx->has_thread, false, memory_order_release); /* S3 */
	return 0;
}

static void
all_stop(struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		hmi_worker_stop(&sys->lcores[i]->worker);
}

static int
launched_main(void *arg)
{
	struct hm_ctx *ctx = arg;
	struct hm_system *sys = ctx->sys;
	int rc = lcore_main(ctx);

	sem_post(&sys->ended); /* S4 */
	return rc;
}

/* ---- EAL's lcores, which the systems of a process share ---------------------------- */

/* allowed: EAL's lcores are the process's, and its own launch is not safe against another one. */
static _Atomic bool claimed[RTE_MAX_LCORE];

static void
lcores_release(const struct hm_system *sys, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		atomic_store_explicit(&claimed[sys->eal_lcores[i]], false, memory_order_release); /* C1 */
}

/* Choose EAL lcores that nobody uses, the main one never. Returns 0; -EBUSY: there are too few, none is taken. */
static int
lcores_claim(struct hm_system *sys, uint32_t first)
{
	uint32_t i = first;
	unsigned int lcore;

	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (i == sys->lcores_count)
			break;
		if (atomic_exchange_explicit(&claimed[lcore], true, memory_order_acquire)) /* C1 */
			continue;
		if (rte_eal_get_lcore_state(lcore) == WAIT)
			sys->eal_lcores[i++] = (uint16_t)lcore;
		else
			atomic_store_explicit(&claimed[lcore], false, memory_order_release); /* C1 */
	}
	if (i == sys->lcores_count)
		return 0;
	lcores_release(sys, first, i);
	return -EBUSY;
}

/* ---- Launch and finish --------------------------------------------------------------- */

/* Launch the lcores from the first one on; *end: behind the last one that runs. */
static int
launch(struct hm_system *sys, uint32_t first, uint32_t *end)
{
	int claim = lcores_claim(sys, first);

	*end = first;
	/* Others run there: nothing has happened yet, so that it can be tried again. */
	if (claim != 0)
		return claim;
	/* What an external thread does while nothing runs is done before. */
	pthread_mutex_lock(&sys->control);
	atomic_store_explicit(&sys->state, HMI_RUNNING, memory_order_release); /* S1 */
	pthread_mutex_unlock(&sys->control);
	for (; *end < sys->lcores_count; (*end)++) {
		int rc = rte_eal_remote_launch(launched_main, sys->lcores[*end], sys->eal_lcores[*end]);

		if (rc != 0) {
			all_stop(sys);
			return rc;
		}
	}
	return 0;
}

static bool
is_created(const struct hm_system *sys)
{
	return atomic_load_explicit(&sys->state, memory_order_relaxed) == HMI_CREATED;
}

/* As launch; stalls are looked for from the first turn on. */
static int
watched_launch(struct hm_system *sys, uint32_t first, uint32_t *end)
{
	int rc = hmi_stalls_start(sys);

	*end = first;
	if (rc != 0)
		return rc;
	rc = launch(sys, first, end);
	if (rc != 0 && is_created(sys))
		hmi_stalls_stop(sys);
	return rc;
}

/* Wait until one more lcore has ended. If no thread takes signals, this one looks after the stop meanwhile. */
static void
lcore_await(struct hm_system *sys, struct hmi_stop_watch *watch)
{
	struct timespec until;
	int rc;

	do {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += WATCH_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		rc = sem_clockwait(&sys->ended, CLOCK_MONOTONIC, &until); /* S4 */
		if (rc != 0 && !sys->signals.is_started && hmi_stop_watch(sys, watch))
			hmi_stop_force(sys);
	} while (rc != 0);
}

/* What is still under way becomes dead letters, once, in whatever lcore it is. */
static int
finish(struct hm_system *sys, uint32_t first, uint32_t end)
{
	struct hmi_stop_watch watch = { 0 };

	/* EAL's own wait spins; it is for the last instructions of each lcore only. */
	for (uint32_t i = first; i < end; i++)
		lcore_await(sys, &watch);
	for (uint32_t i = first; i < end; i++) {
		rte_eal_wait_lcore(sys->eal_lcores[i]);
		/* DPDK has ordered it already, but where the thread sanitizer cannot see it. */
		(void)atomic_load_explicit(&sys->lcores[i]->has_thread, memory_order_acquire); /* S3 */
	}
	hmi_stalls_stop(sys);
	lcores_release(sys, first, sys->lcores_count);
	pthread_mutex_lock(&sys->control);
	atomic_store_explicit(&sys->state, HMI_STOPPED, memory_order_release); /* S1 */
	pthread_mutex_unlock(&sys->control);
	/* A call by the offload pool may wait for an lcore, or never return: signals are taken until it has. */
	hmi_rcu_enter();
	hmi_lcores_drain(sys);
	hmi_rcu_leave();
	hmi_offload_stop(&sys->offload);
	hmi_signals_stop(sys);
	hmi_rcu_enter();
	hmi_system_drain(sys);
	hmi_rcu_leave();
	return is_forced(sys) ? -EINTR : 0;
}

int
hm_system_run(struct hm_system *sys)
{
	uint32_t end;
	int rc, ended;

	if (sys == NULL || sys->mode != HM_MODE_LCORES || !is_created(sys))
		return -EINVAL;
	rc = watched_launch(sys, 1, &end);
	if (rc != 0 && is_created(sys))
		return rc;
	if (rc == 0)
		rc = hmi_signals_start(sys);
	if (rc == 0)
		lcore_main(sys->lcores[0]);
	else
		all_stop(sys);
	ended = finish(sys, 1, end);
	return rc != 0 ? rc : ended;
}

int
hm_system_start(struct hm_system *sys)
{
	uint32_t end;
	int rc;

	if (sys == NULL || sys->mode != HM_MODE_BACKGROUND || !is_created(sys))
		return -EINVAL;
	rc = watched_launch(sys, 0, &end);
	if (rc != 0 && !is_created(sys))
		(void)finish(sys, 0, end);
	return rc;
}

int
hm_system_join(struct hm_system *sys)
{
	if (sys == NULL || sys->mode != HM_MODE_BACKGROUND ||
	    atomic_load_explicit(&sys->state, memory_order_relaxed) != HMI_RUNNING)
		return -EINVAL;
	return finish(sys, 0, sys->lcores_count);
}

/* A turn of some lcores of a stepped system. Returns units of work done. */
static uint32_t
turn(struct hm_system *sys, uint32_t first, uint32_t end)
{
	uint32_t work = 0;

	if (is_forced(sys))
		return 0;
	/* What other threads do themselves, since no lcore has a thread, they do between turns. */
	while (atomic_load_explicit(&sys->control_wanted, memory_order_relaxed) != 0)
		sched_yield();
	pthread_mutex_lock(&sys->control);
	atomic_store_explicit(&sys->state, HMI_RUNNING, memory_order_relaxed);
	hmi_rcu_enter();
	for (uint32_t i = first; i < end; i++)
		work += hmi_worker_turn_alone(&sys->lcores[i]->worker);
	hmi_rcu_leave();
	if (actors_gone(sys) || is_forced(sys))
		atomic_store_explicit(&sys->state, HMI_STOPPED, memory_order_relaxed);
	pthread_mutex_unlock(&sys->control);
	return work + hmi_offload_run_here(&sys->offload);
}

uint32_t
hm_system_turn(struct hm_system *sys)
{
	return sys != NULL && sys->mode == HM_MODE_STEPPED ? turn(sys, 0, sys->lcores_count) : 0;
}

uint32_t
hmi_system_turn_lcore(struct hm_system *sys, uint32_t lcore)
{
	return turn(sys, lcore, lcore + 1);
}

void
hmi_root_ended(struct hm_ctx *ctx)
{
	atomic_store_explicit(&ctx->sys->actors_gone, true, memory_order_release); /* S2 */
	if (ctx->sys->mode != HM_MODE_STEPPED)
		all_stop(ctx->sys);
}
