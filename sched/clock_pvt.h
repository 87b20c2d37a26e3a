/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOCK_PVT_H
#define CLOCK_PVT_H

/*
 * Where a system's lcores take the time from: the CPU's time stamp counter (tsc_pvt.h), or a
 * function that a test or a simulation gives.
 *
 * Any number of threads may read it; it is constant while the system runs.
 */

#include <stdint.h>

#include <rte_cycles.h>

struct hmi_clock {
	uint64_t (*read)(void *arg); /* nanoseconds; NULL: the time stamp counter */
	void *arg;
	uint64_t ticks_per_us; /* of the counter, about */
};

static inline void
hmi_clock_init(struct hmi_clock *clock)
{
	clock->read = NULL;
	clock->arg = NULL;
	clock->ticks_per_us = rte_get_tsc_hz() / 1000000u;
}

/* The counter, for short spans of time; of a given clock its nanoseconds. */
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

/* Of ticks, however many. */
static inline uint64_t
hmi_clock_ns_of(const struct hmi_clock *clock, uint64_t ticks)
{
	uint64_t per_us = clock->ticks_per_us;

	return clock->read != NULL ? ticks : ticks / per_us * 1000u + ticks % per_us * 1000u / per_us;
}

#endif /* CLOCK_PVT_H */
