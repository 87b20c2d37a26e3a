/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRIORITY_PVT_H
#define PRIORITY_PVT_H

/*
 * Messages by priority: a queue for each, and a bit for each queue that is not empty.
 *
 *     bits  1000 0010
 *           │      └── 1  ─▶ msg ─▶ msg
 *           └───────── 7  ─▶ msg            the next one
 *
 * Stable: among equal ones the oldest is first. Owned by one lcore.
 */

#include <stdint.h>

#include "fifo_pvt.h"

#define HMI_PRIORITIES 8u

/* Zeroed: empty. */
struct hmi_priority {
	struct hmi_fifo queues[HMI_PRIORITIES];
	uint32_t used; /* bits, by priority */
};

static inline void
hmi_priority_push(struct hmi_priority *p, struct hm_msg *msg, uint32_t priority)
{
	uint32_t queue = priority < HMI_PRIORITIES ? priority : HMI_PRIORITIES - 1;

	hmi_fifo_push(&p->queues[queue], msg);
	p->used |= 1u << queue;
}

/* The oldest of one priority, of which there is one. */
static inline struct hm_msg *
hmi_priority_pop_of(struct hmi_priority *p, uint32_t queue)
{
	struct hm_msg *msg = hmi_fifo_pop(&p->queues[queue]);

	if (p->queues[queue].head == NULL)
		p->used &= ~(1u << queue);
	return msg;
}

/* The oldest of the highest priority; NULL: none. */
static inline struct hm_msg *
hmi_priority_pop(struct hmi_priority *p)
{
	return p->used != 0 ? hmi_priority_pop_of(p, 31u - (uint32_t)__builtin_clz(p->used)) : NULL;
}

/* The oldest of the lowest priority, unless that is above a limit; NULL: none. */
static inline struct hm_msg *
hmi_priority_pop_lowest(struct hmi_priority *p, uint32_t limit)
{
	uint32_t queue = p->used != 0 ? (uint32_t)__builtin_ctz(p->used) : HMI_PRIORITIES;

	return queue < HMI_PRIORITIES && queue <= limit ? hmi_priority_pop_of(p, queue) : NULL;
}

#endif /* PRIORITY_PVT_H */
