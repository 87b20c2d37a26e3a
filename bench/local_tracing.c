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
#include "local_stages.h"

/* So that the spans of a slice have room. */
#define COUNT_MAX (1u << 14)

static const struct hm_middleware tracing = { .receive = hm_tracing_receive, .send = hm_tracing_send };
static const struct hm_middleware *const plain_stages[] = { &local_stages_both, NULL },
					 *const tracing_stages[] = { &tracing, NULL };

/* The number: of how many in a million there are spans. */
static const struct local_stages_kind kinds[] = {
	{ "none", "local.tracing.none", tracing_stages, HM_TRACING_NONE },
	{ "unsampled", "local.tracing.unsampled", tracing_stages, 1 },
	{ "sampled", "local.tracing.sampled", tracing_stages, 0 },
};

static int
tracing_begin(struct bench_node *node, const struct local_stages_kind *kind)
{
	const struct hm_tracing_options options = { .sampled_ppm = kind->number, .spans = 2 * COUNT_MAX };

	return hm_tracing_start(node->sys, &options);
}

static int
document_ignore(void *arg, const char *json, size_t bytes)
{
	(void)arg;
	(void)json;
	(void)bytes;
	return 0;
}

/* Some may have had no room, or cannot be taken out. */
static const char *
spans_take(struct bench_node *node)
{
	struct hm_tracing_stats stats;
	int rc = hm_tracing_drain(node->sys, document_ignore, NULL);

	hm_tracing_stats(node->sys, &stats);
	return rc == 0 && stats.dropped == 0 && stats.unmarked == 0 ? NULL : "spans are lost";
}

int
main(int argc, char **argv)
{
	static const struct local_stages scenario = {
		.about = "What tracing adds to a message between two actors of one lcore.",
		.note = "baseline: tells of two actors with stages of receive and send that only go on",
		.option = "kind",
		.value = "KIND",
		.help = "none, unsampled or sampled (unsampled)",
		.kinds = kinds,
		.count = sizeof(kinds) / sizeof(kinds[0]),
		.stages = plain_stages,
		.warm_up_count = 8000,
		.count_max = COUNT_MAX,
		.begin = tracing_begin,
		.end = spans_take,
	};

	return local_stages_main(&scenario, argc, argv);
}
