/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a router comes to be, and how it ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "deploy_pvt.h"
#include "hm_balance.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "router_pvt.h"
#include "type_pvt.h"

int
hmi_router_types_add(struct hmi_types *types)
{
	static const struct hm_type own[] = {
		{ .id = HM_ROUTER_ADD, .name = "router's add", .size = sizeof(struct hm_routee) },
		{ .id = HM_ROUTER_REMOVE, .name = "router's remove", .size = sizeof(struct hm_routee) },
		{ .id = HM_ROUTER_ADJUST,
		  .name = "router's adjust",
		  .size = sizeof(struct hm_router_change) },
		{ .id = HM_ROUTER_DONE, .name = "router's answer", .size = sizeof(struct hm_router_done) },
		{ .id = HM_ROUTER_LIST, .name = "router's list" },
		{ .id = HM_ROUTEES, .name = "routees", .size = sizeof(struct hm_routees) },
		{ .id = HMI_ROUTER_FILL, .name = "router's fill" },
		{ .id = HMI_ROUTER_LEAVE, .name = "router's leave", .size = sizeof(struct hm_routee) },
		{ .id = HMI_ROUTER_RESIZE, .name = "router's resize" },
		{ .id = HMI_ROUTER_POISON, .name = "router's poison" },
	};
	int rc = 0;

	_Static_assert(RTE_DIM(own) == HMI_ROUTER_TYPES_END - HM_TYPE_RESERVED, "all of them");
	for (size_t i = 0; rc == 0 && i < RTE_DIM(own); i++)
		rc = hmi_type_add_own(types, &own[i]);
	return rc;
}

/* ---- What is asked for ---------------------------------------------------------------- */

static bool
group_is_valid(const struct hm_router *config)
{
	if ((config->size > 0) != (config->routees != NULL))
		return false;
	for (uint32_t i = 0; i < config->size; i++) {
		if (hm_pid_is_none(config->routees[i]))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (hm_pid_equal(config->routees[i], config->routees[j]))
				return false;
		}
	}
	return config->args == NULL && config->supervisor == NULL && config->resizer == NULL;
}

static bool
hash_is_valid(const struct hm_router *config)
{
	if (config->kind != HM_ROUTER_HASH)
		return config->key == NULL && config->virtual_nodes == 0 && config->bound == 0;
	if (config->bound != 0 &&
	    (config->bound < HM_ROUTER_BOUND_MIN || config->bound > HM_ROUTER_BOUND_MAX))
		return false;
	return config->key != NULL && config->virtual_nodes <= HM_VIRTUAL_NODES_MAX;
}

/* What is of some kinds alone. */
static bool
others_are_valid(const struct hm_router *config)
{
	bool answers = config->kind == HM_ROUTER_FIRST || config->kind == HM_ROUTER_TAIL_CHOPPING;

	return (config->queue == 0 || config->kind == HM_ROUTER_BALANCING) &&
	       (config->within_us == 0 || answers) &&
	       (config->interval_us == 0 || config->kind == HM_ROUTER_TAIL_CHOPPING);
}

static int
pool_check(const struct hm_ctx *ctx, const struct hm_router *config)
{
	struct hm_spawning child = { .props = config->props, .args = config->args };

	if (config->size == 0 || config->routees != NULL || !hmi_supervisor_is_valid(config->supervisor) ||
	    !hmi_resizer_is_valid(config->resizer, config->size))
		return -EINVAL;
	/* Each has its number for a key. */
	child.has_key = config->props->lcore == HM_LCORE_KEY;
	return hmi_child_check(ctx, &child);
}

static int
config_check(const struct hm_ctx *ctx, const struct hm_router *config)
{
	if (config == NULL || config->kind >= HM_ROUTER_KINDS || config->size > HM_ROUTEES_MAX ||
	    !hash_is_valid(config) || !others_are_valid(config))
		return -EINVAL;
	if (config->props != NULL)
		return pool_check(ctx, config);
	return group_is_valid(config) ? 0 : -EINVAL;
}

/* The actor's own are part of the router, which ends before its cell does; from then on these are what it was made of. */
static const struct hm_props end_props = {
	.receive = hmi_router_receive,
	.state_size = sizeof(struct hmi_router *),
	.args_size = sizeof(struct hmi_router *),
};

/* ---- Its structure ---------------------------------------------------------------------- */

void
hmi_router_free(struct hmi_router *router)
{
	free((void *)(uintptr_t)router->config.args);
	free(router->sent);
	free(router->deployed);
	free(router->members);
	free(router);
}

static int
args_copy(struct hmi_router *router, const struct hm_router *config)
{
	size_t bytes = config->props != NULL ? config->props->args_size : 0;
	void *args = NULL;

	if (bytes > 0) {
		args = malloc(bytes);
		if (args == NULL)
			return -ENOMEM;
		memcpy(args, config->args, bytes);
	}
	router->config.args = args;
	return 0;
}

static int
routees_copy(struct hmi_router *router, const struct hm_router *config)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && config->props == NULL && i < config->size; i++)
		rc = hmi_router_member_add(router, config->routees[i], false);
	return rc;
}

