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
#include "local_stages.h"

static const struct hm_middleware nothing = { .name = "nothing" };

static const struct hm_middleware *const chain_0[] = { &nothing, NULL },
					 *const chain_1[] = { &local_stages_receive, NULL },
					 *const chain_3[] = { &local_stages_receive, &local_stages_receive,
							      &local_stages_receive, NULL },
					 *const chain_send[] = { &local_stages_send, NULL };

static const struct local_stages_kind kinds[] = {
	{ "0", "local.middleware.0", chain_0, 0 },
	{ "1", "local.middleware.1", chain_1, 0 },
	{ "3", "local.middleware.3", chain_3, 0 },
	{ "send", "local.middleware.send", chain_send, 0 },
};

int
main(int argc, char **argv)
{
	static const struct local_stages scenario = {
		.about = "What stages of middleware add to a message between two actors of one lcore.",
		.note = "baseline: plain tells of two actors without middleware",
		.option = "stages",
		.value = "CHAIN",
		.help = "stages of receive: 0, 1 or 3; or send: one of send (1)",
		.kinds = kinds,
		.count = sizeof(kinds) / sizeof(kinds[0]),
		.warm_up_count = 200000,
		.count_max = UINT64_MAX,
	};

	return local_stages_main(&scenario, argc, argv);
}
