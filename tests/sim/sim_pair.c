/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two sessions over two links, in virtual time.
 */
#include "sim_pair.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define START_NS   UINT64_C(1000000000)
#define TIMEOUT_NS UINT64_C(1000000000)
#define WINDOW     255u
#define STEP_NS    100u /* a turn of the loop */

/* What is on its way. */
struct packet {
	struct hmi_header header;
	struct hmi_range ranges[HMI_RANGES];
	uint32_t count;
};

static void
released(void *owner, void *packet)
{
	RTE_SET_USED(packet);
	((struct sim_end *)owner)->released++;
}

static struct hmi_window *
window_take(void *owner)
{
	((struct sim_end *)owner)->windows++;
	return calloc(1, sizeof(struct hmi_window));
}

static void
window_give(void *owner, struct hmi_window *window)
{
	((struct sim_end *)owner)->windows--;
	free(window);
}

static const struct hmi_session_ops ops = { released, window_take, window_give };

static void
end_init(struct sim_end *end, enum hmi_congestion_kind kind, uint64_t now)
{
	struct hmi_session_terms terms = { .credit = WINDOW,
					   .flight_max = WINDOW,
					   .packet_bytes = SIM_PACKET_BYTES };
	struct hmi_session *s = &end->session;

	s->ops = &ops;
	s->owner = end;
	s->peer_timeout_ns = TIMEOUT_NS;
	s->state = HMI_SESSION_OPEN;
	s->congestion.kind = kind;
	s->rx_window = WINDOW;
	s->lanes[HMI_LANE_CONTROL].credit = HMI_CONTROL_RING;
	s->lanes[HMI_LANE_USER].credit = s->lanes[HMI_LANE_BULK].credit = HMI_RX_RING;
	hmi_session_begin(s, &terms, now);
}

struct sim_pair *
sim_pair_new(const struct sim_link_config *config, enum hmi_congestion_kind kind)
{
	struct sim_pair *pair = calloc(1, sizeof(*pair));

	pair->now = START_NS;
	for (uint32_t i = 0; i < 2; i++) {
		struct sim_link_config own = *config;

		own.seed += i;
		sim_link_init(&pair->ends[i].link, &own, sizeof(struct packet));
		end_init(&pair->ends[i], kind, pair->now);
	}
	return pair;
}

/* ---- Sending ------------------------------------------------------------------ */

static void
append(struct sim_pair *pair, struct sim_end *end)
{
	for (uint32_t i = 0; i < HMI_LANES; i++) {
		while (end->to_send[i] > 0 &&
		       hmi_session_has_room(&end->session, (enum hmi_net_lane_id)i, pair->now)) {
			hmi_session_append(&end->session, (enum hmi_net_lane_id)i,
					   (void *)(uintptr_t)++end->appended[i], SIM_PACKET_BYTES);
			if (end->to_send[i] != UINT64_MAX)
				end->to_send[i]--;
		}
	}
}

static void
send_bare(struct sim_pair *pair, struct sim_end *end)
{
	struct hmi_range ranges[HMI_SEEN_RANGES];
	struct packet packet;

	packet.count = hmi_seen_ranges(&end->session.seen, ranges);
	packet.count -= packet.count > 0;
	memcpy(packet.ranges, ranges + 1, packet.count * sizeof(*ranges));
	hmi_session_header(&end->session, &packet.header, HMI_ACK, NULL, pair->now);
	sim_link_put(&end->link, &packet, SIM_BARE_BYTES, pair->now);
}

static void
flush(struct sim_pair *pair, struct sim_end *end)
{
	struct packet packet = { .count = 0 };
	struct hmi_departure departure;

	if (end->mute)
		return;
	append(pair, end);
	while (hmi_session_send(&end->session, pair->now, &departure)) {
		if ((uintptr_t)departure.packet != departure.sequence)
			pair->fault = "a packet is sent as another one";
		hmi_session_header(&end->session, &packet.header, HMI_DATA, &departure, pair->now);
		sim_link_put(&end->link, &packet, SIM_PACKET_BYTES, pair->now);
	}
	if (hmi_session_ack_is_due(&end->session, pair->now))
		send_bare(pair, end);
}

/* ---- Receiving ---------------------------------------------------------------- */