static void
defaults_set(struct hm_router *config)
{
	if (config->virtual_nodes == 0)
		config->virtual_nodes = HM_VIRTUAL_NODES;
	if (config->queue == 0)
		config->queue = HM_ROUTER_QUEUE;
	if (config->within_us == 0)
		config->within_us = HM_ROUTER_WITHIN_US;
	if (config->interval_us == 0)
		config->interval_us = HM_ROUTER_INTERVAL_US;
}

/* Each lcore begins at another routee. */
static int
lcores_init(struct hmi_router *router, uint32_t lcores)
{
	bool looks = hmi_router_looks(&router->config);

	if (looks)
		router->sent = calloc((size_t)lcores * HM_ROUTEES_MAX, sizeof(router->sent[0]));
	for (uint32_t i = 0; i < lcores; i++) {
		router->lcores[i].next = i;
		router->lcores[i].sent = looks ? router->sent + (size_t)i * HM_ROUTEES_MAX : NULL;
	}
	return !looks || router->sent != NULL ? 0 : -ENOMEM;
}

static struct hmi_router *
router_new(const struct hm_ctx *ctx, const struct hm_router *config, const char *name)
{
	uint32_t lcores = ctx->sys->lcores_count;
	struct hmi_router *router;
	size_t bytes = sizeof(*router) + lcores * sizeof(router->lcores[0]);

	router = aligned_alloc(_Alignof(struct hmi_router), bytes);
	if (router == NULL)
		return NULL;
	memset(router, 0, bytes);
	router->config = *config;
	router->config.args = NULL;
	router->config.routees = NULL;
	if (config->resizer != NULL)
		hmi_resizer_copy(&router->resizer, config->resizer);
	router->config.resizer = NULL;
	defaults_set(&router->config);
	router->wanted = config->props != NULL ? config->size : 0;
	router->is_named = name != NULL;
	router->props = end_props;
	router->props.supervisor = config->supervisor;
	router->props.balance = HM_BALANCE_STAY;
	if (lcores_init(router, lcores) != 0 || args_copy(router, config) != 0 ||
	    routees_copy(router, config) != 0) {
		hmi_router_free(router);
		return NULL;
	}
	return router;
}

/* ---- Its actor ---------------------------------------------------------------------------- */

static void
router_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_router *router = container_of(owned, struct hmi_router, owned);

	owner->actor.props = &end_props;
	hmi_full_remove(&ctx->sys->full, router->local);
	(void)hmi_router_pull_drop(ctx, router, HM_DEAD_STOPPED);
	hmi_router_unpublish(router);
}

/* It does not move: its slot says where it is. */
static const struct hmi_owned_ops owned_ops = {
	.drop = router_drop,
	.outlives_restart = true,
};

static int
actor_spawn(struct hm_ctx *ctx, struct hmi_router *router, const char *name, struct hm_pid *pid)
{
	struct hm_spawning child = { .props = &router->props, .name = name, .args = &router };
	int rc;

	if (!hmi_cells_lend(&ctx->cells))
		return -ENOSPC;
	rc = hmi_spawn_as(ctx, &child, HMI_SPAWN_ROUTER, pid);
	if (rc != 0)
		hmi_cells_unlend(&ctx->cells);
	return rc;
}

/* The actor is there, and nothing fails any more. All that comes for it is looked at by its deliver function. */
static void
actor_adopt(struct hm_ctx *ctx, struct hmi_router *router, struct hmi_cell *cell)
{
	uint32_t slot = hmi_slot_of(ctx, cell) % HMI_CELLS_ROUTERS;

	cell->limit = 0;
	hmi_middleware_maintain(cell);
	router->local = hmi_pid_of(ctx, cell).local;
	router->place = &ctx->sys->routers[hmi_index(ctx) * HMI_CELLS_ROUTERS + slot];
	hmi_owned_add(&cell->actor.owned, &router->owned, &owned_ops);
}

/* A pool's routees are its children. What is missing is made later. */
static void
routees_make(struct hm_ctx *ctx, struct hmi_router *router, struct hmi_cell *cell)
{
	struct hmi_cell *outer = ctx->cell;

	ctx->cell = cell;
	(void)hmi_router_fill(ctx, router);
	ctx->cell = outer;
}

/* The table is made first, so that nothing fails once the actor is there. */
static int
spawn(struct hm_ctx *ctx, const struct hm_router *config, const char *name, struct hm_pid *pid)
{
	struct hmi_router *router = router_new(ctx, config, name);
	struct hmi_router_table *table = router != NULL ? hmi_router_table_new(router, config->size) : NULL;
	struct hmi_cell *cell;
	int rc = table != NULL ? actor_spawn(ctx, router, name, pid) : -ENOMEM;

	if (rc != 0) {
		free(table);
		if (router != NULL)
			hmi_router_free(router);
		return rc;
	}
	cell = hmi_cells_at(&ctx->cells, pid->local);
	actor_adopt(ctx, router, cell);
	routees_make(ctx, router, cell);
	hmi_router_table_use(router, table, router->count);
	return 0;
}

