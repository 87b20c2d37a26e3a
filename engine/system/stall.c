/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that looks for lcores that do not end their turn, and tells what they do.
 *
 *     every quarter of the limit     turns, asleep ──▶ hmi_stall_look ──▶ BEGAN ─┐
 *                                                                                ▼
 *     log, hm_config.on_stall ◀── state of the thread, actor, message, stack ── hmi_sample_ask
 *                                                     │                            │ signal
 *                                                     └── lcore_look, on the lcore ◀┘
 *
 * What runs on an lcore is the lcore's alone to read. So it is read there, by the signal's handler, which finds
 * it as the receive function would. The lcore does not answer while it waits for a disk, or for its core. Then its
 * actor is a guess: the cell that it was seen to run, whose memory is never unmapped, and the name under which
 * the table of paths has it.
 *
 * Ordering: S3: an lcore's thread is known. SA1, SA2 (sample_pvt.h): what the handler has read is there.
 */
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_string_fns.h>

#include "counter_pvt.h"
#include "extra_pvt.h"
#include "hm_type.h"
#include "lcore_setup_pvt.h"
#include "rcu_pvt.h"
#include "recorder_pvt.h"
#include "sample_pvt.h"
#include "stall_pvt.h"
#include "tsan_pvt.h"

#define NS_PER_MS 1000000u
#define SECOND_NS (1000 * NS_PER_MS)
/* So long a report waits for the lcore's own word, and so often it looks for it. */
#define ANSWER_NS      (100 * (uint64_t)NS_PER_MS)
#define ANSWER_LOOK_NS ((uint64_t)NS_PER_MS)

/* What an lcore runs; turns tell in which turn. */
struct seen {
	uint64_t turns;
	struct hm_pid actor;
	uint16_t type;
	char path[HM_PATH_MAX]; /* empty: none */
};

struct watched {
	struct hm_ctx *ctx;
	struct hmi_stall stall;
	struct hmi_sample sample;
	struct seen answer;            /* by the lcore's handler */
	struct seen told;              /* by the last report */
	bool has_base;                 /* what follows is known: */
	uint64_t base_ns, base_cpu_ns; /* the stall's length, and the thread's time, when it was first seen */
};

