/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TSC_PVT_H
#define TSC_PVT_H

/*
 * One lcore's reading of the time: nanoseconds of CLOCK_MONOTONIC, from the CPU's time stamp counter.
 *
 *     ns = base_ns + (ticks - base_ticks) * ns_per_tick        corrected about once a second
 *
 * The frequency that the CPU or DPDK gives for the counter is rounded, by up to 0.2 %. So the
 * counter is compared with CLOCK_MONOTONIC: a millisecond after the start, then after two, four and
 * so on, up to a second. The rate comes from the last comparison, and from the one before it.
 *
 * A clock that is behind jumps to the truth. One that is ahead of it by more than nobody has seen
 * runs slower until the truth has caught up, so that time never goes backwards.
 *
 * Each lcore corrects its own, which shares nothing. Two lcores differ by less than a microsecond.
 *
 * Owned by one lcore.
 */

#include <stdint.h>

__extension__ typedef unsigned __int128 hmi_uint128;

struct hmi_tsc {
	uint64_t base_ticks, base_ns;
	uint64_t ns_per_tick;         /* 32.32 fixed point */
	uint64_t correct_ticks;       /* when to compare next */
	uint64_t look_ticks, look_ns; /* the last comparison */
	uint64_t interval_ns;         /* from the last one to the next */
};

/* A counter and a clock read at the same time, and the frequency that the counter is said to have. */
void hmi_tsc_init(struct hmi_tsc *tsc, uint64_t ticks, uint64_t monotonic_ns, uint64_t hz);

/*
 * Compare with CLOCK_MONOTONIC, both read at the same time. `seen_ns`: the latest time that anybody has
 * been told.
 */
void hmi_tsc_correct(struct hmi_tsc *tsc, uint64_t ticks, uint64_t monotonic_ns, uint64_t seen_ns);

/* Read counter and CLOCK_MONOTONIC at the same time. */
void hmi_tsc_read_pair(uint64_t *ticks, uint64_t *monotonic_ns);

/* The time at a reading of the counter that is not before the last correction. */
static inline uint64_t
hmi_tsc_ns(const struct hmi_tsc *tsc, uint64_t ticks)
{
	return tsc->base_ns + (uint64_t)(((hmi_uint128)(ticks - tsc->base_ticks) * tsc->ns_per_tick) >> 32);
}

#endif /* TSC_PVT_H */
