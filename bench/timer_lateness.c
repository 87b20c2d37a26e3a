/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * timer.lateness: how late do timers fire, on an lcore that has nothing else to do, and beside
 * actors that are always busy?
 *
 *     timers │ limit │ timers │ limit │ …        one lcore, slices of equal length
 *        └── 100 ms ────▲ └─ 1 ms ─▲             no timer is due while the bare loop has the lcore
 *
 * Lateness is the time at which a message is received, less the time of the call and the delay, both
 * by CLOCK_MONOTONIC: errors of the engine's own clock count. Each timer, once it has fired, is
 * followed by another one of the same delay. Where that would be due in a slice of the limit it
 * gets a longer delay, so that slices do not bound the delays.
 *
 * A timer's message waits in its receiver's mailbox as any other one does, behind the actors whose turn
 * comes first. How long that is, is measured beside it, by messages that actors send to themselves.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_clock.h"
#include "timer_load.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US 1000
#define US_PER_MS 1000

/* Actors that own the timers: many, so that a message hardly ever waits for its receiver's turn behind
 * another timer's. */
#define OWNERS 256

/* One timer in so many nanoseconds is due. */
#define GAP_NS 50000

/* Below this there would be too few samples in a slice for its 99.9th percentile. */
#define SLICE_NS_MIN (50 * NS_PER_MS)

/* The actors are spawned, and the first timers started, before anything is due. */
#define SETUP_NS (20 * NS_PER_MS)

/* Most actors that keep the lcore busy. */
#define BUSY_MAX 10000

/* Messages in the mailbox of each of them. */
#define LOAD_DEPTH 16

#define LATE_NS 100000

/* Of so many timers one is followed by a message to the witness. */
#define MESSAGE_RATIO 8

/* Delays; those that the whole run has time for twice are measured: at first timers are spread, and shorter. */
static const uint64_t delays_ms[] = { 1, 3, 10, 30, 100, 300, 1000, 3000, 10000 };

#define DELAYS ((uint32_t)(sizeof(delays_ms) / sizeof(*delays_ms)))

enum {
	TYPE_DUE = HM_TYPE_USER,
	TYPE_MESSAGE, /* an owner to the witness */
	TYPE_LIMIT,   /* the driver to itself: the timers' slice is over */
	TYPE_END,     /* to the driver: nothing is under way any more */
};

/* A timer's message. */
struct due {
	uint64_t at_ns; /* when it should arrive */
	uint32_t delay; /* index of the timer that follows */
	bool whole;     /* this one, too, had that delay at least */
};

/* To an actor without timers: an owner that waits for a message could not run first for its next timer. */
struct message {
	uint64_t sent_ns;
};

/* Everything of a run; touched by one lcore only. */
struct run {
	struct bench_node node;
	struct bench_option extras[2];
	uint32_t busy; /* actors that keep the lcore busy */
	struct timer_load load;
	struct hm_pid witness; /* receives messages, and has no timers */
	uint32_t delays;       /* so many of delays_ms */
	uint64_t slice_ns;
	uint64_t begin_ns;         /* of the first slice */
	uint64_t turn_ns;          /* of this pair of slices */
	double value_us, limit_us; /* of this pair */
	uint64_t early, early_max_ns;
	struct bench_histogram message_ns;               /* what a message to the witness takes */
	struct bench_histogram value_slice, limit_slice; /* under way; lateness in ns */
	struct bench_histogram value_ns, limit_ns;       /* of all slices */
	struct bench_histogram delay_ns[DELAYS];         /* of all slices, by delay */
	char note[768];
};

struct owner {
	struct run *run;
	uint32_t index;
};

/* ---- timers ------------------------------------------------------------------------- */

/* What is due in the last part of a slice might be late, and would wait for the end of the bare loop. */
static uint64_t
used_ns(const struct run *run)
{
	return run->slice_ns - run->slice_ns / 8;
}

/* That moment, or a later one at which the bare loop has not got the lcore. */
static uint64_t
moment(const struct run *run, uint64_t at_ns)
{
	uint64_t offset = (at_ns - run->begin_ns) % (2 * run->slice_ns);
	uint64_t used = used_ns(run);

	return offset < used ? at_ns : at_ns - offset + 2 * run->slice_ns + (offset - used) % used;
}

/* A timer for this moment, and its followers. */
static void
timer_start(struct hm_ctx *ctx, struct run *run, uint64_t at_ns, uint32_t delay)
{
	uint64_t due_ns = moment(run, at_ns), now_ns = bench_clock_ns();
	uint64_t delay_us = due_ns > now_ns ? (due_ns - now_ns) / NS_PER_US : 0;
	const struct due due = {
		.at_ns = now_ns + delay_us * NS_PER_US,
		.delay = delay,
		.whole = delay_us >= delays_ms[delay] * US_PER_MS,
	};

	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_DUE, &due, delay_us, 0, NULL));
}

