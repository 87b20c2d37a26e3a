/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OFFLOAD_PVT_H
#define OFFLOAD_PVT_H

/*
 * The offload pool: threads for calls that block, which no lcore may make.
 *
 *     lcore ─┐                          ┌─▶ thread ─▶ job->run
 *     lcore ─┼─▶ rte_ring (MP/MC) ──────┼─▶ thread
 *     lcore ─┘   and a semaphore        └─▶ thread
 *
 * One thread is there from the start. A thread that takes a job while no other one is idle starts another one, up to
 * the limit, so that the next job need not wait for this one. An lcore starts none.
 *
 * Who may call what at the same time ("-": the same thread, when nothing else is called):
 *
 *                   push   run_here   stop   drain   create/destroy
 *   push             yes      yes      no     no          no
 *   run_here         yes      yes      no     no          no
 *   stop, drain      no       no       -      -           -
 *
 * Ownership: a push that succeeds hands the job over. `run` gets it, or hmi_offload_drain returns it.
 * Ordering:  F1: push releases the job, the thread that takes it acquires it (rte_ring's tail of the
 *            producers). Jobs start in the order in which they were pushed.
 * Limits:    bounded: a full ring is the caller's to handle.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#define HMI_OFFLOAD_THREADS_MAX 64u

struct hmi_job {
	struct hmi_job *next; /* of those that were put back */
	void (*run)(struct hmi_job *job);
	/* The pool has stopped, and has not run it, or got it back: for the owner of what hmi_offload_drain returns. */
	void (*abandon)(struct hmi_job *job);
};

struct hmi_offload {
	struct rte_ring *ring;
	sem_t waiting; /* a count for each job in the ring, and one for each thread that is to end */
	uint32_t threads_max;
	_Atomic uint32_t idle; /* threads that wait for a job; a hint */
	_Atomic bool stopping; /* set under the lock */
	pthread_mutex_t lock;  /* of what follows */
	uint32_t running;      /* jobs that run */
	pthread_t threads[HMI_OFFLOAD_THREADS_MAX];
	uint32_t threads_count;
	struct hmi_job *put_back;
};

/*
 * Make a pool of up to `threads` threads, 0: none, and run_here runs the jobs. They may use the cores that the
 * calling thread may use now, and take no signals. `slots`: of the ring, a power of two; one job less may wait.
 * Returns 0, or a negative errno; then nothing is left behind.
 */
int hmi_offload_create(struct hmi_offload *pool, uint32_t threads, uint32_t slots);

/* Any thread; does not block. Returns whether there was room. */
bool hmi_offload_push(struct hmi_offload *pool, struct hmi_job *job);

/* Run the jobs that wait, on this thread: of a pool without threads. Returns how many. */
uint32_t hmi_offload_run_here(struct hmi_offload *pool);

/* No job begins from here on. Any thread. */
void hmi_offload_end(struct hmi_offload *pool);

/* Wait for the jobs that run, and end the threads. Jobs that wait stay, for hmi_offload_drain. */
void hmi_offload_stop(struct hmi_offload *pool);

/* Whether the pool is being stopped: what a job would wait for may never come. */
static inline bool
hmi_offload_is_stopping(const struct hmi_offload *pool)
{
	return atomic_load_explicit(&pool->stopping, memory_order_relaxed);
}

/* How many jobs run at the moment. Any thread. */
uint32_t hmi_offload_running(struct hmi_offload *pool);

/* A thread of a stopping pool gives back a job that it cannot finish; hmi_offload_drain returns it. */
void hmi_offload_put_back(struct hmi_offload *pool, struct hmi_job *job);

/* A job that did not run, or was put back, of a stopped pool; NULL: none is left. */
struct hmi_job *hmi_offload_drain(struct hmi_offload *pool);

/* A pool that was never created, or is destroyed already, is ignored. */
void hmi_offload_destroy(struct hmi_offload *pool);

#endif /* OFFLOAD_PVT_H */
