/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOR_PVT_H
#define ACTOR_PVT_H

/*
 * Actors: their turn, their life cycle, who watches whom.
 *
 *     start ──▶ running ──▶ stopping ──(last child gone)──▶ ending ──▶ gone
 *      ▲ STARTED │ │   STOPPING                      STOPPED
 *      │         │ └─▶ failed ──▶ the supervisor decides
 *      │         ▼
 *      └──── restarting (RESTARTING, last child gone)
 *
 * A user's function may be left at any time (recover_pvt.h). So whoever calls one has written down before, in the cell,
 * what is to be done next, and holds nothing: hmi_actor_failed goes on from there.
 *
 * Whatever a function here calls may end the running actor: then ctx->cell is NULL.
 */

#include "assert_pvt.h"
#include "hm_dead_letter.h"
#include "hm_middleware.h"
#include "hm_supervisor.h"
#include "lcore_pvt.h"

/* Messages, links and owned resources that an actor handles in one turn beside user messages. */
#define HMI_SYSTEM_PORTION 256u

/* System messages of supervision; they never leave the node. */
enum hmi_supervision_type {
	HMI_SYS_FAILURE = 23, /* to the parent: a child has failed; body: struct hm_failure */
	HMI_SYS_RESUME,       /* the supervisor's directive */
	HMI_SYS_RESTART, /* the same; of no meaning to one that goes on, since it was restarted with others */
	HMI_SYS_RESTART_ALL, /* restart, since another child has failed */
	HMI_SYS_STOP_FAILED, /* stop, since it has failed */
	HMI_SYS_PROBE,       /* of back pressure: whether the sender waits for itself */
	HMI_SYS_RESTART_DUE, /* to oneself: the delay of a restart is over; sender: the child */
	HMI_SYS_UNMUTED,     /* the same: who was muted, or was to be, has ended */
	HMI_SYS_PASSIVATE,   /* to oneself: no message has come for the time of hm_passivation_set */
	HMI_SUPERVISION_END,
};

/* A message that finds nobody is known by its type alone. */
_Static_assert((unsigned int)HMI_SYS_FAILURE > (unsigned int)HM_SYS_UNDELIVERED &&
		       (unsigned int)HMI_SUPERVISION_END <= (unsigned int)HMI_COMMAND_SPAWN,
	       "types have one meaning each");

/* hm_terminated.reserved in a parent's notification of its child's end; receivers see 0. */
#define HMI_TERMINATED_CHILD 1u

extern const struct hmi_process_ops hmi_actor_ops;

/* ---- run.c ---- */

/* The run stage of an lcore's turn: actors run, what they have sent is delivered. Returns units of work done. */
uint32_t hmi_actors_run(struct hmi_worker *worker);

/* The same, and record each message that an actor is handed. */
uint32_t hmi_actors_run_recorded(struct hmi_worker *worker);

/* For an lcore with a balancer, of both kinds: measures some of its stages, and has the balancer look when it is time. */
uint32_t hmi_actors_run_measured(struct hmi_worker *worker);

/* An actor's function was left, and with it the stage: what is left of that. */
void hmi_actors_failed(struct hmi_worker *worker);

/* ---- failure.c ---- */

extern const struct hmi_recovery_ops hmi_failure_ops;

/* The running actor's function was left. */
void hmi_actor_failed(struct hmi_worker *worker);

/* The actor fails in place of its child. */
void hmi_actor_escalate(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_failure *failure);

/* What is left to do for an actor that does not run any more has to be done in a turn of its own. */
bool hmi_actor_has_work(const struct hmi_cell *cell);

/* ---- failure_trace.c ---- */

/* Have the call stack of an actor that has failed by a signal logged. */
void hmi_failure_trace(struct hm_ctx *ctx, struct hm_pid actor);

/* ---- supervise.c ---- */

/* The memory of what supervisors know of their children. */
void hmi_records_init(struct hm_ctx *ctx);

