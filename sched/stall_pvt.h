/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STALL_PVT_H
#define STALL_PVT_H

/*
 * Finding a worker that hangs, by a thread that looks at its turns now and then.
 *
 *     held      0 ──▶ limit ──▶ 2 * limit ──▶ 4 * limit ...    turns move again, or it sleeps
 *     news            BEGAN     GOES_ON       GOES_ON          ENDED
 *
 * Time counts from the first look at which the turns had not moved since; so a stall has lasted at least as long
 * as it says. Of the time between two looks no more counts than HMI_STALL_LOOKS_MAX of the usual ones: if the
 * process was stopped, or the machine slept, its lcores did not hang.
 *
 * One thread. Nothing here touches the worker.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Looks within a limit. */
#define HMI_STALL_LOOKS 4u
/* Of a late look so many usual intervals count, at most. */
#define HMI_STALL_LOOKS_MAX 2u

enum hmi_stall_news {
	HMI_STALL_NONE = 0,
	HMI_STALL_BEGAN,
	HMI_STALL_GOES_ON,
	HMI_STALL_ENDED,
};

struct hmi_stall {
	uint64_t limit_ns;
	uint64_t turns;     /* at the last look */
	uint64_t held_ns;   /* for so long they have not moved */
	uint64_t tell_ns;   /* when that is news */
	uint64_t lasted_ns; /* of the last stall that has ended */
	bool is_stalled;
};

void hmi_stall_init(struct hmi_stall *stall, uint64_t limit_ns);

/* Nanoseconds between two looks. */
uint64_t hmi_stall_interval_ns(const struct hmi_stall *stall);

/* Look: at the worker's turns, at whether it sleeps or does not run, and at the time since the last look. */
enum hmi_stall_news hmi_stall_look(struct hmi_stall *stall, uint64_t turns, bool is_idle,
				   uint64_t elapsed_ns);

/* ---- What a thread does ------------------------------------------------------------------ */

/* A thread of this process, at one moment. */
struct hmi_thread_look {
	uint64_t cpu_ns; /* that it has used since it began */
	char state;      /* as in /proc/PID/stat: R, S, D, ...; 0: unknown */
	char wait[64]; /* the kernel's function in which it waits; empty: none, or the kernel does not say */
};

/* By the kernel's number of the thread, and its clock (pthread_getcpuclockid). */
void hmi_thread_look(pid_t thread, clockid_t clock, struct hmi_thread_look *look);

enum hmi_thread_does {
	HMI_THREAD_UNKNOWN = 0,
	HMI_THREAD_COMPUTES,
	HMI_THREAD_WAITS, /* in the kernel */
	HMI_THREAD_READY, /* but others have its core */
};

/* What it has done of late: the share of the time for which it had a core, in percent; UINT32_MAX: unknown. */
enum hmi_thread_does hmi_thread_does(char state, uint32_t share);

#endif /* STALL_PVT_H */
