/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_PVT_H
#define NET_PVT_H

/*
 * The module's structures, and what its files offer each other.
 *
 *     remote.c ─▶ encode.c ─▶ egress.c ─▶ session.c ─▶ frame.c ─▶ port.c        (out)
 *         ▲       codec.c, wire.c                                    │
 *         └────── decode.c ◀─ ingress.c ◀─ session.c ◀─ frame.c ◀────┘          (in)
 *                                └─▶ greet.c, neigh.c, icmp.c: handshakes, ARP, ping
 *     peer.c: the table of peers, and what happens when one comes or goes
 *
 * One lcore, that of --net-lcore, owns all of it from the first turn on. Other threads read
 * counters, names and the count of peers: see counters.c.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_log.h>

#include "codec_pvt.h"
#include "frame_pvt.h"
#include "handshake_pvt.h"
#include "hm_net.h"
#include "neigh_pvt.h"
#include "port_pvt.h"
#include "session_pvt.h"
#include "counter_pvt.h"

#define HMI_PEER_BITS     6u                                      /* of a session's id: number of the peer */
#define HMI_RESOLVES_MAX  64u                                     /* questions that may wait for one peer */
#define HMI_PACKET_OFFSET (HMI_HEAD_BYTES + HMI_HEADER_BYTES)     /* payload within a frame */
#define HMI_MTU_HEADERS   (HMI_PACKET_OFFSET - RTE_ETHER_HDR_LEN) /* of an IP packet, what is no payload */
#define HMI_PAYLOAD_MIN   (HMI_MTU_MIN - HMI_MTU_HEADERS)
#define HMI_FRAMES_KEPT   2048u /* frames that all sessions together keep to send again */

#define HMI_FRAMES_OWN 8u /* of them, those that each session is sure of */

static_assert(1u << HMI_PEER_BITS == HM_NET_PEERS_MAX, "a session's id names its peer");

/* Values of the options. */
struct hmi_net_options {
	const char *port, *ip;
	uint64_t udp_port, net_lcore, mtu, rx_desc, tx_desc, silence_ms, peer_queue;
	struct hmi_fault_odds faults;
	uint64_t fault_delay_us;
	struct hm_option table[17];
};

/* Messages that wait for a peer, oldest first, linked by hm_msg.next. */
struct hmi_waiting {
	struct hm_msg *head, *tail;
	_Atomic uint32_t count;
};

/* Another node, as far as this one has to do with it. */
struct hmi_peer {
	/* Hot: the batch that is being filled. */
	struct rte_mbuf *batch;
	uint8_t *batch_at, *batch_end;
	uint32_t payload_max;
	uint16_t node_index; /* 0: no session is open */
	uint8_t number;      /* in the table */
	bool active;         /* in the list of those to be flushed */
	bool stalled;        /* has a packet that waits for message memory */
	bool ending;         /* what cannot be handed on now is a dead letter */
	struct hmi_waiting waiting;
	struct hmi_flow flow;
	struct hmi_session session;

	/* A packet that could be handed on only in part. */
	uint32_t resume;     /* bytes of its payload that are done */
	uint64_t stalled_ns; /* since when */

	/* Control. */
	char name[HMI_NODE_NAME_MAX + 1];
	bool configured; /* by --peer: this node calls it */
	struct hmi_address address;
	uint32_t attempt;        /* sessions tried */
	uint32_t resolves;       /* questions among those waiting */
	uint32_t said;           /* last refusal that was logged + 1; not repeated */
	uint64_t unreachable_ns; /* since when it does not answer; 0: that was logged, or it does */

	/* Counters, beside the session's. */
	uint64_t sessions, lost, messages_sent, messages_received;
};

struct hmi_net {
	struct hm_system *sys;
	struct hm_ctx *ctx; /* of the call that is under way */
	uint64_t now;
	uint64_t node; /* this node's id */
	bool idle;     /* no port: nothing to do */
	bool begun;    /* the first turn has come: all types are known */
	bool gone;     /* the lcores have stopped: no packet is handed on any more */
	struct hmi_port port;
	struct hmi_codec codec;
	uint8_t *peer_by_node; /* by node index: number of the peer + 1; 0: none */
	struct hmi_peer *peers[HM_NET_PEERS_MAX];
	_Atomic uint32_t peers_count;
	struct hmi_peer *active[HM_NET_PEERS_MAX];
	uint32_t active_count;
	uint32_t frames_kept;
	uint32_t sessions_open;
	bool stalled;       /* a peer is */
	uint64_t tick_ns;   /* next look at the timers */
	uint64_t polled_ns; /* last poll */
	uint64_t random;
	uint64_t rx_dropped[HM_NET_DROPS];
	uint64_t arp_replies, echo_replies, rx_bytes, tx_bytes;

