/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * timer.million: a million timers of one lcore, armed and fired.
 *
 *     driver ── hm_send_after, a million times ──▶ all due within a millisecond ──▶ a million messages to the driver
 *
 * The time between the last call and the first message, in which nothing is done, does not count.
 */
#include <math.h>

#include "bench_clock.h"
#include "bench_node.h"

#define TIMERS 1000000u
/* Armed in one call of the driver's function. */
#define PART 500u
/* From the first call until they are due, and over how long they spread. */
#define DUE_US    1500000u
#define SPREAD_US 1000u

enum {
	TYPE_DUE = HM_TYPE_USER, /* of a timer */
	TYPE_MORE,               /* the driver to itself: arm the next part */
};

struct run {
	struct bench_node node;
	uint32_t armed, fired;
	uint64_t begin_ns, first_ns; /* first_ns: when the first one came */
	uint64_t armed_ns;           /* when the last one was armed */
};

static void
part_arm(struct hm_ctx *ctx, struct run *run)
{
	struct hm_pid self = hm_self(ctx);
	uint64_t passed_us = (hm_now_ns(ctx) - run->begin_ns) / 1000;

	for (uint32_t i = 0; i < PART && run->armed < TIMERS; i++, run->armed++) {
		uint64_t due_us = DUE_US + run->armed % SPREAD_US;
		uint64_t delay_us = due_us > passed_us ? due_us - passed_us : 0;

		bench_node_check(&run->node, ctx,
				 hm_send_after(ctx, self, TYPE_DUE, NULL, delay_us, 0, NULL));
	}
	if (run->armed < TIMERS)
		bench_node_check(&run->node, ctx, hm_send(ctx, self, TYPE_MORE, NULL));
	else
		run->armed_ns = hm_now_ns(ctx);
}

static void
slice_begin(struct hm_ctx *ctx, struct run *run)
{
	run->armed = run->fired = 0;
	run->armed_ns = 0;
	run->begin_ns = hm_now_ns(ctx);
	part_arm(ctx, run);
}

static void
slice_end(struct hm_ctx *ctx, struct run *run)
{
	uint64_t from_ns = run->first_ns > run->armed_ns ? run->first_ns : run->armed_ns;
	double spent_ns = (double)(run->armed_ns - run->begin_ns + hm_now_ns(ctx) - from_ns);

	if (bench_node_slice(&run->node, ctx, spent_ns / TIMERS, NAN))
		slice_begin(ctx, run);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		slice_begin(ctx, run);
		break;
	case TYPE_MORE:
		part_arm(ctx, run);
		break;
	case TYPE_DUE:
		if (run->fired++ == 0)
			run->first_ns = hm_now_ns(ctx);
		if (run->fired == TIMERS)
			slice_end(ctx, run);
		break;
	default:
		break;
	}
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = bench_node_type(node, TYPE_DUE, "due", 0);

	bench_row_init(row, "timer.million", "ns");
	row->note = "of each timer: armed, due, and its message handled; there is no limit beside it";
	if (status == 0)
		status = bench_node_type(node, TYPE_MORE, "more", 0);
	return status == 0 ? bench_node_run(node, "driver", driver_receive, run) : status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "A million timers of one lcore, armed and fired.",
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
