/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.request: cost of a request with a future, and its answer, on one lcore.
 *
 * A request takes two messages, so the limit is twice the bare loop's time of a message.
 */

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_dispatch.h"

#define TIMEOUT_US    10000000
#define WARM_UP_COUNT 100000

enum {
	TYPE_REQUEST = HM_TYPE_USER,
	TYPE_ANSWER,
};

struct run {
	struct bench_node node;
	struct limit_dispatch *limit;
	struct hm_pid responder;
	uint32_t in_flight;
	double limit_ns, value_ns; /* of the last slices */
	uint64_t count;            /* requests of this slice */
	uint64_t remaining;        /* still to be sent */
	uint64_t draining;         /* sent and not answered, once remaining is 0 */
	double start_s;
	uint64_t payload[BENCH_PAYLOAD_MAX / sizeof(uint64_t) + 1];
};

static void slices_begin(struct hm_ctx *ctx, struct run *run);
static void request_send(struct hm_ctx *ctx, struct run *run);

static void
responder_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	/* without an answer the request times out, which on_answer reports */
	if (hm_msg_type(msg) == TYPE_REQUEST)
		(void)hm_respond(ctx, TYPE_ANSWER, hm_msg_body(msg));
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;
	if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		slices_begin(ctx, run);
}

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct run *run = arg;

	(void)state;
	(void)reply;
	if (result != HM_FUTURE_REPLY) {
		bench_node_fail(&run->node, ctx, "a request got no answer");
		return;
	}
	if (run->remaining > 0) {
		run->remaining--;
		request_send(ctx, run);
	} else if (--run->draining == 0) {
		slices_end(ctx, run);
	}
}

static void
request_send(struct hm_ctx *ctx, struct run *run)
{
	bench_node_check(&run->node, ctx,
			 hm_ask(ctx, run->responder, TYPE_REQUEST, run->payload, TIMEOUT_US, on_answer, run));
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	run->limit_ns =
		2 * limit_dispatch_naive_ns(run->limit, run->in_flight,
					    bench_node_count(&run->node, run->limit_ns / 2, WARM_UP_COUNT));
	run->count = bench_node_count(&run->node, run->value_ns, WARM_UP_COUNT);
	run->draining = run->in_flight;
	run->remaining = run->count > run->in_flight ? run->count - run->in_flight : 0;
	run->start_s = bench_clock_cpu_seconds();
	for (uint32_t i = 0; i < run->in_flight; i++)
		request_send(ctx, run);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props responder = { .receive = responder_receive };
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	if (hm_spawn(ctx, &responder, "responder", NULL, &run->responder) == 0)
		slices_begin(ctx, run);
	else
		bench_node_fail(&run->node, ctx, "cannot spawn the responder");
}

static int
types_register(struct run *run)
{
	uint32_t payload = run->node.options.payload;
	uint32_t size = payload > sizeof(uint64_t) ? payload : sizeof(uint64_t);
	int status = bench_node_type(&run->node, TYPE_REQUEST, "request", size);

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_ANSWER, "answer", size);
	return status;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = limit_dispatch_create(&run->limit, 2);

	bench_row_init(row, "local.request", "ns/request");
	row->note = "baseline: two messages of the bare dispatch loop";
	run->in_flight = node->options.in_flight;
	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	limit_dispatch_destroy(run->limit);
	return status;
}

static void
prepare(struct bench_node *node)
{
	node->options.in_flight = 1;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "A request with a future, and its answer, on one lcore.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
