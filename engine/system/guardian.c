/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that a system starts with: the guardian /user, /deadLetters, and the lcores' own.
 */
#include <errno.h>

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "lcore_setup_pvt.h"
#include "post_pvt.h"

/* ---- /user ---------------------------------------------------------------------- */

/* It only waits for its children: all other messages are dead letters. */
static void
guardian_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_msg *mine = ctx->msg;

	(void)state;
	if (hm_msg_type(msg) <= HM_TERMINATED)
		return;
	ctx->msg = NULL;
	hmi_count(&ctx->stats.received, (uint64_t)-1);
	hmi_dead(ctx, mine, HM_DEAD_GUARDIAN);
}

int
hmi_spawn_user(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
	       struct hm_pid *pid)
{
	struct hmi_cell *outer = ctx->cell;
	int rc;

	ctx->cell = hmi_cell_live(ctx, ctx->sys->user.local);
	rc = ctx->cell != NULL ? hm_spawn(ctx, props, name, args, pid) : -ESHUTDOWN;
	ctx->cell = outer;
	return rc;
}

void
hmi_guardian_stop(struct hm_ctx *ctx)
{
	if (hmi_cell_live(ctx, ctx->sys->user.local) != NULL)
		hmi_control_post(ctx, ctx->sys->user, hm_pid_none(), HM_SYS_STOP);
}

void
hmi_stop_system_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	(void)msg;
	hmi_guardian_stop(ctx);
}

/* ---- /deadLetters ------------------------------------------------------------------ */

static void
dead_letters_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	(void)cell;
	hmi_dead(ctx, msg, HM_DEAD_SENT_THERE);
}

static const struct hmi_process_ops dead_letters_ops = {
	.deliver = dead_letters_deliver,
	.system = dead_letters_deliver,
};

/* ---- Set-up ---------------------------------------------------------------------- */

static int
guardian_setup(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_system *sys = ctx->sys;
	int rc;

	sys->user = hmi_pid_of(ctx, cell);
	sys->guardian.receive = guardian_receive;
	rc = hmi_actor_make(ctx, cell, &sys->guardian, NULL);
	if (rc != 0)
		return rc;
	hmi_count(&ctx->stats.spawned, 1);
	hmi_schedule(ctx, cell);
	if (hmi_extra_get(&ctx->extras, cell) == NULL)
		return -ENOMEM;
	return hmi_path_add(&sys->paths, "", "user", sys->user, &cell->actor.extra->path);
}

/* The guardian and /deadLetters, which live on lcore 0. */
static int
root_setup(struct hm_ctx *ctx)
{
	struct hm_system *sys = ctx->sys;
	struct hmi_cell *user = hmi_cells_get(&ctx->cells), *dead = hmi_cells_get(&ctx->cells);
	struct hmi_path *path;
	int rc;

	if (user == NULL || dead == NULL)
		return -ENOMEM;
	dead->ops = &dead_letters_ops;
	sys->dead_letters = hmi_pid_of(ctx, dead);
	rc = guardian_setup(ctx, user);
	return rc == 0 ? hmi_path_add(&sys->paths, "", "deadLetters", sys->dead_letters, &path) : rc;
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
