/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How actors come to be: on the spawning lcore at once, on another one in a slot that it has
 * granted before (grant.c), so that the PID is known at once there as well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "engine_pvt.h"
#include "counter_pvt.h"

#define STATE_FIRST 64u

/* ---- State ------------------------------------------------------------------- */

static unsigned int
state_class(size_t bytes)
{
	unsigned int c = 0;

	while (((size_t)STATE_FIRST << c) < bytes)
		c++;
	return c;
}

static int
state_alloc(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	unsigned int c = state_class(props->state_size);

	cell->is_small = props->state_size <= HMI_STATE_INLINE;
	if (cell->is_small) {
		cell->actor.state = cell->actor.small;
	} else if (c < HMI_STATE_CLASSES) {
		cell->actor.state = hmi_slab_get(&ctx->states[c]);
		if (cell->actor.state != NULL)
			memset(cell->actor.state, 0, props->state_size);
	} else {
		cell->actor.state = calloc(1, props->state_size);
	}
	if (cell->actor.state == NULL)
		return -ENOMEM;
	if (props->args_size > 0 && args != NULL)
		memcpy(cell->actor.state, args, props->args_size);
	return 0;
}

void
hmi_state_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	size_t bytes = cell->actor.props->state_size;
	unsigned int c = state_class(bytes);

	if (bytes <= HMI_STATE_INLINE)
		return;
	if (c < HMI_STATE_CLASSES)
		hmi_slab_put(&ctx->states[c], cell->actor.state);
	else
		free(cell->actor.state);
}

/* ---- On the actor's lcore ---------------------------------------------------- */

/* A taken cell becomes an actor, and runs in the next turn. */
static int
actor_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	if (hmi_runq_reserve(&ctx->worker.runq, ctx->cells.live) != 0 ||
	    state_alloc(ctx, cell, props, args) != 0)
		return -ENOMEM;
	cell->kind = HMI_CELL_ACTOR;
	hmi_cell_set_life(cell, HMI_LIFE_NEW);
	cell->receive = props->receive;
	cell->actor.props = props;
	hmi_count(&ctx->stats.spawned, 1);
	hmi_schedule(ctx, cell);
	return 0;
}

static void
cell_give_up(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->kind = HMI_CELL_GRANTED;
	hmi_cells_put(&ctx->cells, cell);
}

void
hmi_spawn_granted(struct hm_ctx *ctx, const struct hmi_spawn *spawn)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, spawn->local);
	struct hm_pid self = hmi_pid_of(ctx, cell), parent = { ctx->node, spawn->parent };

	cell->actor.parent = spawn->parent;
	cell->actor.name = spawn->name;
	hmi_grant_used(ctx, hmi_local_lcore(spawn->parent));
	if (actor_make(ctx, cell, spawn->props, spawn->args) == 0)
		return;
	/* The spawner has the PID already: to it, the actor failed at once. */
	hmi_name_remove(&ctx->sys->names, spawn->name);
	hmi_mailbox_bury(ctx, cell, HM_DEAD_NO_MEMORY);
	cell_give_up(ctx, cell);
	hmi_terminated_post(ctx, parent, self, HM_TERMINATED_FAILED);
}

/* ---- On the spawning lcore ---------------------------------------------------- */

static int
props_check(const struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args)
{
	if (props == NULL || props->receive == NULL || props->args_size > props->state_size ||
	    (props->args_size > 0 && args == NULL) ||
	    sizeof(struct hmi_spawn) + props->args_size > HM_MSG_BODY_MAX)
		return -EINVAL;
	if (props->lcore != HM_LCORE_SAME && props->lcore != HM_LCORE_ANY &&
	    props->lcore >= ctx->worker.lcores_count)
		return -EINVAL;
	return name != NULL ? hmi_name_check(name) : 0;
}

static int
name_reserve(struct hm_ctx *ctx, const char *name, struct hm_pid pid, struct hmi_name **entry)
{
	const struct hmi_name *parent = ctx->cell->actor.name;
	char anonymous[32];

	*entry = NULL;
	if (name == NULL)
		return 0;
	/* An anonymous parent has a place, if no name. */
	snprintf(anonymous, sizeof(anonymous), "/$%u.%u.%u", hmi_index(ctx), ctx->cell->slot,
		 ctx->cell->generation);
	return hmi_name_add(&ctx->sys->names, parent != NULL ? parent->path : anonymous, name, pid, entry);
}

static int
child_link(struct hm_ctx *ctx, struct hm_pid pid)
{
	struct hmi_link *link = hmi_link_new(&ctx->links);

	if (link == NULL)
		return -ENOMEM;
	link->pid = pid;
	link->kind = HMI_LINK_CHILD;
	hmi_link_add(&ctx->links, ctx->cell, link);
	ctx->cell->actor.children++;
	return 0;
}

