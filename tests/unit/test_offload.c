/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offload pool alone: threads, order, limits, and its end.
 */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>

#include <criterion/criterion.h>

#include "hmt_eal.h"
#include "offload_pvt.h"

#define SLOTS    16u
#define CAPACITY (SLOTS - 1)

/* A job that notes when it ran, says that it runs, and waits until it may go on. */
struct job {
	struct hmi_job job;
	sem_t runs, may_end;
	uint32_t place; /* among those that began */
	pthread_t thread;
	sigset_t signals;
	cpu_set_t cores;
};

static struct hmi_offload pool;
static struct job jobs[CAPACITY + 2];
static _Atomic uint32_t begun, ended;

static void
note_run(struct hmi_job *job)
{
	struct job *j = (struct job *)job;

	j->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &j->signals);
	pthread_getaffinity_np(pthread_self(), sizeof(j->cores), &j->cores);
	j->place = begun++;
	sem_post(&j->runs);
	while (sem_wait(&j->may_end) != 0)
		;
	ended++;
}

static void
quick_run(struct hmi_job *job)
{
	((struct job *)job)->place = begun++;
	ended++;
	sem_post(&((struct job *)job)->runs);
}

static void
jobs_make(void (*run)(struct hmi_job *job))
{
	for (uint32_t i = 0; i < RTE_DIM(jobs); i++) {
		jobs[i].job.run = run;
		sem_init(&jobs[i].runs, 0, 0);
		sem_init(&jobs[i].may_end, 0, 0);
	}
}

static void
await(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		;
}

TestSuite(offload, .init = hmt_eal_start);

Test(offload, create__refuses_what_it_cannot_have)
{
	cr_assert_eq(hmi_offload_create(&pool, HMI_OFFLOAD_THREADS_MAX + 1, SLOTS), -EINVAL);
	cr_assert_eq(hmi_offload_create(&pool, 1, 17), -EINVAL, "no power of two");
	hmi_offload_destroy(&pool);
}

Test(offload, push__one_thread_runs_them_in_order)
{
	cr_assert_eq(hmi_offload_create(&pool, 1, SLOTS), 0);
	jobs_make(quick_run);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert(hmi_offload_push(&pool, &jobs[i].job));
	for (uint32_t i = 0; i < 10; i++) {
		await(&jobs[i].runs);
		cr_assert_eq(jobs[i].place, i);
	}
	hmi_offload_stop(&pool);
	hmi_offload_destroy(&pool);
}

Test(offload, push__as_many_as_there_is_room_for)
{
	cr_assert_eq(hmi_offload_create(&pool, 1, SLOTS), 0);
	jobs_make(note_run);
	cr_assert(hmi_offload_push(&pool, &jobs[0].job));
	await(&jobs[0].runs);
	/* The only thread is busy: these wait. */
	for (uint32_t i = 1; i <= CAPACITY; i++)
		cr_assert(hmi_offload_push(&pool, &jobs[i].job));
	cr_assert_not(hmi_offload_push(&pool, &jobs[CAPACITY + 1].job));
	cr_assert_eq(hmi_offload_running(&pool), 1);
	for (uint32_t i = 0; i <= CAPACITY; i++)
		sem_post(&jobs[i].may_end);
	for (uint32_t i = 1; i <= CAPACITY; i++)
		await(&jobs[i].runs);
	hmi_offload_stop(&pool);
	cr_assert_eq(ended, CAPACITY + 1);
	cr_assert_null(hmi_offload_drain(&pool));
	hmi_offload_destroy(&pool);
}

/* Each of them waits while the others run: without a thread for each, the last would never begin. */
Test(offload, push__threads_are_started_up_to_the_limit)
{
	cr_assert_eq(hmi_offload_create(&pool, 3, SLOTS), 0);
	cr_assert_eq(pool.threads_count, 1, "one to begin with");
	jobs_make(note_run);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert(hmi_offload_push(&pool, &jobs[i].job));
	for (uint32_t i = 0; i < 3; i++)
		await(&jobs[i].runs);
	cr_assert_eq(begun, 3, "the fourth waits");
	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t k = 0; k < i; k++)
			cr_assert_not(pthread_equal(jobs[i].thread, jobs[k].thread));
	}
	for (uint32_t i = 0; i < 4; i++)
		sem_post(&jobs[i].may_end);
	await(&jobs[3].runs);
	hmi_offload_stop(&pool);
	cr_assert_eq(ended, 4);
	hmi_offload_destroy(&pool);
}

