/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The loop of an lcore, turn by turn; its lanes are test_worker_lanes.c.
 */
#include <errno.h>

#include <criterion/criterion.h>

#include <urcu-qsbr.h>

#include "counter_pvt.h"
#include "hmt_workers.h"

#define US 1000u

TestSuite(worker, .init = hmt_workers_start, .fini = hmt_workers_end);

/* ---- Stages ---- */

static uint32_t
poll(void *arg, struct hmi_worker *worker)
{
	(void)arg;
	hmt_note(hmt_node_of(worker), 'p');
	return 0;
}

static uint32_t
flush(void *arg, struct hmi_worker *worker)
{
	(void)arg;
	hmt_note(hmt_node_of(worker), 'f');
	return 0;
}

Test(worker, turn__without_work)
{
	cr_assert_eq(hmt_turn(0), 0);
	cr_assert_str_eq(hmt_nodes[0].letters, "");
	cr_assert_eq(hmt_nodes[0].worker.turns, 1);
}

Test(worker, turn__stages_in_order)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	w->poller = (struct hmi_poller){ .poll = poll, .flush = flush };
	hmt_push_range(1, 0, 0, 1);
	hmt_turn(1);
	cr_assert(hmi_inject_push(&w->inject, hmt_messages[1]));
	hmt_nodes[0].timer.fire = hmt_worker_fire;
	hmi_wheel_add(&w->wheel, &hmt_nodes[0].timer, 10 * US);
	hmt_now_ns = 20 * US;
	hmi_runq_push(&w->runq, &hmt_nodes[0].runnables[0]);
	cr_assert_eq(hmt_turn(0), 4);
	cr_assert_str_eq(hmt_nodes[0].letters, "ddptrf");
	hmt_must_have_received(0, 0, 2);
}

static void
run_push(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	hmi_worker_push(&node->worker, 1, hmt_messages[0]);
}

Test(worker, turn__pushed_while_running_leaves_in_the_same_turn)
{
	hmt_nodes[0].on_run = run_push;
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[0]);
	hmt_turn(0);
	cr_assert_eq(hmt_turn(1), 1);
	hmt_must_have_received(1, 0, 1);
}

static uint32_t
flush_push(void *arg, struct hmi_worker *worker)
{
	uint32_t *left = arg;

	if (*left == 0)
		return 0;
	hmi_worker_push(worker, 1, hmt_messages[--*left]);
	return 0;
}

/* The network gave up on a message: the lcore whose actor it was learns that now. */
Test(worker, turn__pushed_by_the_network_leaves_in_the_same_turn)
{
	uint32_t left = 1;

	hmt_nodes[0].worker.poller = (struct hmi_poller){ .flush = flush_push, .arg = &left };
	hmt_turn(0);
	hmt_turn(1);
	hmt_must_have_received(1, 0, 1);
}

static uint32_t
flush_schedule(void *arg, struct hmi_worker *worker)
{
	hmi_runq_push(&worker->runq, arg);
	return 0;
}

/* Else the lcore might sleep on it. */
Test(worker, turn__what_waits_to_run_is_work)
{
	hmt_nodes[0].worker.poller =
		(struct hmi_poller){ .flush = flush_schedule, .arg = &hmt_nodes[0].runnables[0] };
	cr_assert_gt(hmt_turn(0), 0);
}

static void
run_again(struct hmt_node *node, struct hmi_runnable *runnable)
{
	hmi_runq_push(&node->worker.runq, runnable);
}

Test(worker, turn__runnable_that_always_has_work_does_not_hold_it_up)
{
	hmt_nodes[0].on_run = run_again;
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[0]);
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[1]);
	cr_assert_gt(hmt_turn(0), 1);
	cr_assert_eq(hmi_runq_count(&hmt_nodes[0].worker.runq), 2);
	cr_assert_lt(hmt_nodes[0].runs, 1000);
}

