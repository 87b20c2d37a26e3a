/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * skynet: the time that a tree of actors takes, with ten children each and a million leaves.
 *
 * Each leaf answers its parent with its number, every other actor with the sum of its children's
 * answers; then it stops. Measured from the root's spawn to the root's answer. The next tree starts
 * when this one has ended.
 */

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_dispatch.h"

#define LEAVES 1000000
#define WIDTH  10
#define ACTORS 1111111 /* leaves and all above them */
#define SUM    (499999500000ull)

enum {
	TYPE_ANSWER = HM_TYPE_USER,
};

struct answer {
	uint64_t sum;
};

struct run {
	struct bench_node node;
	struct limit_dispatch *limit;
	double limit_ms, value_ms;
	double start_s, begin_s;
	uint32_t ended_parts; /* of the slice: the root's answer, and the root's HM_TERMINATED */
};

struct branch {
	struct run *run;
	uint32_t number; /* of its first leaf */
	uint32_t leaves; /* below it; 1: it is a leaf */
	uint32_t answers;
	uint64_t sum;
};

/* what the parent passes as arguments; the rest starts at zero */
#define BRANCH_ARGS offsetof(struct branch, answers)

/* ---- tree ------------------------------------------------------------------------------ */

static void branch_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

static const struct hm_props branch_props = {
	.receive = branch_receive,
	.state_size = sizeof(struct branch),
	.args_size = BRANCH_ARGS,
};

static void
branch_answer(struct hm_ctx *ctx, struct branch *branch)
{
	const struct answer answer = { .sum = branch->sum };

	bench_node_check(&branch->run->node, ctx, hm_send(ctx, hm_parent(ctx), TYPE_ANSWER, &answer));
	hm_stop(ctx, hm_self(ctx));
}

static void
branch_grow(struct hm_ctx *ctx, struct branch *branch)
{
	struct branch child = { .run = branch->run, .leaves = branch->leaves / WIDTH };

	for (uint32_t i = 0; i < WIDTH; i++) {
		child.number = branch->number + i * child.leaves;
		if (hm_spawn(ctx, &branch_props, NULL, &child, NULL) != 0)
			bench_node_fail(&branch->run->node, ctx, "cannot spawn: out of memory or messages");
	}
}

static void
branch_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct branch *branch = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (branch->leaves > 1) {
			branch_grow(ctx, branch);
			break;
		}
		branch->sum = branch->number;
		branch_answer(ctx, branch);
		break;
	case TYPE_ANSWER:
		branch->sum += ((const struct answer *)hm_msg_body(msg))->sum;
		if (++branch->answers == WIDTH)
			branch_answer(ctx, branch);
		break;
	default:
		break;
	}
}

/* ---- driver ------------------------------------------------------------------------------ */

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	const struct branch root = { .run = run, .leaves = LEAVES };

	run->ended_parts = 0;
	run->limit_ms = limit_dispatch_spawn_ns(run->limit) * ACTORS / 1e6;
	run->start_s = bench_clock_cpu_seconds();
	if (hm_spawn(ctx, &branch_props, NULL, &root, NULL) != 0)
		bench_node_fail(&run->node, ctx, "cannot spawn the root");
}

/* a tree cannot be made shorter, so with many repeats the duration ends the run before they are done */
static bool
time_is_up(const struct run *run)
{
	return bench_clock_seconds() - run->begin_s > run->node.options.duration_s &&
	       run->node.slices.count >= 3;
}

/* HM_TERMINATED of the root is delivered behind its answer */
static void
part_ended(struct hm_ctx *ctx, struct run *run)
{
	if (++run->ended_parts < 2 || !bench_node_slice(&run->node, ctx, run->value_ms, run->limit_ms))
		return;
	if (time_is_up(run))
		hm_system_stop(hm_system(ctx));
	else
		slices_begin(ctx, run);
}

static void
answer_take(struct hm_ctx *ctx, struct run *run, const struct answer *answer)
{
	run->value_ms = (bench_clock_cpu_seconds() - run->start_s) * 1e3;
	if (answer->sum != SUM)
		bench_node_fail(&run->node, ctx, "the tree's sum is wrong: messages were lost");
	part_ended(ctx, run);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		run->begin_s = bench_clock_seconds();
		slices_begin(ctx, run);
		break;
	case TYPE_ANSWER:
		answer_take(ctx, run, hm_msg_body(msg));
		break;
	case HM_TERMINATED:
		part_ended(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- program ----------------------------------------------------------------------------- */

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = limit_dispatch_create(&run->limit, LEAVES);

	bench_row_init(row, "skynet", "ms");
	row->note = "baseline: as many bare actors, set up and given a first message";
	if (status == 0)
		status = bench_node_type(node, TYPE_ANSWER, "answer", sizeof(struct answer));
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	limit_dispatch_destroy(run->limit);
	return status;
}

static void
prepare(struct bench_node *node)
{
	/* the tree grows level by level: at its widest, every leaf has a message */
	node->messages = 2 * LEAVES + LEAVES / 2;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "A tree of a million actors, spawned and summed up.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
