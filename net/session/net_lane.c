/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A lane of a session.
 */
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "net_lane_pvt.h"
#include "assert_pvt.h"

#define FIRST_SEQUENCE 1u

void
hmi_net_lane_begin(struct hmi_net_lane *lane, uint32_t window)
{
	uint32_t credit = lane->credit;

	*lane = (struct hmi_net_lane){
		.next = FIRST_SEQUENCE,
		.sent = FIRST_SEQUENCE,
		.una = FIRST_SEQUENCE,
		.lost_low = FIRST_SEQUENCE,
		.tx_limit = FIRST_SEQUENCE + window,
		.expected = FIRST_SEQUENCE,
		.done = FIRST_SEQUENCE,
		.rx_limit = FIRST_SEQUENCE + credit,
		.credit = credit,
	};
}

/* ---- Sending ------------------------------------------------------------------ */

void
hmi_net_lane_append(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, void *packet,
		    uint32_t bytes)
{
	HMI_ASSERT(hmi_net_lane_has_room(lane, memory));
	*hmi_net_lane_piece(memory, lane->next++) = (struct hmi_piece){ .packet = packet, .bytes = bytes };
}

/* The oldest piece that is lost. */
static uint64_t
lost_next(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory)
{
	uint64_t sequence = RTE_MAX(lane->lost_low, lane->una);

	while (!hmi_net_lane_piece(memory, sequence)->lost) {
		sequence++;
		HMI_ASSERT(sequence < lane->sent);
	}
	hmi_net_lane_piece(memory, sequence)->lost = false;
	lane->lost_low = sequence + 1;
	lane->lost--;
	return sequence;
}

uint64_t
hmi_net_lane_send(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, uint64_t now)
{
	uint64_t sequence;

	HMI_ASSERT(hmi_net_lane_is_ready(lane));
	if (unlikely(lane->lost > 0))
		return lost_next(lane, memory);
	sequence = lane->sent++;
	hmi_net_lane_piece(memory, sequence)->first_ns = now;
	return sequence;
}

uint64_t
hmi_net_lane_oldest(const struct hmi_net_lane *lane)
{
	return lane->una < lane->sent ? lane->una : 0;
}

static void
found(struct hmi_net_lane *lane, struct hmi_piece *piece)
{
	lane->lost -= piece->lost;
	piece->lost = false;
}

void *
hmi_net_lane_acknowledge(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory,
			 uint64_t sequence)
{
	struct hmi_piece *piece = hmi_net_lane_piece(memory, sequence);
	void *packet;

	if (unlikely(sequence < lane->una))
		return NULL;
	HMI_ASSERT(sequence < lane->sent);
	packet = piece->packet;
	piece->packet = NULL;
	found(lane, piece);
	while (lane->una < lane->sent && hmi_net_lane_piece(memory, lane->una)->packet == NULL)
		lane->una++;
	return packet;
}

void
hmi_net_lane_lose(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, uint64_t sequence,
		  uint64_t number)
{
	struct hmi_piece *piece = hmi_net_lane_piece(memory, sequence);

	if (sequence < lane->una || piece->packet == NULL || piece->number != number || piece->lost)
		return;
	piece->lost = true;
	lane->lost++;
	lane->lost_low = RTE_MIN(lane->lost_low, sequence);
}

uint64_t
hmi_net_lane_waits_since(const struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory)
{
	return lane->una < lane->sent ? hmi_net_lane_piece(memory, lane->una)->first_ns : 0;
}

void
hmi_net_lane_credit_take(struct hmi_net_lane *lane, uint64_t limit)
{
	lane->tx_limit = RTE_MAX(lane->tx_limit, limit);
}

/* ---- Receiving ---------------------------------------------------------------- */

enum hmi_net_lane_verdict
hmi_net_lane_look(const struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory,
		  uint64_t sequence)
{
	if (unlikely(sequence >= lane->rx_limit))
		return HMI_LANE_BEYOND;
	if (unlikely(sequence < lane->expected))
		return HMI_LANE_AGAIN;
	if (unlikely(sequence > lane->expected))
		return memory->rx != NULL && memory->rx[sequence & (memory->rx_size - 1)] != NULL
			       ? HMI_LANE_AGAIN
			       : HMI_LANE_KEEP;
	return lane->done == lane->expected ? HMI_LANE_DELIVER : HMI_LANE_KEEP;
}

void
hmi_net_lane_receive(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, uint64_t sequence,
		     void *packet)
{
	bool is_next = lane->done == sequence;

	if (unlikely(sequence > lane->expected)) {
		memory->rx[sequence & (memory->rx_size - 1)] = packet;
		lane->early++;
		return;
	}
	if (unlikely(!is_next))
		memory->rx[sequence & (memory->rx_size - 1)] = packet;
	lane->expected++;
	while (unlikely(lane->early > 0) && memory->rx[lane->expected & (memory->rx_size - 1)] != NULL) {
		lane->expected++;
		lane->early--;
	}
}

uint64_t
hmi_net_lane_credit_give(struct hmi_net_lane *lane)
{
	lane->rx_limit = RTE_MAX(lane->rx_limit, lane->done + lane->credit);
	return lane->rx_limit;
}