static void
child_unlink(struct hm_ctx *ctx, struct hm_pid pid)
{
	hmi_link_drop(&ctx->links, ctx->cell, HMI_LINK_CHILD, pid);
	ctx->cell->actor.children--;
}

static int
spawn_here(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
	   struct hm_pid *pid)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);
	int rc;

	if (cell == NULL)
		return -ENOMEM;
	*pid = hmi_pid_of(ctx, cell);
	rc = name_reserve(ctx, name, *pid, &cell->actor.name);
	if (rc == 0) {
		cell->actor.parent = hmi_pid_of(ctx, ctx->cell).local;
		rc = child_link(ctx, *pid);
		if (rc == 0) {
			rc = actor_make(ctx, cell, props, args);
			if (rc != 0)
				child_unlink(ctx, *pid);
		}
		if (rc != 0)
			hmi_name_remove(&ctx->sys->names, cell->actor.name);
	}
	if (rc != 0)
		cell_give_up(ctx, cell);
	return rc;
}

static int
spawn_there(struct hm_ctx *ctx, uint32_t lcore, const struct hm_props *props, const char *name,
	    const void *args, struct hm_pid *pid)
{
	struct hmi_stock *stock = &ctx->stock[lcore];
	struct hm_pid core = { ctx->node, hmi_local(lcore, HMI_SLOT_CORE, 1) };
	struct hmi_name *entry;
	int rc = hmi_stock_ready(ctx, lcore);

	if (rc != 0)
		return rc;
	*pid = (struct hm_pid){ ctx->node, stock->locals[stock->count - 1] };
	rc = name_reserve(ctx, name, *pid, &entry);
	if (rc != 0)
		return rc;
	rc = child_link(ctx, *pid);
	if (rc != 0) {
		hmi_name_remove(&ctx->sys->names, entry);
		return rc;
	}
	stock->count--;

	struct hm_msg *msg =
		hmi_control(&ctx->cache, HMI_CORE_SPAWN, sizeof(struct hmi_spawn) + props->args_size);
	struct hmi_spawn *spawn = hm_msg_body_mut(msg);

	spawn->props = props;
	spawn->name = entry;
	spawn->local = pid->local;
	spawn->parent = hmi_pid_of(ctx, ctx->cell).local;
	if (props->args_size > 0)
		memcpy(spawn->args, args, props->args_size);
	(void)hmi_post(ctx, core, msg);
	return 0;
}

int
hm_spawn(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
	 struct hm_pid *pid)
{
	struct hm_pid spawned;
	uint32_t lcore;
	int rc = props_check(ctx, props, name, args);

	if (rc != 0)
		return rc;
	if (ctx->cell->actor.life == HMI_LIFE_STOPPING)
		return -ESHUTDOWN;
	lcore = props->lcore;
	if (lcore == HM_LCORE_SAME)
		lcore = hmi_index(ctx);
	else if (lcore == HM_LCORE_ANY)
		lcore = ctx->deal++ % ctx->worker.lcores_count;
	rc = lcore == hmi_index(ctx) ? spawn_here(ctx, props, name, args, &spawned)
				     : spawn_there(ctx, lcore, props, name, args, &spawned);
	if (rc == 0 && pid != NULL)
		*pid = spawned;
	return rc;
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

/* ---- Set-up -------------------------------------------------------------------- */

/* It only waits for its children: whatever else comes was meant for somebody else. */
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

static const struct hm_props guardian_props = { .receive = guardian_receive, .lcore = HM_LCORE_SAME };

/* The guardian and /deadLetters, which live on lcore 0. */
static int
root_setup(struct hm_ctx *ctx)
{
	struct hm_system *sys = ctx->sys;
	struct hmi_cell *user = hmi_cells_get(&ctx->cells), *dead = hmi_cells_get(&ctx->cells);
	struct hmi_name *entry;
	int rc;

	if (user == NULL || dead == NULL)
		return -ENOMEM;
	dead->kind = HMI_CELL_DEAD_LETTERS;
	sys->user = hmi_pid_of(ctx, user);
	sys->dead_letters = hmi_pid_of(ctx, dead);
	rc = actor_make(ctx, user, &guardian_props, NULL);
	if (rc == 0)
		rc = hmi_name_add(&sys->names, "", "user", sys->user, &user->actor.name);
	return rc == 0 ? hmi_name_add(&sys->names, "", "deadLetters", sys->dead_letters, &entry) : rc;
}

int
hmi_spawn_setup(struct hm_ctx *ctx)
{
	struct hmi_cell *core = hmi_cells_get(&ctx->cells);

	if (core == NULL)
		return -ENOMEM;
	core->kind = HMI_CELL_CORE;
	return hmi_index(ctx) == 0 ? root_setup(ctx) : 0;
}
