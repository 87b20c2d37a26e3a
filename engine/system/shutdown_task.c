/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "mark_pvt.h"
#include "msg_pvt.h"
#include "shutdown_pvt.h"

#define US_A_MS 1000u

const char *
hm_shutdown_phase_name(enum hm_shutdown_phase phase)
{
	static const char *const names[HM_SHUTDOWN_PHASES] = {
		[HM_SHUTDOWN_BEFORE] = "before",   [HM_SHUTDOWN_UNBIND] = "unbind",
		[HM_SHUTDOWN_DRAIN] = "drain",     [HM_SHUTDOWN_SERVICES] = "services",
		[HM_SHUTDOWN_CLUSTER] = "cluster", [HM_SHUTDOWN_ACTORS] = "actors",
		[HM_SHUTDOWN_SYSTEM] = "system",
	};

	return (unsigned int)phase < HM_SHUTDOWN_PHASES ? names[phase] : "unknown";
}

void
hmi_shutdown_create(struct hmi_shutdown *shutdown)
{
	pthread_mutex_init(&shutdown->lock, NULL);
}

static void
tasks_free(struct hmi_task **list)
{
	while (*list != NULL) {
		struct hmi_task *task = *list;

		*list = task->next;
		free(task);
	}
}

void
hmi_shutdown_destroy(struct hmi_shutdown *shutdown)
{
	tasks_free(&shutdown->tasks);
	tasks_free(&shutdown->running);
	free(shutdown->turns);
	pthread_mutex_destroy(&shutdown->lock);
}

static bool
props_are_valid(const struct hm_props *props, const void *args)
{
	return props->receive != NULL && props->args_size <= props->state_size &&
	       (props->args_size == 0 || args != NULL);
}

static bool
task_is_valid(const struct hm_shutdown_task *task)
{
	uint32_t kinds = (task->run != NULL) + (task->spawn != NULL) + !hm_pid_is_none(task->poison);

	return (unsigned int)task->phase < HM_SHUTDOWN_PHASES && task->name != NULL &&
	       hmi_name_check(task->name) == 0 && kinds == 1 &&
	       (task->spawn == NULL || props_are_valid(task->spawn, task->args));
}

static struct hmi_task *
task_new(const struct hm_shutdown_task *task)
{
	size_t args_size = task->spawn != NULL ? task->spawn->args_size : 0;
	struct hmi_task *copy;

	hmi_memory_touch(task->args, args_size);
	copy = calloc(1, sizeof(*copy) + args_size);
	if (copy == NULL)
		return NULL;
	copy->task = *task;
	memcpy(copy->name, task->name, strlen(task->name) + 1);
	copy->task.name = copy->name;
	if (args_size > 0)
		memcpy(copy->args, task->args, args_size);
	copy->task.args = copy->args;
	return copy;
}

/* The end of the list, or where a task is that has this number. */
static struct hmi_task **
task_find(struct hmi_shutdown *shutdown, uint64_t id)
{
	struct hmi_task **at = &shutdown->tasks;

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

int
hm_shutdown_add(struct hm_system *sys, const struct hm_shutdown_task *task, struct hm_shutdown *handle)
{
	struct hmi_shutdown *shutdown;
	struct hmi_task *copy;
	uint64_t id = 0;

	if (sys == NULL || task == NULL || !task_is_valid(task))
		return -EINVAL;
	/* It may fault, and then nothing is to be left. */
	hmi_memory_touch_out(handle, sizeof(*handle));
	copy = task_new(task);
	if (copy == NULL)
		return -ENOMEM;
	HMI_MARKED_HERE();
	shutdown = &sys->shutdown;
	pthread_mutex_lock(&shutdown->lock);
	if ((uint32_t)copy->task.phase >= shutdown->begun) {
		id = copy->id = ++shutdown->serial;
		*task_find(shutdown, 0) = copy;
	}
	pthread_mutex_unlock(&shutdown->lock);
	if (id == 0) {
		free(copy);
		return -ESHUTDOWN;
	}
	if (handle != NULL)
		handle->id = id;
	return 0;
}

bool
hm_shutdown_remove(struct hm_system *sys, struct hm_shutdown handle)
{
	struct hmi_task **at, *task = NULL;

	if (sys == NULL || handle.id == 0)
		return false;
	HMI_MARKED_HERE();
	pthread_mutex_lock(&sys->shutdown.lock);
	at = task_find(&sys->shutdown, handle.id);
	task = *at;
	if (task != NULL)
		*at = task->next;
	pthread_mutex_unlock(&sys->shutdown.lock);
	free(task);
	return task != NULL;
}

int
hm_shutdown_timeout(struct hm_system *sys, enum hm_shutdown_phase phase, uint64_t timeout_us)
{
	int rc = 0;

	if (sys == NULL || (unsigned int)phase >= HM_SHUTDOWN_PHASES || timeout_us == 0)
		return -EINVAL;
	HMI_MARKED_HERE();
	pthread_mutex_lock(&sys->shutdown.lock);
	if ((uint32_t)phase < sys->shutdown.begun)
		rc = -ESHUTDOWN;
	else
		sys->shutdown.timeout_us[phase] = timeout_us;
	pthread_mutex_unlock(&sys->shutdown.lock);
	return rc;
}

struct hmi_task *
hmi_tasks_take(struct hm_system *sys, enum hm_shutdown_phase phase, uint64_t *timeout_us)
{
	struct hmi_shutdown *shutdown = &sys->shutdown;
	struct hmi_task *taken = NULL, **end = &taken, **at;

	pthread_mutex_lock(&shutdown->lock);
	shutdown->begun = (uint32_t)phase + 1;
	*timeout_us = shutdown->timeout_us[phase] != 0 ? shutdown->timeout_us[phase]
						       : sys->options.phase_timeout_ms * US_A_MS;
	for (at = &shutdown->tasks; *at != NULL;) {
		struct hmi_task *task = *at;

		if (task->task.phase != phase) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		task->next = NULL;
		*end = task;
		end = &task->next;
	}
	pthread_mutex_unlock(&shutdown->lock);
	return taken;
}
