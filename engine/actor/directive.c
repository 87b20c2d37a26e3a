/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What supervisors have decided is sent to their children: to the one that has failed, and to its siblings by the scope.
 *
 *     directive ─▶ the child
 *              └─▶ spread: records, and siblings on other lcores ─▶ siblings on this one      a portion in each turn
 *
 * An actor may have millions of children. While a spread is under way its actor handles system messages, but reports of other
 * failures wait, and so do user messages: what was decided is carried out in order. Children that are spawned meanwhile are
 * not among those for whom it was decided. A stop or a restart of the actor itself takes its place: then all children stop.
 */
#include <stdlib.h>

#include "actor_pvt.h"
#include "directive_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "child_record_pvt.h"

static struct hmi_spread *
spread_of(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->spread : NULL;
}

static void
directive_post(struct hm_ctx *ctx, struct hm_pid child, uint16_t type)
{
	hmi_control_post(ctx, child, hm_pid_none(), type);
	(void)hmi_worker_steps(&ctx->worker, 1);
}

/* ---- A portion ---------------------------------------------------------------------------- */

static void
delay_cancel(struct hm_ctx *ctx, struct hmi_record *record)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &record->timer);
	record->delayed = false;
}

static void
escalated_resume(struct hm_ctx *ctx, struct hmi_record *record)
{
	if (!record->escalated)
		return;
	record->escalated = false;
	directive_post(ctx, record->link.pid, HMI_SYS_RESUME);
}

static void
record_visit(struct hm_ctx *ctx, const struct hmi_spread *spread, struct hmi_record *record)
{
	if (spread->kind == HMI_SPREAD_RESUME) {
		escalated_resume(ctx, record);
		return;
	}
	if (spread->scope == HM_REST_FOR_ONE && record->serial <= spread->serial)
		return;
	/* Others that wait for a restart of their own have it now. */
	if (spread->kind == HMI_SPREAD_RESTART)
		delay_cancel(ctx, record);
	if (spread->scope == HM_REST_FOR_ONE)
		directive_post(ctx, record->link.pid, spread->type);
}

static void
spread_visit(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_owned *owned)
{
	const struct hmi_spread *spread = spread_of(cell);

	if (owned->ops == &hmi_record_ops) {
		record_visit(ctx, spread, hmi_record_of(owned));
	} else if (spread->kind != HMI_SPREAD_RESUME && spread->scope == HM_ALL_FOR_ONE &&
		   hmi_child_is_link(owned)) {
		struct hm_pid child = ((const struct hmi_link *)owned)->pid;

		if (!hm_pid_equal(child, spread->failed))
			directive_post(ctx, child, spread->type);
	}
}

/* Returns whether the siblings of this lcore are done. */
static bool
ring_portion(struct hm_ctx *ctx, struct hmi_spread *spread)
{
	for (uint32_t n = 0; n < HMI_SYSTEM_PORTION; n++) {
		struct hmi_cell *child = hmi_children_walk(ctx, &spread->ring);

		if (child == NULL)
			return true;
		if (!hm_pid_equal(hmi_pid_of(ctx, child), spread->failed))
			directive_post(ctx, hmi_pid_of(ctx, child), spread->type);
	}
	return spread->ring.next == 0;
}

/* Returns whether all is sent. */
static bool
portion(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_spread *spread = spread_of(cell);

	/* First what the actor owns: until then what it gets would be among it. */
	if (!spread->owned_done) {
		spread->owned_done = hmi_owned_walk(ctx, cell, spread_visit);
		return spread->owned_done && spread->ring.next == 0;
	}
	return ring_portion(ctx, spread);
}

/* ---- From the first portion to the last ------------------------------------------------------ */

