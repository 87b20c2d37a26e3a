/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKTRACE_PVT_H
#define BACKTRACE_PVT_H

/*
 * Call stacks: captured where something happens, printed elsewhere.
 *
 *     thread, or its signal handler           another thread
 *     hmi_backtrace_capture      ──frames──▶  hmi_backtrace_print ──lines──▶ log
 *     hmi_backtrace_interrupted               (symbols_pvt.h)
 *
 * A capture walks the stack by libgcc's unwinder: it takes some microseconds, and less than 4 KB of stack. After
 * hmi_backtrace_warm_up it loads nothing, allocates nothing, and with glibc 2.35 and gcc 12, or later ones, takes no
 * lock; so it may be made in a signal handler, on an alternate stack, whatever the signal has interrupted.
 * Printing reads files and allocates: it is not for lcores, and not for handlers.
 *
 * A stack may be damaged, so that the walk itself faults. A handler of SIGSEGV and SIGBUS that captures
 *
 *     if (hmi_backtrace_is_capturing(trace))
 *             hmi_backtrace_fault(trace);
 *     ... hmi_backtrace_interrupted(trace, context) ...
 *
 * comes back to its first call, which returns what it had by then. For that to happen the kernel has to
 * deliver the second signal although the first one's handler runs: SA_NODEFER.
 *
 * Frames are addresses within the instruction that is under way: of a caller, one byte before its return
 * address. So the line of a call is found, and not that of what follows it.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Frames of a capture, at most: the innermost ones. */
#define HMI_BACKTRACE_MAX 32u

/* Bytes of a printed line, with its end; a longer one is cut, and ends with "...". */
#define HMI_BACKTRACE_LINE 512u

/* A capture made in a signal handler. Zeroed before the first one; of one thread at a time. */
struct hmi_backtrace {
	uint32_t count;
	void *frames[HMI_BACKTRACE_MAX];
	/* of the handler */
	volatile sig_atomic_t is_capturing;
	sigjmp_buf guard;
};

/* Have what captures need loaded and bound. Any thread; before the first capture in a handler. */
void hmi_backtrace_warm_up(void);

/*
 * The stack of the calling thread, the innermost frame first: that of the caller, but for `skip` frames.
 * Returns how many of `max` frames were filled.
 */
uint32_t hmi_backtrace_capture(void **frames, uint32_t max, uint32_t skip);

/*
 * In a signal handler: what the signal has interrupted. `context` is the handler's third argument; it is the same
 * again when this returns. If a call went where no code is, the frame that holds this address is followed by
 * that of the call (x86-64). Returns trace->count, which is not 0.
 */
uint32_t hmi_backtrace_interrupted(struct hmi_backtrace *trace, void *context);

/*
 * In a signal handler: call what may fault, as a capture may. Comes back after a fault, too. Returns whether there was
 * none.
 */
bool hmi_backtrace_try(struct hmi_backtrace *trace, void (*look)(void *arg), void *arg);

/* Whether the signal has interrupted hmi_backtrace_interrupted, or hmi_backtrace_try. */
static inline bool
hmi_backtrace_is_capturing(const struct hmi_backtrace *trace)
{
	return trace->is_capturing != 0;
}

/* The capture has faulted: go back to it. Does not return. */
_Noreturn void hmi_backtrace_fault(struct hmi_backtrace *trace);

typedef void hmi_backtrace_line_fn(void *arg, const char *text);

/*
 * Write a line for each frame, as in
 *
 *     #0 orders_total+0x1c at orders.c:57 (orders)
 *     #1 libc.so.6+0x89134
 *
 * with what is known: a function's name, its file and line where there is debug information, the program or library;
 * without a function, the place in it, as addr2line takes it. No frames, no lines. Any thread but an lcore; allocates.
 * `text` is valid until `line` returns.
 */
void hmi_backtrace_print(void *const *frames, uint32_t count, hmi_backtrace_line_fn *line, void *arg);

struct hmi_symbols;

/*
 * The same by what hmi_symbols_open has opened. Opening and the first look into a library take up to 100 ms, the next
 * ones less than one.
 */
void hmi_backtrace_print_by(const struct hmi_symbols *symbols, void *const *frames, uint32_t count,
			    hmi_backtrace_line_fn *line, void *arg);

#endif /* BACKTRACE_PVT_H */
