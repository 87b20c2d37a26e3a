/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.pingpong: what does a message cost when there is only one, between two actors of one lcore?
 */
#include "local_bounce.h"

int
main(int argc, char **argv)
{
	static const struct local_bounce question = {
		.name = "local.pingpong",
		.about = "Two actors of one lcore, one message in flight.",
		.note = "limit: bare dispatch loop, 1 in flight",
		.actors = 2,
		.in_flight = 1,
	};

	return local_bounce_main(&question, argc, argv);
}
