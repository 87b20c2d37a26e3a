/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The loop of an lcore: three workers that one thread turns by hand, with a clock of the test.
 *
 * What the loop finds is written down as letters: p poll, d deliver, t timer, r run, f flush.
 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_memory.h>

#include <urcu-qsbr.h>

#include "hmt_eal.h"
#include "hmt_msg.h"
#include "rcu_pvt.h"
#include "worker_pvt.h"

#define WORKERS  3u
#define LANE     128u
#define CAPACITY (LANE - 1)
#define INJECT   64u
#define MESSAGES 1000u
#define US       1000u

struct node {
	struct hmi_worker worker; /* first */
	struct hmi_runnable runnables[8];
	struct hmi_timer timer;
	struct hm_msg *received[MESSAGES];
	uint32_t received_count, biggest_burst;
	uint32_t runs, fired;
	void (*on_run)(struct node *node, struct hmi_runnable *runnable);
	char letters[64];
};

static struct node nodes[WORKERS];
static struct hm_msg *messages[MESSAGES];
static struct hmi_clock test_clock;
static uint64_t now_ns;
static uint32_t clock_reads;

static struct node *
node_of(struct hmi_worker *worker)
{
	return (struct node *)worker;
}

static void
note(struct node *node, char letter)
{
	size_t length = strlen(node->letters);

	if (length < sizeof(node->letters) - 1)
		node->letters[length] = letter;
}

static void
deliver(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	struct node *node = node_of(worker);

	note(node, 'd');
	if (count > node->biggest_burst)
		node->biggest_burst = count;
	for (uint32_t i = 0; i < count; i++)
		node->received[node->received_count++] = msgs[i];
}

static void
run(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	struct node *node = node_of(worker);

	note(node, 'r');
	node->runs++;
	if (node->on_run != NULL)
		node->on_run(node, runnable);
}

static void
settle(struct hmi_worker *worker)
{
	(void)worker;
}

static void
fire(struct hmi_worker *worker, struct hmi_timer *timer)
{
	(void)timer;
	note(node_of(worker), 't');
	node_of(worker)->fired++;
}

static const struct hmi_worker_ops ops = { .deliver = deliver, .run = run, .settle = settle, .fire = fire };

static uint64_t
clock_read(void *arg)
{
	clock_reads++;
	return *(uint64_t *)arg;
}

static struct hmi_worker_config
config_of(uint32_t index)
{
	return (struct hmi_worker_config){
		.index = index,
		.lcores_count = WORKERS,
		.lane_size = LANE,
		.inject_size = INJECT,
		.idle = HM_IDLE_YIELD,
		.socket = SOCKET_ID_ANY,
		.name = "test",
		.clock = &test_clock,
	};
}

static void
workers_start(void)
{
	struct hmi_worker *workers[WORKERS];

	hmt_eal_start();
	hmi_rcu_enter();
	hmt_msgs_make(messages, MESSAGES);
	test_clock.read = clock_read;
	test_clock.arg = &now_ns;
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct hmi_worker_config config = config_of(i);

		workers[i] = &nodes[i].worker;
		cr_assert_eq(hmi_worker_create(workers[i], &config, &ops), 0);
	}
	hmi_worker_connect(workers, WORKERS);
}

static void
workers_end(void)
{
	for (uint32_t i = 0; i < WORKERS; i++)
		hmi_worker_destroy(&nodes[i].worker);
	hmi_rcu_leave();
}

TestSuite(worker, .init = workers_start, .fini = workers_end);

static uint32_t
turn(uint32_t index)
{
	return hmi_worker_turn(&nodes[index].worker);
}

static void
push_range(uint32_t from, uint32_t to, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		hmi_worker_push(&nodes[from].worker, to, messages[i]);
}

static void
must_have_received(uint32_t index, uint32_t first, uint32_t end)
{
	cr_assert_eq(nodes[index].received_count, end - first);
	for (uint32_t i = first; i < end; i++)
		cr_assert_eq(nodes[index].received[i - first], messages[i], "message %u", i);
}

/* ---- Stages ---- */

static uint32_t
poll(void *arg, struct hmi_worker *worker)
{
	(void)arg;
	note(node_of(worker), 'p');
	return 0;
}

static uint32_t
flush(void *arg, struct hmi_worker *worker)
{
	(void)arg;
	note(node_of(worker), 'f');
	return 0;
}

Test(worker, turn__without_work)
{
	cr_assert_eq(turn(0), 0);
	cr_assert_str_eq(nodes[0].letters, "");
	cr_assert_eq(nodes[0].worker.turns, 1);
}

Test(worker, turn__stages_in_order)
{
	struct hmi_worker *w = &nodes[0].worker;

	w->poller = (struct hmi_poller){ .poll = poll, .flush = flush };
	push_range(1, 0, 0, 1);
	turn(1);
	cr_assert(hmi_inject_push(&w->inject, messages[1]));
	hmi_wheel_add(&w->wheel, &nodes[0].timer, 10 * US);
	now_ns = 20 * US;
	hmi_runq_push(&w->runq, &nodes[0].runnables[0]);
	cr_assert_eq(turn(0), 4);
	cr_assert_str_eq(nodes[0].letters, "pddtrf");
	must_have_received(0, 0, 2);
}

