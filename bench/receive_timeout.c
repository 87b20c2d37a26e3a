/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * timeout.idle, timeout.cpu, timeout.message: what receive timeouts take.
 *
 * idle: a million actors, each of which receives HM_RECEIVE_TIMEOUT once in a minute, at moments of their own. The clock is
 * the program's, so that a minute takes no longer than what has to be done in it: CPU time per time of that clock is
 * the share of a core.
 *
 * cpu: the same actors on an lcore that sleeps when it has nothing to do, by the CPU time of the process. Timeouts of a minute
 * come together at moments half a second apart; the first ones, which are shorter, are set so that they do, too.
 *
 * message: 512 messages bounce between two actors that have a timeout of a millisecond, and for the limit between two
 * that have none.
 *
 * The systems of idle and message are stepped, and beside the node that the options are for.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench_clock.h"
#include "bench_node.h"

#define CROWD      1000000u
#define BATCH      1000u
#define TIMEOUT_US 60000000u
/* Of the clock between two looks, and in a slice. */
#define STEP_NS  1000000u
#define SLICE_NS 10000000000u

/* Until then all actors have begun to wait. */
#define SETTLE_S 3
/* Between two moments that timeouts of a minute share: 2^29 ns. */
#define TOGETHER_US 536871u
/* Ten such moments, at least. */
#define WINDOW_S_MIN 5.4

#define IN_FLIGHT       512u
#define BUSY_TIMEOUT_US 1000u
#define TURNS           64u

enum {
	TYPE_MORE = HM_TYPE_USER,
	TYPE_BALL,
	TYPE_PEER, /* body: struct hm_pid, whom to send to */
};

enum kind {
	KIND_IDLE,
	KIND_CPU,
	KIND_MESSAGE,
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	enum kind kind;
	struct hm_system *sys[2];
	uint64_t now_ns;
	uint32_t spawned, timeouts;
	uint64_t bounces;
	double percent; /* the watching thread's, until it is joined */
	bool failed, ends;
};

/* ---- A stepped system --------------------------------------------------------------- */

static uint64_t
clock_read(void *arg)
{
	return ((const struct run *)arg)->now_ns;
}

static int
types_register(struct hm_system *sys)
{
	static const struct hm_type types[] = {
		{ .id = TYPE_MORE, .name = "more" },
		{ .id = TYPE_BALL, .name = "ball" },
		{ .id = TYPE_PEER, .name = "peer", .size = sizeof(struct hm_pid) },
	};
	int status = 0;

	for (size_t i = 0; status == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		status = hm_type_register(sys, &types[i]);
	return status;
}

static int
system_open(struct run *run, uint32_t index)
{
	struct hm_config config = { .mode = HM_MODE_STEPPED };
	int status;

	if (run->kind == KIND_IDLE)
		config.clock = (struct hm_clock){ clock_read, run };
	status = hm_system_create(&run->sys[index], 0, NULL, &config);
	return status == 0 ? types_register(run->sys[index]) : status;
}

static void
check(struct run *run, bool good)
{
	run->failed |= !good;
}

/* ---- Idle actors ---------------------------------------------------------------------- */

struct member {
	struct run *run;
	uint64_t first_us; /* until its first timeout */
};

/* The first ones are spread over the minute, and so are all that follow. */
static uint64_t
first_us(const struct run *run)
{
	uint64_t us = 1 + (uint64_t)run->spawned * TIMEOUT_US / CROWD;

	return run->kind == KIND_CPU ? (us / TOGETHER_US + 1) * TOGETHER_US : us;
}

static void
member_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct member *member = state;

	if (hm_msg_type(msg) == HM_STARTED)
		check(member->run, hm_receive_timeout_set(ctx, member->first_us) == HM_OK);
	if (hm_msg_type(msg) != HM_RECEIVE_TIMEOUT)
		return;
	member->run->timeouts++;
	if (member->first_us == 0)
		return;
	member->first_us = 0;
	check(member->run, hm_receive_timeout_set(ctx, TIMEOUT_US) == HM_OK);
}

