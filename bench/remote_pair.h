/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PAIR_H
#define REMOTE_PAIR_H

/**
 * @file
 * The launcher: starts two processes, a driver and an echo node, with two ports between them.
 *
 *     remote_pingpong -l 0,1 … -- --transport=memif
 *        │
 *        ├─▶ remote_pingpong -l 0 … --vdev net_memif0 --vdev net_memif1 -- --role=driver …
 *        └─▶ remote_pingpong -l 1 … --vdev net_memif0 --vdev net_memif1 -- --role=echo …
 *
 * The first port is hermod's, the second carries the raw frames of limit_frame.h. With veth pairs the echo
 * node has a network namespace, and launcher and driver share another one. The namespaces have no names,
 * so they and the pairs disappear with the processes, however these end.
 */

#include <stdbool.h>

/** Whether this is the command line of the launcher, and not of one of its nodes, or --help. */
bool remote_pair_is_meant(int argc, char **argv);

/** Start both nodes and wait for them. @return exit status of the program; errors are printed */
int remote_pair_run(int argc, char **argv);

#endif /* REMOTE_PAIR_H */
