/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving: who is ordered to move asks for room, and leaves. How it comes: move_arrive.c.
 */
#include "move_pvt.h"

#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "claim_pvt.h"
#include "counter_pvt.h"
#include "deliver_pvt.h"
#include "expire_pvt.h"
#include "forward_pvt.h"
#include "granted_pvt.h"
#include "hm_move.h"
#include "mark_pvt.h"
#include "move_record_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* When to look again whether an actor may move. */
#define RETRY_NS 1000000ull

void
hmi_moves_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->moves, sizeof(struct hmi_move));
}

/* ---- Asking ----------------------------------------------------------------------- */

static bool
parts_may_move(const struct hmi_cell *cell)
{
	const struct hmi_owned *owned = cell->actor.owned;

	while (owned != NULL && owned->ops->may_move != NULL && owned->ops->may_move(owned))
		owned = owned->next;
	return owned == NULL;
}

/* Nothing but user and system messages is to be done, and all that it owns can be taken along. */
static bool
may_move(const struct hmi_cell *cell)
{
	const struct hmi_move *move = hmi_move_of(cell);

	return (move == NULL || move->unsettled == 0) && (cell->pending & ~HMI_PENDING_SYSTEM) == 0 &&
	       (cell->scheduled & (HMI_SCHEDULED_OVERLOADED | HMI_SCHEDULED_STOP_SENT)) == 0 &&
	       parts_may_move(cell);
}

static void
retry_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	const struct hmi_move *move = container_of(timer, struct hmi_move, timer);
	struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, move->slot);

	hmi_cell_push_system(cell, hmi_control(&ctx->cache, HMI_SYS_MOVE_RETRY, 0));
	hmi_schedule(ctx, cell);
}

static void
retry_later(struct hm_ctx *ctx, struct hmi_move *move)
{
	if (!hmi_timer_pending(&move->timer))
		hmi_wheel_add(&ctx->worker.wheel, &move->timer, ctx->worker.now_ns + RETRY_NS);
}

static bool
is_ending(const struct hmi_cell *cell)
{
	return (cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) != 0 &&
	       cell->reason != HMI_REASON_RESTART;
}

/* What the program wants is tried again; the balancer had better choose another one. */
static void
put_off(struct hm_ctx *ctx, struct hmi_move *move)
{
	if (move->by == HMI_MOVE_BY_PROGRAM) {
		retry_later(ctx, move);
		return;
	}
	move->wanted = hmi_index(ctx);
	hmi_count(&ctx->stats.balance_refused, 1);
}

/* Go on with what is wanted. */
static void
advance(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_move *move)
{
	if (move->asked != HMI_MOVE_NONE || move->wanted == hmi_index(ctx) || is_ending(cell))
		return;
	if (!may_move(cell)) {
		put_off(ctx, move);
		return;
	}
	move->asked = move->wanted;
	hmi_route_note_post(ctx, move->wanted, HMI_COMMAND_MOVE_RESERVE, cell->actor.extra->home, 0);
}

static struct hmi_move *
move_get(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, cell);

	if (extra == NULL || extra->move != NULL)
		return extra != NULL ? extra->move : NULL;
	extra->move = hmi_slab_get(&ctx->moves);
	if (extra->move == NULL)
		return NULL;
	*extra->move = (struct hmi_move){ .timer.fire = retry_fire,
					  .slot = hmi_slot_of(ctx, cell),
					  .asked = HMI_MOVE_NONE,
					  .left = HMI_MOVE_NONE };
	extra->home = hmi_place_of(ctx, cell);
	return extra->move;
}

/* ---- Orders that find no memory ------------------------------------------------------ */

static void
starved_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_fifo waiting = ctx->moves_starved;
	struct hm_msg *msg;

	(void)timer;
	ctx->moves_starved = (struct hmi_fifo){ 0 };
	while ((msg = hmi_fifo_pop(&waiting)) != NULL)
		hmi_deliver(ctx, msg);
}

static void
starved_add(struct hm_ctx *ctx, struct hm_msg *msg)
{
	((struct hmi_move_order *)hm_msg_body_mut(msg))->was_starved = true;
	hmi_count(&ctx->stats.no_memory, 1);
	hmi_fifo_push(&ctx->moves_starved, msg);
	if (hmi_timer_pending(&ctx->moves_retry))
		return;
	ctx->moves_retry.fire = starved_fire;
	hmi_wheel_add(&ctx->worker.wheel, &ctx->moves_retry, ctx->worker.now_ns + RETRY_NS);
}

