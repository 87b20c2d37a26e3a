/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PAIR_H
#define REMOTE_PAIR_H

/**
 * @file
 * One command line, two processes: a driver and an echo node, with two ports between them.
 *
 *     remote_pingpong -l 0,1 … -- --transport=memif
 *        │
 *        ├─▶ remote_pingpong -l 0 … --vdev net_memif0 --vdev net_memif1 -- --role=driver …
 *        └─▶ remote_pingpong -l 1 … --vdev net_memif0 --vdev net_memif1 -- --role=echo …
 *
 * The first port is hermod's, the second carries the raw frames of limit_frame.h. Over veth pairs
 * the echo node lives in a network namespace of its own, and so do the others: the namespaces have
 * no names, so whatever happens they are gone with the processes, and with them the pairs.
 */

#include <stdbool.h>

/** Is this the command line of the pair, and not yet that of one of its nodes? */
bool remote_pair_is_meant(int argc, char **argv);

/** Start both, wait for the driver. @return exit status of the program; errors are printed */
int remote_pair_run(int argc, char **argv);

#endif /* REMOTE_PAIR_H */
