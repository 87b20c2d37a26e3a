/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session: life, and what is sent.
 */
#include <assert.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "session_own_pvt.h"
#include "assert_pvt.h"
#include "counter_pvt.h"

#define USER_ROW   8u /* packets of users' lane for one of bulk, where both have some */
#define PACE_BURST 8u /* full packets that may be sent at once where the pace is set */

static_assert(HMI_RX_RING <= HMI_TX_RING, "credit fits the sender's ring");

/* ---- Life --------------------------------------------------------------------- */

void
hmi_session_begin(struct hmi_session *s, const struct hmi_session_terms *terms, uint64_t now)
{
	hmi_net_lane_begin(&s->lanes[HMI_LANE_CONTROL], HMI_CONTROL_RING);
	hmi_net_lane_begin(&s->lanes[HMI_LANE_USER], terms->credit);
	hmi_net_lane_begin(&s->lanes[HMI_LANE_BULK], terms->credit);
	hmi_net_flight_begin(&s->flight);
	if (s->window != NULL)
		hmi_net_flight_ring(&s->flight, s->window->sent);
	hmi_seen_begin(&s->seen);
	hmi_congestion_begin(&s->congestion, terms->packet_bytes);
	s->flight_max = terms->flight_max;
	s->probe_ns = s->pace_ns = s->ack_ns = 0;
	s->probes = s->probes_wanted = s->user_row = s->unacked = 0;
	s->promised = 0;
	s->was_full = s->ack_now = false;
	s->last_rx_ns = s->last_tx_ns = s->looked_ns = now;
	s->excused_ns = 0;
}

/* Where a lane keeps its pieces, while there is memory. */
static void
memory_set(struct hmi_session *s, struct hmi_window *w)
{
	s->window = w;
	if (w == NULL) {
		memset(s->memory, 0, sizeof(s->memory));
		return;
	}
	s->memory[HMI_LANE_CONTROL] = (struct hmi_net_lane_memory){ w->tx_control, w->rx_control,
								    HMI_CONTROL_RING, HMI_CONTROL_RING };
	s->memory[HMI_LANE_USER] =
		(struct hmi_net_lane_memory){ w->tx_user, w->rx_user, HMI_TX_RING, HMI_RX_RING };
	s->memory[HMI_LANE_BULK] =
		(struct hmi_net_lane_memory){ w->tx_bulk, w->rx_bulk, HMI_TX_RING, HMI_RX_RING };
	memset(w->rx_control, 0, sizeof(w->rx_control));
	memset(w->rx_user, 0, sizeof(w->rx_user));
	memset(w->rx_bulk, 0, sizeof(w->rx_bulk));
}

bool
hmi_session_window_get(struct hmi_session *s, uint64_t now)
{
	struct hmi_window *window;

	s->window_used_ns = now;
	if (likely(s->window != NULL))
		return true;
	window = s->ops->window_take(s->owner);
	if (window == NULL)
		return false;
	memory_set(s, window);
	hmi_net_flight_ring(&s->flight, window->sent);
	return true;
}

static bool
is_idle(const struct hmi_session *s)
{
	bool idle = s->flight.count == 0 && s->promised == 0;

	for (uint32_t i = 0; i < HMI_LANES; i++)
		idle = idle && hmi_net_lane_is_idle(&s->lanes[i]);
	return idle;
}

void
hmi_session_window_rest(struct hmi_session *s)
{
	struct hmi_window *window = s->window;

	if (window == NULL || !is_idle(s))
		return;
	hmi_net_flight_ring(&s->flight, NULL);
	memory_set(s, NULL);
	s->ops->window_give(s->owner, window);
}

static void *
drain_sent(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory)
{
	while (lane->una < lane->next) {
		struct hmi_piece *piece = hmi_net_lane_piece(memory, lane->una++);
		void *packet = piece->packet;

		piece->packet = NULL;
		if (packet != NULL)
			return packet;
	}
	return NULL;
}

static void *
drain_received(const struct hmi_net_lane_memory *memory)
{
	for (uint32_t i = 0; i < memory->rx_size; i++) {
		void *packet = memory->rx[i];

		memory->rx[i] = NULL;
		if (packet != NULL)
			return packet;
	}
	return NULL;
}