void
hmi_moves_shut_down(struct hm_ctx *ctx)
{
	struct hm_msg *msg;

	while ((msg = hmi_fifo_pop(&ctx->moves_starved)) != NULL)
		hmi_msg_release(&ctx->cache, msg);
}

/* One that has found no memory counts as long as the program has given none after it. */
static bool
is_overridden(const struct hmi_cell *cell, const struct hmi_move_order *order)
{
	const struct hmi_move *move = hmi_move_of(cell);

	return order->was_starved && move != NULL && move->was_told && !move->was_starved;
}

__attribute__((noinline)) bool
hmi_move_ordered(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	const struct hmi_move_order order = *(const struct hmi_move_order *)hm_msg_body(msg);
	bool by_program = order.by == HMI_MOVE_BY_PROGRAM;
	struct hmi_move *move;

	/* A guardian has lcore 0 for ever. */
	if (is_ending(cell) || hmi_is_guardian(ctx->sys, hmi_place_of(ctx, cell)) ||
	    is_overridden(cell, &order))
		return false;
	if (!by_program && (hmi_move_was_told(cell) || !hmi_move_is_free(ctx, cell))) {
		hmi_count(&ctx->stats.balance_refused, 1);
		return false;
	}
	move = move_get(ctx, cell);
	if (move == NULL && by_program) {
		starved_add(ctx, msg);
		return true;
	}
	if (move == NULL) {
		hmi_count(&ctx->stats.balance_refused, 1);
		return false;
	}
	move->was_told |= by_program;
	move->was_starved = order.was_starved;
	move->by = order.by;
	move->wanted = order.lcore;
	advance(ctx, cell, move);
	return false;
}

/* ---- Settled ----------------------------------------------------------------------- */

void
hmi_move_settled_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	struct hmi_cell *cell = hmi_move_actor_at(ctx, note->local);
	struct hmi_move *move = cell != NULL ? hmi_move_of(cell) : NULL;

	if (move == NULL || --move->unsettled > 0)
		return;
	if (move->left != HMI_MOVE_NONE)
		hmi_route_note_post(ctx, move->left, HMI_COMMAND_ROUTE_END, note->home, 0);
	move->left = HMI_MOVE_NONE;
	if (!is_ending(cell))
		advance(ctx, cell, move);
}

/* ---- Leaving ----------------------------------------------------------------------- */

static void
queue_settle(struct hm_ctx *ctx, const struct hmi_fifo *queue)
{
	for (struct hm_msg *msg = queue->head; msg != NULL; msg = hmi_fifo_after(queue, msg)) {
		if ((msg->flags & (HMI_MSG_EXPIRES | HMI_MSG_SYSTEM)) == HMI_MSG_EXPIRES)
			hmi_deadline_settle_handed(ctx, msg);
	}
}

/* Deadlines are exact on other lcores. */
static void
deadlines_settle(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	queue_settle(ctx, &cell->box);
	queue_settle(ctx, &cell->actor.extra->stash);
	hmi_kept_deadlines_settle(ctx, cell);
	if (hmi_cell_has_box(cell))
		hmi_box_deadlines_settle(ctx, cell);
}

static void
owned_leave(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	for (struct hmi_owned *owned = cell->actor.owned, *next; owned != NULL; owned = next) {
		next = owned->next;
		owned->ops->leave(ctx, owned);
	}
	HMI_ASSERT(ctx->claims_spare == NULL);
}

/* The actor's slot is a forwarder, and the actor a message. */
static void
pack_post(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_route *route, uint64_t place)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_COMMAND_MOVE, sizeof(struct hmi_move_pack));
	struct hmi_move_pack *pack = hm_msg_body_mut(msg);

	pack->home = route->home;
	pack->place = place;
	pack->from = hmi_index(ctx);
	pack->child_serial = ctx->child_serial;
	memcpy(pack->cell, cell, sizeof(pack->cell));
	/* What ends while it is on its way, when the system goes down, is taken out of its list there. */
	if (cell->actor.owned != NULL)
		cell->actor.owned->prev =
			(void *)((char *)pack->cell + offsetof(struct hmi_cell, actor.owned));
	hmi_forwarder_make(ctx, cell, route, place);
	ctx->gone++;
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, hmi_local_lcore(place)), msg);
}

