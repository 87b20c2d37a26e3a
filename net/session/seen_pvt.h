/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEEN_PVT_H
#define SEEN_PVT_H

/*
 * The numbers of packets that were received: of the last HMI_SEEN, which; and as ranges, to acknowledge them.
 *
 *        largest - HMI_SEEN           run_from      largest
 *     ───────────┼─────────────────────────┼────────────┼──────────▶ number
 *       too old    a bit says whether it     received     not seen yet
 *                  was received
 *
 * A number is used once, so a gap stays: what was lost comes again under another one. One owner; no time but what is
 * passed in.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ranges_pvt.h"

#define HMI_SEEN        1024u
#define HMI_SEEN_AHEAD  65536u /* a number so far beyond the largest is none that an honest peer sends */
#define HMI_SEEN_RANGES (HMI_RANGES + 1) /* most that are told at once, the header's included */

struct hmi_seen {
	uint64_t largest;             /* 0: none was received */
	uint64_t run_from;            /* from here to `largest` all were */
	uint64_t largest_ns;          /* when that one was */
	uint64_t bits[HMI_SEEN / 64]; /* bit number % HMI_SEEN; of numbers beyond `largest`, undefined */
};

enum hmi_sight {
	HMI_SIGHT_NEXT,  /* largest + 1 */
	HMI_SIGHT_AHEAD, /* beyond that: those between are missing */
	HMI_SIGHT_LATE,  /* one that was missing */
	HMI_SIGHT_AGAIN, /* one that was received */
	HMI_SIGHT_NONE,  /* too old to know, too far ahead, or 0 */
};

void hmi_seen_begin(struct hmi_seen *seen);

/* What a number would be. Changes nothing. */
enum hmi_sight hmi_seen_look(const struct hmi_seen *seen, uint64_t number);

/* A packet was received whose number is HMI_SIGHT_NEXT, _AHEAD or _LATE. */
void hmi_seen_note(struct hmi_seen *seen, uint64_t number, uint64_t now);

/* Whether a number before the newest range is missing, of those that are told. */
static inline bool
hmi_seen_has_gap(const struct hmi_seen *seen)
{
	return seen->run_from > 1 && seen->largest - seen->run_from < HMI_SEEN - 1;
}

/*
 * The ranges, newest first, without those that reach below the last HMI_SEEN numbers. Returns how many, up to
 * HMI_SEEN_RANGES.
 */
uint32_t hmi_seen_ranges(const struct hmi_seen *seen, struct hmi_range ranges[static HMI_SEEN_RANGES]);

#endif /* SEEN_PVT_H */