static void
run_note(struct hmt_node *node, struct hmi_runnable *runnable)
{
	hmt_note(node, (char)('0' + (runnable - node->runnables)));
}

Test(worker, turn__runs_in_order_of_becoming_runnable)
{
	hmt_nodes[0].on_run = run_note;
	for (unsigned int i = 0; i < 8; i++)
		hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[7 - i]);
	cr_assert_eq(hmt_turn(0), 8);
	cr_assert_str_eq(hmt_nodes[0].letters, "r7r6r5r4r3r2r1r0");
}

Test(worker, start__oldest_first_and_behind_what_is_runnable)
{
	struct hmt_node *node = &hmt_nodes[0];

	node->on_run = run_note;
	hmi_worker_start(&node->worker, &node->runnables[1]);
	hmi_worker_start(&node->worker, &node->runnables[2]);
	hmi_worker_start(&node->worker, &node->runnables[3]);
	hmi_runq_push(&node->worker.runq, &node->runnables[4]);
	hmi_runq_push(&node->worker.runq, &node->runnables[5]);
	cr_assert_eq(hmt_turn(0), 5);
	/* One of those that have never run is behind the others in each turn, however many these are. */
	cr_assert_str_eq(node->letters, "r4r5r1r2r3");
}

Test(worker, run_first__before_all_that_wait_and_in_order)
{
	struct hmt_node *node = &hmt_nodes[0];

	node->on_run = run_note;
	hmi_runq_push(&node->worker.runq, &node->runnables[0]);
	hmi_runq_push(&node->worker.runq, &node->runnables[1]);
	hmi_worker_run_first(&node->worker, &node->runnables[2]);
	hmi_worker_run_first(&node->worker, &node->runnables[3]);
	cr_assert_eq(hmi_worker_waiting(&node->worker), 4);
	cr_assert_eq(hmt_turn(0), 4);
	cr_assert_str_eq(node->letters, "r2r3r0r1");
}

static void
run_first_again(struct hmt_node *node, struct hmi_runnable *runnable)
{
	if (runnable == &node->runnables[7])
		return;
	hmi_worker_run_first(&node->worker, runnable);
}

/* More that are urgent than a turn takes: the others have their turn all the same, and none is late. */
Test(worker, run_first__beyond_the_limit_they_wait_behind_the_others)
{
	static struct hmi_runnable urgent[HMI_URGENT_TURN + 3];
	struct hmt_node *node = &hmt_nodes[0];

	hmi_runq_push(&node->worker.runq, &node->runnables[7]);
	for (uint32_t i = 0; i < RTE_DIM(urgent); i++)
		hmi_worker_run_first(&node->worker, &urgent[i]);
	cr_assert_eq(hmi_runq_count(&node->worker.urgent), HMI_URGENT_TURN);
	cr_assert_eq(hmi_runq_peek(&node->worker.runq, 0), &node->runnables[7]);
	cr_assert_eq(hmi_runq_peek(&node->worker.runq, 1), &urgent[HMI_URGENT_TURN]);
	cr_assert_eq(hmt_turn(0), RTE_DIM(urgent) + 1);
	node->on_run = run_first_again;
	for (uint32_t i = 0; i < HMI_URGENT_TURN; i++)
		hmi_worker_run_first(&node->worker, &urgent[i]);
	hmi_runq_push(&node->worker.runq, &node->runnables[7]);
	node->runs = 0;
	hmt_turn(0);
	cr_assert_gt(node->runs, HMI_URGENT_TURN);
}

Test(worker, start__waiting_is_work)
{
	hmi_worker_start(&hmt_nodes[0].worker, &hmt_nodes[0].runnables[0]);
	cr_assert_eq(hmi_worker_waiting(&hmt_nodes[0].worker), 1);
	cr_assert_gt(hmt_turn(0), 0);
	cr_assert_eq(hmi_worker_waiting(&hmt_nodes[0].worker), 0);
}

