/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.muted: what muted actors cost those that are not: a pair alone, and the same pair beside a muted crowd.
 *
 *     player ◀══ balls ══▶ player        is measured, on one lcore
 *     1,000 of a crowd ══ notes ══▶ receiver, which has failed and is not restarted: it drains nothing
 *        ▲                               so that all of them are muted, with notes of their own that wait
 *        └── notes ── driver
 *
 * The crowd is muted before each slice of the value, and released before each one of the limit.
 */
#include <math.h>
#include <stdbool.h>

#include <rte_log.h>

#include "bench_clock.h"
#include "bench_node.h"

#define WARM_UP_COUNT 200000
#define IN_FLIGHT     512
#define CROWD         1000u
/* That wait for each of the crowd while it is muted. */
#define NOTES 4u
/* Between two looks at whether all of them are muted, or have handled what waits. */
#define LOOK_US 1000u
#define PATIENT 5000u /* looks */
/* Until the receiver would be restarted: it is stopped before. */
#define NEVER_US 3600000000u

enum {
	TYPE_BALL = HM_TYPE_USER,
	TYPE_DONE,  /* a player to the driver: the slice is over */
	TYPE_STUCK, /* the keeper to the driver; body: the receiver's PID */
	TYPE_CROWD, /* the driver to the crowd: send to the receiver; body: its PID */
	TYPE_NOTE,  /* to be handled */
	TYPE_LOOK,  /* the driver to itself */
};

struct pid_body {
	struct hm_pid pid;
};

struct run {
	struct bench_node node;
	struct hm_pid driver, players[2], keeper, crowd[CROWD];
	uint64_t mutes, handled, looks; /* before; notes of the crowd; in a row */
	bool is_muted;                  /* the crowd is, or is to be */
	bool is_noted;                  /* it has messages that wait */
	double limit_ns, value_ns;
	uint64_t count, remaining, draining; /* of this slice; see local_bounce.c */
	double start_s;
};

/* ---- The pair ----------------------------------------------------------------------------- */

static void
player_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	uint64_t count;
	bool is_first;

	if (hm_msg_type(msg) != TYPE_BALL)
		return;
	if (run->remaining == 0) {
		if (--run->draining == 0)
			bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_DONE, NULL));
		return;
	}
	run->remaining--;
	count = *(const uint64_t *)hm_msg_body(msg) + 1;
	is_first = hm_pid_equal(hm_self(ctx), run->players[0]);
	bench_node_check(&run->node, ctx, hm_send(ctx, run->players[is_first], TYPE_BALL, &count));
}

static void
slice_begin(struct hm_ctx *ctx, struct run *run, double last_ns)
{
	uint64_t zero = 0;

	run->count = bench_node_count(&run->node, last_ns, WARM_UP_COUNT);
	run->draining = IN_FLIGHT;
	run->remaining = run->count > IN_FLIGHT ? run->count - IN_FLIGHT : 0;
	for (uint32_t i = 0; i < IN_FLIGHT; i++)
		bench_node_check(&run->node, ctx, hm_send(ctx, run->players[i % 2], TYPE_BALL, &zero));
	run->start_s = bench_clock_cpu_seconds();
}

static double
slice_ns(const struct run *run)
{
	return (bench_clock_cpu_seconds() - run->start_s) / (double)run->count * 1e9;
}

/* ---- The crowd, and whom it waits for --------------------------------------------------------- */

static void
crowd_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	const struct pid_body *to = hm_msg_body(msg);

	if (hm_msg_type(msg) == TYPE_NOTE)
		run->handled++;
	/* Of the first of the crowd, one is no overload yet. */
	for (int i = 0; hm_msg_type(msg) == TYPE_CROWD && i < 2; i++)
		bench_node_check(&run->node, ctx, hm_send(ctx, to->pid, TYPE_NOTE, NULL));
}

static void
stuck_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		hm_fail(ctx, "for as long as the slice lasts");
}

static void
keeper_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_mailbox one = { .capacity = 1 };
	static const struct hm_props props = { .receive = stuck_receive, .mailbox = &one };
	struct run *run = *(struct run **)state;
	struct pid_body body;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	if (hm_spawn(ctx, &props, NULL, NULL, &body.pid) != 0)
		bench_node_fail(&run->node, ctx, "cannot spawn the receiver");
	else
		bench_node_check(&run->node, ctx, hm_send(ctx, run->driver, TYPE_STUCK, &body));
}

/* ---- The driver ------------------------------------------------------------------------------------ */

static uint64_t
mutes(struct hm_ctx *ctx)
{
	struct hm_stats stats;

	hm_system_stats(hm_system(ctx), &stats);
	return stats.mutes;
}

static void
look_later(struct hm_ctx *ctx, struct run *run)
{
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_LOOK, NULL, LOOK_US, 0, NULL));
}

