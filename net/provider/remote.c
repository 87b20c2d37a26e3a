/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The provider: what the engine calls, turn by turn.
 */
#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "hm_actor.h"
#include "net_pvt.h"

#define TICK_NS     100000ull    /* between looks at the timers */
#define FAREWELL_NS 100000000ull /* to wait for acknowledgements at the end */
#define GOODBYES    2u

/* ---- In ----------------------------------------------------------------------------- */

static uint32_t
frames_receive(struct hmi_net *net)
{
	struct rte_mbuf *frames[HMI_PORT_BURST];
	uint32_t count = hmi_port_receive(&net->port, frames);

	for (uint32_t i = 0; i < count; i++) {
		if (i + 1 < count)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + 1], void *));
		hmi_ingress_frame(net, frames[i]);
	}
	return count;
}

static uint32_t
stalled_resume(struct hmi_net *net)
{
	uint32_t work = 0;

	net->stalled = false;
	for (uint32_t i = 0; i < net->peers_count; i++) {
		if (net->peers[i]->stalled)
			work += hmi_ingress_resume(net, net->peers[i]);
	}
	return work;
}

/* ---- Time --------------------------------------------------------------------------- */

/* Neighbours moved: frames to peers take the new way. */
static void
flows_renew(struct hmi_net *net)
{
	net->neigh_changes = net->neigh.changes;
	for (uint32_t i = 0; i < net->peers_count; i++) {
		struct hmi_peer *peer = net->peers[i];

		if (peer->session.state == HMI_SESSION_OPEN &&
		    hmi_neigh_lookup(&net->neigh, peer->address.ip, net->now, &peer->address.mac) == 0)
			hmi_peer_flow_make(net, peer);
	}
}

static void
conflict_say(struct hmi_net *net)
{
	const uint8_t *mac = net->neigh.rival.addr_bytes;
	char ip[HMI_IP_TEXT];

	if (net->now < net->say_ns)
		return;
	net->say_ns = net->now + 1000000000ull;
	net->conflicts_said = net->neigh.conflicts;
	hmi_net_log(
		net, ERR,
		"address %s: another station, %02x:%02x:%02x:%02x:%02x:%02x, has it too; %s; give one of them "
		"another --ip",
		hmi_ip_format(net->neigh.own.ip, ip), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		net->neigh.state == HMI_NEIGH_READY ? "this node keeps it" : "this node waits for it");
}

static void
neighbours_tick(struct hmi_net *net)
{
	uint8_t out[HMI_ARP_FRAME];

	while (hmi_neigh_tick(&net->neigh, net->now, out))
		hmi_egress_raw(net, out, sizeof(out));
	if (net->neigh.changes != net->neigh_changes)
		flows_renew(net);
	if (net->neigh.conflicts != net->conflicts_said)
		conflict_say(net);
}

/* An actor, or the machine, kept this lcore from listening: that is no silence of the peers. */
static void
gap_forgive(struct hmi_net *net)
{
	uint64_t gap = net->now - net->polled_ns;

	if (net->polled_ns == 0 || gap < net->options.silence_ms * 1000000ull / 8)
		return;
	for (uint32_t i = 0; i < net->peers_count; i++)
		net->peers[i]->session.heard_ns += gap;
}

static void
tick(struct hmi_net *net)
{
	net->tick_ns = net->now + TICK_NS;
	if (hmi_port_tick(&net->port, net->now))
		hmi_neigh_link_up(&net->neigh, net->now);
	neighbours_tick(net);
	for (uint32_t i = 0; i < net->peers_count; i++)
		hmi_peer_tick(net, net->peers[i]);
}

static void
turn_begin(struct hmi_net *net, struct hm_ctx *ctx, uint64_t now)
{
	net->ctx = ctx;
	net->now = now;
	net->port.now = now;
}

/* ---- What the engine calls ------------------------------------------------------------ */

/* Programs register their types after the module has started, and before the first turn. */
static void
begin(struct hmi_net *net)
{
	net->begun = true;
	if (hmi_codec_create(&net->codec, net->sys) != 0)
		hmi_net_log(net, ERR, "%s", "no memory for message types: none can cross the network");
}

static uint32_t
remote_poll(void *self, struct hm_ctx *ctx)
{
	struct hmi_net *net = self;
	uint32_t work;

	if (unlikely(!net->begun))
		begin(net);
	turn_begin(net, ctx, hm_now_ns(ctx));
	gap_forgive(net);
	net->polled_ns = net->now;
	work = frames_receive(net);
	if (unlikely(net->stalled))
		work += stalled_resume(net);
	if (unlikely(net->now >= net->tick_ns))
		tick(net);
	return work;
}

static void
remote_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct hmi_net *net = self;
	struct hmi_peer *peer = hmi_peer_by_node(net, msg->to_node);

	net->ctx = ctx;
	if (unlikely(peer == NULL)) {
		hm_dead_letter_publish(ctx, msg, HM_DEAD_NODE_LOST);
	} else if (unlikely(msg->type >= HM_TYPE_USER && hmi_codec_by_id(&net->codec, msg->type) == NULL)) {
		hm_dead_letter_publish(ctx, msg, HM_DEAD_NOT_REMOTE);
	} else {
		hmi_encode_or_wait(net, peer, msg);
	}
}