/* The first one blocks before the second one is there. */
Test(offload, push__behind_a_job_that_blocks)
{
	cr_assert_eq(hmi_offload_create(&pool, 2, SLOTS), 0);
	jobs_make(note_run);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert(hmi_offload_push(&pool, &jobs[i].job));
		await(&jobs[i].runs);
	}
	cr_assert_eq(hmi_offload_running(&pool), 2);
	for (uint32_t i = 0; i < 2; i++)
		sem_post(&jobs[i].may_end);
	hmi_offload_stop(&pool);
	cr_assert_eq(ended, 2);
	hmi_offload_destroy(&pool);
}

Test(offload, threads__take_no_signals_and_the_creators_cores)
{
	cpu_set_t own;

	cr_assert_eq(pthread_getaffinity_np(pthread_self(), sizeof(own), &own), 0);
	cr_assert_eq(hmi_offload_create(&pool, 1, SLOTS), 0);
	jobs_make(note_run);
	cr_assert(hmi_offload_push(&pool, &jobs[0].job));
	await(&jobs[0].runs);
	cr_assert(sigismember(&jobs[0].signals, SIGINT));
	cr_assert(sigismember(&jobs[0].signals, SIGCHLD));
	cr_assert(CPU_EQUAL(&jobs[0].cores, &own));
	sem_post(&jobs[0].may_end);
	hmi_offload_stop(&pool);
	hmi_offload_destroy(&pool);
}

/* Ends a job once the pool is being stopped, so that the stop has to wait. */
static void *
end_behind_stop(void *job)
{
	while (!hmi_offload_is_stopping(&pool))
		sched_yield();
	sem_post(&((struct job *)job)->may_end);
	return NULL;
}

Test(offload, stop__waits_for_what_runs_and_leaves_what_waits)
{
	struct hmi_job *left;
	pthread_t helper;

	cr_assert_eq(hmi_offload_create(&pool, 1, SLOTS), 0);
	jobs_make(note_run);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert(hmi_offload_push(&pool, &jobs[i].job));
	await(&jobs[0].runs);
	pthread_create(&helper, NULL, end_behind_stop, &jobs[0]);
	hmi_offload_stop(&pool);
	cr_assert_eq(ended, 1);
	cr_assert_eq(begun, 1);
	hmi_offload_put_back(&pool, &jobs[0].job);
	left = hmi_offload_drain(&pool);
	cr_assert_eq(left, &jobs[0].job);
	for (uint32_t i = 1; i < 3; i++)
		cr_assert_eq(hmi_offload_drain(&pool), &jobs[i].job);
	cr_assert_null(hmi_offload_drain(&pool));
	hmi_offload_stop(&pool);
	pthread_join(helper, NULL);
	hmi_offload_destroy(&pool);
	hmi_offload_destroy(&pool);
}

/* A job pushes the next one: that waits for the next call. */
static void
push_next(struct hmi_job *job)
{
	cr_assert(hmi_offload_push(&pool, &(((struct job *)job) + 1)->job));
	quick_run(job);
}

Test(offload, run_here__what_waits_now)
{
	cr_assert_eq(hmi_offload_create(&pool, 0, SLOTS), 0);
	cr_assert_eq(pool.threads_count, 0);
	cr_assert_eq(hmi_offload_run_here(&pool), 0);
	jobs_make(quick_run);
	jobs[1].job.run = push_next;
	cr_assert(hmi_offload_push(&pool, &jobs[0].job));
	cr_assert(hmi_offload_push(&pool, &jobs[1].job));
	cr_assert_eq(hmi_offload_run_here(&pool), 2);
	cr_assert_eq(begun, 2);
	cr_assert_eq(hmi_offload_run_here(&pool), 1);
	cr_assert_eq(hmi_offload_run_here(&pool), 0);
	hmi_offload_stop(&pool);
	hmi_offload_destroy(&pool);
}
