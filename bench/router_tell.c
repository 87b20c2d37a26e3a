/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * router.*: a message through a router, beside one that is sent to the same actors without it. All on one lcore.
 *
 *     driver ──64 a turn──▶ router ──▶ 8 sinks       the value
 *     driver ──64 a turn──▶ 8 sinks, in turn         the baseline
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "hm_router.h"

#define WARM_UP_COUNT 200000
#define SINKS         8u
#define BURST         64u

enum {
	TYPE_NUMBER = HM_TYPE_USER,
	TYPE_GO,   /* the driver to itself: the next burst */
	TYPE_DONE, /* a sink to the driver: the slice is over */
};

struct kind_of {
	const char *name, *row, *note;
	uint32_t kind;
};

static const struct kind_of kinds[] = {
	{ "round-robin", "router.round_robin",
	  "8 routees by round robin; baseline: the same, sent to directly", HM_ROUTER_ROUND_ROBIN },
	{ "hash", "router.hash", "8 routees by consistent hashing; baseline: the same, sent to directly",
	  HM_ROUTER_HASH },
};

struct run {
	struct bench_node node;
	const struct kind_of *kind;
	struct bench_option extras[2];
	struct hm_pid driver, router, sinks[SINKS];
	bool by_router;                /* in this slice */
	uint64_t count, sent, handled; /* of this slice */
	double limit_ns, value_ns, start_s;
};

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) == TYPE_NUMBER && ++run->handled == run->count)
		bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_DONE, NULL));
}

static uint64_t
key_of(const struct hm_msg *msg, void *arg)
{
	(void)arg;
	return *(const uint64_t *)hm_msg_body(msg);
}

/* ---- The driver ------------------------------------------------------------------------------ */

static void
burst(struct hm_ctx *ctx, struct run *run)
{
	for (uint32_t i = 0; i < BURST && run->sent < run->count; i++) {
		struct hm_pid to = run->by_router ? run->router : run->sinks[run->sent % SINKS];

		bench_node_check(&run->node, ctx, hm_send(ctx, to, TYPE_NUMBER, &run->sent));
		run->sent++;
	}
	if (run->sent < run->count)
		bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_GO, NULL));
}

static void
slice_begin(struct hm_ctx *ctx, struct run *run, bool by_router)
{
	run->by_router = by_router;
	run->count = bench_node_count(&run->node, by_router ? run->value_ns : run->limit_ns, WARM_UP_COUNT);
	run->sent = run->handled = 0;
	run->start_s = bench_clock_cpu_seconds();
	burst(ctx, run);
}

static void
slice_done(struct hm_ctx *ctx, struct run *run)
{
	double ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;

	if (!run->by_router) {
		run->limit_ns = ns;
		slice_begin(ctx, run, true);
		return;
	}
	run->value_ns = ns;
	if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		slice_begin(ctx, run, false);
}

static void
actors_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props sink = { .receive = sink_receive,
					      .state_size = sizeof(struct run *),
					      .args_size = sizeof(struct run *) };
	struct hm_router router = { .kind = run->kind->kind, .size = SINKS, .routees = run->sinks };
	bool is_made = true;

	run->driver = hm_self(ctx);
	run->limit_ns = run->value_ns = NAN;
	for (uint32_t i = 0; i < SINKS; i++)
		is_made &= hm_spawn(ctx, &sink, NULL, &run, &run->sinks[i]) == 0;
	if (router.kind == HM_ROUTER_HASH)
		router.key = key_of;
	if (is_made && hm_router_spawn(ctx, &router, NULL, &run->router) == 0)
		slice_begin(ctx, run, false);
	else
		bench_node_fail(&run->node, ctx, "cannot spawn the actors");
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		actors_spawn(ctx, run);
		break;
	case TYPE_GO:
		burst(ctx, run);
		break;
	case TYPE_DONE:
		slice_done(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- Program ---------------------------------------------------------------------------------- */

static int
measure(struct bench_node *node, struct bench_row *row)
{
	const struct run *run = (const struct run *)node;
	int status = bench_node_type(node, TYPE_NUMBER, "number", sizeof(uint64_t));

	if (status == 0)
		status = bench_node_type(node, TYPE_GO, "go", 0);
	if (status == 0)
		status = bench_node_type(node, TYPE_DONE, "done", 0);
	bench_row_init(row, run->kind->row, "ns/message");
	row->note = run->kind->note;
	return status == 0 ? bench_node_run(node, "driver", driver_receive, node) : status;
}

static int
kind_set(void *target, const char *value)
{
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(value, kinds[i].name) == 0) {
			*(const struct kind_of **)target = &kinds[i];
			return 0;
		}
	}
	fprintf(stderr, "--kind '%s': give round-robin or hash\n", value);
	return -EINVAL;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->kind = &kinds[0];
	run->extras[0] =
		(struct bench_option){ "kind", "KIND", "what to measure: round-robin or hash (round-robin)",
				       kind_set, &run->kind };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "An actor that sends by a router to eight others of its lcore, and without it.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
