/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCAL_BOUNCE_H
#define LOCAL_BOUNCE_H

/**
 * @file
 * Messages that bounce among actors of one lcore, compared with a bare loop that does the same.
 *
 * local.pingpong, local.tell and local.random1m differ only in the number of actors, and of messages in
 * flight.
 */

#include <stdint.h>

/** A scenario. */
struct local_bounce {
	const char *name;   /**< of the row */
	const char *about;  /**< one sentence */
	const char *note;   /**< what the limit is */
	uint32_t actors;    /**< 2: a pair; more: each sends to a fixed pseudo-random other */
	uint32_t in_flight; /**< default of --in-flight */
};

/** The whole program. @return its exit status */
int local_bounce_main(const struct local_bounce *scenario, int argc, char **argv);

#endif /* LOCAL_BOUNCE_H */
