/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_LANE_PVT_H
#define NET_LANE_PVT_H

/*
 * A lane of a session: data in order, in both directions, each piece at most once. Lanes do not wait for each other.
 *
 *                  una           sent          next
 *     ─────────────┼──────────────┼─────────────┼──────────▶ sequence, sending
 *      acknowledged  sent, kept     waits for
 *                    until it is    credit
 *                    acknowledged
 *
 *                  done          expected      limit
 *     ─────────────┼──────────────┼─────────────┼──────────▶ sequence, receiving
 *      handed on     received, not   credit given; some
 *                    handed on yet   received out of order
 *
 * A piece is an opaque pointer. What is sent again keeps its sequence, and gets a new packet number.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hmi_net_lane_id {
	HMI_LANE_CONTROL, /* the engine's messages: never behind users' */
	HMI_LANE_USER,
	HMI_LANE_BULK, /* fragments of big messages */
	HMI_LANES
};

struct hmi_piece {
	void *packet;      /* NULL: acknowledged */
	uint64_t number;   /* of its last transmission; 0: it was not sent yet */
	uint64_t first_ns; /* when it was sent first */
	uint32_t bytes;
	bool lost; /* to be sent again */
};

/* Memory of a lane while it has pieces, powers of two. */
struct hmi_net_lane_memory {
	struct hmi_piece *tx;
	void **rx;
	uint32_t tx_size, rx_size;
};

struct hmi_net_lane {
	/* Sending. */
	uint64_t next, sent, una;
	uint64_t tx_limit; /* first sequence without credit */
	uint64_t lost_low; /* no sequence before it is lost */
	uint32_t lost;     /* pieces to be sent again */

	/* Receiving. */
	uint64_t expected, done, rx_limit;
	uint32_t early;  /* pieces kept beyond `expected` */
	uint32_t credit; /* pieces from `done` on that the peer may send */
};

/* The first sequence is 1. `window`: pieces that the peer takes before it has given credit. */
void hmi_net_lane_begin(struct hmi_net_lane *lane, uint32_t window);

/* ---- Sending ------------------------------------------------------------------ */

static inline struct hmi_piece *
hmi_net_lane_piece(const struct hmi_net_lane_memory *memory, uint64_t sequence)
{
	return &memory->tx[sequence & (memory->tx_size - 1)];
}

/* Whether one more piece can be appended. */
static inline bool
hmi_net_lane_has_room(const struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory)
{
	return lane->next - lane->una < memory->tx_size;
}

/* Append a piece. There must be room. */
void hmi_net_lane_append(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, void *packet,
			 uint32_t bytes);

/* Whether a piece can be sent: one that was lost, or a new one for which there is credit. */
static inline bool
hmi_net_lane_is_ready(const struct hmi_net_lane *lane)
{
	return lane->lost > 0 || (lane->sent < lane->next && lane->sent < lane->tx_limit);
}

/* The sequence that is sent next: hmi_net_lane_is_ready. The caller sets the piece's number. */
uint64_t hmi_net_lane_send(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, uint64_t now);

/* The oldest piece that was sent, to be sent once more though it may not be lost; 0: there is none. */
uint64_t hmi_net_lane_oldest(const struct hmi_net_lane *lane);

/*
 * A transmission of the piece was acknowledged. Returns the piece's packet; NULL: it was acknowledged before, by
 * another transmission.
 */
void *hmi_net_lane_acknowledge(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory,
			       uint64_t sequence);

/* A transmission is lost. If it was the piece's last one, the piece is to be sent again. */
void hmi_net_lane_lose(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, uint64_t sequence,
		       uint64_t number);

/* When the oldest piece that is not acknowledged was sent first; 0: there is none. */
uint64_t hmi_net_lane_waits_since(const struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory);

/* The peer may send to there. Credit is never taken back. */
void hmi_net_lane_credit_take(struct hmi_net_lane *lane, uint64_t limit);

/* ---- Receiving ---------------------------------------------------------------- */

enum hmi_net_lane_verdict {
	HMI_LANE_DELIVER, /* the next one in order, and none waits before it */
	HMI_LANE_KEEP,    /* the lane keeps it */
	HMI_LANE_AGAIN,   /* it was received before */
	HMI_LANE_BEYOND,  /* no credit was given for it */
};

/* What would become of a piece. Changes nothing. */
enum hmi_net_lane_verdict hmi_net_lane_look(const struct hmi_net_lane *lane,
					    const struct hmi_net_lane_memory *memory, uint64_t sequence);

/* A piece has come that is HMI_LANE_DELIVER or _KEEP. */
void hmi_net_lane_receive(struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory,
			  uint64_t sequence, void *packet);

/* The next piece in order has been handed on. */
static inline void
hmi_net_lane_done(struct hmi_net_lane *lane)
{
	lane->done++;
}

/* The next piece in order could not be handed on: keep it. */
static inline void
hmi_net_lane_park(const struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory, void *packet)
{
	memory->rx[lane->done & (memory->rx_size - 1)] = packet;
}

/* The next piece in order, which is the caller's from now on; NULL: none. */
static inline void *
hmi_net_lane_ready(const struct hmi_net_lane *lane, const struct hmi_net_lane_memory *memory)
{
	void **place, *packet;

	if (lane->done == lane->expected || memory->rx == NULL)
		return NULL;
	place = &memory->rx[lane->done & (memory->rx_size - 1)];
	packet = *place;
	*place = NULL;
	return packet;
}

/* The credit to be told now. */
uint64_t hmi_net_lane_credit_give(struct hmi_net_lane *lane);

/* Whether the lane needs no memory: nothing is kept in either direction. */
static inline bool
hmi_net_lane_is_idle(const struct hmi_net_lane *lane)
{
	return lane->una == lane->next && lane->done == lane->expected && lane->early == 0;
}

#endif /* NET_LANE_PVT_H */
