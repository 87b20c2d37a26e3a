/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The handshake: state changes by each of its packets.
 */
#include <rte_common.h>

#include "handshake_pvt.h"

void
hmi_handshake_call(struct hmi_session *s, uint32_t local_id, uint64_t now)
{
	s->state = HMI_SESSION_CALLING;
	s->local_id = local_id;
	s->remote_id = 0;
	s->call_ns = now;
	s->call_every_ns = HMI_CALL_FIRST_NS;
	s->last_rx_ns = now;
}

bool
hmi_handshake_call_is_due(struct hmi_session *s, uint64_t now)
{
	if (s->state != HMI_SESSION_CALLING || now < s->call_ns)
		return false;
	s->call_ns = now + s->call_every_ns;
	s->call_every_ns = RTE_MIN(2 * s->call_every_ns, HMI_CALL_LAST_NS);
	return true;
}

static void
open_with(struct hmi_session *s, uint64_t now)
{
	struct hmi_session_terms terms = {
		.credit = s->peer_window,
		.flight_max = RTE_MAX(RTE_MIN(s->peer_window, HMI_WINDOW_MAX), HMI_WINDOW_MIN),
		.packet_bytes = s->packet_bytes,
	};

	s->state = HMI_SESSION_OPEN;
	hmi_session_begin(s, &terms, now);
	hmi_session_ack_soon(s, now);
}

static void
peer_take(struct hmi_session *s, const struct hmi_handshake *handshake)
{
	s->remote_id = handshake->session;
	s->peer_node = handshake->node;
	s->peer_started = handshake->started;
	s->peer_attempt = handshake->attempt;
	s->peer_window = handshake->window;
	s->packet_bytes = RTE_MIN(handshake->max_payload, s->payload_max);
}

/* Whether a HELLO is of a later attempt than the session, or of another incarnation that is not older. */
static bool
is_newer(const struct hmi_session *s, const struct hmi_handshake *hello)
{
	if (hello->node == s->peer_node)
		return hello->attempt > s->peer_attempt;
	return hello->started >= s->peer_started;
}

enum hmi_handshake_action
hmi_handshake_hello(struct hmi_session *s, const struct hmi_handshake *hello, uint32_t local_id, uint64_t now)
{
	if (s->state == HMI_SESSION_OPEN || s->state == HMI_SESSION_ANSWERED) {
		if (hello->node == s->peer_node && hello->session == s->remote_id)
			return HMI_HANDSHAKE_ANSWER;
		return is_newer(s, hello) ? HMI_HANDSHAKE_REPLACE : HMI_HANDSHAKE_IGNORE;
	}
	if (s->state == HMI_SESSION_IDLE)
		s->local_id = local_id;
	s->state = HMI_SESSION_ANSWERED;
	s->last_rx_ns = now;
	peer_take(s, hello);
	return HMI_HANDSHAKE_ANSWER;
}

enum hmi_handshake_action
hmi_handshake_welcome(struct hmi_session *s, const struct hmi_handshake *welcome, uint64_t now)
{
	if (s->state == HMI_SESSION_CALLING)
		peer_take(s, welcome);
	else if (s->state != HMI_SESSION_ANSWERED || welcome->session != s->remote_id)
		return HMI_HANDSHAKE_IGNORE;
	open_with(s, now);
	return HMI_HANDSHAKE_OPENED;
}

bool
hmi_handshake_reject(struct hmi_session *s, uint64_t now)
{
	if (s->state != HMI_SESSION_CALLING)
		return false;
	s->call_every_ns = HMI_CALL_LAST_NS;
	s->call_ns = now + s->call_every_ns;
	return true;
}

bool
hmi_handshake_confirm(struct hmi_session *s, uint64_t now)
{
	if (s->state != HMI_SESSION_ANSWERED)
		return false;
	open_with(s, now);
	return true;
}
