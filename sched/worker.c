/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_pvt.h"

#include <sys/prctl.h>

#include <rte_pause.h>

#include <urcu-qsbr.h>

#include "counter_pvt.h"
#include "rcu_pvt.h"

#define BURST 32u
/*
 * Without timers the clock serves logs, and the network, which measures round trips by it and is
 * content with half a microsecond; reading it costs more than polling an empty lane.
 */
#define CLOCK_TURNS         32u
#define CLOCK_TURNS_NETWORK 4u
/* Time limits of the stages of a turn. */
#define DELIVER_US 15u /* from lanes, and from external threads */
#define TIMERS_US  15u
#define POLL_US    10u
#define FLUSH_US   5u
/* Turns after which receivers are looked at behind a fence, at the latest. */
#define UNCHECKED_TURNS 4u
/* Looks at lanes between two turns without work: one costs a thirtieth of a turn, and so is earlier. */
#define IDLE_LOOKS 64u

static uint32_t
poll(struct hmi_worker *w)
{
	if (w->poller.poll == NULL)
		return 0;
	hmi_deadline_begin(&w->polling, POLL_US);
	return w->poller.poll(w->poller.arg, w);
}

uint64_t
hmi_worker_clock_correct(struct hmi_worker *w)
{
	uint64_t ticks, ns;

	hmi_tsc_read_pair(&ticks, &ns);
	hmi_tsc_correct(&w->tsc, ticks, ns, w->now_ns);
	return w->now_ns = hmi_tsc_ns(&w->tsc, rte_rdtsc());
}

/* Deliver a burst. Returns whether the stage has to end. */
static inline bool
deliver(struct hmi_worker *w, struct hm_msg **msgs, uint32_t count)
{
	hmi_worker_stage_start(w);
	w->ops->deliver(w, msgs, count);
	return hmi_deadline_step(&w->deadline, w->clock, count);
}

/* A burst of each lane. If time does not suffice for all, the next turn begins with the rest: `is_over`. */
static uint32_t
lanes_round(struct hmi_worker *w, bool *is_over)
{
	struct hm_msg *msgs[BURST];
	uint32_t count = w->lanes_in_count, lane = w->lanes_in_next, work = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = hmi_lane_pop_burst(&w->lanes_in[lane], msgs, BURST);

		lane = lane + 1 < count ? lane + 1 : 0;
		if (n == 0)
			continue;
		work += n;
		if (deliver(w, msgs, n)) {
			w->lanes_in_next = lane;
			*is_over = true;
			break;
		}
	}
	return work;
}

/*
 * A burst of each lane, so that it is still in the cache when it is handled. Where runnables are slow, a turn is long, and a
 * system message may wait behind thousands of others: then as much as there is time for.
 */
static uint32_t
lanes_drain(struct hmi_worker *w)
{
	bool is_over = false, is_slow = hmi_deadline_is_tight(&w->deadline);
	uint32_t work = lanes_round(w, &is_over), more = work;

	while (unlikely(is_slow) && more > 0 && !is_over) {
		more = lanes_round(w, &is_over);
		work += more;
	}
	return work;
}

static uint32_t
inject_drain(struct hmi_worker *w)
{
	struct hm_msg *msgs[BURST];
	uint32_t n = hmi_inject_pop_burst(&w->inject, msgs, BURST);

	if (n > 0)
		(void)deliver(w, msgs, n);
	return n;
}

static bool
time_is_left(void *worker)
{
	return !hmi_worker_steps(worker, 1);
}

static void
clock_look(struct hmi_worker *w)
{
	uint32_t rarely = w->poller.poll != NULL ? CLOCK_TURNS_NETWORK : CLOCK_TURNS;

	if (w->wheel.count == 0 && ++w->turns_since_clock < rarely)
		return;
	w->turns_since_clock = 0;
	(void)hmi_worker_clock(w);
}

static uint32_t
timers_run(struct hmi_worker *w)
{
	if (w->turns_since_clock != 0 || w->wheel.count == 0)
		return 0;
	hmi_worker_stage_begin(w, TIMERS_US);
	if (hmi_wheel_next_ns(&w->wheel) <= w->now_ns)
		hmi_worker_stage_start(w);
	return hmi_wheel_advance(&w->wheel, w->now_ns, w, time_is_left);
}

/* The receiver gets what the lane brings, though it sleeps; for certain when wakes_check has looked again. */
static inline void
receiver_wake(struct hmi_worker *w, struct hmi_lane *lane)
{
	struct hmi_wake *wake = w->wakes[lane - w->lanes_out];

	if (wake == NULL)
		return;
	hmi_wake(wake);
	if (!lane->unchecked) {
		lane->unchecked = true;
		w->lanes_unchecked[w->lanes_unchecked_count++] = lane;
	}
}