struct hmi_stalls {
	struct hm_system *sys;
	struct hmi_control_thread thread;
	sem_t end; /* posted when the thread is to end */
	bool is_ending;
	char trace[(HMI_BACKTRACE_MAX + 1) * HMI_BACKTRACE_LINE + 1];
	size_t trace_length;
	struct watched lcores[];
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Wait; returns at once, and from then on, if the thread is to end. */
static void
wait_ns(struct hmi_stalls *stalls, uint64_t ns)
{
	uint64_t until_ns = now_ns() + ns;
	struct timespec until = { .tv_sec = (time_t)(until_ns / SECOND_NS),
				  .tv_nsec = (long)(until_ns % SECOND_NS) };
	int rc = -1;

	while (!stalls->is_ending && (rc = sem_clockwait(&stalls->end, CLOCK_MONOTONIC, &until)) != 0 &&
	       errno == EINTR)
		;
	stalls->is_ending |= rc == 0;
}

/* ---- On the lcore, in a signal handler ------------------------------------------------- */

static void
lcore_look(void *arg)
{
	struct watched *w = arg;
	const struct hm_ctx *ctx = w->ctx;
	const struct hmi_path *path;

	w->answer.turns = ctx->worker.turns;
	w->answer.actor = hm_pid_none();
	w->answer.type = 0;
	w->answer.path[0] = '\0';
	/* Between two functions the engine may be about to free what they have left. */
	if (!ctx->in_user || ctx->cell == NULL)
		return;
	w->answer.actor = hmi_pid_of(ctx, ctx->cell);
	path = hmi_cell_path(ctx->cell);
	if (path != NULL)
		(void)rte_strscpy(w->answer.path, path->path, sizeof(w->answer.path));
	if (ctx->msg != NULL)
		w->answer.type = ctx->msg->type;
}

void
hmi_stalls_lcore(const struct hm_system *sys)
{
	sigset_t set;

	if (sys->stalls == NULL)
		return;
	sigemptyset(&set);
	sigaddset(&set, hmi_sample_signal());
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- What is known of a stall ------------------------------------------------------------ */

/*
 * What an lcore runs that does not say so itself; it may be another one by now. The sanitizer would see a race; it looks
 * into functions that are called.
 */
static HMI_TSAN_OFF struct hm_pid
actor_guess(struct hm_ctx *ctx)
{
	_Atomic(struct hmi_cell *) *running = (void *)&ctx->cell;
	const struct hmi_cell *cell = atomic_load_explicit(running, memory_order_relaxed);
	struct hm_pid pid = { .node = ctx->node };

	if (cell == NULL || cell->state_at == 0)
		return hm_pid_none();
	/* What the cell points to is not followed. */
	if ((cell->scheduled & HMI_SCHEDULED_MOVED) != 0 &&
	    atomic_load_explicit(&ctx->moved_cell, memory_order_relaxed) == cell)
		pid.local = atomic_load_explicit(&ctx->moved_home, memory_order_relaxed);
	else
		pid.local = hmi_local(hmi_index(ctx), hmi_slot_of(ctx, cell), cell->generation);
	return pid;
}

/* Whether the turn has ended since it was looked at. */
static bool
has_moved(const struct watched *w)
{
	return hmi_counted(&w->ctx->worker.turns) != w->stall.turns;
}

/* Of an lcore that goes on at this moment nothing is said. */
static void
guess(const struct hmi_stalls *stalls, struct watched *w)
{
	struct hm_pid actor = actor_guess(w->ctx);

	w->told = (struct seen){ .actor = hm_pid_none() };
	if (hm_pid_is_none(actor) || has_moved(w))
		return;
	w->told.actor = actor;
	hmi_rcu_enter();
	(void)hmi_path_of(&stalls->sys->paths, actor, w->told.path);
	hmi_rcu_leave();
}

static struct hm_stall
stall_of(const struct hmi_stalls *stalls, const struct watched *w, enum hm_stall_event event)
{
	const struct seen *seen = &w->told;

	return (struct hm_stall){ .event = event,
				  .lcore_index = hmi_index(w->ctx),
				  .actor = seen->actor,
				  .path = seen->path[0] != '\0' ? seen->path : NULL,
				  .type = seen->type,
				  .type_name =
					  seen->type != 0 ? hm_type_name(stalls->sys, seen->type) : NULL };
}

static void
trace_add(void *arg, const char *text)
{
	struct hmi_stalls *stalls = arg;
	size_t left = sizeof(stalls->trace) - stalls->trace_length;

	/* It has room for as many lines as there may be. */
	stalls->trace_length += (size_t)snprintf(stalls->trace + stalls->trace_length, left, "%s\n", text);
}

static void
trace_fill(struct hmi_stalls *stalls, const struct watched *w, struct hm_stall *stall)
{
	stalls->trace_length = 0;
	hmi_backtrace_print(w->sample.trace.frames, w->sample.trace.count, trace_add, stalls);
	stall->backtrace = stalls->trace;
}

static bool
has_thread(const struct hm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->has_thread, memory_order_acquire); /* S3 */
}

/* Its thread exists as long as the system runs. */
static void
thread_look(const struct hm_ctx *ctx, struct hmi_thread_look *look)
{
	clockid_t clock;

	memset(look, 0, sizeof(*look));
	if (pthread_getcpuclockid(ctx->thread, &clock) == 0)
		hmi_thread_look(ctx->thread_id, clock, look);
}

/* Of a core, in percent, since the stall was first seen; UINT32_MAX: unknown. */
static uint32_t
share_of(const struct watched *w, const struct hmi_thread_look *look)
{
	uint64_t ns = w->stall.held_ns - w->base_ns;

	if (!w->has_base || ns == 0 || look->cpu_ns < w->base_cpu_ns)
		return UINT32_MAX;
	return (uint32_t)RTE_MIN((look->cpu_ns - w->base_cpu_ns) * 100 / ns, 100u);
}

/* ---- Telling ------------------------------------------------------------------------------- */

static void
state_describe(const struct hm_stall *stall, const struct hmi_thread_look *look, uint32_t share, char *text,
	       size_t size)
{
	const char *more = stall->backtrace != NULL ? "" : "; it does not say where it is";

	switch (stall->state) {
	case HM_STALL_COMPUTES:
		snprintf(text, size, "it computes%s", more);
		break;
	case HM_STALL_WAITS:
		snprintf(text, size, "it waits in the kernel%s%s%s", look->wait[0] != '\0' ? ", in " : "",
			 look->wait, more);
		break;
	case HM_STALL_PREEMPTED:
		snprintf(text, size, "it could run, but has had %u %% of its core%s", share, more);
		break;
	default:
		snprintf(text, size, "what it does is unknown%s", more);
		break;
	}
}

/* In one call, so that the lines stay together. */
static void
stall_log(const struct hmi_stalls *stalls, const struct hm_stall *stall, const char *state)
{
	char pid[HM_PID_TEXT_SIZE] = "no actor";

	if (!hm_pid_is_none(stall->actor))
		hm_pid_format(stall->actor, pid);
	rte_log(RTE_LOG_WARNING, (uint32_t)stalls->sys->logtype,
		"hermod: lcore %u has not ended its turn for %" PRIu64 " ms: %s%s%s, message type %s; %s\n%s",
		stall->lcore_index, stall->duration_ns / NS_PER_MS, pid, stall->path != NULL ? " " : "",
		stall->path != NULL ? stall->path : "",
		stall->type_name != NULL ? stall->type_name : "unknown", state,
		stall->backtrace != NULL ? stall->backtrace : "");
}

static void
stall_publish(const struct hmi_stalls *stalls, const struct hm_stall *stall)
{
	hmi_stall_event(stalls->sys, stall);
	if (stalls->sys->on_stall != NULL)
		stalls->sys->on_stall(stalls->sys->on_stall_arg, stall);
}

/* Whether the lcore's word is there, and is about this stall. */
static bool
answer_take(struct watched *w)
{
	if (!hmi_sample_poll(&w->sample))
		return false;
	return w->answer.turns == w->stall.turns;
}

/* Ask the lcore, unless it was asked before and has not answered. Returns whether its word is there. */
static bool
answer_await(struct hmi_stalls *stalls, struct watched *w)
{
	w->sample.look = lcore_look;
	w->sample.arg = w;
	if (w->sample.ticket == 0 && hmi_sample_ask(&w->sample, w->ctx->thread_id) != 0)
		return false;
	for (uint64_t ns = 0; ns < ANSWER_NS && !stalls->is_ending; ns += ANSWER_LOOK_NS) {
		if (answer_take(w))
			return true;
		if (w->sample.ticket == 0)
			return false;
		wait_ns(stalls, ANSWER_LOOK_NS);
	}
	return false;
}

static void
stall_tell(struct hmi_stalls *stalls, struct watched *w, enum hm_stall_event event, bool is_answered)
{
	static const enum hm_stall_state states[] = { [HMI_THREAD_UNKNOWN] = HM_STALL_UNKNOWN,
						      [HMI_THREAD_COMPUTES] = HM_STALL_COMPUTES,
						      [HMI_THREAD_WAITS] = HM_STALL_WAITS,
						      [HMI_THREAD_READY] = HM_STALL_PREEMPTED };
	struct hm_stall stall;
	struct hmi_thread_look look;
	uint32_t share;
	char state[192];

	/* Before it is asked: the signal has it run. */
	thread_look(w->ctx, &look);
	share = share_of(w, &look);
	is_answered = is_answered || answer_await(stalls, w);
	/* The next look tells the end. */
	if (event == HM_STALL_GOES_ON && !is_answered && has_moved(w))
		return;
	if (is_answered)
		w->told = w->answer;
	else
		guess(stalls, w);
	stall = stall_of(stalls, w, event);
	stall.state = states[hmi_thread_does(look.state, share)];
	stall.duration_ns = w->stall.held_ns;
	if (is_answered)
		trace_fill(stalls, w, &stall);
	state_describe(&stall, &look, share, state, sizeof(state));
	stall_log(stalls, &stall, state);
	if (event == HM_STALL_BEGAN)
		hmi_recorder_log(w->ctx);
	stall_publish(stalls, &stall);
}

static void
end_tell(struct hmi_stalls *stalls, struct watched *w)
{
	struct hm_stall stall = stall_of(stalls, w, HM_STALL_ENDED);

	stall.duration_ns = w->stall.lasted_ns;
	rte_log(RTE_LOG_WARNING, (uint32_t)stalls->sys->logtype,
		"hermod: lcore %u goes on; its turn has lasted for %" PRIu64 " ms\n", stall.lcore_index,
		stall.duration_ns / NS_PER_MS);
	stall_publish(stalls, &stall);
}

/* ---- Looking ------------------------------------------------------------------------------- */

/* What the thread has used by the first look at which the turns have not moved. */
static void
base_look(struct watched *w)
{
	struct hmi_thread_look look;

	if (w->stall.held_ns == 0) {
		w->has_base = false;
	} else if (!w->has_base) {
		thread_look(w->ctx, &look);
		w->base_cpu_ns = look.cpu_ns;
		w->base_ns = w->stall.held_ns;
		w->has_base = true;
	}
}

static void
lcore_watch(struct hmi_stalls *stalls, struct watched *w, uint64_t elapsed_ns)
{
	struct hm_ctx *ctx = w->ctx;
	bool is_idle =
		!has_thread(ctx) || atomic_load_explicit(&ctx->worker.wake.asleep, memory_order_relaxed);
	enum hmi_stall_news news =
		hmi_stall_look(&w->stall, hmi_counted(&ctx->worker.turns), is_idle, elapsed_ns);

	switch (news) {
	case HMI_STALL_BEGAN:
		atomic_fetch_add_explicit(&stalls->sys->stalled, 1, memory_order_relaxed);
		stall_tell(stalls, w, HM_STALL_BEGAN, false);
		break;
	case HMI_STALL_GOES_ON:
		stall_tell(stalls, w, HM_STALL_GOES_ON, false);
		break;
	case HMI_STALL_ENDED:
		(void)hmi_sample_cancel(&w->sample);
		end_tell(stalls, w);
		break;
	case HMI_STALL_NONE:
		/* An answer that was late. */
		if (w->stall.is_stalled && answer_take(w))
			stall_tell(stalls, w, HM_STALL_GOES_ON, true);
		break;
	}
	base_look(w);
}

static void
watch_main(void *arg)
{
	struct hmi_stalls *stalls = arg;
	uint32_t count = stalls->sys->lcores_count;
	uint64_t before_ns = now_ns();
	bool is_last;

	/* The last look comes after the lcores have ended, so that each stall has. */
	do {
		uint64_t elapsed_ns;

		is_last = stalls->is_ending;
		wait_ns(stalls, hmi_stall_interval_ns(&stalls->lcores[0].stall));
		elapsed_ns = now_ns() - before_ns;
		before_ns += elapsed_ns;
		for (uint32_t i = 0; i < count; i++)
			lcore_watch(stalls, &stalls->lcores[i], elapsed_ns);
	} while (!is_last);
	for (uint32_t i = 0; i < count; i++)
		(void)hmi_sample_cancel(&stalls->lcores[i].sample);
}

/* ---- Start and stop ------------------------------------------------------------------------ */

int
hmi_stalls_create(struct hm_system *sys)
{
	uint32_t count = sys->lcores_count;
	struct hmi_stalls *stalls;
	int rc;

	if (sys->options.stall == 0 || sys->mode == HM_MODE_STEPPED)
		return 0;
	stalls = calloc(1, sizeof(*stalls) + count * sizeof(stalls->lcores[0]));
	if (stalls == NULL) {
		fprintf(stderr, "hermod: no memory to look for stalls; give --stall 0\n");
		return -ENOMEM;
	}
	rc = hmi_sample_signal_get();
	if (rc != 0) {
		fprintf(stderr,
			"hermod: --stall finds no real-time signal without a handler; leave one, or give --stall 0\n");
		free(stalls);
		return rc;
	}
	stalls->sys = sys;
	sem_init(&stalls->end, 0, 0);
	for (uint32_t i = 0; i < count; i++) {
		stalls->lcores[i].ctx = sys->lcores[i];
		sys->lcores[i]->worker.recovery.sampled = &stalls->lcores[i].sample.trace;
		hmi_stall_init(&stalls->lcores[i].stall, sys->options.stall * NS_PER_MS);
	}
	sys->stalls = stalls;
	return 0;
}

int
hmi_stalls_start(struct hm_system *sys)
{
	struct hmi_stalls *stalls = sys->stalls;

	if (stalls == NULL)
		return 0;
	stalls->is_ending = false;
	return hmi_control_thread_start(&stalls->thread, "hm-stalls", watch_main, stalls);
}

void
hmi_stalls_stop(struct hm_system *sys)
{
	if (sys->stalls == NULL || !sys->stalls->thread.is_started)
		return;
	sem_post(&sys->stalls->end);
	hmi_control_thread_join(&sys->stalls->thread);
}

void
hmi_stalls_destroy(struct hm_system *sys)
{
	if (sys->stalls == NULL)
		return;
	hmi_sample_signal_put();
	sem_destroy(&sys->stalls->end);
	free(sys->stalls);
	sys->stalls = NULL;
}
