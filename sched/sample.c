/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_pvt.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Slots --------------------------------------------------------------------------- */

enum slot_state {
	SLOT_FREE = 0,
	SLOT_HELD,   /* by an asker */
	SLOT_ASKED,  /* the signal is under way */
	SLOT_TAKING, /* the handler runs */
	SLOT_TAKEN,
};

#define STATE_BITS 3
#define SLOT_BITS  8

_Static_assert(sizeof(void *) == sizeof(uint64_t), "a signal carries a ticket");

/* A serial number that grows with each use, and a state below it. */
struct slot {
	_Atomic uint64_t word;
	struct hmi_sample *_Atomic sample;
};

/* allowed: a handler gets no pointer that would be safe to follow after its system is gone. */
static struct slot sample_slots[HMI_SAMPLE_SLOTS];

/* Signals that no handler has taken yet. */
static _Atomic uint32_t samples_under_way;

static enum slot_state
state_of(uint64_t word)
{
	return (enum slot_state)(word & ((1u << STATE_BITS) - 1));
}

static uint64_t
with_state(uint64_t word, enum slot_state state)
{
	return (word >> STATE_BITS << STATE_BITS) | state;
}

static bool
slot_hold(struct slot *slot)
{
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

	return state_of(word) == SLOT_FREE &&
	       atomic_compare_exchange_strong_explicit(&slot->word, &word, with_state(word, SLOT_HELD),
						       memory_order_relaxed, memory_order_relaxed);
}

static void
slot_free(struct slot *slot)
{
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

	atomic_store_explicit(&slot->word, with_state(word, SLOT_FREE), memory_order_relaxed);
}

/* What a signal carries: the slot's index, and the serial number above it, never 0. */
static uint64_t
ticket_of(uint32_t index, uint64_t word)
{
	return word >> STATE_BITS << SLOT_BITS | index;
}

static struct slot *
slot_of(uint64_t ticket)
{
	uint32_t index = ticket & ((1u << SLOT_BITS) - 1);

	return index < HMI_SAMPLE_SLOTS ? &sample_slots[index] : NULL;
}

static uint64_t
asked_word(uint64_t ticket)
{
	return ticket >> SLOT_BITS << STATE_BITS | SLOT_ASKED;
}

/* ---- The handler --------------------------------------------------------------------- */

static void
sample_take(struct slot *slot, uint64_t ticket, void *context)
{
	uint64_t word = asked_word(ticket);
	struct hmi_sample *sample;

	/* SA1, acquire: pairs with the release in hmi_sample_ask. Another word: it was given up. */
	if (!atomic_compare_exchange_strong_explicit(&slot->word, &word, with_state(word, SLOT_TAKING),
						     memory_order_acquire, memory_order_relaxed))
		return;
	sample = atomic_load_explicit(&slot->sample, memory_order_relaxed);
	if (sample->look != NULL)
		(void)hmi_backtrace_try(&sample->trace, sample->look, sample->arg);
	(void)hmi_backtrace_interrupted(&sample->trace, context);
	/* SA2, release: pairs with the acquire in hmi_sample_poll. */
	atomic_store_explicit(&slot->word, with_state(word, SLOT_TAKEN), memory_order_release);
}

static void
sample_handler(int sig, siginfo_t *info, void *context)
{
	uint64_t ticket = (uintptr_t)info->si_value.sival_ptr;
	struct slot *slot = slot_of(ticket);
	int before = errno;

	(void)sig;
	/* Not one that somebody else has sent. */
	if (info->si_code == SI_QUEUE && info->si_pid == getpid() && slot != NULL) {
		sample_take(slot, ticket, context);
		atomic_fetch_sub_explicit(&samples_under_way, 1, memory_order_relaxed);
	}
	errno = before;
}

/* ---- The signal ---------------------------------------------------------------------- */

