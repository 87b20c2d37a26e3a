/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that a system starts with: the guardians, /temp, /deadLetters, /eventStream, and the lcores' own.
 *
 *     /  ─┬─ /user         what the program spawns
 *         ├─ /system       what the engine and modules spawn
 *         ├─ /temp         no actor; paths of actors without a name that have named children
 *         ├─ /deadLetters  no actor
 *         └─ /eventStream  no actor: event/publish.c
 *
 * Guardians stop in this order: /user, /system, / (shutdown.c). When / has ended, all have, and so may the lcores.
 */
#include <errno.h>

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "event_pvt.h"
#include "receive_pvt.h"
#include "lcore_setup_pvt.h"
#include "shutdown_pvt.h"

/* ---- Guardians -------------------------------------------------------------------- */

/* They only wait for their children: all other messages are dead letters. */
static bool
guardian_refuse(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct hm_msg *mine = ctx->msg;

	if (hm_msg_type(msg) <= HM_TERMINATED)
		return false;
	hmi_received_take(ctx);
	hmi_count(&ctx->received, (uint64_t)-1);
	hmi_dead(ctx, mine, HM_DEAD_GUARDIAN);
	return true;
}

static void
guardian_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	(void)guardian_refuse(ctx, msg);
}

/* That of a program's first actor, with which it ends. */
static void
user_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_terminated *terminated = hm_msg_body(msg);

	(void)state;
	if (guardian_refuse(ctx, msg) || hm_msg_type(msg) != HM_TERMINATED ||
	    !hm_pid_equal(terminated->who, ctx->sys->first))
		return;
	if (terminated->reason == HM_TERMINATED_FAILED)
		ctx->sys->has_failed = true;
	hm_system_stop(ctx->sys);
}

/* It also leads the stop. */
static void
root_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (!guardian_refuse(ctx, msg) && hm_msg_type(msg) == HM_TERMINATED)
		hmi_shutdown_terminated(ctx, ((const struct hm_terminated *)hm_msg_body(msg))->who);
}

static const struct hm_props system_props = { .receive = guardian_receive };
/* A failure of /user: nobody is left to decide. */
static const struct hm_supervisor root_supervisor = { .directive = HM_DIRECTIVE_ESCALATE };
static const struct hm_props root_props = { .receive = root_receive, .supervisor = &root_supervisor };

int
hmi_spawn_under(struct hm_ctx *ctx, struct hm_pid guardian, const struct hm_spawning *child,
		struct hm_pid *pid)
{
	struct hmi_cell *outer = ctx->cell;
	int rc;

	ctx->cell = hmi_cell_live(ctx, guardian.local);
	rc = ctx->cell != NULL ? hmi_spawn(ctx, child, pid) : -ESHUTDOWN;
	ctx->cell = outer;
	return rc;
}

void
hmi_stop_system_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	(void)msg;
	hmi_shutdown_ask(ctx);
}

/* ---- /temp, /deadLetters ------------------------------------------------------------ */

static void
temp_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	(void)cell;
	hmi_dead(ctx, msg, HM_DEAD_GUARDIAN);
}

static void
dead_letters_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	(void)cell;
	hmi_dead(ctx, msg, HM_DEAD_SENT_THERE);
}

static const struct hmi_process_ops temp_ops = { .deliver = temp_deliver, .system = temp_deliver };

static const struct hmi_process_ops dead_letters_ops = {
	.deliver = dead_letters_deliver,
	.system = dead_letters_deliver,
};

/* ---- Set-up ---------------------------------------------------------------------- */

/* Make a guardian in a taken slot, as a child of another one, or as the root. */
static int
guardian_make(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_cell *parent,
	      const struct hm_props *props, const char *name)
{
	struct hm_pid self = hmi_pid_of(ctx, cell);
	int rc = hmi_actor_make(ctx, cell, props, NULL);

	if (rc == 0 && hmi_extra_get(&ctx->extras, cell) == NULL)
		rc = -ENOMEM;
	if (rc != 0)
		return rc;
	hmi_count(&ctx->stats.spawned, 1);
	ctx->gone++;
	if (parent != NULL) {
		cell->actor.parent = hmi_pid_of(ctx, parent).local;
		ctx->cell = parent;
		rc = hmi_child_add(ctx, self);
		ctx->cell = NULL;
	}
	hmi_actor_start(ctx, cell);
	return rc == 0 ? hmi_path_add(&ctx->sys->paths, parent != NULL ? hmi_cell_path(parent) : NULL, name,
				      self, &cell->actor.extra->path)
		       : rc;
}

/* A process that is no actor; its path is never given back. */
static int
process_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_process_ops *ops, const char *name,
	     struct hmi_path **entry)
{
	struct hmi_path *root = hmi_cell_path(hmi_cells_at(&ctx->cells, ctx->sys->root.local));

	cell->ops = ops;
	return hmi_path_add(&ctx->sys->paths, root, name, hmi_pid_of(ctx, cell), entry);
}

/* The guardians and their like, which live on lcore 0, in the order of their slots. */
static int
root_setup(struct hm_ctx *ctx)
{
	struct hmi_cell *cells[HMI_SLOT_EVENT_STREAM + 1];
	struct hm_system *sys = ctx->sys;
	struct hmi_path *unused;
	int rc;

	for (uint32_t slot = HMI_SLOT_USER; slot <= HMI_SLOT_EVENT_STREAM; slot++) {
		cells[slot] = hmi_cells_get(&ctx->cells);
		if (cells[slot] == NULL)
			return -ENOMEM;
	}
	sys->guardian.receive = user_receive;
	sys->root = hmi_pid_of(ctx, cells[HMI_SLOT_ROOT]);
	sys->user = hmi_pid_of(ctx, cells[HMI_SLOT_USER]);
	sys->system = hmi_pid_of(ctx, cells[HMI_SLOT_SYSTEM]);
	sys->temp = hmi_pid_of(ctx, cells[HMI_SLOT_TEMP]);
	sys->dead_letters = hmi_pid_of(ctx, cells[HMI_SLOT_DEAD_LETTERS]);
	sys->event_stream = hmi_pid_of(ctx, cells[HMI_SLOT_EVENT_STREAM]);
	rc = guardian_make(ctx, cells[HMI_SLOT_ROOT], NULL, &root_props, "");
	if (rc == 0)
		rc = guardian_make(ctx, cells[HMI_SLOT_USER], cells[HMI_SLOT_ROOT], &sys->guardian, "user");
	if (rc == 0)
		rc = guardian_make(ctx, cells[HMI_SLOT_SYSTEM], cells[HMI_SLOT_ROOT], &system_props,
				   "system");
	if (rc == 0)
		rc = process_make(ctx, cells[HMI_SLOT_TEMP], &temp_ops, "temp", &sys->temp_path);
	if (rc == 0)
		rc = process_make(ctx, cells[HMI_SLOT_DEAD_LETTERS], &dead_letters_ops, "deadLetters",
				  &unused);
	return rc == 0 ? process_make(ctx, cells[HMI_SLOT_EVENT_STREAM], &hmi_event_stream_ops, "eventStream",
				      &unused)
		       : rc;
}

int
hmi_root_setup(struct hm_ctx *ctx)
{
	struct hmi_cell *process = hmi_cells_get(&ctx->cells);

	if (process == NULL)
		return -ENOMEM;
	process->ops = &hmi_lcore_process_ops;
	return hmi_index(ctx) == 0 ? root_setup(ctx) : 0;
}
