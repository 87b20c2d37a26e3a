/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSION_PVT_H
#define SESSION_PVT_H

/*
 * A session: packets between two nodes, in both directions, in order, each at most once.
 *
 *                  una           sent          next                  ring of HMI_TX_RING
 *     ─────────────┼──────────────┼─────────────┼──────────▶ number
 *      acknowledged  in flight      waits for
 *                    (kept for      credit
 *                    retransmission)
 *
 *                  done          expected      limit                 ring of HMI_RX_RING
 *     ─────────────┼──────────────┼─────────────┼──────────▶ number
 *      handed on     received, not   credit given; some
 *                    handed on yet   received out of order
 *
 * The session treats packets as numbers and opaque pointers; it neither sends nor allocates. It
 * depends only on its state, its arguments and the time that is passed in: a test simulates two
 * sessions under loss with its own clock.
 *
 * Loss: a packet is marked lost when a packet whose number is greater by three or more was received and
 * it was not, or when its retransmission timer expires (RFC 6298, from measured round trips).
 * hmi_session_retransmit returns it.
 * Congestion: a window (cwnd) that grows with acknowledgements, and shrinks by a quarter on loss and by
 * half on a time-out. A time-out retransmits one packet. The next acknowledgement tells whether the
 * other packets were lost, or the peer was only delayed, which is common where programs share cores
 * (after F-RTO, RFC 5682).
 *
 * One lcore owns a session.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_net.h"
#include "header_pvt.h"

#define HMI_TX_RING    512u /* packets sent and kept, or queued */
#define HMI_RX_RING    256u /* packets received and kept; the most credit that is given */
#define HMI_CREDIT_MIN 8u

/* Limits, in nanoseconds. */
#define HMI_RTO_MIN_NS   5000000ull
#define HMI_RTO_MAX_NS   500000000ull
#define HMI_RTO_FIRST_NS 20000000ull
#define HMI_ACK_DELAY_NS 20000ull
/* Packets after which an acknowledgement is sent at once. */
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
#define HMI_DUE_ACK        1u /* send an acknowledgement, or a heartbeat */
#define HMI_DUE_RETRANSMIT 2u /* hmi_session_retransmit has packets */
#define HMI_DUE_LOST       4u /* peer timeout: nothing was received for too long */

struct hmi_tx_slot {
	void *packet;
	uint64_t sent_ns;   /* last time it was sent */
	bool sacked;        /* acknowledged out of order */
	bool lost;          /* to be retransmitted */
	bool retransmitted; /* its acknowledgement is no round-trip sample (Karn) */
};

struct hmi_session {
	/* Sending. */
	uint64_t tx_next, tx_sent, tx_una;
	uint64_t tx_limit;          /* first number without credit from the peer */
	uint32_t tx_lost;           /* slots marked lost */
	uint32_t cwnd;              /* packets that may be in flight */
	uint32_t cwnd_acked;        /* above ssthresh: packets acknowledged since cwnd grew by one */
	uint32_t ssthresh;          /* below it, cwnd grows by one for each acknowledged packet */
	uint32_t backoff;           /* time-outs in a row */
	uint64_t probe;             /* packet retransmitted by a time-out, unanswered; 0: none */
	uint32_t cwnd_before_probe; /* cwnd before that time-out */
	uint64_t recover_ns;        /* time of the last time-out: in recovery, packets sent before are lost */
	uint64_t recover_end;       /* recovery ends when all before this are acknowledged; 0: no recovery */
	uint64_t cut_end;           /* cwnd is not reduced again until all before this are acknowledged */
	uint64_t rtt_ns, rtt_var_ns, rto_ns;

	/* Receiving. */
	uint64_t rx_expected, rx_done, rx_limit;
	uint32_t rx_early;   /* packets kept beyond rx_expected */
	uint32_t rx_unacked; /* packets received since the last acknowledgement went out */
	uint32_t rx_credit;  /* credit, counted from rx_done */
	bool ack_now;
	uint64_t ack_ns; /* when an acknowledgement is due; 0: none is due */

