/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two ends of a session over links that do what the input says: in virtual time, without a port.
 *
 *     end 0 ── append, send ─▶ link 0 ── the input picks: take, copy or lose ─▶ end 1
 *
 * A piece is its lane and its place in it. What is said on the way is encoded and decoded as on the wire.
 */
#include "session_pair.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "ranges_pvt.h"
#include "session_pvt.h"

#define PIECES       3000u /* most of a lane */
#define LINK         512u  /* packets on the way; what is beyond is lost */
#define PIECE_BYTES  1400u
#define START_NS     UINT64_C(1000000000)
#define TIMEOUT_NS   UINT64_C(1000000000)
#define WINDOW       64u
#define CREDIT       256u
#define HEAL_STEPS   30000u
#define PAYLOAD_ROOM (HMI_RANGES_BYTES + 16u)

struct packet {
	uint8_t header[HMI_HEADER_BYTES], payload[PAYLOAD_ROOM];
	uint32_t length;
	void *piece;
	uint64_t sequence; /* all of its bits */
};

/* What became of a piece of this end. */
enum fate {
	NOT_SENT = 0, /* or on its way */
	GOT = 1,      /* the other end has it */
	RELEASED = 2,
	DRAINED = 4,
	DRAINED_THERE = 8, /* from the other end, which has not handed it on */
};

struct end {
	struct hmi_session session;
	struct end *other;
	uint32_t appended[HMI_LANES], handed[HMI_LANES]; /* handed: of the other's */
	uint8_t fate[HMI_LANES][PIECES + 1];
	uint64_t base; /* first sequence, and number, of what this end sends */
	uint32_t windows;
	bool stalled, poor, lost;
	struct packet link[LINK]; /* towards the other end */
	uint32_t on_way;
};

struct pair {
	struct end ends[2];
	uint64_t now;
};

static void
need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz_session: %s\n", what);
	abort();
}

/* ---- Pieces ------------------------------------------------------------------------- */

static void *
piece_of(enum hmi_net_lane_id lane, uint32_t place)
{
	return (void *)((uintptr_t)lane << 32 | place);
}

static uint8_t *
fate_of(struct end *sender, const void *piece)
{
	return &sender->fate[(uintptr_t)piece >> 32][(uint32_t)(uintptr_t)piece];
}

static void
piece_release(void *owner, void *piece)
{
	uint8_t *fate = fate_of(owner, piece);

	need(*fate == GOT, "a piece is released that the other end does not have, or twice");
	*fate |= RELEASED;
}

static struct hmi_window *
window_take(void *owner)
{
	struct end *end = owner;

	if (end->poor)
		return NULL;
	need(end->windows++ == 0, "memory is taken twice");
	return calloc(1, sizeof(struct hmi_window));
}

static void
window_give(void *owner, struct hmi_window *window)
{
	((struct end *)owner)->windows--;
	free(window);
}

static const struct hmi_session_ops ops = { piece_release, window_take, window_give };

/* ---- Sessions ----------------------------------------------------------------------- */

/* As if so many numbers and sequences had gone before. */
static void
base_set(struct end *end, uint64_t base)
{
	struct hmi_session *s = &end->session, *other = &end->other->session;

	end->base = base;
	s->flight.next = s->flight.oldest = base;
	other->seen.largest = base - 1;
	other->seen.run_from = base;
	for (uint32_t i = 0; i < HMI_LANES; i++) {
		struct hmi_net_lane *tx = &s->lanes[i], *rx = &other->lanes[i];

		tx->tx_limit += base - 1;
		tx->next = tx->sent = tx->una = tx->lost_low = base;
		rx->rx_limit += base - 1;
		rx->expected = rx->done = base;
	}
}

static void
end_begin(struct pair *pair, uint32_t which, enum hmi_congestion_kind kind)
{
	struct hmi_session_terms terms = { .credit = WINDOW,
					   .flight_max = WINDOW,
					   .packet_bytes = PIECE_BYTES };
	struct end *end = &pair->ends[which];
	struct hmi_session *s = &end->session;

	end->other = &pair->ends[1 - which];
	s->ops = &ops;
	s->owner = end;
	s->peer_timeout_ns = TIMEOUT_NS;
	s->state = HMI_SESSION_OPEN;
	s->congestion.kind = kind;
	s->rx_window = WINDOW;
	s->lanes[HMI_LANE_CONTROL].credit = HMI_CONTROL_RING;
	s->lanes[HMI_LANE_USER].credit = s->lanes[HMI_LANE_BULK].credit = CREDIT;
	hmi_session_begin(s, &terms, pair->now);
}

