/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The protocol core: packet numbers, acknowledgements, credit, loss, congestion window.
 */
#include <assert.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "session_pvt.h"
#include "assert_pvt.h"
#include "counter_pvt.h"

#define FIRST_NUMBER     1u
#define CWND_FIRST       32u
#define CWND_MIN         4u
#define OVERTAKEN        3u  /* a packet so far below the highest received number counts as lost */
#define RETRANSMIT_BURST 16u /* packets marked lost by one acknowledgement after a time-out */
#define BACKOFF_MAX      6u
#define SACK_BITS        32u
#define HEARTBEATS       8u /* in one peer timeout */

static_assert(HMI_RX_RING <= HMI_TX_RING, "credit fits the sender's ring");
static_assert(HMI_RX_RING <= UINT16_MAX, "credit fits the header");

static struct hmi_tx_slot *
slot_of(struct hmi_session *s, uint64_t number)
{
	return &s->tx[number % HMI_TX_RING];
}

/* The number closest to `near` with these low bits. Below 0 it wraps to a huge one, which is refused. */
static uint64_t
number_near(uint64_t near, uint32_t low)
{
	return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}

/* ---- Life --------------------------------------------------------------------- */

void
hmi_session_begin(struct hmi_session *s, uint32_t window, uint64_t now)
{
	s->tx_next = s->tx_sent = s->tx_una = FIRST_NUMBER;
	s->tx_limit = FIRST_NUMBER + window;
	s->tx_lost = 0;
	s->cwnd = CWND_FIRST;
	s->cwnd_acked = 0;
	s->ssthresh = HMI_RX_RING;
	s->backoff = 0;
	s->recover_ns = s->recover_end = s->cut_end = s->probe = 0;
	s->rtt_ns = s->rtt_var_ns = 0;
	s->rto_ns = HMI_RTO_FIRST_NS;
	s->rx_expected = s->rx_done = FIRST_NUMBER;
	s->rx_limit = FIRST_NUMBER + s->rx_credit;
	s->rx_early = s->rx_unacked = 0;
	s->ack_now = false;
	s->ack_ns = 0;
	s->last_rx_ns = s->last_tx_ns = now;
	memset(s->tx, 0, sizeof(s->tx));
	memset(s->rx, 0, sizeof(s->rx));
}

void *
hmi_session_drain(struct hmi_session *s, bool *received)
{
	*received = false;
	while (s->tx_una < s->tx_next) {
		struct hmi_tx_slot *slot = slot_of(s, s->tx_una++);
		void *packet = slot->packet;

		slot->packet = NULL;
		if (packet != NULL)
			return packet;
	}
	*received = true;
	for (uint32_t i = 0; i < HMI_RX_RING; i++) {
		void *packet = s->rx[i];

		s->rx[i] = NULL;
		if (packet != NULL)
			return packet;
	}
	return NULL;
}

/* ---- Sending ------------------------------------------------------------------ */

void *
hmi_session_send(struct hmi_session *s, uint64_t now, uint64_t *number)
{
	struct hmi_tx_slot *slot;

	if (s->tx_sent == s->tx_next || !hmi_session_may_send(s))
		return NULL;
	*number = s->tx_sent++;
	slot = slot_of(s, *number);
	slot->sent_ns = now;
	hmi_count(&s->packets_sent, 1);
	return slot->packet;
}

void *
hmi_session_retransmit(struct hmi_session *s, uint64_t now, uint64_t *number)
{
	if (s->tx_lost == 0)
		return NULL;
	for (uint64_t n = s->tx_una; n < s->tx_sent; n++) {
		struct hmi_tx_slot *slot = slot_of(s, n);

		if (!slot->lost)
			continue;
		slot->lost = false;
		slot->retransmitted = true;
		slot->sent_ns = now;
		s->tx_lost--;
		hmi_count(&s->packets_retransmitted, 1);
		*number = n;
		return slot->packet;
	}
	s->tx_lost = 0;
	return NULL;
}

/* Bit i: packet rx_expected + 1 + i is here. */
static uint32_t
sack_bits(const struct hmi_session *s)
{
	uint32_t bits = 0;

	if (likely(s->rx_early == 0))
		return 0;
	for (uint32_t i = 0; i < SACK_BITS; i++) {
		uint64_t number = s->rx_expected + 1 + i;

		/* A number beyond the ring shares its slot with a packet that is not handed on yet. */
		if (number - s->rx_done < HMI_RX_RING && s->rx[number % HMI_RX_RING] != NULL)
			bits |= 1u << i;
	}
	return bits;
}

