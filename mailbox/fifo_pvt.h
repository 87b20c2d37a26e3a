/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIFO_PVT_H
#define FIFO_PVT_H

/*
 * A queue of messages, linked through the messages themselves.
 *
 *     head ─▶ msg ─▶ msg ─▶ msg ◀─ tail
 *
 * Who may call what: one thread at a time; nothing here is atomic.
 * Ownership: push hands the message over, pop hands it to the caller.
 * Limits:    bounded by message memory alone. A message is in one queue at a time; debug builds check it.
 */

#include <stddef.h>
#include <stdint.h>

#include "hm_msg.h"
#include "msg_guard_pvt.h"

/* Zeroed: empty. Packed, so that four bytes of the owner's may follow the count. */
struct hmi_fifo {
	struct hm_msg *head; /* oldest message; NULL: none. The newest one's link is undefined */
	struct hm_msg *tail; /* newest; undefined while head is NULL */
	uint32_t count;
} __attribute__((packed, aligned(4)));

static inline void
hmi_fifo_push(struct hmi_fifo *fifo, struct hm_msg *msg)
{
	hmi_guard_listed(msg, __func__);
	if (fifo->head != NULL)
		fifo->tail->next = msg;
	else
		fifo->head = msg;
	fifo->tail = msg;
	fifo->count++;
}

/* As hmi_fifo_push, for several messages, oldest first; at least one. */
static inline void
hmi_fifo_push_burst(struct hmi_fifo *fifo, struct hm_msg **msgs, uint32_t count)
{
	struct hm_msg *tail = msgs[count - 1];

	for (uint32_t i = 0; HMI_DEBUG && i < count; i++)
		hmi_guard_listed(msgs[i], __func__);
	for (uint32_t i = 0; i + 1 < count; i++)
		msgs[i]->next = msgs[i + 1];
	if (fifo->head != NULL)
		fifo->tail->next = msgs[0];
	else
		fifo->head = msgs[0];
	fifo->tail = tail;
	fifo->count += count;
}

/* Put a message back in front of all others. */
static inline void
hmi_fifo_unpop(struct hmi_fifo *fifo, struct hm_msg *msg)
{
	hmi_guard_listed(msg, __func__);
	msg->next = fifo->head;
	if (fifo->head == NULL)
		fifo->tail = msg;
	fifo->head = msg;
	fifo->count++;
}

/* Move all of another queue in front of this one's. */
static inline void
hmi_fifo_prepend(struct hmi_fifo *fifo, struct hmi_fifo *front)
{
	if (front->head == NULL)
		return;
	front->tail->next = fifo->head;
	if (fifo->head == NULL)
		fifo->tail = front->tail;
	fifo->head = front->head;
	fifo->count += front->count;
	front->head = NULL;
	front->count = 0;
}

/* Oldest message; NULL: none. */
static inline struct hm_msg *
hmi_fifo_pop(struct hmi_fifo *fifo)
{
	struct hm_msg *msg = fifo->head;

	if (msg != NULL) {
		fifo->head = --fifo->count > 0 ? msg->next : NULL;
		hmi_guard_unlisted(msg);
	}
	return msg;
}

/* The message behind one that is in the queue; NULL: none. */
static inline struct hm_msg *
hmi_fifo_after(const struct hmi_fifo *fifo, const struct hm_msg *msg)
{
	return msg != fifo->tail ? msg->next : NULL;
}

#endif /* FIFO_PVT_H */