/* ---- Sending ------------------------------------------------------------------------ */

static void
append(struct pair *pair, struct end *end, enum hmi_net_lane_id lane, uint32_t count)
{
	while (count-- > 0 && end->appended[lane] < PIECES &&
	       hmi_session_has_room(&end->session, lane, pair->now))
		hmi_session_append(&end->session, lane, piece_of(lane, ++end->appended[lane]), PIECE_BYTES);
}

static void
packet_put(struct pair *pair, struct end *end, const struct hmi_departure *departure)
{
	struct packet packet = { .length = 0 };
	struct hmi_range ranges[HMI_SEEN_RANGES];
	struct hmi_header header;
	uint32_t count = hmi_seen_ranges(&end->session.seen, ranges);

	hmi_session_header(&end->session, &header, departure != NULL ? HMI_DATA : HMI_ACK, departure,
			   pair->now);
	if (departure != NULL) {
		packet.piece = departure->packet;
		packet.sequence = departure->sequence;
		need(packet.piece ==
			     piece_of(departure->lane, (uint32_t)(departure->sequence - end->base + 1)),
		     "a piece is sent as another one");
	} else if (count > 1) {
		uint8_t *stop = hmi_ranges_write(packet.payload, ranges[0].from, ranges + 1, count - 1);

		packet.length = (uint32_t)(stop - packet.payload);
	}
	header.length = (uint16_t)packet.length;
	(void)hmi_header_write(packet.header, &header);
	if (end->on_way < LINK)
		end->link[end->on_way++] = packet;
}

static void
data_send(struct pair *pair, struct end *end, uint32_t most)
{
	struct hmi_departure departure;

	while (most-- > 0 && hmi_session_send(&end->session, pair->now, &departure))
		packet_put(pair, end, &departure);
}

static void
ack_send(struct pair *pair, struct end *end, bool anyway)
{
	if (anyway || hmi_session_ack_is_due(&end->session, pair->now))
		packet_put(pair, end, NULL);
}

/* ---- Receiving ---------------------------------------------------------------------- */

static void
hand_on(struct end *end, enum hmi_net_lane_id lane, void *piece)
{
	while (piece != NULL) {
		if (end->stalled) {
			hmi_session_park(&end->session, lane, piece);
			return;
		}
		need(piece == piece_of(lane, ++end->handed[lane]),
		     "a piece is handed on twice, or out of order");
		hmi_session_done(&end->session, lane);
		piece = hmi_session_ready(&end->session, lane);
	}
}

static void
data_receive(struct pair *pair, struct end *end, const struct hmi_header *header, const struct packet *packet)
{
	enum hmi_net_lane_id lane = (enum hmi_net_lane_id)header->lane;
	enum hm_net_drop drop;

	/* That of the lane for control is known without a word, and may run ahead. */
	need(lane == HMI_LANE_CONTROL || packet->sequence < end->session.lanes[lane].rx_limit,
	     "more is sent than there is credit for");
	switch (hmi_session_receive(&end->session, header, packet->piece, pair->now, &drop)) {
	case HMI_DELIVER:
		*fate_of(end->other, packet->piece) |= GOT;
		hand_on(end, lane, packet->piece);
		break;
	case HMI_KEEP:
		need(*fate_of(end->other, packet->piece) == NOT_SENT, "a piece is kept twice");
		*fate_of(end->other, packet->piece) |= GOT;
		break;
	case HMI_DROP:
		break;
	}
}