	struct hmi_neigh neigh;
	uint32_t neigh_changes; /* as of neigh.changes when flows were last made */
	uint64_t conflicts_said;
	uint64_t say_ns;  /* not before this is the next warning about garbage logged */
	uint64_t started; /* this incarnation: nanoseconds since 1970 */
	int logtype;
	struct hmi_net_options options;
	uint64_t *scratch; /* HM_MSG_BODY_MAX bytes, to find out a message's size */
};

/* Log a line: never per packet. */
#define hmi_net_log(net, level, format, ...) \
	rte_log(RTE_LOG_##level, (uint32_t)(net)->logtype, "hermod: " format "\n", __VA_ARGS__)

/* Room for an address as text. */
#define HMI_IP_TEXT 16u

static inline void
hmi_net_drop(struct hmi_net *net, enum hm_net_drop reason)
{
	hmi_count(&net->rx_dropped[reason], 1);
}

/* ---- options.c ---- */

void hmi_net_options_init(struct hmi_net *net);

/* Whether anything asks for a network. */
bool hmi_net_options_wanted(const struct hmi_net *net);

/* Read --ip, and check the peers against it. Errors are printed. Returns 0 or -EINVAL. */
int hmi_net_options_check(struct hmi_net *net, struct hmi_address *own);

/* An address as text. Returns `text`, of HMI_IP_TEXT characters. */
char *hmi_ip_format(rte_be32_t ip, char *text);

/* ---- peer.c ---- */

/* Add a peer. Returns NULL: no memory, or the table is full. */
struct hmi_peer *hmi_peer_add(struct hmi_net *net, const char *name);

/* A peer that nobody named and that is gone, for another one to take its place; NULL: there is none. */
struct hmi_peer *hmi_peer_reuse(struct hmi_net *net);

struct hmi_peer *hmi_peer_by_name(const struct hmi_net *net, const char *name);

struct hmi_peer *hmi_peer_by_address(const struct hmi_net *net, rte_be32_t ip, rte_be16_t udp_port);

/* Peer of a session's id; NULL: none has it. */
struct hmi_peer *hmi_peer_by_session(const struct hmi_net *net, uint32_t session);

/* A new session id for a peer. */
uint32_t hmi_peer_session_id(struct hmi_net *net, const struct hmi_peer *peer);

/* The credit that the next handshake with a peer promises. */
void hmi_peer_credit_first(struct hmi_net *net, struct hmi_peer *peer);

/* Make the headers of frames towards a peer anew. */
void hmi_peer_flow_make(struct hmi_net *net, struct hmi_peer *peer);

/* The handshake is done: the node can be sent to. */
void hmi_peer_opened(struct hmi_net *net, struct hmi_peer *peer);

/* The session is over: dead letters, news for the watchers. `why` for the log. */
void hmi_peer_lost(struct hmi_net *net, struct hmi_peer *peer, const char *why);

/* The node stops, and what is still under way to or from the peer becomes dead letters. */
void hmi_peer_leave(struct hmi_net *net, struct hmi_peer *peer);

/* Look at the clock for one peer. */
void hmi_peer_tick(struct hmi_net *net, struct hmi_peer *peer);

/* Have a peer flushed at the end of the turn. */
static inline void
hmi_peer_activate(struct hmi_net *net, struct hmi_peer *peer)
{
	if (!peer->active) {
		peer->active = true;
		net->active[net->active_count++] = peer;
	}
}

/* Peer of a node's index; NULL: its session is over. */
static inline struct hmi_peer *
hmi_peer_by_node(const struct hmi_net *net, uint16_t index)
{
	uint8_t number = net->peer_by_node[index];

	return number != 0 ? net->peers[number - 1] : NULL;
}

/* Give back what a session kept; for hmi_session.release. */
void hmi_peer_release(void *net, void *frame);

/* ---- waiting.c ---- */

/*
 * Making a dead letter may send another message to the same peer, so a message is taken out of the
 * queue before anything is done with it.
 */

/* Whether a message is a question for a path: remote.c. */
bool hmi_is_question(const struct hm_msg *msg);

void hmi_waiting_push(struct hmi_peer *peer, struct hm_msg *msg);

/* The oldest one; NULL: none waits. */
struct hm_msg *hmi_waiting_pop(struct hmi_peer *peer);

/* Put back what was popped a moment ago. */
void hmi_waiting_unpop(struct hmi_peer *peer, struct hm_msg *msg);

/* ---- encode.c ---- */

/*
 * Put a message into the peer's batch straight from its sender's body. Returns false if it has to be
 * a message first, and come by hmi_encode_or_wait: nothing happened.
 */
bool hmi_encode_body(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out);

/* Put a message into the peer's batch and free it. Returns false if there is no room: nothing happened. */
bool hmi_encode_message(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg);

/* As hmi_encode_message, or let it wait, or make it a dead letter. */
void hmi_encode_or_wait(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg);

/* As many of the messages that wait as there is room for. */
void hmi_encode_waiting(struct hmi_net *net, struct hmi_peer *peer);

/* Put an envelope into the peer's batch. Returns false if there is no room, or no session. */
bool hmi_encode_envelope(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope);

/* ---- egress.c ---- */

/* Close the batch, and start one with `bytes` of room, which a batch can have. Returns whether it did. */
bool hmi_batch_renew(struct hmi_net *net, struct hmi_peer *peer, size_t bytes);

/* Have `bytes` of room in the batch, which a batch can have. Returns whether there are. */
static inline bool
hmi_batch_reserve(struct hmi_net *net, struct hmi_peer *peer, size_t bytes)
{
	return likely((size_t)(peer->batch_end - peer->batch_at) >= bytes && peer->batch != NULL) ||
	       hmi_batch_renew(net, peer, bytes);
}

/* Send what is ready: batches, packets to be sent again, an acknowledgement. Returns frames. */
uint32_t hmi_egress_flush(struct hmi_net *net, struct hmi_peer *peer);

/* Send a packet without a batch: ACK, BYE. */
void hmi_egress_bare(struct hmi_net *net, struct hmi_peer *peer, enum hmi_kind kind);

/* Send a packet of the handshake to any station. */
void hmi_egress_handshake(struct hmi_net *net, const struct hmi_address *to, const struct hmi_header *header,
			  const struct hmi_handshake *handshake);

/* Send a frame as it is. */
void hmi_egress_raw(struct hmi_net *net, const uint8_t *frame, uint32_t length);

/* ---- ingress.c ---- */

/* Take in a frame; owns it. */
void hmi_ingress_frame(struct hmi_net *net, struct rte_mbuf *frame);

/* Go on with packets that waited for message memory. Returns units of work. */
uint32_t hmi_ingress_resume(struct hmi_net *net, struct hmi_peer *peer);

/* Hand on, or report as dead letters, packets that were acknowledged and wait for message memory. */
void hmi_ingress_end(struct hmi_net *net, struct hmi_peer *peer);

/* ---- decode.c ---- */

/*
 * Hand on the messages of a batch, from byte *done on.
 * Returns false if message memory ran out before the end; *done says how far it came.
 */
bool hmi_decode_batch(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		      uint32_t *done);

/* Report the messages of a batch for the peer as dead letters. */
void hmi_decode_dead(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		     enum hm_dead_reason reason);

/* ---- greet.c ---- */

/* A handshake packet came. */
void hmi_greet(struct hmi_net *net, const struct hmi_frame *frame, const struct hmi_header *header);

/* Call a peer, if it is time. */
void hmi_greet_call(struct hmi_net *net, struct hmi_peer *peer);

/* ---- remote.c ---- */

extern const struct hm_provider_ops hmi_remote_ops;

/* Without lcores: send what is left, wait for acknowledgements for a while, say goodbye, leave. */
void hmi_remote_farewell(struct hmi_net *net);

#endif /* NET_PVT_H */