static bool
remote_send(void *self, struct hm_ctx *ctx, const struct hm_outgoing *out)
{
	struct hmi_net *net = self;
	struct hmi_peer *peer = hmi_peer_by_node(net, out->to_node);

	net->ctx = ctx;
	return likely(peer != NULL) && hmi_encode_body(net, peer, out);
}

/* Whether a peer has nothing left to be sent. */
static bool
is_flushed(const struct hmi_peer *peer)
{
	const struct hmi_session *s = &peer->session;

	return s->state != HMI_SESSION_OPEN ||
	       (peer->batch == NULL && s->tx_sent == s->tx_next && s->tx_lost == 0 && s->ack_ns == 0 &&
		peer->waiting.head == NULL);
}

static uint32_t
peers_flush(struct hmi_net *net)
{
	uint32_t i = 0, work = 0;

	/* A dead letter may activate any peer, so the list is whole at all times. */
	while (i < net->active_count) {
		struct hmi_peer *peer = net->active[i];

		work += hmi_egress_flush(net, peer);
		if (is_flushed(peer)) {
			peer->active = false;
			net->active[i] = net->active[--net->active_count];
		} else {
			i++;
		}
	}
	return work;
}

static uint32_t
remote_flush(void *self, struct hm_ctx *ctx)
{
	struct hmi_net *net = self;
	uint32_t work;

	/* The turn was long, perhaps: what goes out now is stamped with its end. */
	turn_begin(net, ctx, hm_now_ns(ctx));
	work = peers_flush(net);
	(void)hmi_port_flush(&net->port);
	return work;
}

/*
 * The question travels, and perhaps waits, as a message HM_IDENTITY to nobody: its body is the
 * path, its sender the one to be answered.
 */
static int
remote_resolve(void *self, struct hm_ctx *ctx, const char *node, const char *path, struct hm_pid reply_to)
{
	struct hmi_net *net = self;
	struct hmi_peer *peer = hmi_peer_by_name(net, node);
	size_t length = strlen(path);
	struct hm_msg *msg;

	net->ctx = ctx;
	if (peer == NULL || (!peer->configured && peer->session.state != HMI_SESSION_OPEN))
		return -EINVAL;
	if (peer->resolves >= HMI_RESOLVES_MAX)
		return -ENOMEM;
	msg = hm_msg_alloc(ctx, HM_IDENTITY, length);
	if (msg == NULL)
		return -ENOMEM;
	memcpy(msg->body, path, length);
	msg->to = 0;
	msg->to_node = 0;
	msg->sender = reply_to;
	hmi_encode_or_wait(net, peer, msg);
	return 0;
}

const struct hm_provider_ops hmi_remote_ops = {
	.deliver = remote_deliver,
	.send = remote_send,
	.poll = remote_poll,
	.flush = remote_flush,
	.resolve = remote_resolve,
};

/* ---- The end -------------------------------------------------------------------------- */

static bool
all_acknowledged(const struct hmi_net *net)
{
	for (uint32_t i = 0; i < net->peers_count; i++) {
		const struct hmi_peer *peer = net->peers[i];

		if (peer->session.state == HMI_SESSION_OPEN &&
		    (peer->batch != NULL || peer->waiting.head != NULL ||
		     !hmi_session_is_flushed(&peer->session)))
			return false;
	}
	return true;
}

/* One turn without lcores, and without anything being handed on to actors. */
static void
farewell_turn(struct hmi_net *net)
{
	(void)frames_receive(net);
	for (uint32_t i = 0; i < net->peers_count; i++) {
		struct hmi_peer *peer = net->peers[i];
		struct hmi_session *s = &peer->session;

		if (s->state == HMI_SESSION_OPEN && (hmi_session_timer(s, net->now) & HMI_DUE_LOST) != 0)
			hmi_peer_leave(net, peer);
		else
			(void)hmi_egress_flush(net, peer);
	}
	(void)hmi_port_flush(&net->port);
}

void
hmi_remote_farewell(struct hmi_net *net)
{
	uint64_t start = rte_rdtsc(), began = net->now, passed = 0;

	net->gone = true;
	for (;;) {
		turn_begin(net, net->ctx, began + passed);
		farewell_turn(net);
		if (all_acknowledged(net) || passed > FAREWELL_NS)
			break;
		rte_pause();
		passed = (uint64_t)((double)(rte_rdtsc() - start) * 1e9 / (double)rte_get_tsc_hz());
	}
	for (uint32_t n = 0; n < GOODBYES; n++) {
		for (uint32_t i = 0; i < net->peers_count; i++) {
			if (net->peers[i]->session.state == HMI_SESSION_OPEN)
				hmi_egress_bare(net, net->peers[i], HMI_BYE);
		}
		(void)hmi_port_flush(&net->port);
	}
	for (uint32_t i = 0; i < net->peers_count; i++)
		hmi_peer_leave(net, net->peers[i]);
}
