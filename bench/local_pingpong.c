/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.pingpong: cost of a message when a single one goes back and forth between two actors.
 */
#include "local_bounce.h"

int
main(int argc, char **argv)
{
	static const struct local_bounce scenario = {
		.name = "local.pingpong",
		.about = "Two actors of one lcore, one message in flight.",
		.note = "baseline: bare dispatch loop, 1 in flight",
		.actors = 2,
		.in_flight = 1,
	};

	return local_bounce_main(&scenario, argc, argv);
}
