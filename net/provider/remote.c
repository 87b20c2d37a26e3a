/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The provider: the functions that the engine calls.
 */
#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "egress_pvt.h"
#include "encode_pvt.h"
#include "hm_actor.h"
#include "ingress_pvt.h"
#include "remote_pvt.h"
#include "resume_pvt.h"
#include "system_body_pvt.h"
#include "table_pvt.h"
#include "tick_pvt.h"

#define IDLE_POLLS 8u /* of the port in a turn in which no actor is runnable: cheaper than a turn each */

/* In the first turn: programs register their types after the module's start. */
static void
begin(struct hmi_remote *remote)
{
	struct hmi_net *net = &remote->net;

	remote->begun = true;
	if (hmi_codec_create(&net->codec, net->sys) != 0)
		hmi_net_log(net, ERR, "%s", "no memory for message types: none can cross the network");
	/* They have been called since the start, but nothing was sent before this turn. */
	for (uint32_t i = 0; i < hmi_peers_count(net); i++)
		net->peers[i]->unreachable_ns = net->now;
}

/* Receive, and go on with what waits: in every other turn that is first, so that neither uses up all the time. */
static uint32_t
poll_beside_waiting(struct hmi_net *net, uint32_t polls)
{
	uint32_t work = 0;

	net->waiting_first = !net->waiting_first;
	if (net->waiting_first)
		work = hmi_resume(net);
	if (!net->waiting_first || !hmi_net_expired(net, 1))
		work += hmi_ingress_poll(net, polls);
	if (!net->waiting_first && !hmi_net_expired(net, 1))
		work += hmi_resume(net);
	return work;
}

static uint32_t
remote_poll(void *self, struct hm_ctx *ctx)
{
	struct hmi_remote *remote = self;
	struct hmi_net *net = &remote->net;
	uint32_t polls = hm_lcore_is_idle(ctx) ? IDLE_POLLS : 1, work;

	hmi_net_turn(net, ctx, hm_turn_ns(ctx));
	if (unlikely(!remote->begun))
		begin(remote);
	if (unlikely(net->waiting))
		work = poll_beside_waiting(net, polls);
	else
		work = hmi_ingress_poll(net, polls);
	if (unlikely(net->now >= net->tick_ns))
		hmi_tick(net);
	return work;
}

/* Whether messages of a type can be sent to another node. */
static inline bool
is_remote(const struct hmi_net *net, uint16_t type)
{
	return likely(type >= HM_TYPE_USER) ? hmi_codec_by_id(&net->codec, type) != NULL
					    : hmi_wire_system_bytes(type) >= 0;
}

static void
remote_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct hmi_net *net = &((struct hmi_remote *)self)->net;
	struct hmi_peer *peer = hmi_peer_by_node(net, msg->to_node);

	net->ctx = ctx;
	if (unlikely(peer == NULL)) {
		hm_dead_letter_publish(ctx, msg, HM_DEAD_NODE_LOST);
	} else if (unlikely(!is_remote(net, msg->type))) {
		hm_dead_letter_publish(ctx, msg, HM_DEAD_NOT_REMOTE);
	} else {
		hmi_backlog_send(net, peer, msg);
	}
}

static bool
remote_send(void *self, struct hm_ctx *ctx, const struct hm_outgoing *out)
{
	struct hmi_net *net = &((struct hmi_remote *)self)->net;
	struct hmi_peer *peer = hmi_peer_by_node(net, out->to_node);

	net->ctx = ctx;
	return likely(peer != NULL) && hmi_encode_body(net, peer, out);
}

static uint32_t
remote_flush(void *self, struct hm_ctx *ctx)
{
	struct hmi_net *net = &((struct hmi_remote *)self)->net;
	uint32_t work;

	/* The time may have been read again since the poll. */
	hmi_net_turn(net, ctx, hm_turn_ns(ctx));
	work = hmi_egress_flush_all(net);
	(void)hmi_port_flush(&net->port);
	return work;
}

/*
 * A resolve request is sent, or queued in the backlog, as a message HM_IDENTITY without receiver: its
 * body is the path, its sender receives the answer.
 */
static int
remote_resolve(void *self, struct hm_ctx *ctx, const char *node, const char *path, struct hm_pid reply_to)
{
	struct hmi_net *net = &((struct hmi_remote *)self)->net;
	struct hmi_peer *peer = hmi_peer_by_name(net, node);
	size_t length = strlen(path);
	struct hm_msg *msg;

	net->ctx = ctx;
	if (peer == NULL || (!peer->configured && peer->session.state != HMI_SESSION_OPEN))
		return -EINVAL;
	if (peer->resolves >= HMI_RESOLVES_MAX)
		return -ENOMEM;
	msg = hm_msg_alloc_control(ctx, HM_IDENTITY, length);
	memcpy(msg->body, path, length);
	msg->to = 0;
	msg->to_node = 0;
	msg->sender = reply_to;
	hmi_backlog_send(net, peer, msg);
	return 0;
}

static uint64_t
remote_waiting(const void *self)
{
	const struct hmi_net *net = &((const struct hmi_remote *)self)->net;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < net->peers_count; i++)
		sum += atomic_load_explicit(&net->peers[i]->backlog.count, memory_order_relaxed);
	return sum;
}

const struct hm_provider_ops hmi_remote_ops = {
	.deliver = remote_deliver,
	.send = remote_send,
	.poll = remote_poll,
	.flush = remote_flush,
	.resolve = remote_resolve,
	.waiting = remote_waiting,
};
