/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The size that a pool should have, by what its routees have to do.
 */
#include "router_pvt.h"

#define PRESSURE    1u
#define GROW        20u
#define GROW_MAX    1000u
#define IDLE        30u
#define IDLE_MAX    99u
#define SHRINK      10u
#define SHRINK_MAX  100u
#define INTERVAL_US 100000u

bool
hmi_resizer_is_valid(const struct hm_resizer *resizer, uint32_t size)
{
	if (resizer == NULL)
		return true;
	return resizer->min > 0 && resizer->min <= size && size <= resizer->max &&
	       resizer->max <= HM_ROUTEES_MAX && resizer->grow <= GROW_MAX && resizer->idle <= IDLE_MAX &&
	       resizer->shrink <= SHRINK_MAX;
}

static uint32_t
or_usual(uint32_t value, uint32_t usual)
{
	return value != 0 ? value : usual;
}

void
hmi_resizer_copy(struct hm_resizer *to, const struct hm_resizer *from)
{
	*to = *from;
	to->pressure = or_usual(from->pressure, PRESSURE);
	to->grow = or_usual(from->grow, GROW);
	to->idle = or_usual(from->idle, IDLE);
	to->shrink = or_usual(from->shrink, SHRINK);
	if (to->interval_us == 0)
		to->interval_us = INTERVAL_US;
}

/* Of a balancing router messages wait at the router, not at its routees. */
static bool
is_busy(struct hm_ctx *ctx, const struct hmi_router *router, const struct hmi_router_member *member)
{
	uint32_t depth;

	if (router->config.kind == HM_ROUTER_BALANCING)
		return member->is_busy && router->queue.count >= router->resizer.pressure;
	depth = hmi_router_waiting(ctx, member->pid);
	return depth != HMI_DEPTH_UNKNOWN && depth >= router->resizer.pressure;
}

/* A percentage, rounded up. */
static uint32_t
part(uint32_t of, uint32_t percent)
{
	return (uint32_t)(((uint64_t)of * percent + 99) / 100);
}

uint32_t
hmi_router_resize(struct hm_ctx *ctx, const struct hmi_router *router)
{
	const struct hm_resizer *resizer = &router->resizer;
	uint32_t size = router->own, busy = 0;

	for (uint32_t i = 0; i < router->count; i++)
		busy += router->members[i].is_own && is_busy(ctx, router, &router->members[i]);
	/* Those that are missing come by themselves. */
	if (size != router->wanted)
		size = router->wanted;
	else if (busy == size)
		size += part(size, resizer->grow);
	else if ((uint64_t)busy * 100 < (uint64_t)size * resizer->idle)
		size -= part(size, resizer->shrink);
	return RTE_MIN(RTE_MAX(size, resizer->min), resizer->max);
}
