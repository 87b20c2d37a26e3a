/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A turn is bounded in time: whatever waits, lanes, external threads, the network and timers are
 * looked at every 100 us, in a clock of the test.
 */
#include <time.h>

#include <criterion/criterion.h>

#include "hmt_workers.h"

#define US      1000u
#define LOOK_US 100u

TestSuite(worker_time, .init = hmt_workers_start, .fini = hmt_workers_end);

static uint64_t step_ns; /* what each step takes */

static void
run_slowly(struct hmt_node *node, struct hmi_runnable *runnable)
{
	hmt_now_ns += step_ns;
	hmi_runq_push(&node->worker.runq, runnable);
}

static void
always_busy(uint64_t ns)
{
	step_ns = ns;
	hmt_nodes[0].on_run = run_slowly;
	for (unsigned int i = 0; i < 8; i++)
		hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[i]);
	/* It takes a turn to learn that they are slow. */
	hmt_turn(0);
	memset(hmt_nodes[0].letters, 0, sizeof(hmt_nodes[0].letters));
}

static void
turn_takes_at_most(uint64_t ns)
{
	uint64_t begin_ns = hmt_now_ns;

	hmt_turn(0);
	cr_assert_leq(hmt_now_ns - begin_ns, ns, "%lu ns", hmt_now_ns - begin_ns);
	cr_assert_gt(hmt_nodes[0].runs, 0);
}

Test(worker_time, run__steps_of_a_microsecond)
{
	always_busy(1 * US);
	for (unsigned int i = 0; i < 100; i++)
		turn_takes_at_most(LOOK_US * US);
}

Test(worker_time, run__steps_of_thirty_microseconds)
{
	always_busy(30 * US);
	for (unsigned int i = 0; i < 100; i++)
		turn_takes_at_most(LOOK_US * US);
}

/* One step is what cannot be divided. */
Test(worker_time, run__steps_longer_than_a_turn)
{
	always_busy(3000 * US);
	for (unsigned int i = 0; i < 10; i++)
		turn_takes_at_most(3000 * US);
}

Test(worker_time, turn__others_come_between_slow_runnables)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	always_busy(25 * US);
	hmt_push_range(1, 0, 0, 1);
	hmt_turn(1);
	cr_assert(hmi_inject_push(&w->inject, hmt_messages[1]));
	hmt_nodes[0].timer.fire = hmt_worker_fire;
	hmi_wheel_add(&w->wheel, &hmt_nodes[0].timer, hmt_now_ns + 40 * US);
	hmt_turn(0);
	hmt_turn(0);
	cr_assert_str_eq(hmt_nodes[0].letters, "ddrrtrr");
}

/* A network with more to do than there is time for. */
static uint64_t polled;

static uint32_t
poll_on(void *arg, struct hmi_worker *w)
{
	(void)arg;
	do {
		hmt_now_ns += 50;
		polled++;
	} while (!hmi_deadline_step(&w->polling, w->clock, 1));
	return 1;
}

Test(worker_time, turn__network_that_always_has_work)
{
	hmt_nodes[0].worker.poller = (struct hmi_poller){ .poll = poll_on, .flush = poll_on };
	always_busy(1 * US);
	for (unsigned int i = 0; i < 100; i++) {
		polled = 0;
		turn_takes_at_most(LOOK_US * US);
		/* It has its time, in each turn: 10 and 5 us. */
		cr_assert_geq(polled, 15 * US / 50);
		cr_assert_leq(polled, (15 * US + 4 * HMI_DEADLINE_STEPS * 50) / 50);
	}
}

/* Steps have turned out to be slow. */
static void
deadline_learn(void)
{
	struct hmi_deadline *d = &hmt_nodes[0].worker.deadline;

	hmi_deadline_begin(d, LOOK_US);
	hmi_deadline_start(d, &hmt_clock);
	for (unsigned int i = 0; i <= HMI_DEADLINE_STEPS; i++) {
		hmt_now_ns += step_ns;
		(void)hmi_deadline_step(d, &hmt_clock, 1);
	}
}

/* ---- Timers ---- */

static struct hmi_timer many[500];

static void
fire_slowly(void *worker, struct hmi_timer *timer)
{
	(void)timer;
	hmt_now_ns += step_ns;
	hmt_node_of(worker)->fired++;
}

Test(worker_time, timers__many_due_at_once_hold_up_nobody)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	step_ns = 2 * US;
	deadline_learn();
	for (unsigned int i = 0; i < RTE_DIM(many); i++) {
		many[i].fire = fire_slowly;
		hmi_wheel_add(&w->wheel, &many[i], hmt_now_ns + 100 * US);
	}
	hmt_now_ns += 110 * US;
	for (unsigned int i = 0; hmt_nodes[0].fired < RTE_DIM(many); i++) {
		uint64_t begin_ns = hmt_now_ns;

		cr_assert_gt(hmt_turn(0), 0);
		cr_assert_leq(hmt_now_ns - begin_ns, LOOK_US * US);
	}
	cr_assert_eq(w->wheel.count, 0);
}

/* ---- Lanes ---- */

static void
deliver_slowly(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	struct hmt_node *node = hmt_node_of(worker);

	hmt_now_ns += count * step_ns;
	for (uint32_t i = 0; i < count; i++)
		node->received[node->received_count++] = msgs[i];
}

