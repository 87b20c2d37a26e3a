/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_log.h>

#include "ask_pvt.h"
#include "lcore_setup_pvt.h"
#include "post_pvt.h"
#include "shutdown_pvt.h"

/* Behind the report of what has not stopped, for all lcores to write theirs. */
#define FORCE_DELAY_US UINT64_C(100000)

static void phases_go_on(struct hm_ctx *ctx);

#define SHUTDOWN_LOG(ctx, level, ...) \
	rte_log(RTE_LOG_##level, (uint32_t)(ctx)->sys->logtype, "hermod: stop: " __VA_ARGS__)

static struct hmi_shutdown *
shutdown_of(struct hm_ctx *ctx)
{
	return &ctx->sys->shutdown;
}

static bool
is_alive(struct hm_ctx *ctx, struct hm_pid guardian)
{
	return hmi_cell_live(ctx, guardian.local) != NULL;
}

/* Have a function called in a turn of the guardian, when a time is up. */
static void
deadline_set(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *fn, uint64_t number)
{
	if (hmi_future_own(ctx, timeout_us, fn, (void *)(uintptr_t)number) == NULL)
		SHUTDOWN_LOG(ctx, WARNING, "no slot is left to keep a time; it waits without\n");
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

struct runner {
	hm_shutdown_fn *run;
	void *arg;
};

static void
runner_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct runner *runner = state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	/* Asked for before, so that a function which fails ends the task as well. */
	hm_stop(ctx, hm_self(ctx));
	runner->run(ctx, runner->arg);
}

static const struct hm_props runner_props = { .receive = runner_receive,
					      .state_size = sizeof(struct runner),
					      .args_size = sizeof(struct runner) };

/* An actor under /system for the task, with the task's name if it is free. */
static int
task_spawn(struct hm_ctx *ctx, struct hmi_task *t)
{
	struct runner runner = { t->task.run, t->task.arg };
	struct hm_spawning child = { .props = t->task.spawn, .name = t->name, .args = t->task.args };
	int rc;

	if (t->task.run != NULL)
		child = (struct hm_spawning){ .props = &runner_props, .name = t->name, .args = &runner };
	rc = hmi_spawn_under(ctx, ctx->sys->system, &child, &t->actor);
	if (rc == -EEXIST) {
		child.name = NULL;
		rc = hmi_spawn_under(ctx, ctx->sys->system, &child, &t->actor);
	}
	return rc;
}

static void
task_expired(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *number)
{
	struct hmi_task **at = &shutdown_of(ctx)->running, *t;
	char pid[HM_PID_TEXT_SIZE];

	(void)state;
	(void)result;
	(void)reply;
	while (*at != NULL && (*at)->id != (uint64_t)(uintptr_t)number)
		at = &(*at)->next;
	t = *at;
	if (t == NULL)
		return;
	SHUTDOWN_LOG(ctx, WARNING, "task %s of phase %s has not ended in its time, actor %s; going on\n",
		     t->name, hm_shutdown_phase_name(t->task.phase), hm_pid_format(t->actor, pid));
	hmi_stuck_log(ctx);
	hmi_stop_report(ctx, t->actor);
	*at = t->next;
	free(t);
	phases_go_on(ctx);
}

/* To be told of the task's end. Nobody waits for the guardian that runs this, "/". */
static int
task_watch(struct hm_ctx *ctx, const struct hmi_task *t)
{
	enum hm_result result = hm_watch(ctx, t->actor);

	if (result == HM_OK)
		return 0;
	return result == HM_NO_RECEIVER ? -EINVAL : -ENOMEM;
}

/* Returns 0 or a negative errno: it cannot be done, and is left out. */
static int
task_begin(struct hm_ctx *ctx, struct hmi_task *t, uint64_t timeout_us)
{
	int rc = 0;

	t->actor = t->task.poison;
	if (hm_pid_is_none(t->actor))
		rc = task_spawn(ctx, t);
	if (rc == 0)
		rc = task_watch(ctx, t);
	if (!hm_pid_is_none(t->task.poison) && rc != -EINVAL)
		(void)hm_poison(ctx, t->actor);
	if (rc == 0)
		deadline_set(ctx, t->task.timeout_us != 0 ? t->task.timeout_us : timeout_us, task_expired,
			     t->id);
	return rc;
}

static void
tasks_begin(struct hm_ctx *ctx, struct hmi_task *list, uint64_t timeout_us)
{
	struct hmi_shutdown *shutdown = shutdown_of(ctx);
	struct hmi_task *t, **end = &shutdown->running;

	while ((t = list) != NULL) {
		int rc = task_begin(ctx, t, timeout_us);

		list = t->next;
		t->next = NULL;
		if (rc == 0) {
			*end = t;
			end = &t->next;
			continue;
		}
		SHUTDOWN_LOG(ctx, WARNING, "task %s of phase %s cannot begin: %s\n", t->name,
			     hm_shutdown_phase_name(t->task.phase), rte_strerror(-rc));
		free(t);
	}
}

/* ---- Phases ---------------------------------------------------------------------------------- */

/* The guardian whose actors stop in a phase; nobody: none. */
static struct hm_pid
guardian_of(const struct hm_system *sys, enum hm_shutdown_phase phase)
{
	if (phase == HM_SHUTDOWN_ACTORS)
		return sys->user;
	return phase == HM_SHUTDOWN_SYSTEM ? sys->system : hm_pid_none();
}

static void
guardian_late(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *number)
{
	struct hmi_shutdown *shutdown = shutdown_of(ctx);
	enum hm_shutdown_phase phase = (enum hm_shutdown_phase)(uintptr_t)number;
	struct hm_pid guardian = guardian_of(ctx->sys, phase);

	(void)state;
	(void)result;
	(void)reply;
	if (shutdown->phase != phase || !is_alive(ctx, guardian))
		return;
	SHUTDOWN_LOG(ctx, WARNING, "actors have not stopped in the time of phase %s; still waiting\n",
		     hm_shutdown_phase_name(phase));
	hmi_stuck_log(ctx);
	hmi_stop_report(ctx, guardian);
	hmi_turns_note(ctx);
	deadline_set(ctx, shutdown->phase_timeout_us, guardian_late, phase);
}

/* Stop the guardian of the phase. Returns whether there is one to wait for. */
static bool
guardian_stop(struct hm_ctx *ctx)
{
	struct hmi_shutdown *shutdown = shutdown_of(ctx);
	struct hm_pid guardian = guardian_of(ctx->sys, shutdown->phase);

	if (hm_pid_is_none(guardian) || !is_alive(ctx, guardian))
		return false;
	if (shutdown->guardians_stopped > (uint32_t)shutdown->phase)
		return true;
	shutdown->guardians_stopped = (uint32_t)shutdown->phase + 1;
	hm_stop(ctx, guardian);
	deadline_set(ctx, shutdown->phase_timeout_us, guardian_late, shutdown->phase);
	return true;
}

static void
phase_begin(struct hm_ctx *ctx, enum hm_shutdown_phase phase)
{
	struct hmi_shutdown *shutdown = shutdown_of(ctx);
	struct hmi_task *tasks = hmi_tasks_take(ctx->sys, phase, &shutdown->phase_timeout_us);

	shutdown->phase = phase;
	hmi_turns_note(ctx);
	tasks_begin(ctx, tasks, shutdown->phase_timeout_us);
}

/* Whatever has ended: go as far as there is nothing to wait for. */
static void
phases_go_on(struct hm_ctx *ctx)
{
	struct hmi_shutdown *shutdown = shutdown_of(ctx);

	while (shutdown->running == NULL && !guardian_stop(ctx)) {
		if (shutdown->phase + 1 == HM_SHUTDOWN_PHASES) {
			hm_stop(ctx, ctx->sys->root);
			return;
		}
		phase_begin(ctx, shutdown->phase + 1);
	}
}

/* ---- Begin and end ------------------------------------------------------------------------------ */

static void
force(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	hmi_stop_force(ctx->sys);
}

static void
stop_expired(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	SHUTDOWN_LOG(ctx, WARNING, "not within %" PRIu64 " ms (--stop-timeout-ms), in phase %s; forced\n",
		     ctx->sys->options.stop_timeout_ms, hm_shutdown_phase_name(shutdown_of(ctx)->phase));
	hmi_stuck_log(ctx);
	hmi_stop_report(ctx, ctx->sys->root);
	deadline_set(ctx, FORCE_DELAY_US, force, 0);
}

static void
begin(struct hm_ctx *ctx)
{
	uint64_t timeout_ms = ctx->sys->options.stop_timeout_ms;

	if (shutdown_of(ctx)->has_begun)
		return;
	shutdown_of(ctx)->has_begun = true;
	atomic_store_explicit(&ctx->sys->stop_asked, true, memory_order_relaxed);
	if (timeout_ms != 0)
		deadline_set(ctx, timeout_ms * 1000, stop_expired, 0);
	phase_begin(ctx, HM_SHUTDOWN_BEFORE);
	phases_go_on(ctx);
}

static void
begin_resume(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	begin(ctx);
}

void
hmi_shutdown_ask(struct hm_ctx *ctx)
{
	struct hmi_cell *outer = ctx->cell, *root = hmi_cell_live(ctx, ctx->sys->root.local), *future;

	if (root == NULL || shutdown_of(ctx)->is_asked)
		return;
	shutdown_of(ctx)->is_asked = true;
	ctx->cell = root;
	future = hmi_future_own(ctx, UINT64_MAX, begin_resume, NULL);
	if (future != NULL)
		hmi_future_fail(ctx, future, HM_FUTURE_TIMEOUT);
	ctx->cell = outer;
	/* Rather without phases than not at all. */
	if (future == NULL)
		hmi_control_post(ctx, ctx->sys->root, hm_pid_none(), HM_SYS_STOP);
}

static bool
is_guardian_child(const struct hm_system *sys, struct hm_pid who)
{
	return hm_pid_equal(who, sys->user) || hm_pid_equal(who, sys->system);
}

void
hmi_shutdown_terminated(struct hm_ctx *ctx, struct hm_pid who)
{
	struct hmi_task **at = &shutdown_of(ctx)->running, *t;

	/* Several tasks may be of one actor. */
	while ((t = *at) != NULL) {
		if (!hm_pid_equal(t->actor, who)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		free(t);
	}
	/* Whoever stops a guardian stops the system. */
	if (shutdown_of(ctx)->has_begun)
		phases_go_on(ctx);
	else if (is_guardian_child(ctx->sys, who))
		begin(ctx);
}
