/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEADLINE_PVT_H
#define DEADLINE_PVT_H

/*
 * The time limit of one stage of a turn.
 *
 *     begin ─▶ start ─▶ step, step, step ─▶ look at the clock ─▶ step, step, step ─▶ look ─▶ expired
 *
 * A step is the smallest piece of work that cannot be divided, such as one call of a receive
 * function. Reading the time stamp counter takes as long as some short steps (up to 35 ns on
 * virtual machines), so it is read only every `steps_max` steps. When steps turn out to be
 * slow it is read more often, at last after each one. The interval is kept from stage to stage, and
 * grows only slowly again: among fast steps, a slow one is found when it is done.
 *
 * Limits: a stage exceeds its time by one step; by steps_max of them, once, where steps
 *         turn from fast to slow.
 *
 * Owned by one lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include "clock_pvt.h"

/* A steps_max by which looking costs little, and one slow step after many fast ones harms little. */
#define HMI_DEADLINE_STEPS 64u

/* So long it may take from one look at the clock to the next, if nothing else is wanted. */
#define HMI_DEADLINE_LOOK_US 4u

struct hmi_deadline {
	uint32_t steps_left; /* until the clock is read again ... */
	uint32_t steps_set;  /* ... of so many */
	bool expired;
	bool measure;        /* how long the next step takes: the last look had no time to compare with */
	bool even;           /* steps are alike, and none needs to be measured by itself */
	uint32_t steps_max;  /* between two looks at the clock, at most ... */
	uint32_t steps;      /* ... and by what steps have cost */
	uint32_t fast_looks; /* in a row that found less work than there could have been */
	uint32_t limit_us;
	uint32_t look_us;      /* from one look at the clock to the next */
	uint64_t at_ticks;     /* 0: the clock has not been read in this stage */
	uint64_t looked_ticks; /* when it was read last */
};

static inline void
hmi_deadline_init(struct hmi_deadline *deadline, uint32_t steps_max)
{
	*deadline = (struct hmi_deadline){ .steps_left = steps_max,
					   .steps_set = steps_max,
					   .steps_max = steps_max,
					   .steps = steps_max,
					   .look_us = HMI_DEADLINE_LOOK_US };
}

/* Whether the clock is read often, since steps are slow. */
static inline bool
hmi_deadline_is_tight(const struct hmi_deadline *deadline)
{
	return deadline->steps < deadline->steps_max;
}

/* Read the clock after `steps` steps. Returns whether the stage's time is used up. */
bool hmi_deadline_look(struct hmi_deadline *deadline, const struct hmi_clock *clock, uint32_t steps);

/* A stage begins that may take `limit_us` microseconds. */
static inline void
hmi_deadline_begin(struct hmi_deadline *deadline, uint32_t limit_us)
{
	deadline->limit_us = limit_us;
	deadline->expired = false;
	deadline->at_ticks = 0;
}

/*
 * The stage has something to do: its time starts. A stage that has nothing to do must not look at the
 * clock, or an lcore that polls would do little else. Fast steps start the time at the first look: until
 * then they take next to none.
 */
static inline void
hmi_deadline_start(struct hmi_deadline *deadline, const struct hmi_clock *clock)
{
	if (unlikely((hmi_deadline_is_tight(deadline) || deadline->measure) && deadline->at_ticks == 0))
		(void)hmi_deadline_look(deadline, clock, 0);
}

/* Some steps are done. Returns whether the stage has to end. */
static inline bool
hmi_deadline_step(struct hmi_deadline *deadline, const struct hmi_clock *clock, uint32_t steps)
{
	if (likely(steps < deadline->steps_left)) {
		deadline->steps_left -= steps;
		return false;
	}
	return hmi_deadline_look(deadline, clock, deadline->steps_set - deadline->steps_left + steps);
}

#endif /* DEADLINE_PVT_H */
