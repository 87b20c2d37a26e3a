/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples of other threads: the signal is chosen and given back, comes early, late or never.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hmt_backtrace.h"
#include "sample_pvt.h"

static void
signal_start(void)
{
	cr_assert_eq(hmi_sample_signal_get(), 0);
}

TestSuite(sample, .init = signal_start);
TestSuite(sample_signal);

static bool
has_handler(int sig)
{
	struct sigaction action;

	cr_assert_eq(sigaction(sig, NULL, &action), 0);
	return (action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_DFL;
}

/* ---- A thread to be asked ---------------------------------------------------------------- */

static struct other {
	pthread_t thread;
	_Atomic pid_t id;
	_Atomic int looked; /* by its handler */
	_Atomic bool is_blocked, may_take, is_over;
	int pipe[2];
	ssize_t got;
	int error;
} other;

static void
other_look(void *arg)
{
	cr_assert_eq(arg, &other);
	cr_assert_eq(gettid(), other.id);
	other.looked++;
	errno = ENOTTY;
}

static HMT_NAMED void
other_spin(void)
{
	while (!other.is_over)
		;
}

static void *
spinner_main(void *arg)
{
	other.id = gettid();
	other_spin();
	return arg;
}

static void *
reader_main(void *arg)
{
	char byte;

	other.id = gettid();
	other.got = read(other.pipe[0], &byte, 1);
	return arg;
}

static void *
sleeper_main(void *arg)
{
	const struct timespec long_ = { .tv_sec = 1000 };

	other.id = gettid();
	other.error = nanosleep(&long_, NULL) == 0 ? 0 : errno;
	return arg;
}

/* Takes no signal until it may. */
static void *
blocker_main(void *arg)
{
	hmt_signals_mask(SIG_BLOCK);
	other.id = gettid();
	while (!other.may_take)
		;
	hmt_signals_mask(SIG_UNBLOCK);
	other_spin();
	return arg;
}

static void
other_start(void *(*main)(void *arg))
{
	cr_assert_eq(pipe(other.pipe), 0);
	cr_assert_eq(pthread_create(&other.thread, NULL, main, NULL), 0);
	while (other.id == 0)
		;
}

static void
other_end(void)
{
	other.is_over = true;
	pthread_join(other.thread, NULL);
}

/* Sleeps in the kernel. */
static void
other_await_sleep(void)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", other.id);
	do {
		FILE *file = fopen(path, "r");

		cr_assert_not_null(file);
		cr_assert_not_null(fgets(text, sizeof(text), file));
		fclose(file);
	} while (strstr(text, ") S ") == NULL);
}

static void
sample_await(struct hmi_sample *sample)
{
	while (!hmi_sample_poll(sample))
		cr_assert_neq(sample->ticket, 0);
}

static void
line_look(void *arg, const char *text)
{
	if (strstr(text, "other_spin+") != NULL)
		++*(int *)arg;
}

Test(sample, ask__of_a_thread_that_computes)
{
	struct hmi_sample sample = { .look = other_look, .arg = &other };

	other_start(spinner_main);
	for (int i = 1; i <= 100; i++) {
		cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
		sample_await(&sample);
		cr_assert_eq(other.looked, i);
		cr_assert_gt(sample.trace.count, 1);
		cr_assert_eq(sample.ticket, 0);
	}
	cr_expect_not(hmi_sample_poll(&sample), "it was not asked for");
	other_end();
}

Test(sample, ask__finds_the_function)
{
	struct hmi_sample sample = { .look = NULL };
	int found = 0;

	other_start(spinner_main);
	/* It may still be on its way there. */
	do {
		cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
		sample_await(&sample);
		hmi_backtrace_print(sample.trace.frames, sample.trace.count, line_look, &found);
	} while (found == 0 && hmt_has_names());
	other_end();
}

/* The call goes on, and its caller does not notice. */
Test(sample, ask__restarts_a_read)
{
	struct hmi_sample sample = { .look = other_look, .arg = &other };

	other_start(reader_main);
	other_await_sleep();
	cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
	sample_await(&sample);
	other_await_sleep();
	cr_assert_eq(write(other.pipe[1], "x", 1), 1);
	other_end();
	cr_expect_eq(other.got, 1);
}

/* As hm_stall.h says. */
Test(sample, ask__ends_a_sleep)
{
	struct hmi_sample sample = { .look = other_look, .arg = &other };

	other_start(sleeper_main);
	other_await_sleep();
	cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
	sample_await(&sample);
	other_end();
	cr_expect_eq(other.error, EINTR);
}

