/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session: acknowledgements of what was sent, and loss.
 */
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "session_own_pvt.h"
#include "assert_pvt.h"
#include "counter_pvt.h"

/* ---- Loss --------------------------------------------------------------------- */

void
hmi_session_lost(struct hmi_session *s, uint64_t number, uint64_t now)
{
	const struct hmi_departed *sent = hmi_net_flight_sent(&s->flight, number);

	hmi_net_lane_lose(&s->lanes[sent->lane], &s->memory[sent->lane], sent->sequence, number);
	hmi_session_policy(s)->lost(&s->congestion, number, s->flight.next, now);
}

void
hmi_session_losses(struct hmi_session *s, uint64_t now)
{
	uint64_t at = s->flight.oldest, number;

	while ((number = hmi_net_flight_lose(&s->flight, &at, now)) != 0)
		hmi_session_lost(s, number, now);
}

void
hmi_session_probe_set(struct hmi_session *s, uint64_t now)
{
	uint64_t wait = hmi_rtt_timeout(&s->flight.rtt, HMI_ACK_DELAY_NS) << RTE_MIN(s->probes, 16u);

	s->probe_ns = s->flight.count > 0 ? now + RTE_MIN(wait, s->peer_timeout_ns / HMI_HEARTBEATS) : 0;
}

/* ---- Acknowledgements --------------------------------------------------------- */

/* What one acknowledgement has acknowledged for the first time. */
struct gain {
	uint64_t newest; /* greatest number */
	uint64_t bytes;
	uint32_t packets;
};

static void
packet_acknowledged(struct hmi_session *s, uint64_t number, struct gain *gain)
{
	const struct hmi_departed *sent = hmi_net_flight_sent(&s->flight, number);
	void *packet =
		hmi_net_lane_acknowledge(&s->lanes[sent->lane], &s->memory[sent->lane], sent->sequence);

	gain->newest = RTE_MAX(gain->newest, number);
	gain->bytes += sent->bytes;
	gain->packets++;
	if (likely(packet != NULL))
		s->ops->release(s->owner, packet);
}

static void
range_acknowledged(struct hmi_session *s, const struct hmi_range *range, struct gain *gain)
{
	uint64_t at = range->from, number;
	bool was_lost;

	while ((number = hmi_net_flight_acknowledge(&s->flight, range, &at, &was_lost)) != 0)
		packet_acknowledged(s, number, gain);
}

static uint64_t
ack_largest(const struct hmi_session *s, const struct hmi_header *header)
{
	return hmi_number_near(s->flight.next, header->ack);
}

/* The time that the receiver has held its greatest number for says nothing of others, and may be longer than it can say. */
static void
gain_take(struct hmi_session *s, const struct gain *gain, const struct hmi_acknowledgement *ack, uint64_t now)
{
	bool is_sample = gain->newest == ack_largest(s, ack->header) && ack->header->held != UINT16_MAX;
	struct hmi_acked acked = { .now = now,
				   .newest = gain->newest,
				   .next = s->flight.next,
				   .bytes = gain->bytes,
				   .packets = gain->packets,
				   .has_sample = is_sample,
				   .was_full = s->was_full };

	if (likely(is_sample))
		hmi_net_flight_sample(&s->flight, gain->newest, hmi_header_held_ns(ack->header->held), now);
	hmi_net_flight_newest(&s->flight, gain->newest, now);
	hmi_session_policy(s)->acked(&s->congestion, &acked, &s->flight.rtt);
	s->was_full = false;
	s->probes = s->probes_wanted = 0;
	hmi_session_losses(s, now);
	hmi_session_probe_set(s, now);
}

/* The range that the header names; `to` 0: none. */
static struct hmi_range
header_range(const struct hmi_session *s, const struct hmi_header *header)
{
	uint64_t largest = ack_largest(s, header);

	return (struct hmi_range){ largest > header->run ? largest - header->run : 1, largest };
}

uint64_t
hmi_session_ack_low(const struct hmi_session *s, const struct hmi_header *header)
{
	return header_range(s, header).from;
}

/* What only the newest packet says: one that comes late, or again, may be older than what is known. */
static void
newest_take(struct hmi_session *s, const struct hmi_header *header, uint64_t now)
{
	if (unlikely(hmi_number_near(s->seen.largest + 1, header->number) <= s->seen.largest))
		return;
	s->flight_max = RTE_MAX(header->window, HMI_WINDOW_MIN);
	s->last_rx_ns = now;
	s->excused_ns = 0;
}

static void
credit_take(struct hmi_session *s, const struct hmi_header *header)
{
	struct hmi_net_lane *user = &s->lanes[HMI_LANE_USER], *bulk = &s->lanes[HMI_LANE_BULK];
	struct hmi_net_lane *control = &s->lanes[HMI_LANE_CONTROL];

	hmi_net_lane_credit_take(user, hmi_number_near(user->sent, header->limit_user));
	hmi_net_lane_credit_take(bulk, hmi_number_near(bulk->sent, header->limit_bulk));
	/* The lane for control has a fixed window, which needs no word. */
	hmi_net_lane_credit_take(control, control->una + HMI_CONTROL_RING);
}

bool
hmi_session_acknowledge(struct hmi_session *s, const struct hmi_acknowledgement *ack, uint64_t now)
{
	struct hmi_range newest = header_range(s, ack->header);
	struct gain gain = { 0 };

	if (unlikely(newest.to >= s->flight.next))
		return false;
	newest_take(s, ack->header, now);
	if (likely(newest.to != 0 && s->flight.sent != NULL)) {
		range_acknowledged(s, &newest, &gain);
		for (uint32_t i = 0; i < ack->count; i++)
			range_acknowledged(s, &ack->ranges[i], &gain);
	}
	credit_take(s, ack->header);
	if (gain.packets > 0)
		gain_take(s, &gain, ack, now);
	return true;
}
