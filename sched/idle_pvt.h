/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IDLE_PVT_H
#define IDLE_PVT_H

/*
 * Idle policies of one lcore. The loop reports how much work a turn did; the policy decides how to idle.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_idle.h"

/* As long as this an lcore may sleep that nobody wakes: it polls a network, waits for room in a lane, or has no eventfd. */
#define HMI_IDLE_POLL_NS_MAX 100000u

/* What the loop does after a turn without work. */
enum hmi_idle_step {
	HMI_IDLE_TURN, /* the next turn */
	HMI_IDLE_PAUSE,
	HMI_IDLE_YIELD, /* the core, RCU offline */
	HMI_IDLE_SLEEP, /* until there is work */
};

struct hmi_idle {
	enum hm_idle policy;
	uint32_t empty_turns; /* in a row */
	uint32_t spin_turns;  /* adaptive: before pausing */
	uint32_t pause_turns; /* adaptive: before yielding */
	uint32_t poll_ns;     /* next sleep of an lcore that nobody wakes */
};

/* `crowded`: there are more lcores than cores, so spinning only takes time from others. */
void hmi_idle_init(struct hmi_idle *idle, enum hm_idle policy, bool crowded);

/* A turn without work is over; `until_ns`: nanoseconds until the next timer. */
enum hmi_idle_step hmi_idle_next(struct hmi_idle *idle, uint64_t until_ns);

/* How long an lcore sleeps that nobody wakes: longer each time. */
uint64_t hmi_idle_poll_ns(struct hmi_idle *idle, uint64_t until_ns);

/* Give the core away for the shortest time there is; RCU offline meanwhile. */
void hmi_idle_yield(void);

/* A turn with work is over. */
static inline void
hmi_idle_reset(struct hmi_idle *idle)
{
	idle->empty_turns = 0;
}

#endif /* IDLE_PVT_H */
