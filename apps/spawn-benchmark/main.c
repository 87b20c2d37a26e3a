/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Skynet: a tree of actors, ten children each. A leaf answers its parent with its number, a branch with the sum of its
 * children's answers; then it stops. A round ends when the root has.
 */
#include <inttypes.h>
#include <stdio.h>

#include <hermod.h>

#define WIDTH 10u

static uint64_t depth = 6, rounds = 10;

/* A tree without one of its branches would be waited for for ever. */
static const struct hm_supervisor stop_all = { .directive = HM_DIRECTIVE_ESCALATE };

/* What a branch is spawned with. */
struct part {
	uint64_t first, leaves; /* 1: it is a leaf */
};

struct branch {
	struct part part;
	uint64_t sum;
	uint32_t answers;
};

struct benchmark {
	uint64_t round, leaves, actors, begin_ns;
};

#define MESSAGES(MESSAGE) MESSAGE(branch_sum, uint64_t)
HM_MESSAGES(tree, HM_TYPE_USER, MESSAGES);

/* ---- The tree ---------------------------------------------------------------------- */

static void
branch_answer(struct hm_ctx *ctx, const struct branch *branch)
{
	if (branch_sum_send(ctx, hm_parent(ctx), &branch->sum) != HM_OK)
		hm_fail(ctx, "no memory for an answer");
	hm_stop(ctx, hm_self(ctx));
}

static const struct hm_props *branch_props(void);

static void
branch_start(struct hm_ctx *ctx, struct branch *branch)
{
	struct part part = { branch->part.first, branch->part.leaves / WIDTH };

	if (branch->part.leaves == 1) {
		branch->sum = branch->part.first;
		branch_answer(ctx, branch);
		return;
	}
	for (uint32_t i = 0; i < WIDTH; i++, part.first += part.leaves)
		if (hm_spawn(ctx, branch_props(), NULL, &part, NULL) != 0)
			hm_fail(ctx, "no memory for a child; raise --memory");
}

static void
branch_add(struct hm_ctx *ctx, struct branch *branch, const uint64_t *sum)
{
	branch->sum += *sum;
	if (++branch->answers == WIDTH)
		branch_answer(ctx, branch);
}

HM_RECEIVE(branch_receive, struct branch,
	   HM_ON_EMPTY(HM_STARTED, branch_start) HM_ON(branch_sum, branch_add));

/* Branches spawn branches, which the receive function above does not know yet. */
static const struct hm_props *
branch_props(void)
{
	static const struct hm_props props = { .receive = branch_receive,
					       .state_size = sizeof(struct branch),
					       .args_size = sizeof(struct part),
					       .supervisor = &stop_all };

	return &props;
}

/* ---- Rounds ---------------------------------------------------------------------------- */

static void
round_begin(struct hm_ctx *ctx, struct benchmark *benchmark)
{
	benchmark->leaves = 1;
	benchmark->actors = 1;
	for (uint64_t i = 0; i < depth; i++) {
		benchmark->leaves *= WIDTH;
		benchmark->actors += benchmark->leaves;
	}
	benchmark->begin_ns = hm_now_ns(ctx);
	if (hm_spawn(ctx, branch_props(), NULL, &(struct part){ 0, benchmark->leaves }, NULL) != 0)
		hm_fail(ctx, "no memory for the root");
}

static void
on_sum(struct hm_ctx *ctx, struct benchmark *benchmark, const uint64_t *sum)
{
	double seconds = (double)(hm_now_ns(ctx) - benchmark->begin_ns) * 1e-9;

	printf("%" PRIu64 " actors, sum %" PRIu64 ", in %.3f s: %.0f actors/s\n", benchmark->actors, *sum,
	       seconds, (double)benchmark->actors / seconds);
	if (*sum != benchmark->leaves * (benchmark->leaves - 1) / 2)
		hm_fail(ctx, "that is not the sum of all leaves");
}

/* Behind its answer: the root has ended, and before it all others. */
static void
on_root_end(struct hm_ctx *ctx, struct benchmark *benchmark)
{
	if (++benchmark->round < rounds)
		round_begin(ctx, benchmark);
	else
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(benchmark_receive, struct benchmark,
	   HM_ON_EMPTY(HM_STARTED, round_begin) HM_ON(branch_sum, on_sum)
		   HM_ON_EMPTY(HM_TERMINATED, on_root_end));

int
main(int argc, char **argv)
{
	static const struct hm_option options[] = {
		{ .name = "depth",
		  .help = "of the tree, which has 10^N leaves; default 6: a million",
		  .kind = HM_OPTION_NUMBER,
		  .value = &depth,
		  .min = 0,
		  .max = 7 },
		{ .name = "rounds",
		  .help = "trees, one after the other; default 10",
		  .kind = HM_OPTION_NUMBER,
		  .value = &rounds,
		  .min = 1,
		  .max = UINT32_MAX },
		{ .name = NULL },
	};
	static const struct hm_config config = {
		.options = options,
		.summary = "spawn-benchmark: a tree of actors, ten children each.",
		.supervisor = &stop_all
	};
	static const struct hm_props benchmark = { .receive = benchmark_receive,
						   .state_size = sizeof(struct benchmark),
						   .supervisor = &stop_all };
	static const struct hm_program program = {
		.config = &config, .prepare = tree_register, .props = &benchmark, .name = "benchmark"
	};

	return hm_program_run(&program, argc, argv);
}
