/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_HOLD_H
#define HMT_HOLD_H

/**
 * @file
 * Actors that are held, so that their mailboxes fill, and those who wait for them.
 */

#include "hmt_actor.h"
#include "lcore_pvt.h"

/** The cell of an actor that has not moved; NULL: it is gone. */
static inline struct hmi_cell *
hmt_cell_of(const struct hmt_node *node, struct hm_pid pid)
{
	return hmi_cell_live(node->sys->lcores[hm_pid_lcore(pid)], pid.local);
}

/** Whether an actor waits for another one, or for a lane, to drain. */
static inline bool
hmt_is_muted(const struct hmt_node *node, struct hm_pid pid)
{
	return (hmt_cell_of(node, pid)->pending & HMI_PENDING_MUTED) != 0;
}

/** Let an actor handle no user messages, as one whose failure its supervisor has not decided on. */
static inline void
hmt_hold(const struct hmt_node *node, struct hm_pid pid)
{
	hmt_cell_of(node, pid)->pending |= HMI_PENDING_FAILED;
}

/** Let it go on, with its lcore's next turn. */
static inline void
hmt_let_go(const struct hmt_node *node, struct hm_pid pid)
{
	struct hmi_cell *cell = hmt_cell_of(node, pid);

	cell->pending &= (uint8_t)~HMI_PENDING_FAILED;
	hmi_schedule(node->sys->lcores[hm_pid_lcore(pid)], cell);
}

#endif /* HMT_HOLD_H */
