/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.tracing.*: what a message takes between two actors that are traced, beside the same with stages that only go on.
 *
 *     player ◀══ balls ══▶ player      the baseline: a stage of receive and one of send, which only go on
 *     player ◀══ balls ══▶ player      the value: the stages of tracing
 *
 * `none`: nothing is sampled, and nothing begun. `unsampled`: traces go along, and have no spans. `sampled`: each message has a
 * span, which is taken out between the slices, as a thread would do it meanwhile.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "bench_clock.h"
#include "bench_node.h"

#define WARM_UP_COUNT 8000
/* So that the spans of a slice have room. */
#define COUNT_MAX (1u << 14)
#define IN_FLIGHT 512

enum {
	TYPE_BALL = HM_TYPE_USER, /* bounces */
	TYPE_DONE,                /* a player to the driver: the slice is over */
};

/* A row. */
struct kind {
	const char *text, *row;
	uint32_t sampled_ppm;
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	const struct kind *kind;
	struct hm_pid driver, pairs[2][2]; /* plain stages, and tracing */
	bool traced;                       /* the slice is of the value */
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

static const struct hm_middleware passing = { .receive = receive_passed, .send = send_passed };
static const struct hm_middleware tracing = { .receive = hm_tracing_receive, .send = hm_tracing_send };
static const struct hm_middleware *const plain_stages[] = { &passing, NULL }, *const tracing_stages[] = {
	&tracing, NULL
};

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
			run->pairs[run->traced][hm_pid_equal(hm_self(ctx), run->pairs[run->traced][0])];
	run->payload[0] = *(const uint64_t *)hm_msg_body(msg) + 1;
	bench_node_check(&run->node, ctx, hm_send(ctx, player->peer, TYPE_BALL, run->payload));
}

/* ---- Driver --------------------------------------------------------------------------------- */

static void
slice_begin(struct hm_ctx *ctx, struct run *run, bool traced)
{
	uint64_t count = bench_node_count(&run->node, traced ? run->value_ns : run->limit_ns, WARM_UP_COUNT);

	run->traced = traced;
	run->count = count < COUNT_MAX ? count : COUNT_MAX;
	run->draining = IN_FLIGHT;
	run->remaining = run->count > IN_FLIGHT ? run->count - IN_FLIGHT : 0;
	for (uint32_t i = 0; i < IN_FLIGHT; i++)
		bench_node_check(&run->node, ctx,
				 hm_send(ctx, run->pairs[traced][i % 2], TYPE_BALL, run->payload));
	run->start_s = bench_clock_cpu_seconds();
}

static int
document_ignore(void *arg, const char *json, size_t bytes)
{
	(void)arg;
	(void)json;
	(void)bytes;
	return 0;
}

/* Out of time. Returns false: some had no room, or cannot be taken out. */
static bool
spans_take(struct run *run)
{
	struct hm_tracing_stats stats;
	int rc = hm_tracing_drain(run->node.sys, document_ignore, NULL);

	hm_tracing_stats(run->node.sys, &stats);
	return rc == 0 && stats.dropped == 0 && stats.unmarked == 0;
}

static void
slice_end(struct hm_ctx *ctx, struct run *run)
{
	double ns = (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;

	if (!run->traced) {
		run->limit_ns = ns;
		slice_begin(ctx, run, true);
		return;
	}
	run->value_ns = ns;
	if (!spans_take(run))
		bench_node_fail(&run->node, ctx, "spans are lost");
	else if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns))
		slice_begin(ctx, run, false);
}

#define STAGED(stages)                                                          \
	{                                                                       \
		.receive = player_receive, .state_size = sizeof(struct player), \
		.args_size = sizeof(struct player), .middleware = (stages)      \
	}

static bool
players_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props plain = STAGED(plain_stages), traced = STAGED(tracing_stages);
	const struct player player = { .run = run };

	for (uint32_t i = 0; i < 4; i++) {
		if (hm_spawn(ctx, i < 2 ? &plain : &traced, NULL, &player, &run->pairs[i / 2][i % 2]) != 0)
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

static const struct kind kinds[] = {
	{ "none", "local.tracing.none", HM_TRACING_NONE },
	{ "unsampled", "local.tracing.unsampled", 1 },
	{ "sampled", "local.tracing.sampled", 0 },
};

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	struct hm_tracing_options options = { .sampled_ppm = run->kind->sampled_ppm, .spans = 2 * COUNT_MAX };
	uint32_t payload = node->options.payload;
	int status = bench_node_type(node, TYPE_BALL, "ball",
				     payload > sizeof(uint64_t) ? payload : sizeof(uint64_t));

	bench_row_init(row, run->kind->row, "ns/message");
	row->note = "baseline: tells of two actors with stages of receive and send that only go on";
	if (status == 0)
		status = bench_node_type(node, TYPE_DONE, "done", 0);
	if (status == 0)
		status = hm_tracing_start(node->sys, &options);
	return status == 0 ? bench_node_run(node, "driver", driver_receive, run) : status;
}

static int
kind_set(void *value, const char *text)
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
	run->extras[0] = (struct bench_option){ "kind", "KIND", "none, unsampled or sampled (unsampled)",
						kind_set, &run->kind };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "What tracing adds to a message between two actors of one lcore.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