/* Free what those have whose actors a forced stop has left behind. */
void hmi_records_shut_down(struct hm_ctx *ctx);

/* A child of the actor has failed, or the delay of its restart is over: decide, now or when one can. */
void hmi_supervise(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *report);
void hmi_supervise_now(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *report);

/* A child is gone: so is what was known of its failures. */
void hmi_supervise_forget(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid child);

/* Whether a strategy's members are what they may be. NULL is the default one. */
bool hmi_supervisor_is_valid(const struct hm_supervisor *strategy);

/*
 * The running actor spawns a child. If it restarts those that follow one, *order is a record for the child, which
 * hmi_supervise_order makes that of a child, or hmi_supervise_order_undo frees; else NULL. Returns 0 or -ENOMEM.
 */
int hmi_supervise_order_new(struct hm_ctx *ctx, struct hmi_link **order);
void hmi_supervise_order(struct hm_ctx *ctx, struct hm_pid child, struct hmi_link *order);
void hmi_supervise_order_undo(struct hm_ctx *ctx, struct hmi_link *order);

/* ---- restart.c ---- */

/* Begin to restart, unless the actor stops or restarts already. */
void hmi_actor_restart(struct hm_ctx *ctx, struct hmi_cell *cell);

/* No child is left: go on with restarting. */
void hmi_actor_restart_advance(struct hm_ctx *ctx, struct hmi_cell *cell);

/* What was looked through while it restarted is in the mailbox again. */
void hmi_actor_restart_undo(struct hmi_cell *cell);

/* Go on after a failure, as if nothing had happened. */
void hmi_actor_resume(struct hm_ctx *ctx, struct hmi_cell *cell);

/* ---- keep.c ---- */

/* The actor ends, or begins anew: what it keeps is lost. As hmi_made_drop. */
bool hmi_kept_drop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason, uint32_t *budget);

/* The actor is to leave for another lcore: make the deadlines of requests that it keeps exact. */
void hmi_kept_deadlines_settle(struct hm_ctx *ctx, const struct hmi_cell *cell);

/* ---- behaviour.c ---- */

void hmi_behaviours_init(struct hm_ctx *ctx);

/* The function is the one of the props, or the oldest one, again. */
void hmi_behaviours_drop(struct hm_ctx *ctx, struct hmi_cell *cell);

/* ---- stash.c ---- */

/* Put all that is stashed in front of the mailbox. */
void hmi_stash_return(struct hmi_cell *cell);

/* ---- receive_timeout.c ---- */

void hmi_receive_timeouts_init(struct hm_ctx *ctx);

/* A message comes for an actor whose limit is 0. */
void hmi_receive_timeout_look(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);

/* Set one of the running actor's; 0 cancels. Returns HM_OK or HM_NO_MEMORY. */
enum hm_result hmi_quiet_set(struct hm_ctx *ctx, enum hmi_quiet kind, uint64_t us);

/* What is set, in microseconds; 0: nothing. */
uint64_t hmi_quiet_us(const struct hmi_cell *cell, enum hmi_quiet kind);

/* HMI_SYS_PASSIVATE has come: whether no message that counts has come since it was sent. */
bool hmi_quiet_is_due(const struct hmi_cell *cell);

/* Hand HM_RECEIVE_TIMEOUT to the running actor, unless it has restarted since; and release it. */
void hmi_receive_timeout_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* ---- passivation.c ---- */

/* HMI_SYS_PASSIVATE, in the actor's turn: whether it stops. */
bool hmi_is_passive(const struct hmi_cell *cell);

/* ---- owned_walk.c ---- */

/* The one that is visited may be taken out of the list and freed, no other. */
typedef void hmi_owned_visit_fn(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_owned *owned);

/* Visit a portion of what the actor owns, behind that of the last call. Returns whether the end is reached. */
bool hmi_owned_walk(struct hm_ctx *ctx, struct hmi_cell *cell, hmi_owned_visit_fn *visit);

