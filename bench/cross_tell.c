/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * cross.tell: rate of messages from one actor to an actor on another lcore.
 *
 *     lcore 0: driver ── TYPE_LIMIT ──▶ lcore 1: sink     both enter the raw loop of limit_ring.h
 *              driver ── TYPE_TELL ═══▶          sink     then messages flow one way,
 *                     ◀─ TYPE_CREDIT ──                   and the sink acknowledges them in parts
 *
 * A message of hermod has the size of one in the raw loop: 64 bytes of memory, header included. At most
 * `--in-flight` messages are in flight, which bounds memory as the mempool does in the raw loop.
 */
#include <stdbool.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_ring.h"

#define WARM_UP_COUNT 400000

/* as in cross_pingpong.c: TYPE_LIMIT has to be flushed before the driver enters the raw loop */
#define LIMIT_DELAY_US 200

/* Messages in flight, and the number of parts that they are acknowledged in. */
#define IN_FLIGHT 4096
#define PARTS     8

/* 64 bytes less the header. */
#define BODY_BYTES 24

enum {
	TYPE_TELL = HM_TYPE_USER,
	TYPE_CREDIT, /* to the driver: a part was handled */
	TYPE_LIMIT,  /* to the sink: enter the raw loop */
	TYPE_GO,     /* the driver to itself: enter the raw loop */
};

struct limit_call {
	uint64_t messages;
};

/* Written before the system runs, or by the driver alone. */
struct run {
	struct bench_node node;
	struct limit_ring *ring;
	struct hm_pid sink;
	uint32_t part;             /* messages acknowledged together */
	double limit_ns, value_ns; /* of the last slices */
	struct limit_call call;
	uint64_t count; /* messages of this slice */
	uint64_t unsent;
	uint64_t unacknowledged;
	double start_s;
	uint64_t payload[BENCH_PAYLOAD_MAX / sizeof(uint64_t) + 1];
};

/* ---- sink: lcore 1 -------------------------------------------------------------------- */

struct sink {
	struct run *run;
	uint32_t part;
	uint32_t handled; /* of the present part */
	uint64_t sum;     /* makes sure that every body is read, as in the raw loop */
};

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct sink *sink = state;
	const uint64_t *words = hm_msg_body(msg);

	switch (hm_msg_type(msg)) {
	case TYPE_TELL:
		sink->sum += words[0];
		if (++sink->handled < sink->part)
			break;
		sink->handled = 0;
		bench_node_check(&sink->run->node, ctx, hm_respond(ctx, TYPE_CREDIT, NULL));
		break;
	case TYPE_LIMIT:
		sink->sum += limit_messages_receive(sink->run->ring, words[0]);
		break;
	default:
		break;
	}
}

/* ---- driver: lcore 0 ------------------------------------------------------------------ */

static void
part_send(struct hm_ctx *ctx, struct run *run)
{
	uint32_t part = run->part;

	for (uint32_t i = 1; i < part; i++) {
		run->payload[0] = i;
		bench_node_check(&run->node, ctx, hm_send(ctx, run->sink, TYPE_TELL, run->payload));
	}
	/* the last of a part is a request, so that the sink can respond */
	bench_node_check(&run->node, ctx, hm_request(ctx, run->sink, TYPE_TELL, run->payload));
	run->unsent -= part;
}

static void
limit_call(struct hm_ctx *ctx, struct run *run)
{
	run->call.messages = bench_node_count(&run->node, run->limit_ns, WARM_UP_COUNT);
	bench_node_check(&run->node, ctx, hm_send(ctx, run->sink, TYPE_LIMIT, &run->call));
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_GO, NULL, LIMIT_DELAY_US, 0, NULL));
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	uint64_t count, parts;

	run->limit_ns = limit_messages_send(run->ring, run->call.messages);

	count = bench_node_count(&run->node, run->value_ns, WARM_UP_COUNT);
	parts = count / run->part + PARTS;
	run->count = run->unsent = run->unacknowledged = parts * run->part;
	run->start_s = bench_clock_seconds();
	for (int i = 0; i < PARTS; i++)
		part_send(ctx, run);
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = (bench_clock_seconds() - run->start_s) / (double)run->count * 1e9;
	if (bench_node_slice(&run->node, ctx, 1e3 / run->value_ns, 1e3 / run->limit_ns))
		limit_call(ctx, run);
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

static bool
sink_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props props = {
		.receive = sink_receive,
		.state_size = sizeof(struct sink),
		.args_size = sizeof(struct sink),
		.lcore = HM_LCORE(1),
	};
	const struct sink sink = { .run = run, .part = run->part };

	return hm_spawn(ctx, &props, "sink", &sink, &run->sink) == 0;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (sink_spawn(ctx, run))
			limit_call(ctx, run);
		else
			bench_node_fail(&run->node, ctx, "cannot spawn on the second lcore");
		break;
	case TYPE_GO:
		slices_begin(ctx, run);
		break;
	case TYPE_CREDIT:
		credit_take(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- program -------------------------------------------------------------------------- */

static int
types_register(struct run *run)
{
	int status = bench_node_type(&run->node, TYPE_TELL, "tell", run->node.options.payload);

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_CREDIT, "credit", 0);
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

	run->part = run->node.options.in_flight / PARTS;
	if (run->part == 0)
		run->part = 1;
	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	bench_row_init(row, "cross.tell", "M msg/s");
	row->note = "baseline: 64-byte messages through a raw ring, in bursts of 32";
	limit_ring_destroy(run->ring);
	return status;
}

static void
prepare(struct bench_node *node)
{
	node->options.in_flight = IN_FLIGHT;
	node->options.payload = BODY_BYTES;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "Messages from one lcore to another, 64 bytes of memory each.",
		.lcores = 2,
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
