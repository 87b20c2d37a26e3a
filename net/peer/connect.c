/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Handshake packets: which node gets a session, which one is refused and why, and HELLOs of this node.
 */
#include <inttypes.h>
#include <string.h>

#include <rte_string_fns.h>

#include "connect_pvt.h"
#include "end_pvt.h"
#include "table_pvt.h"
#include "transmit_pvt.h"

/* Longest payload that this node's port carries. */
static uint32_t
payload_max(const struct hmi_net *net)
{
	return net->port.mtu - HMI_MTU_HEADERS;
}

/* This node's side of a handshake. */
static void
own_handshake(struct hmi_net *net, struct hmi_handshake *own, const struct hmi_peer *peer)
{
	memset(own, 0, sizeof(*own));
	own->protocol = HMI_WIRE_VERSION;
	own->node = net->node;
	own->started = net->started;
	own->types = hm_type_digest(net->sys);
	own->max_payload = payload_max(net);
	own->wants_crc = net->port.crc;
	rte_strscpy(own->name, hm_system_name(net->sys), sizeof(own->name));
	if (peer == NULL)
		return;
	own->session = peer->session.local_id;
	own->attempt = peer->attempt;
	own->window = peer->session.rx_window;
	if (peer->configured)
		rte_strscpy(own->expects, peer->name, sizeof(own->expects));
}

static void
refuse(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_handshake *hello, uint32_t reason)
{
	struct hmi_header header = { .kind = HMI_REJECT, .session = hello->session };
	struct hmi_handshake own;
	char ip[HMI_IP_TEXT];

	own_handshake(net, &own, NULL);
	own.session = hello->session;
	own.reason = reason;
	hmi_transmit_handshake(net, &frame->source, &header, &own);
	if (hmi_log_allows(&net->log, net->now))
		hmi_net_log(net, WARNING, "node %s at %s refused: %s", hello->name,
			    hmi_ip_format(frame->source.ip, ip), hmi_refusal_text(reason));
}

static void
welcome(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_header header = { .kind = HMI_WELCOME, .session = peer->session.remote_id };
	struct hmi_handshake own;

	own_handshake(net, &own, peer);
	hmi_transmit_handshake(net, &peer->address, &header, &own);
}

/* Whether a peer has a session, so that no other node can take its name. */
static bool
is_engaged(const struct hmi_peer *peer)
{
	return peer->session.state == HMI_SESSION_OPEN || peer->session.state == HMI_SESSION_ANSWERED;
}

/* Whether another peer's open session is with a node of this id. */
static bool
is_id_taken(const struct hmi_net *net, const struct hmi_peer *peer, uint64_t node)
{
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		const struct hmi_peer *other = net->peers[i];

		if (other != peer && other->session.state == HMI_SESSION_OPEN &&
		    other->session.peer_node == node)
			return true;
	}
	return false;
}

/* The peer that has sent a HELLO, added if necessary; NULL: refused, for *reason. */
static struct hmi_peer *
hello_peer(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_handshake *hello,
	   uint32_t *reason)
{
	struct hmi_peer *peer = hmi_peer_by_address(net, frame->source.ip, frame->source.udp_port);
	struct hmi_peer *namesake = hmi_peer_by_name(net, hello->name);

	if ((namesake != NULL && namesake != peer && (is_engaged(namesake) || namesake->configured)) ||
	    is_id_taken(net, peer, hello->node)) {
		*reason = HMI_REFUSAL_NAME_TAKEN;
		return NULL;
	}
	if (peer != NULL && peer->configured && strcmp(peer->name, hello->name) != 0) {
		*reason = HMI_REFUSAL_UNEXPECTED_NAME;
		return NULL;
	}
	/* The node has moved to the address of another peer, which becomes this one: names are unique. */
	if (peer != NULL && namesake != NULL && namesake != peer)
		namesake->name[0] = '\0';
	if (peer == NULL)
		peer = namesake != NULL ? namesake : hmi_peer_add(net, hello->name);
	if (peer == NULL)
		peer = hmi_peer_reuse(net);
	if (peer == NULL) {
		*reason = HMI_REFUSAL_TOO_MANY_PEERS;
		return NULL;
	}
	if (peer->session.state == HMI_SESSION_IDLE)
		hmi_peer_credit_first(net, peer);
	return peer;
}

/* Reasons to refuse a HELLO that do not depend on the table of peers. */
static uint32_t
hello_refusal(const struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header,
	      const struct hmi_handshake *hello)
{
	const char *name = hm_system_name(net->sys);

	if (header->version != HMI_WIRE_VERSION || hello->protocol != HMI_WIRE_VERSION)
		return HMI_REFUSAL_PROTOCOL;
	if (frame->source.ip == net->neigh.own.ip)
		return HMI_REFUSAL_SAME_ADDRESS;
	if (strcmp(hello->name, name) == 0 || hello->node == net->node)
		return HMI_REFUSAL_SAME_NAME;
	if (hello->expects[0] != '\0' && strcmp(hello->expects, name) != 0)
		return HMI_REFUSAL_WRONG_NAME;
	return HMI_REFUSAL_NONE;
}

/* Take name, address and payload limit from a handshake. */
static void
peer_learn(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_frame *frame,
	   const struct hmi_handshake *handshake)
{
	if (!peer->configured)
		rte_strscpy(peer->name, handshake->name, sizeof(peer->name));
	peer->address = frame->source;
	peer->payload_max = RTE_MIN(payload_max(net), handshake->max_payload);
	peer->wants_crc = handshake->wants_crc;
	peer->types_differ = handshake->types != hm_type_digest(net->sys);
}