static void
run_push(struct node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	hmi_worker_push(&node->worker, 1, messages[0]);
}

Test(worker, turn__pushed_while_running_leaves_in_the_same_turn)
{
	nodes[0].on_run = run_push;
	hmi_runq_push(&nodes[0].worker.runq, &nodes[0].runnables[0]);
	turn(0);
	cr_assert_eq(turn(1), 1);
	must_have_received(1, 0, 1);
}

static uint32_t
flush_push(void *arg, struct hmi_worker *worker)
{
	uint32_t *left = arg;

	if (*left == 0)
		return 0;
	hmi_worker_push(worker, 1, messages[--*left]);
	return 0;
}

/* The network gave up on a message: the lcore whose actor it was learns that now. */
Test(worker, turn__pushed_by_the_network_leaves_in_the_same_turn)
{
	uint32_t left = 1;

	nodes[0].worker.poller = (struct hmi_poller){ .flush = flush_push, .arg = &left };
	turn(0);
	turn(1);
	must_have_received(1, 0, 1);
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
	nodes[0].worker.poller =
		(struct hmi_poller){ .flush = flush_schedule, .arg = &nodes[0].runnables[0] };
	cr_assert_gt(turn(0), 0);
}

static void
run_again(struct node *node, struct hmi_runnable *runnable)
{
	hmi_runq_push(&node->worker.runq, runnable);
}

Test(worker, turn__runnable_that_always_has_work_does_not_hold_it_up)
{
	nodes[0].on_run = run_again;
	hmi_runq_push(&nodes[0].worker.runq, &nodes[0].runnables[0]);
	hmi_runq_push(&nodes[0].worker.runq, &nodes[0].runnables[1]);
	cr_assert_gt(turn(0), 1);
	cr_assert_eq(hmi_runq_count(&nodes[0].worker.runq), 2);
	cr_assert_lt(nodes[0].runs, 1000);
}

static void
run_note(struct node *node, struct hmi_runnable *runnable)
{
	note(node, (char)('0' + (runnable - node->runnables)));
}

Test(worker, turn__runs_in_order_of_becoming_runnable)
{
	nodes[0].on_run = run_note;
	for (unsigned int i = 0; i < 8; i++)
		hmi_runq_push(&nodes[0].worker.runq, &nodes[0].runnables[7 - i]);
	cr_assert_eq(turn(0), 8);
	cr_assert_str_eq(nodes[0].letters, "r7r6r5r4r3r2r1r0");
}

/* ---- Timers ---- */

Test(worker, timer__fires_at_its_time_and_not_before)
{
	struct hmi_worker *w = &nodes[0].worker;

	hmi_wheel_add(&w->wheel, &nodes[0].timer, 1024 * US);
	now_ns = 1024 * US - 1;
	cr_assert_eq(turn(0), 0);
	now_ns = 1024 * US;
	cr_assert_eq(turn(0), 1);
	cr_assert_eq(nodes[0].fired, 1);
	cr_assert_eq(turn(0), 0);
}

/* While there is no timer the clock is read rarely, but it is read. */
Test(worker, clock__is_read_without_timers_too)
{
	now_ns = 12345;
	clock_reads = 0;
	for (unsigned int i = 0; i < 1000; i++)
		turn(0);
	cr_assert_eq(nodes[0].worker.now_ns, 12345);
	cr_assert_lt(clock_reads, 100);
}

/* ---- Lanes ---- */

Test(worker, push__more_than_a_buffer_in_one_turn)
{
	push_range(0, 1, 0, HMI_LANE_BUFFER + 30);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 1);
	turn(0);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 0);
	cr_assert_not(nodes[0].worker.lanes_out[1].dirty);
	for (unsigned int i = 0; i < 5; i++)
		turn(1);
	must_have_received(1, 0, HMI_LANE_BUFFER + 30);
}

/* The buffer left by itself just now, so there is nothing to flush; the mark must go all the same. */
Test(worker, push__exactly_a_buffer_in_one_turn)
{
	push_range(0, 1, 0, HMI_LANE_BUFFER);
	turn(0);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 0);
	push_range(0, 1, HMI_LANE_BUFFER, HMI_LANE_BUFFER + 1);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 1);
	turn(0);
	for (unsigned int i = 0; i < 5; i++)
		turn(1);
	must_have_received(1, 0, HMI_LANE_BUFFER + 1);
}

Test(worker, push__each_lane_is_marked_once)
{
	for (unsigned int i = 0; i < 10; i++)
		push_range(0, 1 + i % 2, i, i + 1);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 2);
	turn(0);
	turn(1);
	turn(2);
	cr_assert_eq(nodes[1].received_count, 5);
	cr_assert_eq(nodes[2].received_count, 5);
}

