/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to an actor besides user messages: it starts, and it stops. How it fails and restarts: failure.c,
 * restart.c.
 *
 * When an actor is gone its name is free before anybody learns of it, so that a parent may
 * spawn its successor under the same name at once. Its end is cut into portions: an actor may own
 * millions of links and messages, and others wait for the lcore.
 */
#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "claim_pvt.h"
#include "counter_pvt.h"
#include "event_queue_pvt.h"
#include "dead_pvt.h"
#include "directive_pvt.h"
#include "forward_pvt.h"
#include "granted_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "move_pvt.h"
#include "msg_pvt.h"
#include "placement_pvt.h"
#include "post_pvt.h"
#include "pressure_pvt.h"
#include "receive_pvt.h"
#include "state_pvt.h"

/* ---- The actor as a process ------------------------------------------------------ */

static void
actor_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely(hmi_local_is_router(msg->to)) && ctx->sys->parts->route(ctx, msg))
		return;
	hmi_receive_timeout_look(ctx, cell, msg);
	if (hmi_cell_has_box(cell)) {
		hmi_box_put(ctx, cell, msg);
		return;
	}
	hmi_fifo_push(&cell->box, msg);
	hmi_schedule(ctx, cell);
	hmi_pressure_look(ctx, cell, msg, cell->box.count);
}

static bool
is_of_child(const struct hm_msg *msg)
{
	const struct hm_terminated *body = hm_msg_body(msg);

	return body->reserved == HMI_TERMINATED_CHILD && (msg->flags & HMI_MSG_NETWORK) == 0;
}

/*
 * Terminated is queued in the user lane, behind the last messages of the dead process; an actor that
 * stops handles none of these any more, and gets it in the system lane, as does one that restarts from its children.
 * But as long as its mailbox has not been looked through, there may be another one of the same process in it,
 * which comes first.
 */
static bool
waits_in_mailbox(const struct hmi_cell *cell, const struct hm_msg *msg)
{
	if ((cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) == 0)
		return true;
	if ((cell->pending & HMI_PENDING_STOP) == 0)
		return false;
	return !hmi_cell_is_empty(cell) || (cell->reason == HMI_REASON_RESTART && !is_of_child(msg));
}

/*
 * A mark says what has arrived; an answer goes into the mailbox. And an order to wait must not be overtaken by its end, which
 * may come as a command, to an actor that has come back to where it was born. Out of line: others are far more frequent.
 */
static __attribute__((noinline)) void
arrive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	switch (msg->type) {
	case HMI_SYS_ANSWER:
		hmi_answer_arrive(ctx, cell, msg);
		return;
	case HMI_SYS_WORK_DONE:
		ctx->sys->parts->work_done(ctx, cell, msg);
		return;
	case HMI_SYS_CLAIM_END:
		hmi_claim_end(ctx, cell, msg);
		break;
	case HMI_SYS_ROUTE_MARK:
		hmi_move_mark(ctx, cell, msg);
		break;
	default:
		hmi_pressure_receive(ctx, cell, msg);
		break;
	}
	hmi_msg_release(&ctx->cache, msg);
}

static void
actor_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely(msg->type >= HMI_SYS_ROUTE_MARK)) {
		arrive(ctx, cell, msg);
		return;
	}
	if (msg->type == HM_SYS_TERMINATED && waits_in_mailbox(cell, msg))
		hmi_cell_push(ctx, cell, msg);
	else
		hmi_cell_push_system(cell, msg);
	hmi_schedule(ctx, cell);
}

static bool
actor_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t budget = UINT32_MAX;

	hmi_directive_end(ctx, cell);
	hmi_actor_restart_undo(cell);
	hmi_stash_return(cell);
	hmi_box_spill(ctx, cell);
	(void)hmi_made_drop(ctx, cell, true, &budget);
	(void)hmi_kept_drop(ctx, cell, HM_DEAD_SHUTDOWN, &budget);
	return hmi_mailbox_dead_letter(ctx, cell, HM_DEAD_SHUTDOWN, &budget);
}

const struct hmi_process_ops hmi_actor_ops = {
	.deliver = actor_deliver,
	.system = actor_system,
	.shut_down = actor_shut_down,
};

/* ---- The end ------------------------------------------------------------------- */