static void
crowd_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props props = {
		.receive = member_receive,
		.state_size = sizeof(struct member),
		.args_size = sizeof(struct member),
	};
	struct run *run = *(struct run **)state;

	if (hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != TYPE_MORE)
		return;
	for (uint32_t i = 0; i < BATCH; i++, run->spawned++) {
		struct member member = { run, first_us(run) };

		check(run, hm_spawn(ctx, &props, NULL, &member, NULL) == 0);
	}
	if (run->spawned < CROWD)
		check(run, hm_send(ctx, hm_self(ctx), TYPE_MORE, NULL) == HM_OK);
}

static void
time_pass(struct run *run, uint64_t ns)
{
	for (uint64_t end = run->now_ns + ns; run->now_ns < end; run->now_ns += STEP_NS) {
		while (hm_system_turn(run->sys[0]) > 0)
			;
	}
}

static int
idle_measure(struct run *run)
{
	static const struct hm_props props = { .receive = crowd_receive,
					       .state_size = sizeof(struct run *),
					       .args_size = sizeof(struct run *) };
	uint32_t expected = (uint32_t)(SLICE_NS / 1000 * CROWD / TIMEOUT_US);
	int status = system_open(run, 0);

	if (status == 0)
		status = hm_system_spawn(run->sys[0], &props, "crowd", &run, NULL);
	if (status != 0)
		return status;
	/* A minute in which all begin, and one as all others are. */
	time_pass(run, 2ull * TIMEOUT_US * 1000);
	for (uint32_t i = 0; i < run->node.options.repeats; i++) {
		double start_s = bench_clock_cpu_seconds(), cpu_s;

		run->timeouts = 0;
		time_pass(run, SLICE_NS);
		cpu_s = bench_clock_cpu_seconds() - start_s;
		bench_slices_add(&run->node.slices, 100 * cpu_s / (SLICE_NS * 1e-9), NAN);
		/* Those at the slice's ends are the neighbours' as well. */
		check(run,
		      run->timeouts > expected - expected / 8 && run->timeouts <= expected + expected / 8);
	}
	return 0;
}

/* ---- The same, as the machine's clock goes ------------------------------------------------ */

static double
process_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
sleep_s(double seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds,
				 .tv_nsec = (long)((seconds - floor(seconds)) * 1e9) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

static void *
watcher_main(void *arg)
{
	struct run *run = arg;
	double start_s, cpu_s;

	sleep_s(SETTLE_S);
	start_s = bench_clock_seconds();
	cpu_s = process_cpu_seconds();
	sleep_s(fmax(run->node.options.duration_s, WINDOW_S_MIN));
	run->percent = 100 * (process_cpu_seconds() - cpu_s) / (bench_clock_seconds() - start_s);
	hm_system_stop(run->node.sys);
	return NULL;
}

static int
cpu_measure(struct run *run)
{
	pthread_t watcher;
	int status = types_register(run->node.sys);

	if (status == 0)
		status = -pthread_create(&watcher, NULL, watcher_main, run);
	if (status != 0)
		return status;
	status = bench_node_run(&run->node, "crowd", crowd_receive, run);
	pthread_join(watcher, NULL);
	check(run, run->spawned == CROWD);
	bench_slices_add(&run->node.slices, run->percent, NAN);
	return status;
}

/* ---- Busy actors ------------------------------------------------------------------------- */

struct player {
	struct run *run;
	uint64_t timeout_us;
	struct hm_pid peer;
};

static void
player_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct player *player = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		check(player->run, hm_receive_timeout_set(ctx, player->timeout_us) == HM_OK);
		break;
	case TYPE_PEER:
		player->peer = *(const struct hm_pid *)hm_msg_body(msg);
		break;
	case TYPE_BALL:
		player->run->bounces++;
		if (!player->run->ends)
			check(player->run, hm_send(ctx, player->peer, TYPE_BALL, NULL) == HM_OK);
		break;
	case HM_RECEIVE_TIMEOUT:
		player->run->timeouts++;
		break;
	default:
		break;
	}
}