static void
packet_receive(struct pair *pair, struct end *end, const struct packet *packet)
{
	struct hmi_range ranges[HMI_RANGES];
	struct hmi_header header;
	struct hmi_acknowledgement ack = { .header = &header, .ranges = ranges };
	int count;

	need(hmi_header_read(&header, packet->header, sizeof(packet->header)) == 0, "a header is refused");
	count = hmi_ranges_read(ranges, hmi_session_ack_low(&end->session, &header), packet->payload,
				packet->length);
	need(count >= 0, "ranges are refused");
	ack.count = (uint32_t)count;
	need(hmi_session_acknowledge(&end->session, &ack, pair->now), "an acknowledgement is refused");
	if (header.kind == HMI_DATA)
		data_receive(pair, end, &header, packet);
	else
		(void)hmi_session_note(&end->session, &header, pair->now);
}

/* The next packet on the way to an end, or one behind it. */
static void
link_take(struct pair *pair, struct end *from, uint32_t which, bool stays)
{
	struct packet packet;

	if (from->on_way == 0)
		return;
	which %= from->on_way;
	packet = from->link[which];
	if (!stays)
		memmove(&from->link[which], &from->link[which + 1],
			(--from->on_way - which) * sizeof(from->link[0]));
	packet_receive(pair, from->other, &packet);
}

static void
link_lose(struct end *from, uint32_t most)
{
	from->on_way -= RTE_MIN(most, from->on_way);
}

static void
resume(struct end *end)
{
	end->stalled = false;
	for (uint32_t i = 0; i < HMI_LANES; i++)
		hand_on(end, (enum hmi_net_lane_id)i,
			hmi_session_ready(&end->session, (enum hmi_net_lane_id)i));
}

/* ---- Steps -------------------------------------------------------------------------- */

static void
tick(struct pair *pair, struct end *end)
{
	unsigned int due = hmi_session_timer(&end->session, pair->now);

	if ((due & HMI_DUE_LOST) != 0)
		end->lost = true;
	else if ((due & HMI_DUE_ACK) != 0)
		hmi_session_ack_soon(&end->session, pair->now);
}

enum step {
	STEP_APPEND,
	STEP_SEND,
	STEP_ACK,
	STEP_TAKE,
	STEP_TAKE_MANY,
	STEP_TWICE,
	STEP_LOSE,
	STEP_TIME,
	STEP_TICK,
	STEP_STALL,
	STEP_POOR,
	STEP_TURN, /* what a node does in one: send and acknowledge */
	STEPS,
};

static void
step_run(struct pair *pair, uint8_t what, uint8_t argument)
{
	struct end *end = &pair->ends[what >> 7];

	switch ((enum step)((what & 0x7f) % STEPS)) {
	case STEP_APPEND:
		append(pair, end, (enum hmi_net_lane_id)(argument % HMI_LANES), argument / HMI_LANES);
		break;
	case STEP_SEND:
		data_send(pair, end, argument);
		break;
	case STEP_ACK:
		ack_send(pair, end, (argument & 1) != 0);
		break;
	case STEP_TAKE:
		link_take(pair, end, argument, false);
		break;
	case STEP_TAKE_MANY:
		for (uint32_t i = 0; i < argument; i++)
			link_take(pair, end, 0, false);
		break;
	case STEP_TWICE:
		link_take(pair, end, argument, true);
		break;
	case STEP_LOSE:
		link_lose(end, argument % 16);
		break;
	case STEP_TIME:
		pair->now += UINT64_C(1) << argument % 28;
		break;
	case STEP_TICK:
		tick(pair, end);
		break;
	case STEP_STALL:
		if ((argument & 1) != 0)
			end->stalled = true;
		else
			resume(end);
		break;
	case STEP_POOR:
		end->poor = (argument & 1) != 0;
		break;
	default:
		tick(pair, end);
		data_send(pair, end, UINT32_MAX);
		ack_send(pair, end, false);
	}
}

static bool
is_open(const struct pair *pair)
{
	return !pair->ends[0].lost && !pair->ends[1].lost;
}

/* Whether all that was appended has been acknowledged, and handed on. */
static bool
is_done(const struct pair *pair)
{
	bool done = true;

	for (uint32_t i = 0; i < 2; i++) {
		const struct end *end = &pair->ends[i];

		done = done && hmi_session_is_flushed(&end->session) &&
		       memcmp(end->appended, end->other->handed, sizeof(end->appended)) == 0;
	}
	return done;
}

