/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Packets of control messages.
 */
#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "batch_pvt.h"
#include "control_pvt.h"
#include "encode_pvt.h"
#include "envelope_pvt.h"
#include "hm_actor.h"
#include "system_body_pvt.h"
#include "table_pvt.h"

bool
hmi_is_control(const struct hm_msg *msg)
{
	switch (msg->type) {
	case HM_IDENTITY:
	case HM_SYS_STOP:
	case HM_SYS_WATCH:
	case HM_SYS_UNWATCH:
	case HM_SYS_UNDELIVERED:
		return true;
	default:
		return false;
	}
}

/* A buffer for a packet; NULL: there is none, or no room in the session. */
static struct rte_mbuf *
packet_open(struct hmi_net *net, struct hmi_peer *peer)
{
	if (!hmi_batch_may_keep(net, &peer->session, HMI_LANE_CONTROL, HMI_FRAMES_CONTROL))
		return NULL;
	return hmi_batch_frame(net);
}

/*
 * Fill a packet with what waits. Returns where its payload ends. A path may be longer than a packet of the peer: nobody
 * learns of that but by its dead letter, and its deadline.
 */
static uint8_t *
packet_fill(struct hmi_net *net, struct hmi_peer *peer, uint8_t *start)
{
	uint8_t payload[HMI_TERMINATED_BYTES], *at = start;
	struct hmi_envelope envelope;
	struct hm_msg *msg;

	while ((msg = hmi_backlog_control(peer)) != NULL) {
		size_t size;

		hmi_encode_system(net, msg, &envelope, payload);
		size = hmi_envelope_size(&envelope);
		if (size > peer->payload_max - (size_t)(at - start) && size <= peer->payload_max)
			return at;
		hmi_backlog_control_done(peer);
		if (size > peer->payload_max) {
			hm_dead_letter_publish(net->ctx, msg, HM_DEAD_TOO_BIG);
			continue;
		}
		at = hmi_envelope_write(at, &envelope);
		hmi_count(&peer->messages_sent, 1);
		hm_msg_free(net->ctx, msg);
	}
	return at;
}

/* Make a packet of what waits. Returns whether there was a buffer, and room in the session. */
static bool
packet_make(struct hmi_net *net, struct hmi_peer *peer)
{
	struct rte_mbuf *frame = packet_open(net, peer);
	uint8_t *start, *end;

	if (frame == NULL)
		return false;
	start = rte_pktmbuf_mtod_offset(frame, uint8_t *, HMI_PACKET_OFFSET);
	end = packet_fill(net, peer, start);
	if (unlikely(end == start)) {
		hmi_peer_release(net, frame);
		return true;
	}
	frame->data_len = (uint16_t)(HMI_PACKET_OFFSET + (end - start));
	frame->pkt_len = frame->data_len;
	hmi_session_append(&peer->session, HMI_LANE_CONTROL, frame, frame->data_len);
	return true;
}

void
hmi_control_flush(struct hmi_net *net, struct hmi_peer *peer)
{
	while (hmi_backlog_control(peer) != NULL && packet_make(net, peer)) {
		if (hmi_net_expired(net, HMI_FRAME_STEPS))
			return;
	}
}
