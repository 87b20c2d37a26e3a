/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How actors come to be: on the spawning lcore at once, on another one in a slot of that one which is held
 * in advance (slot_grant.c), so that the PID is known at once there as well.
 */
#include <errno.h>
#include <stdlib.h>

#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "event_queue_pvt.h"
#include "deploy_pvt.h"
#include "granted_pvt.h"
#include "hm_balance.h"
#include "hm_dispatch.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "placement_pvt.h"
#include "post_pvt.h"
#include "slot_grant_pvt.h"
#include "state_pvt.h"
#include "turn_pvt.h"

/* What the caller wants. */
struct wish {
	const struct hm_props *props;
	struct hmi_middleware *middleware; /* the child's, as soon as it is one; NULL: it has none */
	struct hmi_deployed *deployed;     /* the props, if they become the actor's own; else NULL */
	const char *name;
	const void *args;
	uint64_t key; /* for HM_LCORE_KEY */
	enum hmi_spawn_as as;
};

/* Body of HMI_COMMAND_SPAWN. */
struct spawn {
	const struct hm_props *props;
	struct hmi_path *path;
	struct hmi_middleware *middleware;
	uint64_t local, parent;
	uint64_t args[];
};

/* ---- On the actor's lcore ---------------------------------------------------- */

/* As hmi_actor_make, of usual props: see props_are_usual. */
static inline int
usual_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	if (unlikely(hmi_runq_reserve(&ctx->worker.runq, ctx->cells.live) != 0) ||
	    hmi_state_make(ctx, cell, props, args) != 0)
		return -ENOMEM;
	cell->limit = ctx->sys->marks.look;
	cell->actor.props = props;
	cell->receive = props->receive;
	cell->pending |= HMI_PENDING_START;
	return 0;
}

__attribute__((noinline)) int
hmi_actor_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	int rc;

	if (hmi_schedule_reserve(ctx, cell, props->priority) != 0 ||
	    hmi_state_make(ctx, cell, props, args) != 0)
		return -ENOMEM;
	cell->actor.props = props;
	rc = hmi_quantum_make(ctx, cell);
	if (rc == 0)
		rc = hmi_box_make(ctx, cell, props->mailbox);
	if (rc != 0) {
		hmi_state_free(ctx, cell);
		cell->state_at = 0;
		return rc;
	}
	cell->receive = props->receive;
	cell->pending |= HMI_PENDING_START;
	return 0;
}

/* Take back what hmi_actor_make has made. */
static void
actor_unmake(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_box_free(cell);
	hmi_middleware_leave(cell);
	hmi_extra_free(&ctx->extras, cell);
	hmi_state_free(ctx, cell);
	cell->state_at = 0;
	cell->limit = 0;
}

/* The actor that is being made owns its path, if it has one. Returns 0 or -ENOMEM; then the path is free again. */
static int
path_own(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_path *path)
{
	struct hmi_extra *extra;

	if (path == NULL)
		return 0;
	extra = hmi_extra_get(&ctx->extras, cell);
	if (extra == NULL) {
		hmi_path_remove(&ctx->sys->paths, path);
		return -ENOMEM;
	}
	extra->path = path;
	return 0;
}

/* Whether the props are the actor's own. One with settings has a path. */
static bool
has_settings(const struct spawn *spawn)
{
	return spawn->path != NULL && spawn->path->has_settings;
}

static void
props_free(const struct hm_props *own)
{
	free((void *)(uintptr_t)own);
}

void
hmi_actor_start(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (unlikely((cell->scheduled & HMI_SCHEDULED_CLASS) != 0)) {
		hmi_schedule_marked(ctx, cell);
		return;
	}
	cell->scheduled |= HMI_SCHEDULED_QUEUED;
	hmi_worker_start(&ctx->worker, (struct hmi_runnable *)(void *)cell);
}

static inline void
actor_start(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_count(&ctx->stats.spawned, 1);
	hmi_event_lifecycle(ctx, cell, HM_LIFECYCLE_STARTED);
	hmi_actor_start(ctx, cell);
}

