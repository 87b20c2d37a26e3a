/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps a system from stopping: actors, named by their own lcores; and lcores that are stuck, named by
 * another one, or by a thread that waits for the stop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_log.h>

#include "actor_pvt.h"
#include "box_pvt.h"
#include "counter_pvt.h"
#include "forward_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "rcu_pvt.h"
#include "shutdown_pvt.h"

/* Actors that one report names, at most. */
#define REPORT_MAX 16u
/* So much later than lcore 0 does another thread force the stop, if lcore 0 has not turned for so long. */
#define SLACK_NS 2000000000u

#define REPORT_LOG(sys, ...) rte_log(RTE_LOG_WARNING, (uint32_t)(sys)->logtype, "hermod: stop: " __VA_ARGS__)

/* ---- Lcores that are stuck --------------------------------------------------------------------- */

static const char *
path_of(const struct hmi_cell *cell)
{
	return hmi_cell_path(cell) != NULL ? hmi_cell_path(cell)->path : "(no name)";
}

/*
 * The lcore writes these two as plain memory, but not while the receive function lasts: what is read here
 * is whole, and has been the same for long. If it returns just now, its next actor may be named; paths stay
 * until this has ended.
 */
void
hmi_stuck_describe(const struct hm_system *sys, struct hm_ctx *ctx, char text[HMI_STUCK_TEXT])
{
	_Atomic(struct hmi_cell *) *running = (void *)&ctx->cell;
	_Atomic(struct hm_msg *) *received = (void *)&ctx->msg;
	struct hmi_cell *cell = atomic_load_explicit(running, memory_order_relaxed);
	struct hm_msg *msg = atomic_load_explicit(received, memory_order_relaxed);
	char pid[HM_PID_TEXT_SIZE] = "no actor";
	const char *path = "";

	hmi_rcu_enter();
	if (cell != NULL && hmi_cell_is_actor(cell)) {
		hm_pid_format(hmi_pid_of(ctx, cell), pid);
		path = path_of(cell);
	}
	snprintf(text, HMI_STUCK_TEXT, "lcore %u is stuck in actor %s %s, message type %s", hmi_index(ctx),
		 pid, path, msg != NULL ? hm_type_name(sys, msg->type) : "unknown");
	hmi_rcu_leave();
}

static bool
is_asleep(struct hm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->worker.wake.asleep, memory_order_relaxed);
}

void
hmi_turns_note(struct hm_ctx *ctx)
{
	struct hm_system *sys = ctx->sys;

	if (sys->shutdown.turns == NULL)
		sys->shutdown.turns = calloc(sys->lcores_count, sizeof(sys->shutdown.turns[0]));
	for (uint32_t i = 0; sys->shutdown.turns != NULL && i < sys->lcores_count; i++)
		sys->shutdown.turns[i] = hmi_counted(&sys->lcores[i]->worker.turns);
}

void
hmi_stuck_log(struct hm_ctx *ctx)
{
	struct hm_system *sys = ctx->sys;
	char text[HMI_STUCK_TEXT];

	for (uint32_t i = 0; sys->shutdown.turns != NULL && i < sys->lcores_count; i++) {
		struct hm_ctx *other = sys->lcores[i];

		if (other == ctx || hmi_counted(&other->worker.turns) != sys->shutdown.turns[i] ||
		    is_asleep(other))
			continue;
		hmi_stuck_describe(sys, other, text);
		REPORT_LOG(sys, "%s\n", text);
	}
}

/* ---- Actors, by their lcores ---------------------------------------------------------------------- */

/* Body of HMI_COMMAND_STOP_REPORT. */
struct report {
	uint64_t actor; /* local part of its PID */
	uint32_t names; /* actors that may be named */
};

static void
report_post(struct hm_ctx *ctx, uint64_t actor, uint32_t names)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_COMMAND_STOP_REPORT, sizeof(struct report));

	*(struct report *)hm_msg_body_mut(msg) = (struct report){ actor, names };
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, hmi_local_lcore(actor)), msg);
}

void
hmi_stop_report(struct hm_ctx *ctx, struct hm_pid actor)
{
	if (actor.node == ctx->node && hm_pid_lcore(actor) < ctx->worker.lcores_count)
		report_post(ctx, actor.local, REPORT_MAX);
}

/* It waits for nobody else. */
static void
actor_log(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	const struct hm_msg *first;
	char pid[HM_PID_TEXT_SIZE];

	REPORT_LOG(ctx->sys, "actor %s %s has not stopped, %u messages wait for it\n",
		   hm_pid_format(hmi_pid_of(ctx, cell), pid), path_of(cell), hmi_actor_waiting(cell, &first));
}

/* The first children, which may name as many actors together. Returns whether there is any. */
static bool
children_report(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t names)
{
	uint32_t share = names > cell->actor.children ? names / cell->actor.children : 1, slot, left = names;

	for (slot = cell->actor.first_child; slot != 0 && left > 0; left -= share < left ? share : left) {
		report_post(ctx, hmi_pid_of(ctx, hmi_cells_slot(&ctx->cells, slot)).local, share);
		slot = hmi_cells_slot(&ctx->cells, slot)->actor.sibling_next;
		if (slot == cell->actor.first_child)
			slot = 0;
	}
	for (struct hmi_owned *owned = cell->actor.owned; owned != NULL && left > 0; owned = owned->next) {
		if (!hmi_child_is_link(owned))
			continue;
		report_post(ctx, ((const struct hmi_link *)owned)->pid.local, share);
		left -= share < left ? share : left;
	}
	return left < names;
}

void
hmi_stop_report_run(struct hm_ctx *ctx, const struct hm_msg *command)
{
	const struct report *report = hm_msg_body(command);
	struct hmi_cell *cell = hmi_cell_live(ctx, report->actor);

	if (cell != NULL && hmi_is_forwarder(cell))
		report_post(ctx, cell->route->target, report->names);
	if (cell == NULL || !hmi_cell_is_actor(cell))
		return;
	if (cell->actor.children == 0 || !children_report(ctx, cell, report->names))
		actor_log(ctx, cell);
}

/* ---- Threads that wait ------------------------------------------------------------------------------ */

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool
hmi_stop_watch(const struct hm_system *sys, struct hmi_stop_watch *watch)
{
	uint64_t now = now_ns(), turns = hmi_counted(&sys->lcores[0]->worker.turns);
	uint64_t timeout_ns = sys->options.stop_timeout_ms * 1000000u;
	char text[HMI_STUCK_TEXT];

	if (!atomic_load_explicit(&sys->stop_asked, memory_order_relaxed))
		return false;
	if (watch->asked_ns == 0)
		watch->asked_ns = now;
	if (watch->turned_ns == 0 || watch->turns != turns || is_asleep(sys->lcores[0])) {
		watch->turns = turns;
		watch->turned_ns = now;
	} else if (!watch->is_told && now - watch->turned_ns > sys->options.phase_timeout_ms * 1000000u) {
		watch->is_told = true;
		hmi_stuck_describe(sys, sys->lcores[0], text);
		REPORT_LOG(sys, "%s\n", text);
	}
	return timeout_ns != 0 && now - watch->asked_ns > timeout_ns + SLACK_NS &&
	       now - watch->turned_ns > SLACK_NS;
}

void
hmi_stop_force(struct hm_system *sys)
{
	atomic_store_explicit(&sys->forced, true, memory_order_relaxed);
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		hmi_worker_stop(&sys->lcores[i]->worker);
	hmi_offload_end(&sys->offload);
}
