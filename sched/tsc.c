/* SPDX-License-Identifier: Apache-2.0 */
#include "tsc_pvt.h"

#include <time.h>

#include <rte_common.h>
#include <rte_cycles.h>

#define INTERVAL_NS_FIRST 1000000u
#define INTERVAL_NS_MAX   1000000000u
/* Tries to read counter and clock with nothing in between. */
#define READS 4u

static uint64_t
ticks_of(const struct hmi_tsc *tsc, uint64_t ns)
{
	return (uint64_t)(((hmi_uint128)ns << 32) / tsc->ns_per_tick);
}

void
hmi_tsc_init(struct hmi_tsc *tsc, uint64_t ticks, uint64_t monotonic_ns, uint64_t hz)
{
	tsc->base_ticks = tsc->look_ticks = ticks;
	tsc->base_ns = tsc->look_ns = monotonic_ns;
	tsc->ns_per_tick = (uint64_t)(((hmi_uint128)1000000000u << 32) / hz);
	tsc->interval_ns = INTERVAL_NS_FIRST;
	tsc->correct_ticks = ticks + ticks_of(tsc, INTERVAL_NS_FIRST);
}

/*
 * The rate between two comparisons. One that differs by a quarter from that before is no rate: the
 * machine was suspended, or moved to another one, and the counter has jumped.
 */
static uint64_t
rate_of(const struct hmi_tsc *tsc, uint64_t ticks, uint64_t ns)
{
	hmi_uint128 rate = ticks != 0 ? ((hmi_uint128)ns << 32) / ticks : 0;
	uint64_t before = tsc->ns_per_tick;

	return rate > before - before / 4 && rate < before + before / 4 ? (uint64_t)rate : before;
}

void
hmi_tsc_correct(struct hmi_tsc *tsc, uint64_t ticks, uint64_t monotonic_ns, uint64_t seen_ns)
{
	uint64_t rate = rate_of(tsc, ticks - tsc->look_ticks, monotonic_ns - tsc->look_ns);

	tsc->interval_ns = RTE_MIN(tsc->interval_ns * 2, INTERVAL_NS_MAX);
	tsc->look_ticks = tsc->base_ticks = ticks;
	tsc->look_ns = monotonic_ns;
	tsc->base_ns = RTE_MAX(monotonic_ns, seen_ns);
	if (seen_ns > monotonic_ns) {
		uint64_t ahead_ns = RTE_MIN(seen_ns - monotonic_ns, tsc->interval_ns / 2);

		tsc->ns_per_tick =
			(uint64_t)((hmi_uint128)rate * (tsc->interval_ns - ahead_ns) / tsc->interval_ns);
	} else {
		tsc->ns_per_tick = rate;
	}
	tsc->correct_ticks = ticks + (uint64_t)(((hmi_uint128)tsc->interval_ns << 32) / rate);
}

void
hmi_tsc_read_pair(uint64_t *ticks, uint64_t *monotonic_ns)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < READS; i++) {
		uint64_t before = rte_rdtsc(), after;
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		after = rte_rdtsc();
		if (after - before >= best)
			continue;
		best = after - before;
		*ticks = before + best / 2;
		*monotonic_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	}
}
