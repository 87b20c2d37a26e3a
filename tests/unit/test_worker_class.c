/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of runnables: who runs before whom, and what is left to those behind.
 */
#include "hmt_workers.h"

#define US 1000u

/* Runnables by class: letters that the tests read. */
enum {
	HIGH,
	HIGH_TOO,
	USUAL,
	USUAL_TOO,
	LOW,
	KINDS
};

static uint32_t run_us;      /* that each run takes */
static uint32_t runs[KINDS]; /* of each runnable */
static uint32_t rounds;      /* runs after which nobody goes on */
static char order[512];

TestSuite(worker_class, .init = hmt_workers_start, .fini = hmt_workers_end);

static void
push(struct hmt_node *node, uint32_t kind)
{
	if (kind == HIGH || kind == HIGH_TOO)
		hmi_worker_class_push(&node->worker, HMI_CLASS_HIGH, &node->runnables[kind]);
	else if (kind == LOW)
		hmi_worker_class_push(&node->worker, HMI_CLASS_LOW, &node->runnables[kind]);
	else
		hmi_runq_push(&node->worker.runq, &node->runnables[kind]);
}

static void
note(struct hmt_node *node, struct hmi_runnable *runnable)
{
	uint32_t kind = (uint32_t)(runnable - node->runnables);

	if (node->runs <= sizeof(order) - 1)
		order[node->runs - 1] = "HhUuL"[kind];
	runs[kind]++;
	hmt_now_ns += run_us * US;
}

/* Each has always more to do. */
static void
note_and_go_on(struct hmt_node *node, struct hmi_runnable *runnable)
{
	note(node, runnable);
	if (node->runs < rounds)
		push(node, (uint32_t)(runnable - node->runnables));
}

/* Turn until nothing is left to run. Returns how many turns it took. */
static uint32_t
turn_all(void)
{
	uint32_t turns = 0;

	while (hmi_worker_waiting(&hmt_nodes[0].worker) > 0) {
		hmt_turn(0);
		cr_assert_lt(++turns, 100000);
	}
	return turns;
}

Test(worker_class, turn__high_before_usual_and_low_behind)
{
	hmt_nodes[0].on_run = note;
	push(&hmt_nodes[0], LOW);
	push(&hmt_nodes[0], USUAL);
	push(&hmt_nodes[0], HIGH);
	push(&hmt_nodes[0], USUAL_TOO);
	push(&hmt_nodes[0], HIGH_TOO);
	cr_assert_eq(hmi_worker_waiting(&hmt_nodes[0].worker), 5);
	cr_assert_eq(hmt_turn(0), 5);
	cr_assert_str_eq(order, "HhUuL");
	cr_assert_eq(hmi_worker_waiting(&hmt_nodes[0].worker), 0);
}

/* Whoever waits, a lcore that sleeps would leave it so. */
Test(worker_class, turn__what_waits_of_a_class_is_work)
{
	hmt_nodes[0].on_run = note_and_go_on;
	rounds = UINT32_MAX;
	push(&hmt_nodes[0], LOW);
	cr_assert_gt(hmt_turn(0), 0);
	cr_assert_eq(hmi_worker_waiting(&hmt_nodes[0].worker), 1);
	rounds = 0;
	cr_assert_gt(hmt_turn(0), 0);
	cr_assert_eq(hmt_turn(0), 0);
}

/* ---- Shares ------------------------------------------------------------------------------ */

static void
all_go_on(const uint32_t *kinds, uint32_t count, uint32_t rounds_count)
{
	hmt_nodes[0].on_run = note_and_go_on;
	rounds = rounds_count;
	for (uint32_t i = 0; i < count; i++)
		push(&hmt_nodes[0], kinds[i]);
}

Test(worker_class, share__usual_ones_have_one_run_in_eight)
{
	static const uint32_t kinds[] = { HIGH, HIGH_TOO, USUAL, USUAL_TOO };

	all_go_on(kinds, RTE_DIM(kinds), 32);
	(void)turn_all();
	cr_assert_eq(strncmp(order, "HhHhHhHUhHhHhHhuHhHhHhHUhHhHhHhu", 32), 0, "%s", order);
}

Test(worker_class, share__low_ones_have_one_run_in_thirty_two)
{
	static const uint32_t kinds[] = { HIGH, USUAL, LOW };

	all_go_on(kinds, RTE_DIM(kinds), 320);
	(void)turn_all();
	/* The last round, in which nobody goes on any more, has no order to speak of. */
	cr_assert_eq(runs[LOW], 10, "%u", runs[LOW]);
	cr_assert_geq(runs[USUAL], 310 / HMI_USUAL_SHARE);
	cr_assert_leq(runs[USUAL], 310 / HMI_USUAL_SHARE + 1);
	for (uint32_t i = 0; i < 9; i++)
		cr_assert_eq(order[HMI_LOW_SHARE * i + HMI_LOW_SHARE - 1], 'L', "%s", order);
}

Test(worker_class, share__low_beside_usual_ones_alone)
{
	static const uint32_t kinds[] = { USUAL, USUAL_TOO, LOW };

	all_go_on(kinds, RTE_DIM(kinds), 320);
	(void)turn_all();
	cr_assert_eq(runs[LOW], 10, "%u", runs[LOW]);
}

/* A run takes more than the stage may, so that each turn has just one: nobody begins anew with the turn. */
Test(worker_class, share__holds_from_turn_to_turn)
{
	static const uint32_t kinds[] = { HIGH, HIGH_TOO, USUAL, LOW };

	run_us = 1000;
	all_go_on(kinds, RTE_DIM(kinds), 320);
	/* But for the first ones, which nobody knows to be slow yet. */
	cr_assert_geq(turn_all(), 320 - HMI_DEADLINE_STEPS);
	cr_assert_eq(runs[LOW], 10, "%u", runs[LOW]);
	cr_assert_geq(runs[USUAL], 310 / HMI_USUAL_SHARE);
	cr_assert_geq(runs[HIGH], 130);
	cr_assert_geq(runs[HIGH_TOO], 130);
}

