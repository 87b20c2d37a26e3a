/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PEER_PVT_H
#define PEER_PVT_H

/*
 * The state that all files of peer/ share: the peers, and what belongs to the node as a whole.
 *
 *     encode.c ─▶ batch.c ─▶ transmit.c ─▶ session, frame ─▶ port                  (out)
 *     control.c ─▶ ─ ─ ─ ─ ─ ─ ─ ┘   messages of the engine, on a lane of their own
 *         ▲           ▲
 *     backlog.c    egress.c: at the end of a turn
 *         ▲
 *     decode.c ◀─ handover.c ◀─ ingress.c ◀─ frame, session ◀─ port                (in)
 *                                  └─▶ connect.c, neigh.c, icmp.c: handshakes, ARP, ping
 *     table.c: the table of peers    end.c: a session opens or ends    tick.c: timers
 *     resume.c: packets that wait, and sessions that end, go on
 *
 * In a turn poll and flush have 10 and 5 us (hm_turn_expired). What takes longer goes on in the next turn: a packet is
 * delivered in portions, a session ends in portions, and peers take turns.
 *
 * The lcore of --net-lcore owns all of it from the first turn on. Other threads read counters, names,
 * addresses and the count of peers: counters.c.
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
#include "hm_provider.h"
#include "neigh_pvt.h"
#include "port_pvt.h"
#include "session_pvt.h"

#define HMI_PEER_BITS      6u  /* low bits of a session's id: number of the peer */
#define HMI_RESOLVES_MAX   64u /* resolve requests in the backlog of one peer */
#define HMI_PACKET_OFFSET  (HMI_HEAD_BYTES + HMI_HEADER_BYTES)     /* payload within a frame */
#define HMI_HELLO_OFFSET   (HMI_HEAD_BYTES + HMI_HANDSHAKE_HEADER) /* the same of a handshake */
#define HMI_MTU_HEADERS    (HMI_PACKET_OFFSET - RTE_ETHER_HDR_LEN) /* headers within an IP packet */
#define HMI_PAYLOAD_MIN    (HMI_MTU_MIN - HMI_MTU_HEADERS)
#define HMI_REORDER        4u /* credit of a lane, in windows: what is lost is a round trip late, or more */
#define HMI_FRAMES_KEPT    2048u /* frames that all sessions together keep for retransmission */
#define HMI_FRAMES_USER    6u    /* of them, reserved for each session's lane for users */
#define HMI_FRAMES_CONTROL 2u    /* ... and for its lane for control */
#define HMI_FRAMES_OWN     (HMI_FRAMES_USER + HMI_FRAMES_CONTROL)
#define HMI_FRAME_STEPS    4u /* of hm_turn_expired that a frame counts as, beside its messages */

static_assert(1u << HMI_PEER_BITS == HM_NET_PEERS_MAX, "a session's id names its peer");

/* Messages queued for a peer, oldest first. */
struct hmi_backlog {
	struct hmi_fifo fifo;
	struct hmi_fifo control; /* those that go by the lane for control */
	uint32_t system_count;   /* messages of the engine in both */
	_Atomic uint32_t count;  /* of messages in both, for other threads as well */
};

/* Rate limit for log lines that received packets cause, each peer's and the node's: HMI_LOG_LINES in a second. */
struct hmi_log_limit {
	uint64_t second_ns; /* when the present second began */
	uint32_t lines;     /* lines in it */
};

#define HMI_LOG_LINES     3u
#define HMI_LOG_SECOND_NS 1000000000ull

/* Whether one more line may be logged now. Counts it. */
static inline bool
hmi_log_allows(struct hmi_log_limit *limit, uint64_t now)
{
	if (limit->second_ns == 0 || now - limit->second_ns >= HMI_LOG_SECOND_NS)
		*limit = (struct hmi_log_limit){ .second_ns = now };
	return limit->lines++ < HMI_LOG_LINES;
}

/* The last envelope of a batch, to which further payloads may be added. */
struct hmi_open_envelope {
	uint8_t *start;
	uint64_t to, from;
	const struct hmi_plan *plan; /* NULL: no payload may be added */
};

/* Another node. */
struct hmi_peer {
	/* Hot: the batch that is being filled. */
	struct rte_mbuf *batch;
	uint8_t *batch_at, *batch_end;
	struct hmi_open_envelope open;
	uint32_t payload_max;
	uint16_t node_index; /* 0: no session is open */
	uint8_t number;      /* index in the table */
	bool active;         /* in the list of peers to be flushed */
	bool wants_crc;      /* in packets of the session */
	bool stalled;        /* has a packet that waits for message memory, or for a turn */
	bool ending; /* its session has ended, and not all that it left is delivered or a dead letter */
	struct hmi_backlog backlog;
	struct hmi_template template;
	struct hmi_session session;