/* Timers of each delay as many as it takes to have equally many samples of all. */
static uint64_t
timers_count(const struct run *run, uint32_t delay)
{
	return delays_ms[delay] * NS_PER_MS / GAP_NS / run->delays + 1;
}

/* The first delays are spread, so that what follows is due evenly. */
static void
timers_start(struct hm_ctx *ctx, const struct owner *owner)
{
	struct run *run = owner->run;
	uint64_t number = owner->index;

	for (uint32_t i = 0; i < run->delays; i++) {
		uint64_t count = timers_count(run, i), delay_ns = delays_ms[i] * NS_PER_MS;

		for (; number < count; number += OWNERS)
			timer_start(ctx, run, run->begin_ns + delay_ns * number / count, i);
		number -= count;
	}
}

static void
due_take(struct hm_ctx *ctx, struct run *run, const struct due *due)
{
	uint64_t now_ns = bench_clock_ns(), early_ns = 0;

	if (now_ns < due->at_ns) {
		early_ns = due->at_ns - now_ns;
		run->early++;
	}
	if (early_ns > run->early_max_ns)
		run->early_max_ns = early_ns;
	bench_histogram_record(&run->value_slice, now_ns + early_ns - due->at_ns);
	if (run->node.warm && due->whole)
		bench_histogram_record(&run->delay_ns[due->delay], now_ns + early_ns - due->at_ns);
	if (run->value_slice.count % MESSAGE_RATIO == 0) {
		const struct message message = { .sent_ns = now_ns };

		bench_node_check(&run->node, ctx, hm_send(ctx, run->witness, TYPE_MESSAGE, &message));
	}
	timer_start(ctx, run, now_ns + delays_ms[due->delay] * NS_PER_MS, due->delay);
}

static void
owner_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct owner *owner = state;
	const struct message *message;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (owner->index < OWNERS)
			timers_start(ctx, owner);
		break;
	case TYPE_DUE:
		due_take(ctx, owner->run, hm_msg_body(msg));
		break;
	case TYPE_MESSAGE:
		message = hm_msg_body(msg);
		bench_histogram_record(&owner->run->message_ns, bench_clock_ns() - message->sent_ns);
		break;
	default:
		break;
	}
}

/* ---- driver --------------------------------------------------------------------------- */

static void
slices_begin(struct hm_ctx *ctx, struct run *run, uint64_t begin_ns)
{
	uint64_t now_ns = bench_clock_ns(), end_ns = begin_ns + run->slice_ns;
	uint64_t delay_us = end_ns > now_ns ? (end_ns - now_ns) / NS_PER_US : 0;

	run->turn_ns = begin_ns;
	bench_histogram_init(&run->value_slice);
	bench_histogram_init(&run->limit_slice);
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_LIMIT, NULL, delay_us, 0, NULL));
}

static double
percentile_us(const struct bench_histogram *ns, double percent)
{
	return (double)bench_histogram_percentile(ns, percent) / NS_PER_US;
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	struct bench_node *node = &run->node;

	limit_clock_watch(run->turn_ns + run->slice_ns + used_ns(run), GAP_NS, &run->limit_slice);
	if (run->value_slice.count == 0) {
		bench_node_fail(node, ctx, "no timer fired in a slice");
		return;
	}
	if (node->warm) {
		bench_histogram_merge(&run->value_ns, &run->value_slice);
		bench_histogram_merge(&run->limit_ns, &run->limit_slice);
	}
	run->value_us = percentile_us(&run->value_slice, 99.9);
	run->limit_us = percentile_us(&run->limit_slice, 99.9);
	if (node->warm && node->slices.count + 1 == node->options.repeats)
		timer_load_end(&run->load, ctx, TYPE_END);
	else if (bench_node_slice(node, ctx, run->value_us, run->limit_us))
		slices_begin(ctx, run, run->turn_ns + 2 * run->slice_ns);
}

static bool
owners_spawn(struct hm_ctx *ctx, struct run *run)
{
	static const struct hm_props props = {
		.receive = owner_receive,
		.state_size = sizeof(struct owner),
		.args_size = sizeof(struct owner),
	};

	const struct owner witness = { .run = run, .index = OWNERS };

	for (uint32_t i = 0; i < OWNERS; i++) {
		const struct owner owner = { .run = run, .index = i };

		if (hm_spawn(ctx, &props, NULL, &owner, NULL) != 0)
			return false;
	}
	return hm_spawn(ctx, &props, NULL, &witness, &run->witness) == 0;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		run->begin_ns = bench_clock_ns() + SETUP_NS;
		if (!owners_spawn(ctx, run))
			bench_node_fail(&run->node, ctx, "cannot spawn the owners of the timers");
		timer_load_start(&run->load, ctx, LOAD_DEPTH);
		slices_begin(ctx, run, run->begin_ns);
		break;
	case TYPE_LIMIT:
		slices_end(ctx, run);
		break;
	case TYPE_END:
		(void)bench_node_slice(&run->node, ctx, run->value_us, run->limit_us);
		break;
	default:
		break;
	}
}