static int
players_start(struct run *run, uint32_t index, uint64_t timeout_us)
{
	static const struct hm_props props = { .receive = player_receive,
					       .state_size = sizeof(struct player),
					       .args_size = sizeof(struct player) };
	const struct player player = { run, timeout_us, hm_pid_none() };
	struct hm_pid pids[2];
	int status = system_open(run, index);

	for (int i = 0; status == 0 && i < 2; i++)
		status = hm_system_spawn(run->sys[index], &props, NULL, &player, &pids[i]);
	if (status != 0)
		return status;
	for (int i = 0; i < 2; i++)
		check(run, hm_system_send(run->sys[index], pids[i], TYPE_PEER, &pids[!i]) == HM_OK);
	for (uint32_t i = 0; i < IN_FLIGHT; i++)
		check(run, hm_system_send(run->sys[index], pids[i % 2], TYPE_BALL, NULL) == HM_OK);
	return 0;
}

/* Nanoseconds of a message, over a slice. */
static double
bounce_ns(struct run *run, uint32_t index)
{
	double start_s = bench_clock_cpu_seconds(), slice_s = bench_options_slice_s(&run->node.options),
	       spent_s;

	run->bounces = 0;
	do {
		for (uint32_t i = 0; i < TURNS; i++)
			(void)hm_system_turn(run->sys[index]);
		spent_s = bench_clock_cpu_seconds() - start_s;
	} while (spent_s < slice_s);
	return spent_s / (double)run->bounces * 1e9;
}

static int
message_measure(struct run *run)
{
	int status = players_start(run, 0, 0);

	if (status == 0)
		status = players_start(run, 1, BUSY_TIMEOUT_US);
	/* The first pair only warms up. */
	for (uint32_t i = 0; status == 0 && i <= run->node.options.repeats; i++) {
		double limit_ns = bounce_ns(run, 0), value_ns = bounce_ns(run, 1);

		if (i > 0)
			bench_slices_add(&run->node.slices, value_ns, limit_ns);
	}
	/* No message is left to become a dead letter. */
	run->ends = true;
	for (int i = 0; status == 0 && i < 2; i++) {
		while (hm_system_turn(run->sys[i]) > 0)
			;
	}
	return status;
}

/* ---- program -------------------------------------------------------------------------------- */

static const struct {
	const char *name, *row, *unit, *note;
	int (*measure)(struct run *run);
} kinds[] = {
	[KIND_IDLE] = { "idle", "timeout.idle", "%",
			"of a core, for a million receive timeouts of a minute each", idle_measure },
	[KIND_CPU] = { "cpu", "timeout.cpu", "%", "of a core, with what the lcore needs to sleep and wake up",
		       cpu_measure },
	[KIND_MESSAGE] = { "message", "timeout.message", "ns/message",
			   "baseline: the same without receive timeouts", message_measure },
};

static int
kind_set(void *value, const char *text)
{
	for (enum kind kind = KIND_IDLE; kind <= KIND_MESSAGE; kind++) {
		if (strcmp(text, kinds[kind].name) == 0) {
			*(enum kind *)value = kind;
			return 0;
		}
	}
	return -EINVAL;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status;

	bench_row_init(row, kinds[run->kind].row, kinds[run->kind].unit);
	row->note = kinds[run->kind].note;
	run->now_ns = 1;
	status = kinds[run->kind].measure(run);
	for (int i = 0; i < 2; i++)
		hm_system_destroy(run->sys[i]);
	if (status == 0 && run->failed) {
		fprintf(stderr, "out of memory, or timeouts that do not come in time\n");
		status = -EIO;
	}
	return status;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->extras[0] =
		(struct bench_option){ "kind", "KIND", "what to measure: idle, cpu or message (idle)",
				       kind_set, &run->kind };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "What receive timeouts take: of a million idle actors, or of busy ones.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