	/* A packet that was delivered, or is lost, only in part. */
	uint32_t resume[HMI_LANES];     /* messages of each lane's first one that are done */
	uint32_t lost_done;             /* messages of lost_frame that are done */
	uint64_t stalled_ns;            /* since when it waits for message memory; 0: it does not */
	struct rte_mbuf *lost_frame;    /* whose messages become dead letters; NULL: none */
	bool lost_received;             /* it is one that this node has received */
	enum hm_dead_reason end_reason; /* of the dead letters of a session that ends */

	/* Control. */
	char name[HMI_NODE_NAME_MAX + 1];
	bool configured; /* by --peer: this node calls it */
	struct hmi_address address;
	uint32_t attempt;        /* session attempts of this node */
	uint32_t resolves;       /* resolve requests in the backlog */
	uint32_t refusal_logged; /* last refusal that was logged + 1; it is not logged again */
	bool types_differ;       /* its registered message types differ from this node's */
	struct hmi_log_limit log;
	uint64_t unreachable_ns; /* since when it does not answer; 0: it answered, or that was logged */

	/* Counters, beside the session's. */
	uint64_t sessions, lost, messages_sent, messages_received;
};

/* The network module of this node. */
struct hmi_net {
	struct hm_system *sys;
	struct hm_ctx *ctx; /* context of the present call from the engine */
	uint64_t now;
	uint64_t node;        /* this node's id */
	bool gone;            /* the lcores have stopped: packets are not delivered any more */
	bool waiting;         /* some peer is stalled, or its session is ending */
	bool waiting_first;   /* in this turn they have gone on before new frames were received */
	uint32_t resume_next; /* the peer that goes on first, modulo their count */
	struct hmi_port port;
	struct hmi_codec codec;
	uint8_t *peer_by_node; /* by node index: number of the peer + 1; 0: none */
	struct hmi_peer *peers[HM_NET_PEERS_MAX];
	_Atomic uint32_t peers_count;
	struct hmi_peer *active[HM_NET_PEERS_MAX];
	uint32_t active_count;
	uint32_t active_next; /* the first to be flushed */
	uint32_t rx_next, rx_count;
	struct rte_mbuf *rx_frames[HMI_PORT_BURST]; /* from rx_next on they wait for a turn */
	uint32_t frames_kept;
	uint32_t sessions_open;
	uint64_t tick_ns;   /* when to process timers again */
	uint32_t tick_next; /* the peer whose timers are next, within a round */
	uint64_t random;
	uint64_t rx_dropped[HM_NET_DROPS];
	uint64_t arp_replies, echo_replies, rx_bytes, tx_bytes;

	struct hmi_neigh neigh;
	uint64_t neigh_refresh_ns;
	uint32_t neigh_changes; /* neigh.changes when header templates were last made */
	uint64_t conflicts_logged;
	struct hmi_log_limit log; /* for address conflicts, and refused HELLOs */
	uint64_t started;         /* start of this incarnation: nanoseconds since 1970 */
	int logtype;
	uint64_t peer_timeout_ns; /* option */
	uint64_t backlog_max;     /* option: messages in the backlog of a peer */
	uint64_t *unpack_arena;   /* HM_MSG_BODY_MAX bytes, to find out the size of a decoded message */
};

/* Log a line. Of what packets can cause hmi_log_allows is asked first. */
#define hmi_net_log(net, level, format, ...) \
	rte_log(RTE_LOG_##level, (uint32_t)(net)->logtype, "hermod: " format "\n", __VA_ARGS__)

/* Set the context and the time of what follows. */
static inline void
hmi_net_turn(struct hmi_net *net, struct hm_ctx *ctx, uint64_t now)
{
	net->ctx = ctx;
	net->now = now;
	net->port.now = now;
}

/*
 * Whether the time of this turn's poll or flush is used up, after some more steps: see hm_turn_expired. After the
 * last turn there is no limit.
 */
static inline bool
hmi_net_expired(const struct hmi_net *net, uint32_t steps)
{
	return !net->gone && hm_turn_expired(net->ctx, steps);
}

static inline void
hmi_net_drop(struct hmi_net *net, enum hm_net_drop reason)
{
	hmi_count(&net->rx_dropped[reason], 1);
}

/* Peers that are known: for the lcore that adds them; others read the count as NP1 says. */
static inline uint32_t
hmi_peers_count(const struct hmi_net *net)
{
	return atomic_load_explicit(&net->peers_count, memory_order_relaxed);
}

/* Put a peer into the list of those to be flushed at the end of the turn. */
static inline void
hmi_peer_activate(struct hmi_net *net, struct hmi_peer *peer)
{
	if (!peer->active) {
		peer->active = true;
		net->active[net->active_count++] = peer;
	}
}

/* The peer with this node index; NULL: it has no open session. */
static inline struct hmi_peer *
hmi_peer_by_node(const struct hmi_net *net, uint16_t index)
{
	uint8_t number = net->peer_by_node[index];

	return number != 0 ? net->peers[number - 1] : NULL;
}

#endif /* PEER_PVT_H */
