/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAMPLE_PVT_H
#define SAMPLE_PVT_H

/*
 * The call stack of another thread, taken by that thread itself: it is sent a signal, whose handler does it.
 *
 *     asker                                        other thread
 *     hmi_sample_ask ── slot, SA1 ── signal ─────▶ handler: look(arg), then its stack
 *     hmi_sample_poll ◀───────────── slot, SA2 ──────┘
 *
 * What the thread does goes on afterwards: a system call that the signal interrupts is made again, where the kernel
 * can do so (SA_RESTART); poll, nanosleep, epoll_wait, sem_timedwait and their like return EINTR.
 *
 * A thread takes the signal when it runs in the program: not while it waits for a disk, or for its core; it may
 * come late, or never. So a sample can be given up at any time. Slots are the process's and never freed: a signal
 * that comes when nobody waits for it any more finds another serial number there, and does nothing.
 *
 * The signal is the highest real-time one that has no handler when it is first needed, below SIGRTMAX. It is the
 * process's, as signals are, and given back by the last one who needs it, unless a thread has not taken it yet:
 * then it would end the process.
 *
 * Who may call what: get, put and signal any thread; ask, poll and cancel one thread for a sample.
 * Ordering:  SA1: asking releases the sample, the handler acquires it. SA2: the handler releases it, poll and cancel
 *            acquire it.
 * Limits:    HMI_SAMPLE_SLOTS samples at a time in a process; the stack's as in backtrace_pvt.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backtrace_pvt.h"

#define HMI_SAMPLE_SLOTS 64u

/* The asker's, but while it is asked for: then the other thread's. */
struct hmi_sample {
	/*
	 * NULL, or called in the handler before the stack is taken; it may do only what handlers may. A fault within it, or of
	 * the capture, is no end if the process's handler of faults knows `trace` (hmi_backtrace_fault).
	 */
	void (*look)(void *arg);
	void *arg;
	struct hmi_backtrace trace;
	/* of the asker */
	uint64_t ticket; /* 0: not asked for */
};

/* Take a reference to the signal. Returns 0; -EBUSY: every real-time signal has a handler. */
int hmi_sample_signal_get(void);

void hmi_sample_signal_put(void);

/* Its number, for who has a reference: threads that block it give no samples. */
int hmi_sample_signal(void);

/*
 * Ask a thread of this process for a sample, by its kernel's number. The sample is not asked for yet. Returns 0; -ESRCH:
 * there is no such thread; -EAGAIN: all slots are taken, or too many signals wait.
 */
int hmi_sample_ask(struct hmi_sample *sample, pid_t thread);

/* Whether the sample that was asked for is there; then it is the asker's again. */
bool hmi_sample_poll(struct hmi_sample *sample);

/*
 * Give it up: it is the asker's again. A handler that is at it is waited for. Returns whether it came all the same. One
 * that is not asked for is ignored.
 */
bool hmi_sample_cancel(struct hmi_sample *sample);

#endif /* SAMPLE_PVT_H */
