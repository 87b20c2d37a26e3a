/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.middleware.*: what a message takes between two actors with stages of middleware, beside the same without any.
 *
 *     player ◀══ balls ══▶ player      the baseline: no middleware
 *     player ◀══ balls ══▶ player      the value: each has a chain of stages that only go on
 *
 * Both pairs are of one lcore, and bounce as many balls as local.tell, in turns. `0` is a chain with one stage that is around
 * nothing: what it takes to have middleware.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench_clock.h"
#include "bench_node.h"

#define WARM_UP_COUNT 200000
#define IN_FLIGHT     512

enum {
	TYPE_BALL = HM_TYPE_USER, /* bounces */
	TYPE_DONE,                /* a player to the driver: the slice is over */
};

/* A chain, and the row that says what it takes. */
struct kind {
	const char *text, *row;
	struct hm_props props;
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	const struct kind *kind;
	struct hm_pid driver, pairs[2][2]; /* without stages, and with */
	bool staged;                       /* the slice is of the value */
	double limit_ns, value_ns;
	uint64_t count, remaining, draining; /* of this slice; see local_bounce.c */
	double start_s;
	uint64_t payload[BENCH_PAYLOAD_MAX / sizeof(uint64_t) + 1];
};

struct player {
	struct run *run;
	struct hm_pid peer;
};

/* ---- Stages --------------------------------------------------------------------------------- */

static void
receive_passed(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	       void *arg)
{
	(void)arg;
	hm_receive_next(ctx, state, msg, next);
}

static enum hm_result
send_passed(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	    void *arg)
{
	(void)arg;
	return hm_send_next(ctx, to, msg, next);
}

/* ---- Players: the hot part ------------------------------------------------------------------ */

static void
player_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct player *player = state;
	struct run *run = player->run;

	if (hm_msg_type(msg) != TYPE_BALL)
		return;
	if (run->remaining == 0) {
		if (--run->draining == 0)
			bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_DONE, NULL));
		return;
	}
	run->remaining--;
	if (hm_pid_is_none(player->peer))
		player->peer =
			run->pairs[run->staged][hm_pid_equal(hm_self(ctx), run->pairs[run->staged][0])];
	run->payload[0] = *(const uint64_t *)hm_msg_body(msg) + 1;
	bench_node_check(&run->node, ctx, hm_send(ctx, player->peer, TYPE_BALL, run->payload));
}

/* ---- Driver --------------------------------------------------------------------------------- */

static void
slice_begin(struct hm_ctx *ctx, struct run *run, bool staged)
{
	double last_ns = staged ? run->value_ns : run->limit_ns;

	run->staged = staged;
	run->count = bench_node_count(&run->node, last_ns, WARM_UP_COUNT);
	run->draining = IN_FLIGHT;
	run->remaining = run->count > IN_FLIGHT ? run->count - IN_FLIGHT : 0;
	for (uint32_t i = 0; i < IN_FLIGHT; i++)
		bench_node_check(&run->node, ctx,
				 hm_send(ctx, run->pairs[staged][i % 2], TYPE_BALL, run->payload));
	run->start_s = bench_clock_cpu_seconds();
}

static void
slice_end(struct hm_ctx *ctx, struct run *run)
{
	double ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;

	if (!run->staged) {
		run->limit_ns = ns;
		slice_begin(ctx, run, true);
		return;
	}
	run->value_ns = ns;
	if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		slice_begin(ctx, run, false);
}

static bool
players_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props plain = { .receive = player_receive,
					       .state_size = sizeof(struct player),
					       .args_size = sizeof(struct player) };
	const struct player player = { .run = run };

	for (uint32_t i = 0; i < 4; i++) {
		if (hm_spawn(ctx, i < 2 ? &plain : &run->kind->props, NULL, &player,
			     &run->pairs[i / 2][i % 2]) != 0)
			return false;
	}
	return true;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) == TYPE_DONE)
		slice_end(ctx, run);
	if (hm_msg_type(msg) != HM_STARTED)
		return;
	run->driver = hm_self(ctx);
	if (players_spawn(ctx, run))
		slice_begin(ctx, run, false);
	else
		bench_node_fail(&run->node, ctx, "cannot spawn the players");
}

/* ---- Program -------------------------------------------------------------------------------- */

static const struct hm_middleware nothing = { .name = "nothing" }, receiving = { .receive = receive_passed },
				  sending = { .send = send_passed };

static const struct hm_middleware *const chain_0[] = { &nothing, NULL },
					 *const chain_1[] = { &receiving, NULL },
					 *const chain_3[] = { &receiving, &receiving, &receiving, NULL },
					 *const chain_send[] = { &sending, NULL };

#define STAGED(stages)                                                          \
	{                                                                       \
		.receive = player_receive, .state_size = sizeof(struct player), \
		.args_size = sizeof(struct player), .middleware = (stages)      \
	}

static const struct kind kinds[] = {
	{ "0", "local.middleware.0", STAGED(chain_0) },
	{ "1", "local.middleware.1", STAGED(chain_1) },
	{ "3", "local.middleware.3", STAGED(chain_3) },
	{ "send", "local.middleware.send", STAGED(chain_send) },
};

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	uint32_t payload = node->options.payload;
	int status = bench_node_type(node, TYPE_BALL, "ball",
				     payload > sizeof(uint64_t) ? payload : sizeof(uint64_t));

	bench_row_init(row, run->kind->row, "ns/message");
	row->note = "baseline: plain tells of two actors without middleware";
	if (status == 0)
		status = bench_node_type(node, TYPE_DONE, "done", 0);
	return status == 0 ? bench_node_run(node, "driver", driver_receive, run) : status;
}

static int
stages_set(void *value, const char *text)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].text, text) == 0) {
			*(const struct kind **)value = &kinds[i];
			return 0;
		}
	}
	return -EINVAL;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->kind = &kinds[1];
	run->extras[0] = (struct bench_option){ "stages", "CHAIN",
						"stages of receive: 0, 1 or 3; or send: one of send (1)",
						stages_set, &run->kind };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "What stages of middleware add to a message between two actors of one lcore.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
