/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Priorities of actors, which are the classes of the worker's runnables.
 */
#include "lcore_pvt.h"

__attribute__((noinline)) void
hmi_schedule_marked(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->scheduled |= HMI_SCHEDULED_QUEUED;
	hmi_queue(ctx, cell);
}

int
hmi_schedule_reserve(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t priority)
{
	uint32_t count = ctx->cells.live;

	switch (priority) {
	case HM_ACTOR_HIGH:
		cell->scheduled |= HMI_SCHEDULED_HIGH;
		return hmi_worker_class_reserve(&ctx->worker, HMI_CLASS_HIGH, count);
	case HM_ACTOR_LOW:
		cell->scheduled |= HMI_SCHEDULED_LOW;
		return hmi_worker_class_reserve(&ctx->worker, HMI_CLASS_LOW, count);
	default:
		return hmi_runq_reserve(&ctx->worker.runq, count);
	}
}
