/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_EAL_H
#define HMT_EAL_H

/**
 * @file
 * EAL for tests: quiet, small, without hugepages, devices or files, and on any number of cores.
 *
 * A Criterion suite takes it as its init; Criterion runs each case in a process of its own, so
 * EAL starts anew for each:
 *
 *     TestSuite(lane, .init = hmt_eal_start);
 *
 * Lcores are threads that share the cores which the process may use; a test must not count on
 * them running at the same time. HMT_EAL in the environment holds more EAL options, such as
 * "--log-level=lib.eal:debug".
 */

/** Start EAL with two lcores, 0 and 1; ends the process when it does not start. */
void hmt_eal_start(void);

/** As hmt_eal_start, with @p lcores lcores, 0 to lcores - 1, and @p megabytes of memory. */
void hmt_eal_start_with(unsigned int lcores, unsigned int megabytes);

/**
 * Run @p fn on a worker lcore, as rte_eal_remote_launch does, but so that ThreadSanitizer sees that
 * the launch comes before it. Ends the process when the lcore is busy.
 */
void hmt_launch(unsigned int lcore, int (*fn)(void *arg), void *arg);

/** Wait for what hmt_launch started; ThreadSanitizer sees that it is over. @return what fn returned */
int hmt_wait(unsigned int lcore);

/** Exit status by which a plain test program says that it cannot run here. */
#define HMT_SKIPPED 77

/** How many mempools of the process have a name like that: a pattern as of fnmatch. */
unsigned int hmt_mempools(const char *pattern);

#endif /* HMT_EAL_H */
