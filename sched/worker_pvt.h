/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_PVT_H
#define WORKER_PVT_H

/*
 * The worker loop of one lcore.
 *
 *     lanes_drain → inject_drain → clock_look → poll → timers_run → run_stage → flush → flush_lanes
 *          → rcu_quiescent_state                                                        a turn
 *          → idle (no work was done) → requests of other threads                        between turns
 *
 * The clock is looked at in each turn while there are timers, else every few turns. The network flushes before
 * the lanes: what its flush sends to other lcores leaves in the same turn.
 *
 * A turn is bounded in time: each stage that could last ends when its time is used up, and goes on in the next
 * turn. Their times, those of the network's poll and flush among them, add up to 100 us. So often lanes, external
 * threads, the network and timers are looked at, however much waits. What cannot be divided is one step: the call
 * of a receive function; moving 4,096 timers, when time comes to a slot of the wheel with so many; and copying a table
 * that grows.
 *
 * The worker knows messages, runnables and timers; what they mean is its owner's, who gives
 * the functions. A timer's function gets the worker as its argument.
 *
 * An lcore that sleeps is woken by the thread that flushes a lane to it, injects, asks or stops it. A sender needs
 * a full fence between its flush and its look at the receiver (W2), which would cost as much as the
 * flush. So it looks at once without one, which wakes a receiver that has slept for long; and once more
 * behind a fence, for all that it has flushed, when it has nothing else to do, after UNCHECKED_TURNS
 * turns at the latest.
 *
 * Who may call what: everything is for the worker's own thread, but for hmi_worker_stop, hmi_worker_ask and
 * hmi_worker_inject (any thread), and create/destroy (while the worker does not run).
 * Ordering:  W1: hmi_worker_request releases, the loop acquires. W2: see wake_pvt.h.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include "busy_pvt.h"
#include "clock_pvt.h"
#include "deadline_pvt.h"
#include "hm_msg.h"
#include "idle_pvt.h"
#include "inject_pvt.h"
#include "lane_pvt.h"
#include "recover_pvt.h"
#include "runq_pvt.h"
#include "tsc_pvt.h"
#include "wake_pvt.h"
#include "wheel_pvt.h"

struct hmi_worker;

/* What the owner does with what the loop finds. */
struct hmi_worker_ops {
	/* Messages came from another lcore or from an external thread. */
	void (*deliver)(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count);
	/* Run what is in the run queue, and what is deferred: see run_stage_pvt.h. Returns units of work done. */
	uint32_t (*run_stage)(struct hmi_worker *worker);
	/* A runnable was left by hmi_recovery_throw, or by a signal that `recovery` contains. */
	void (*failed)(struct hmi_worker *worker);
	const struct hmi_recovery_ops *recovery; /* NULL: no runnable is ever left */
	/* Between runnables: messages wait for room in the lane to an lcore, or did. NULL: nobody wants to know. */
	void (*backlog)(struct hmi_worker *worker, uint32_t lcore);
	/* Between turns: hmi_worker_ask was called, once or more often. NULL: nobody calls it. */
	void (*asked)(struct hmi_worker *worker);
};

/* A network's part in the turn; both functions return how much work they did, and keep to `polling`. */
struct hmi_poller {
	uint32_t (*poll)(void *arg, struct hmi_worker *worker);
	uint32_t (*flush)(void *arg, struct hmi_worker *worker);
	void *arg;
};

/* Classes of runnables beside the usual one, whose queue is the run queue. */
enum hmi_class {
	HMI_CLASS_HIGH, /* run before usual ones that wait */
	HMI_CLASS_LOW,  /* run when no others wait */
	HMI_CLASSES,
};

/* Of runs, while others wait: at least one of so many is a usual one's, ... */
#define HMI_USUAL_SHARE 8u
/* ... and one of so many a low one's. */
#define HMI_LOW_SHARE 32u

struct hmi_classes {
	struct hmi_runq queues[HMI_CLASSES];
	uint32_t high_runs;  /* since a usual one ran, while one waited */
	uint32_t other_runs; /* since a low one ran, while one waited */
};