static void
owned_drop(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t *budget)
{
	struct hmi_owned *owned;

	for (; *budget > 0 && (owned = cell->actor.owned) != NULL; (*budget)--) {
		hmi_owned_remove(owned);
		owned->ops->drop(ctx, cell, owned);
	}
}

/* What it was made of. */
static void
parts_drop(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;

	if (extra != NULL && extra->failure != NULL) {
		hmi_slab_put(&ctx->failures, extra->failure);
		extra->failure = NULL;
	}
	hmi_behaviours_drop(ctx, cell);
	hmi_middleware_drop(cell);
	hmi_box_free(cell);
	hmi_state_free(ctx, cell);
	hmi_extra_props_free(cell);
	hmi_extra_free(&ctx->extras, cell);
}

/* Nothing refers to the actor any more but its parent. */
static void
end_finish(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_pid self = hmi_pid_of(ctx, cell);
	uint64_t parent = cell->actor.parent;
	struct hmi_route *route;

	ctx->gone += !hmi_is_guardian(ctx->sys, self.local);
	/* Before its parent learns of it, who may want another one there; it may have moved since. */
	hmi_placement_leave(ctx->sys, cell->actor.props->lcore, hmi_local_lcore(self.local));
	if (parent != 0)
		hmi_child_terminated_post(ctx, parent, self, cell->reason, hmi_cell_failure(cell));
	hmi_child_leave(ctx, cell);
	route = hmi_move_end(ctx, cell);
	parts_drop(ctx, cell);
	if (unlikely(route != NULL))
		hmi_route_answer(cell, route);
	else if (unlikely(hmi_local_is_router(self.local)))
		hmi_cells_put_router(&ctx->cells, cell, HM_DEAD_NO_PROCESS);
	else
		hmi_cells_put(&ctx->cells, cell, HM_DEAD_NO_PROCESS);
	hmi_count(&ctx->stats.stopped, 1);
	ctx->cell = NULL;
	if (parent == 0)
		ctx->sys->parts->root_ended(ctx);
}

/* Before anybody learns of the end. */
static void
name_free(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	if (hmi_cell_path(cell) != NULL) {
		hmi_path_remove(&ctx->sys->paths, cell->actor.extra->path);
		cell->actor.extra->path = NULL;
	}
	ctx->sys->parts->actor_ended(ctx, hmi_pid_of(ctx, cell));
}

static void
end_advance(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t budget = HMI_SYSTEM_PORTION;

	name_free(ctx, cell);
	hmi_stash_return(cell);
	hmi_box_spill(ctx, cell);
	owned_drop(ctx, cell, &budget);
	/* Those who are told may send to it at once. */
	hmi_box_spill(ctx, cell);
	(void)hmi_made_drop(ctx, cell, cell->reason == HM_TERMINATED_FAILED, &budget);
	(void)hmi_kept_drop(ctx, cell, HM_DEAD_STOPPED, &budget);
	if (cell->box.head != NULL || cell->actor.system.tail != NULL)
		(void)hmi_mailbox_dead_letter(ctx, cell, HM_DEAD_STOPPED, &budget);
	(void)hmi_worker_steps(&ctx->worker, HMI_SYSTEM_PORTION - budget);
	if (budget > 0)
		end_finish(ctx, cell);
}

/*
 * Most actors end so: with no message that waits, and nothing but a state. They have no name, so are no guardians, and
 * have not moved.
 */
static inline bool
is_bare(const struct hmi_cell *cell)
{
	return cell->actor.extra == NULL && cell->actor.owned == NULL && cell->box.head == NULL &&
	       cell->actor.system.tail == NULL;
}

/* What end_advance, and end_finish, would come to. */
static inline void
end_bare(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_pid self = { ctx->node, hmi_place_of(ctx, cell) };

	ctx->sys->parts->actor_ended(ctx, self);
	ctx->gone++;
	hmi_placement_leave(ctx->sys, cell->actor.props->lcore, hmi_index(ctx));
	hmi_child_terminated_post(ctx, cell->actor.parent, self, cell->reason, NULL);
	hmi_child_leave(ctx, cell);
	hmi_state_free(ctx, cell);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_NO_PROCESS);
	hmi_count(&ctx->stats.stopped, 1);
	ctx->cell = NULL;
}