/* One usual runnable at a time comes from what is deferred: the run queue is empty whenever the next one is chosen. */
static uint32_t
deferred_usual(struct hmi_worker *worker)
{
	struct hmt_node *node = hmt_node_of(worker);

	if (node->runs >= rounds)
		return 0;
	push(node, USUAL);
	return 1;
}

static void
low_goes_on(struct hmt_node *node, struct hmi_runnable *runnable)
{
	note(node, runnable);
	if (runnable == &node->runnables[LOW] && node->runs < rounds)
		push(node, LOW);
}

Test(worker_class, share__of_low_ones_beside_what_is_deferred)
{
	hmt_nodes[0].on_run = low_goes_on;
	rounds = 320;
	push(&hmt_nodes[0], LOW);
	while (hmt_nodes[0].runs < rounds)
		(void)hmi_run_stage(&hmt_nodes[0].worker, hmt_worker_run, deferred_usual);
	cr_assert_geq(runs[LOW], 320 / HMI_LOW_SHARE - 1, "%u", runs[LOW]);
	cr_assert_leq(runs[LOW], 320 / HMI_LOW_SHARE + 1, "%u", runs[LOW]);
}

/* Without others that wait, a share is nobody's. */
Test(worker_class, share__high_ones_alone_have_all_runs)
{
	static const uint32_t kinds[] = { HIGH, HIGH_TOO };

	all_go_on(kinds, RTE_DIM(kinds), 100);
	(void)turn_all();
	hmt_nodes[0].on_run = note;
	push(&hmt_nodes[0], USUAL);
	push(&hmt_nodes[0], HIGH);
	(void)turn_all();
	cr_assert_eq(order[hmt_nodes[0].runs - 2], 'H');
	cr_assert_eq(order[hmt_nodes[0].runs - 1], 'U');
}

/* ---- Meanwhile ------------------------------------------------------------------------------ */

static uint32_t comes_at, pushed_at;

/* Usual ones that always have more to do; a high one comes to wait after some runs. */
static void
high_comes(struct hmt_node *node, struct hmi_runnable *runnable)
{
	note(node, runnable);
	if (runnable == &node->runnables[HIGH])
		pushed_at = node->runs - pushed_at;
	else if (node->runs < 300)
		hmi_runq_push(&node->worker.runq, runnable);
	if (node->runs == comes_at) {
		pushed_at = node->runs;
		push(node, HIGH);
	}
}

Test(worker_class, meanwhile__high_one_waits_for_a_look_at_the_clock_at_most)
{
	comes_at = 10;
	hmt_nodes[0].on_run = high_comes;
	push(&hmt_nodes[0], USUAL);
	push(&hmt_nodes[0], USUAL_TOO);
	(void)turn_all();
	cr_assert_eq(runs[HIGH], 1);
	cr_assert_leq(pushed_at, HMI_DEADLINE_STEPS);
}

/* Where runs are slow the clock is looked at after each, once that is known. */
Test(worker_class, meanwhile__high_one_is_next_where_runs_are_slow)
{
	run_us = 10;
	comes_at = 2 * HMI_DEADLINE_STEPS;
	hmt_nodes[0].on_run = high_comes;
	push(&hmt_nodes[0], USUAL);
	push(&hmt_nodes[0], USUAL_TOO);
	(void)turn_all();
	cr_assert_eq(runs[HIGH], 1);
	cr_assert_eq(pushed_at, 1);
}

static void
low_wakes_high(struct hmt_node *node, struct hmi_runnable *runnable)
{
	note(node, runnable);
	if (runnable == &node->runnables[LOW] && runs[HIGH] < 5)
		push(node, HIGH);
	else if (runnable == &node->runnables[HIGH])
		push(node, LOW);
}

/* What wakes each other needs no turn for each. */
Test(worker_class, meanwhile__high_and_low_run_in_one_turn)
{
	hmt_nodes[0].on_run = low_wakes_high;
	push(&hmt_nodes[0], LOW);
	hmt_turn(0);
	cr_assert_str_eq(order, "LHLHLHLHLHL");
}

/* ---- Beside those that never ran -------------------------------------------------------------- */

Test(worker_class, start__new_ones_run_before_low_and_behind_high)
{
	hmt_nodes[0].on_run = note;
	push(&hmt_nodes[0], LOW);
	hmi_worker_start(&hmt_nodes[0].worker, &hmt_nodes[0].runnables[USUAL]);
	hmi_worker_start(&hmt_nodes[0].worker, &hmt_nodes[0].runnables[USUAL_TOO]);
	push(&hmt_nodes[0], HIGH);
	hmt_turn(0);
	cr_assert_str_eq(order, "HUuL");
}

/* ---- Room --------------------------------------------------------------------------------------- */

Test(worker_class, reserve__room_for_all_in_both_queues)
{
	static struct hmi_runnable crowd[5000];
	struct hmi_worker *w = &hmt_nodes[0].worker;

	cr_assert_eq(hmi_worker_class_reserve(w, HMI_CLASS_HIGH, RTE_DIM(crowd)), 0);
	for (uint32_t i = 0; i < RTE_DIM(crowd); i++)
		hmi_worker_class_push(w, HMI_CLASS_HIGH, &crowd[i]);
	cr_assert_eq(hmi_worker_waiting(w), RTE_DIM(crowd));
	(void)turn_all();
	cr_assert_eq(hmt_nodes[0].runs, RTE_DIM(crowd));
}