static void
wakes_check(struct hmi_worker *w)
{
	hmi_wake_fence(); /* W2 */
	for (uint32_t i = 0; i < w->lanes_unchecked_count; i++) {
		struct hmi_lane *lane = w->lanes_unchecked[i];

		lane->unchecked = false;
		hmi_wake(w->wakes[lane - w->lanes_out]);
	}
	w->lanes_unchecked_count = 0;
	w->turns_unchecked = 0;
}

static __attribute__((noinline)) void
backlog_tell(struct hmi_worker *w, const struct hmi_lane *lane)
{
	if (w->ops->backlog != NULL)
		w->ops->backlog(w, (uint32_t)(lane - w->lanes_out));
}

uint32_t
hmi_worker_flush_lanes(struct hmi_worker *w)
{
	uint32_t dirty = w->lanes_dirty_count, still = 0, work = 0;

	for (uint32_t i = 0; i < dirty; i++) {
		struct hmi_lane *lane = w->lanes_dirty[i];
		uint32_t before = lane->overflow.count, waiting = hmi_lane_flush(lane);

		/* What waits for room is no work, but room that was made is. */
		work += waiting == 0 || waiting < before;
		lane->dirty = waiting > 0;
		if (lane->dirty)
			w->lanes_dirty[still++] = lane;
		receiver_wake(w, lane);
		/* What waited may have left since, when the lane's buffer was full: nobody has been told of that. */
		if (unlikely(before > 0 || lane->crowded || lane->dirty))
			backlog_tell(w, lane);
		lane->crowded = lane->dirty;
	}
	w->lanes_dirty_count = still;
	return work;
}

void
hmi_worker_start(struct hmi_worker *w, struct hmi_runnable *r)
{
	struct hmi_runq *q = &w->unstarted;

	/* Too many, or no memory for a longer queue: it waits like all others. */
	if (hmi_runq_count(q) >= HMI_UNSTARTED_MAX ||
	    (hmi_runq_is_full(q) && hmi_runq_reserve(q, 2 * (q->mask + 1)) != 0))
		q = &w->runq;
	hmi_runq_push(q, r);
}

void
hmi_worker_run_first(struct hmi_worker *w, struct hmi_runnable *r)
{
	hmi_runq_push(hmi_runq_count(&w->urgent) < HMI_URGENT_TURN ? &w->urgent : &w->runq, r);
}

static uint32_t
flush(struct hmi_worker *w)
{
	if (w->poller.flush == NULL)
		return 0;
	hmi_deadline_begin(&w->polling, FLUSH_US);
	return w->poller.flush(w->poller.arg, w);
}

/* What comes behind the run stage. */
static inline uint32_t
turn_end(struct hmi_worker *w)
{
	uint32_t work = flush(w);

	work += hmi_worker_flush_lanes(w);
	/* Most of what is asked and answered within a turn needs no look at the clock. */
	if (hmi_wheel_has_unstarted(&w->wheel))
		hmi_wheel_start(&w->wheel, hmi_worker_clock(w));
	hmi_count(&w->turns, 1);
	rcu_quiescent_state();
	/* What the flush made runnable waits for the next turn, which must not wait for a sleep. */
	return work + hmi_worker_waiting(w);
}

uint32_t
hmi_worker_turn(struct hmi_worker *w)
{
	uint32_t work;

	hmi_worker_stage_begin(w, DELIVER_US);
	work = lanes_drain(w);
	work += inject_drain(w);
	clock_look(w);
	/* Late, since what comes from another node has had the longest way; but an answer beats its deadline. */
	work += poll(w);
	work += timers_run(w);
	work += w->ops->run_stage(w);
	return work + turn_end(w);
}

/* Nanoseconds until the next timer, by the time of the last look at the clock; UINT64_MAX: there is none. */
static uint64_t
timer_ns(const struct hmi_worker *w)
{
	uint64_t at_ns = w->wheel.count > 0 ? hmi_wheel_next_ns(&w->wheel) : UINT64_MAX;

	if (at_ns == UINT64_MAX)
		return UINT64_MAX;
	return at_ns > w->now_ns ? at_ns - w->now_ns : 0;
}

static uint32_t
requests(struct hmi_worker *w)
{
	return atomic_load_explicit(&w->requests, memory_order_acquire); /* W1 */
}

/* Do what other threads ask for. Returns whether the loop goes on. */
static bool
requests_handle(struct hmi_worker *w, uint32_t wanted)
{
	if (wanted & HMI_WORKER_STOP)
		return false;
	/* Whoever asks from here on is heard after the next turn. */
	atomic_fetch_and_explicit(&w->requests, ~HMI_WORKER_ASKED, memory_order_acquire); /* W1 */
	w->ops->asked(w);
	return true;
}