/* Nothing is under way any more. */
static void
drained(struct hmi_session *s)
{
	struct hmi_window *window = s->window;

	hmi_net_flight_begin(&s->flight);
	memory_set(s, NULL);
	s->ops->window_give(s->owner, window);
}

void *
hmi_session_drain(struct hmi_session *s, bool *received)
{
	void *packet = NULL;

	*received = false;
	if (s->window == NULL)
		return NULL;
	for (uint32_t i = 0; i < HMI_LANES && packet == NULL; i++)
		packet = drain_sent(&s->lanes[i], &s->memory[i]);
	if (packet != NULL)
		return packet;
	*received = true;
	for (uint32_t i = 0; i < HMI_LANES && packet == NULL; i++)
		packet = drain_received(&s->memory[i]);
	if (packet == NULL)
		drained(s);
	return packet;
}

bool
hmi_session_is_flushed(const struct hmi_session *s)
{
	bool flushed = true;

	for (uint32_t i = 0; i < HMI_LANES; i++)
		flushed = flushed && s->lanes[i].una == s->lanes[i].next;
	return flushed;
}

/* ---- Sending ------------------------------------------------------------------ */

bool
hmi_session_has_room(struct hmi_session *s, enum hmi_net_lane_id lane, uint64_t now)
{
	return hmi_session_window_get(s, now) && hmi_net_lane_has_room(&s->lanes[lane], &s->memory[lane]);
}

/* Whether congestion control allows one more packet with users' data. */
static bool
is_congested(const struct hmi_session *s, uint64_t now)
{
	const struct hmi_congestion *c = &s->congestion;

	return s->flight.bytes >= c->window ||
	       (c->pace_ns != 0 && now + c->pace_ns * PACE_BURST * c->packet_bytes / 1024 < s->pace_ns);
}

/* Whether one more packet with users' data may be sent. */
static bool
may_send(struct hmi_session *s, uint64_t now)
{
	if (s->flight.count >= s->flight_max)
		return false;
	if (likely(!is_congested(s, now)))
		return true;
	s->was_full = true;
	return false;
}

bool
hmi_session_has_unsent(const struct hmi_session *s)
{
	for (uint32_t i = 0; i < HMI_LANES; i++) {
		const struct hmi_net_lane *lane = &s->lanes[i];

		if (lane->lost > 0 || lane->sent < lane->next)
			return true;
	}
	return s->probes_wanted > 0;
}

bool
hmi_session_may_send_more(struct hmi_session *s, enum hmi_net_lane_id id, uint64_t now)
{
	const struct hmi_net_lane *lane = &s->lanes[id];

	return lane->sent == lane->next && lane->lost == 0 && lane->sent < lane->tx_limit && may_send(s, now);
}

/* The lane of the next packet; HMI_LANES: nothing is to be sent. */
static enum hmi_net_lane_id
lane_next(const struct hmi_session *s)
{
	bool user = hmi_net_lane_is_ready(&s->lanes[HMI_LANE_USER]);

	/* What is lost goes before what is new, of whatever lane: the receiver waits for it. */
	for (uint32_t i = 0; i < HMI_LANES; i++)
		if (unlikely(s->lanes[i].lost > 0))
			return (enum hmi_net_lane_id)i;
	if (hmi_net_lane_is_ready(&s->lanes[HMI_LANE_CONTROL]))
		return HMI_LANE_CONTROL;
	if (hmi_net_lane_is_ready(&s->lanes[HMI_LANE_BULK]) && (!user || s->user_row >= USER_ROW))
		return HMI_LANE_BULK;
	return user ? HMI_LANE_USER : HMI_LANES;
}

/* The oldest data of any lane, which is sent once more to learn whether it was received. */
static enum hmi_net_lane_id
lane_to_probe(const struct hmi_session *s, uint64_t *sequence)
{
	for (uint32_t i = 0; i < HMI_LANES; i++) {
		*sequence = hmi_net_lane_oldest(&s->lanes[i]);
		if (*sequence != 0)
			return (enum hmi_net_lane_id)i;
	}
	return HMI_LANES;
}

