/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manager decides what becomes of its worker, by the reason for which that has failed: it goes on, it begins anew a
 * little later, or it stops.
 */
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#define NOTE_BYTES 24

struct task {
	char trouble[NOTE_BYTES]; /* empty: none */
};

#define MESSAGES(MESSAGE) MESSAGE(work_task, struct task) MESSAGE(work_done)
HM_MESSAGES(work, HM_TYPE_USER, MESSAGES);

static const struct task tasks[] = { { "" }, { "a typo" },          { "" }, { "the line is down" },
				     { "" }, { "the disk is gone" } };

struct worker {
	unsigned int done; /* in this life */
};

struct manager {
	struct hm_pid worker;
	unsigned int next; /* task */
};

/* ---- Worker -------------------------------------------------------------------- */

static void
task_do(struct hm_ctx *ctx, struct worker *worker, const struct task *task)
{
	if (task->trouble[0] != '\0')
		hm_fail(ctx, task->trouble);
	printf("worker: %u done in this life\n", ++worker->done);
	(void)work_done_respond(ctx);
}

static void
life_ends(struct hm_ctx *ctx, struct worker *worker)
{
	(void)ctx;
	(void)worker;
	printf("worker: begins anew\n");
}

HM_RECEIVE(worker_receive, struct worker, HM_ON(work_task, task_do) HM_ON_EMPTY(HM_RESTARTING, life_ends));

/* ---- Manager -------------------------------------------------------------------- */

static void
task_send(struct hm_ctx *ctx, struct manager *manager)
{
	if (manager->next < sizeof(tasks) / sizeof(tasks[0]))
		(void)work_task_request(ctx, manager->worker, &tasks[manager->next++]);
}

/* The next task waits in the worker's mailbox until that goes on. */
static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	enum hm_directive directive = HM_DIRECTIVE_STOP;

	if (strcmp(failure->reason, "a typo") == 0)
		directive = HM_DIRECTIVE_RESUME;
	else if (strcmp(failure->reason, "the line is down") == 0)
		directive = HM_DIRECTIVE_RESTART;
	printf("manager: %s: %s\n", failure->reason, hm_directive_name(directive));
	task_send(ctx, state);
	return directive;
}

static void
begin(struct hm_ctx *ctx, struct manager *manager)
{
	static const struct hm_props worker = { .receive = worker_receive,
						.state_size = sizeof(struct worker) };

	if (hm_spawn(ctx, &worker, "worker", NULL, &manager->worker) != 0)
		hm_fail(ctx, "no worker");
	task_send(ctx, manager);
}

static void
worker_ended(struct hm_ctx *ctx, struct manager *manager, const struct hm_msg *msg)
{
	(void)manager;
	printf("manager: the worker is gone: %s\n", hm_terminated_text(msg));
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(manager_receive, struct manager,
	   HM_ON_EMPTY(HM_STARTED, begin) HM_ON_EMPTY(work_done, task_send)
		   HM_ON_MESSAGE(HM_TERMINATED, worker_ended));

int
main(int argc, char **argv)
{
	static const struct hm_supervisor strategy = {
		.restarts = 3,
		.window_us = 1000000,
		.decide = decide,
		.backoff = { .min_us = 20000, .max_us = 1000000 },
	};
	static const struct hm_props manager = { .receive = manager_receive,
						 .state_size = sizeof(struct manager),
						 .supervisor = &strategy };
	static const struct hm_program program = { .prepare = work_register,
						   .props = &manager,
						   .name = "manager" };

	return hm_program_run(&program, argc, argv);
}
