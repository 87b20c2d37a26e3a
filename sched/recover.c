/* SPDX-License-Identifier: Apache-2.0 */
#include "recover_pvt.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "memory_pvt.h"

#define STACK_BYTES ((size_t)64 << 10)
/* An access so far from the stack pointer is one of the frame that it is at. */
#define FRAME_BYTES ((uintptr_t)64 << 10)

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* allowed: a handler of signals has no other way to the loop of its thread */
static _Thread_local struct hmi_recovery *current __attribute__((tls_model("initial-exec")));

/* allowed: what a process does with a signal is the process's */
static struct {
	pthread_mutex_t lock;
	uint32_t users;
	_Atomic pid_t process; /* that catches them: not one that it has forked */
	struct sigaction former[SIGNALS];
} handlers = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- Loops ---------------------------------------------------------------------- */

int
hmi_recovery_create(struct hmi_recovery *recovery, const struct hmi_recovery_ops *ops)
{
	memset(recovery, 0, sizeof(*recovery));
	recovery->ops = ops;
	if (ops == NULL)
		return 0;
	recovery->stack = hmi_memory_map_small(STACK_BYTES);
	return recovery->stack != NULL ? 0 : -ENOMEM;
}

void
hmi_recovery_destroy(struct hmi_recovery *recovery)
{
	if (recovery->stack != NULL)
		hmi_memory_unmap_small(recovery->stack, STACK_BYTES);
	recovery->stack = NULL;
}

void
hmi_recovery_enter(struct hmi_recovery *recovery)
{
	stack_t own = { .ss_sp = recovery->stack, .ss_size = STACK_BYTES };

	if (recovery->stack == NULL)
		return;
	recovery->outer = current;
	(void)fegetenv(&recovery->floats);
	(void)sigaltstack(&own, &recovery->outer_stack);
	current = recovery;
}

void
hmi_recovery_leave(struct hmi_recovery *recovery)
{
	if (recovery->stack == NULL)
		return;
	current = recovery->outer;
	(void)sigaltstack(&recovery->outer_stack, NULL);
}

bool
hmi_recovery_is_current(const struct hmi_recovery *recovery)
{
	return current == recovery;
}

struct hmi_recovery *
hmi_recovery_current(void)
{
	return current;
}

void
hmi_recovery_done(const struct hmi_recovery *recovery)
{
	sigset_t traps;

	/* A handler begins with the default, and the function may have changed it. */
	(void)fesetenv(&recovery->floats);
	/* One that is blocked ends the process, whoever raises it. ThreadSanitizer blocks all within a handler. */
	sigemptyset(&traps);
	for (unsigned int i = 0; i < SIGNALS; i++)
		sigaddset(&traps, signals[i]);
	(void)pthread_sigmask(SIG_UNBLOCK, &traps, NULL);
}

void
hmi_recovery_throw(struct hmi_recovery *recovery)
{
	recovery->trace.count = 0;
	siglongjmp(recovery->point, 1);
}

/* ---- The handler ------------------------------------------------------------------ */

static uintptr_t
stack_pointer(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.sp;
#else
	(void)context;
	return 0;
#endif
}

/* There is no memory where the stack pointer is: it has left the stack. */
static bool
is_overflow(const siginfo_t *info, const ucontext_t *context)
{
	uintptr_t at = (uintptr_t)info->si_addr, top = stack_pointer(context);

	return info->si_signo == SIGSEGV && info->si_code > 0 && at + FRAME_BYTES >= top &&
	       at <= top + FRAME_BYTES;
}

/*
 * By the thread itself, rather than by another process or thread that wants this one to end. A process that it has
 * forked has its memory, and would go on as a second one of the same loop.
 */
static bool
is_own(const siginfo_t *info)
{
	pid_t self = getpid();

	return self == atomic_load_explicit(&handlers.process, memory_order_relaxed) &&
	       (info->si_code > 0 || (info->si_code == SI_TKILL && info->si_pid == self));
}

static unsigned int
index_of(int signal)
{
	unsigned int i = 0;

	while (signals[i] != signal)
		i++;
	return i;
}

/* What would have happened without this library. */
static void
pass_on(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *former = &handlers.former[index_of(signal)];

	if ((former->sa_flags & SA_SIGINFO) != 0) {
		former->sa_sigaction(signal, info, context);
	} else if (former->sa_handler != SIG_DFL && former->sa_handler != SIG_IGN) {
		former->sa_handler(signal);
	} else {
		struct sigaction end = { .sa_handler = SIG_DFL };

		(void)sigaction(signal, &end, NULL);
		/* An instruction that faults does so again, so that a core file shows it. */
		if (info->si_code <= 0)
			(void)raise(signal);
	}
}

static void
handle(int signal, siginfo_t *info, void *context)
{
	struct hmi_recovery *recovery = current;
	int error = errno;

	/* The stack may be what is broken. A sample may have interrupted this handler, but not the other way round. */
	if (recovery != NULL && recovery->sampled != NULL && hmi_backtrace_is_capturing(recovery->sampled))
		hmi_backtrace_fault(recovery->sampled);
	if (recovery != NULL && hmi_backtrace_is_capturing(&recovery->trace))
		hmi_backtrace_fault(&recovery->trace);
	/* One that the handler itself has raised ends the process. */
	if (recovery != NULL && is_own(info) && recovery->handles == 0) {
		recovery->handles = 1;
		recovery->trap = (struct hmi_trap){
			.signal = signal,
			.address = info->si_code > 0 ? info->si_addr : NULL,
			.is_mapped = signal == SIGSEGV && info->si_code == SEGV_ACCERR,
			.is_overflow = is_overflow(info, context),
		};
		recovery->trace.count = 0;
		if (recovery->ops->contain(recovery)) {
			if (recovery->wants_trace)
				(void)hmi_backtrace_interrupted(&recovery->trace, context);
			recovery->handles = 0;
			siglongjmp(recovery->point, 1);
		}
	}
	pass_on(signal, info, context);
	errno = error;
}

/* ---- Of the process ----------------------------------------------------------------- */

static void
actions_restore(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct sigaction now;

		/* Unless somebody has taken the signal over. */
		if (sigaction(signals[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
		    now.sa_sigaction == handle)
			(void)sigaction(signals[i], &handlers.former[i], NULL);
	}
}

static int
actions_set(void)
{
	/* Not blocked within the handler, which is left by a jump. */
	struct sigaction action = { .sa_sigaction = handle,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	for (unsigned int i = 0; i < SIGNALS; i++) {
		if (sigaction(signals[i], &action, &handlers.former[i]) != 0) {
			int rc = -errno;

			actions_restore(i);
			return rc;
		}
	}
	return 0;
}

int
hmi_traps_catch(void)
{
	int rc = 0;

	hmi_backtrace_warm_up();
	pthread_mutex_lock(&handlers.lock);
	if (handlers.users == 0)
		rc = actions_set();
	handlers.users += rc == 0;
	atomic_store_explicit(&handlers.process, getpid(), memory_order_relaxed);
	pthread_mutex_unlock(&handlers.lock);
	return rc;
}

void
hmi_traps_release(void)
{
	pthread_mutex_lock(&handlers.lock);
	if (--handlers.users == 0)
		actions_restore(SIGNALS);
	pthread_mutex_unlock(&handlers.lock);
}