/* A lane that is full stays marked, and its turn comes without another push. */
Test(worker, push__full_lane_is_flushed_when_there_is_room)
{
	push_range(0, 1, 0, 500);
	turn(0);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 1);
	push_range(0, 2, 500, 501);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 2);
	turn(0);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 1, "the other lane had room");
	for (unsigned int i = 0; i < 100; i++) {
		turn(1);
		turn(0);
	}
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 0);
	must_have_received(1, 0, 500);
	turn(2);
	must_have_received(2, 500, 501);
}

Test(worker, push__waiting_for_room_is_no_work)
{
	push_range(0, 1, 0, 500);
	turn(0);
	cr_assert_eq(turn(0), 0);
}

Test(worker, push__room_that_was_made_is_work)
{
	push_range(0, 1, 0, 500);
	turn(0);
	turn(1);
	cr_assert_gt(turn(0), 0);
	cr_assert_eq(nodes[0].worker.lanes_dirty_count, 1, "was there room for all?");
}

/* One busy sender must not keep the loop from the others, and from timers. */
Test(worker, turn__takes_a_bounded_burst_from_each_lane)
{
	push_range(0, 2, 0, 100);
	push_range(1, 2, 100, 200);
	turn(0);
	turn(1);
	turn(2);
	cr_assert_lt(nodes[2].biggest_burst, 100);
	cr_assert_eq(nodes[2].received[nodes[2].biggest_burst], messages[100], "the second lane had no turn");
}

/* ---- Start and end ---- */

Test(worker, drain__finds_what_is_under_way)
{
	uint32_t found = 0;
	bool seen[MESSAGES] = { false };
	struct hm_msg *msg;

	push_range(0, 1, 0, 300);
	turn(0);
	push_range(0, 1, 300, 320);
	push_range(0, 2, 320, 325);
	cr_assert(hmi_inject_push(&nodes[0].worker.inject, messages[325]));
	while ((msg = hmi_worker_drain(&nodes[0].worker)) != NULL) {
		cr_assert_not(seen[msg->to]);
		seen[msg->to] = true;
		found++;
	}
	cr_assert_eq(found, 326);
	cr_assert_null(hmi_worker_drain(&nodes[1].worker));
}

Test(worker, loop__ends_when_it_was_stopped_before)
{
	hmi_worker_stop(&nodes[0].worker);
	hmi_worker_loop(&nodes[0].worker);
	cr_assert_eq(nodes[0].worker.turns, 0);
}

static void
run_stop(struct node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	hmi_worker_stop(&node->worker);
}

Test(worker, loop__ends_after_the_turn_that_stopped_it)
{
	nodes[0].on_run = run_stop;
	hmi_runq_push(&nodes[0].worker.runq, &nodes[0].runnables[0]);
	hmi_worker_loop(&nodes[0].worker);
	cr_assert_eq(nodes[0].worker.turns, 1);
	cr_assert_eq(nodes[0].runs, 1);
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
	struct hmi_worker *w = &nodes[0].worker;

	hmi_idle_init(&w->idle, policy, true);
	hmt_launch(1, loop_main, w);
	while (__atomic_load_n(&w->turns, __ATOMIC_RELAXED) < 100)
		;
	cr_assert(hmi_inject_push(&w->inject, messages[0]));
	hmi_worker_stop(w);
	cr_assert_eq(hmt_wait(1), 7);
	cr_assert_leq(nodes[0].received_count, 1);
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
	struct hmi_worker *w = &nodes[0].worker;

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
	struct hmi_worker_config config = config_of(0);
	static struct hmi_worker other;

	cr_assert_eq(hmi_worker_create(&other, &config, &ops), -EEXIST);
	config.name = "other";
	config.lane_size = 100;
	cr_assert_eq(hmi_worker_create(&other, &config, &ops), -EINVAL);
	config.name = "a-name-that-is-longer-than-those-of-rings";
	cr_assert_eq(hmi_worker_create(&other, &config, &ops), -ENAMETOOLONG);
	config.name = "other";
	config.lane_size = LANE;
	cr_assert_eq(hmi_worker_create(&other, &config, &ops), 0);
	hmi_worker_destroy(&other);
}

Test(worker, create__alone_has_no_lanes)
{
	struct hmi_worker_config config = config_of(0);
	static struct hmi_worker alone;
	struct hmi_worker *workers[] = { &alone };

	config.name = "alone";
	config.lcores_count = 1;
	cr_assert_eq(hmi_worker_create(&alone, &config, &ops), 0);
	hmi_worker_connect(workers, 1);
	cr_assert_eq(alone.lanes_in_count, 0);
	cr_assert_eq(hmi_worker_turn(&alone), 0);
	cr_assert_null(hmi_worker_drain(&alone));
	hmi_worker_destroy(&alone);
}
