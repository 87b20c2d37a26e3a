/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * remote.pingpong: round-trip time of a message to an actor of another process and back.
 */
#include <math.h>
#include <stdlib.h>

#include "bench_clock.h"
#include "remote_node.h"

#define PAYLOAD 32

struct run {
	struct remote remote;
	double limit_us, value_us; /* of the last slices: medians */
	uint64_t number;           /* of the ball in flight */
	uint64_t end_ticks;        /* of this slice */
	uint64_t last_ticks;
	struct bench_histogram slice;                    /* round trips of the present slice */
	struct bench_histogram value_ticks, limit_ticks; /* of all slices */
};

static void
echo_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct remote *remote = *(struct remote **)state;

	if (hm_msg_type(msg) == REMOTE_BALL)
		bench_node_check(&remote->node, ctx, hm_respond(ctx, REMOTE_BALL, hm_msg_body(msg)));
	else
		remote_echo_receive(ctx, state, msg);
}

static void
ball_throw(struct hm_ctx *ctx, struct run *run)
{
	struct remote *remote = &run->remote;

	remote->ball.number = ++run->number;
	bench_node_check(&remote->node, ctx, hm_request(ctx, remote->echo_pid, REMOTE_BALL, &remote->ball));
}

/* Not the mean: of microseconds, it would be dominated by the milliseconds for which a core is taken away
 * now and then. */
static double
median_us(const struct run *run)
{
	return (double)bench_histogram_percentile(&run->slice, 50) * bench_clock_tick_ns() / 1e3;
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	struct bench_node *node = &run->remote.node;

	bench_histogram_init(&run->slice);
	if (isnan(limit_echo_drive(run->remote.port, bench_options_slice_s(&node->options), &run->slice))) {
		bench_node_fail(node, ctx, "the raw echo does not answer");
		return;
	}
	run->limit_us = median_us(run);
	if (node->warm)
		bench_histogram_merge(&run->limit_ticks, &run->slice);

	bench_histogram_init(&run->slice);
	run->last_ticks = bench_clock_ticks();
	run->end_ticks = run->last_ticks + bench_node_slice_ticks(node);
	ball_throw(ctx, run);
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	struct bench_node *node = &run->remote.node;

	run->value_us = median_us(run);
	if (node->warm)
		bench_histogram_merge(&run->value_ticks, &run->slice);
	if (bench_node_slice(node, ctx, run->value_us, run->limit_us))
		remote_limit_call(&run->remote, ctx, false);
	else
		remote_quit(&run->remote, ctx);
}

static void
ball_catch(struct hm_ctx *ctx, struct run *run, const Hermod__Bench__Ball *ball)
{
	uint64_t now = bench_clock_ticks();

	if (ball->number != run->number) {
		bench_node_fail(&run->remote.node, ctx, "an echo came out of order");
		return;
	}
	bench_histogram_record(&run->slice, now - run->last_ticks);
	run->last_ticks = now;
	if (now >= run->end_ticks)
		slices_end(ctx, run);
	else
		ball_throw(ctx, run);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		remote_find(&run->remote, ctx);
		break;
	case REMOTE_FOUND:
		remote_limit_call(&run->remote, ctx, false);
		break;
	case REMOTE_GO:
		slices_begin(ctx, run);
		break;
	case REMOTE_BALL:
		ball_catch(ctx, run, hm_msg_body(msg));
		break;
	default:
		remote_driver_receive(&run->remote, ctx, msg);
		break;
	}
}

static void
row_fill(struct remote *remote, struct bench_row *row)
{
	struct run *run = (struct run *)remote;
	double tick_us = bench_clock_tick_ns() / 1e3;

	bench_row_latency(row, &run->value_ticks, tick_us);
	bench_row_limit_latency(row, &run->limit_ticks, tick_us);
}

int
main(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int status;

	if (run == NULL)
		return EXIT_FAILURE;
	bench_node_init(&run->remote.node, "Round trip between actors of two processes.");
	run->remote.node.options.payload = PAYLOAD;
	run->remote.name = "remote.pingpong";
	run->remote.unit = "us";
	run->remote.note = "limit: raw echo of a 64-byte frame over the same kind of port";
	run->remote.driver = driver_receive;
	run->remote.echo = echo_receive;
	run->remote.row_fill = row_fill;
	status = remote_main(&run->remote, argc, argv);
	free(run);
	return status;
}