static void
depart(struct hmi_session *s, uint64_t now, struct hmi_departure *departure)
{
	struct hmi_piece *piece = hmi_net_lane_piece(&s->memory[departure->lane], departure->sequence);
	struct hmi_departed sent = { .sent_ns = now,
				     .sequence = departure->sequence,
				     .bytes = piece->bytes,
				     .lane = (uint8_t)departure->lane };
	struct hmi_congestion *c = &s->congestion;

	departure->again = piece->number != 0;
	departure->number = hmi_net_flight_add(&s->flight, &sent);
	departure->packet = piece->packet;
	piece->number = departure->number;
	if (departure->lane == HMI_LANE_USER)
		s->user_row++;
	else if (departure->lane == HMI_LANE_BULK)
		s->user_row = 0;
	if (c->pace_ns != 0)
		s->pace_ns = RTE_MAX(s->pace_ns, now) + c->pace_ns * piece->bytes / 1024;
	hmi_count(departure->again ? &s->packets_retransmitted : &s->packets_sent, 1);
	hmi_session_probe_set(s, now);
}

/* What a probe sends: anything that is ready, or what is oldest, whatever the window says. */
static bool
probe_send(struct hmi_session *s, uint64_t now, struct hmi_departure *departure)
{
	departure->lane = lane_next(s);
	if (departure->lane != HMI_LANES)
		departure->sequence =
			hmi_net_lane_send(&s->lanes[departure->lane], &s->memory[departure->lane], now);
	else
		departure->lane = lane_to_probe(s, &departure->sequence);
	s->probes_wanted--;
	if (departure->lane == HMI_LANES)
		return false;
	depart(s, now, departure);
	return true;
}

bool
hmi_session_send(struct hmi_session *s, uint64_t now, struct hmi_departure *departure)
{
	enum hmi_net_lane_id lane;

	if (s->window == NULL || !hmi_net_flight_has_room(&s->flight))
		return false;
	if (unlikely(s->probes_wanted > 0))
		return probe_send(s, now, departure);
	lane = lane_next(s);
	if (lane == HMI_LANES)
		return false;
	if (lane != HMI_LANE_CONTROL && unlikely(!may_send(s, now)))
		return false;
	departure->lane = lane;
	departure->sequence = hmi_net_lane_send(&s->lanes[lane], &s->memory[lane], now);
	depart(s, now, departure);
	return true;
}

/* ---- Headers ------------------------------------------------------------------ */

/* A number for a packet without data. What is in flight for so long that its place is needed was lost. */
static uint64_t
number_bare(struct hmi_session *s, uint64_t now)
{
	while (unlikely(!hmi_net_flight_has_room(&s->flight)))
		hmi_session_lost(s, hmi_net_flight_lose_oldest(&s->flight), now);
	return hmi_net_flight_skip(&s->flight);
}

static uint64_t
held_ns(const struct hmi_session *s, uint64_t now)
{
	return s->seen.largest != 0 ? now - s->seen.largest_ns : 0;
}

/* Numbers right before the greatest that were received, too. */
static uint16_t
run_of(const struct hmi_seen *seen)
{
	return seen->largest != 0 ? (uint16_t)RTE_MIN(seen->largest - seen->run_from, HMI_SEEN - UINT64_C(1))
				  : 0;
}

void
hmi_session_header(struct hmi_session *s, struct hmi_header *header, enum hmi_kind kind,
		   const struct hmi_departure *departure, uint64_t now)
{
	*header = (struct hmi_header){
		.version = HMI_WIRE_VERSION,
		.kind = (uint8_t)kind,
		.session = s->remote_id,
		.ack = (uint32_t)s->seen.largest,
		.window = (uint8_t)s->rx_window,
		.run = run_of(&s->seen),
		.held = hmi_header_held(held_ns(s, now)),
		.limit_user = (uint32_t)hmi_net_lane_credit_give(&s->lanes[HMI_LANE_USER]),
		.limit_bulk = (uint32_t)hmi_net_lane_credit_give(&s->lanes[HMI_LANE_BULK]),
	};
	(void)hmi_net_lane_credit_give(&s->lanes[HMI_LANE_CONTROL]);
	if (departure != NULL) {
		header->number = (uint32_t)departure->number;
		header->sequence = (uint32_t)departure->sequence;
		header->lane = (uint8_t)departure->lane;
	} else {
		header->number = (uint32_t)number_bare(s, now);
	}
	s->unacked = 0;
	/* Data has room for the newest range alone: what it does not tell is still to be told. */
	s->ack_now = s->ack_now && departure != NULL && hmi_seen_has_gap(&s->seen);
	if (!s->ack_now)
		s->ack_ns = 0;
	s->last_tx_ns = now;
}
