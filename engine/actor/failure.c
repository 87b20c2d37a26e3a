/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor fails: its function was left, by hm_fail or by a signal. What the call held is released, the actor is
 * suspended, and its parent is told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "flight_pvt.h"
#include "heat_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "recorder_pvt.h"

#define LOGGED_A_SECOND 5u
#define SECOND_NS       1000000000ull
/* "actor", PID and the longest path; and a line with that, a reason, and a type of a name that is not too long. */
#define ACTOR_BYTES (HM_PATH_MAX + HM_PID_TEXT_SIZE + 8u)
#define LINE_BYTES  (ACTOR_BYTES + HM_FAILURE_REASON_MAX + 256u)

/* ---- Within the handler of a signal -------------------------------------------------- */

static struct hm_ctx *
ctx_of(struct hmi_recovery *recovery)
{
	return hmi_ctx_of(container_of(recovery, struct hmi_worker, recovery));
}

/* As strsignal, which may take memory. */
static const char *
signal_name(int signal)
{
	switch (signal) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGFPE:
		return "SIGFPE";
	case SIGILL:
		return "SIGILL";
	default:
		return "SIGABRT";
	}
}

static void
trap_describe(const struct hmi_trap *trap, char text[HM_FAILURE_REASON_MAX])
{
	const char *what = trap->is_overflow ? ": stack overflow"
			   : trap->is_mapped ? ": access not allowed"
					     : "";

	if (trap->signal == SIGABRT)
		snprintf(text, HM_FAILURE_REASON_MAX, "SIGABRT: abort was called");
	else
		snprintf(text, HM_FAILURE_REASON_MAX, "%s%s at address %p", signal_name(trap->signal), what,
			 trap->address);
}

static void
actor_name(const struct hm_ctx *ctx, char *text, size_t bytes)
{
	const struct hmi_path *path;
	char pid[HM_PID_TEXT_SIZE];

	if (ctx->cell == NULL || !hmi_cell_is_actor(ctx->cell)) {
		snprintf(text, bytes, "%s",
			 ctx->event.subscription != NULL ? "a subscriber of events" : "no actor");
		return;
	}
	path = hmi_cell_path(ctx->cell);
	snprintf(text, bytes, "actor %s %s", hm_pid_format(hmi_pid_of(ctx, ctx->cell), pid),
		 path != NULL ? path->path : "(no name)");
}

static void
end_tell(const struct hm_ctx *ctx, const struct hmi_trap *trap, const char *why)
{
	/* Behind a call the message may be gone, which ctx->msg still names. */
	const struct hm_msg *msg = ctx->in_user ? ctx->msg : NULL;
	char line[LINE_BYTES], reason[HM_FAILURE_REASON_MAX], actor[ACTOR_BYTES];
	int length;

	trap_describe(trap, reason);
	actor_name(ctx, actor, sizeof(actor));
	length = snprintf(line, sizeof(line),
			  "hermod: lcore %u: %s in %s, message type %.100s; the process ends%s\n",
			  hmi_index(ctx), reason, actor,
			  msg != NULL ? hm_type_name(ctx->sys, msg->type) : "none", why);
	if (length > 0)
		(void)!write(STDERR_FILENO, line, strlen(line));
	hmi_recorder_write(ctx, STDERR_FILENO);
}

static bool
is_contained(const struct hm_ctx *ctx)
{
	/* Of no actor: a subscriber of an event that the loop publishes. */
	uint32_t faults = ctx->cell != NULL ? ctx->cell->actor.props->faults : HM_FAULTS_DEFAULT;

	return faults != HM_FAULTS_DEFAULT ? faults == HM_FAULTS_CONTAIN : ctx->sys->options.contain;
}

/* Whether a failure at that time would be logged. */
static bool
is_logged(const struct hm_ctx *ctx, uint64_t now_ns)
{
	return rte_log_can_log((uint32_t)ctx->sys->logtype, RTE_LOG_WARNING) &&
	       (ctx->stats.failed_logged < LOGGED_A_SECOND ||
		now_ns - ctx->stats.failed_window_ns > SECOND_NS);
}

