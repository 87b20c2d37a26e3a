/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages that wait for a peer.
 */
#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "encode_pvt.h"
#include "hm_actor.h"

/* Other threads read the count. */
static void
count_add(struct hmi_peer *peer, const struct hm_msg *msg, uint32_t change)
{
	uint32_t count = atomic_load_explicit(&peer->waiting.count, memory_order_relaxed);

	atomic_store_explicit(&peer->waiting.count, count + change, memory_order_relaxed);
	if (hmi_is_question(msg))
		peer->resolves += change;
}

static void
backlog_push(struct hmi_peer *peer, struct hm_msg *msg)
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

/* The oldest one; NULL: none waits. */
static struct hm_msg *
backlog_pop(struct hmi_peer *peer)
{
	struct hm_msg *msg = peer->waiting.head;

	if (msg == NULL)
		return NULL;
	peer->waiting.head = msg->next;
	count_add(peer, msg, UINT32_MAX);
	return msg;
}

/* Put back what was popped a moment ago. */
static void
backlog_unpop(struct hmi_peer *peer, struct hm_msg *msg)
{
	struct hmi_waiting *waiting = &peer->waiting;

	msg->next = waiting->head;
	if (waiting->head == NULL)
		waiting->tail = msg;
	waiting->head = msg;
	count_add(peer, msg, 1);
}

static void
wait(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg)
{
	uint32_t count = atomic_load_explicit(&peer->waiting.count, memory_order_relaxed);

	/* Stop, watch and their like are few, and nobody would hear of their loss. */
	if (count >= net->queue_max && msg->type >= HM_TYPE_USER) {
		hm_dead_letter_publish(net->ctx, msg, HM_DEAD_NODE_BUSY);
		return;
	}
	backlog_push(peer, msg);
	hmi_peer_activate(net, peer);
}

void
hmi_backlog_send(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg)
{
	if (unlikely(peer->waiting.head != NULL || peer->session.state != HMI_SESSION_OPEN) ||
	    unlikely(!hmi_encode_message(net, peer, msg)))
		wait(net, peer, msg);
}

/* Messages that waited go before those that come. */
void
hmi_backlog_flush(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hm_msg *msg;

	while ((msg = backlog_pop(peer)) != NULL) {
		if (!hmi_encode_message(net, peer, msg)) {
			backlog_unpop(peer, msg);
			return;
		}
	}
}

void
hmi_backlog_lose(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	uint32_t count = atomic_load_explicit(&peer->waiting.count, memory_order_relaxed);

	for (; count > 0; count--) {
		struct hm_msg *msg = backlog_pop(peer);

		if (!hmi_is_question(msg))
			hm_dead_letter_publish(net->ctx, msg, reason);
		else if (peer->configured && !net->gone)
			backlog_push(peer, msg);
		else
			hm_msg_free(net->ctx, msg);
	}
}
