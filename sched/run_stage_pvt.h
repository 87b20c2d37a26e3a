/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_STAGE_PVT_H
#define RUN_STAGE_PVT_H

/*
 * The stage of a worker's turn that runs runnables, for the owner of the worker to instantiate with
 * functions of its own:
 *
 *     static uint32_t my_run_stage(struct hmi_worker *w) { return hmi_run_stage(w, my_run, my_defer); }
 *     struct hmi_worker_ops ops = { .run_stage = my_run_stage, ... };
 *
 * Inline, since a call by pointer would cost a short runnable a tenth of its time.
 */

#include <rte_common.h>

#include "worker_pvt.h"

/* Runnables in one turn. */
#define HMI_RUNS_MAX 256u
/* Time limits: of the stage, and of what is deferred behind a run queue that never was empty. */
#define HMI_RUN_US      40u
#define HMI_DEFERRED_US 15u
/* Ahead of the runnable that runs: this far its memory is fetched, ... */
#define HMI_PREFETCH_RUNNABLE 24u
/* ... and this far what its memory points to. */
#define HMI_PREFETCH_WORK 12u

/*
 * A runnable's turn. One step is counted by the caller; if it takes more, the function counts them
 * by hmi_worker_steps, and returns its answer. It takes hmi_worker_steps_max steps at most, and puts
 * the runnable back into the run queue if work is left. Returns whether the stage has to end.
 */
typedef bool hmi_run_fn(struct hmi_worker *worker, struct hmi_runnable *runnable);

/*
 * The run queue is empty: do some of what runnables have deferred, which may make others runnable.
 * Returns how much was done; 0: nothing is deferred.
 */
typedef uint32_t hmi_deferred_fn(struct hmi_worker *worker);

/* Returns whether the stage has to end. The run queue must not be empty. */
static inline bool
hmi_run_next(struct hmi_worker *w, hmi_run_fn *run)
{
	struct hmi_runq *q = &w->runq;
	uint32_t left = hmi_runq_count(q);
	struct hmi_runnable *r = hmi_runq_pop(q);

	if (left > HMI_PREFETCH_RUNNABLE) {
		__builtin_prefetch(hmi_runq_peek(q, HMI_PREFETCH_RUNNABLE - 1));
		__builtin_prefetch(hmi_runq_peek(q, HMI_PREFETCH_WORK - 1)->next_work);
	}
	return run(w, r);
}

/*
 * A run queue that never was empty must not keep back what is deferred: at least some of it is
 * done in each turn.
 */
static inline uint32_t
hmi_run_deferred(struct hmi_worker *w, hmi_deferred_fn *deferred)
{
	uint32_t done = 0, n;

	hmi_worker_stage_begin(w, HMI_DEFERRED_US);
	while ((n = deferred(w)) > 0) {
		done += n;
		if (hmi_worker_steps(w, 1))
			break;
	}
	return done;
}

/* Of one stage. */
struct hmi_run_state {
	uint32_t waiting;  /* runs after which messages for other lcores may leave */
	uint32_t done;     /* runs */
	uint32_t deferred; /* units of work */
	bool ended;
};

/* So many that have never run may wait before the youngest of them is the next. */
#define HMI_UNSTARTED_MANY 256u
/* The oldest of them that run in a turn, where the last one had no time for any. */
#define HMI_UNSTARTED_TURN 64u

/* Move one that has never run into the run queue. */
static inline void
hmi_run_start(struct hmi_worker *w)
{
	struct hmi_runq *q = &w->unstarted;

	hmi_runq_push(&w->runq,
		      hmi_runq_count(q) > HMI_UNSTARTED_MANY ? hmi_runq_pop_last(q) : hmi_runq_pop(q));
}

/*
 * However busy others are, and however many younger ones come: the oldest runs in each turn, and
 * HMI_UNSTARTED_TURN of them after a turn whose run queue never was empty.
 */
static inline void
hmi_run_start_oldest(struct hmi_worker *w)
{
	uint32_t n = RTE_MIN(hmi_runq_count(&w->unstarted), w->starts_kept_back ? HMI_UNSTARTED_TURN : 1u);

	for (; n > 0; n--)
		hmi_runq_push(&w->runq, hmi_runq_pop(&w->unstarted));
	w->starts_kept_back = hmi_runq_count(&w->unstarted) > 0;
}

/* Urgent ones to the head of the run queue, in their order. */
static inline void
hmi_run_urgent(struct hmi_worker *w)
{
	struct hmi_runq *q = &w->urgent;
	for (uint32_t i = hmi_runq_count(q); i-- > 0;)
		hmi_runq_push_first(&w->runq, hmi_runq_peek(q, i));
	q->head = q->tail;
}

/* ---- Classes ------------------------------------------------------------------------ */

/* The oldest of a class is the next that runs. */
static inline void
hmi_run_class(struct hmi_worker *w, enum hmi_class class)
{
	hmi_runq_push_first(&w->runq, hmi_runq_pop(&w->classes.queues[class]));
	w->classes_waiting--;
}

static inline bool
hmi_class_waits(const struct hmi_worker *w, enum hmi_class class)
{
	return hmi_runq_count(&w->classes.queues[class]) > 0;
}