/* Give a slot back that did not become an actor. */
static void
slot_give_up(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->ops = &hmi_granted_ops;
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_NO_PROCESS);
}

/* The spawner has the PID already: to it, the actor has failed at once. `owns_props`: they were to be the actor's. */
static void
spawn_fail(struct hm_ctx *ctx, const struct spawn *spawn, struct hmi_cell *cell, bool owns_props)
{
	struct hm_pid self = { ctx->node, spawn->local };
	uint32_t budget = UINT32_MAX;

	free(spawn->middleware);
	hmi_placement_leave(ctx->sys, spawn->props->lcore, hmi_index(ctx));
	if (owns_props)
		props_free(spawn->props);
	if (cell != NULL) {
		(void)hmi_mailbox_dead_letter(ctx, cell, HM_DEAD_NO_MEMORY, &budget);
		slot_give_up(ctx, cell);
	}
	hmi_child_terminated_post(ctx, spawn->parent, self, HM_TERMINATED_FAILED, "no memory");
}

/* The actor owns its stages and its path. Returns 0 or -ENOMEM; then the path is free again. */
static int
parts_own(struct hm_ctx *ctx, struct hmi_cell *cell, const struct spawn *spawn)
{
	if (hmi_middleware_own(ctx, cell, spawn->middleware) != 0) {
		hmi_path_remove(&ctx->sys->paths, spawn->path);
		return -ENOMEM;
	}
	return path_own(ctx, cell, spawn->path);
}

void
hmi_spawn_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct spawn *spawn = hm_msg_body(msg);
	struct hmi_cell *cell = hmi_grant_arrive(ctx, spawn->local);
	bool owns_props = has_settings(spawn);

	if (cell == NULL || hmi_actor_make(ctx, cell, spawn->props, spawn->args) != 0) {
		hmi_path_remove(&ctx->sys->paths, spawn->path);
		spawn_fail(ctx, spawn, cell, owns_props);
		return;
	}
	if (parts_own(ctx, cell, spawn) != 0) {
		actor_unmake(ctx, cell);
		spawn_fail(ctx, spawn, cell, owns_props);
		return;
	}
	if (owns_props)
		cell->actor.extra->owns_props = true;
	cell->actor.parent = spawn->parent;
	actor_start(ctx, cell);
}

void
hmi_spawn_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	const struct spawn *spawn = hm_msg_body(msg);

	(void)reason;
	free(spawn->middleware);
	hmi_placement_leave(ctx->sys, spawn->props->lcore, hmi_local_lcore(spawn->local));
	if (has_settings(spawn))
		props_free(spawn->props);
	hmi_grant_lost(ctx->sys, spawn->local);
}

/* ---- On the spawning lcore ---------------------------------------------------- */

static bool
align_is_valid(uint32_t align)
{
	return (align & (align - 1)) == 0 && align <= HM_STATE_ALIGN_MAX;
}

static int
props_check(const struct hm_ctx *ctx, const struct hm_props *props)
{
	if (!align_is_valid(props->state_align) || !hmi_placement_is_valid(ctx, props->lcore))
		return -EINVAL;
	if (props->priority > HM_ACTOR_LOW || props->quantum > HM_QUANTUM_MAX ||
	    props->quantum_us > HM_QUANTUM_US_MAX || props->faults > HM_FAULTS_ABORT ||
	    props->balance > HM_BALANCE_STAY || !hmi_supervisor_is_valid(props->supervisor) ||
	    !hmi_mailbox_is_valid(props->mailbox))
		return -EINVAL;
	return 0;
}

static inline bool
sizes_are_valid(const struct hm_props *props, const void *args)
{
	return props->receive != NULL && props->args_size <= props->state_size &&
	       (props->args_size == 0 || args != NULL) &&
	       props->args_size <= HM_MSG_BODY_MAX - sizeof(struct spawn);
}

/*
 * What is set for the actor's path. Returns 0; -ENOMEM; -EINVAL: the props are not valid with it. A path that is too long
 * is refused later.
 */