/* Two full lanes, of which time suffices for one: they take turns. */
Test(worker_time, lanes__share_the_time)
{
	struct hmi_worker_ops ops = hmt_worker_ops;
	struct hmt_node *node = &hmt_nodes[0];
	uint32_t from1 = 0;

	ops.deliver = deliver_slowly;
	node->worker.ops = &ops;
	step_ns = 1 * US;
	deadline_learn();
	hmt_push_range(1, 0, 0, 120);
	hmt_push_range(2, 0, 120, 240);
	hmt_turn(1);
	hmt_turn(2);
	/* A turn has time for one burst. */
	for (unsigned int i = 0; i < 4; i++)
		hmt_turn(0);
	cr_assert_lt(node->received_count, 240);
	for (uint32_t i = 0; i < node->received_count; i++)
		from1 += node->received[i]->to < 120;
	cr_assert_geq(from1, 60);
	cr_assert_geq(node->received_count - from1, 60);
}

static void
deliver_quickly(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	hmt_now_ns += 50ull * count;
	(void)msgs;
	hmt_node_of(worker)->received_count += count;
}

/* Where a turn is long, what comes last in a lane must not wait for a turn of each burst before it. */
Test(worker_time, lanes__are_drained_beside_slow_runnables)
{
	struct hmi_worker_ops ops = hmt_worker_ops;
	struct hmt_node *node = &hmt_nodes[0];

	ops.deliver = deliver_quickly;
	node->worker.ops = &ops;
	always_busy(5 * US);
	for (unsigned int i = 0; i < 50; i++) {
		node->received_count = 0;
		hmt_push_range(1, 0, 0, 60);
		hmt_turn(1);
		hmt_push_range(2, 0, 60, 120);
		hmt_turn(2);
		turn_takes_at_most(LOOK_US * US);
		cr_assert_eq(node->received_count, 120, "%u of a lane wait", 120 - node->received_count);
	}
}

/* But for their time alone. */
Test(worker_time, lanes__that_are_never_empty_beside_slow_runnables)
{
	struct hmi_worker_ops ops = hmt_worker_ops;
	struct hmt_node *node = &hmt_nodes[0];

	ops.deliver = deliver_slowly;
	node->worker.ops = &ops;
	always_busy(5 * US);
	hmt_push_range(1, 0, 0, 500);
	hmt_turn(1);
	step_ns = 400;
	turn_takes_at_most(LOOK_US * US);
	/* 15 us are over in the second burst. */
	cr_assert_eq(node->received_count, 64);
}

static void
run_and_push(struct hmt_node *node, struct hmi_runnable *runnable)
{
	hmt_now_ns += step_ns;
	hmi_worker_push(&node->worker, 1, hmt_messages[node->runs % HMT_MESSAGES]);
	hmi_runq_push(&node->worker.runq, runnable);
}

/* A slow runnable that sends is not left after one step a turn, nor does its message wait for the next one. */
Test(worker_time, run__slow_ones_that_send_use_their_time)
{
	always_busy(4 * US);
	hmt_nodes[0].on_run = run_and_push;
	deadline_learn();
	hmt_turn(0);
	hmt_nodes[0].runs = 0;
	hmt_turn(0);
	cr_assert_geq(hmt_nodes[0].runs, 9);
}

/* ---- What is deferred ---- */

static uint32_t deferred;

static uint32_t
deferred_slowly(struct hmi_worker *worker)
{
	(void)worker;
	if (deferred == 0)
		return 0;
	hmt_now_ns += step_ns;
	deferred--;
	return 1;
}

static uint32_t
run_stage_slowly_deferred(struct hmi_worker *worker)
{
	return hmi_run_stage(worker, hmt_worker_run, deferred_slowly);
}

Test(worker_time, deferred__is_done_in_portions_beside_a_busy_run_queue)
{
	struct hmi_worker_ops ops = hmt_worker_ops;

	ops.run_stage = run_stage_slowly_deferred;
	hmt_nodes[0].worker.ops = &ops;
	deferred = 1000;
	always_busy(1 * US);
	for (unsigned int i = 0; i < 1000 && deferred > 0; i++) {
		uint32_t before = deferred;

		turn_takes_at_most(LOOK_US * US);
		cr_assert_lt(deferred, before);
	}
	cr_assert_eq(deferred, 0);
}

/* ---- The clock ---- */

static uint64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A counter that is read as an hour ago, and a tenth too fast: the first look at the clock, once it is due, mends both. */
Test(worker_time, clock__is_corrected_when_it_is_due)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;
	struct hmi_clock machine;
	uint64_t ticks, ns, before, now,
		rate = (uint64_t)(((hmi_uint128)1000000000u << 32) / rte_get_tsc_hz());

	hmi_clock_init(&machine);
	w->clock = &machine;
	w->now_ns = 0;
	hmi_tsc_read_pair(&ticks, &ns);
	hmi_tsc_init(&w->tsc, ticks, ns, rte_get_tsc_hz());
	w->tsc.look_ticks -= rte_get_tsc_hz();
	w->tsc.look_ns -= 1000000000u;
	w->tsc.base_ns -= 3600000000000u;
	w->tsc.ns_per_tick = rate + rate / 10;
	w->tsc.correct_ticks = ticks;
	before = monotonic_ns();
	now = hmi_worker_clock(w);
	cr_assert_geq(now + US, before);
	cr_assert_leq(now, monotonic_ns() + US);
	cr_assert_gt(w->tsc.correct_ticks, ticks);
	cr_assert_lt(w->tsc.ns_per_tick, rate + rate / 50);
	cr_assert_gt(w->tsc.ns_per_tick, rate - rate / 50);
}
