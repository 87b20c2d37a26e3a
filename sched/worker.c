/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_pvt.h"

#include <sys/prctl.h>

#include <rte_prefetch.h>

#include <urcu-qsbr.h>

#include "rcu_pvt.h"

#define BURST 32u
/* Without timers or a network the clock only serves logs; reading it costs more than an empty lane. */
#define CLOCK_TURNS 32u
/* A turn runs at least so many runnables, if there are any. */
#define RUNS_MIN 64u
/* Ahead of the runnable that runs: this far its memory is fetched, ... */
#define PREFETCH_RUNNABLE 24u
/* ... and this far what its memory points to. */
#define PREFETCH_WORK 12u

static uint32_t
poll(struct hmi_worker *w)
{
	return w->poller.poll != NULL ? w->poller.poll(w->poller.arg, w) : 0;
}

static uint32_t
lanes_drain(struct hmi_worker *w)
{
	struct hm_msg *msgs[BURST];
	uint32_t work = 0;

	for (uint32_t i = 0; i < w->lanes_in_count; i++) {
		uint32_t n = hmi_lane_pop_burst(&w->lanes_in[i], msgs, BURST);

		if (n == 0)
			continue;
		work += n;
		w->ops->deliver(w, msgs, n);
	}
	return work;
}

static uint32_t
inject_drain(struct hmi_worker *w)
{
	struct hm_msg *msgs[BURST];
	uint32_t n = hmi_inject_pop_burst(&w->inject, msgs, BURST);

	if (n > 0)
		w->ops->deliver(w, msgs, n);
	return n;
}

static void
fire(void *worker, struct hmi_timer *timer)
{
	struct hmi_worker *w = worker;

	w->ops->fire(w, timer);
}

static uint32_t
timers_run(struct hmi_worker *w)
{
	if (w->wheel.count == 0 && w->poller.poll == NULL && ++w->turns_since_clock < CLOCK_TURNS)
		return 0;
	w->turns_since_clock = 0;
	w->now_ns = hmi_clock_ns(w->clock);
	return hmi_wheel_advance(&w->wheel, w->now_ns, fire, w);
}

static inline void
run_next(struct hmi_worker *w)
{
	struct hmi_runq *q = &w->runq;
	uint32_t left = hmi_runq_count(q);
	struct hmi_runnable *r = hmi_runq_pop(q);

	if (left > PREFETCH_RUNNABLE) {
		rte_prefetch0(hmi_runq_peek(q, PREFETCH_RUNNABLE - 1));
		rte_prefetch0(hmi_runq_peek(q, PREFETCH_WORK - 1)->next_work);
	}
	w->ops->run(w, r);
}

/*
 * What waits at the start runs once. What becomes runnable meanwhile has the next turn, but
 * when there is little of it, polling after each would cost more than running it: then it runs
 * at once, until a message for another lcore wants to leave.
 */
static uint32_t
run_queue_run(struct hmi_worker *w)
{
	uint32_t waiting = hmi_runq_count(&w->runq), done = 0;

	for (; done < waiting; done++)
		run_next(w);
	w->ops->settle(w);
	while (done < RUNS_MIN && hmi_runq_count(&w->runq) > 0 && w->lanes_dirty_count == 0) {
		w->ops->run(w, hmi_runq_pop(&w->runq));
		done++;
		if (hmi_runq_count(&w->runq) == 0)
			w->ops->settle(w);
	}
	w->ops->settle(w);
	return done;
}

static uint32_t
lanes_flush(struct hmi_worker *w)
{
	uint32_t dirty = w->lanes_dirty_count, still = 0, work = 0;

	for (uint32_t i = 0; i < dirty; i++) {
		struct hmi_lane *lane = w->lanes_dirty[i];
		uint32_t before = lane->overflow_count, waiting = hmi_lane_flush(lane);

		/* What waits for room is no work, but room that was made is. */
		work += waiting == 0 || waiting < before;
		lane->dirty = waiting > 0;
		if (lane->dirty)
			w->lanes_dirty[still++] = lane;
	}
	w->lanes_dirty_count = still;
	return work;
}

static uint32_t
flush(struct hmi_worker *w)
{
	return w->poller.flush != NULL ? w->poller.flush(w->poller.arg, w) : 0;
}

uint32_t
hmi_worker_turn(struct hmi_worker *w)
{
	uint32_t work = poll(w);

	work += lanes_drain(w);
	work += inject_drain(w);
	work += timers_run(w);
	work += run_queue_run(w);
	work += flush(w);
	work += lanes_flush(w);
	__atomic_store_n(&w->turns, w->turns + 1, __ATOMIC_RELAXED); /* other threads read it */
	rcu_quiescent_state();
	/* What the flush made runnable waits for the next turn, which must not wait for a sleep. */
	return work + hmi_runq_count(&w->runq);
}

static void
idle(struct hmi_worker *w)
{
	uint64_t next_ns = UINT64_MAX;

	if (w->wheel.count > 0) {
		uint64_t at_ns = hmi_wheel_next_ns(&w->wheel);

		next_ns = at_ns > w->now_ns ? at_ns - w->now_ns : 0;
	}
	hmi_idle_wait(&w->idle, next_ns);
}

void
hmi_worker_loop(struct hmi_worker *w)
{
	/* Short sleeps end when they should, not 50 us later. */
	prctl(PR_SET_TIMERSLACK, 1ul);
	hmi_rcu_enter();
	while (!atomic_load_explicit(&w->stop, memory_order_acquire)) { /* W1 */
		if (hmi_worker_turn(w) > 0)
			hmi_idle_reset(&w->idle);
		else
			idle(w);
	}
	hmi_rcu_leave();
}