static __attribute__((noinline)) int
wish_deploy(struct hm_ctx *ctx, struct wish *wish, bool has_key)
{
	char path[HM_PATH_MAX];
	int rc = hmi_child_path(ctx, wish->name, path)
			 ? hmi_deploy_props(ctx->sys, path, wish->props, &wish->deployed)
			 : 0;

	if (rc != 0 || wish->deployed == NULL)
		return rc;
	wish->props = &wish->deployed->props;
	/* A setting may want a key where the props do not. */
	if (!has_key)
		wish->key = hm_key(wish->name, strlen(wish->name));
	if (hmi_supervisor_is_valid(wish->props->supervisor) && hmi_mailbox_is_valid(wish->props->mailbox))
		return 0;
	hmi_deploy_refuse(ctx->sys, path);
	return -EINVAL;
}

/* Give it its name, and what belongs to it alone. */
static __attribute__((noinline)) int
here_name(struct hm_ctx *ctx, const struct wish *wish, struct hmi_cell *cell, struct hm_pid pid)
{
	struct hmi_path *path;
	int rc = hmi_name_reserve(ctx, wish->name, pid, &path);

	if (rc == 0)
		rc = path_own(ctx, cell, path);
	if (rc != 0)
		hmi_child_undo(ctx, pid);
	else if (wish->deployed != NULL)
		cell->actor.extra->owns_props = true;
	return rc;
}

static int
spawn_here(struct hm_ctx *ctx, const struct wish *wish, struct hm_pid *pid)
{
	struct hmi_cell *cell = hmi_cells_get_ahead(&ctx->cells);
	int rc;

	if (cell == NULL)
		return -ENOMEM;
	*pid = hmi_pid_of(ctx, cell);
	rc = hmi_actor_make(ctx, cell, wish->props, wish->args);
	if (rc != 0) {
		slot_give_up(ctx, cell);
		return rc;
	}
	/* A router is the engine's own: what is around it is meant for its routees. */
	rc = wish->as == HMI_SPAWN_ROUTER ? hmi_middleware_hold(ctx, cell, wish->middleware)
					  : hmi_middleware_own(ctx, cell, wish->middleware);
	/* It takes memory only where the parent has moved. */
	if (rc == 0)
		rc = hmi_child_add(ctx, *pid);
	if (rc == 0 && wish->name != NULL)
		rc = here_name(ctx, wish, cell, *pid);
	if (rc != 0) {
		actor_unmake(ctx, cell);
		slot_give_up(ctx, cell);
		return rc;
	}
	cell->actor.parent = hmi_pid_of(ctx, ctx->cell).local;
	actor_start(ctx, cell);
	return 0;
}

/* The message that spawns an actor in a granted slot, with the caller's arguments. */
static struct hm_msg *
spawn_new(struct hm_ctx *ctx, const struct wish *wish, uint64_t local)
{
	const struct hm_props *props = wish->props;
	struct hm_msg *msg =
		hmi_control(&ctx->cache, HMI_COMMAND_SPAWN, sizeof(struct spawn) + props->args_size);
	struct spawn *spawn = hm_msg_body_mut(msg);

	spawn->props = props;
	spawn->middleware = wish->middleware;
	spawn->local = local;
	spawn->parent = hmi_pid_of(ctx, ctx->cell).local;
	if (props->args_size > 0)
		memcpy(spawn->args, wish->args, props->args_size);
	return msg;
}

static int
spawn_there(struct hm_ctx *ctx, uint32_t lcore, const struct wish *wish, struct hm_pid *pid)
{
	struct hmi_path *path;
	struct hm_msg *msg;
	uint64_t local;
	int rc = hmi_grant_peek(ctx, lcore, &local);

	if (rc != 0)
		return rc;
	*pid = (struct hm_pid){ ctx->node, local };
	msg = spawn_new(ctx, wish, local);
	rc = hmi_name_reserve(ctx, wish->name, *pid, &path);
	if (rc == 0) {
		rc = hmi_child_add(ctx, *pid);
		if (rc != 0)
			hmi_path_remove(&ctx->sys->paths, path);
	}
	if (rc != 0) {
		hmi_msg_release(&ctx->cache, msg);
		return rc;
	}
	if (path != NULL)
		path->has_settings = wish->deployed != NULL;
	((struct spawn *)hm_msg_body_mut(msg))->path = path;
	hmi_grant_use(ctx, lcore);
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
	return 0;
}