static void
hand_on(struct sim_pair *pair, struct sim_end *end, enum hmi_net_lane_id lane, void *packet)
{
	do {
		if (end->stalled) {
			hmi_session_park(&end->session, lane, packet);
			return;
		}
		if ((uint32_t)(uintptr_t)packet != (uint32_t)++end->received[lane])
			pair->fault = "a piece is handed on out of order, or twice";
		hmi_session_done(&end->session, lane);
	} while ((packet = hmi_session_ready(&end->session, lane)) != NULL);
}

static void
data_receive(struct sim_pair *pair, struct sim_end *end, const struct hmi_header *header)
{
	/* Of its 64 bits, 32 are on the wire; and no packet is NULL. */
	void *packet = (void *)(uintptr_t)(header->sequence | UINT64_C(1) << 32);
	enum hm_net_drop drop;

	if (hmi_session_receive(&end->session, header, packet, pair->now, &drop) == HMI_DELIVER)
		hand_on(pair, end, (enum hmi_net_lane_id)header->lane, packet);
}

static void
receive(struct sim_pair *pair, struct sim_end *end, struct sim_link *link)
{
	struct packet packet;

	while (sim_link_take(link, &packet, pair->now)) {
		struct hmi_acknowledgement ack = { &packet.header, packet.ranges, packet.count };

		if (!hmi_session_acknowledge(&end->session, &ack, pair->now))
			pair->fault = "a valid acknowledgement is refused";
		else if (packet.header.kind == HMI_DATA)
			data_receive(pair, end, &packet.header);
		else
			(void)hmi_session_note(&end->session, &packet.header, pair->now);
	}
}

/* ---- Time --------------------------------------------------------------------- */

static void
tick(struct sim_pair *pair, struct sim_end *end)
{
	unsigned int due;

	if (end->mute)
		return;
	due = hmi_session_timer(&end->session, pair->now);
	if ((due & HMI_DUE_LOST) != 0)
		end->lost = true;
	if ((due & HMI_DUE_ACK) != 0)
		hmi_session_ack_soon(&end->session, pair->now);
}

static void
check(struct sim_pair *pair)
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct sim_end *end = &pair->ends[i], *other = &pair->ends[1 - i];

		for (uint32_t lane = 0; lane < HMI_LANES; lane++)
			if (other->received[lane] > end->appended[lane])
				pair->fault = "more is handed on than was sent";
		if (end->windows > 1)
			pair->fault = "memory is taken twice";
	}
}

/* To the next thing that happens. */
static void
step(struct sim_pair *pair, uint64_t end_ns)
{
	uint64_t next = end_ns;

	for (uint32_t i = 0; i < 2; i++) {
		next = RTE_MIN(next, sim_link_next_ns(&pair->ends[i].link));
		if (!pair->ends[i].mute)
			next = RTE_MIN(next, hmi_session_due_ns(&pair->ends[i].session));
	}
	pair->now = RTE_MAX(next, pair->now + STEP_NS);
	for (uint32_t i = 0; i < 2; i++)
		receive(pair, &pair->ends[i], &pair->ends[1 - i].link);
	for (uint32_t i = 0; i < 2; i++) {
		tick(pair, &pair->ends[i]);
		flush(pair, &pair->ends[i]);
	}
	check(pair);
}

static bool
goes_on(const struct sim_pair *pair)
{
	return pair->fault == NULL && !pair->ends[0].lost && !pair->ends[1].lost;
}

void
sim_pair_run(struct sim_pair *pair, uint64_t ns)
{
	uint64_t end_ns = pair->now + ns;

	for (uint32_t i = 0; i < 2; i++)
		flush(pair, &pair->ends[i]);
	while (pair->now < end_ns && goes_on(pair))
		step(pair, end_ns);
}

static bool
is_done(const struct sim_end *end)
{
	for (uint32_t lane = 0; lane < HMI_LANES; lane++)
		if (end->to_send[lane] > 0)
			return false;
	return hmi_session_is_flushed(&end->session);
}

bool
sim_pair_finish(struct sim_pair *pair, uint64_t ns)
{
	uint64_t end_ns = pair->now + ns;

	for (uint32_t i = 0; i < 2; i++)
		flush(pair, &pair->ends[i]);
	while (pair->now < end_ns && goes_on(pair)) {
		if (is_done(&pair->ends[0]) && is_done(&pair->ends[1]))
			return true;
		step(pair, end_ns);
	}
	return false;
}

void
sim_pair_free(struct sim_pair *pair)
{
	for (uint32_t i = 0; i < 2; i++) {
		sim_link_fini(&pair->ends[i].link);
		free(pair->ends[i].session.window);
	}
	free(pair);
}