/* ---- Deployment settings ------------------------------------------------------------------ */

/* What other kinds have is not for this one. */
static void
kind_set(struct hm_router *config, uint32_t kind)
{
	bool answers = kind == HM_ROUTER_FIRST || kind == HM_ROUTER_TAIL_CHOPPING;

	if (config->kind == kind)
		return;
	config->kind = kind;
	config->key = NULL;
	config->key_arg = NULL;
	config->virtual_nodes = config->bound = config->queue = 0;
	if (!answers)
		config->within_us = 0;
	config->interval_us = 0;
}

/*
 * What is set for a router's path: the strategy is the router's, for its routees; the other members of props are theirs. Those
 * have the strategy for their own children that the program has given them.
 */
static void
deployed_apply(struct hm_router *config, struct hmi_deployed *deployed, const struct hm_props *props)
{
	if (deployed->router != 0)
		kind_set(config, deployed->router - 1);
	if (props == NULL)
		return;
	if (deployed->props.supervisor == &deployed->supervisor)
		config->supervisor = &deployed->supervisor;
	deployed->props.supervisor = props->supervisor;
	config->props = &deployed->props;
	if (deployed->router_size != 0)
		config->size = deployed->router_size;
}

/* Settings of a router that a program spawns itself. A group has none but its kind. Returns 0 or -ENOMEM. */
static int
settings_find(struct hm_ctx *ctx, struct hm_router *config, const char *name, struct hmi_deployed **deployed)
{
	static const struct hm_props none = { 0 };
	const struct hm_props *props = config->props;
	char path[HM_PATH_MAX];
	int rc = 0;

	*deployed = NULL;
	if (ctx->sys->deploy == NULL || name == NULL || hmi_name_check(name) != 0)
		return 0;
	if (hmi_child_path(ctx, name, path))
		rc = hmi_deploy_props(ctx->sys, path, props != NULL ? props : &none, deployed);
	if (*deployed != NULL)
		deployed_apply(config, *deployed, props);
	return rc;
}

/* Takes `deployed` over if it succeeds. */
static int
spawn_as(struct hm_ctx *ctx, const struct hm_router *config, const char *name, struct hmi_deployed *deployed,
	 struct hm_pid *pid)
{
	int rc = config_check(ctx, config);

	if (rc == 0)
		rc = spawn(ctx, config, name, pid);
	if (rc == 0)
		hmi_router_table(ctx->sys, pid->local)->router->deployed = deployed;
	return rc;
}

int
hmi_router_deploy(struct hm_ctx *ctx, const struct hm_spawning *child, struct hmi_deployed *deployed,
		  struct hm_pid *pid)
{
	struct hm_router config = { .size = HM_ROUTER_SIZE, .args = child->args };

	deployed_apply(&config, deployed, child->props);
	return spawn_as(ctx, &config, child->name, deployed, pid);
}

int
hmi_router_spawn(struct hm_ctx *ctx, const struct hm_router *config, const char *name, struct hm_pid *pid)
{
	struct hmi_deployed *deployed;
	struct hm_pid spawned;
	struct hm_router set;
	int rc = config_check(ctx, config);

	if (rc != 0)
		return rc;
	hmi_memory_touch_out(pid, sizeof(*pid));
	set = *config;
	HMI_MARKED(ctx);
	rc = settings_find(ctx, &set, name, &deployed);
	if (rc == 0)
		rc = spawn_as(ctx, &set, name, deployed, &spawned);
	if (rc != 0)
		free(deployed);
	else if (pid != NULL)
		*pid = spawned;
	return rc;
}

int
hm_router_spawn(struct hm_ctx *ctx, const struct hm_router *router, const char *name, struct hm_pid *pid)
{
	if (ctx == NULL)
		return -EINVAL;
	hmi_check_ctx(ctx, "hm_router_spawn");
	return hmi_router_spawn(ctx, router, name, pid);
}

bool
hmi_routers_shut_down(struct hm_ctx *ctx)
{
	const _Atomic(struct hmi_router_table *) *places =
		&ctx->sys->routers[hmi_index(ctx) * HMI_CELLS_ROUTERS];
	bool any = false;

	for (uint32_t i = 0; i < HMI_CELLS_ROUTERS; i++) {
		struct hmi_router_table *table = atomic_load_explicit(&places[i], memory_order_relaxed);

		if (table != NULL)
			any |= hmi_router_pull_drop(ctx, table->router, HM_DEAD_SHUTDOWN);
	}
	return any;
}

void
hmi_routers_free(struct hm_ctx *ctx)
{
	_Atomic(struct hmi_router_table *) *places = &ctx->sys->routers[hmi_index(ctx) * HMI_CELLS_ROUTERS];

	for (uint32_t i = 0; i < HMI_CELLS_ROUTERS; i++) {
		struct hmi_router_table *table = atomic_load_explicit(&places[i], memory_order_relaxed);

		if (table == NULL)
			continue;
		hmi_router_free(table->router);
		free(table);
	}
}
