/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manager decides what becomes of its worker, by the reason for which that has failed: it goes on, it begins anew a
 * little later, or it stops.
 */
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#define NOTE_BYTES 24

enum {
	TASK = HM_TYPE_USER,
	DONE
};

struct task {
	char trouble[NOTE_BYTES]; /* empty: none */
};

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
	(void)hm_respond(ctx, DONE, NULL);
}

static void
worker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == TASK)
		task_do(ctx, state, hm_msg_body(msg));
	else if (hm_msg_type(msg) == HM_RESTARTING)
		printf("worker: begins anew\n");
}

/* ---- Manager -------------------------------------------------------------------- */

static void
task_send(struct hm_ctx *ctx, struct manager *manager)
{
	if (manager->next < sizeof(tasks) / sizeof(tasks[0]))
		(void)hm_request(ctx, manager->worker, TASK, &tasks[manager->next++]);
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
manager_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props worker = { .receive = worker_receive,
						.state_size = sizeof(struct worker) };
	struct manager *manager = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (hm_spawn(ctx, &worker, "worker", NULL, &manager->worker) != 0)
			hm_system_stop(hm_system(ctx));
		task_send(ctx, manager);
		break;
	case DONE:
		task_send(ctx, manager);
		break;
	case HM_TERMINATED:
		printf("manager: the worker is gone: %s\n", hm_terminated_text(msg));
		hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

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
	static const struct hm_type task = { .id = TASK, .name = "task", .size = sizeof(struct task) },
				    done = { .id = DONE, .name = "done" };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &task)) == 0 && (rc = hm_type_register(sys, &done)) == 0 &&
	    (rc = hm_system_spawn(sys, &manager, "manager", NULL, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