static bool
contain(struct hmi_recovery *recovery)
{
	struct hm_ctx *ctx = ctx_of(recovery);

	if (!ctx->in_user || hmi_mark_is_set(ctx)) {
		end_tell(ctx, &recovery->trap, ", since the engine's own memory is broken");
		return false;
	}
	if (!is_contained(ctx)) {
		end_tell(ctx, &recovery->trap, ", as --faults or the actor's props say");
		return false;
	}
	/* The clock is not read here: it may be what the signal has interrupted. */
	recovery->wants_trace = is_logged(ctx, ctx->worker.now_ns);
	ctx->failure.signal = recovery->trap.signal;
	trap_describe(&recovery->trap, ctx->failure.reason);
	return true;
}

const struct hmi_recovery_ops hmi_failure_ops = { .contain = contain };

/* ---- The failing call ------------------------------------------------------------------ */

void
hm_fail(struct hm_ctx *ctx, const char *reason)
{
	struct hm_failure *failure = &ctx->failure;

	hmi_check_ctx(ctx, "hm_fail");
	if (!ctx->in_user)
		hmi_misuse("hm_fail", "no function of an actor runs");
	if (hmi_mark_is_set(ctx))
		hmi_misuse("hm_fail", "in the middle of another call of hermod");
	if (!hmi_recovery_is_current(&ctx->worker.recovery))
		hmi_misuse("hm_fail",
			   "the ctx of another thread, or of an actor that turns this one's system");
	failure->signal = 0;
	snprintf(failure->reason, sizeof(failure->reason), "%s", reason != NULL ? reason : "failed");
	hmi_recovery_throw(&ctx->worker.recovery);
}

/* The message that was being received. */
static void
received_release(struct hm_ctx *ctx)
{
	struct hm_msg *msg = ctx->msg;

	ctx->msg = NULL;
	if (msg == NULL || msg == ctx->lifecycle)
		return;
	if (msg->type < HM_TYPE_USER) {
		hmi_msg_release(&ctx->cache, msg);
		return;
	}
	/* It was counted when it was taken from the mailbox. */
	hmi_count(&ctx->received, (uint64_t)-1);
	hmi_dead_of(ctx, ctx->cell, msg, HM_DEAD_FAILED);
}

/* Before the message is gone. */
static void
observers_tell(struct hm_ctx *ctx, const struct hm_failure *failure)
{
	for (struct hmi_observer *o = ctx->observers; o != NULL; o = o->next) {
		if (o->ops->failed != NULL)
			o->ops->failed(ctx, o, failure);
	}
}

/* What the call was a part of. */
static void
owned_lose(struct hm_ctx *ctx)
{
	struct hmi_owned *owned = ctx->lost;

	ctx->lost = NULL;
	if (owned == NULL)
		return;
	hmi_owned_remove(owned);
	owned->ops->drop(ctx, ctx->cell, owned);
}

/* ---- The actor --------------------------------------------------------------------------- */

static void
failure_log(struct hm_ctx *ctx, const struct hm_failure *failure)
{
	struct hmi_stats *stats = &ctx->stats;
	char actor[ACTOR_BYTES];
	uint64_t now_ns = hmi_worker_clock(&ctx->worker);

	if (!is_logged(ctx, now_ns))
		return;
	if (now_ns - stats->failed_window_ns > SECOND_NS) {
		stats->failed_window_ns = now_ns;
		stats->failed_logged = 0;
	}
	stats->failed_logged++;
	actor_name(ctx, actor, sizeof(actor));
	rte_log(RTE_LOG_WARNING, (uint32_t)ctx->sys->logtype, "hermod: %s failed, message type %s: %s%s\n",
		actor, hm_type_name(ctx->sys, failure->type), failure->reason,
		stats->failed_logged == LOGGED_A_SECOND ? " (no more of these this second)" : "");
	if (failure->signal == 0)
		return;
	hmi_recorder_log(ctx);
	if (ctx->worker.recovery.trace.count > 0)
		hmi_failure_trace(ctx, failure->actor);
}