/* ---- Very many that have never run ---- */

#define CROWD 4000u

static struct hmi_runnable crowd[CROWD];
static uint32_t crowd_order[CROWD], crowd_runs;

static void
crowd_run(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)node;
	crowd_order[runnable - crowd] = ++crowd_runs;
}

static void
crowd_start(uint32_t from, uint32_t to)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	cr_assert_eq(hmi_runq_reserve(&w->runq, CROWD), 0);
	for (uint32_t i = from; i < to; i++)
		hmi_worker_start(w, &crowd[i]);
}

Test(worker, start__of_very_many_the_youngest_is_first_and_each_runs_once)
{
	hmt_nodes[0].on_run = crowd_run;
	crowd_start(0, CROWD);
	while (hmi_worker_waiting(&hmt_nodes[0].worker) > 0)
		hmt_turn(0);
	cr_assert_eq(crowd_runs, CROWD);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_neq(crowd_order[i], 0);
	cr_assert_lt(crowd_order[CROWD - 1], crowd_order[CROWD / 2]);
	cr_assert_lt(crowd_order[CROWD / 2], crowd_order[1000]);
}

/* Each that runs starts another one: the youngest is always new. */
static void
crowd_grow(struct hmt_node *node, struct hmi_runnable *runnable)
{
	static struct hmi_runnable descendants[8];
	static uint32_t next;

	if (runnable >= crowd && runnable < crowd + CROWD)
		crowd_run(node, runnable);
	else
		hmi_worker_start(&node->worker, &descendants[next++ % 8]);
}

static void
run_again_or_crowd(struct hmt_node *node, struct hmi_runnable *runnable)
{
	if (runnable >= crowd && runnable < crowd + CROWD)
		crowd_run(node, runnable);
	else
		run_again(node, runnable);
}

Test(worker, start__oldest_runs_in_each_turn_though_younger_ones_never_end)
{
	hmt_nodes[0].on_run = crowd_grow;
	crowd_start(0, 300);
	hmi_worker_start(&hmt_nodes[0].worker, &hmt_nodes[0].runnables[0]);
	for (uint32_t i = 0; i < 300; i++)
		hmt_turn(0);
	cr_assert_eq(crowd_runs, 300);
}

/* Else one that makes others without end would make them faster than they run. */
Test(worker, start__beyond_the_limit_they_wait_like_all_others)
{
	static struct hmi_runnable more[HMI_UNSTARTED_MAX + 10];
	struct hmi_worker *w = &hmt_nodes[0].worker;

	cr_assert_eq(hmi_runq_reserve(&w->runq, RTE_DIM(more)), 0);
	for (uint32_t i = 0; i < RTE_DIM(more); i++)
		hmi_worker_start(w, &more[i]);
	cr_assert_eq(hmi_runq_count(&w->unstarted), HMI_UNSTARTED_MAX);
	cr_assert_eq(hmi_runq_count(&w->runq), 10);
	cr_assert_eq(hmi_runq_peek(&w->runq, 0), &more[HMI_UNSTARTED_MAX]);
}

/* A runnable that is always busy, and a crowd. */
Test(worker, start__dozens_run_in_each_turn_beside_one_that_never_pauses)
{
	struct hmt_node *node = &hmt_nodes[0];

	node->on_run = run_again_or_crowd;
	crowd_start(0, 10 * HMI_UNSTARTED_TURN);
	hmi_runq_push(&node->worker.runq, &node->runnables[0]);
	for (uint32_t turn = 0; turn < 12; turn++)
		hmt_turn(0);
	cr_assert_eq(crowd_runs, 10 * HMI_UNSTARTED_TURN);
}

/* One that makes another one in each run, and never pauses: it makes no more than run. */
static struct hmi_runnable brood[4 * HMI_UNSTARTED_MAX];
static uint32_t brood_made, brood_runs;

