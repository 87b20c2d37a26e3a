/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.tell: cost of a message when many wait in the mailboxes of two actors.
 */
#include "local_bounce.h"

int
main(int argc, char **argv)
{
	static const struct local_bounce scenario = {
		.name = "local.tell",
		.about = "Two actors of one lcore, 512 messages in flight.",
		.note = "baseline: bare dispatch loop, as many in flight",
		.actors = 2,
		.in_flight = 512,
	};

	return local_bounce_main(&scenario, argc, argv);
}
