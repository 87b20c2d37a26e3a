/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_CHECK_H
#define HMT_CHECK_H

/**
 * @file
 * What must hold in programs and helpers that do without Criterion.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/** End the process, also where the engine would contain it as an actor's failure. */
__attribute__((noreturn)) static inline void
hmt_give_up(void)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };

	(void)sigaction(SIGABRT, &usual, NULL);
	abort();
}

/** If `what` does not hold, say where, and what printf makes of the rest, and end the process. */
#define HMT_CHECK(what, ...)                                            \
	do {                                                            \
		if (!(what)) {                                          \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);                   \
			fputc('\n', stderr);                            \
			hmt_give_up();                                  \
		}                                                       \
	} while (0)

#endif /* HMT_CHECK_H */
