/* SPDX-License-Identifier: Apache-2.0 */
#include "control_thread_pvt.h"

#include <signal.h>

#include <rte_lcore.h>
#include <rte_thread.h>
#include <rte_version.h>

#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
static uint32_t
thread_main(void *arg)
{
	struct hmi_control_thread *thread = arg;

	thread->main(thread->arg);
	return 0;
}

static int
create(struct hmi_control_thread *thread, const char *name)
{
	rte_thread_t id;
	int rc = rte_thread_create_control(&id, name, thread_main, thread);

	if (rc == 0)
		thread->thread = (pthread_t)id.opaque_id;
	return rc;
}
#else
static void *
thread_main(void *arg)
{
	struct hmi_control_thread *thread = arg;

	thread->main(thread->arg);
	return NULL;
}

static int
create(struct hmi_control_thread *thread, const char *name)
{
	return rte_ctrl_thread_create(&thread->thread, name, NULL, thread_main, thread);
}
#endif

int
hmi_control_thread_start(struct hmi_control_thread *thread, const char *name, void (*main)(void *arg),
			 void *arg)
{
	sigset_t all, before;
	int rc;

	thread->main = main;
	thread->arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = create(thread, name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	thread->is_started = rc == 0;
	/* From 23.11 on EAL returns the errno itself. */
	return rc > 0 ? -rc : rc;
}

void
hmi_control_thread_join(struct hmi_control_thread *thread)
{
	if (thread->is_started)
		pthread_join(thread->thread, NULL);
	thread->is_started = false;
}
