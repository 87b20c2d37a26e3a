/* SPDX-License-Identifier: Apache-2.0 */
#include "stall_pvt.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#define INTERVAL_NS_MIN 1000000u
#define NS_PER_S        1000000000u
/* From this share of a core on, in percent, a thread computes, whatever it does at the moment. */
#define COMPUTES_SHARE 50u

void
hmi_stall_init(struct hmi_stall *stall, uint64_t limit_ns)
{
	*stall = (struct hmi_stall){ .limit_ns = limit_ns, .tell_ns = limit_ns };
}

uint64_t
hmi_stall_interval_ns(const struct hmi_stall *stall)
{
	return RTE_MAX(stall->limit_ns / HMI_STALL_LOOKS, INTERVAL_NS_MIN);
}

/* The turns have moved, or there is nothing to do. */
static enum hmi_stall_news
moves(struct hmi_stall *stall, uint64_t turns)
{
	bool was_stalled = stall->is_stalled;

	if (was_stalled)
		stall->lasted_ns = stall->held_ns;
	stall->turns = turns;
	stall->held_ns = 0;
	stall->tell_ns = stall->limit_ns;
	stall->is_stalled = false;
	return was_stalled ? HMI_STALL_ENDED : HMI_STALL_NONE;
}

enum hmi_stall_news
hmi_stall_look(struct hmi_stall *stall, uint64_t turns, bool is_idle, uint64_t elapsed_ns)
{
	bool was_stalled = stall->is_stalled;

	if (is_idle || turns != stall->turns)
		return moves(stall, turns);
	stall->held_ns += RTE_MIN(elapsed_ns, HMI_STALL_LOOKS_MAX * hmi_stall_interval_ns(stall));
	if (stall->held_ns < stall->tell_ns)
		return HMI_STALL_NONE;
	while (stall->tell_ns <= stall->held_ns)
		stall->tell_ns *= 2;
	stall->is_stalled = true;
	return was_stalled ? HMI_STALL_GOES_ON : HMI_STALL_BEGAN;
}

/* ---- What a thread does ------------------------------------------------------------------ */

/* The beginning of a file below /proc/self/task/THREAD; empty: it cannot be read. */
static void
proc_read(pid_t thread, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t length = 0;
	int file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		length = read(file, text, size - 1);
		close(file);
	}
	text[RTE_MAX(length, 0)] = '\0';
}

/* "123 (name of the thread) S 1 ...": the name may hold anything. */
static char
state_read(pid_t thread)
{
	char text[256];
	const char *end;

	proc_read(thread, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

void
hmi_thread_look(pid_t thread, clockid_t clock, struct hmi_thread_look *look)
{
	struct timespec used;

	*look = (struct hmi_thread_look){ .state = state_read(thread) };
	if (clock_gettime(clock, &used) == 0)
		look->cpu_ns = (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
	proc_read(thread, "wchan", look->wait, sizeof(look->wait));
	/* It waits nowhere, or that is a secret. */
	if (strcmp(look->wait, "0") == 0)
		look->wait[0] = '\0';
}

enum hmi_thread_does
hmi_thread_does(char state, uint32_t share)
{
	if (share != UINT32_MAX && share >= COMPUTES_SHARE)
		return HMI_THREAD_COMPUTES;
	switch (state) {
	case 'S':
	case 'D':
		return HMI_THREAD_WAITS;
	case 'R':
		return share == UINT32_MAX ? HMI_THREAD_COMPUTES : HMI_THREAD_READY;
	default:
		return HMI_THREAD_UNKNOWN;
	}
}
