/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_BACKTRACE_H
#define HMT_BACKTRACE_H

/**
 * @file
 * Functions that tests look for by name in a call stack, and threads that let nobody look.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "symbols_pvt.h"

/** A function that keeps its frame and its name, whatever the compiler would make of it. */
#ifdef __clang__
#define HMT_NAMED __attribute__((noinline, optnone))
#else
#define HMT_NAMED __attribute__((noinline, noclone))
#endif

/** Have this thread answer no signal, or all again. @param how  SIG_BLOCK, SIG_UNBLOCK */
static inline void
hmt_signals_mask(int how)
{
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(how, &set, NULL);
}

/** Whether functions of the program have names: built with libdw. */
static inline bool
hmt_has_names(void)
{
	void *debuginfo = hmi_debuginfo_open();

	hmi_debuginfo_close(debuginfo);
	return debuginfo != NULL;
}

#endif /* HMT_BACKTRACE_H */
