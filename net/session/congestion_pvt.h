/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONGESTION_PVT_H
#define CONGESTION_PVT_H

/*
 * How much a session may have in flight, and how fast it may send: a policy, apart from the protocol.
 *
 *     session ── what was acknowledged, lost, and when ──▶ policy ── window, in bytes; pace ──▶ session
 *
 * delay: the window follows the queue that it builds itself, which shows as a round-trip time above the least one. Loss
 *        alone does not make it smaller unless it is heavy: links that lose frames are not full for that.
 * cubic: the window is cut by loss and grows back by a cubic function of time (RFC 9438).
 * none:  what the credit allows.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rtt_pvt.h"

enum hmi_congestion_kind {
	HMI_CONGESTION_DELAY,
	HMI_CONGESTION_CUBIC,
	HMI_CONGESTION_NONE,
	HMI_CONGESTION_KINDS
};

/* One acknowledgement. */
struct hmi_acked {
	uint64_t now;
	uint64_t newest;  /* greatest number that it acknowledged for the first time */
	uint64_t next;    /* number of the next packet to be sent */
	uint64_t bytes;   /* acknowledged by it */
	uint32_t packets; /* the same, in packets */
	bool has_sample;  /* rtt->latest_ns is of it */
	bool was_full;    /* the window was what kept the session from sending */
};

struct hmi_congestion {
	enum hmi_congestion_kind kind;
	uint64_t window;       /* bytes that may be in flight */
	uint64_t pace_ns;      /* for each KiB; 0: as fast as it can */
	uint32_t packet_bytes; /* of a full packet */
	bool starting;         /* slow start */

	/* The present round trip: it ends when `round_end`, a number, is acknowledged. */
	uint64_t round_end;
	uint64_t round_least_ns;          /* least sample in it */
	uint32_t round_acked, round_lost; /* packets */
	bool round_full;
	uint32_t rises; /* delay: rounds in a row in which the window might have grown faster */

	/* cubic */
	uint64_t epoch_ns, window_max, origin_ns;
	uint64_t cut_end; /* no further cut until this number is acknowledged */
};

struct hmi_congestion_ops {
	const char *name;
	void (*begin)(struct hmi_congestion *congestion);
	void (*acked)(struct hmi_congestion *congestion, const struct hmi_acked *acked,
		      const struct hmi_rtt *rtt);
	/* A packet was lost, whose number that was. */
	void (*lost)(struct hmi_congestion *congestion, uint64_t number, uint64_t next, uint64_t now);
	/* Nothing came through for so long that nothing is known of the path any more. */
	void (*collapsed)(struct hmi_congestion *congestion);
};

/* By enum hmi_congestion_kind. */
extern const struct hmi_congestion_ops *const hmi_congestion_ops[HMI_CONGESTION_KINDS];

extern const struct hmi_congestion_ops hmi_congestion_delay, hmi_congestion_cubic, hmi_congestion_none;

/* The kind of that name. Returns 0, or -ENOENT. */
int hmi_congestion_by_name(const char *name, enum hmi_congestion_kind *kind);

void hmi_congestion_begin(struct hmi_congestion *congestion, uint32_t packet_bytes);

#define HMI_CONGESTION_FIRST 32u /* full packets in flight at first */
#define HMI_CONGESTION_LEAST 4u  /* and at least */

static inline uint64_t
hmi_congestion_least(const struct hmi_congestion *congestion)
{
	return (uint64_t)HMI_CONGESTION_LEAST * congestion->packet_bytes;
}

#endif /* CONGESTION_PVT_H */