/* Choose an lcore, and spawn there. */
static int
spawn_placed(struct hm_ctx *ctx, const struct wish *wish, struct hm_pid *pid)
{
	uint32_t where = wish->props->lcore, lcore;
	int rc = hmi_placement_choose(ctx, where, wish->key, &lcore);

	if (rc != 0)
		return rc;
	rc = lcore == hmi_index(ctx) ? spawn_here(ctx, wish, pid) : spawn_there(ctx, lcore, wish, pid);
	if (rc == 0)
		hmi_placement_done(ctx, where, lcore);
	else
		hmi_placement_leave(ctx->sys, where, lcore);
	return rc;
}

/* On whichever lcore it is to live. */
static int
spawn(struct hm_ctx *ctx, const struct wish *wish, struct hm_pid *pid)
{
	struct hmi_link *order;
	int rc = hmi_supervise_order_new(ctx, &order);

	if (rc != 0)
		return rc;
	rc = wish->props->lcore == HM_LCORE_SAME ? spawn_here(ctx, wish, pid) : spawn_placed(ctx, wish, pid);
	if (rc == 0)
		hmi_supervise_order(ctx, *pid, order);
	else if (order != NULL)
		hmi_supervise_order_undo(ctx, order);
	return rc;
}

/* Whether a key is there if one is wanted, and not if it would mean nothing. */
static bool
key_is_right(const struct hm_spawning *child)
{
	return child->props->lcore == HM_LCORE_KEY ? child->has_key || child->name != NULL : !child->has_key;
}

static uint64_t
key_of(const struct hm_spawning *child)
{
	if (child->has_key)
		return child->key;
	return child->props->lcore == HM_LCORE_KEY && child->name != NULL
		       ? hm_key(child->name, strlen(child->name))
		       : 0;
}

static int
child_check(const struct hm_ctx *ctx, const struct hm_spawning *child)
{
	const struct hm_props *props = child->props;
	int rc;

	if (!sizes_are_valid(props, child->args) || !key_is_right(child))
		return -EINVAL;
	rc = props_check(ctx, props);
	if (rc == 0 && child->name != NULL)
		rc = hmi_name_check(child->name);
	if (rc == 0)
		rc = hmi_middleware_check(props);
	if (rc == 0 && (ctx->cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) != 0)
		rc = -ESHUTDOWN;
	return rc;
}

int
hmi_child_check(const struct hm_ctx *ctx, const struct hm_spawning *child)
{
	return child->props != NULL ? child_check(ctx, child) : -EINVAL;
}

int
hmi_spawn(struct hm_ctx *ctx, const struct hm_spawning *child, struct hm_pid *pid)
{
	return hmi_spawn_as(ctx, child, HMI_SPAWN_ACTOR, pid);
}

__attribute__((noinline)) int
hmi_spawn_as(struct hm_ctx *ctx, const struct hm_spawning *child, enum hmi_spawn_as as, struct hm_pid *pid)
{
	struct wish wish = { .props = child->props, .name = child->name, .args = child->args, .as = as };
	struct hm_pid spawned;
	int rc;

	if (child->props == NULL)
		return -EINVAL;
	rc = child_check(ctx, child);
	if (rc != 0)
		return rc;
	wish.key = key_of(child);
	hmi_memory_touch(child->props, sizeof(*child->props));
	hmi_memory_touch(child->args, child->props->args_size);
	hmi_memory_touch_out(pid, sizeof(*pid));
	HMI_MARKED(ctx);
	if (unlikely(ctx->sys->deploy != NULL) && child->name != NULL && as != HMI_SPAWN_ROUTER)
		rc = wish_deploy(ctx, &wish, child->has_key);
	if (rc == 0 && unlikely(wish.deployed != NULL) && wish.deployed->router != 0 &&
	    as != HMI_SPAWN_ROUTEE) {
		rc = ctx->sys->parts->deploy_router(ctx, child, wish.deployed, &spawned);
	} else {
		if (rc == 0)
			rc = hmi_middleware_make(ctx->cell, wish.props, &wish.middleware);
		if (rc == 0)
			rc = spawn(ctx, &wish, &spawned);
	}
	if (rc != 0) {
		free(wish.middleware);
		free(wish.deployed);
	} else if (pid != NULL)
		*pid = spawned;
	return rc;
}

