/* SPDX-License-Identifier: Apache-2.0 */
/* The stop of those worlds of the fuzz target of actors that are wide, and its tasks. */
#include <errno.h>

#include "fuzz_actors.h"

/* Which one is to run, as a bit of world.tasks_due. */
static void
on_task(struct hm_ctx *ctx, void *arg)
{
	uint64_t bit = UINT64_C(1) << (uintptr_t)arg;

	HMT_CHECK((world.tasks_due & bit) != 0, "a task was run twice, or though it was taken back");
	world.tasks_due &= ~bit;
	if (pick(4) == 1)
		hm_fail(ctx, "a task");
	(void)hm_send(ctx, pid_of(anybody()), ANSWER, NULL);
}

/* A task that is an actor of its own, which ends now or later, fails, or is given up. */
static void
task_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HMT_EMPTY)
		hm_stop(ctx, hm_self(ctx));
	if (hm_msg_type(msg) != HM_STARTED)
		return;
	switch (pick(5)) {
	case 1:
		hm_fail(ctx, "an actor of a task");
	case 2:
		break;
	case 3:
		if (hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, time_take(), 0, NULL) == HM_OK)
			break;
		/* fall through */
	default:
		hm_stop(ctx, hm_self(ctx));
		break;
	}
}

static void
task_take_back(void)
{
	bool has_begun = !hm_shutdown_remove(world.node.sys, world.task);

	if (has_begun || world.task_number == TASKS_MAX)
		return;
	HMT_CHECK((world.tasks_due & UINT64_C(1) << world.task_number) != 0,
		  "a task was taken back that has run");
	world.tasks_due &= ~(UINT64_C(1) << world.task_number);
}

void
task_add(struct hm_pid pid)
{
	static const struct hm_props own = { .receive = task_receive };
	struct hm_shutdown_task task = { .phase = (enum hm_shutdown_phase)pick(HM_SHUTDOWN_PHASES + 1),
					 .name = "task",
					 .timeout_us = time_take() };
	uint32_t number = TASKS_MAX;
	bool is_wrong;
	int rc;

	switch (pick(4)) {
	case 0:
	case 1:
		if (world.tasks_count == TASKS_MAX)
			return;
		number = world.tasks_count++;
		task.run = on_task;
		task.arg = (void *)(uintptr_t)number;
		/* It takes no time. */
		task.timeout_us *= pick(2);
		break;
	case 2:
		task.poison = pid;
		break;
	default:
		task.spawn = &own;
		break;
	}
	is_wrong = task.phase == HM_SHUTDOWN_PHASES ||
		   (task.run == NULL && task.spawn == NULL && hm_pid_is_none(task.poison));
	rc = hm_shutdown_add(world.node.sys, &task, &world.task);
	HMT_CHECK(is_wrong ? rc == -EINVAL : rc == 0 || rc == -ESHUTDOWN, "a task: %d", rc);
	if (rc != 0)
		return;
	world.selections++;
	world.task_number = number;
	if (number < TASKS_MAX)
		world.tasks_due |= UINT64_C(1) << number;
	if (pick(5) == 1) {
		task_take_back();
		HMT_CHECK(number == TASKS_MAX || (world.tasks_due & UINT64_C(1) << number) == 0,
			  "a task that has just come is not taken back");
	}
}

void
task_change(void)
{
	if (pick(2) == 0)
		task_take_back();
	else
		(void)!hm_shutdown_timeout(world.node.sys, (enum hm_shutdown_phase)pick(HM_SHUTDOWN_PHASES),
					   time_take());
}

void
stop_maybe(void)
{
	if (pick(16) == 1)
		hm_system_stop(world.node.sys);
}
