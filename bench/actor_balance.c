/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * balance.*: what the balancer makes of actors that live on the wrong one of two lcores.
 *
 *     slice: spawn MEMBERS ── settle ── count what they handle ── stop all      in turns: balanced, and as by hand
 *
 * Hot actors send to themselves, and each message is some work; pairs send one message to and fro, without any. In both
 * slices the balancer is on; who is placed by hand may not be moved.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "hm_balance.h"

#define MEMBERS    8u
#define BALANCE_MS 10u
/* The balancer looks three times, moves, and looks again; who has moved rests for ten looks. */
#define SETTLE_US 400000u
/* Of a hot actor's message. */
#define WORK_ROUNDS 400u

enum {
	TYPE_BEGIN = HM_TYPE_USER, /* to a member: whom it sends to */
	TYPE_WORK,
	TYPE_SETTLED, /* the driver to itself */
	TYPE_OVER,
};

enum kind {
	KIND_SKEWED,
	KIND_GAIN,
	KIND_EVEN,
	KIND_PAIRS,
	KIND_JOINED,
};

/* Where the members of a slice are born. */
enum place {
	PLACE_FIRST, /* all on lcore 0 */
	PLACE_EVEN,  /* hot ones in turns; pairs as a whole */
	PLACE_APART, /* pairs, one of each on each lcore */
};

struct kind_of {
	const char *name, *row, *note;
	enum place value, limit;
	bool pairs;
};

static const struct kind_of kinds[] = {
	[KIND_SKEWED] = { "skewed", "balance.skewed", "limit: the same actors, placed evenly by hand",
			  PLACE_FIRST, PLACE_EVEN, false },
	[KIND_GAIN] = { "gain", "balance.gain", "baseline: the same actors, left on one lcore", PLACE_FIRST,
			PLACE_FIRST, false },
	[KIND_EVEN] = { "even", "balance.even", "limit: the same actors, not to be moved", PLACE_EVEN,
			PLACE_EVEN, false },
	[KIND_PAIRS] = { "pairs", "balance.pairs", "limit: the same pairs, placed together by hand",
			 PLACE_APART, PLACE_EVEN, true },
	[KIND_JOINED] = { "joined", "balance.joined", "baseline: the same pairs, left apart", PLACE_APART,
			  PLACE_APART, true },
};

/* A cache line each. */
struct counter {
	_Alignas(64) _Atomic uint64_t handled;
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	enum kind kind;
	bool is_value; /* this slice: balanced */
	uint32_t left; /* members that have not ended */
	struct hm_pid members[MEMBERS];
	struct counter counters[MEMBERS];
	uint64_t before;
	double start_s, value, limit; /* M messages a second, of the last slices */
	struct hm_balance_stats stats;
	char note[200];
};

/* ---- Members -------------------------------------------------------------------------- */

struct member {
	struct counter *counter;
	uint32_t rounds;
	struct hm_pid to;
};

static void
work(uint32_t rounds)
{
	uint64_t number = rounds;

	for (uint32_t i = 0; i < rounds; i++) {
		number = number * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(number));
	}
}

static void
member_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct member *member = state;
	uint64_t handled;

	if (hm_msg_type(msg) == TYPE_BEGIN) {
		memcpy(&member->to, hm_msg_body(msg), sizeof(member->to));
	} else if (hm_msg_type(msg) == TYPE_WORK) {
		work(member->rounds);
		handled = atomic_load_explicit(&member->counter->handled, memory_order_relaxed);
		atomic_store_explicit(&member->counter->handled, handled + 1, memory_order_relaxed);
		(void)hm_send(ctx, member->to, TYPE_WORK, NULL);
	}
}

/* ---- Driver: lcore 0 -------------------------------------------------------------------- */

static const struct hm_props *
props_of(const struct run *run, uint32_t index)
{
#define MEMBER \
	.receive = member_receive, .state_size = sizeof(struct member), .args_size = sizeof(struct member)
	static const struct hm_props first = { MEMBER }, any = { MEMBER, .lcore = HM_LCORE_ANY };
	static const struct hm_props fixed[2] = { { MEMBER, .lcore = HM_LCORE(0) },
						  { MEMBER, .lcore = HM_LCORE(1) } };
#undef MEMBER
	const struct kind_of *kind = &kinds[run->kind];

	if (run->is_value)
		return kind->value == PLACE_FIRST ? &first : &any;
	if (kind->limit == PLACE_FIRST)
		return &fixed[0];
	return &fixed[kind->limit == PLACE_EVEN && kind->pairs ? index / 2 % 2 : index % 2];
}

