/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * event.publish.N: what it takes to publish an event to N actors of the publisher's lcore, until they have received it.
 *
 *     driver ── hm_publish ──▶ stream ══▶ N subscribers      the value
 *            ── hm_send, N times ═══════▶ the same actors    the baseline
 *
 * In each round 512 messages are under way; whoever receives the last one has the driver begin the next one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench_clock.h"
#include "bench_node.h"

#define WARM_UP_COUNT   20000
#define IN_FLIGHT       512u
#define SUBSCRIBERS_MAX 64u

enum {
	TYPE_EVENT = HM_TYPE_USER,
	TYPE_ROUND, /* to the driver: all of the last round have come */
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	uint32_t subscribers;
	struct hm_pid driver, pids[SUBSCRIBERS_MAX];
	bool publishes; /* the slice is of the value */
	uint32_t burst; /* events of a round */
	double limit_ns, value_ns;
	uint64_t count, remaining; /* events of this slice, and those that are still to come */
	uint64_t waiting;          /* messages of this round that have not come */
	double start_s;
	uint64_t payload[BENCH_PAYLOAD_MAX / sizeof(uint64_t) + 1];
};

static void
subscriber_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) == TYPE_EVENT && --run->waiting == 0)
		bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_ROUND, NULL));
}

static void
slice_begin(struct hm_ctx *ctx, struct run *run, bool publishes)
{
	double last_ns = publishes ? run->value_ns : run->limit_ns;

	run->publishes = publishes;
	run->count = run->remaining = bench_node_count(&run->node, last_ns, WARM_UP_COUNT);
	bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_ROUND, NULL));
	run->start_s = bench_clock_cpu_seconds();
}

static void
slice_end(struct hm_ctx *ctx, struct run *run)
{
	double ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;

	if (!run->publishes) {
		run->limit_ns = ns;
		slice_begin(ctx, run, true);
		return;
	}
	run->value_ns = ns;
	if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		slice_begin(ctx, run, false);
}

static enum hm_result
tell_all(struct hm_ctx *ctx, const struct run *run)
{
	enum hm_result result = HM_OK;

	for (uint32_t i = 0; i < run->subscribers && result == HM_OK; i++)
		result = hm_send(ctx, run->pids[i], TYPE_EVENT, run->payload);
	return result;
}

static void
round_run(struct hm_ctx *ctx, struct run *run)
{
	uint64_t events = run->remaining < run->burst ? run->remaining : run->burst;
	enum hm_result result = HM_OK;

	if (events == 0) {
		slice_end(ctx, run);
		return;
	}
	run->remaining -= events;
	run->waiting = events * run->subscribers;
	for (uint64_t i = 0; i < events && result == HM_OK; i++)
		result = run->publishes ? hm_publish(ctx, TYPE_EVENT, run->payload) : tell_all(ctx, run);
	bench_node_check(&run->node, ctx, result);
}

static bool
subscribers_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props props = { .receive = subscriber_receive,
					       .state_size = sizeof(struct run *),
					       .args_size = sizeof(struct run *) };

	for (uint32_t i = 0; i < run->subscribers; i++) {
		if (hm_spawn(ctx, &props, NULL, &run, &run->pids[i]) != 0 ||
		    hm_event_subscribe_pid(hm_system(ctx), TYPE_EVENT, 0, run->pids[i], NULL) != 0)
			return false;
	}
	return true;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) == TYPE_ROUND)
		round_run(ctx, run);
	if (hm_msg_type(msg) != HM_STARTED)
		return;
	run->driver = hm_self(ctx);
	if (subscribers_spawn(ctx, run))
		slice_begin(ctx, run, false);
	else
		bench_node_fail(&run->node, ctx, "cannot spawn the subscribers");
}

static int
types_register(struct run *run)
{
	uint32_t payload = run->node.options.payload;
	uint32_t size = payload > sizeof(uint64_t) ? payload : sizeof(uint64_t);
	int status = bench_node_type(&run->node, TYPE_EVENT, "event", size);

	return status == 0 ? bench_node_type(&run->node, TYPE_ROUND, "round", 0) : status;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	static const struct {
		uint32_t subscribers;
		const char *row;
	} kinds[] = { { 1, "event.publish.1" }, { 8, "event.publish.8" }, { 64, "event.publish.64" } };
	struct run *run = (struct run *)node;
	int status;

	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].subscribers == run->subscribers)
			bench_row_init(row, kinds[i].row, "ns/publish");
	}
	row->note = "baseline: as many plain tells to the same actors";
	run->burst = IN_FLIGHT / run->subscribers;
	status = types_register(run);
	return status == 0 ? bench_node_run(node, "driver", driver_receive, run) : status;
}

static int
subscribers_set(void *value, const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end != '\0' || (number != 1 && number != 8 && number != SUBSCRIBERS_MAX))
		return -EINVAL;
	*(uint32_t *)value = (uint32_t)number;
	return 0;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->subscribers = 1;
	run->extras[0] =
		(struct bench_option){ "subscribers", "COUNT", "actors that subscribe: 1, 8 or 64 (1)",
				       subscribers_set, &run->subscribers };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "What it takes to publish an event to actors of the same lcore.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
