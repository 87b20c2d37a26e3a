/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors with a quantum of their own, hm_props.quantum and hm_props.quantum_us: their turns are shorter than the
 * worker's steps say.
 */
#include "turn_pvt.h"

#include <errno.h>

#include "quantum_pvt.h"

static const struct hm_props *
props_of(const struct hmi_cell *cell)
{
	return cell->actor.props;
}

int
hmi_quantum_make_own(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	const struct hm_props *props = props_of(cell);
	struct hmi_extra *extra;

	cell->scheduled |= HMI_SCHEDULED_QUANTUM;
	if (props->quantum_us == 0)
		return 0;
	extra = hmi_extra_get(&ctx->extras, cell);
	if (extra == NULL)
		return -ENOMEM;
	extra->quantum_steps = HMI_QUANTUM_STEPS_FIRST;
	return 0;
}

uint32_t
hmi_quantum_begin(struct hm_ctx *ctx, const struct hmi_cell *cell, uint32_t portion)
{
	const struct hm_props *props = props_of(cell);

	if (props->quantum != 0)
		portion = RTE_MIN(portion, props->quantum);
	if (props->quantum_us == 0)
		return portion;
	ctx->quantum_ticks = hmi_clock_ticks(ctx->worker.clock);
	return RTE_MIN(portion, cell->actor.extra->quantum_steps);
}

void
hmi_quantum_end(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	const struct hm_props *props = props_of(cell);
	const struct hmi_clock *clock = ctx->worker.clock;
	struct hmi_extra *extra = cell->actor.extra;

	if (props->quantum_us == 0 || ctx->handled == 0)
		return;
	extra->quantum_steps = (uint8_t)hmi_quantum_next(extra->quantum_steps, ctx->handled,
							 hmi_clock_ticks(clock) - ctx->quantum_ticks,
							 hmi_clock_ticks_of_us(clock, props->quantum_us),
							 HMI_DEADLINE_STEPS);
}

_Static_assert(HM_QUANTUM_MAX == HMI_DEADLINE_STEPS,
	       "the worker takes no more steps between two looks at its clock");