/* Without memory to go on later all is one step. */
static void
spread_begin(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_spread *fresh)
{
	struct hmi_extra *extra = cell->actor.extra;
	struct hmi_spread *kept = extra->spread;

	if (kept != NULL) {
		/* Reports wait, of which this is the first. */
		fresh->reports = kept->reports;
		fresh->resumes = kept->resumes;
		*kept = *fresh;
		kept->is_under_way = !portion(ctx, cell);
		return;
	}
	extra->spread = fresh;
	if (!portion(ctx, cell)) {
		kept = malloc(sizeof(*kept));
		if (kept != NULL) {
			*kept = *fresh;
			kept->is_under_way = true;
			cell->pending |= HMI_PENDING_STOPS;
		} else {
			while (!portion(ctx, cell))
				;
		}
	}
	extra->spread = kept;
}

/* To the siblings of one that has failed. */
static void
siblings_begin(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_record *failed,
	       enum hmi_spread_kind kind, uint16_t type)
{
	struct hmi_spread spread = {
		.kind = kind,
		.scope = hmi_strategy_of(cell)->scope,
		.type = type,
		.serial = failed->serial,
		.failed = failed->link.pid,
	};

	if (spread.scope == HM_ONE_FOR_ONE)
		return;
	if (spread.scope == HM_ALL_FOR_ONE)
		hmi_children_walk_begin(ctx, cell, &spread.ring);
	spread_begin(ctx, cell, &spread);
}

void
hmi_directive_stop(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_record *failed)
{
	directive_post(ctx, failed->link.pid, HMI_SYS_STOP_FAILED);
	siblings_begin(ctx, cell, failed, HMI_SPREAD_STOP, HM_SYS_STOP);
}

void
hmi_directive_restart(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *failed)
{
	delay_cancel(ctx, failed);
	directive_post(ctx, failed->link.pid, HMI_SYS_RESTART);
	siblings_begin(ctx, cell, failed, HMI_SPREAD_RESTART, HMI_SYS_RESTART_ALL);
}

void
hmi_directive_resume(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_spread spread = { .kind = HMI_SPREAD_RESUME };

	cell->actor.extra->has_escalated = false;
	if (cell->actor.extra->spread != NULL)
		cell->actor.extra->spread->resumes = true;
	else
		spread_begin(ctx, cell, &spread);
}

bool
hmi_directive_defer(struct hmi_cell *cell, struct hm_msg *report)
{
	struct hmi_spread *spread = spread_of(cell);

	if (spread == NULL)
		return false;
	hmi_fifo_push(&spread->reports, report);
	return true;
}

/* What waits for the end of a spread, until another one is under way. Returns whether nothing is left. */
static bool
deferred_handle(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_spread *spread)
{
	struct hm_msg *report;

	if (spread->resumes) {
		struct hmi_spread resume = { .kind = HMI_SPREAD_RESUME };

		spread->resumes = false;
		spread_begin(ctx, cell, &resume);
	}
	while (!spread->is_under_way && (report = hmi_fifo_pop(&spread->reports)) != NULL) {
		hmi_supervise_now(ctx, cell, report);
		if (hmi_worker_steps(&ctx->worker, 1))
			break;
	}
	return !spread->is_under_way && !spread->resumes && spread->reports.head == NULL;
}

void
hmi_directive_advance(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_spread *spread = spread_of(cell);

	if (spread->is_under_way) {
		if (!portion(ctx, cell))
			return;
		spread->is_under_way = false;
	}
	if (deferred_handle(ctx, cell, spread))
		hmi_directive_end(ctx, cell);
}

void
hmi_directive_end(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_spread *spread = spread_of(cell);
	struct hm_msg *report;

	if (spread == NULL)
		return;
	if (spread->is_under_way && !spread->owned_done)
		hmi_owned_walk_end(ctx, cell);
	while ((report = hmi_fifo_pop(&spread->reports)) != NULL)
		hmi_msg_release(&ctx->cache, report);
	free(spread);
	cell->actor.extra->spread = NULL;
	cell->pending &= (uint8_t)~HMI_PENDING_STOPS;
}