/*
 * Some wait that are of a class: choose what runs next. High ones first, but for a share of usual ones, and of low ones.
 * If low ones alone wait, one of them runs when nothing is deferred either: hmi_run_fill.
 */
static inline void
hmi_run_choose(struct hmi_worker *w)
{
	bool usual = hmi_runq_count(&w->runq) > 0, low = hmi_class_waits(w, HMI_CLASS_LOW);
	struct hmi_classes *classes = &w->classes;

	if (low && classes->other_runs >= HMI_LOW_SHARE - 1) {
		classes->other_runs = 0;
		hmi_run_class(w, HMI_CLASS_LOW);
		return;
	}
	if (hmi_class_waits(w, HMI_CLASS_HIGH) && (!usual || classes->high_runs < HMI_USUAL_SHARE - 1)) {
		classes->high_runs += usual;
		classes->other_runs += low;
		hmi_run_class(w, HMI_CLASS_HIGH);
	} else {
		/* Also where what is deferred makes the next one runnable. */
		classes->high_runs = 0;
		classes->other_runs += low;
	}
}

/* ---- The stage ------------------------------------------------------------------------ */

/* Nothing usual waits, and nothing is deferred: start a runnable, or run a low one. Returns whether there is one. */
static inline bool
hmi_run_rest(struct hmi_worker *w)
{
	if (hmi_runq_count(&w->unstarted) > 0) {
		hmi_run_start(w);
		w->starts_kept_back = false;
	} else if (unlikely(hmi_class_waits(w, HMI_CLASS_LOW))) {
		w->classes.other_runs = 0;
		hmi_run_class(w, HMI_CLASS_LOW);
	} else {
		return false;
	}
	hmi_worker_stage_start(w);
	return true;
}

/* Whether there is something to run; makes it so, if anything is deferred or has never run. */
static inline bool
hmi_run_fill(struct hmi_worker *w, struct hmi_run_state *state, hmi_deferred_fn *deferred)
{
	uint32_t n;

	while (hmi_runq_count(&w->runq) == 0) {
		if (unlikely(w->classes_waiting > 0 && hmi_class_waits(w, HMI_CLASS_HIGH))) {
			hmi_run_choose(w);
			break;
		}
		n = deferred(w);
		state->deferred += n;
		if (n == 0) {
			if (!hmi_run_rest(w))
				return false;
		} else if (hmi_worker_steps(w, 1)) {
			return false;
		}
	}
	return true;
}

/*
 * Once a message for another lcore wants to leave, only what was waiting before runs; slow runnables,
 * of which each is run for few steps only, let it leave in between. Returns whether to go on.
 */
static inline bool
hmi_run_leave(struct hmi_worker *w, struct hmi_run_state *state, uint32_t done)
{
	if (!hmi_deadline_is_tight(&w->deadline))
		return false;
	(void)hmi_worker_flush_lanes(w);
	state->waiting = done + hmi_runq_count(&w->runq);
	return true;
}

/*
 * Run until the clock is to be looked at, or one if there are any of a class: it was chosen. One that comes to wait
 * meanwhile is found by the next look at the clock at the latest.
 */
static inline void
hmi_run_some(struct hmi_worker *w, struct hmi_run_state *state, hmi_run_fn *run, hmi_deferred_fn *deferred)
{
	uint32_t steps = hmi_worker_steps_max(w), done = state->done, end;

	if (unlikely(w->classes_waiting > 0)) {
		hmi_run_choose(w);
		steps = 1;
	}
	end = done + RTE_MIN(steps, HMI_RUNS_MAX - done);
	do {
		if (unlikely(w->lanes_dirty_count > 0 && done >= state->waiting &&
			     !hmi_run_leave(w, state, done))) {
			state->ended = true;
			break;
		}
		if (unlikely(hmi_runq_count(&w->runq) == 0 && !hmi_run_fill(w, state, deferred))) {
			state->ended = true;
			break;
		}
		state->ended = hmi_run_next(w, run);
		done++;
	} while (done < end && !state->ended);
	steps = done - state->done;
	state->done = done;
	state->ended |= hmi_worker_steps(w, steps) || done == HMI_RUNS_MAX;
}

/*
 * What waits at the start runs, and then what becomes runnable by it: polling after each would
 * cost more than running it. But nobody waits for long: a turn runs for HMI_RUN_US and HMI_RUNS_MAX
 * runnables at most.
 *
 * Returns units of work done.
 */
static inline uint32_t
hmi_run_stage(struct hmi_worker *w, hmi_run_fn *run, hmi_deferred_fn *deferred)
{
	struct hmi_run_state state = { 0 };

	hmi_worker_stage_begin(w, HMI_RUN_US);
	if (hmi_runq_count(&w->unstarted) > 0)
		hmi_run_start_oldest(w);
	if (unlikely(hmi_runq_count(&w->urgent) > 0))
		hmi_run_urgent(w);
	if (hmi_runq_count(&w->runq) == 0)
		state.deferred = deferred(w);
	state.waiting = hmi_runq_count(&w->runq) + w->classes_waiting;
	if (state.waiting > 0)
		hmi_worker_stage_start(w);
	while (!state.ended)
		hmi_run_some(w, &state, run, deferred);
	return state.done + state.deferred + (state.deferred == 0 ? hmi_run_deferred(w, deferred) : 0);
}

#endif /* RUN_STAGE_PVT_H */
