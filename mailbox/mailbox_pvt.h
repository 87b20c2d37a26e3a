/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAILBOX_PVT_H
#define MAILBOX_PVT_H

/*
 * The unbounded mailbox: two intrusive queues of messages, the user lane and the system lane.
 *
 *     user    head ─▶ msg ─▶ msg ─▶ msg ◀─ tail          looked at after
 *     system  tail ─▶ msg ─▶ msg ─┐                      looked at before every user message
 *               ▲─────────────────┘  (a ring, so that one pointer is enough)
 *
 * They are apart, so that an actor can keep the user lane with what every message touches.
 * Owned by one lcore: nothing here is atomic. Bounded only by message memory.
 */

#include <stddef.h>
#include <stdint.h>

#include "fifo_pvt.h"
#include "hm_msg.h"

struct hmi_system_lane {
	struct hm_msg *tail; /* youngest message, its next is the oldest; NULL: none */
};

static inline void
hmi_system_lane_push(struct hmi_system_lane *lane, struct hm_msg *msg)
{
	hmi_guard_listed(msg, __func__);
	if (lane->tail == NULL) {
		msg->next = msg;
	} else {
		msg->next = lane->tail->next;
		lane->tail->next = msg;
	}
	lane->tail = msg;
}

/* Before all that is there. */
static inline void
hmi_system_lane_push_first(struct hmi_system_lane *lane, struct hm_msg *msg)
{
	struct hm_msg *last = lane->tail;

	/* In a ring the place before the first is that behind the last. */
	hmi_system_lane_push(lane, msg);
	if (last != NULL)
		lane->tail = last;
}

/* Oldest system message; NULL: none. */
static inline struct hm_msg *
hmi_system_lane_pop(struct hmi_system_lane *lane)
{
	struct hm_msg *last = lane->tail;

	if (last == NULL)
		return NULL;

	struct hm_msg *first = last->next;

	if (first == last)
		lane->tail = NULL;
	else
		last->next = first->next;
	hmi_guard_unlisted(first);
	return first;
}

#endif /* MAILBOX_PVT_H */
