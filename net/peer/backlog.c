/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages that wait for a peer.
 */
#include "net_pvt.h"

bool
hmi_is_question(const struct hm_msg *msg)
{
	return msg->type == HM_IDENTITY && msg->to == 0;
}

/* Other threads read the count. */
static void
count_add(struct hmi_peer *peer, const struct hm_msg *msg, uint32_t change)
{
	uint32_t count = atomic_load_explicit(&peer->waiting.count, memory_order_relaxed);

	atomic_store_explicit(&peer->waiting.count, count + change, memory_order_relaxed);
	if (hmi_is_question(msg))
		peer->resolves += change;
}

void
hmi_waiting_push(struct hmi_peer *peer, struct hm_msg *msg)
{
	struct hmi_waiting *waiting = &peer->waiting;

	msg->next = NULL;
	if (waiting->head == NULL)
		waiting->head = msg;
	else
		waiting->tail->next = msg;
	waiting->tail = msg;
	count_add(peer, msg, 1);
}

struct hm_msg *
hmi_waiting_pop(struct hmi_peer *peer)
{
	struct hm_msg *msg = peer->waiting.head;

	if (msg == NULL)
		return NULL;
	peer->waiting.head = msg->next;
	count_add(peer, msg, UINT32_MAX);
	return msg;
}

void
hmi_waiting_unpop(struct hmi_peer *peer, struct hm_msg *msg)
{
	struct hmi_waiting *waiting = &peer->waiting;

	msg->next = waiting->head;
	if (waiting->head == NULL)
		waiting->tail = msg;
	waiting->head = msg;
	count_add(peer, msg, 1);
}
