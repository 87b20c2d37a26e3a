/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The backlog of a peer.
 */
#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "control_pvt.h"
#include "encode_pvt.h"
#include "hm_actor.h"

/* A message was added or removed (change: 1 or -1). Other threads read the count. */
static void
count_update(struct hmi_peer *peer, const struct hm_msg *msg, uint32_t change)
{
	atomic_store_explicit(&peer->backlog.count, peer->backlog.fifo.count + peer->backlog.control.count,
			      memory_order_relaxed);
	if (msg->type < HM_TYPE_USER)
		peer->backlog.system_count += change;
	if (hmi_is_resolve_request(msg))
		peer->resolves += change;
}

static void
backlog_push(struct hmi_peer *peer, struct hm_msg *msg)
{
	hmi_fifo_push(hmi_is_control(msg) ? &peer->backlog.control : &peer->backlog.fifo, msg);
	count_update(peer, msg, 1);
}

/* The oldest message of a queue; NULL: none. */
static struct hm_msg *
backlog_pop(struct hmi_peer *peer, struct hmi_fifo *fifo)
{
	struct hm_msg *msg = hmi_fifo_pop(fifo);

	if (msg != NULL)
		count_update(peer, msg, UINT32_MAX);
	return msg;
}

void
hmi_backlog_control_done(struct hmi_peer *peer)
{
	(void)backlog_pop(peer, &peer->backlog.control);
}

/* Put back what was popped last. */
static void
backlog_unpop(struct hmi_peer *peer, struct hm_msg *msg)
{
	hmi_fifo_unpop(&peer->backlog.fifo, msg);
	count_update(peer, msg, 1);
}

/* Queue a message, unless there are too many. */
static void
backlog_put(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg)
{
	/* Control messages are not limited: they are few, and their loss would not be reported. A touch is none. */
	bool is_limited = msg->type >= HM_TYPE_USER || msg->type == HM_TOUCH || msg->type == HM_TOUCHED;

	if (is_limited && (peer->ending || peer->backlog.fifo.count >= net->backlog_max)) {
		hm_dead_letter_publish(net->ctx, msg, peer->ending ? peer->end_reason : HM_DEAD_NODE_BUSY);
		return;
	}
	backlog_push(peer, msg);
	hmi_peer_activate(net, peer);
}

void
hmi_backlog_send(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg)
{
	if (unlikely(peer->backlog.fifo.head != NULL || peer->session.state != HMI_SESSION_OPEN) ||
	    unlikely(msg->type < HM_TYPE_USER && hmi_is_control(msg)) ||
	    unlikely(!hmi_encode_message(net, peer, msg)))
		backlog_put(net, peer, msg);
}

void
hmi_backlog_flush(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hm_msg *msg;

	while ((msg = backlog_pop(peer, &peer->backlog.fifo)) != NULL) {
		if (!hmi_encode_message(net, peer, msg)) {
			backlog_unpop(peer, msg);
			return;
		}
		if (hmi_net_expired(net, 1))
			return;
	}
}

/* Report a message, or free a resolve request; but those to a peer that is called again wait for its answer. */
static void
message_lose(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg, enum hm_dead_reason reason)
{
	if (!hmi_is_resolve_request(msg))
		hm_dead_letter_publish(net->ctx, msg, reason);
	else if (peer->configured && !net->gone)
		backlog_push(peer, msg);
	else
		hm_msg_free(net->ctx, msg);
}

bool
hmi_backlog_lose(struct hmi_net *net, struct hmi_peer *peer, enum hm_dead_reason reason)
{
	uint32_t kept = peer->configured && !net->gone ? peer->resolves : 0;
	struct hmi_backlog *backlog = &peer->backlog;

	while (backlog->fifo.count > 0 || backlog->control.count > kept) {
		message_lose(net, peer,
			     backlog_pop(peer, backlog->fifo.count > 0 ? &backlog->fifo : &backlog->control),
			     reason);
		if (hmi_net_expired(net, 1))
			return false;
	}
	return true;
}