/* `actor`: as hmi_flight_actor. */
static __rte_always_inline void
end_begin(struct hm_ctx *ctx, struct hmi_cell *cell, uint64_t actor)
{
	cell->pending = (uint8_t)((cell->pending & ~HMI_PENDING_STOP) | HMI_PENDING_END);
	hmi_event_lifecycle(ctx, cell, HM_LIFECYCLE_STOPPED);
	hmi_lifecycle_receive_as(ctx, cell, actor, HM_STOPPED);
	if (likely(is_bare(cell)))
		end_bare(ctx, cell);
	else
		end_advance(ctx, cell);
}

/* ---- Stopping -------------------------------------------------------------------- */

/* It has not drained by that. Where there is a box, that has looked. */
static void
message_keep(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_fifo *kept = &cell->actor.extra->kept;

	hmi_fifo_push(kept, msg);
	if (!hmi_cell_has_box(cell))
		hmi_pressure_look(ctx, cell, msg, kept->count + cell->box.count);
}

/* An answer for which the end of an actor waits, or that there is none. */
static bool
is_awaited(const struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *msg)
{
	return (msg->flags & HMI_MSG_RESUME) != 0 && hmi_stop_awaits(cell) &&
	       hmi_cells_at(&ctx->cells, msg->to)->reason == HMI_REASON_AWAITED;
}

/* The function may not return: then what is waited for besides is not waited for any more. */
static void
awaited_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_cell *process = hmi_cells_at(&ctx->cells, msg->to);

	hmi_stop_await_end(cell, process);
	/* Of the engine's own answers only these were counted as sent. */
	if (msg->type >= HM_TYPE_USER || msg->type == HM_TOUCHED || msg->type == HM_TERMINATED)
		hmi_count(&ctx->received, 1);
	hmi_guard_received(msg);
	ctx->msg = msg;
	process->ops->resume(ctx, process, msg);
	if (ctx->msg != NULL)
		hmi_msg_release(&ctx->cache, msg);
	ctx->msg = NULL;
}

/* One message of an actor that stops, or restarts. */
static void
message_give_up(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	bool restarts = cell->reason == HMI_REASON_RESTART;

	if ((msg->flags & HMI_MSG_SYSTEM) != 0 && (!restarts || is_of_child(msg)))
		hmi_cell_push_system(cell, msg);
	else if (restarts)
		message_keep(ctx, cell, msg);
	else if (is_awaited(ctx, cell, msg))
		awaited_receive(ctx, cell, msg);
	else
		hmi_waiting_dead_letter(ctx, cell, msg, HM_DEAD_STOPPED);
}

/*
 * An actor that stops handles no user messages: those that wait are dead letters, a portion of them in each turn.
 * But it waits for the notifications of its children's end, and for answers to what it has asked since HM_STOPPING, which
 * may be among them. One that restarts waits for the first alone, and keeps the others.
 */
static void
mailbox_give_up(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg;
	uint32_t n = 0;

	hmi_box_spill(ctx, cell);
	for (; n < HMI_SYSTEM_PORTION && (msg = hmi_fifo_pop(&cell->box)) != NULL; n++)
		message_give_up(ctx, cell, msg);
	(void)hmi_worker_steps(&ctx->worker, n);
}

/* One that restarts has as many messages as before. */
static bool
is_overloaded_at_end(const struct hmi_cell *cell)
{
	return (cell->scheduled & HMI_SCHEDULED_OVERLOADED) != 0 && !hmi_cell_restarts(cell);
}

/* It has waited for others. */
static __attribute__((noinline)) void
end_begin_late(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	end_begin(ctx, cell, hmi_flight_actor(ctx, cell, HM_EVENT_HANDLES));
}

void
hmi_actor_stop_advance(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if ((cell->pending & HMI_PENDING_STOP) == 0)
		return;
	/* Nobody waits for it to drain any more. */
	if (is_overloaded_at_end(cell) && hmi_pressure_relieve(ctx, cell, 0))
		return;
	if ((cell->pending & HMI_PENDING_STOPS) != 0)
		hmi_children_stop(ctx, cell);
	if (cell->actor.children > 0 || hmi_stop_awaits(cell))
		mailbox_give_up(ctx, cell);
	else if (cell->reason == HMI_REASON_RESTART)
		hmi_actor_restart_advance(ctx, cell);
	else
		end_begin_late(ctx, cell);
}