static void
run_again_and_make(struct hmt_node *node, struct hmi_runnable *runnable)
{
	if (runnable != &node->runnables[0]) {
		brood_runs++;
		return;
	}
	hmi_worker_start(&node->worker, &brood[brood_made++ % RTE_DIM(brood)]);
	run_again(node, runnable);
}

Test(worker, start__one_that_makes_others_without_end_waits_for_them)
{
	struct hmt_node *node = &hmt_nodes[0];

	cr_assert_eq(hmi_runq_reserve(&node->worker.runq, RTE_DIM(brood)), 0);
	node->on_run = run_again_and_make;
	hmi_runq_push(&node->worker.runq, &node->runnables[0]);
	for (uint32_t turn = 0; turn < 5000; turn++)
		hmt_turn(0);
	cr_assert_gt(brood_made, 2 * HMI_UNSTARTED_MAX);
	cr_assert_leq(brood_made - brood_runs, HMI_UNSTARTED_MAX + HMI_RUNS_MAX);
}

Test(worker, start__runs_though_the_run_queue_never_is_empty)
{
	hmt_nodes[0].on_run = run_again;
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[0]);
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[1]);
	hmi_worker_start(&hmt_nodes[0].worker, &hmt_nodes[0].runnables[2]);
	hmt_turn(0);
	cr_assert_eq(hmi_runq_count(&hmt_nodes[0].worker.runq), 3);
}

Test(worker, turn__does_what_runnables_deferred)
{
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[0]);
	hmt_turn(0);
	cr_assert_eq(hmt_nodes[0].runs, 1);
	cr_assert_not(hmt_nodes[0].has_deferred);
	hmt_nodes[0].on_run = run_again;
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[0]);
	hmt_turn(0);
	cr_assert_not(hmt_nodes[0].has_deferred, "also when the run queue is never empty");
}

/* ---- Timers ---- */

Test(worker, timer__fires_at_its_time_and_not_before)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmt_nodes[0].timer.fire = hmt_worker_fire;
	hmi_wheel_add(&w->wheel, &hmt_nodes[0].timer, 1024 * US);
	hmt_now_ns = 1024 * US - 1;
	cr_assert_eq(hmt_turn(0), 0);
	hmt_now_ns = 1024 * US;
	cr_assert_eq(hmt_turn(0), 1);
	cr_assert_eq(hmt_nodes[0].fired, 1);
	cr_assert_eq(hmt_turn(0), 0);
}

/* While there is no timer the clock is read rarely, but it is read. */
/* In turns, how old the time of the last look at the clock becomes. */
static uint32_t
clock_age(void)
{
	uint32_t age = 0, oldest = 0;

	for (uint32_t i = 0; i < 200; i++) {
		uint32_t reads = hmt_clock_reads;

		hmt_turn(0);
		age = hmt_clock_reads == reads ? age + 1 : 0;
		oldest = RTE_MAX(oldest, age);
	}
	return oldest;
}

Test(worker, clock__is_read_without_timers_too)
{
	hmt_now_ns = 12345;
	hmt_clock_reads = 0;
	cr_assert_eq(clock_age(), 31);
	cr_assert_eq(hmt_nodes[0].worker.now_ns, 12345);
	/* Whoever polls a network measures round trips. */
	hmt_nodes[0].worker.poller = (struct hmi_poller){ .poll = poll, .flush = flush };
	cr_assert_eq(clock_age(), 3);
}

/* ---- Start and end ---- */

Test(worker, drain__finds_what_is_under_way)
{
	uint32_t found = 0;
	bool seen[HMT_MESSAGES] = { false };
	struct hm_msg *msg;

	hmt_push_range(0, 1, 0, 300);
	hmt_turn(0);
	hmt_push_range(0, 1, 300, 320);
	hmt_push_range(0, 2, 320, 325);
	cr_assert(hmi_inject_push(&hmt_nodes[0].worker.inject, hmt_messages[325]));
	while ((msg = hmi_worker_drain(&hmt_nodes[0].worker)) != NULL) {
		cr_assert_not(seen[msg->to]);
		seen[msg->to] = true;
		found++;
	}
	cr_assert_eq(found, 326);
	cr_assert_null(hmi_worker_drain(&hmt_nodes[1].worker));
}