/* What is given up may be freed: what comes late touches nothing. */
Test(sample, cancel__before_the_thread_takes_the_signal)
{
	struct hmi_sample *sample =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hmi_sample again = { .look = other_look, .arg = &other };

	cr_assert_neq((void *)sample, MAP_FAILED);
	sample->look = other_look;
	sample->arg = &other;
	other_start(blocker_main);
	for (uint32_t i = 0; i < 3 * HMI_SAMPLE_SLOTS; i++) {
		cr_assert_eq(hmi_sample_ask(sample, other.id), 0);
		cr_assert_not(hmi_sample_poll(sample));
		cr_assert_not(hmi_sample_cancel(sample));
		cr_assert_eq(sample->ticket, 0);
	}
	cr_assert_eq(munmap(sample, 4096), 0);
	/* The last one, in a slot that was another's before, is for nobody else either. */
	cr_assert_eq(hmi_sample_ask(&again, other.id), 0);
	other.may_take = true;
	sample_await(&again);
	cr_expect_eq(other.looked, 1);
	other_end();
}

Test(sample, cancel__when_it_is_there)
{
	struct hmi_sample sample = { .look = other_look, .arg = &other };

	cr_assert_not(hmi_sample_cancel(&sample));
	other_start(spinner_main);
	cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
	while (other.looked == 0)
		;
	cr_expect(hmi_sample_cancel(&sample));
	cr_expect_eq(sample.ticket, 0);
	cr_expect_gt(sample.trace.count, 0);
	other_end();
}

Test(sample, ask__of_no_thread)
{
	struct hmi_sample sample = { .look = NULL };

	other_start(spinner_main);
	other_end();
	/* The kernel wakes who joins a thread before the thread is gone. */
	while (tgkill(getpid(), other.id, 0) == 0)
		;
	for (uint32_t i = 0; i < 2 * HMI_SAMPLE_SLOTS; i++) {
		cr_assert_eq(hmi_sample_ask(&sample, other.id), -ESRCH);
		cr_assert_eq(sample.ticket, 0);
	}
}

Test(sample, ask__with_all_slots_taken)
{
	static struct hmi_sample samples[HMI_SAMPLE_SLOTS + 1];

	other_start(blocker_main);
	for (uint32_t i = 0; i <= HMI_SAMPLE_SLOTS; i++)
		samples[i] = (struct hmi_sample){ .look = other_look, .arg = &other };
	for (uint32_t i = 0; i < HMI_SAMPLE_SLOTS; i++)
		cr_assert_eq(hmi_sample_ask(&samples[i], other.id), 0, "%u", i);
	cr_expect_eq(hmi_sample_ask(&samples[HMI_SAMPLE_SLOTS], other.id), -EAGAIN);
	cr_assert_not(hmi_sample_cancel(&samples[3]));
	cr_expect_eq(hmi_sample_ask(&samples[HMI_SAMPLE_SLOTS], other.id), 0);
	other.may_take = true;
	for (uint32_t i = 0; i <= HMI_SAMPLE_SLOTS; i++) {
		if (i != 3)
			sample_await(&samples[i]);
	}
	cr_expect_eq(other.looked, HMI_SAMPLE_SLOTS);
	other_end();
}

/* The kernel queues no more of them. */
Test(sample, ask__with_too_many_signals_waiting)
{
	struct hmi_sample sample = { .look = NULL };
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
	limit.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	other_start(blocker_main);
	for (uint32_t i = 0; i < 2 * HMI_SAMPLE_SLOTS; i++) {
		cr_assert_eq(hmi_sample_ask(&sample, other.id), -EAGAIN);
		cr_assert_eq(sample.ticket, 0);
	}
	other.may_take = true;
	other_end();
}

/* A signal that is no answer to anything. */
Test(sample, handler__ignores_what_nobody_has_asked_for)
{
	union sigval value = { .sival_ptr = (void *)(uintptr_t)0x1234567800ull };
	int sig = hmi_sample_signal();

	errno = E2BIG;
	cr_assert_eq(raise(sig), 0);
	value.sival_ptr = (void *)UINTPTR_MAX;
	cr_assert_eq(pthread_sigqueue(pthread_self(), sig, value), 0);
	cr_expect_eq(errno, E2BIG);
}

static struct hmi_sample faulty;

static void
fault_handler(int sig)
{
	if (hmi_backtrace_is_capturing(&faulty.trace))
		hmi_backtrace_fault(&faulty.trace);
	/* Another fault than the one that this is about. */
	_exit(128 + sig);
}

static void
faulty_look(void *arg)
{
	int *volatile nowhere = arg;

	other.looked++;
	*nowhere = 1;
}