/*
 * It restarts: the old state has received its last message, HM_RESTARTING, and may have freed what it refers to. So the stop is
 * for the fresh one, behind HM_STARTED.
 */
static void
stop_later(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_terminated_reason reason)
{
	cell->pending |= HMI_PENDING_ASKED;
	if (reason == HM_TERMINATED_FAILED && hmi_extra_get(&ctx->extras, cell) != NULL)
		cell->actor.extra->stops_failed = true;
}

void
hmi_actor_stop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_terminated_reason reason)
{
	uint64_t actor = hmi_flight_actor(ctx, cell, HM_EVENT_HANDLES);

	if (hmi_cell_restarts(cell)) {
		stop_later(ctx, cell, reason);
		return;
	}
	if ((cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) != 0)
		return;
	if (cell->actor.extra != NULL)
		hmi_directive_end(ctx, cell);
	cell->pending &= (uint8_t) ~(HMI_PENDING_FAILED | HMI_PENDING_ASKED);
	cell->pending |= HMI_PENDING_STOP | (cell->actor.children > 0 ? HMI_PENDING_STOPS : 0);
	cell->reason = (uint8_t)reason;
	hmi_lifecycle_receive_as(ctx, cell, actor, HM_STOPPING);
	/* It has no children, and asked nothing. */
	if (likely((cell->pending & HMI_PENDING_STOPS) == 0 && cell->actor.extra == NULL) &&
	    !is_overloaded_at_end(cell))
		end_begin(ctx, cell, actor);
	else
		hmi_actor_stop_advance(ctx, cell);
}

void
hmi_actor_stop_asked(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->pending &= (uint8_t)~HMI_PENDING_ASKED;
	/* It may have failed in the same call. */
	hmi_actor_stop(ctx, cell,
		       cell->reason == HM_TERMINATED_FAILED ? HM_TERMINATED_FAILED : HM_TERMINATED_STOPPED);
}

/* ---- System messages ----------------------------------------------------------- */

/* Those that may call a function of the actor, which may not return: the message is released before. */
static void
order_receive(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t type)
{
	switch (type) {
	case HM_SYS_STOP:
		hmi_actor_stop(ctx, cell, HM_TERMINATED_STOPPED);
		break;
	case HMI_SYS_STOP_FAILED:
		hmi_actor_stop(ctx, cell, HM_TERMINATED_FAILED);
		break;
	case HMI_SYS_RESTART:
		if ((cell->pending & HMI_PENDING_FAILED) != 0)
			hmi_actor_restart(ctx, cell);
		break;
	case HMI_SYS_RESTART_ALL:
		hmi_actor_restart(ctx, cell);
		break;
	case HMI_SYS_RESUME:
		hmi_actor_resume(ctx, cell);
		break;
	case HMI_SYS_MOVED:
		hmi_lifecycle_receive(ctx, cell, HM_MOVED);
		break;
	case HMI_SYS_PASSIVATE:
		if (hmi_is_passive(cell))
			hmi_actor_stop(ctx, cell, HM_TERMINATED_STOPPED);
		break;
	default:
		break;
	}
}

static void
system_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	uint16_t type = msg->type;

	switch (type) {
	case HM_SYS_WATCH:
		hmi_watch_add(ctx, cell, msg->sender);
		break;
	case HM_SYS_UNWATCH:
		hmi_watch_remove(ctx, cell, msg->sender);
		break;
	case HM_SYS_TERMINATED:
		hmi_terminated_receive(ctx, cell, msg);
		return;
	case HMI_SYS_PROBE:
		hmi_pressure_probe(ctx, cell, msg);
		break;
	case HMI_SYS_UNMUTED:
		hmi_pressure_forget(ctx, cell, msg);
		break;
	case HMI_SYS_MUTED_AS:
		hmi_pressure_muted_as(ctx, cell, msg);
		break;
	case HMI_SYS_FAILURE:
	case HMI_SYS_RESTART_DUE:
		hmi_supervise(ctx, cell, msg);
		return;
	case HMI_SYS_MOVE:
		if (hmi_move_ordered(ctx, cell, msg))
			return;
		break;
	case HMI_SYS_MOVE_READY:
	case HMI_SYS_MOVE_RETRY:
		hmi_move_receive(ctx, cell, msg);
		break;
	case HMI_SYS_JOIN:
		ctx->sys->parts->balance_join(ctx, cell, msg);
		break;
	default:
		break;
	}
	hmi_msg_release(&ctx->cache, msg);
	order_receive(ctx, cell, type);
}