/* Returns whether there was memory for what stays behind. */
static bool
depart(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_move *move, uint64_t place)
{
	struct hmi_route *route = hmi_route_get(ctx, cell->actor.extra->home);

	if (route == NULL || !hmi_claims_reserve(ctx, cell))
		return false;
	if (hmi_children_part(ctx, cell) != 0) {
		hmi_claims_unreserve(ctx);
		return false;
	}
	deadlines_settle(ctx, cell);
	hmi_wheel_cancel(&ctx->worker.wheel, &move->timer);
	hmi_claims_part(ctx, cell);
	owned_leave(ctx, cell);
	pack_post(ctx, cell, route, place);
	hmi_fence_leave(ctx, place);
	ctx->cell = NULL;
	return true;
}

/* An lcore has made room, or has none. */
static void
ready(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_move *move, const struct hmi_route_note *note)
{
	uint32_t lcore = note->index;
	uint64_t home = cell->actor.extra->home;

	move->asked = HMI_MOVE_NONE;
	if (note->local != 0) {
		/* What it has sent to itself comes before what it sends there. */
		hmi_outbox_flush(ctx);
		if (lcore == move->wanted && may_move(cell) && depart(ctx, cell, move, note->local))
			return;
		hmi_route_note_post(ctx, lcore, HMI_COMMAND_MOVE_RELEASE, home, note->local);
	}
	if (!is_ending(cell))
		put_off(ctx, move);
}

__attribute__((noinline)) void
hmi_move_receive(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	if (msg->type == HMI_SYS_MOVE_READY)
		ready(ctx, cell, hmi_move_of(cell), hm_msg_body(msg));
	else
		advance(ctx, cell, hmi_move_of(cell));
}

/* ---- The balancer ------------------------------------------------------------------- */

bool
hmi_move_is_free(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	const struct hmi_move *move = hmi_move_of(cell);

	return (move == NULL ||
		(move->asked == HMI_MOVE_NONE && move->wanted == hmi_index(ctx) && move->unfenced == 0)) &&
	       may_move(cell);
}

bool
hmi_move_was_told(const struct hmi_cell *cell)
{
	const struct hmi_move *move = hmi_move_of(cell);

	return move != NULL && move->was_told;
}

uint64_t
hmi_move_arrived_ns(const struct hmi_cell *cell)
{
	const struct hmi_move *move = hmi_move_of(cell);

	return move != NULL ? move->arrived_ns : 0;
}

static struct hm_msg *
order_new(struct hm_ctx *ctx, uint32_t lcore, enum hmi_move_by by)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_MOVE, sizeof(struct hmi_move_order));

	*(struct hmi_move_order *)hm_msg_body_mut(msg) = (struct hmi_move_order){ lcore, by, false };
	return msg;
}

void
hmi_move_order(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t lcore, enum hmi_move_by by)
{
	hmi_cell_push_system(cell, order_new(ctx, lcore, by));
	hmi_schedule(ctx, cell);
}

/* ---- Its end ------------------------------------------------------------------------------ */

struct hmi_route *
hmi_move_end(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_move *move = hmi_move_of(cell);
	uint32_t left;
	uint64_t home;

	if (move == NULL)
		return NULL;
	home = cell->actor.extra->home;
	left = move->left;
	if (move->asked != HMI_MOVE_NONE)
		hmi_route_note_post(ctx, move->asked, HMI_COMMAND_ROUTE_END, home, 0);
	hmi_wheel_cancel(&ctx->worker.wheel, &move->timer);
	hmi_slab_put(&ctx->moves, move);
	cell->actor.extra->move = NULL;
	if (hmi_local_lcore(home) != hmi_index(ctx))
		return hmi_route_end_away(ctx, home, left != HMI_MOVE_NONE ? left : hmi_index(ctx));
	if (left != HMI_MOVE_NONE)
		hmi_route_note_post(ctx, left, HMI_COMMAND_ROUTE_END, home, 0);
	hmi_route_end(ctx, home);
	return NULL;
}

/* ---- What users call ------------------------------------------------------------------------ */

enum hm_result
hm_move(struct hm_ctx *ctx, struct hm_pid actor, uint32_t lcore)
{
	hmi_check_ctx(ctx, "hm_move");
	if (lcore >= ctx->worker.lcores_count || (!hm_pid_is_none(actor) && actor.node != ctx->node))
		return HM_INVALID;
	if (hm_pid_is_none(actor))
		return HM_NO_RECEIVER;
	HMI_MARKED(ctx);
	return hmi_post(ctx, actor, order_new(ctx, lcore, HMI_MOVE_BY_PROGRAM));
}
