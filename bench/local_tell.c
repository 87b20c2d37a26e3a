/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * local.tell: what does a message cost when many wait in two mailboxes of one lcore?
 */
#include "local_bounce.h"

int
main(int argc, char **argv)
{
	static const struct local_bounce question = {
		.name = "local.tell",
		.about = "Two actors of one lcore, 512 messages in flight.",
		.note = "limit: bare dispatch loop, as many in flight",
		.actors = 2,
		.in_flight = 512,
	};

	return local_bounce_main(&question, argc, argv);
}
