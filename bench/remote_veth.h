/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_VETH_H
#define REMOTE_VETH_H

/**
 * @file
 * Two veth pairs between two network namespaces without names.
 *
 *     launcher: unshare ── pairs ── fork ──▶ child: unshare ── entered ──▶ waits
 *        │                                                        │
 *        └── moves the far ends into the child's namespace ◀──────┘
 *        └── moved ─────────────────────────────────────────▶ child: links up ──▶ exec
 *
 * Needs root, and `ip` of iproute2. Errors are printed.
 */

#include <sys/types.h>

/** Names of the ends, followed by 0 for hermod's pair, or 1 for that of the raw frames. */
#define REMOTE_VETH_DRIVER "hmdriver"
#define REMOTE_VETH_ECHO   "hmecho"

/** Pipes by which launcher and child wait for each other. */
struct remote_veth_pipes {
	int entered[2]; /**< child to launcher: the child is in its namespace */
	int moved[2];   /**< launcher to child: the far ends are in that namespace */
};

/** In the launcher: enter a new namespace, and make both pairs. @return 0 or -1 */
__attribute__((warn_unused_result))
int remote_veth_make(void);

/** In the launcher, before the fork. @return 0 or -1 */
__attribute__((warn_unused_result))
int remote_veth_pipes_open(struct remote_veth_pipes *pipes);

/** In the child: enter a new namespace, and wait for the far ends. @return 0 or -1 */
__attribute__((warn_unused_result))
int remote_veth_enter(const struct remote_veth_pipes *pipes);

/** In the launcher: move the far ends to the child. @return 0 or -1 */
__attribute__((warn_unused_result))
int remote_veth_hand_over(const struct remote_veth_pipes *pipes, pid_t child);

#endif /* REMOTE_VETH_H */
