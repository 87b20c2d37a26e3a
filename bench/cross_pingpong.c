/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * cross.pingpong: round-trip time of a message to another lcore and back.
 *
 *     lcore 0: driver ── TYPE_LIMIT ──▶ lcore 1: echo     both enter the raw loop of limit_ring.h
 *              driver ◀─ TYPE_BALL ──▶           echo     then one message goes back and forth
 */
#include <stdbool.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_ring.h"

#define WARM_UP_COUNT 20000

/* The driver's turn has to end before the driver enters the raw loop: the end of a turn flushes the
 * lane that holds TYPE_LIMIT. */
#define LIMIT_DELAY_US 200

enum {
	TYPE_BALL = HM_TYPE_USER,
	TYPE_LIMIT, /* to the echo: enter the raw loop */
	TYPE_GO,    /* the driver to itself: enter the raw loop */
};

struct limit_call {
	uint64_t rounds;  /* timed as a whole */
	uint64_t stamped; /* timed one by one, for the latency curve */
};

struct run {
	struct bench_node node;
	struct limit_ring *ring;
	struct hm_pid echo;
	double limit_ns, value_ns; /* of the last slices: medians of chunks */
	double pace_ns;            /* mean of the last limit slice: tells how many rounds fill the next */
	struct limit_call call;
	uint64_t rounds;    /* done in this slice */
	uint64_t end_ticks; /* of this slice */
	uint64_t last_ticks, chunk_ticks;
	struct bench_histogram chunks;                   /* of the present slice */
	struct bench_histogram value_ticks, limit_ticks; /* single round trips, of all slices */
	uint64_t payload[BENCH_PAYLOAD_MAX / sizeof(uint64_t) + 1];
};

/* ---- echo: lcore 1 ------------------------------------------------------------------ */

static void
echo_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	const struct limit_call *call = hm_msg_body(msg);

	switch (hm_msg_type(msg)) {
	case TYPE_BALL:
		bench_node_check(&run->node, ctx, hm_respond(ctx, TYPE_BALL, hm_msg_body(msg)));
		break;
	case TYPE_LIMIT:
		limit_pair_echo(run->ring, call->rounds);
		limit_pair_echo(run->ring, call->stamped);
		break;
	default:
		break;
	}
}

/* ---- driver: lcore 0 ---------------------------------------------------------------- */

static void
ball_throw(struct hm_ctx *ctx, struct run *run)
{
	bench_node_check(&run->node, ctx, hm_request(ctx, run->echo, TYPE_BALL, run->payload));
}

static void
limit_call(struct hm_ctx *ctx, struct run *run)
{
	run->call.rounds = bench_node_count(&run->node, run->pace_ns, WARM_UP_COUNT);
	run->call.stamped = run->call.rounds / 4;
	bench_node_check(&run->node, ctx, hm_send(ctx, run->echo, TYPE_LIMIT, &run->call));
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_GO, NULL, LIMIT_DELAY_US, 0, NULL));
}

/* Median of chunks: a mean of microseconds would be dominated by the milliseconds for which the core is
 * taken away now and then. */
static double
round_trip_ns(const struct run *run)
{
	return (double)bench_histogram_percentile(&run->chunks, 50) / LIMIT_PAIR_CHUNK *
	       bench_clock_tick_ns();
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	bench_histogram_init(&run->chunks);
	run->pace_ns = limit_pair_drive(run->ring, run->call.rounds, &run->chunks);
	run->limit_ns = round_trip_ns(run);
	limit_pair_stamp(run->ring, run->call.stamped, &run->limit_ticks);
	if (!run->node.warm)
		bench_histogram_init(&run->limit_ticks);

	run->rounds = 0;
	bench_histogram_init(&run->chunks);
	run->last_ticks = run->chunk_ticks = bench_clock_ticks();
	run->end_ticks = run->last_ticks + bench_node_slice_ticks(&run->node);
	ball_throw(ctx, run);
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = round_trip_ns(run);
	if (!run->node.warm)
		bench_histogram_init(&run->value_ticks);
	if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		limit_call(ctx, run);
}

static void
ball_catch(struct hm_ctx *ctx, struct run *run)
{
	uint64_t now = bench_clock_ticks();

	bench_histogram_record(&run->value_ticks, now - run->last_ticks);
	run->last_ticks = now;
	if (++run->rounds % LIMIT_PAIR_CHUNK == 0) {
		bench_histogram_record(&run->chunks, now - run->chunk_ticks);
		run->chunk_ticks = now;
		if (now >= run->end_ticks) {
			slices_end(ctx, run);
			return;
		}
	}
	ball_throw(ctx, run);
}

static bool
echo_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props props = {
		.receive = echo_receive,
		.state_size = sizeof(struct run *),
		.args_size = sizeof(struct run *),
		.lcore = HM_LCORE(1),
	};

	return hm_spawn(ctx, &props, "echo", &run, &run->echo) == 0;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (echo_spawn(ctx, run))
			limit_call(ctx, run);
		else
			bench_node_fail(&run->node, ctx, "cannot spawn on the second lcore");
		break;
	case TYPE_GO:
		slices_begin(ctx, run);
		break;
	case TYPE_BALL:
		ball_catch(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- program ------------------------------------------------------------------------ */

static int
types_register(struct run *run)
{
	uint32_t payload = run->node.options.payload;
	int status = bench_node_type(&run->node, TYPE_BALL, "ball",
				     payload > sizeof(uint64_t) ? payload : sizeof(uint64_t));

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
	bench_row_init(row, "cross.pingpong", "ns");
	row->note = "limit: one pointer through two rings and back";
	bench_row_latency(row, &run->value_ticks, bench_clock_tick_ns());
	bench_row_limit_latency(row, &run->limit_ticks, bench_clock_tick_ns());
	limit_ring_destroy(run->ring);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "Round trip between two lcores, one message in flight.",
		.lcores = 2,
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
