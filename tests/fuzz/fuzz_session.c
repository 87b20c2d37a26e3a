/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: a session. The first byte says how: one end under any sequence of packets, or two over links that lose,
 * copy, hold and reorder what they say to each other.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protobuf_pvt.h"
#include "ranges_pvt.h"
#include "session_pair.h"
#include "session_pvt.h"

#define LOADS  4096u
#define RECORD 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The pieces that the session was given: how often each came back. */
struct loads {
	uint8_t back[LOADS];
	uintptr_t next;
	int64_t kept; /* pieces of the other end that it keeps */
};

static void
load_back(void *owner, void *load)
{
	struct loads *loads = owner;

	/* Each comes back once. */
	if (loads->back[(uintptr_t)load]++ != 0)
		abort();
}

static struct hmi_window *
window_take(void *owner)
{
	(void)owner;
	return calloc(1, sizeof(struct hmi_window));
}

static void
window_give(void *owner, struct hmi_window *window)
{
	(void)owner;
	free(window);
}

static const struct hmi_session_ops ops = { load_back, window_take, window_give };

/* A header that is near to what the session expects, or is not. */
static void
header_make(const struct hmi_session *s, struct hmi_header *header, const uint8_t *data)
{
	const struct hmi_net_lane *lane;

	*header = (struct hmi_header){ .kind = (data[0] & 4) != 0 ? HMI_ACK : HMI_DATA,
				       .lane = data[0] % HMI_LANES,
				       .window = data[1],
				       .run = data[2],
				       .held = data[3] };
	lane = &s->lanes[header->lane];
	header->number = (uint32_t)s->seen.largest + data[4] % 48 - 8;
	header->sequence = (uint32_t)lane->expected + data[5] % 48 - 8;
	header->ack = (uint32_t)s->flight.next - data[6] % 64;
	header->limit_user = (uint32_t)s->lanes[HMI_LANE_USER].sent + data[7];
	header->limit_bulk = (uint32_t)s->lanes[HMI_LANE_BULK].sent + data[7] / 2;
	if (data[8] % 16 == 0)
		*(data[8] & 16 ? &header->number : &header->ack) = hmi_fixed32_read(data + 4);
	if (data[8] % 32 == 1)
		header->sequence = header->limit_user = hmi_fixed32_read(data + 4);
}

static void
packet_receive(struct hmi_session *s, struct loads *loads, const struct hmi_header *header,
	       const uint8_t *ranges_at, uint64_t now)
{
	struct hmi_range ranges[HMI_RANGES];
	struct hmi_acknowledgement ack = { .header = header, .ranges = ranges };
	enum hm_net_drop drop;
	uint8_t encoded[7] = { 0x0a, 5 };
	int count;

	memcpy(encoded + 2, ranges_at, 5);
	count = hmi_ranges_read(ranges, hmi_session_ack_low(s, header), encoded, sizeof(encoded));
	ack.count = count > 0 ? (uint32_t)count : 0;
	if (!hmi_session_acknowledge(s, &ack, now))
		return;
	if (header->kind != HMI_DATA) {
		(void)hmi_session_note(s, header, now);
		return;
	}
	switch (hmi_session_receive(s, header, s, now, &drop)) {
	case HMI_DELIVER:
		hmi_session_done(s, (enum hmi_net_lane_id)header->lane);
		break;
	case HMI_KEEP:
		loads->kept++;
		break;
	case HMI_DROP:
		break;
	}
}

static void
turn(struct hmi_session *s, struct loads *loads, uint8_t argument, uint64_t now)
{
	enum hmi_net_lane_id lane = (enum hmi_net_lane_id)(argument % HMI_LANES);
	struct hmi_departure departure;
	struct hmi_header header;

	if (loads->next < LOADS && hmi_session_has_room(s, lane, now))
		hmi_session_append(s, lane, (void *)loads->next++, 1000);
	for (uint32_t i = 0; i < argument >> 4 && hmi_session_send(s, now, &departure); i++)
		hmi_session_header(s, &header, HMI_DATA, &departure, now);
	if ((argument & 4) != 0 && hmi_session_ready(s, lane) != NULL) {
		hmi_session_done(s, lane);
		loads->kept--;
	}
	(void)hmi_session_timer(s, now);
	if ((argument & 8) != 0)
		hmi_session_header(s, &header, HMI_ACK, NULL, now);
}

/* One end: it loses none of its own pieces, gives none back twice, and leaves none that it was given. */
static void
alone_run(const uint8_t *data, size_t size)
{
	static const struct hmi_session_terms terms = { .credit = 255,
							.flight_max = 255,
							.packet_bytes = 1000 };
	struct hmi_session *s = calloc(1, sizeof(*s));
	struct loads *loads = calloc(1, sizeof(*loads));
	uint64_t now = 1;
	bool received;
	void *load;

	if (s == NULL || loads == NULL)
		abort();
	loads->next = 1;
	s->ops = &ops;
	s->owner = loads;
	s->peer_timeout_ns = 1000000000;
	s->lanes[HMI_LANE_CONTROL].credit = HMI_CONTROL_RING;
	s->lanes[HMI_LANE_USER].credit = s->lanes[HMI_LANE_BULK].credit = HMI_RX_RING;
	s->congestion.kind = (enum hmi_congestion_kind)(size % HMI_CONGESTION_KINDS);
	hmi_session_begin(s, &terms, now);
	for (; size >= RECORD; data += RECORD, size -= RECORD) {
		struct hmi_header header;

		now += data[14] * 100000ull;
		turn(s, loads, data[15], now);
		header_make(s, &header, data);
		packet_receive(s, loads, &header, data + 9, now);
	}
	while ((load = hmi_session_drain(s, &received)) != NULL) {
		if (received)
			loads->kept--;
		else
			load_back(loads, load);
	}
	for (uintptr_t i = 1; i < loads->next; i++) {
		if (loads->back[i] != 1)
			abort();
	}
	if (loads->kept != 0)
		abort();
	free(loads);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 4 == 0)
		alone_run(data + 1, size - 1);
	else
		session_pair_run(data + 1, size - 1);
	return 0;
}
