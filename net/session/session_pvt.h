/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSION_PVT_H
#define SESSION_PVT_H

/*
 * A session: packets between two nodes, in both directions.
 *
 *     append ─▶ net_lane_pvt.h: sequences, in order ─▶ net_flight_pvt.h: numbers, loss ─▶ packets out
 *                                                        │        ▲
 *                                                        ▼        │ acknowledgements
 *                                             congestion_pvt.h    │
 *     deliver ◀─ net_lane_pvt.h ◀─ seen_pvt.h: numbers received ◀─────┴────────────── packets in
 *
 * Each packet has a number that is never used again. Data has a lane, and a sequence within it, which it keeps when it is
 * sent again. Acknowledgements name numbers; credit names sequences.
 *
 * The session treats pieces of data as opaque pointers; it neither sends nor allocates. It depends only on its state, its
 * arguments and the time that is passed in: a test simulates two sessions under loss with its own clock.
 *
 * One lcore owns a session.
 */

#include <stdbool.h>
#include <stdint.h>

#include "congestion_pvt.h"
#include "net_flight_pvt.h"
#include "header_pvt.h"
#include "hm_net.h"
#include "net_lane_pvt.h"
#include "seen_pvt.h"

#define HMI_TX_RING      1024u /* pieces of a lane that are sent and kept, or queued */
#define HMI_RX_RING      1024u /* pieces of a lane that are received and kept; the most credit that is given */
#define HMI_CONTROL_RING 16u   /* both, of the lane for control */
#define HMI_WINDOW_MAX   255u  /* packets in flight */
#define HMI_WINDOW_MIN   8u

/* Limits, in nanoseconds. */
#define HMI_ACK_DELAY_NS 20000ull
#define HMI_HEARTBEATS \
	8u /* in one peer timeout; between two probes there is no more time than between two of them */
/* Packets with data after which an acknowledgement is sent at once. */
#define HMI_ACK_PACKETS 16u

enum hmi_session_state {
	HMI_SESSION_IDLE = HM_NET_PEER_IDLE,
	HMI_SESSION_CALLING = HM_NET_PEER_CALLING,
	HMI_SESSION_ANSWERED = HM_NET_PEER_ANSWERED,
	HMI_SESSION_OPEN = HM_NET_PEER_OPEN,
};

/* What to do with a packet that arrived. */
enum hmi_verdict {
	HMI_DROP,    /* the caller frees it; the reason is in *drop */
	HMI_DELIVER, /* the caller hands it on, then calls hmi_session_done or hmi_session_park */
	HMI_KEEP,    /* the session keeps it; hmi_session_ready returns it when it is next in order */
};

/* What hmi_session_timer asks for. */
#define HMI_DUE_ACK  1u /* send an acknowledgement, or a heartbeat */
#define HMI_DUE_SEND 2u /* hmi_session_send has packets */
#define HMI_DUE_LOST 4u /* peer timeout: nothing was received, or nothing acknowledged, for too long */

/* Memory of a session while it has data under way. */
struct hmi_window {
	struct hmi_departed sent[HMI_NET_FLIGHT];
	struct hmi_piece tx_control[HMI_CONTROL_RING], tx_user[HMI_TX_RING], tx_bulk[HMI_TX_RING];
	void *rx_control[HMI_CONTROL_RING], *rx_user[HMI_RX_RING], *rx_bulk[HMI_RX_RING];
};

/* What a session asks of its owner. */
struct hmi_session_ops {
	/* A packet was acknowledged. */
	void (*release)(void *owner, void *packet);
	/* Memory for data under way. Returns NULL if there is none: then nothing is sent, or kept. */
	struct hmi_window *(*window_take)(void *owner);
	void (*window_give)(void *owner, struct hmi_window *window);
};

/* A packet to be sent. */
struct hmi_departure {
	void *packet;
	uint64_t number, sequence;
	enum hmi_net_lane_id lane;
	bool again; /* it was sent before */
};

struct hmi_session {
	struct hmi_net_lane lanes[HMI_LANES];
	struct hmi_net_lane_memory memory[HMI_LANES];
	struct hmi_net_flight flight;
	struct hmi_seen seen;
	struct hmi_congestion congestion;

	/* Sending. */
	uint64_t probe_ns;      /* when a probe is due; 0: none */
	uint32_t probes;        /* in a row, unanswered */
	uint32_t probes_wanted; /* to be sent whatever the window says */
	uint64_t pace_ns;       /* nothing is sent before */
	uint32_t user_row;      /* packets of the lane for users since the last of bulk */
	uint32_t flight_max;    /* packets that may be in flight: the peer's port holds so many */
	uint32_t rx_window;     /* what the peer is told of this port */
	bool was_full;          /* the window kept it from sending */

	/* Acknowledgements to be sent. */
	uint32_t unacked; /* packets with data received since the last one went out */
	bool ack_now;
	uint64_t ack_ns; /* when one is due; 0: none is due */

	/* Time. */
	uint64_t last_rx_ns, last_tx_ns;
	uint64_t looked_ns;  /* last time the timers were processed */
	uint64_t excused_ns; /* in which this side did not look, since it received something */
	uint64_t peer_timeout_ns;

	/* Handshake. */
	enum hmi_session_state state;
	uint32_t local_id, remote_id;
	uint64_t call_ns; /* time of the next HELLO */
	uint64_t call_every_ns;
	uint64_t peer_node, peer_started;
	uint32_t peer_attempt;
	uint32_t peer_window;
	uint32_t payload_max;  /* of packets that this side can send */
	uint32_t packet_bytes; /* of a full packet to the peer */