/* For watchers, if it is stopped. Without memory they get no text. */
static void
reason_keep(struct hm_ctx *ctx, struct hmi_cell *cell, const char *reason)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, cell);

	if (extra == NULL)
		return;
	if (extra->failure == NULL)
		extra->failure = hmi_slab_get(&ctx->failures);
	if (extra->failure != NULL)
		memcpy(extra->failure, reason, HM_FAILURE_REASON_MAX);
}

/* Nobody is left to decide. */
static void
root_fail(struct hm_ctx *ctx, const struct hm_failure *failure)
{
	char origin[HM_PID_TEXT_SIZE];

	rte_log(RTE_LOG_ERR, (uint32_t)ctx->sys->logtype,
		"hermod: the failure of %s was escalated beyond /user: the system stops: %s\n",
		hm_pid_format(failure->origin, origin), failure->reason);
	ctx->sys->parts->root_failed(ctx);
}

/* It waits for its supervisor's decision. */
static void
report(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_failure *failure)
{
	struct hm_pid parent = { ctx->node, cell->actor.parent };
	struct hm_msg *msg;

	if (parent.local == 0) {
		root_fail(ctx, failure);
		return;
	}
	msg = hmi_control(&ctx->cache, HMI_SYS_FAILURE, sizeof(*failure));

	memcpy(msg->body, failure, sizeof(*failure));
	cell->pending |= HMI_PENDING_FAILED;
	(void)hmi_post(ctx, parent, msg);
}

static void
actor_fail(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_failure *failure)
{
	reason_keep(ctx, cell, failure->reason);
	/* It goes on to stop or to restart, or stops next. */
	if ((cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END | HMI_PENDING_ASKED)) != 0) {
		if ((cell->pending & HMI_PENDING_STOP) == 0 || cell->reason != HMI_REASON_RESTART)
			cell->reason = HM_TERMINATED_FAILED;
		if (cell->actor.extra != NULL && (cell->pending & HMI_PENDING_STOP) != 0)
			cell->actor.extra->stop_failed = cell->reason == HM_TERMINATED_FAILED;
	} else if ((cell->pending & HMI_PENDING_FAILED) == 0) {
		/* Else its supervisor decides already. */
		report(ctx, cell, failure);
	}
}

void
hmi_actor_failed(struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_cell *cell = ctx->cell;
	struct hm_failure failure = ctx->failure;

	ctx->in_user = 0;
	hmi_sending_end(ctx);
	if (unlikely(ctx->event.subscription != NULL))
		ctx->sys->parts->event_failed(ctx);
	if (cell == NULL)
		return;
	hmi_count(&ctx->received, ctx->handled);
	hmi_count(&ctx->stats.failed, 1);
	failure.actor = failure.origin = hmi_pid_of(ctx, cell);
	failure.type = ctx->msg != NULL ? ctx->msg->type : HM_TYPE_NONE;
	hmi_flight_note(ctx, cell, HM_EVENT_FAILS, failure.type);
	failure_log(ctx, &failure);
	observers_tell(ctx, &failure);
	hmi_made_release(ctx);
	owned_lose(ctx);
	received_release(ctx);
	hmi_box_forget(cell);
	actor_fail(ctx, cell, &failure);
	hmi_unschedule(cell);
	if (hmi_actor_has_work(cell))
		hmi_schedule(ctx, cell);
	hmi_heat_failed(ctx);
	ctx->cell = NULL;
}

void
hmi_actor_escalate(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_failure *failure)
{
	struct hm_failure own = *failure;

	hmi_count(&ctx->stats.failed, 1);
	own.actor = hmi_pid_of(ctx, cell);
	own.failures = 0;
	actor_fail(ctx, cell, &own);
}