static void
members_start(struct hm_ctx *ctx, struct run *run)
{
	bool pairs = kinds[run->kind].pairs;

	for (uint32_t i = 0; i < MEMBERS; i++) {
		struct member args = { &run->counters[i], pairs ? 0 : WORK_ROUNDS, hm_pid_none() };

		if (hm_spawn(ctx, props_of(run, i), NULL, &args, &run->members[i]) != 0) {
			bench_node_fail(&run->node, ctx, "cannot spawn on the second lcore");
			return;
		}
	}
	for (uint32_t i = 0; i < MEMBERS; i++) {
		bench_node_check(&run->node, ctx,
				 hm_send(ctx, run->members[i], TYPE_BEGIN, &run->members[pairs ? i ^ 1 : i]));
		if (!pairs || i % 2 == 0)
			bench_node_check(&run->node, ctx, hm_send(ctx, run->members[i], TYPE_WORK, NULL));
	}
	run->left = MEMBERS;
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_SETTLED, NULL, SETTLE_US, 0, NULL));
}

static uint64_t
handled(const struct run *run)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < MEMBERS; i++)
		sum += atomic_load_explicit(&run->counters[i].handled, memory_order_relaxed);
	return sum;
}

static void
settled(struct hm_ctx *ctx, struct run *run)
{
	run->before = handled(run);
	run->start_s = bench_clock_seconds();
	bench_node_check(&run->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), TYPE_OVER, NULL,
				       (uint64_t)(bench_options_slice_s(&run->node.options) * 1e6), 0, NULL));
}

static void
over(struct hm_ctx *ctx, struct run *run)
{
	double rate = (double)(handled(run) - run->before) / (bench_clock_seconds() - run->start_s) / 1e6;

	*(run->is_value ? &run->value : &run->limit) = rate;
	for (uint32_t i = 0; i < MEMBERS; i++)
		hm_stop(ctx, run->members[i]);
}

static void
ended(struct hm_ctx *ctx, struct run *run)
{
	if (--run->left > 0)
		return;
	if (run->is_value && !bench_node_slice(&run->node, ctx, run->value, run->limit)) {
		if (hm_system_balance_stats(run->node.sys, &run->stats) != 0)
			bench_node_fail(&run->node, ctx, "no statistics");
		return;
	}
	run->is_value = !run->is_value;
	members_start(ctx, run);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		members_start(ctx, run);
		break;
	case TYPE_SETTLED:
		settled(ctx, run);
		break;
	case TYPE_OVER:
		over(ctx, run);
		break;
	case HM_TERMINATED:
		ended(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- Program -------------------------------------------------------------------------------- */

static int
types_register(struct run *run)
{
	int status = bench_node_type(&run->node, TYPE_BEGIN, "begin", sizeof(struct hm_pid));

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_WORK, "work", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_SETTLED, "settled", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_OVER, "over", 0);
	return status;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = types_register(run);

	/* Those who are stopped have sent to each other: the log would say so each time. */
	rte_log_set_level_pattern("hermod", RTE_LOG_ERR);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	bench_row_init(row, kinds[run->kind].row, "M msg/s");
	snprintf(run->note, sizeof(run->note), "%s; in all %llu moved for load, %llu joined, %llu refused",
		 kinds[run->kind].note, (unsigned long long)run->stats.moved,
		 (unsigned long long)run->stats.joined, (unsigned long long)run->stats.refused);
	row->note = run->note;
	return status;
}

static int
kind_set(void *target, const char *value)
{
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(value, kinds[i].name) == 0) {
			*(enum kind *)target = (enum kind)i;
			return 0;
		}
	}
	fprintf(stderr, "--kind '%s': give skewed, gain, even, pairs or joined\n", value);
	return -EINVAL;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	node->balance_ms = BALANCE_MS;
	run->extras[0] =
		(struct bench_option){ "kind", "KIND",
				       "what to measure: skewed, gain, even, pairs or joined (skewed)",
				       kind_set, &run->kind };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "Actors of two lcores, moved by the balancer or placed by hand.",
		.lcores = 2,
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