static void
crowd_tell(struct hm_ctx *ctx, struct run *run, uint16_t type, const void *body)
{
	for (uint32_t i = 0; i < CROWD; i++)
		bench_node_check(&run->node, ctx, hm_send(ctx, run->crowd[i], type, body));
}

static void
crowd_mute(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_supervisor late = { .restarts = HM_RESTARTS_UNLIMITED,
						   .backoff = { .min_us = NEVER_US, .max_us = NEVER_US } };
	static const struct hm_props props = { .receive = keeper_receive,
					       .state_size = sizeof(struct run *),
					       .args_size = sizeof(struct run *),
					       .supervisor = &late };

	run->is_muted = true;
	run->is_noted = false;
	run->mutes = mutes(ctx);
	run->handled = run->looks = 0;
	if (hm_spawn(ctx, &props, NULL, &run, &run->keeper) != 0)
		bench_node_fail(&run->node, ctx, "cannot spawn the keeper");
}

/* Whether the crowd is as it is to be; looks again if it is not. */
static bool
crowd_look(struct hm_ctx *ctx, struct run *run)
{
	bool is_ready = run->is_muted ? mutes(ctx) - run->mutes == CROWD : run->handled == CROWD * NOTES;

	if (is_ready)
		return true;
	if (++run->looks == PATIENT)
		bench_node_fail(&run->node, ctx, "the crowd is not muted, or not released");
	else
		look_later(ctx, run);
	return false;
}

/* The crowd is muted, or released. */
static void
crowd_ready(struct hm_ctx *ctx, struct run *run)
{
	if (run->is_muted && !run->is_noted) {
		for (uint32_t i = 0; i < NOTES; i++)
			crowd_tell(ctx, run, TYPE_NOTE, NULL);
		/* They are delivered before the slice: with others on their way, so would be the balls, for the whole slice. */
		run->is_noted = true;
		look_later(ctx, run);
	} else if (run->is_muted) {
		slice_begin(ctx, run, run->value_ns);
	} else if (bench_node_slice(&run->node, ctx, run->value_ns, run->limit_ns)) {
		slice_begin(ctx, run, run->limit_ns);
	}
}

static void
slice_done(struct hm_ctx *ctx, struct run *run)
{
	if (!run->is_muted) {
		run->limit_ns = slice_ns(run);
		crowd_mute(ctx, run);
		return;
	}
	run->value_ns = slice_ns(run);
	if (run->handled != 0)
		bench_node_fail(&run->node, ctx, "the crowd was not muted all the time");
	run->is_muted = false;
	run->looks = 0;
	hm_stop(ctx, run->keeper);
}

static void
actors_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props player = { .receive = player_receive,
						.state_size = sizeof(struct run *),
						.args_size = sizeof(struct run *) };
	static const struct hm_props crowd = { .receive = crowd_receive,
					       .state_size = sizeof(struct run *),
					       .args_size = sizeof(struct run *) };
	bool is_made = true;

	run->driver = hm_self(ctx);
	for (int i = 0; i < 2; i++)
		is_made &= hm_spawn(ctx, &player, NULL, &run, &run->players[i]) == 0;
	for (uint32_t i = 0; i < CROWD; i++)
		is_made &= hm_spawn(ctx, &crowd, NULL, &run, &run->crowd[i]) == 0;
	if (is_made)
		slice_begin(ctx, run, NAN);
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
	case TYPE_DONE:
		slice_done(ctx, run);
		break;
	case TYPE_STUCK:
		crowd_tell(ctx, run, TYPE_CROWD, hm_msg_body(msg));
		look_later(ctx, run);
		break;
	case HM_TERMINATED:
		look_later(ctx, run);
		break;
	case TYPE_LOOK:
		if (crowd_look(ctx, run))
			crowd_ready(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- Program ---------------------------------------------------------------------------------------- */

static int
measure(struct bench_node *node, struct bench_row *row)
{
	static const struct {
		const char *name;
		uint32_t size;
	} types[] = {
		{ "ball", sizeof(uint64_t) },         { "done", 0 }, { "stuck", sizeof(struct pid_body) },
		{ "crowd", sizeof(struct pid_body) }, { "note", 0 }, { "look", 0 }
	};
	int status = 0;

	for (uint16_t i = 0; status == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		status = bench_node_type(node, TYPE_BALL + i, types[i].name, types[i].size);
	/* Not of each failure. */
	rte_log_set_level_pattern("hermod", RTE_LOG_ERR);
	bench_row_init(row, "local.muted", "ns/message");
	row->note = "a pair beside a thousand muted actors; baseline: the same pair alone";
	return status == 0 ? bench_node_run(node, "driver", driver_receive, node) : status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "Two actors of one lcore, 512 messages in flight, beside a thousand muted ones.",
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
