/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an actor comes to another lcore: room for it, and the actor itself.
 */
#include "move_pvt.h"

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "deliver_pvt.h"
#include "granted_pvt.h"
#include "dead_pvt.h"
#include "move_record_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* A new slot for an actor. 0: no memory. */
static uint64_t
place_reserve(struct hm_ctx *ctx)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);

	if (cell == NULL)
		return 0;
	cell->ops = &hmi_granted_ops;
	/* Its priority is not known yet. */
	if (hmi_worker_class_reserve(&ctx->worker, HMI_CLASS_HIGH, ctx->cells.live) == 0 &&
	    hmi_worker_class_reserve(&ctx->worker, HMI_CLASS_LOW, ctx->cells.live) == 0)
		return hmi_place_of(ctx, cell);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_NO_PROCESS);
	return 0;
}

void
hmi_move_reserve_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	struct hmi_route *route = hmi_route_get(ctx, note->home);
	uint64_t place = 0;
	struct hm_msg *answer;

	if (route != NULL) {
		HMI_ASSERT(route->state == HMI_ROUTE_FORWARD);
		place = route->here != 0 ? route->here : place_reserve(ctx);
	}
	answer = hmi_route_note(ctx, HMI_SYS_MOVE_READY, note->home, place);
	if (route == NULL) {
		(void)hmi_post(ctx, (struct hm_pid){ ctx->node, note->home }, answer);
		return;
	}
	hmi_route_pass(ctx, route, answer);
	if (place == 0) {
		hmi_route_end(ctx, note->home);
		return;
	}
	route->here = place;
	hmi_route_hold(ctx, route, HMI_ROUTE_RESERVED);
}

void
hmi_move_release_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	struct hmi_route *route = hmi_route_find(ctx, note->home);

	if (route == NULL)
		return;
	HMI_ASSERT(route->state == HMI_ROUTE_RESERVED);
	hmi_route_release(ctx, route, HMI_ROUTE_FORWARD);
	if (hmi_local_lcore(note->home) != hmi_index(ctx))
		hmi_route_end(ctx, note->home);
}

static void
slabs_adopt(struct hm_ctx *ctx)
{
	if (ctx->has_adopted)
		return;
	ctx->has_adopted = true;
	for (unsigned int c = 0; c < HMI_STATE_CLASSES; c++)
		hmi_slab_adopt(&ctx->states[c]);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		hmi_slab_adopt(&ctx->timer_bodies[c]);
	hmi_slab_adopt(&ctx->extras);
	hmi_slab_adopt(&ctx->behaviours);
	hmi_slab_adopt(&ctx->receive_timeouts);
	hmi_slab_adopt(&ctx->pressures);
	hmi_slab_adopt(&ctx->records);
	hmi_slab_adopt(&ctx->failures);
	hmi_slab_adopt(&ctx->timers);
	hmi_slab_adopt(&ctx->moves);
	hmi_slab_adopt(&ctx->claims);
	hmi_slab_adopt(&ctx->links.slab);
}

static void
owned_arrive(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_owned *owned = cell->actor.owned, *next;

	if (owned != NULL)
		owned->prev = &cell->actor.owned;
	for (; owned != NULL; owned = next) {
		next = owned->next;
		owned->ops->arrive(ctx, cell, owned);
	}
}

/* The cell, which was a slot in reserve or a forwarder, is the actor. It looks as if it were in the run queue. */
static void
cell_unpack(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_move_pack *pack)
{
	uint32_t generation = cell->generation;

	memcpy(cell, pack->cell, sizeof(pack->cell));
	cell->generation = generation;
	cell->scheduled &= HMI_SCHEDULED_CLASS | HMI_SCHEDULED_QUANTUM | HMI_SCHEDULED_BOX;
	cell->scheduled |= HMI_SCHEDULED_QUEUED | (pack->home == pack->place ? 0 : HMI_SCHEDULED_MOVED);
	cell->actor.extra->move->slot = hmi_slot_of(ctx, cell);
	ctx->child_serial = RTE_MAX(ctx->child_serial, pack->child_serial);
	owned_arrive(ctx, cell);
}

/* Those that still forward to where it was are told; until they have changed their way it does not move again. */
static void
settle_begin(struct hm_ctx *ctx, struct hmi_move *move, const struct hmi_move_pack *pack)
{
	uint32_t home = hmi_local_lcore(pack->home);

	move->left = pack->from != home ? pack->from : HMI_MOVE_NONE;
	move->unsettled = (move->left != HMI_MOVE_NONE) + (home != hmi_index(ctx) && home != pack->from);
	if (move->left != HMI_MOVE_NONE)
		hmi_route_note_post(ctx, move->left, HMI_COMMAND_ROUTE_MOVED, pack->home, 0);
	if (home != hmi_index(ctx) && home != pack->from)
		hmi_route_note_post(ctx, home, HMI_COMMAND_ROUTE_MOVED, pack->home, 0);
}

static void
arrived_count(struct hm_ctx *ctx, struct hmi_move *move)
{
	move->arrived_ns = ctx->worker.now_ns;
	hmi_count(&ctx->stats.moved, 1);
	hmi_count(&ctx->stats.balanced, move->by == HMI_MOVE_BY_LOAD);
	hmi_count(&ctx->stats.joined, move->by == HMI_MOVE_BY_CHAT);
}

void
hmi_move_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_move_pack *pack = hm_msg_body(msg);
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, pack->place);
	struct hmi_route *route = hmi_route_find(ctx, pack->home);
	uint32_t budget = UINT32_MAX;

	if (hmi_is_forwarder(cell))
		hmi_forwarder_end(ctx, route);
	else /* to a made-up PID */
		(void)hmi_mailbox_dead_letter(ctx, cell, HM_DEAD_NO_PROCESS, &budget);
	slabs_adopt(ctx);
	ctx->has_parted = true;
	ctx->special |= HMI_MSG_EXPIRES;
	cell_unpack(ctx, cell, pack);
	/* Others may have waited beside the order to come, a stop among them. */
	hmi_system_lane_push_first(&cell->actor.system, hmi_control(&ctx->cache, HMI_SYS_MOVED, 0));
	cell->pending |= HMI_PENDING_SYSTEM;
	arrived_count(ctx, cell->actor.extra->move);
	ctx->gone--;
	route->target = pack->place;
	hmi_route_release(ctx, route, HMI_ROUTE_LOCAL);
	settle_begin(ctx, cell->actor.extra->move, pack);
	cell->actor.extra->move->unfenced = HMI_FENCES;
	hmi_fence_arrive(ctx, pack->place);
}

void
hmi_move_fenced_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	struct hmi_cell *cell = hmi_move_actor_at(ctx, note->local);

	HMI_ASSERT(cell != NULL);
	if (--hmi_move_of(cell)->unfenced > 0)
		return;
	hmi_queue(ctx, cell);
}

void
hmi_move_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	const struct hmi_move_pack *pack = hm_msg_body(msg);

	(void)reason;
	/* Nothing runs any more: what becomes of the actor is the affair of the lcore that it was to come to. */
	hmi_move_run(ctx->sys->lcores[hmi_local_lcore(pack->place)], msg);
}

void
hmi_move_mark(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *mark)
{
	const struct hmi_route_note *note = hm_msg_body(mark);

	hmi_route_note_post(ctx, note->index, HMI_COMMAND_ROUTE_READY, note->home, hmi_place_of(ctx, cell));
}