/* ---- program -------------------------------------------------------------------------- */

static double
late_percent(const struct bench_histogram *late_ns)
{
	uint64_t late = 0;

	for (uint32_t i = bench_histogram_index(LATE_NS) + 1; i < BENCH_HISTOGRAM_BUCKETS; i++)
		late += late_ns->bucket[i];
	return late_ns->count > 0 ? 100.0 * (double)late / (double)late_ns->count : 0;
}

static void
note_add(struct run *run, const char *format, ...)
{
	size_t used = strlen(run->note);
	va_list list;

	va_start(list, format);
	(void)vsnprintf(run->note + used, sizeof(run->note) - used, format, list);
	va_end(list);
}

static void
note_delays_add(struct run *run)
{
	note_add(run, "; p50 and p99.9 in us by delay:");
	for (uint32_t i = 0; i < run->delays; i++) {
		if (run->delay_ns[i].count > 0)
			note_add(run, " %llu ms %.3g %.3g%s", (unsigned long long)delays_ms[i],
				 percentile_us(&run->delay_ns[i], 50), percentile_us(&run->delay_ns[i], 99.9),
				 i + 1 < run->delays ? "," : "");
	}
}

static void
note_write(struct run *run)
{
	run->note[0] = '\0';
	note_add(run, "p99.9 of a slice; beyond 100 us: %.3g %%, limit %.3g %%", late_percent(&run->value_ns),
		 late_percent(&run->limit_ns));
	note_delays_add(run);
	note_add(run,
		 "; a message to an idle actor: p50 %.3g us, p99.9 %.3g us; limit: a loop that only looks at "
		 "CLOCK_MONOTONIC",
		 percentile_us(&run->message_ns, 50), percentile_us(&run->message_ns, 99.9));
	if (run->early > 0)
		note_add(run, "; %llu timers were early, by %.2g us at most", (unsigned long long)run->early,
			 (double)run->early_max_ns / NS_PER_US);
}

static void
row_fill(struct run *run, struct bench_row *row)
{
	bench_row_init(row, run->busy > 0 ? "timer.lateness.load" : "timer.lateness.idle", "us");
	note_write(run);
	row->note = run->note;
	bench_row_latency(row, &run->value_ns, 1.0 / NS_PER_US);
	bench_row_limit_latency(row, &run->limit_ns, 1.0 / NS_PER_US);
}

/* how long slices and delays are, by the time there is */
static int
times_set(struct run *run)
{
	double slice_s = bench_options_slice_s(&run->node.options);
	double whole_ms = slice_s * 2e3 * (run->node.options.repeats + 1);

	run->slice_ns = (uint64_t)(slice_s * 1e9);
	if (run->slice_ns < SLICE_NS_MIN) {
		fprintf(stderr,
			"slices of %.3g ms are too short for timers: more --duration or fewer --repeats\n",
			slice_s * 1e3);
		return -EINVAL;
	}
	run->delays = 1;
	while (run->delays < DELAYS && (double)delays_ms[run->delays] * 2 <= whole_ms)
		run->delays++;
	return 0;
}

static int
types_register(struct run *run)
{
	int status = bench_node_type(&run->node, TYPE_DUE, "due", sizeof(struct due));

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_MESSAGE, "message", sizeof(struct message));
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_LIMIT, "limit", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_END, "end", 0);
	return status;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = times_set(run);

	if (status == 0)
		status = timer_load_init(&run->load, node, run->busy);
	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	if (status == 0)
		row_fill(run, row);
	timer_load_fini(&run->load);
	return status;
}

static int
busy_set(void *target, const char *value)
{
	uint64_t number;
	int status = bench_parse_uint(value, 0, BUSY_MAX, &number);

	if (status != 0)
		fprintf(stderr, "--busy '%s': give a number from 0 to %d\n", value, BUSY_MAX);
	else
		*(uint32_t *)target = (uint32_t)number;
	return status;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->extras[0] =
		(struct bench_option){ "busy", "N", "actors that keep the lcore busy, 0 to 10000 (0)",
				       busy_set, &run->busy };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "How late timers fire, beside nothing or beside busy actors.",
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
