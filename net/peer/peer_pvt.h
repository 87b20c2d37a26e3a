/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PEER_PVT_H
#define PEER_PVT_H

/*
 * The state that all of peer/ works on: the peers, and the node's side of them.
 *
 *     encode.c ─▶ batch.c ─▶ transmit.c ─▶ session, frame ─▶ port                  (out)
 *         ▲           ▲
 *     backlog.c    egress.c: at the end of a turn
 *         ▲
 *     decode.c ◀─ handover.c ◀─ ingress.c ◀─ session, frame ◀─ port                (in)
 *                                  └─▶ connect.c, neigh.c, icmp.c: handshakes, ARP, ping
 *     table.c: the table of peers    end.c: a session opens, and ends    tick.c: the clock
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
#include "counter_pvt.h"
#include "fifo_pvt.h"
#include "frame_pvt.h"
#include "handshake_pvt.h"
#include "hm_net.h"
#include "neigh_pvt.h"
#include "port_pvt.h"
#include "session_pvt.h"

#define HMI_PEER_BITS     6u  /* of a session's id: number of the peer */
#define HMI_RESOLVES_MAX  64u /* resolve requests in the backlog of one peer */
#define HMI_PACKET_OFFSET (HMI_HEAD_BYTES + HMI_HEADER_BYTES)     /* payload within a frame */
#define HMI_MTU_HEADERS   (HMI_PACKET_OFFSET - RTE_ETHER_HDR_LEN) /* of an IP packet, what is no payload */
#define HMI_PAYLOAD_MIN   (HMI_MTU_MIN - HMI_MTU_HEADERS)
#define HMI_FRAMES_KEPT   2048u /* frames that all sessions together keep for retransmission */
#define HMI_FRAMES_OWN    8u    /* of them, those that each session is sure of */

static_assert(1u << HMI_PEER_BITS == HM_NET_PEERS_MAX, "a session's id names its peer");

/* Messages queued for a peer, oldest first. */
struct hmi_backlog {
	struct hmi_fifo fifo;
	uint32_t system_count;  /* of fifo, messages of the engine */
	_Atomic uint32_t count; /* of fifo, for other threads */
};

/* Lines that packets from the network cause, whoever sends them: so many in a second, then none. */
struct hmi_log_limit {
	uint64_t second_ns; /* when the present second began */
	uint32_t lines;     /* in it */
};

#define HMI_LOG_LINES     3u
#define HMI_LOG_SECOND_NS 1000000000ull

/* Whether one more line may be logged now; if so, it counts. */
static inline bool
hmi_log_allows(struct hmi_log_limit *limit, uint64_t now)
{
	if (limit->second_ns == 0 || now - limit->second_ns >= HMI_LOG_SECOND_NS)
		*limit = (struct hmi_log_limit){ .second_ns = now };
	return limit->lines++ < HMI_LOG_LINES;
}

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
	struct hmi_backlog backlog;
	struct hmi_template template;
	struct hmi_session session;

	/* A packet that could be handed on only in part. */
	uint32_t resume;     /* bytes of its payload that are done */
	uint64_t stalled_ns; /* since when */

	/* Control. */
	char name[HMI_NODE_NAME_MAX + 1];
	bool configured; /* by --peer: this node calls it */
	struct hmi_address address;
	uint32_t attempt;        /* sessions tried */
	uint32_t resolves;       /* resolve requests in the backlog */
	uint32_t refusal_logged; /* last refusal that was logged + 1; not repeated */
	bool types_differ;       /* it knows other message types */
	struct hmi_log_limit log;
	uint64_t unreachable_ns; /* since when it does not answer; 0: that was logged, or it does */

	/* Counters, beside the session's. */
	uint64_t sessions, lost, messages_sent, messages_received;
};

/* This node, as far as its peers have to do with it. */
struct hmi_net {
	struct hm_system *sys;
	struct hm_ctx *ctx; /* of the call that is under way */
	uint64_t now;
	uint64_t node; /* this node's id */
	bool gone;     /* the lcores have stopped: no packet is handed on any more */
	bool stalled;  /* a peer is */
	struct hmi_port port;
	struct hmi_codec codec;
	uint8_t *peer_by_node; /* by node index: number of the peer + 1; 0: none */
	struct hmi_peer *peers[HM_NET_PEERS_MAX];
	_Atomic uint32_t peers_count;
	struct hmi_peer *active[HM_NET_PEERS_MAX];
	uint32_t active_count;
	uint32_t frames_kept;
	uint32_t sessions_open;
	uint64_t tick_ns; /* next look at the timers */
	uint64_t random;
	uint64_t rx_dropped[HM_NET_DROPS];
	uint64_t arp_replies, echo_replies, rx_bytes, tx_bytes;

	struct hmi_neigh neigh;
	uint64_t neigh_refresh_ns;
	uint32_t neigh_changes; /* as of neigh.changes when header templates were last made */
	uint64_t conflicts_logged;
	struct hmi_log_limit log; /* lines about stations that are no peer */
	uint64_t started;         /* this incarnation: nanoseconds since 1970 */
	int logtype;
	uint64_t peer_timeout_ns; /* option */
	uint64_t backlog_max;     /* option: messages in the backlog of a peer */
	uint64_t *unpack_arena;   /* HM_MSG_BODY_MAX bytes, to find out a message's size */
};

/* Log a line: never per packet. */
#define hmi_net_log(net, level, format, ...) \
	rte_log(RTE_LOG_##level, (uint32_t)(net)->logtype, "hermod: " format "\n", __VA_ARGS__)

/* A turn begins, or ends: what follows happens in `ctx`, at `now`. */
static inline void
hmi_net_turn(struct hmi_net *net, struct hm_ctx *ctx, uint64_t now)
{
	net->ctx = ctx;
	net->now = now;
	net->port.now = now;
}

static inline void
hmi_net_drop(struct hmi_net *net, enum hm_net_drop reason)
{
	hmi_count(&net->rx_dropped[reason], 1);
}

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

#endif /* PEER_PVT_H */
