/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * restart, fail, fault: what it takes until an actor that has failed has begun anew.
 *
 *     victim: hm_fail, or SIGSEGV ─▶ parent: decides ─▶ victim: HM_RESTARTING, HM_STARTED ─▶ fails again ...
 *
 * restart: one child fails, and a thousand restart with it, so that the failure itself does not count. What is
 * logged of failures is limited to some in a second, and is left out.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>

#include "bench_clock.h"
#include "bench_node.h"

/* Actors that restart together. */
#define TOGETHER 1000u

/* Of the first slice, and the least of every other one. */
#define WARM_UP_COUNT 1000u

/* Words of a state, as of an actor that has something to lose. */
#define STATE_WORDS 16u

enum {
	TYPE_FAIL = HM_TYPE_USER, /* to a victim */
	TYPE_GO,                  /* to the parent: a slice begins */
	TYPE_DONE,                /* to the driver: it is over */
};

enum kind {
	KIND_RESTART,
	KIND_FAIL,
	KIND_FAULT,
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	enum kind kind;
	struct hm_pid driver, parent, victim;
	uint64_t count, left; /* failures in this slice, and still to come */
	uint32_t started;     /* victims, since the last failure */
	double limit_ns, last_ns, start_s;
};

struct victim {
	struct run *run;
	uint64_t words[STATE_WORDS];
};

/* ---- The bare work: a signal that is left by a jump --------------------------------------- */

/* allowed: a handler has no other way to its caller */
static sigjmp_buf point;

__attribute__((noreturn)) static void
jump(int signal)
{
	(void)signal;
	siglongjmp(point, 1);
}

__attribute__((noinline)) static void
fault(void)
{
	/* The compiler must not see that this is no memory. */
	volatile uintptr_t nowhere = 0;

	*(volatile int *)nowhere = 1;
}

/* Nanoseconds of a SIGSEGV without hermod. The stack of handlers is the lcore's, as hermod's own handler has it. */
static double
bare_fault_ns(uint64_t count)
{
	struct sigaction bare = { .sa_handler = jump, .sa_flags = SA_ONSTACK | SA_NODEFER }, before;
	/* allowed: its value behind a jump is looked at */
	volatile uint64_t left = count;
	double start_s = bench_clock_cpu_seconds();

	if (sigaction(SIGSEGV, &bare, &before) != 0)
		return NAN;
	(void)sigsetjmp(point, 0);
	/* Each time round by way of the handler. */
	if (left > 0) {
		left--;
		fault();
	}
	(void)sigaction(SIGSEGV, &before, NULL);
	return (bench_clock_cpu_seconds() - start_s) / (double)count * 1e9;
}

/* ---- Victims -------------------------------------------------------------------------------- */

static void
fail_next(struct hm_ctx *ctx, struct run *run)
{
	if (run->left == 0) {
		bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_DONE, NULL));
		return;
	}
	run->left--;
	run->started = 0;
	bench_node_check(&run->node, ctx, hm_send(ctx, run->victim, TYPE_FAIL, NULL));
}

static void
victim_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = ((struct victim *)state)->run;

	if (hm_msg_type(msg) == HM_STARTED) {
		if (++run->started == (run->kind == KIND_RESTART ? TOGETHER : 1))
			fail_next(ctx, run);
	} else if (hm_msg_type(msg) == TYPE_FAIL) {
		if (run->kind == KIND_FAULT)
			fault();
		hm_fail(ctx, "as it was told");
	}
}

/* ---- Parent ------------------------------------------------------------------------------------ */

static void
victims_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props props = {
		.receive = victim_receive,
		.state_size = sizeof(struct victim),
		.args_size = sizeof(struct run *),
	};

	for (uint32_t i = 0; i < (run->kind == KIND_RESTART ? TOGETHER : 1); i++) {
		if (hm_spawn(ctx, &props, NULL, &run, &run->victim) != 0)
			bench_node_fail(&run->node, ctx, "cannot spawn the actors that fail");
	}
}

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) == HM_STARTED)
		victims_spawn(ctx, run);
	else if (hm_msg_type(msg) == TYPE_GO)
		fail_next(ctx, run);
}