/* It ends all the same, and the stack is there. */
Test(sample, handler__goes_on_when_the_look_faults)
{
	const struct sigaction action = { .sa_handler = fault_handler, .sa_flags = SA_NODEFER };

	cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
	faulty = (struct hmi_sample){ .look = faulty_look, .arg = (void *)64 };
	other_start(spinner_main);
	for (int i = 1; i <= 100; i++) {
		cr_assert_eq(hmi_sample_ask(&faulty, other.id), 0);
		sample_await(&faulty);
		cr_assert_eq(other.looked, i);
		cr_assert_gt(faulty.trace.count, 0);
	}
	other_end();
}

static void *
signal_look(void *arg)
{
	(void)arg;
	errno = 0;
	while (other.looked == 0)
		other.error |= errno;
	other.error |= errno;
	return NULL;
}

static void *
errno_main(void *arg)
{
	other.id = gettid();
	return signal_look(arg);
}

/* other_look() changes errno, as a handler's calls do. */
Test(sample, handler__keeps_errno)
{
	struct hmi_sample sample = { .look = other_look, .arg = &other };

	other_start(errno_main);
	cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
	sample_await(&sample);
	other_end();
	cr_expect_eq(other.error, 0);
}

/* ---- The signal itself -------------------------------------------------------------------- */

static void
nothing(int sig)
{
	(void)sig;
}

Test(sample_signal, get__takes_the_highest_that_is_free)
{
	const struct sigaction taken = { .sa_handler = nothing };

	cr_assert_eq(sigaction(SIGRTMAX - 1, &taken, NULL), 0);
	cr_assert_eq(hmi_sample_signal_get(), 0);
	cr_expect_eq(hmi_sample_signal(), SIGRTMAX - 2);
	cr_expect_not(has_handler(SIGRTMAX));
	/* It is shared, and the former action comes back with the last one's end. */
	cr_assert_eq(hmi_sample_signal_get(), 0);
	hmi_sample_signal_put();
	cr_expect(has_handler(SIGRTMAX - 2));
	hmi_sample_signal_put();
	cr_expect_not(has_handler(SIGRTMAX - 2));
	cr_expect(has_handler(SIGRTMAX - 1));
}

Test(sample_signal, get__refused_when_all_are_taken)
{
	const struct sigaction taken = { .sa_handler = nothing }, former = { .sa_handler = SIG_DFL };

	for (int sig = SIGRTMIN; sig < SIGRTMAX; sig++)
		cr_assert_eq(sigaction(sig, &taken, NULL), 0);
	cr_expect_eq(hmi_sample_signal_get(), -EBUSY);
	cr_expect_eq(hmi_sample_signal_get(), -EBUSY);
	cr_assert_eq(sigaction(SIGRTMIN, &former, NULL), 0);
	cr_expect_eq(hmi_sample_signal_get(), 0);
	cr_expect_eq(hmi_sample_signal(), SIGRTMIN);
	hmi_sample_signal_put();
}

/* A handler that came later is not ours to take away. */
Test(sample_signal, put__leaves_the_handler_of_another)
{
	const struct sigaction taken = { .sa_handler = nothing };
	struct sigaction there;
	int sig;

	cr_assert_eq(hmi_sample_signal_get(), 0);
	sig = hmi_sample_signal();
	cr_assert_eq(sigaction(sig, &taken, NULL), 0);
	hmi_sample_signal_put();
	cr_assert_eq(sigaction(sig, NULL, &there), 0);
	cr_expect_eq(there.sa_handler, nothing);
	/* And the next one needs another signal. */
	cr_assert_eq(hmi_sample_signal_get(), 0);
	cr_expect_eq(hmi_sample_signal(), sig - 1);
	hmi_sample_signal_put();
}

/* Without a handler the signal, which the thread has not taken yet, would end the process. */
Test(sample_signal, put__keeps_the_handler_while_a_signal_is_under_way)
{
	struct hmi_sample sample = { .look = other_look, .arg = &other };
	int sig;

	cr_assert_eq(hmi_sample_signal_get(), 0);
	sig = hmi_sample_signal();
	other_start(blocker_main);
	cr_assert_eq(hmi_sample_ask(&sample, other.id), 0);
	cr_assert_not(hmi_sample_cancel(&sample));
	hmi_sample_signal_put();
	cr_expect(has_handler(sig));
	other.may_take = true;
	other_end();
	cr_expect_eq(other.looked, 0);
	cr_assert_eq(hmi_sample_signal_get(), 0);
	cr_expect_eq(hmi_sample_signal(), sig);
	hmi_sample_signal_put();
	cr_expect_not(has_handler(sig));
}
