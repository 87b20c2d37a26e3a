/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCAL_BOUNCE_H
#define LOCAL_BOUNCE_H

/**
 * @file
 * Messages that bounce among actors of one lcore, beside the bare loop that does the same.
 *
 * local.pingpong, local.tell and local.random1m differ in how many actors there are, and in how
 * many messages are under way among them, and in nothing else.
 */

#include <stdint.h>

/** What is asked. */
struct local_bounce {
	const char *name;   /**< of the row */
	const char *about;  /**< one sentence */
	const char *note;   /**< what the limit is */
	uint32_t actors;    /**< 2, or each sends to a pseudo-random other */
	uint32_t in_flight; /**< unless the command line says otherwise */
};

/** The whole program. @return its exit status */
int local_bounce_main(const struct local_bounce *question, int argc, char **argv);

#endif /* LOCAL_BOUNCE_H */
