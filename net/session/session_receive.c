/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session: what is received.
 */
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "session_own_pvt.h"
#include "counter_pvt.h"

static void
ack_want(struct hmi_session *s, bool at_once, uint64_t now)
{
	s->ack_now |= at_once;
	if (s->ack_ns == 0)
		s->ack_ns = now + HMI_ACK_DELAY_NS;
}

bool
hmi_session_note(struct hmi_session *s, const struct hmi_header *header, uint64_t now)
{
	uint64_t number = hmi_number_near(s->seen.largest + 1, header->number);

	if (hmi_seen_look(&s->seen, number) > HMI_SIGHT_LATE)
		return false;
	hmi_seen_note(&s->seen, number, now);
	return true;
}

/* Why a piece of data is dropped; HM_NET_DROPS: it is not. */
static enum hm_net_drop
refusal(struct hmi_session *s, enum hmi_sight sight, enum hmi_net_lane_verdict verdict, uint64_t now)
{
	if (unlikely(sight > HMI_SIGHT_LATE))
		return sight == HMI_SIGHT_AGAIN ? HM_NET_DROP_DUPLICATE : HM_NET_DROP_WINDOW;
	if (unlikely(verdict == HMI_LANE_BEYOND))
		return HM_NET_DROP_WINDOW;
	if (unlikely(!hmi_session_window_get(s, now)))
		return HM_NET_DROP_WINDOW;
	return HM_NET_DROPS;
}

enum hmi_verdict
hmi_session_receive(struct hmi_session *s, const struct hmi_header *header, void *packet, uint64_t now,
		    enum hm_net_drop *drop)
{
	uint64_t number = hmi_number_near(s->seen.largest + 1, header->number);
	struct hmi_net_lane *lane = &s->lanes[header->lane];
	const struct hmi_net_lane_memory *memory = &s->memory[header->lane];
	uint64_t sequence = hmi_number_near(lane->expected, header->sequence);
	enum hmi_sight sight = hmi_seen_look(&s->seen, number);
	enum hmi_net_lane_verdict verdict = hmi_net_lane_look(lane, memory, sequence);

	*drop = refusal(s, sight, verdict, now);
	if (unlikely(*drop != HM_NET_DROPS))
		return HMI_DROP;
	hmi_seen_note(&s->seen, number, now);
	s->unacked++;
	/* Whoever sent it has to learn soon of a gap, and of what fills one. */
	ack_want(s, sight != HMI_SIGHT_NEXT || s->unacked >= HMI_ACK_PACKETS || verdict == HMI_LANE_AGAIN,
		 now);
	if (unlikely(verdict == HMI_LANE_AGAIN)) {
		*drop = HM_NET_DROP_DUPLICATE;
		return HMI_DROP;
	}
	hmi_count(&s->packets_received, 1);
	hmi_net_lane_receive(lane, memory, sequence, packet);
	return likely(verdict == HMI_LANE_DELIVER) ? HMI_DELIVER : HMI_KEEP;
}
