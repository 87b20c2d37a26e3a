/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECOVER_PVT_H
#define RECOVER_PVT_H

/*
 * Leaving a user's function that cannot go on: it has faulted, or wants to fail.
 *
 *     worker loop: recovery point ◀──────────────── siglongjmp ─┐
 *         └─▶ run stage ─▶ user's function ─▶ SIGSEGV ─▶ handler, on a stack of its own: what has happened
 *
 * There is one point for each loop, so that running a function costs nothing. Between the point and the
 * function lie frames of this library alone, which hold nothing that would have to be released.
 *
 * Signals: SIGSEGV, SIGBUS, SIGFPE, SIGILL, and SIGABRT, which abort raises. The handlers are the process's: they
 * are there from the first hmi_traps_catch to the last hmi_traps_release. A signal of another thread, of a process that
 * a function has forked, or of code that is not to be left, goes to whatever handled it before.
 *
 * Who may call what: catch and release any thread; the rest is the loop's own thread.
 */

#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "backtrace_pvt.h"

struct hmi_recovery;

/* What a signal told. */
struct hmi_trap {
	int signal;
	const void *address; /* that was accessed, or of the instruction: si_addr */
	bool is_mapped;      /* SIGSEGV: there is memory, but not for this access */
	bool is_overflow;    /* the stack is used up */
};

struct hmi_recovery_ops {
	/*
	 * Whether the function that runs may be left. Called within the handler: async-signal-safe. If not, it tells why
	 * the process ends; if so, it sets `wants_trace`.
	 */
	bool (*contain)(struct hmi_recovery *recovery);
};

struct hmi_recovery {
	sigjmp_buf point;
	const struct hmi_recovery_ops *ops; /* NULL: nothing is left */
	struct hmi_trap trap;               /* the last one */
	bool wants_trace;                   /* its call stack is to be recorded, some 0.4 us a frame */
	struct hmi_recovery *outer;         /* of the loop that runs this one, in the same thread */
	stack_t outer_stack;
	fenv_t floats; /* rounding and the like, as the loop has begun with it */
	void *stack;   /* of the handlers */
	/* allowed: written and read by one thread and its handler */
	volatile sig_atomic_t handles; /* a signal */
	struct hmi_backtrace *sampled; /* by another handler, whose fault is no function's; NULL: none */
	struct hmi_backtrace
		trace; /* of the last signal; count 0: none was wanted, or hmi_recovery_throw came since */
};

/* Returns 0 or -ENOMEM. */
int hmi_recovery_create(struct hmi_recovery *recovery, const struct hmi_recovery_ops *ops);

void hmi_recovery_destroy(struct hmi_recovery *recovery);

/* From here to hmi_recovery_leave the handlers use it on this thread. */
void hmi_recovery_enter(struct hmi_recovery *recovery);
void hmi_recovery_leave(struct hmi_recovery *recovery);

/* Set the point: 0; else a user's function was left. The function that calls this must not return before the leave. */
#define hmi_recovery_point(recovery) sigsetjmp((recovery)->point, 0)

/* Whether it is the one of the loop that the calling thread runs, and, of loops within loops, the innermost. */
bool hmi_recovery_is_current(const struct hmi_recovery *recovery);

/* That of the loop that the calling thread runs; NULL: it runs none, or one that leaves nothing. */
struct hmi_recovery *hmi_recovery_current(void);

/* Leave the function that runs. It is the current one. */
__attribute__((noreturn, cold))
void hmi_recovery_throw(struct hmi_recovery *recovery);

/* Behind the point, when a function was left: what a jump does not restore. */
void hmi_recovery_done(const struct hmi_recovery *recovery);

/* Handle the signals, until each call was taken back. Returns 0 or a negative errno. */
int hmi_traps_catch(void);
void hmi_traps_release(void);

#endif /* RECOVER_PVT_H */
