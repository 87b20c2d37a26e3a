/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Pipelines that are ended in order, again and again, while their stages live on several lcores.
 *
 *     owner ── numbers, then the end ──▶ pipeline ──▶ stage ──▶ stage ──▶ stage ──▶ sink
 *           ◀── it has stopped ─────────────┘                    (counts, and looks at the order)
 *
 * All numbers of a pipeline come to the sink, in order, and none is a dead letter. The last ones of it may be on their way still
 * when the first ones of the next pipeline come, since their last stages are two senders. The run lasts for HMT_SECONDS (2).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES  3u
#define OWNERS  2u
#define STAGES  4u
#define NUMBERS 300u /* of a pipeline, at most */
#define RECENT  16u  /* pipelines of an owner of which some numbers may be under way */

enum type {
	NUMBER = HM_TYPE_USER, /* body: struct number */
	END,
};

struct number {
	uint32_t pipeline, number; /* which of its owner's, and of its numbers */
};

static struct {
	struct hm_system *sys;
	struct hm_pid sinks[OWNERS];
	_Atomic bool ends;
	_Atomic uint64_t pipelines, gone, received, sent, wrong;
} shared;

/* ---- Stages and sinks ----------------------------------------------------------------------------- */

static void
stage_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == NUMBER)
		(void)hm_forward(ctx, *(const struct hm_pid *)state);
}

/* The number that comes next, of each of the last pipelines. */
struct sink {
	uint32_t next[RECENT];
};

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct number *number = hm_msg_body(msg);
	struct sink *sink = state;
	uint32_t *next;

	(void)ctx;
	if (hm_msg_type(msg) != NUMBER)
		return;
	next = &sink->next[number->pipeline % RECENT];
	if (number->number != 0 && number->number != *next)
		hmt_count(&shared.wrong);
	*next = number->number + 1;
	hmt_count(&shared.received);
}

/* ---- Owners ------------------------------------------------------------------------------------------ */

struct owner {
	uint32_t index, pipeline;
	uint64_t random;
};

#define STAGE_PROPS(where)                                                     \
	{                                                                      \
		.receive = stage_receive, .state_size = sizeof(struct hm_pid), \
		.args_size = sizeof(struct hm_pid), .lcore = HM_LCORE(where)   \
	}

/* One pipeline: all its numbers at once, and the end behind them. */
static void
pipeline_run(struct hm_ctx *ctx, struct owner *owner)
{
	static const struct hm_props props[LCORES] = { STAGE_PROPS(0), STAGE_PROPS(1), STAGE_PROPS(2) };
	static const struct hm_stage stages[] = { { .props = &props[0] }, { .props = &props[1] },
						  { .props = &props[2] }, { .props = &props[1] },
						  { .props = &props[0] }, { .props = &props[2] } };
	uint64_t random = hmt_random(&owner->random);
	uint32_t count = (uint32_t)(random >> 8) % NUMBERS;
	struct hm_pipeline pipeline = {
		.stages = &stages[random % 3], .count = STAGES, .end = END, .to = shared.sinks[owner->index]
	};
	struct hm_pid pid;

	hmt_count(&shared.pipelines);
	if (hm_pipeline_spawn(ctx, &pipeline, NULL, &pid) != 0)
		hm_fail(ctx, "no pipeline");
	for (uint32_t i = 0; i < count; i++) {
		struct number number = { owner->pipeline, i };

		hmt_must(hm_send(ctx, pid, NUMBER, &number));
		hmt_count(&shared.sent);
	}
	hmt_must(hm_send(ctx, pid, END, NULL));
	owner->pipeline++;
}

static void
owner_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != HM_TERMINATED)
		return;
	if (hm_msg_type(msg) == HM_TERMINATED &&
	    ((const struct hm_terminated *)hm_msg_body(msg))->reason != HM_TERMINATED_STOPPED)
		hmt_count(&shared.wrong);
	if (!shared.ends)
		pipeline_run(ctx, state);
	/* Behind the next one, so that there is none more when all are gone. */
	if (hm_msg_type(msg) == HM_TERMINATED)
		hmt_count(&shared.gone);
}

/* ---- The run ------------------------------------------------------------------------------------------- */

static void
actors_spawn(uint64_t *random)
{
	static const struct hm_props sink = { .receive = sink_receive,
					      .state_size = sizeof(struct sink),
					      .lcore = HM_LCORE_ANY };
	static const struct hm_props props = { .receive = owner_receive,
					       .state_size = sizeof(struct owner),
					       .args_size = sizeof(struct owner),
					       .lcore = HM_LCORE_ANY };

	for (uint32_t i = 0; i < OWNERS; i++) {
		struct owner owner = { .index = i, .random = hmt_random(random) };

		if (hm_system_spawn(shared.sys, &sink, NULL, NULL, &shared.sinks[i]) != 0 ||
		    hm_system_spawn(shared.sys, &props, NULL, &owner, NULL) != 0)
			abort();
	}
}

static void
system_start(void)
{
	static const struct hm_type types[] = {
		{ .id = NUMBER, .name = "number", .size = sizeof(struct number) },
		{ .id = END, .name = "end" },
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };

	if (hm_system_create(&shared.sys, 0, NULL, &config) != 0 ||
	    hm_type_register(shared.sys, &types[0]) != 0 || hm_type_register(shared.sys, &types[1]) != 0 ||
	    hm_system_start(shared.sys) != 0)
		abort();
}

/* All pipelines are gone, and what was sent has come; unless that takes more than ten seconds. */
static void
end_await(void)
{
	double end_s = hmt_now_s() + 10;

	while ((hmt_counted(&shared.gone) < hmt_counted(&shared.pipelines) ||
		hmt_counted(&shared.received) < hmt_counted(&shared.sent)) &&
	       hmt_now_s() < end_s)
		hmt_sleep_s(0.001);
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	struct hm_stats stats;
	uint64_t dead = 0;

	hmt_eal_start_with(LCORES + 1, 256);
	system_start();
	actors_spawn(&stress.random);
	hmt_stress_wait(&stress);
	shared.ends = true;
	end_await();
	hm_system_stats(shared.sys, &stats);
	for (uint32_t i = 0; i < HM_DEAD_REASONS; i++)
		dead += stats.dead[i];
	hm_system_stop(shared.sys);
	if (hm_system_join(shared.sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(shared.sys);
	printf("%" PRIu64 " pipelines, %" PRIu64 " numbers sent, %" PRIu64 " received, %" PRIu64
	       " dead letters, %" PRIu64 " wrong\n",
	       hmt_counted(&shared.pipelines), hmt_counted(&shared.sent), hmt_counted(&shared.received), dead,
	       hmt_counted(&shared.wrong));
	return hmt_counted(&shared.wrong) == 0 && dead == 0 && hmt_counted(&shared.pipelines) > 10 &&
			       hmt_counted(&shared.received) == hmt_counted(&shared.sent)
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}