struct hmi_worker {
	const struct hmi_worker_ops *ops;
	struct hmi_poller poller; /* functions NULL: none */
	struct hmi_lane_rx *lanes_in;
	uint32_t lanes_in_count;
	uint32_t lanes_in_next; /* the lane that is looked at first */
	uint32_t index;         /* among the system's lcores */
	uint32_t lcores_count;  /* of the system */
	uint32_t turns_since_clock;
	struct hmi_inject inject;
	uint64_t now_ns; /* when the clock was last read */
	const struct hmi_clock *clock;
	struct hmi_tsc tsc;
	struct hmi_deadline deadline; /* of the stage of the turn that is under way */
	struct hmi_deadline polling;  /* of the poller's functions: its steps are other ones, and short */
	struct hmi_runq runq;
	struct hmi_runq urgent;        /* runnables that run before the others; see hmi_worker_run_first */
	bool starts_kept_back;         /* in the last turn the run queue never was empty */
	uint32_t classes_waiting;      /* in the queues of `classes` */
	struct hmi_runq unstarted;     /* runnables that have never run; see hmi_worker_start */
	struct hmi_lane **lanes_dirty; /* those with something to flush */
	uint32_t lanes_dirty_count;
	struct hmi_lane *lanes_out;        /* by the receiver's index; the own one is unused */
	struct hmi_wake **wakes;           /* of the receivers, by index; NULL: it never sleeps */
	struct hmi_lane **lanes_unchecked; /* flushed since receivers were last looked at behind a fence */
	uint32_t lanes_unchecked_count;
	uint32_t turns_unchecked; /* since the first of them */
	struct hmi_idle idle;
	struct hmi_busy busy;
	uint64_t turns;
	struct hmi_wheel wheel;
	struct hmi_recovery recovery;
	struct hmi_classes classes;
	struct hmi_wake wake; /* read by all who send to this lcore */
	/* written by other threads */
	_Alignas(64) _Atomic uint32_t requests; /* HMI_WORKER_* */
};

/* Bits of hmi_worker.requests. */
#define HMI_WORKER_ASKED 1u
#define HMI_WORKER_STOP  2u

struct hmi_worker_config {
	uint32_t index, lcores_count;
	uint32_t lane_size, inject_size; /* powers of two */
	uint32_t quantum;                /* steps between two looks at the clock, at most */
	uint32_t quantum_us;             /* and microseconds, but for one step; 0: HMI_DEADLINE_LOOK_US */
	enum hm_idle idle;
	bool crowded; /* more lcores than cores */
	int socket;
	const struct hmi_clock *clock;
};

/* Returns 0, or a negative errno; then nothing is left behind. */
int hmi_worker_create(struct hmi_worker *worker, const struct hmi_worker_config *config,
		      const struct hmi_worker_ops *ops);

/* Join the lanes of all workers: to be called once, when all are created. */
void hmi_worker_connect(struct hmi_worker **workers, uint32_t count);

/* A message that is still in a lane or in the inject ring of a stopped worker; NULL: none. */
struct hm_msg *hmi_worker_drain(struct hmi_worker *worker);

void hmi_worker_destroy(struct hmi_worker *worker);

/* One turn of the loop. Returns units of work done. The thread is an online RCU reader, within its recovery point. */
uint32_t hmi_worker_turn(struct hmi_worker *worker);

/*
 * As hmi_worker_turn, on a thread that is in no hmi_worker_loop of it: a runnable that fails is left here. Returns
 * units of work done.
 */
uint32_t hmi_worker_turn_alone(struct hmi_worker *worker);

/* Turn until stopped; registers the thread with RCU. */
void hmi_worker_loop(struct hmi_worker *worker);

static inline void
hmi_worker_request(struct hmi_worker *worker, uint32_t request)
{
	atomic_fetch_or_explicit(&worker->requests, request, memory_order_release); /* W1 */
	hmi_wake_fence();                                                           /* W2 */
	hmi_wake(&worker->wake);
}

/* Ask the loop to end after its turn. Any thread. */
static inline void
hmi_worker_stop(struct hmi_worker *worker)
{
	hmi_worker_request(worker, HMI_WORKER_STOP);
}

/* Have the loop call ops->asked after its turn. Any thread; unlike hmi_worker_inject it needs no room. */
static inline void
hmi_worker_ask(struct hmi_worker *worker)
{
	hmi_worker_request(worker, HMI_WORKER_ASKED);
}

/* Send a message from a thread that is no lcore. Any thread. Returns whether there was room. */
static inline bool
hmi_worker_inject(struct hmi_worker *worker, struct hm_msg *msg)
{
	if (!hmi_inject_push(&worker->inject, msg))
		return false;
	hmi_wake_fence(); /* W2 */
	hmi_wake(&worker->wake);
	return true;
}

/* Hand what was pushed to the receivers. Returns for how many lanes there was anything to do. */
uint32_t hmi_worker_flush_lanes(struct hmi_worker *worker);

/* Compare with CLOCK_MONOTONIC, and read the clock. */
uint64_t hmi_worker_clock_correct(struct hmi_worker *worker);

