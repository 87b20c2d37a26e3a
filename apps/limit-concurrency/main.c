/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs, of which three are worked on at a time: a foreman hands each to a worker that is free, and keeps those for which there
 * is none. Who has given a job is answered by the worker itself.
 *
 *     client ──20 jobs──▶ foreman ──3 at a time, handed on──▶ workers
 *            ◀───────────── done ────────────────────────────────┘
 */
#include <stdio.h>

#include <hermod.h>

#define WORKERS 3u
#define JOBS    20u
#define WORK_US 2000u

struct job {
	uint32_t number;
};

#define MESSAGES(MESSAGE)                                        \
	MESSAGE(job_do, struct job)                              \
	MESSAGE(job_work) /* a worker, to itself: that was it */ \
	MESSAGE(job_done, struct job)                            \
	MESSAGE(job_free) /* a worker, to the foreman */
HM_MESSAGES(job, HM_TYPE_USER, MESSAGES);

/* ---- Workers ---------------------------------------------------------------------- */

struct worker {
	struct hm_msg *job; /* NULL: it has none */
};

static void
on_job(struct hm_ctx *ctx, struct worker *worker, const struct hm_msg *msg)
{
	(void)msg;
	if (worker->job != NULL)
		hm_fail(ctx, "two jobs at a time");
	if (hm_msg_keep(ctx, &worker->job) != HM_OK ||
	    job_work_send_after(ctx, hm_self(ctx), WORK_US, 0, NULL) != HM_OK)
		hm_fail(ctx, "no memory for a job");
}

/* The answer goes to who has given the job: the message still knows. */
static void
on_worked(struct hm_ctx *ctx, struct worker *worker)
{
	(void)job_free_request(ctx, hm_parent(ctx));
	(void)job_done_send(ctx, hm_msg_sender(worker->job), job_do_body(worker->job));
	hm_msg_free(ctx, worker->job);
	worker->job = NULL;
}

HM_RECEIVE(worker_receive, struct worker, HM_ON_MESSAGE(job_do, on_job) HM_ON_EMPTY(job_work, on_worked));

/* ---- The foreman ------------------------------------------------------------------- */

struct foreman {
	struct hm_pid idle[WORKERS];
	struct hm_msg *kept[JOBS]; /* a ring */
	uint32_t idle_count, first, kept_count, kept_ever, most;
};

static void
foreman_start(struct hm_ctx *ctx, struct foreman *foreman)
{
	static const struct hm_props worker = { .receive = worker_receive,
						.state_size = sizeof(struct worker) };

	for (; foreman->idle_count < WORKERS; foreman->idle_count++)
		if (hm_spawn(ctx, &worker, NULL, NULL, &foreman->idle[foreman->idle_count]) != 0)
			hm_fail(ctx, "no worker");
}

/* At work, once one more is. */
static void
count(struct foreman *foreman)
{
	uint32_t busy = WORKERS - foreman->idle_count;

	foreman->most = busy > foreman->most ? busy : foreman->most;
}

static void
hand_out(struct hm_ctx *ctx, struct foreman *foreman, const struct hm_msg *msg)
{
	(void)msg;
	if (foreman->idle_count > 0) {
		(void)hm_forward(ctx, foreman->idle[--foreman->idle_count]);
		count(foreman);
		return;
	}
	if (foreman->kept_count == JOBS ||
	    hm_msg_keep(ctx, &foreman->kept[(foreman->first + foreman->kept_count) % JOBS]) != HM_OK)
		hm_fail(ctx, "no room for a job");
	foreman->kept_count++;
	foreman->kept_ever++;
}

/* The oldest job that is kept, as it came. */
static void
on_free(struct hm_ctx *ctx, struct foreman *foreman)
{
	foreman->idle[foreman->idle_count++] = hm_sender(ctx);
	if (foreman->kept_count == 0)
		return;
	(void)hm_msg_forward(ctx, foreman->idle[--foreman->idle_count], foreman->kept[foreman->first]);
	foreman->first = (foreman->first + 1) % JOBS;
	foreman->kept_count--;
	count(foreman);
}

static void
foreman_end(struct hm_ctx *ctx, struct foreman *foreman)
{
	(void)ctx;
	printf("foreman: %u of the jobs had to wait, %u were worked on at a time\n", foreman->kept_ever,
	       foreman->most);
}

HM_RECEIVE(foreman_receive, struct foreman,
	   HM_ON_EMPTY(HM_STARTED, foreman_start) HM_ON_MESSAGE(job_do, hand_out)
		   HM_ON_EMPTY(job_free, on_free) HM_ON_EMPTY(HM_STOPPED, foreman_end));

/* ---- The client ------------------------------------------------------------------------ */

struct client {
	struct hm_pid foreman;
	uint32_t done;
	uint64_t numbers; /* of those that are done, a bit each */
};

static void
client_start(struct hm_ctx *ctx, struct client *client)
{
	static const struct hm_props foreman = { .receive = foreman_receive,
						 .state_size = sizeof(struct foreman) };

	if (hm_spawn(ctx, &foreman, "foreman", NULL, &client->foreman) != 0)
		hm_fail(ctx, "no foreman");
	for (uint32_t i = 0; i < JOBS; i++)
		if (job_do_request(ctx, client->foreman, &(struct job){ i }) != HM_OK)
			hm_fail(ctx, "no memory for a job");
	printf("client: has given %u jobs\n", JOBS);
}

static void
on_done(struct hm_ctx *ctx, struct client *client, const struct job *job)
{
	client->numbers |= UINT64_C(1) << job->number;
	if (++client->done < JOBS)
		return;
	printf("client: %u jobs are done, %s\n", client->done,
	       client->numbers == (UINT64_C(1) << JOBS) - 1 ? "each once" : "some twice");
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(client_receive, struct client, HM_ON_EMPTY(HM_STARTED, client_start) HM_ON(job_done, on_done));

int
main(int argc, char **argv)
{
	/* Who fails is waited for otherwise. */
	static const struct hm_supervisor stop_all = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_config config = { .supervisor = &stop_all };
	static const struct hm_props client = { .receive = client_receive,
						.state_size = sizeof(struct client),
						.supervisor = &stop_all };
	static const struct hm_program program = {
		.config = &config, .prepare = job_register, .props = &client, .name = "client"
	};

	return hm_program_run(&program, argc, argv);
}
