/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A worker whose runnables are left in the middle: the turn goes on behind the run stage.
 */
#include <fenv.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "counter_pvt.h"
#include "hmt_fault.h"
#include "hmt_workers.h"

static uint32_t failures;

static bool
contain(struct hmi_recovery *recovery)
{
	(void)recovery;
	return true;
}

static const struct hmi_recovery_ops recovery_ops = { .contain = contain };

/* It is runnable again, and fails again. */
static void
failed(struct hmi_worker *worker)
{
	failures++;
	hmi_runq_push(&worker->runq, &hmt_node_of(worker)->runnables[0]);
}

static struct hmi_worker_ops ops;

static void
start(void)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmt_workers_start();
	ops = hmt_worker_ops;
	ops.failed = failed;
	ops.recovery = &recovery_ops;
	w->ops = &ops;
	cr_assert_eq(hmi_recovery_create(&w->recovery, &recovery_ops), 0);
	hmi_runq_push(&w->runq, &hmt_nodes[0].runnables[0]);
	failures = 0;
}

TestSuite(worker_failed, .init = start, .fini = hmt_workers_end, .timeout = 60);

static uint32_t
flush(void *arg, struct hmi_worker *worker)
{
	(void)arg;
	hmt_note(hmt_node_of(worker), 'f');
	return 0;
}

static void
push_and_fail(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	hmi_worker_push(&node->worker, 1, hmt_messages[node->runs - 1]);
	hmi_recovery_throw(&node->worker.recovery);
}

Test(worker_failed, turn__sends_and_flushes_what_there_is)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmt_nodes[0].on_run = push_and_fail;
	w->poller.flush = flush;
	for (uint32_t i = 1; i <= 3; i++) {
		cr_assert_gt(hmi_worker_turn_alone(w), 0);
		cr_assert_eq(failures, i);
		hmt_turn(1);
		hmt_must_have_received(1, 0, i);
		cr_assert_eq(w->turns, i);
	}
	cr_assert_str_eq(hmt_nodes[0].letters, "rfrfrf");
}

static void
timer_and_fail(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	if (node->runs == 1)
		hmi_wheel_add_unstarted(&node->worker.wheel, &node->timer, 1000);
	hmi_recovery_throw(&node->worker.recovery);
}

Test(worker_failed, turn__starts_timers)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmt_nodes[0].on_run = timer_and_fail;
	hmt_nodes[0].timer.fire = hmt_worker_fire;
	hmi_worker_turn_alone(w);
	cr_assert(!hmi_wheel_has_unstarted(&w->wheel));
	hmt_now_ns += 1000000;
	hmi_worker_turn_alone(w);
	cr_assert_eq(hmt_nodes[0].fired, 1);
}

/* Once; and then it fails in each turn. */
static void
push_once_and_fail(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	if (node->runs == 1)
		hmi_worker_push(&node->worker, 1, hmt_messages[0]);
	hmi_recovery_throw(&node->worker.recovery);
}

static int
loop_main(void *worker)
{
	hmi_worker_loop(worker);
	return 0;
}

/* Others are heard, and hear of it: a message arrives, and a request to stop. */
Test(worker_failed, loop__of_failures_in_each_turn_does_not_hold_up_others)
{
	struct hmi_worker *w = &hmt_nodes[0].worker;

	hmt_nodes[0].on_run = push_once_and_fail;
	hmt_launch(1, loop_main, w);
	while (hmt_nodes[1].received_count == 0) {
		hmt_turn(1);
		sched_yield();
	}
	hmi_worker_stop(w);
	hmt_wait(1);
	cr_assert_gt(failures, 0);
}

/* ---- What a jump does not restore ---- */

static void
round_and_fail(struct hmt_node *node, struct hmi_runnable *runnable)
{
	(void)runnable;
	fesetround(FE_UPWARD);
	if (node->runs == 1)
		hmi_recovery_throw(&node->worker.recovery);
	hmt_fault_raise(HMT_FAULT_NULL);
}

/* A thread that rounds in its own way goes on to do so, whether the function or its fault has changed that. */
Test(worker_failed, turn__restores_the_mode_of_rounding)
{
	cr_assert_eq(hmi_traps_catch(), 0);
	hmt_nodes[0].on_run = round_and_fail;
	fesetround(FE_DOWNWARD);
	for (uint32_t i = 1; i <= 2; i++) {
		hmi_worker_turn_alone(&hmt_nodes[0].worker);
		cr_assert_eq(failures, i);
		cr_assert_eq(fegetround(), FE_DOWNWARD);
	}
	hmi_traps_release();
}

static void
block_and_fail(struct hmt_node *node, struct hmi_runnable *runnable)
{
	sigset_t all;

	(void)runnable;
	if (node->runs > 1)
		hmt_fault_raise(HMT_FAULT_NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	hmi_recovery_throw(&node->worker.recovery);
}

/* A signal of a fault that is blocked ends the process. */
Test(worker_failed, turn__unblocks_the_signals_of_faults)
{
	cr_assert_eq(hmi_traps_catch(), 0);
	hmt_nodes[0].on_run = block_and_fail;
	for (uint32_t i = 1; i <= 2; i++)
		hmi_worker_turn_alone(&hmt_nodes[0].worker);
	cr_assert_eq(failures, 2);
	hmi_traps_release();
}

static int child_status;

/* The child has an end of its own: else it would go on as this test. */
static void
fork_and_fault(struct hmt_node *node, struct hmi_runnable *runnable)
{
	pid_t child;

	(void)node;
	(void)runnable;
	child = fork();
	if (child == 0) {
		hmt_fault_raise(HMT_FAULT_NULL);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &child_status, 0), child);
}

Test(worker_failed, signal__of_a_forked_process_ends_that)
{
	cr_assert_eq(hmi_traps_catch(), 0);
	hmt_nodes[0].on_run = fork_and_fault;
	hmi_worker_turn_alone(&hmt_nodes[0].worker);
	if (failures > 0)
		_exit(0);
	/* AddressSanitizer reports it, and exits. */
	cr_assert(WIFSIGNALED(child_status) || WEXITSTATUS(child_status) != 0);
	hmi_traps_release();
}
