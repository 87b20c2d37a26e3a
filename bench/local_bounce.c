/* SPDX-License-Identifier: Apache-2.0 */
#include "local_bounce.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_dispatch.h"

/* Actors that are spawned, or told their peer, in one run of the driver. */
#define SETUP_BATCH 4096

/* Messages of the first pair of slices, which is discarded: it warms caches, and tells how many messages
 * fill a slice. */
#define WARM_UP_COUNT 200000

enum {
	TYPE_BALL = HM_TYPE_USER, /* bounces */
	TYPE_PEER,                /* to a player: whom to send to */
	TYPE_NEXT,                /* the driver to itself: go on with the set-up */
	TYPE_DONE,                /* a player to the driver: the slice is over */
};

struct ball {
	uint64_t count;
};

struct peer {
	struct hm_pid pid;
};

/* State of the program; used by one lcore only. */
struct run {
	struct bench_node node;
	const struct local_bounce *scenario;
	struct limit_dispatch *limit;
	struct hm_pid *pids;
	struct hm_pid driver;
	uint32_t in_flight;
	uint32_t spawned, introduced;
	double limit_ns, value_ns; /* of the last slices */
	uint64_t count;            /* messages of this slice */
	uint64_t remaining;        /* still to be sent on */
	uint64_t draining;         /* in flight; not sent on once remaining is 0 */
	double start_s;
	uint64_t payload[BENCH_PAYLOAD_MAX / sizeof(uint64_t) + 1];
};

struct player {
	struct run *run;
	struct hm_pid peer;
};

/* ---- players: the hot part ------------------------------------------------------ */

static void
slice_is_over(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;
	bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_DONE, NULL));
}

static void
player_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct player *player = state;
	struct run *run = player->run;

	if (hm_msg_type(msg) == TYPE_PEER) {
		player->peer = ((const struct peer *)hm_msg_body(msg))->pid;
		return;
	}
	if (hm_msg_type(msg) != TYPE_BALL)
		return;
	if (run->remaining == 0) {
		if (--run->draining == 0)
			slice_is_over(ctx, run);
		return;
	}
	run->remaining--;
	run->payload[0] = ((const struct ball *)hm_msg_body(msg))->count + 1;
	bench_node_check(&run->node, ctx, hm_send(ctx, player->peer, TYPE_BALL, run->payload));
}

/* ---- driver ----------------------------------------------------------------------- */

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	run->limit_ns = limit_dispatch_naive_ns(run->limit, run->in_flight,
						bench_node_count(&run->node, run->limit_ns, WARM_UP_COUNT));
	run->count = bench_node_count(&run->node, run->value_ns, WARM_UP_COUNT);
	/* the messages that are sent here count as handled, too, as in the bare loop */
	run->draining = run->in_flight;
	run->remaining = run->count > run->in_flight ? run->count - run->in_flight : 0;
	for (uint32_t i = 0; i < run->in_flight; i++) {
		struct hm_pid to = run->pids[(i * 131ull) % run->scenario->actors];

		bench_node_check(&run->node, ctx, hm_send(ctx, to, TYPE_BALL, run->payload));
	}
	run->start_s = bench_clock_cpu_seconds();
}

static bool
player_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props props = {
		.receive = player_receive,
		.state_size = sizeof(struct player),
		.args_size = sizeof(struct player),
	};
	const struct player player = { .run = run };

	return hm_spawn(ctx, &props, NULL, &player, &run->pids[run->spawned]) == 0;
}

/* the same peers as in the bare loop, so that both have the same access pattern */
static bool
player_introduce(struct hm_ctx *ctx, struct run *run)
{
	uint64_t i = run->introduced, actors = run->scenario->actors;
	uint64_t to = actors == 2 ? !i : (i * 7919 + 13) % actors;
	const struct peer peer = { .pid = run->pids[to] };

	return hm_send(ctx, run->pids[i], TYPE_PEER, &peer) == HM_OK;
}

/* one batch for each TYPE_NEXT: its messages are handled before the next batch, which bounds memory */
static bool
setup_batch(struct hm_ctx *ctx, struct run *run)
{
	uint32_t actors = run->scenario->actors;

	for (int i = 0; i < SETUP_BATCH && run->spawned < actors; i++, run->spawned++) {
		if (!player_spawn(ctx, run))
			return false;
	}
	if (run->spawned < actors)
		return hm_send(ctx, run->driver, TYPE_NEXT, NULL) == HM_OK;
	for (int i = 0; i < SETUP_BATCH && run->introduced < actors; i++, run->introduced++) {
		if (!player_introduce(ctx, run))
			return false;
	}
	if (run->introduced < actors)
		return hm_send(ctx, run->driver, TYPE_NEXT, NULL) == HM_OK;
	slices_begin(ctx, run);
	return true;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		run->driver = hm_self(ctx);
		/* fall through */
	case TYPE_NEXT:
		if (!setup_batch(ctx, run))
			bench_node_fail(&run->node, ctx,
					"cannot set up the actors: out of memory or messages");
		break;
	case TYPE_DONE:
		if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
			slices_begin(ctx, run);
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
	uint32_t ball = payload > sizeof(struct ball) ? payload : sizeof(struct ball);
	int status = bench_node_type(&run->node, TYPE_BALL, "ball", ball);

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_PEER, "peer", sizeof(struct peer));
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_NEXT, "next", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_DONE, "done", 0);
	return status;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	uint32_t actors = run->scenario->actors;
	int status;

	bench_row_init(row, run->scenario->name, "ns/message");
	row->note = run->scenario->note;
	run->in_flight = node->options.in_flight;
	run->pids = calloc(actors, sizeof(*run->pids));
	status = run->pids == NULL ? -ENOMEM : limit_dispatch_create(&run->limit, actors);
	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	limit_dispatch_destroy(run->limit);
	free(run->pids);
	return status;
}

int
local_bounce_main(const struct local_bounce *scenario, int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int status;

	if (run == NULL)
		return EXIT_FAILURE;
	run->scenario = scenario;
	bench_node_init(&run->node, scenario->about);
	run->node.options.in_flight = scenario->in_flight;
	/* those in flight, those of a batch of the set-up, and some for the system itself */
	run->node.messages = scenario->in_flight + 2 * SETUP_BATCH + 65536;
	status = bench_node_main(&run->node, argc, argv, measure);
	free(run);
	return status;
}
