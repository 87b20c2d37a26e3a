/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_FLIGHT_PVT_H
#define NET_FLIGHT_PVT_H

/*
 * The packets that were sent: under which number, when, with which data; which of them are in flight, and which are lost.
 *
 *                       oldest                   next         ring of HMI_NET_FLIGHT
 *     ────────────────────┼───────────────────────┼──────────▶ number
 *       acknowledged,       in flight, or one of
 *       or lost             those before
 *
 * Each transmission has a number of its own, that of data that is sent again, too. So an acknowledgement says when the
 * packet was sent that it is about, and a sample of the round-trip time is never ambiguous.
 *
 * Loss (RFC 8985, RACK; RFC 9002): a packet is lost when one that was sent later has been received, and so much time has
 * passed since that could have come by a round-trip time and the reordering window. Until packets were seen out of
 * order, three that were sent later are enough. Each loss that proves wrong, since the packet is acknowledged after
 * all, widens the window by a quarter of the least round-trip time, up to a smoothed one.
 *
 * One owner; no time but what is passed in.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rtt_pvt.h"
#include "seen_pvt.h"

#define HMI_NET_FLIGHT       1024u
#define HMI_NET_FLIGHT_WORDS (HMI_NET_FLIGHT / 64)

/* What a packet with data carried. */
struct hmi_departed {
	uint64_t sent_ns;
	uint64_t sequence;
	uint32_t bytes;
	uint8_t lane;
};

struct hmi_net_flight {
	uint64_t next;   /* number of the next packet */
	uint64_t oldest; /* none before it is in flight */
	uint32_t count;  /* packets in flight; other threads read it */
	uint64_t bytes;  /* of them */

	/* Of the packets that are acknowledged, the one that was sent last. */
	uint64_t newest, newest_ns, newest_rtt_ns;
	uint64_t loss_ns; /* when the next packet may be lost; 0: none may be */

	bool reordered;        /* packets were seen out of order */
	uint32_t reorder_step; /* the window, in quarters of the least round-trip time */
	uint64_t spurious;     /* losses that proved wrong */

	struct hmi_rtt rtt;
	uint64_t in_flight[HMI_NET_FLIGHT_WORDS]; /* bit number % HMI_NET_FLIGHT */
	uint64_t lost[HMI_NET_FLIGHT_WORDS];      /* taken for lost; what is behind is still known */
	struct hmi_departed *sent;                /* HMI_NET_FLIGHT; NULL: nothing is in flight */
};

void hmi_net_flight_begin(struct hmi_net_flight *flight);

/* Nothing is in flight, and what was lost may be forgotten: the ring of what was sent is another one, or none. */
void hmi_net_flight_ring(struct hmi_net_flight *flight, struct hmi_departed *sent);

static inline const struct hmi_departed *
hmi_net_flight_sent(const struct hmi_net_flight *flight, uint64_t number)
{
	return &flight->sent[number % HMI_NET_FLIGHT];
}

/* Whether there is a place for one more packet: the oldest in flight is not so old that its place is needed. */
static inline bool
hmi_net_flight_has_room(const struct hmi_net_flight *flight)
{
	return flight->next - flight->oldest < HMI_NET_FLIGHT;
}

/* A number for a packet without data, which is not in flight. There must be room. */
uint64_t hmi_net_flight_skip(struct hmi_net_flight *flight);

/* A number for a packet with data, which is in flight from now on. There must be room. */
uint64_t hmi_net_flight_add(struct hmi_net_flight *flight, const struct hmi_departed *sent);

/*
 * The next packet of a range that is acknowledged by it, in order of numbers from *at on, which is range.from at first;
 * it is not in flight any more. *was_lost: it had been taken for lost. Returns its number; 0: there is none left.
 */
uint64_t hmi_net_flight_acknowledge(struct hmi_net_flight *flight, const struct hmi_range *range,
				    uint64_t *at, bool *was_lost);

/* The packet, the greatest number that an acknowledgement names, was held by the receiver for `held`. */
void hmi_net_flight_sample(struct hmi_net_flight *flight, uint64_t number, uint64_t held, uint64_t now);

/* The packet is the newest that an acknowledgement is the first to name. */
void hmi_net_flight_newest(struct hmi_net_flight *flight, uint64_t number, uint64_t now);

/*
 * The next packet that is lost by now, from *at on, which is `oldest` at first; it is not in flight any more. Returns its
 * number; 0: there is none. `loss_ns` is valid behind the last one.
 */
uint64_t hmi_net_flight_lose(struct hmi_net_flight *flight, uint64_t *at, uint64_t now);

/* The oldest packet in flight is lost, since its place is needed. There must be one. Returns its number. */
uint64_t hmi_net_flight_lose_oldest(struct hmi_net_flight *flight);

#endif /* NET_FLIGHT_PVT_H */
