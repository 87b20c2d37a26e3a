/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IDLE_PVT_H
#define IDLE_PVT_H

/*
 * Idle policies of one lcore. The loop tells how much work a turn did; idling is this file's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_idle.h"

struct hmi_idle {
	enum hm_idle policy;
	uint32_t empty_turns; /* in a row */
	uint32_t spin_turns;  /* adaptive: before pausing */
	uint32_t pause_turns; /* adaptive: before yielding */
	uint32_t sleep_ns;    /* next sleep */
};

/* `crowded`: there are more lcores than cores, so spinning only takes time from others. */
void hmi_idle_init(struct hmi_idle *idle, enum hm_idle policy, bool crowded);

/* A turn without work is over; `until_ns`: nanoseconds until the next timer. May sleep, RCU offline. */
void hmi_idle_wait(struct hmi_idle *idle, uint64_t until_ns);

/* A turn with work is over. */
static inline void
hmi_idle_reset(struct hmi_idle *idle)
{
	idle->empty_turns = 0;
}

#endif /* IDLE_PVT_H */