	/* Time. */
	uint64_t last_rx_ns, last_tx_ns;
	uint64_t peer_timeout_ns;

	/* Handshake. */
	enum hmi_session_state state;
	uint32_t local_id, remote_id;
	uint64_t call_ns; /* time of the next HELLO */
	uint64_t call_every_ns;
	uint64_t peer_node, peer_started;
	uint32_t peer_attempt;
	uint32_t peer_window;

	/* Counters. */
	uint64_t packets_sent, packets_retransmitted, packets_received;

	void (*release)(void *arg, void *packet); /* called for each packet once it is acknowledged */
	void *release_arg;
	struct hmi_tx_slot tx[HMI_TX_RING];
	void *rx[HMI_RX_RING];
};

/* ---- Life --------------------------------------------------------------------- */

/* Start at packet 1, with `window` packets of credit from the peer. Handshake fields are not changed. */
void hmi_session_begin(struct hmi_session *s, uint32_t window, uint64_t now);

/*
 * Take out the packets that the session holds: first those unsent or unacknowledged, oldest first, then
 * (`*received`) those received and not handed on, in no order. Returns NULL when none is left.
 */
void *hmi_session_drain(struct hmi_session *s, bool *received);

/* Whether all packets were sent and acknowledged. */
static inline bool
hmi_session_is_flushed(const struct hmi_session *s)
{
	return s->tx_una == s->tx_next;
}

/* ---- Sending ------------------------------------------------------------------ */

/* Whether one more packet can be appended. */
static inline bool
hmi_session_has_room(const struct hmi_session *s)
{
	return s->tx_next - s->tx_una < HMI_TX_RING;
}

/* Append a packet. There must be room. hmi_session_send returns it later. */
static inline void
hmi_session_append(struct hmi_session *s, void *packet)
{
	struct hmi_tx_slot *slot = &s->tx[s->tx_next++ % HMI_TX_RING];

	*slot = (struct hmi_tx_slot){ .packet = packet };
}

/* Whether credit and congestion window allow one more new packet. */
static inline bool
hmi_session_may_send(const struct hmi_session *s)
{
	return s->tx_sent < s->tx_limit && s->tx_sent - s->tx_una < s->cwnd;
}

/* The next packet to be sent for the first time; NULL: none, or not allowed now. The session keeps it. */
void *hmi_session_send(struct hmi_session *s, uint64_t now, uint64_t *number);

/* The next lost packet, to be retransmitted; NULL: none. The session keeps it. */
void *hmi_session_retransmit(struct hmi_session *s, uint64_t now, uint64_t *number);

/* The header of a packet that is sent now. It acknowledges all packets received. */
void hmi_session_header(struct hmi_session *s, struct hmi_header *header, enum hmi_kind kind, uint64_t number,
			uint64_t now);

/* ---- Receiving ---------------------------------------------------------------- */

/*
 * Process the acknowledgement that every packet of an open session carries.
 * Returns whether it is valid; if not, the caller drops the packet.
 */
bool hmi_session_acknowledge(struct hmi_session *s, const struct hmi_header *header, uint64_t now);

/* Process a data packet, after its acknowledgement; `low`: its number in the header. */
enum hmi_verdict hmi_session_receive(struct hmi_session *s, uint32_t low, void *packet, uint64_t now,
				     enum hm_net_drop *drop);

/* The next packet in order has been handed on. */
static inline void
hmi_session_done(struct hmi_session *s)
{
	s->rx_done++;
}

/* The next packet in order could not be handed on: keep it. */
static inline void
hmi_session_park(struct hmi_session *s, void *packet)
{
	s->rx[s->rx_done % HMI_RX_RING] = packet;
}

/* The next packet in order, which is the caller's from now on; NULL: none. */
static inline void *
hmi_session_ready(struct hmi_session *s)
{
	void *packet = NULL;

	if (s->rx_done < s->rx_expected) {
		packet = s->rx[s->rx_done % HMI_RX_RING];
		s->rx[s->rx_done % HMI_RX_RING] = NULL;
	}
	return packet;
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

#endif /* SESSION_PVT_H */