/* allowed: signals are the process's, as is who handles them. */
static struct sample_signal {
	pthread_mutex_t lock;
	uint32_t references;
	int number; /* 0: none is ours */
} sample_signal = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
is_free(int sig)
{
	struct sigaction action;

	return sigaction(sig, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
	       action.sa_handler == SIG_DFL;
}

static bool
is_ours(int sig)
{
	struct sigaction action;

	return sig != 0 && sigaction(sig, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) != 0 &&
	       action.sa_sigaction == sample_handler;
}

/* SIGRTMAX itself is what valgrind and some runtimes take. Returns 0 or -EBUSY. */
static int
signal_choose(int *number)
{
	struct sigaction action = { .sa_sigaction = sample_handler,
				    .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };

	sigemptyset(&action.sa_mask);
	for (int sig = SIGRTMAX - 1; sig >= SIGRTMIN; sig--) {
		if (is_free(sig) && sigaction(sig, &action, NULL) == 0) {
			*number = sig;
			return 0;
		}
	}
	return -EBUSY;
}

int
hmi_sample_signal_get(void)
{
	int rc = 0;

	pthread_mutex_lock(&sample_signal.lock);
	if (sample_signal.references == 0 && !is_ours(sample_signal.number)) {
		hmi_backtrace_warm_up();
		rc = signal_choose(&sample_signal.number);
	}
	sample_signal.references += rc == 0;
	pthread_mutex_unlock(&sample_signal.lock);
	return rc;
}

void
hmi_sample_signal_put(void)
{
	const struct sigaction former = { .sa_handler = SIG_DFL };

	pthread_mutex_lock(&sample_signal.lock);
	/* One that came later, to a thread that has blocked it, would end the process. */
	if (--sample_signal.references == 0 && is_ours(sample_signal.number) &&
	    atomic_load_explicit(&samples_under_way, memory_order_relaxed) == 0) {
		(void)sigaction(sample_signal.number, &former, NULL);
		sample_signal.number = 0;
	}
	pthread_mutex_unlock(&sample_signal.lock);
}

int
hmi_sample_signal(void)
{
	int number;

	pthread_mutex_lock(&sample_signal.lock);
	number = sample_signal.number;
	pthread_mutex_unlock(&sample_signal.lock);
	return number;
}

/* ---- Asking -------------------------------------------------------------------------- */

/* As pthread_sigqueue; but a thread that has ended is an error. */
static int
signal_send(pid_t thread, uint64_t ticket)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)ticket;
	return syscall(SYS_rt_tgsigqueueinfo, info.si_pid, thread, hmi_sample_signal(), &info) == 0 ? 0
												    : -errno;
}

int
hmi_sample_ask(struct hmi_sample *sample, pid_t thread)
{
	uint32_t index = 0;
	uint64_t word;
	int rc;

	while (index < HMI_SAMPLE_SLOTS && !slot_hold(&sample_slots[index]))
		index++;
	if (index == HMI_SAMPLE_SLOTS)
		return -EAGAIN;
	word = atomic_load_explicit(&sample_slots[index].word, memory_order_relaxed) + (1u << STATE_BITS);
	sample->ticket = ticket_of(index, word);
	atomic_store_explicit(&sample_slots[index].sample, sample, memory_order_relaxed);
	/* SA1, release: pairs with the acquire in sample_take. */
	atomic_store_explicit(&sample_slots[index].word, with_state(word, SLOT_ASKED), memory_order_release);
	atomic_fetch_add_explicit(&samples_under_way, 1, memory_order_relaxed);
	rc = signal_send(thread, sample->ticket);
	if (rc != 0) {
		atomic_fetch_sub_explicit(&samples_under_way, 1, memory_order_relaxed);
		sample->ticket = 0;
		slot_free(&sample_slots[index]);
	}
	return rc;
}

static void
sample_end(struct hmi_sample *sample)
{
	slot_free(slot_of(sample->ticket));
	sample->ticket = 0;
}

bool
hmi_sample_poll(struct hmi_sample *sample)
{
	struct slot *slot = slot_of(sample->ticket);

	/* SA2, acquire: pairs with the release in sample_take. */
	if (sample->ticket == 0 ||
	    state_of(atomic_load_explicit(&slot->word, memory_order_acquire)) != SLOT_TAKEN)
		return false;
	sample_end(sample);
	return true;
}

bool
hmi_sample_cancel(struct hmi_sample *sample)
{
	uint64_t word = asked_word(sample->ticket);

	if (sample->ticket == 0)
		return false;
	if (atomic_compare_exchange_strong_explicit(&slot_of(sample->ticket)->word, &word,
						    with_state(word, SLOT_HELD), memory_order_relaxed,
						    memory_order_relaxed)) {
		sample_end(sample);
		return false;
	}
	while (!hmi_sample_poll(sample))
		sched_yield();
	return true;
}