/* ---- The usual child: a short way to the same --------------------------------------- */

/* Whether the props leave to the engine whatever they may. Or, so that gcc makes one branch of it. */
static inline bool
props_are_usual(const struct hm_props *props)
{
	uint64_t unusual = (uintptr_t)props->supervisor | (uintptr_t)props->mailbox | props->lcore |
			   props->state_align | props->priority | props->quantum | props->quantum_us |
			   props->faults | props->balance | (uintptr_t)props->middleware;

	_Static_assert(HM_LCORE_SAME == 0, "the usual lcore");
	return unusual == 0;
}

/* Whether an actor may have children, lives where it was born, does not number them, and hands nothing down. */
static inline bool
parent_is_usual(const struct hmi_cell *parent)
{
	return (parent->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) == 0 &&
	       (parent->scheduled & (HMI_SCHEDULED_MOVED | HMI_SCHEDULED_QUANTUM)) == 0 &&
	       parent->actor.props->supervisor == NULL;
}

static int
usual_spawn(struct hm_ctx *ctx, const struct hm_props *props, const void *args, struct hm_pid *pid)
{
	struct hmi_cell *cell, *parent = ctx->cell;
	uint64_t before;

	if (!sizes_are_valid(props, args))
		return -EINVAL;
	hmi_memory_touch(args, props->args_size);
	hmi_memory_touch_out(pid, sizeof(*pid));
	before = hmi_mark_save(ctx);
	cell = hmi_cells_get_ahead(&ctx->cells);
	if (unlikely(cell == NULL || usual_make(ctx, cell, props, args) != 0)) {
		if (cell != NULL)
			slot_give_up(ctx, cell);
		hmi_mark_restore(ctx, before);
		return -ENOMEM;
	}
	hmi_child_ring_add(ctx, parent, cell);
	parent->actor.children++;
	cell->actor.parent = hmi_place_of(ctx, parent);
	actor_start(ctx, cell);
	if (pid != NULL)
		*pid = (struct hm_pid){ ctx->node, hmi_place_of(ctx, cell) };
	hmi_mark_restore(ctx, before);
	return 0;
}

/* ---- What actors call --------------------------------------------------------------- */

static int
spawn_any(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid)
{
	const struct hmi_middleware *middleware = hmi_middleware_of(ctx->cell);

	return middleware != NULL && middleware->spawns ? hmi_spawn_through(ctx, what, pid)
							: hmi_spawn(ctx, what, pid);
}

int
hm_spawn(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
	 struct hm_pid *pid)
{
	struct hm_spawning child;

	if (ctx == NULL || props == NULL)
		return -EINVAL;
	hmi_check_ctx(ctx, "hm_spawn");
	if (likely(name == NULL && props_are_usual(props) && parent_is_usual(ctx->cell)))
		return usual_spawn(ctx, props, args, pid);
	child = (struct hm_spawning){ .props = props, .name = name, .args = args };
	return spawn_any(ctx, &child, pid);
}

int
hm_spawn_key(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
	     uint64_t key, struct hm_pid *pid)
{
	struct hm_spawning child = {
		.props = props, .name = name, .args = args, .key = key, .has_key = true
	};

	if (ctx == NULL || props == NULL)
		return -EINVAL;
	hmi_check_ctx(ctx, "hm_spawn_key");
	return spawn_any(ctx, &child, pid);
}
