/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session: what is due.
 */
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "session_own_pvt.h"

#define REST_NS     100000000ull /* without data, until its memory is given back */
#define COLLAPSE_NS 200000000ull /* without an acknowledgement, until nothing is known of the path */

/*
 * This side did not look for so long that a peer's silence may be its own. That is no excuse for ever: one peer timeout
 * altogether, since something was received.
 */
static void
excuse(struct hmi_session *s, uint64_t now)
{
	uint64_t gap = now - s->looked_ns;

	s->looked_ns = now;
	if (gap > s->peer_timeout_ns / HMI_HEARTBEATS)
		s->excused_ns = RTE_MIN(s->excused_ns + gap, s->peer_timeout_ns);
}

static bool
is_overdue(const struct hmi_session *s, uint64_t since_ns, uint64_t now)
{
	return now > since_ns && now - since_ns > s->peer_timeout_ns + s->excused_ns;
}

/* Since when the oldest data waits for its acknowledgement; 0: none does. */
static uint64_t
waits_since(const struct hmi_session *s)
{
	uint64_t since = 0;

	for (uint32_t i = 0; i < HMI_LANES && s->window != NULL; i++) {
		uint64_t lane = hmi_net_lane_waits_since(&s->lanes[i], &s->memory[i]);

		if (lane != 0 && (since == 0 || lane < since))
			since = lane;
	}
	return since;
}

/* What is in flight was not acknowledged in time: ask for it by one more packet. It may just be late. */
static void
probe(struct hmi_session *s, uint64_t now)
{
	uint64_t since = hmi_net_flight_sent(&s->flight, s->flight.oldest)->sent_ns;

	/* Copies of what has been acknowledged: nobody needs to know what became of them. */
	if (hmi_session_is_flushed(s)) {
		while (s->flight.count > 0)
			(void)hmi_net_flight_lose_oldest(&s->flight);
		return;
	}
	s->probes++;
	s->probes_wanted = 1;
	if (now - since > COLLAPSE_NS && s->probes > 3)
		hmi_session_policy(s)->collapsed(&s->congestion);
	hmi_session_probe_set(s, now);
}

static bool
has_something(const struct hmi_session *s)
{
	for (uint32_t i = 0; i < HMI_LANES; i++)
		if (hmi_net_lane_is_ready(&s->lanes[i]))
			return true;
	return s->probes_wanted > 0;
}

unsigned int
hmi_session_timer(struct hmi_session *s, uint64_t now)
{
	unsigned int due = 0;
	uint64_t since = waits_since(s);

	excuse(s, now);
	if (is_overdue(s, s->last_rx_ns, now) || (since != 0 && is_overdue(s, since, now)))
		return HMI_DUE_LOST;
	if (s->flight.count > 0) {
		if (s->flight.loss_ns != 0 && now >= s->flight.loss_ns)
			hmi_session_losses(s, now);
		if (s->probe_ns != 0 && now >= s->probe_ns)
			probe(s, now);
	}
	if (has_something(s))
		due |= HMI_DUE_SEND;
	/* The heartbeat carries the credit as well, in case an update was lost. */
	if (hmi_session_ack_is_due(s, now) || now - s->last_tx_ns > s->peer_timeout_ns / HMI_HEARTBEATS)
		due |= HMI_DUE_ACK;
	if (now - s->window_used_ns > REST_NS)
		hmi_session_window_rest(s);
	return due;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return b != 0 && b < a ? b : a;
}

uint64_t
hmi_session_due_ns(const struct hmi_session *s)
{
	uint64_t due = s->last_tx_ns + s->peer_timeout_ns / HMI_HEARTBEATS + 1;

	due = earlier(due, s->ack_now ? 1 : s->ack_ns);
	if (s->flight.count > 0)
		due = earlier(earlier(due, s->flight.loss_ns), s->probe_ns);
	if (s->congestion.pace_ns != 0 && has_something(s))
		due = earlier(due, s->pace_ns);
	return due;
}