static void
parent_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_supervisor all = { .scope = HM_ALL_FOR_ONE,
						  .restarts = HM_RESTARTS_UNLIMITED };
	static const struct hm_props together = { .receive = parent_receive,
						  .state_size = sizeof(struct run *),
						  .args_size = sizeof(struct run *),
						  .supervisor = &all };
	static const struct hm_props alone = { .receive = parent_receive,
					       .state_size = sizeof(struct run *),
					       .args_size = sizeof(struct run *),
					       .supervisor = &hm_supervisor_always };
	const struct hm_props *props = run->kind == KIND_RESTART ? &together : &alone;

	/* When the victims have started the first time, no failure is to come yet: the driver hears of it. */
	if (hm_spawn(ctx, props, NULL, &run, &run->parent) != 0)
		bench_node_fail(&run->node, ctx, "cannot spawn the supervisor");
}

/* ---- Driver ------------------------------------------------------------------------------------- */

static uint64_t
restarts(const struct run *run)
{
	return run->kind == KIND_RESTART ? run->count * TOGETHER : run->count;
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	uint64_t count = bench_node_count(&run->node, run->last_ns, WARM_UP_COUNT);

	run->count = run->left = run->kind == KIND_RESTART ? (count + TOGETHER - 1) / TOGETHER : count;
	run->limit_ns = run->kind == KIND_FAULT ? bare_fault_ns(run->count) : NAN;
	run->start_s = bench_clock_cpu_seconds();
	bench_node_check(&run->node, ctx, hm_send(ctx, run->parent, TYPE_GO, NULL));
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	/* a fault is told in microseconds */
	double unit_ns = run->kind == KIND_FAULT ? 1e3 : 1;

	if (hm_msg_type(msg) == HM_STARTED) {
		run->driver = hm_self(ctx);
		parent_spawn(ctx, run);
	} else if (hm_msg_type(msg) == TYPE_DONE) {
		if (run->count > 0) {
			run->last_ns =
				(bench_clock_cpu_seconds() - run->start_s) / (double)restarts(run) * 1e9;
			if (!bench_node_slice(&run->node, ctx, run->last_ns / unit_ns,
					      run->limit_ns / unit_ns))
				return;
		}
		slices_begin(ctx, run);
	}
}

/* ---- Program -------------------------------------------------------------------------------------- */

static int
measure(struct bench_node *node, struct bench_row *row)
{
	static const char *const names[] = { "restart", "fail", "fault" };
	static const char *const notes[] = {
		"a thousand actors that restart with one that fails, for each",
		"from hm_fail until HM_STARTED was handled",
		"from a SIGSEGV until HM_STARTED was handled; limit: a SIGSEGV whose handler is left by a jump",
	};
	struct run *run = (struct run *)node;
	int status = bench_node_type(node, TYPE_FAIL, "fail", 0);

	/* All would be one more than is measured: see the log's limit. */
	rte_log_set_level_pattern("hermod", RTE_LOG_ERR);
	if (status == 0)
		status = bench_node_type(node, TYPE_GO, "go", 0);
	if (status == 0)
		status = bench_node_type(node, TYPE_DONE, "done", 0);
	bench_row_init(row, names[run->kind], run->kind == KIND_FAULT ? "us" : "ns");
	row->note = notes[run->kind];
	return status == 0 ? bench_node_run(node, "driver", driver_receive, run) : status;
}

static int
kind_set(void *target, const char *value)
{
	static const char *const names[] = { "restart", "fail", "fault" };

	for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			*(enum kind *)target = (enum kind)i;
			return 0;
		}
	}
	fprintf(stderr, "--kind '%s': give restart, fail or fault\n", value);
	return -EINVAL;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->extras[0] =
		(struct bench_option){ "kind", "KIND", "what to measure: restart, fail or fault (restart)",
				       kind_set, &run->kind };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "What it takes until an actor that has failed has begun anew.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