static void
hello_receive(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header,
	      const struct hmi_handshake *hello)
{
	uint32_t reason = hello_refusal(net, frame, header, hello);
	struct hmi_peer *peer = NULL;
	enum hmi_handshake_action action;
	uint32_t id;

	if (reason == HMI_REFUSAL_PROTOCOL)
		hmi_net_drop(net, HM_NET_DROP_VERSION);
	if (reason == HMI_REFUSAL_NONE)
		peer = hello_peer(net, frame, hello, &reason);
	if (peer == NULL) {
		refuse(net, frame, hello, reason);
		return;
	}
	/* The HELLO comes again. */
	if (hmi_peer_is_ending(net, peer, hello->node)) {
		hmi_net_drop(net, HM_NET_DROP_HANDSHAKE);
		return;
	}
	id = hmi_peer_session_id(net, peer);
	action = hmi_handshake_hello(&peer->session, hello, id, net->now);
	if (action == HMI_HANDSHAKE_REPLACE) {
		hmi_peer_lost(net, peer,
			      "lost: it sent a new HELLO: it has restarted, or had lost this node");
		if (!peer->ending)
			action = hmi_handshake_hello(&peer->session, hello, id, net->now);
	}
	if (action != HMI_HANDSHAKE_ANSWER) {
		hmi_net_drop(net, HM_NET_DROP_HANDSHAKE);
		return;
	}
	if (peer->session.state == HMI_SESSION_ANSWERED)
		peer_learn(net, peer, frame, hello);
	welcome(net, peer);
}

/* The peer that has answered by WELCOME or REJECT; NULL: unknown session, or another address. */
static struct hmi_peer *
caller_of(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header)
{
	struct hmi_peer *peer = hmi_peer_by_session(net, header->session);

	if (peer == NULL)
		hmi_net_drop(net, HM_NET_DROP_SESSION);
	else if (peer->address.ip != frame->source.ip || peer->address.udp_port != frame->source.udp_port)
		hmi_net_drop(net, HM_NET_DROP_SOURCE);
	else
		return peer;
	return NULL;
}

/* A HELLO was refused. Logged, unless the last refusal that was logged had the same reason. */
static void
refused(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_handshake *by, uint32_t reason)
{
	char ip[HMI_IP_TEXT];

	if (!hmi_handshake_reject(&peer->session, net->now) || peer->refusal_logged == reason + 1 ||
	    !hmi_log_allows(&peer->log, net->now))
		return;
	peer->refusal_logged = reason + 1;
	peer->unreachable_ns = 0;
	hmi_net_log(net, WARNING, "peer %s at %s (it calls itself %s, protocol %" PRIu32 "): no session: %s",
		    peer->name, hmi_ip_format(peer->address.ip, ip), by->name, by->protocol,
		    hmi_refusal_text(reason));
}

static void
welcome_receive(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_frame *frame,
		const struct hmi_header *header, const struct hmi_handshake *welcome)
{
	if (header->version != HMI_WIRE_VERSION || welcome->protocol != HMI_WIRE_VERSION) {
		hmi_net_drop(net, HM_NET_DROP_VERSION);
		refused(net, peer, welcome, HMI_REFUSAL_PROTOCOL);
		return;
	}
	if (peer->configured && strcmp(welcome->name, peer->name) != 0) {
		refused(net, peer, welcome, HMI_REFUSAL_WRONG_NAME);
		return;
	}
	if (hmi_peer_is_ending(net, peer, welcome->node) ||
	    hmi_handshake_welcome(&peer->session, welcome, net->now) != HMI_HANDSHAKE_OPENED) {
		hmi_net_drop(net, HM_NET_DROP_HANDSHAKE);
		return;
	}
	peer_learn(net, peer, frame, welcome);
	hmi_peer_opened(net, peer);
}

/* Whether a handshake can be decoded and says what it has to. */
static bool
handshake_take(struct hmi_handshake *handshake, const struct hmi_header *header, const uint8_t *payload)
{
	if (header->version != HMI_WIRE_VERSION)
		return hmi_handshake_read_basics(handshake, payload, header->length) == 0 &&
		       handshake->session != 0;
	if (hmi_handshake_read(handshake, payload, header->length) != 0 || handshake->session == 0)
		return false;
	/* A packet to the peer must have room for any control message. */
	return header->kind == HMI_REJECT || (handshake->node != 0 && handshake->name[0] != '\0' &&
					      handshake->max_payload >= HMI_PAYLOAD_MIN);
}

void
hmi_connect_receive(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header)
{
	struct hmi_handshake handshake;
	struct hmi_peer *peer;

	if (!handshake_take(&handshake, header, frame->payload + HMI_HANDSHAKE_HEADER)) {
		hmi_net_drop(net, HM_NET_DROP_HANDSHAKE);
		return;
	}
	if (net->gone)
		return;
	if (header->kind == HMI_HELLO) {
		hello_receive(net, frame, header, &handshake);
		return;
	}
	peer = caller_of(net, frame, header);
	if (peer == NULL)
		return;
	if (header->kind == HMI_WELCOME)
		welcome_receive(net, peer, frame, header, &handshake);
	else
		refused(net, peer, &handshake, handshake.reason);
}

void
hmi_connect_call(struct hmi_net *net, struct hmi_peer *peer)
{
	struct hmi_header header = { .kind = HMI_HELLO };
	struct hmi_handshake own;

	/* Without the peer's Ethernet address there is nowhere to send it. */
	if (net->neigh.state != HMI_NEIGH_READY ||
	    hmi_neigh_lookup(&net->neigh, peer->address.ip, net->now, &peer->address.mac) != 0 ||
	    !hmi_handshake_call_is_due(&peer->session, net->now))
		return;
	own_handshake(net, &own, peer);
	hmi_transmit_handshake(net, &peer->address, &header, &own);
}