static bool
goes_on(struct hmi_worker *w)
{
	uint32_t wanted = requests(w);

	return likely(wanted == 0) || requests_handle(w, wanted);
}

/* So far the worker was idle. */
static inline void
idle_look(struct hmi_worker *w)
{
	hmi_busy_end(&w->busy, hmi_clock_ticks(w->clock));
}

/* The last look for work comes after the announcement, so that work which it does not find wakes. */
static void
sleep_until_work(struct hmi_worker *w)
{
	bool wakeable = hmi_wake_prepare(&w->wake);
	uint64_t ns;

	if (hmi_worker_turn(w) > 0 || requests(w) != 0) {
		hmi_wake_cancel(&w->wake);
		hmi_idle_reset(&w->idle);
		hmi_busy_begin(&w->busy);
		return;
	}
	if (w->lanes_unchecked_count > 0)
		wakes_check(w);
	(void)hmi_worker_clock(w);
	ns = timer_ns(w);
	/* A port wakes nobody; nor does a receiver that makes room in a lane that was full. */
	if (w->poller.poll != NULL || !wakeable || w->lanes_dirty_count > 0)
		ns = hmi_idle_poll_ns(&w->idle, ns);
	hmi_wake_sleep(&w->wake, ns);
	idle_look(w);
}

/* Until a lane has something, or other sources of work are to be looked at again. */
static void
lanes_watch(struct hmi_worker *w)
{
	uint32_t lane = 0;

	if (w->lanes_in_count == 0 || w->poller.poll != NULL)
		return;
	for (uint32_t look = 0; look < IDLE_LOOKS && !hmi_lane_is_ready(&w->lanes_in[lane]); look++)
		lane = lane + 1 < w->lanes_in_count ? lane + 1 : 0;
}

static void
idle(struct hmi_worker *w)
{
	switch (hmi_idle_next(&w->idle, timer_ns(w))) {
	case HMI_IDLE_TURN:
		lanes_watch(w);
		break;
	case HMI_IDLE_PAUSE:
		rte_pause();
		break;
	case HMI_IDLE_YIELD:
		hmi_idle_yield();
		idle_look(w);
		break;
	case HMI_IDLE_SLEEP:
		sleep_until_work(w);
		break;
	}
}

/*
 * A runnable was left: so was the run stage. The turn goes on behind it, since there may be one that fails in each
 * turn. Returns units of work done.
 */
static uint32_t
failed(struct hmi_worker *w)
{
	/* It may have been the last turn before a sleep. */
	hmi_wake_cancel(&w->wake);
	hmi_recovery_done(&w->recovery);
	w->ops->failed(w);
	return 1 + turn_end(w);
}

uint32_t
hmi_worker_turn_alone(struct hmi_worker *w)
{
	uint64_t ticks = hmi_clock_ticks(w->clock);
	uint32_t work;

	hmi_recovery_enter(&w->recovery);
	if (w->ops->recovery == NULL || hmi_recovery_point(&w->recovery) == 0)
		work = hmi_worker_turn(w);
	else
		work = failed(w);
	hmi_recovery_leave(&w->recovery);
	if (work > 0)
		hmi_busy_add(&w->busy, hmi_clock_ticks(w->clock) - ticks);
	return work;
}

/* Between two turns, of which the last one has done so much work. */
static inline void
turn_follow(struct hmi_worker *w, uint32_t work)
{
	if (w->lanes_unchecked_count > 0 && (work == 0 || ++w->turns_unchecked >= UNCHECKED_TURNS))
		wakes_check(w);
	if (work > 0) {
		hmi_idle_reset(&w->idle);
		if (unlikely(!w->busy.is_busy))
			hmi_busy_begin(&w->busy);
	} else {
		idle_look(w);
		idle(w);
	}
}

void
hmi_worker_loop(struct hmi_worker *w)
{
	/* Short sleeps end when they should, not 50 us later. */
	prctl(PR_SET_TIMERSLACK, 1ul);
	hmi_rcu_enter();
	/* The first turn, too, has a valid time. */
	(void)hmi_worker_clock(w);
	idle_look(w);
	hmi_recovery_enter(&w->recovery);
	if (w->ops->recovery != NULL && hmi_recovery_point(&w->recovery) != 0)
		turn_follow(w, failed(w));
	while (goes_on(w))
		turn_follow(w, hmi_worker_turn(w));
	hmi_recovery_leave(&w->recovery);
	idle_look(w);
	wakes_check(w);
	hmi_rcu_leave();
}
