/* SPDX-License-Identifier: Apache-2.0 */
#include "deadline_pvt.h"

/* So many looks have to find less than half of that until the interval doubles. */
#define FAST_LOOKS 8u

/* Set the interval by what `steps` steps have taken, scaled to a whole interval. */
static void
interval_adapt(struct hmi_deadline *d, uint32_t steps, uint64_t ticks, uint64_t look_ticks)
{
	uint64_t found = ticks * d->steps, wanted = look_ticks * steps;

	if (unlikely(found > wanted)) {
		d->fast_looks = 0;
		d->steps = found > 8 * wanted || d->steps == 1 ? 1 : d->steps / 2;
	} else if (unlikely(d->steps < d->steps_max)) {
		d->fast_looks = 2 * found > wanted ? 0 : d->fast_looks + 1;
		if (d->fast_looks == FAST_LOOKS) {
			d->fast_looks = 0;
			d->steps = 2 * d->steps < d->steps_max ? 2 * d->steps : d->steps_max;
		}
	}
}

bool
hmi_deadline_look(struct hmi_deadline *d, const struct hmi_clock *clock, uint32_t steps)
{
	uint64_t now = hmi_clock_ticks(clock);
	bool first = d->at_ticks == 0;

	if (first)
		d->at_ticks = now + hmi_clock_ticks_of_us(clock, d->limit_us);
	else if (steps > 0)
		interval_adapt(d, steps, now - d->looked_ticks, hmi_clock_ticks_of_us(clock, d->look_us));
	d->measure = first && (steps > 0 || d->measure) && !d->even;
	d->looked_ticks = now;
	d->expired = now >= d->at_ticks;
	/* A stage that has expired, and goes on all the same, reports it again. */
	d->steps_left = d->steps_set = d->expired || d->measure ? 1 : d->steps;
	return d->expired;
}
