/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.random1m: cost of a message when its receiver is hardly ever in the cache.
 */
#include "local_bounce.h"

int
main(int argc, char **argv)
{
	static const struct local_bounce scenario = {
		.name = "local.random1m",
		.about = "A million actors of one lcore, each sending to a pseudo-random other.",
		.note = "baseline: bare dispatch loop, each send touching the receiver at once",
		.actors = 1000000,
		.in_flight = 100000,
	};

	return local_bounce_main(&scenario, argc, argv);
}