/* Read the clock: nanoseconds of CLOCK_MONOTONIC, or of the clock that was given. Never goes back. */
static inline uint64_t
hmi_worker_clock(struct hmi_worker *worker)
{
	uint64_t ticks;

	if (unlikely(worker->clock->read != NULL))
		return worker->now_ns = worker->clock->read(worker->clock->arg);
	ticks = rte_rdtsc();
	if (unlikely(ticks >= worker->tsc.correct_ticks))
		return hmi_worker_clock_correct(worker);
	return worker->now_ns = hmi_tsc_ns(&worker->tsc, ticks);
}

/*
 * The time as read in this turn, or now if it was not: for what comes too often to read the clock for each. A stage that
 * takes its time ends the turn, so it is not far from the truth.
 */
static inline uint64_t
hmi_worker_turn_ns(struct hmi_worker *worker)
{
	if (worker->turns_since_clock == 0)
		return worker->now_ns;
	worker->turns_since_clock = 0;
	return hmi_worker_clock(worker);
}

/*
 * Some steps of work are done, each one call of a receive function, one notification, one message
 * freed. Returns whether the stage's time is used up: what is left has to wait for another turn.
 * Cheap: the clock is read every few steps only.
 */
static inline bool
hmi_worker_steps(struct hmi_worker *worker, uint32_t count)
{
	return hmi_deadline_step(&worker->deadline, worker->clock, count);
}

/* A stage of the turn begins that may take `limit_us` microseconds. */
static inline void
hmi_worker_stage_begin(struct hmi_worker *worker, uint32_t limit_us)
{
	hmi_deadline_begin(&worker->deadline, limit_us);
}

/* The stage has something to do. */
static inline void
hmi_worker_stage_start(struct hmi_worker *worker)
{
	hmi_deadline_start(&worker->deadline, worker->clock);
}

/* Steps until the clock is to be read, at least 1: so many of them may be counted together. */
static inline uint32_t
hmi_worker_steps_max(const struct hmi_worker *worker)
{
	return worker->deadline.steps_left;
}

/* Whether the stage's time is used up, after work that was not counted as steps: reads the clock. */
static inline bool
hmi_worker_expired(struct hmi_worker *worker)
{
	return hmi_deadline_look(&worker->deadline, worker->clock, 0);
}

/*
 * A new runnable runs for the first time when nothing else does, oldest first; but when many wait, the
 * youngest first, so that a tree of runnables grows in depth and what is done is gone before more is made.
 * Beside others that never pause, the oldest run in each turn, some dozens of them. Beyond HMI_UNSTARTED_MAX
 * of them a new one is put into the run queue at once, so that the one that makes them has to wait for
 * them. The run queue has room for it.
 */
void hmi_worker_start(struct hmi_worker *worker, struct hmi_runnable *runnable);

/* New runnables that wait for their first run, at most; a power of two. */
#define HMI_UNSTARTED_MAX 32768u

/* Runnables that run before all others in one turn. */
#define HMI_URGENT_TURN 32u

/*
 * A runnable that is in no queue runs before all that wait, in the next run stage; beyond HMI_URGENT_TURN
 * of them, behind all that wait, so that others have their turn, too. The run queue has room for it.
 */
void hmi_worker_run_first(struct hmi_worker *worker, struct hmi_runnable *runnable);

/* Room for `count` runnables in all in the queue of a class, and in the run queue. Returns 0 or -ENOMEM. */
static inline int
hmi_worker_class_reserve(struct hmi_worker *worker, enum hmi_class class, uint32_t count)
{
	int rc = hmi_runq_reserve(&worker->runq, count);

	return rc == 0 ? hmi_runq_reserve(&worker->classes.queues[class], count) : rc;
}

/* A runnable of a class that is in no queue waits behind those of its class. There is room for it. */
static inline void
hmi_worker_class_push(struct hmi_worker *worker, enum hmi_class class, struct hmi_runnable *runnable)
{
	hmi_runq_push(&worker->classes.queues[class], runnable);
	worker->classes_waiting++;
}

/* How many runnables wait. */
static inline uint32_t
hmi_worker_waiting(const struct hmi_worker *worker)
{
	return hmi_runq_count(&worker->runq) + hmi_runq_count(&worker->urgent) +
	       hmi_runq_count(&worker->unstarted) + worker->classes_waiting;
}

/* Send a message to another lcore; it leaves at the end of the turn at the latest. */
static inline void
hmi_worker_push(struct hmi_worker *worker, uint32_t lcore, struct hm_msg *msg)
{
	struct hmi_lane *lane = &worker->lanes_out[lcore];

	hmi_lane_push(lane, msg);
	if (!lane->dirty) {
		lane->dirty = true;
		worker->lanes_dirty[worker->lanes_dirty_count++] = lane;
	}
}

#endif /* WORKER_PVT_H */
