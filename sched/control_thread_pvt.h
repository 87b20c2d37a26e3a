/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_THREAD_PVT_H
#define CONTROL_THREAD_PVT_H

/*
 * A thread beside the lcores, on cores that EAL leaves to such threads; it takes no signals. In the memory of its owner,
 * who calls both functions.
 */

#include <pthread.h>
#include <stdbool.h>

struct hmi_control_thread {
	pthread_t thread;
	void (*main)(void *arg);
	void *arg;
	bool is_started;
};

/* `name`: up to 15 characters. Returns 0, or a negative errno. */
int hmi_control_thread_start(struct hmi_control_thread *thread, const char *name, void (*main)(void *arg),
			     void *arg);

/* Wait for its end. One that was not started, or has been joined, is ignored. */
void hmi_control_thread_join(struct hmi_control_thread *thread);

#endif /* CONTROL_THREAD_PVT_H */