/* The links are in order again: all arrives, unless a piece had waited for so long that its time is up soon. */
static void
heal(struct pair *pair)
{
	bool is_prompt = pair->ends[0].session.congestion.kind == HMI_CONGESTION_NONE;
	uint64_t healed_ns = pair->now;

	for (uint32_t i = 0; i < 2; i++) {
		pair->ends[i].poor = false;
		resume(&pair->ends[i]);
	}
	for (uint32_t n = 0; n < HEAL_STEPS && is_open(pair) && !is_done(pair); n++) {
		uint64_t due = RTE_MIN(hmi_session_due_ns(&pair->ends[0].session),
				       hmi_session_due_ns(&pair->ends[1].session));
		bool is_quiet = pair->ends[0].on_way + pair->ends[1].on_way == 0;

		/* The way takes a microsecond. What is due may wait for something else, so some time passes. */
		pair->now = is_quiet ? RTE_MAX(pair->now + 100000, RTE_MIN(due, pair->now + 100000000))
				     : pair->now + 1000;
		for (uint32_t i = 0; i < 2; i++)
			for (uint32_t left = pair->ends[i].on_way; left > 0; left--)
				link_take(pair, &pair->ends[i], 0, false);
		step_run(pair, STEP_TURN, 0);
		step_run(pair, 0x80 | STEP_TURN, 0);
	}
	/* Probes go eight times in a timeout. A policy may remember for longer how slow the path was. */
	need(is_open(pair) || !is_prompt || pair->now < healed_ns + TIMEOUT_NS / 2,
	     "it ends, though the links are in order");
	need(!is_open(pair) || is_done(pair), "it does not go on");
}

/* ---- End ---------------------------------------------------------------------------- */

static void
end_drain(struct end *end)
{
	bool received;
	void *piece;

	while ((piece = hmi_session_drain(&end->session, &received)) != NULL) {
		uint8_t *fate = fate_of(received ? end->other : end, piece);

		if (received)
			need((*fate & (GOT | DRAINED_THERE)) == GOT &&
				     (uint32_t)(uintptr_t)piece > end->handed[(uintptr_t)piece >> 32],
			     "a piece is left that was not received, or was handed on");
		else
			need((*fate & (RELEASED | DRAINED)) == 0, "a piece is left that was released");
		*fate |= received ? DRAINED_THERE : DRAINED;
	}
	need(end->windows == 0 || end->session.window != NULL, "memory is lost");
}

/* Each piece that an end took was released or is left, and each that the other got was handed on or is left there. */
static void
end_check(struct end *end)
{
	for (uint32_t lane = 0; lane < HMI_LANES; lane++) {
		for (uint32_t place = 1; place <= end->appended[lane]; place++) {
			uint8_t fate = end->fate[lane][place];
			bool handed = place <= end->other->handed[lane];

			need(((fate & RELEASED) != 0) != ((fate & DRAINED) != 0), "a piece is lost");
			need(((fate & GOT) != 0) == (handed || (fate & DRAINED_THERE) != 0),
			     "a piece that was received is lost");
		}
	}
}

void
session_pair_run(const uint8_t *data, size_t size)
{
	static const uint64_t bases[] = { 1, 1, (UINT64_C(1) << 31) - 20, (UINT64_C(1) << 32) - 20 };
	struct pair *pair = calloc(1, sizeof(*pair));
	uint8_t how = size > 0 ? data[0] : 0;

	if (pair == NULL)
		return;
	pair->now = START_NS;
	for (uint32_t i = 0; i < 2; i++)
		end_begin(pair, i, (enum hmi_congestion_kind)((how & 3) % HMI_CONGESTION_KINDS));
	for (uint32_t i = 0; i < 2; i++)
		base_set(&pair->ends[i], bases[how >> 2 & 3]);
	for (size_t at = 1; at + 1 < size && is_open(pair); at += 2)
		step_run(pair, data[at], data[at + 1]);
	if (is_open(pair))
		heal(pair);
	for (uint32_t i = 0; i < 2; i++)
		end_drain(&pair->ends[i]);
	for (uint32_t i = 0; i < 2; i++)
		end_check(&pair->ends[i]);
	free(pair);
}
