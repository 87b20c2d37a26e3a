/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BARRIER_PVT_H
#define BARRIER_PVT_H

/*
 * A full fence on all threads of the process, by the kernel (membarrier): where one side of a pair of fences executes
 * a million times, and the other one hardly ever, the frequent one needs none.
 *
 *     frequent: store a; compiler's fence; load b          seldom: store b; hmi_barrier; load a
 *
 * Each processor that runs a thread of the process is interrupted. Any thread, as far as it may make a system call.
 */

#include <stdbool.h>

/* Before the first hmi_barrier; as often as one likes. Returns whether there is such a thing: the kernel, or a filter, may refuse it. */
bool hmi_barrier_init(void);

/* Waits a few microseconds. */
void hmi_barrier(void);

#endif /* BARRIER_PVT_H */
