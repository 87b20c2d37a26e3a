/* SPDX-License-Identifier: Apache-2.0 */
#include "local_stages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench_clock.h"

#define IN_FLIGHT 512

enum {
	TYPE_BALL = HM_TYPE_USER, /* bounces */
	TYPE_DONE,                /* a player to the driver: the slice is over */
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	const struct local_stages *scenario;
	const struct local_stages_kind *kind;
	struct hm_props props[2];          /* of the baseline, and of the value */
	struct hm_pid driver, pairs[2][2]; /* the same */
	bool is_value;                     /* the slice */
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

const struct hm_middleware local_stages_receive = { .receive = receive_passed };
const struct hm_middleware local_stages_send = { .send = send_passed };
const struct hm_middleware local_stages_both = { .receive = receive_passed, .send = send_passed };

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
			run->pairs[run->is_value][hm_pid_equal(hm_self(ctx), run->pairs[run->is_value][0])];
	run->payload[0] = *(const uint64_t *)hm_msg_body(msg) + 1;
	bench_node_check(&run->node, ctx, hm_send(ctx, player->peer, TYPE_BALL, run->payload));
}

/* ---- Driver --------------------------------------------------------------------------------- */

static void
slice_begin(struct hm_ctx *ctx, struct run *run, bool is_value)
{
	uint64_t count = bench_node_count(&run->node, is_value ? run->value_ns : run->limit_ns,
					  run->scenario->warm_up_count);

	run->is_value = is_value;
	run->count = count < run->scenario->count_max ? count : run->scenario->count_max;
	run->draining = IN_FLIGHT;
	run->remaining = run->count > IN_FLIGHT ? run->count - IN_FLIGHT : 0;
	for (uint32_t i = 0; i < IN_FLIGHT; i++)
		bench_node_check(&run->node, ctx,
				 hm_send(ctx, run->pairs[is_value][i % 2], TYPE_BALL, run->payload));
	run->start_s = bench_clock_cpu_seconds();
}

static void
slice_end(struct hm_ctx *ctx, struct run *run)
{
	double ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;
	const char *failure = NULL;

	if (!run->is_value) {
		run->limit_ns = ns;
		slice_begin(ctx, run, true);
		return;
	}
	run->value_ns = ns;
	if (run->scenario->end != NULL)
		failure = run->scenario->end(&run->node);
	if (failure != NULL)
		bench_node_fail(&run->node, ctx, failure);
	else if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		slice_begin(ctx, run, false);
}

static bool
players_spawn(struct hm_ctx *ctx, struct run *run)
{
	const struct player player = { .run = run };

	for (uint32_t i = 0; i < 4; i++) {
		if (hm_spawn(ctx, &run->props[i / 2], NULL, &player, &run->pairs[i / 2][i % 2]) != 0)
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

static void
props_set(struct run *run)
{
	for (uint32_t i = 0; i < 2; i++)
		run->props[i] =
			(struct hm_props){ .receive = player_receive,
					   .state_size = sizeof(struct player),
					   .args_size = sizeof(struct player),
					   .middleware = i == 0 ? run->scenario->stages : run->kind->stages };
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	uint32_t payload = node->options.payload;
	int status = bench_node_type(node, TYPE_BALL, "ball",
				     payload > sizeof(uint64_t) ? payload : sizeof(uint64_t));

	bench_row_init(row, run->kind->row, "ns/message");
	row->note = run->scenario->note;
	props_set(run);
	if (status == 0)
		status = bench_node_type(node, TYPE_DONE, "done", 0);
	if (status == 0 && run->scenario->begin != NULL)
		status = run->scenario->begin(node, run->kind);
	return status == 0 ? bench_node_run(node, "driver", driver_receive, run) : status;
}

static int
kind_set(void *value, const char *text)
{
	struct run *run = value;

	for (uint32_t i = 0; i < run->scenario->count; i++) {
		if (strcmp(run->scenario->kinds[i].text, text) == 0) {
			run->kind = &run->scenario->kinds[i];
			return 0;
		}
	}
	return -EINVAL;
}

int
local_stages_main(const struct local_stages *scenario, int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int status;

	if (run == NULL)
		return EXIT_FAILURE;
	run->scenario = scenario;
	run->kind = &scenario->kinds[1];
	run->extras[0] =
		(struct bench_option){ scenario->option, scenario->value, scenario->help, kind_set, run };
	bench_node_init(&run->node, scenario->about);
	run->node.extras = run->extras;
	status = bench_node_main(&run->node, argc, argv, measure);
	free(run);
	return status;
}
