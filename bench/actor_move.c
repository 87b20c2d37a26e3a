/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * move: how long it takes an idle actor to move to another lcore, until it runs there.
 *
 *     lcore 0: driver ── TYPE_LIMIT ──▶ lcore 1: echo     both enter the raw loop of limit_ring.h
 *              mover  ◀──────────────────────▶ mover      then an actor moves itself to and fro
 */
#include <stdbool.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "hm_move.h"
#include "limit_ring.h"

#define WARM_UP_COUNT 20000
/* Of the first slice of moves. */
#define MOVES_FIRST 200

/* The driver's turn has to end before the driver enters the raw loop: the end of a turn flushes the
 * lane that holds TYPE_LIMIT. */
#define LIMIT_DELAY_US 200

enum {
	TYPE_BEGIN = HM_TYPE_USER, /* to the mover: a slice */
	TYPE_DONE,                 /* to the driver: it is over */
	TYPE_LIMIT,                /* to the echo: enter the raw loop */
	TYPE_GO,                   /* the driver to itself: enter the raw loop */
};

struct limit_call {
	uint64_t rounds;
};

struct run {
	struct bench_node node;
	struct limit_ring *ring;
	struct hm_pid driver, echo, mover;
	double limit_ns, value_ns, pace_ns; /* of the last slices */
	struct limit_call call;
	uint64_t moves, left; /* in this slice, and still to come */
	double start_s;
	struct bench_histogram chunks;
};

/* ---- echo: lcore 1 ------------------------------------------------------------------ */

static void
echo_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	const struct limit_call *call = hm_msg_body(msg);

	(void)ctx;
	if (hm_msg_type(msg) == TYPE_LIMIT)
		limit_pair_echo(run->ring, call->rounds);
}

/* ---- mover -------------------------------------------------------------------------- */

static void
leave(struct hm_ctx *ctx, struct run *run)
{
	bench_node_check(&run->node, ctx, hm_move(ctx, hm_self(ctx), 1 - hm_lcore(ctx)));
}

static void
mover_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) == TYPE_BEGIN)
		leave(ctx, run);
	else if (hm_msg_type(msg) != HM_MOVED)
		return;
	else if (--run->left > 0)
		leave(ctx, run);
	else
		bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_DONE, NULL));
}

/* ---- driver: lcore 0 ---------------------------------------------------------------- */

static void
limit_call(struct hm_ctx *ctx, struct run *run)
{
	run->call.rounds = bench_node_count(&run->node, run->pace_ns, WARM_UP_COUNT);
	bench_node_check(&run->node, ctx, hm_send(ctx, run->echo, TYPE_LIMIT, &run->call));
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_GO, NULL, LIMIT_DELAY_US, 0, NULL));
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	bench_histogram_init(&run->chunks);
	run->pace_ns = limit_pair_drive(run->ring, run->call.rounds, &run->chunks);
	run->limit_ns = (double)bench_histogram_percentile(&run->chunks, 50) / LIMIT_PAIR_CHUNK *
			bench_clock_tick_ns();
	run->left = run->moves = bench_node_count(&run->node, run->value_ns, MOVES_FIRST);
	run->start_s = bench_clock_seconds();
	bench_node_check(&run->node, ctx, hm_send(ctx, run->mover, TYPE_BEGIN, NULL));
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = (bench_clock_seconds() - run->start_s) / (double)run->moves * 1e9;
	if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		limit_call(ctx, run);
}

static bool
actors_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props echo = {
		.receive = echo_receive,
		.state_size = sizeof(struct run *),
		.args_size = sizeof(struct run *),
		.lcore = HM_LCORE(1),
	};
	static const struct hm_props mover = {
		.receive = mover_receive,
		.state_size = sizeof(struct run *),
		.args_size = sizeof(struct run *),
		.lcore = HM_LCORE(0),
	};

	run->driver = hm_self(ctx);
	return hm_spawn(ctx, &echo, "echo", &run, &run->echo) == 0 &&
	       hm_spawn(ctx, &mover, "mover", &run, &run->mover) == 0;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (actors_spawn(ctx, run))
			limit_call(ctx, run);
		else
			bench_node_fail(&run->node, ctx, "cannot spawn on the second lcore");
		break;
	case TYPE_GO:
		slices_begin(ctx, run);
		break;
	case TYPE_DONE:
		slices_end(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- program ------------------------------------------------------------------------ */

static int
types_register(struct run *run)
{
	int status = bench_node_type(&run->node, TYPE_BEGIN, "begin", 0);

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_DONE, "done", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_LIMIT, "limit", sizeof(struct limit_call));
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_GO, "go", 0);
	return status;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = limit_ring_create(&run->ring);

	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	bench_row_init(row, "move", "ns");
	row->note = "limit: one pointer through two rings and back";
	limit_ring_destroy(run->ring);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "An idle actor that moves between two lcores, until it runs there.",
		.lcores = 2,
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
