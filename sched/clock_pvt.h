/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOCK_PVT_H
#define CLOCK_PVT_H

/*
 * The clock of an lcore: nanoseconds since the system's start, from the CPU's time stamp
 * counter, or from a function that a test or a simulation gives.
 *
 * Any number of threads may read one clock; it is constant while the system runs.
 */

#include <stdint.h>

#include <rte_cycles.h>

__extension__ typedef unsigned __int128 hmi_uint128;

struct hmi_clock {
	uint64_t start;       /* time stamp counter at the system's start */
	uint64_t ns_per_tick; /* 32.32 fixed point */
	uint64_t ticks_per_us;
	uint64_t (*read)(void *arg); /* NULL: the time stamp counter */
	void *arg;
};

static inline void
hmi_clock_init(struct hmi_clock *clock)
{
	clock->start = rte_rdtsc();
	clock->ns_per_tick = (uint64_t)(((hmi_uint128)1000000000u << 32) / rte_get_tsc_hz());
	clock->ticks_per_us = rte_get_tsc_hz() / 1000000u;
	clock->read = NULL;
	clock->arg = NULL;
}

static inline uint64_t
hmi_clock_ns(const struct hmi_clock *clock)
{
	if (__builtin_expect(clock->read != NULL, 0))
		return clock->read(clock->arg);
	return (uint64_t)(((hmi_uint128)(rte_rdtsc() - clock->start) * clock->ns_per_tick) >> 32);
}

/* The counter behind the clock, which is cheaper to read; of a given clock its nanoseconds. */
static inline uint64_t
hmi_clock_ticks(const struct hmi_clock *clock)
{
	return __builtin_expect(clock->read != NULL, 0) ? clock->read(clock->arg) : rte_rdtsc();
}

static inline uint64_t
hmi_clock_ticks_of_us(const struct hmi_clock *clock, uint32_t us)
{
	return us * (clock->read != NULL ? 1000u : clock->ticks_per_us);
}

#endif /* CLOCK_PVT_H */