Test(worker, loop__ends_when_it_was_stopped_before)
{
	hmi_worker_stop(&hmt_nodes[0].worker);
	hmi_worker_loop(&hmt_nodes[0].worker);
	cr_assert_eq(hmt_nodes[0].worker.turns, 0);
}

static void
run_stop(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	hmi_worker_stop(&node->worker);
}

Test(worker, loop__ends_after_the_turn_that_stopped_it)
{
	hmt_nodes[0].on_run = run_stop;
	hmi_runq_push(&hmt_nodes[0].worker.runq, &hmt_nodes[0].runnables[0]);
	hmi_worker_loop(&hmt_nodes[0].worker);
	cr_assert_eq(hmt_nodes[0].worker.turns, 1);
	cr_assert_eq(hmt_nodes[0].runs, 1);
}

static int
loop_main(void *worker)
{
	hmi_worker_loop(worker);
	return 7;
}

static void
loop_stops(enum hm_idle policy)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmi_idle_init(&w->idle, policy, true);
	hmt_launch(1, loop_main, w);
	if (policy == HM_IDLE_ADAPTIVE) {
		while (!atomic_load(&w->wake.asleep))
			;
	} else {
		while (hmi_counted(&w->turns) < 100)
			;
	}
	cr_assert(hmi_inject_push(&w->inject, hmt_messages[0]));
	hmi_worker_stop(w);
	cr_assert_eq(hmt_wait(1), 7);
	cr_assert_leq(hmt_nodes[0].received_count, 1);
}

Test(worker, loop__stops_while_spinning)
{
	loop_stops(HM_IDLE_SPIN);
}

Test(worker, loop__stops_while_pausing)
{
	loop_stops(HM_IDLE_PAUSE);
}

Test(worker, loop__stops_while_yielding)
{
	loop_stops(HM_IDLE_YIELD);
}

Test(worker, loop__stops_while_sleeping)
{
	loop_stops(HM_IDLE_ADAPTIVE);
}

/* Whoever waits for readers waits no longer than a turn. */
Test(worker, loop__holds_up_no_grace_period)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmi_idle_init(&w->idle, HM_IDLE_SPIN, false);
	hmt_launch(1, loop_main, w);
	hmi_rcu_leave();
	synchronize_rcu();
	hmi_rcu_enter();
	hmi_worker_stop(w);
	hmt_wait(1);
}

Test(worker, create__failure_leaves_nothing_behind)
{
	struct hmi_worker_config config = hmt_worker_config_of(0);
	static struct hmi_worker other;

	config.lane_size = 100;
	cr_assert_eq(hmi_worker_create(&other, &config, &hmt_worker_ops), -EINVAL);
	config.lane_size = HMT_LANE;
	cr_assert_eq(hmi_worker_create(&other, &config, &hmt_worker_ops), 0);
	hmi_worker_destroy(&other);
}

Test(worker, create__alone_has_no_lanes)
{
	struct hmi_worker_config config = hmt_worker_config_of(0);
	static struct hmi_worker alone;
	struct hmi_worker *workers[] = { &alone };

	config.lcores_count = 1;
	cr_assert_eq(hmi_worker_create(&alone, &config, &hmt_worker_ops), 0);
	hmi_worker_connect(workers, 1);
	cr_assert_eq(alone.lanes_in_count, 0);
	cr_assert_eq(hmi_worker_turn(&alone), 0);
	cr_assert_null(hmi_worker_drain(&alone));
	hmi_worker_destroy(&alone);
}
