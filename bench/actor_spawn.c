/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * spawn: time of an actor, from the call that spawns it until it has handled HM_STARTED.
 *
 * A million actors in a slice; stopping them is not measured.
 */

#include "actor_crowd.h"
#include "bench_clock.h"
#include "limit_dispatch.h"

#define CROWD 1000000

struct run {
	struct bench_node node;
	struct actor_crowd crowd;
	struct limit_dispatch *limit;
	uint32_t terminated;
	double limit_ns;
	double begin_s;
};

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	run->limit_ns = limit_dispatch_spawn_ns(run->limit);
	run->terminated = 0;
	actor_crowd_spawn(&run->crowd, ctx);
}

/* a slice cannot be made shorter, so with many repeats the duration ends the run before they are done */
static bool
time_is_up(const struct run *run)
{
	return bench_clock_seconds() - run->begin_s > run->node.options.duration_s &&
	       run->node.slices.count >= 3;
}

static void
member_gone(struct hm_ctx *ctx, struct run *run)
{
	double spent_s = run->crowd.started_s - run->crowd.start_s;

	if (++run->terminated < CROWD)
		return;
	if (!bench_node_slice(&run->node, ctx, spent_s / CROWD * 1e9, run->limit_ns))
		return;
	if (time_is_up(run))
		hm_system_stop(hm_system(ctx));
	else
		slices_begin(ctx, run);
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
	case ACTOR_CROWD_MORE:
		actor_crowd_go_on(&run->crowd, ctx);
		break;
	case ACTOR_CROWD_STARTED:
		actor_crowd_stop(&run->crowd, ctx);
		break;
	case HM_TERMINATED:
		member_gone(ctx, run);
		break;
	default:
		break;
	}
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = limit_dispatch_create(&run->limit, CROWD);

	bench_row_init(row, "spawn", "ns");
	row->note = "baseline: as many bare actors, set up and given a first message";
	if (status == 0)
		status = actor_crowd_init(&run->crowd, node, CROWD);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	actor_crowd_fini(&run->crowd);
	limit_dispatch_destroy(run->limit);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "From spawn to the first message handled, a million actors at a time.",
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