/* The walk that is under way, if there is one, is over: the next call begins another one. */
void hmi_owned_walk_end(struct hm_ctx *ctx, struct hmi_cell *cell);

/* ---- lifecycle.c ---- */

/* Handle HM_STARTED, the system lane, or a portion of the actor's end. */
void hmi_actor_handle_pending(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Begin to stop. */
void hmi_actor_stop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_terminated_reason reason);

/* As it has asked itself: HMI_PENDING_ASKED. */
void hmi_actor_stop_asked(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Go on with stopping: end if no child is left. */
void hmi_actor_stop_advance(struct hm_ctx *ctx, struct hmi_cell *cell);

/* ---- auto_respond.c ---- */

/* Receive a message of a type that the engine handles; takes it over. */
void hmi_handled_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* ---- watch.c ---- */

/* A notification that a process is gone, to be posted; `text`: why, or NULL. */
struct hm_msg *hmi_terminated_new(struct hm_ctx *ctx, struct hm_pid who, uint32_t reason, const char *text);

/* Notify a watcher that a process is gone. */
void hmi_terminated_post(struct hm_ctx *ctx, struct hm_pid watcher, struct hm_pid who, uint32_t reason);

/* Notify a parent that its child is gone; `text`: why, or NULL. */
void hmi_child_terminated_post(struct hm_ctx *ctx, uint64_t parent, struct hm_pid child, uint32_t reason,
			       const char *text);

/* A process watches the actor. */
void hmi_watch_add(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid watcher);

/* It does not watch any more. */
void hmi_watch_remove(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid watcher);

/* A watched process, or a child, is gone. Takes the message over. */
void hmi_terminated_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* ---- children.c ---- */

/* Of an actor that has moved a child could not tell whether it is in its ring. */
static inline bool
hmi_child_is_in_ring(const struct hm_ctx *ctx, uint64_t child)
{
	return hmi_local_lcore(child) == hmi_index(ctx) && (ctx->cell->scheduled & HMI_SCHEDULED_MOVED) == 0;
}

/* An actor of this lcore becomes the first in the ring of its parent's children. */
static inline void
hmi_child_ring_add(struct hm_ctx *ctx, struct hmi_cell *parent, struct hmi_cell *child)
{
	uint32_t slot = hmi_slot_of(ctx, child), next = parent->actor.first_child;
	struct hmi_cell *first;

	parent->actor.first_child = slot;
	if (next == 0) {
		child->actor.sibling_next = child->actor.sibling_prev = slot;
		return;
	}
	first = hmi_cells_slot(&ctx->cells, next);
	child->actor.sibling_next = next;
	child->actor.sibling_prev = first->actor.sibling_prev;
	hmi_cells_slot(&ctx->cells, first->actor.sibling_prev)->actor.sibling_next = slot;
	first->actor.sibling_prev = slot;
}

/* Add a child that is in no ring to the running actor. Returns 0 or -ENOMEM. */
int hmi_child_link(struct hm_ctx *ctx, struct hm_pid child);

/* Add a child to the running actor. Returns 0 or -ENOMEM. */
static inline int
hmi_child_add(struct hm_ctx *ctx, struct hm_pid child)
{
	if (unlikely(!hmi_child_is_in_ring(ctx, child.local)))
		return hmi_child_link(ctx, child);
	hmi_child_ring_add(ctx, ctx->cell, hmi_cells_at(&ctx->cells, child.local));
	ctx->cell->actor.children++;
	return 0;
}

/* Take back the child that was added last. */
void hmi_child_undo(struct hm_ctx *ctx, struct hm_pid child);

/* An actor ends: it leaves the ring of its siblings. */
void hmi_child_leave(struct hm_ctx *ctx, struct hmi_cell *child);

/* Whether a child that has ended is nothing to its parent but one less. */
static inline bool
hmi_child_is_of_ring(const struct hm_ctx *ctx, const struct hmi_cell *parent, struct hm_pid child)
{
	return hm_pid_lcore(child) == hmi_index(ctx) && !ctx->has_parted && parent->actor.owned == NULL;
}

static inline void
hmi_child_count_down(struct hmi_cell *parent)
{
	HMI_ASSERT(parent->actor.children > 0);
	parent->actor.children--;
}

/* The parent has been notified of the end of a child. */
void hmi_child_gone(struct hm_ctx *ctx, struct hmi_cell *parent, struct hm_pid child);

/*
 * The actor is to leave this lcore: its children become links, and so does it for its parent, if that is here. Returns 0;
 * -ENOMEM, or -EAGAIN: the parent is telling its children something. Then nothing has changed.
 */
int hmi_children_part(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Send a stop to some children; clears HMI_PENDING_STOPS when all have got one. */
void hmi_children_stop(struct hm_ctx *ctx, struct hmi_cell *parent);

/* A walk over the children on this lcore, which goes on in later turns. Those that come meanwhile are not visited. */
struct hmi_children_walk {
	uint32_t next, last; /* slots; next is 0: it is over */
};

void hmi_children_walk_begin(const struct hm_ctx *ctx, const struct hmi_cell *parent,
			     struct hmi_children_walk *walk);

/* The next one; NULL: the walk is over. */
struct hmi_cell *hmi_children_walk(const struct hm_ctx *ctx, struct hmi_children_walk *walk);

/* Whether an owned resource is a child on another lcore: a struct hmi_link. */
bool hmi_child_is_link(const struct hmi_owned *owned);

/* ---- extension.c ---- */

/* Destroy the extensions of actors that a forced stop has left behind. */
void hmi_extensions_shut_down(struct hm_ctx *ctx);

/* ---- name.c ---- */

/* Room for the name of an actor that has none, below /temp. */
#define HMI_PLACE_NAME_SIZE 32u

/* The name that an actor without a name has below /temp. */
void hmi_place_name(const struct hm_ctx *ctx, const struct hmi_cell *cell, char text[HMI_PLACE_NAME_SIZE]);

/* The path that a child of the running actor has, or would have. Returns false: too long. */
bool hmi_child_path(const struct hm_ctx *ctx, const char *name, char path[HM_PATH_MAX]);

/* Reserve the path of a child of the running actor that has a name. Returns as hmi_path_add. */
int hmi_path_reserve(struct hm_ctx *ctx, const char *name, struct hm_pid pid, struct hmi_path **entry);

/* The same, if it has a name; else *entry becomes NULL. */
static inline int
hmi_name_reserve(struct hm_ctx *ctx, const char *name, struct hm_pid pid, struct hmi_path **entry)
{
	*entry = NULL;
	return name != NULL ? hmi_path_reserve(ctx, name, pid, entry) : 0;
}

/* ---- spawn.c ---- */

/* How a child of an actor differs from others. */
enum hmi_spawn_as {
	HMI_SPAWN_ACTOR,
	HMI_SPAWN_ROUTEE, /* it is no router, whatever settings of its path say */
	HMI_SPAWN_ROUTER, /* settings of its path are not for it */
};

/* Whether it may be a child of ctx->cell. Returns 0, or why not, as hm_spawn does. */
int hmi_child_check(const struct hm_ctx *ctx, const struct hm_spawning *child);

/* Spawn a child of ctx->cell, without its stages around spawns. Returns as hm_spawn and hm_spawn_key. */
int hmi_spawn(struct hm_ctx *ctx, const struct hm_spawning *child, struct hm_pid *pid);

/* The same, of one that differs. */
int hmi_spawn_as(struct hm_ctx *ctx, const struct hm_spawning *child, enum hmi_spawn_as as,
		 struct hm_pid *pid);

/* Turn a taken slot into an actor, which the caller starts. Returns 0 or -ENOMEM. */
int hmi_actor_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args);

/* Have an actor that was made run for the first time. */
void hmi_actor_start(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Command: an actor is to be made in a slot that was granted to its parent's lcore. */
void hmi_spawn_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_spawn_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

#endif /* ACTOR_PVT_H */