/* What comes before all else: an actor that has restarted starts first, and one that has ended gives its mailbox up. */
static bool
handles_system(const struct hmi_cell *cell)
{
	return (cell->pending & (HMI_PENDING_START | HMI_PENDING_END)) == 0;
}

/* The system lane, or a portion of it, or what there is time for: it may be the actor's function that takes long. */
static void
system_drain(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	for (uint32_t n = 0; n < HMI_SYSTEM_PORTION && handles_system(cell); n++) {
		struct hm_msg *msg = hmi_cell_pop_system(cell);

		if (msg == NULL)
			return;
		system_receive(ctx, cell, msg);
		if (ctx->cell == NULL || hmi_worker_steps(&ctx->worker, 1))
			return;
	}
}

void
hmi_actor_handle_pending(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	/* Begun in an earlier turn. */
	bool ends = (cell->pending & HMI_PENDING_END) != 0;

	if (cell->pending & HMI_PENDING_START) {
		cell->pending &= (uint8_t)~HMI_PENDING_START;
		hmi_lifecycle_receive(ctx, cell, HM_STARTED);
	}
	if (cell->pending & HMI_PENDING_STOP)
		hmi_actor_stop_advance(ctx, cell);
	else if (cell->pending & HMI_PENDING_STOPS)
		hmi_directive_advance(ctx, cell);
	if (ctx->cell != NULL && (cell->pending & HMI_PENDING_SYSTEM))
		system_drain(ctx, cell);
	if (ctx->cell == NULL)
		return;
	if ((cell->pending & HMI_PENDING_ASKED) && (cell->pending & HMI_PENDING_START) == 0 &&
	    !hmi_cell_restarts(cell)) {
		hmi_actor_stop_asked(ctx, cell);
	} else if (ends) {
		end_advance(ctx, cell);
	}
}

/* A stop that was asked for waits for the end of a restart. */
static uint8_t
ready_pending(const struct hmi_cell *cell)
{
	return hmi_cell_restarts(cell) ? HMI_PENDING_READY & ~HMI_PENDING_ASKED : HMI_PENDING_READY;
}

bool
hmi_actor_has_work(const struct hmi_cell *cell)
{
	if ((cell->pending & ready_pending(cell)) != 0)
		return true;
	if ((cell->pending & HMI_PENDING_STOP) != 0)
		return !hmi_cell_is_empty(cell) || (cell->actor.children == 0 && !hmi_stop_awaits(cell)) ||
		       is_overloaded_at_end(cell);
	return cell->pending == 0 && !hmi_cell_is_empty(cell);
}

/* ---- What actors ask for ---------------------------------------------------- */

static __attribute__((noinline)) void
stop_other(struct hm_ctx *ctx, struct hm_pid who)
{
	HMI_MARKED(ctx);
	if (!hm_pid_is_none(who))
		hmi_control_post(ctx, who, hm_pid_none(), HM_SYS_STOP);
}

void
hm_stop(struct hm_ctx *ctx, struct hm_pid who)
{
	hmi_check_ctx(ctx, "hm_stop");
	/*
	 * Itself not by the outbox: after the current message, not after the turn. Its condition is read next, so it is stored
	 * as a whole.
	 */
	if (hm_pid_equal(who, hmi_pid_of(ctx, ctx->cell)))
		ctx->cell->condition |= rte_cpu_to_le_16(HMI_PENDING_ASKED << 8);
	else
		stop_other(ctx, who);
}

enum hm_result
hm_poison(struct hm_ctx *ctx, struct hm_pid who)
{
	struct hm_msg *msg;

	hmi_check_ctx(ctx, "hm_poison");
	HMI_MARKED(ctx);
	if (hm_pid_is_none(who))
		return HM_NO_RECEIVER;
	msg = hmi_control(&ctx->cache, HM_SYS_POISON, 0);
	msg->flags = HMI_MSG_POISON;
	return hmi_post(ctx, who, msg);
}
