/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor begins anew, or goes on, after a failure.
 *
 *     HM_RESTARTING ─▶ children stop ─▶ timers, futures are dropped ─▶ fresh state ─▶ HM_STARTED
 *
 * PID, mailbox, watchers and watches stay. While it waits for its children, the messages in its mailbox are looked
 * through for notifications of their end; the others are kept aside, in order.
 */
#include "actor_pvt.h"
#include "box_pvt.h"
#include "counter_pvt.h"
#include "event_queue_pvt.h"
#include "directive_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "receive_pvt.h"
#include "state_pvt.h"

void
hmi_actor_restart_undo(struct hmi_cell *cell)
{
	if (cell->actor.extra != NULL)
		hmi_fifo_prepend(&cell->box, &cell->actor.extra->kept);
}

static void
owned_restart(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_owned *owned)
{
	if (owned->ops->outlives_restart)
		return;
	hmi_owned_remove(owned);
	owned->ops->drop(ctx, cell, owned);
}

static void
extra_restart(struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;

	cell->reason = HM_TERMINATED_STOPPED;
	if (extra == NULL)
		return;
	extra->restarts++;
	extra->has_escalated = false;
	/* As if it had failed in HM_STARTED. */
	if (extra->stops_failed)
		cell->reason = HM_TERMINATED_FAILED;
	extra->stops_failed = false;
}

void
hmi_actor_restart_advance(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t budget = HMI_SYSTEM_PORTION;

	if (!hmi_made_drop(ctx, cell, true, &budget) || !hmi_kept_drop(ctx, cell, HM_DEAD_FAILED, &budget) ||
	    !hmi_owned_walk(ctx, cell, owned_restart))
		return;
	hmi_actor_restart_undo(cell);
	hmi_box_refill(ctx, cell);
	hmi_stash_return(cell);
	hmi_behaviours_drop(ctx, cell);
	extra_restart(cell);
	hmi_state_reset(cell);
	*hmi_receive_of(cell) = cell->actor.props->receive;
	cell->pending &= (uint8_t) ~(HMI_PENDING_STOP | HMI_PENDING_FAILED);
	cell->pending |= HMI_PENDING_START;
	hmi_count(&ctx->stats.restarted, 1);
	hmi_event_lifecycle(ctx, cell, HM_LIFECYCLE_RESTARTED);
}

void
hmi_actor_restart(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if ((cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) != 0)
		return;
	/* Nowhere to keep its messages meanwhile. */
	if (cell->actor.children > 0 && hmi_extra_get(&ctx->extras, cell) == NULL) {
		hmi_actor_stop(ctx, cell, HM_TERMINATED_FAILED);
		return;
	}
	hmi_directive_end(ctx, cell);
	cell->pending |= HMI_PENDING_STOP | (cell->actor.children > 0 ? HMI_PENDING_STOPS : 0);
	cell->reason = HMI_REASON_RESTART;
	hmi_lifecycle_receive(ctx, cell, HM_RESTARTING);
	hmi_actor_stop_advance(ctx, cell);
}

void
hmi_actor_resume(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if ((cell->pending & HMI_PENDING_FAILED) == 0)
		return;
	cell->pending &= (uint8_t)~HMI_PENDING_FAILED;
	if (cell->actor.extra != NULL && cell->actor.extra->has_escalated)
		hmi_directive_resume(ctx, cell);
}
