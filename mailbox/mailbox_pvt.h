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
 * Owned by one lcore: nothing here is atomic. Bounded only by message memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_msg.h"

struct hmi_mailbox {
	struct hm_msg *head;	    /* oldest user message; NULL: none */
	struct hm_msg *tail;	    /* youngest; means nothing while head is NULL */
	struct hm_msg *system_tail; /* youngest system message, its next is the oldest */
	uint32_t count;		    /* user messages */
};

static inline void
hmi_mailbox_push(struct hmi_mailbox *box, struct hm_msg *msg)
{
	msg->next = NULL;
	if (box->head != NULL)
		box->tail->next = msg;
	else
		box->head = msg;
	box->tail = msg;
	box->count++;
}

/* Oldest user message; NULL: none. */
static inline struct hm_msg *
hmi_mailbox_pop(struct hmi_mailbox *box)
{
	struct hm_msg *msg = box->head;

	if (msg != NULL) {
		box->head = msg->next;
		box->count--;
	}
	return msg;
}

static inline bool
hmi_mailbox_has_system(const struct hmi_mailbox *box)
{
	return box->system_tail != NULL;
}

static inline void
hmi_mailbox_push_system(struct hmi_mailbox *box, struct hm_msg *msg)
{
	if (box->system_tail == NULL) {
		msg->next = msg;
	} else {
		msg->next = box->system_tail->next;
		box->system_tail->next = msg;
	}
	box->system_tail = msg;
}

/* Oldest system message; NULL: none. */
static inline struct hm_msg *
hmi_mailbox_pop_system(struct hmi_mailbox *box)
{
	struct hm_msg *last = box->system_tail;

	if (last == NULL)
		return NULL;

	struct hm_msg *first = last->next;

	if (first == last)
		box->system_tail = NULL;
	else
		last->next = first->next;
	return first;
}

#endif /* MAILBOX_PVT_H */
