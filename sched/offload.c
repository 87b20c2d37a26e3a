/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_pvt.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include <rte_memory.h>

#include "ring_pvt.h"
#include "tsan_pvt.h"

static void *thread_main(void *arg);

/* ---- Jobs ------------------------------------------------------------------------- */

HMI_TSAN_OFF bool
hmi_offload_push(struct hmi_offload *pool, struct hmi_job *job)
{
	HMI_TSAN_RELEASE(job);
	if (rte_ring_enqueue(pool->ring, job) != 0) /* F1 */
		return false;
	sem_post(&pool->waiting);
	return true;
}

/* NULL: none. */
HMI_TSAN_OFF static struct hmi_job *
job_take(struct hmi_offload *pool)
{
	void *job;

	if (rte_ring_dequeue(pool->ring, &job) != 0) /* F1 */
		return NULL;
	HMI_TSAN_ACQUIRE(job);
	return job;
}

/* Whether a job may begin; then it runs, until job_run has ended. */
static bool
job_may_begin(struct hmi_offload *pool)
{
	bool may;

	pthread_mutex_lock(&pool->lock);
	may = !hmi_offload_is_stopping(pool);
	pool->running += may;
	pthread_mutex_unlock(&pool->lock);
	return may;
}

/* The next job, of which there is one for each count; behind a thread that is preempted within its push it comes late. */
static struct hmi_job *
job_next(struct hmi_offload *pool)
{
	struct hmi_job *job;

	while ((job = job_take(pool)) == NULL)
		sched_yield();
	return job;
}

static void
job_run(struct hmi_offload *pool, struct hmi_job *job)
{
	job->run(job);
	pthread_mutex_lock(&pool->lock);
	pool->running--;
	pthread_mutex_unlock(&pool->lock);
}

uint32_t
hmi_offload_running(struct hmi_offload *pool)
{
	uint32_t running;

	pthread_mutex_lock(&pool->lock);
	running = pool->running;
	pthread_mutex_unlock(&pool->lock);
	return running;
}

uint32_t
hmi_offload_run_here(struct hmi_offload *pool)
{
	uint32_t count = 0;

	/* Those that wait now: what they cause waits for the next call. */
	for (uint32_t left = rte_ring_count(pool->ring); left > 0; left--, count++) {
		if (sem_trywait(&pool->waiting) != 0 || !job_may_begin(pool))
			break;
		job_run(pool, job_next(pool));
	}
	return count;
}

/* ---- Threads ----------------------------------------------------------------------- */

/* Signals are for the program's own threads. */
static int
thread_start(struct hmi_offload *pool)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	pthread_mutex_lock(&pool->lock);
	if (pool->threads_count < pool->threads_max && !hmi_offload_is_stopping(pool)) {
		pthread_sigmask(SIG_SETMASK, &all, &before);
		rc = pthread_create(&pool->threads[pool->threads_count], NULL, thread_main, pool);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		pool->threads_count += rc == 0;
	}
	pthread_mutex_unlock(&pool->lock);
	return -rc;
}

/* Wait for a job. NULL: the pool stops. */
static struct hmi_job *
job_await(struct hmi_offload *pool)
{
	atomic_fetch_add_explicit(&pool->idle, 1, memory_order_relaxed);
	while (sem_wait(&pool->waiting) != 0)
		;
	/* The last of two that do so at once sees none. If there is no memory for a thread, those that are there do the work. */
	if (atomic_fetch_sub_explicit(&pool->idle, 1, memory_order_relaxed) == 1)
		(void)thread_start(pool);
	return job_may_begin(pool) ? job_next(pool) : NULL;
}

static void *
thread_main(void *arg)
{
	struct hmi_offload *pool = arg;

	for (;;) {
		struct hmi_job *job = job_await(pool);

		if (job == NULL)
			return NULL;
		job_run(pool, job);
	}
}

/* ---- Set-up and tear-down ------------------------------------------------------------ */

/* Behind a preempted thread the others see a full or an empty ring, rather than spin. */
static int
ring_create(struct hmi_offload *pool, uint32_t slots)
{
	int rc = hmi_ring_create(&pool->ring, slots, RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ, SOCKET_ID_ANY);

	if (rc == 0)
		rc = rte_ring_set_prod_htd_max(pool->ring, rte_ring_get_capacity(pool->ring));
	return rc == 0 ? rte_ring_set_cons_htd_max(pool->ring, rte_ring_get_capacity(pool->ring)) : rc;
}

int
hmi_offload_create(struct hmi_offload *pool, uint32_t threads, uint32_t slots)
{
	int rc;

	memset(pool, 0, sizeof(*pool));
	if (threads > HMI_OFFLOAD_THREADS_MAX)
		return -EINVAL;
	rc = ring_create(pool, slots);
	if (rc != 0)
		return rc;
	pool->threads_max = threads;
	pthread_mutex_init(&pool->lock, NULL);
	sem_init(&pool->waiting, 0, 0);
	rc = thread_start(pool);
	if (rc != 0)
		hmi_offload_destroy(pool);
	return rc;
}

void
hmi_offload_end(struct hmi_offload *pool)
{
	pthread_mutex_lock(&pool->lock);
	atomic_store_explicit(&pool->stopping, true, memory_order_relaxed);
	pthread_mutex_unlock(&pool->lock);
}

void
hmi_offload_stop(struct hmi_offload *pool)
{
	uint32_t count;

	hmi_offload_end(pool);
	/* No thread starts another any more. */
	pthread_mutex_lock(&pool->lock);
	count = pool->threads_count;
	pool->threads_count = 0;
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < count; i++)
		sem_post(&pool->waiting);
	for (uint32_t i = 0; i < count; i++)
		pthread_join(pool->threads[i], NULL);
}

void
hmi_offload_put_back(struct hmi_offload *pool, struct hmi_job *job)
{
	pthread_mutex_lock(&pool->lock);
	job->next = pool->put_back;
	pool->put_back = job;
	pthread_mutex_unlock(&pool->lock);
}

struct hmi_job *
hmi_offload_drain(struct hmi_offload *pool)
{
	struct hmi_job *job = pool->put_back;

	if (job == NULL)
		return job_take(pool);
	pool->put_back = job->next;
	return job;
}

void
hmi_offload_destroy(struct hmi_offload *pool)
{
	if (pool->ring == NULL)
		return;
	hmi_ring_destroy(pool->ring);
	pool->ring = NULL;
	sem_destroy(&pool->waiting);
	pthread_mutex_destroy(&pool->lock);
}