void
hmi_session_header(struct hmi_session *s, struct hmi_header *header, enum hmi_kind kind, uint64_t number,
		   uint64_t now)
{
	/* Credit that was given is not taken back, even if rx_credit is smaller now. */
	s->rx_limit = RTE_MAX(s->rx_limit, s->rx_done + s->rx_credit);
	header->version = HMI_WIRE_VERSION;
	header->kind = (uint8_t)kind;
	header->length = 0;
	header->session = s->remote_id;
	header->number = (uint32_t)number;
	header->ack = (uint32_t)s->rx_expected;
	header->sack = sack_bits(s);
	header->credit = (uint16_t)(s->rx_limit - s->rx_expected);
	s->rx_unacked = 0;
	s->ack_now = false;
	s->ack_ns = 0;
	s->last_tx_ns = now;
}

/* ---- Acknowledgements --------------------------------------------------------- */

static void
rtt_sample(struct hmi_session *s, uint64_t rtt)
{
	uint64_t off;

	if (s->rtt_ns == 0) {
		s->rtt_ns = rtt + 1;
		s->rtt_var_ns = rtt / 2;
	} else {
		off = rtt > s->rtt_ns ? rtt - s->rtt_ns : s->rtt_ns - rtt;
		s->rtt_var_ns += off / 4 - s->rtt_var_ns / 4;
		s->rtt_ns += rtt / 8 - s->rtt_ns / 8;
	}
	s->rto_ns = RTE_MAX(s->rtt_ns + 4 * s->rtt_var_ns, HMI_RTO_MIN_NS);
	s->rto_ns = RTE_MIN(s->rto_ns, HMI_RTO_MAX_NS);
}

static void
cwnd_grow(struct hmi_session *s, uint32_t acked)
{
	if (s->cwnd >= HMI_RX_RING)
		return;
	if (s->cwnd < s->ssthresh) {
		s->cwnd += acked;
	} else {
		s->cwnd_acked += acked;
		if (s->cwnd_acked >= s->cwnd) {
			s->cwnd_acked -= s->cwnd;
			s->cwnd++;
		}
	}
	s->cwnd = RTE_MIN(s->cwnd, HMI_RX_RING);
}

/* Reduce cwnd to `kept` quarters, but only once for the packets in flight now. */
static void
cwnd_cut(struct hmi_session *s, uint32_t kept)
{
	if (s->tx_una < s->cut_end)
		return;
	s->cut_end = s->tx_sent;
	s->cwnd = RTE_MAX(s->cwnd * kept / 4, CWND_MIN);
	s->ssthresh = s->cwnd;
	s->cwnd_acked = 0;
}

/* Mark packets lost that were sent before recover_ns: one burst, oldest first. */
static void
recover_mark(struct hmi_session *s)
{
	uint32_t marked = 0;

	for (uint64_t n = s->tx_una; n < s->tx_sent && marked < RETRANSMIT_BURST; n++) {
		struct hmi_tx_slot *slot = slot_of(s, n);

		if (slot->sacked || slot->lost || slot->sent_ns >= s->recover_ns)
			continue;
		slot->lost = true;
		s->tx_lost++;
		marked++;
	}
}

/*
 * The first acknowledgement after a time-out. If it covers only the retransmitted packet, the others
 * were lost. If it covers more, they had arrived and the time-out was spurious.
 */
static void
probe_answered(struct hmi_session *s, uint64_t ack)
{
	if (ack == s->probe + 1 && ack < s->tx_sent) {
		s->recover_end = s->tx_sent;
	} else if (ack > s->probe + 1) {
		s->cwnd = RTE_MAX(s->cwnd, s->cwnd_before_probe);
		s->ssthresh = HMI_RX_RING;
	}
	s->probe = 0;
}

/* All packets before `ack` were received. */
static void
ack_advance(struct hmi_session *s, uint64_t ack, uint64_t now)
{
	const struct hmi_tx_slot *newest = slot_of(s, ack - 1);

	if (!newest->retransmitted && !newest->sacked)
		rtt_sample(s, now - newest->sent_ns);
	cwnd_grow(s, (uint32_t)(ack - s->tx_una));
	for (; s->tx_una < ack; s->tx_una++) {
		struct hmi_tx_slot *slot = slot_of(s, s->tx_una);

		s->tx_lost -= slot->lost;
		s->release(s->release_arg, slot->packet);
		slot->packet = NULL;
	}
	s->backoff = 0;
	if (unlikely(s->probe != 0))
		probe_answered(s, ack);
	if (unlikely(s->recover_end != 0)) {
		if (s->tx_una >= s->recover_end)
			s->recover_end = 0;
		else
			recover_mark(s);
	}
}

