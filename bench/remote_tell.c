/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * remote.tell: rate of messages from one actor to an actor of another process.
 *
 * The driver keeps at most `--in-flight` messages in flight; the receiver acknowledges them in parts. The
 * limit is what the port could carry if frames held, behind the UDP header, only payloads: the rate of
 * bare frames of the largest size, times the payloads that fit into one.
 */
#include <math.h>
#include <stdlib.h>

#include "bench_clock.h"
#include "remote_node.h"

#define WARM_UP_COUNT 100000
#define PAYLOAD       32
#define IN_FLIGHT     4096
#define PARTS         8

/* Bytes of a frame without the headers of Ethernet, IPv4 and UDP. */
#define FRAME_ROOM (LIMIT_FRAME_MAX_BYTES - 42)

struct run {
	struct remote remote;
	uint32_t part;               /* messages acknowledged together */
	uint32_t handled;            /* echo node: of the present part */
	double limit_rate, value_ns; /* of the last slices */
	uint64_t count;              /* messages of this slice */
	uint64_t unsent, unacknowledged;
	double start_s;
};

/* ---- echo node -------------------------------------------------------------------------- */

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	Hermod__Bench__Credit credit = HERMOD__BENCH__CREDIT__INIT;

	if (hm_msg_type(msg) != REMOTE_BALL) {
		remote_echo_receive(ctx, state, msg);
		return;
	}
	if (++run->handled < run->part)
		return;
	run->handled = 0;
	bench_node_check(&run->remote.node, ctx, hm_respond(ctx, REMOTE_CREDIT, &credit));
}

/* ---- driver ------------------------------------------------------------------------------- */

static void
part_send(struct hm_ctx *ctx, struct run *run)
{
	struct remote *remote = &run->remote;

	for (uint32_t i = 1; i < run->part; i++) {
		remote->ball.number = i;
		bench_node_check(&remote->node, ctx,
				 hm_send(ctx, remote->echo_pid, REMOTE_BALL, &remote->ball));
	}
	/* the last of a part is a request, so that the receiver can respond */
	bench_node_check(&remote->node, ctx, hm_request(ctx, remote->echo_pid, REMOTE_BALL, &remote->ball));
	run->unsent -= run->part;
}

static double
limit_measure(struct run *run)
{
	const struct bench_options *options = &run->remote.node.options;
	double frame_ns =
		limit_stream_drive(run->remote.port, bench_options_slice_s(options), LIMIT_FRAME_MAX_BYTES);
	uint32_t payload = options->payload < FRAME_ROOM ? options->payload : FRAME_ROOM;

	return floor((double)FRAME_ROOM / payload) * 1e3 / frame_ns;
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	struct bench_node *node = &run->remote.node;
	uint64_t parts = bench_node_count(node, run->value_ns, WARM_UP_COUNT) / run->part + PARTS;

	run->limit_rate = limit_measure(run);
	if (isnan(run->limit_rate)) {
		bench_node_fail(node, ctx, "the raw frames are not answered");
		return;
	}
	run->count = run->unsent = run->unacknowledged = parts * run->part;
	run->start_s = bench_clock_seconds();
	for (int i = 0; i < PARTS; i++)
		part_send(ctx, run);
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = (bench_clock_seconds() - run->start_s) / (double)run->count * 1e9;
	if (bench_node_slice(&run->remote.node, ctx, 1e3 / run->value_ns, run->limit_rate))
		remote_limit_call(&run->remote, ctx, true);
	else
		remote_quit(&run->remote, ctx);
}

static void
credit_take(struct hm_ctx *ctx, struct run *run)
{
	run->unacknowledged -= run->part;
	if (run->unsent > 0)
		part_send(ctx, run);
	if (run->unacknowledged == 0)
		slices_end(ctx, run);
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
		remote_limit_call(&run->remote, ctx, true);
		break;
	case REMOTE_GO:
		slices_begin(ctx, run);
		break;
	case REMOTE_CREDIT:
		credit_take(ctx, run);
		break;
	default:
		remote_driver_receive(&run->remote, ctx, msg);
		break;
	}
}

/* both processes have the same --in-flight, so parts have the same size */
static void
prepare(struct remote *remote)
{
	struct run *run = (struct run *)remote;
	uint32_t in_flight = remote->node.options.in_flight;

	run->part = in_flight > PARTS ? in_flight / PARTS : 1;
}

int
main(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int status;

	if (run == NULL)
		return EXIT_FAILURE;
	bench_node_init(&run->remote.node, "Messages from an actor to one of another process.");
	run->remote.node.options.payload = PAYLOAD;
	run->remote.node.options.in_flight = IN_FLIGHT;
	run->remote.name = "remote.tell";
	run->remote.unit = "M msg/s";
	run->remote.note =
		"limit: payloads that bare frames of 1,514 bytes would carry over the same kind of port";
	run->remote.driver = driver_receive;
	run->remote.echo = sink_receive;
	run->remote.prepare = prepare;
	status = remote_main(&run->remote, argc, argv);
	free(run);
	return status;
}