	/* Counters. */
	uint64_t packets_sent, packets_retransmitted, packets_received;

	const struct hmi_session_ops *ops;
	void *owner;
	struct hmi_window *window; /* NULL: nothing is under way */
	uint32_t promised;         /* bits of lanes to which a packet will be appended: memory stays */
	uint64_t window_used_ns;   /* last time something was */
};

/* ---- Life --------------------------------------------------------------------- */

/* What the two sides have agreed on. */
struct hmi_session_terms {
	uint32_t credit;       /* pieces of a lane that the peer takes before it has given any */
	uint32_t flight_max;   /* packets that may be in flight, until the peer says another number */
	uint32_t packet_bytes; /* of a full packet */
};

/* Start at number 1 and sequence 1. Handshake fields and the credit of lanes are not changed. */
void hmi_session_begin(struct hmi_session *s, const struct hmi_session_terms *terms, uint64_t now);

/*
 * Take out the packets that the session holds: first those unsent or unacknowledged, lane by lane, oldest first, then
 * (`*received`) those received and not handed on, in no order. Returns NULL when none is left.
 */
void *hmi_session_drain(struct hmi_session *s, bool *received);

/* Whether all data was sent and acknowledged. */
bool hmi_session_is_flushed(const struct hmi_session *s);

/* ---- Sending ------------------------------------------------------------------ */

/* Whether one more packet can be appended to a lane. Takes memory, if the session has none. */
bool hmi_session_has_room(struct hmi_session *s, enum hmi_net_lane_id lane, uint64_t now);

/* Whether anything waits to be sent, for the first time or again. */
bool hmi_session_has_unsent(const struct hmi_session *s);

/* Whether a packet that is appended to the lane now would be sent at once. */
bool hmi_session_may_send_more(struct hmi_session *s, enum hmi_net_lane_id lane, uint64_t now);

/* A packet will be appended, for which there is room now: that stays, however long it takes. */
static inline void
hmi_session_promise(struct hmi_session *s, enum hmi_net_lane_id lane)
{
	s->promised |= 1u << lane;
}

/* Append a packet of so many bytes. There must be room. hmi_session_send returns it later. */
static inline void
hmi_session_append(struct hmi_session *s, enum hmi_net_lane_id lane, void *packet, uint32_t bytes)
{
	s->promised &= ~(1u << lane);
	hmi_net_lane_append(&s->lanes[lane], &s->memory[lane], packet, bytes);
}

/*
 * The next packet to be sent, new or again. Returns whether there is one that may be sent now. The session keeps the
 * packet.
 */
bool hmi_session_send(struct hmi_session *s, uint64_t now, struct hmi_departure *departure);

/*
 * The header of a packet that is sent now, which acknowledges packets that were received. `departure`: what
 * hmi_session_send has returned; NULL: a packet without data.
 */
void hmi_session_header(struct hmi_session *s, struct hmi_header *header, enum hmi_kind kind,
			const struct hmi_departure *departure, uint64_t now);

/* ---- Receiving ---------------------------------------------------------------- */

/* What a packet says of those that its sender has received. */
struct hmi_acknowledgement {
	const struct hmi_header *header;
	const struct hmi_range *ranges; /* older than the header's, newest first */
	uint32_t count;
};

/* The first number of the range that the header names: what a packet's other ranges lie below. */
uint64_t hmi_session_ack_low(const struct hmi_session *s, const struct hmi_header *header);

/*
 * Process the acknowledgement that every packet of an open session carries. Returns whether it is valid; if not, the
 * caller drops the packet.
 */
bool hmi_session_acknowledge(struct hmi_session *s, const struct hmi_acknowledgement *ack, uint64_t now);

/* Process a packet without data, after its acknowledgement. Returns whether it is new. */
bool hmi_session_note(struct hmi_session *s, const struct hmi_header *header, uint64_t now);

/* Process a packet with data, after its acknowledgement. */
enum hmi_verdict hmi_session_receive(struct hmi_session *s, const struct hmi_header *header, void *packet,
				     uint64_t now, enum hm_net_drop *drop);

/* The next packet of the lane has been handed on. */
static inline void
hmi_session_done(struct hmi_session *s, enum hmi_net_lane_id lane)
{
	hmi_net_lane_done(&s->lanes[lane]);
}

/* It could not be handed on: keep it. */
static inline void
hmi_session_park(struct hmi_session *s, enum hmi_net_lane_id lane, void *packet)
{
	hmi_net_lane_park(&s->lanes[lane], &s->memory[lane], packet);
}

/* The lane's next packet in order, which is the caller's from now on; NULL: none. */
static inline void *
hmi_session_ready(struct hmi_session *s, enum hmi_net_lane_id lane)
{
	return hmi_net_lane_ready(&s->lanes[lane], &s->memory[lane]);
}

/* ---- Time --------------------------------------------------------------------- */

/* Whether an acknowledgement is to be sent now, without waiting for data to carry it. */
static inline bool
hmi_session_ack_is_due(const struct hmi_session *s, uint64_t now)
{
	return s->ack_ns != 0 && (s->ack_now || now >= s->ack_ns);
}

/* Have an acknowledgement sent at once, and with it the present credit. */
static inline void
hmi_session_ack_soon(struct hmi_session *s, uint64_t now)
{
	s->ack_now = true;
	s->ack_ns = now | 1;
}

/* Process the timers of an open session. Returns HMI_DUE_ bits. */
unsigned int hmi_session_timer(struct hmi_session *s, uint64_t now);

/* When hmi_session_timer has something to do next, if nothing else happens. */
uint64_t hmi_session_due_ns(const struct hmi_session *s);

#endif /* SESSION_PVT_H */