/* Bit i: packet ack + 1 + i was received out of order. */
static void
sack_take(struct hmi_session *s, uint64_t ack, uint32_t sack, uint64_t now)
{
	uint64_t highest = ack + SACK_BITS - (uint64_t)__builtin_clz(sack);

	for (uint32_t i = 0; i < SACK_BITS; i++) {
		struct hmi_tx_slot *slot = slot_of(s, ack + 1 + i);

		if ((sack & 1u << i) == 0 || slot->sacked)
			continue;
		slot->sacked = true;
		s->tx_lost -= slot->lost;
		slot->lost = false;
	}
	for (uint64_t n = ack; n + OVERTAKEN <= highest; n++) {
		struct hmi_tx_slot *slot = slot_of(s, n);

		/* A retransmitted packet cannot be acknowledged before a round trip has passed. */
		if (slot->sacked || slot->lost ||
		    (slot->retransmitted && now - slot->sent_ns < s->rtt_ns + s->rtt_ns / 4))
			continue;
		slot->lost = true;
		s->tx_lost++;
		cwnd_cut(s, 3);
	}
}

bool
hmi_session_acknowledge(struct hmi_session *s, const struct hmi_header *header, uint64_t now)
{
	uint64_t ack = number_near(s->tx_una, header->ack);

	if (unlikely(ack > s->tx_sent || ack < FIRST_NUMBER))
		return false;
	if (unlikely(header->sack != 0) &&
	    ack + SACK_BITS - (uint64_t)__builtin_clz(header->sack) >= s->tx_sent)
		return false;
	s->last_rx_ns = now;
	if (ack < s->tx_una)
		return true;
	if (ack > s->tx_una)
		ack_advance(s, ack, now);
	if (ack + header->credit > s->tx_limit)
		s->tx_limit = ack + RTE_MIN(header->credit, HMI_RX_RING);
	if (unlikely(header->sack != 0))
		sack_take(s, ack, header->sack, now);
	HMI_ASSERT(s->tx_una <= s->tx_sent && s->tx_sent <= s->tx_next);
	HMI_ASSERT(s->tx_lost <= s->tx_sent - s->tx_una);
	return true;
}

/* ---- Receiving ---------------------------------------------------------------- */

static void
ack_want(struct hmi_session *s, bool at_once, uint64_t now)
{
	s->ack_now |= at_once;
	if (s->ack_ns == 0)
		s->ack_ns = now + HMI_ACK_DELAY_NS;
}

enum hmi_verdict
hmi_session_receive(struct hmi_session *s, uint32_t low, void *packet, uint64_t now, enum hm_net_drop *drop)
{
	uint64_t number = number_near(s->rx_expected, low);
	void **place = &s->rx[number % HMI_RX_RING];

	if (unlikely(number >= s->rx_limit)) {
		*drop = HM_NET_DROP_WINDOW;
		return HMI_DROP;
	}
	if (unlikely(number < s->rx_expected || (number > s->rx_expected && *place != NULL))) {
		/* The acknowledgement may have been lost: repeat it. */
		ack_want(s, true, now);
		*drop = HM_NET_DROP_DUPLICATE;
		return HMI_DROP;
	}
	hmi_count(&s->packets_received, 1);
	s->rx_unacked++;
	if (unlikely(number > s->rx_expected)) {
		*place = packet;
		s->rx_early++;
		ack_want(s, true, now);
		return HMI_KEEP;
	}
	ack_want(s, s->rx_unacked >= HMI_ACK_PACKETS || s->rx_early > 0, now);
	if (unlikely(s->rx_done < s->rx_expected))
		*place = packet;
	s->rx_expected++;
	while (unlikely(s->rx_early > 0) && s->rx[s->rx_expected % HMI_RX_RING] != NULL &&
	       s->rx_expected - s->rx_done < HMI_RX_RING) {
		s->rx_expected++;
		s->rx_early--;
	}
	return s->rx_done == number ? HMI_DELIVER : HMI_KEEP;
}

/* ---- Time --------------------------------------------------------------------- */

/* The oldest packet was not acknowledged in time. */
static void
time_out(struct hmi_session *s, uint64_t now)
{
	if (s->probe == 0)
		s->cwnd_before_probe = s->cwnd;
	s->probe = s->tx_una;
	s->recover_ns = now;
	s->backoff = RTE_MIN(s->backoff + 1, BACKOFF_MAX);
	cwnd_cut(s, 2);
	slot_of(s, s->probe)->lost = true;
	s->tx_lost++;
}

unsigned int
hmi_session_timer(struct hmi_session *s, uint64_t now)
{
	unsigned int due = 0;
	uint64_t rto = RTE_MIN(s->rto_ns << s->backoff, HMI_RTO_MAX_NS);

	if (now - s->last_rx_ns > s->peer_timeout_ns)
		return HMI_DUE_LOST;
	if (s->tx_una < s->tx_sent && !slot_of(s, s->tx_una)->lost &&
	    now - slot_of(s, s->tx_una)->sent_ns > rto)
		time_out(s, now);
	if (s->tx_lost > 0)
		due |= HMI_DUE_RETRANSMIT;
	/* The heartbeat carries the credit as well, in case an update was lost. */
	if (hmi_session_ack_is_due(s, now) || now - s->last_tx_ns > s->peer_timeout_ns / HEARTBEATS)
		due |= HMI_DUE_ACK;
	return due;
}
