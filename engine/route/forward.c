/* SPDX-License-Identifier: Apache-2.0 */
#include "forward_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "assert_pvt.h"
#include "dead_pvt.h"
#include "granted_pvt.h"
#include "expire_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* ---- The hash --------------------------------------------------------------------- */

#define BUCKETS_FIRST 64u

int
hmi_routes_create(struct hm_ctx *ctx)
{
	struct hmi_routes *routes = &ctx->routes;

	hmi_slab_init(&routes->slab, sizeof(struct hmi_route));
	routes->buckets = calloc(BUCKETS_FIRST, sizeof(*routes->buckets));
	routes->mask = BUCKETS_FIRST - 1;
	return routes->buckets != NULL ? 0 : -ENOMEM;
}

void
hmi_routes_destroy(struct hm_ctx *ctx)
{
	free(ctx->routes.buckets);
	hmi_slab_destroy(&ctx->routes.slab);
}

static struct hmi_route **
bucket_of(const struct hmi_routes *routes, uint64_t home)
{
	/* The slot is in the upper half, and neighbours differ by little. */
	return &routes->buckets[(uint32_t)((home >> 32) * 0x9e3779b1u >> 7) & routes->mask];
}

static void
push(struct hmi_routes *routes, struct hmi_route *route)
{
	struct hmi_route **bucket = bucket_of(routes, route->home);

	route->next = *bucket;
	*bucket = route;
}

/* Without memory for more the buckets only grow longer. */
static void
grow(struct hmi_routes *routes)
{
	uint32_t old_mask = routes->mask;
	struct hmi_route **old = routes->buckets,
			 **buckets = calloc(2 * ((size_t)old_mask + 1), sizeof(*old));

	if (buckets == NULL)
		return;
	routes->buckets = buckets;
	routes->mask = 2 * old_mask + 1;
	for (uint32_t i = 0; i <= old_mask; i++) {
		for (struct hmi_route *route = old[i], *next; route != NULL; route = next) {
			next = route->next;
			push(routes, route);
		}
	}
	free(old);
}

struct hmi_route *
hmi_route_find(const struct hm_ctx *ctx, uint64_t home)
{
	struct hmi_route *route = *bucket_of(&ctx->routes, home);

	while (route != NULL && route->home != home)
		route = route->next;
	return route;
}

struct hmi_route *
hmi_route_get(struct hm_ctx *ctx, uint64_t home)
{
	struct hmi_route *route = hmi_route_find(ctx, home);

	if (route != NULL)
		return route;
	route = hmi_slab_get(&ctx->routes.slab);
	if (route == NULL)
		return NULL;
	*route = (struct hmi_route){ .home = home, .target = home };
	if (ctx->routes.count++ > ctx->routes.mask)
		grow(&ctx->routes);
	push(&ctx->routes, route);
	return route;
}

static void
route_free(struct hm_ctx *ctx, struct hmi_route *route)
{
	HMI_ASSERT(route->held.head == NULL && route->forward == 0);
	struct hmi_route **at = bucket_of(&ctx->routes, route->home);

	while (*at != route)
		at = &(*at)->next;
	*at = route->next;
	ctx->routes.count--;
	hmi_slab_put(&ctx->routes.slab, route);
}

/* ---- Sending ---------------------------------------------------------------------- */

/* To a slot of another lcore. */
static void
lane_push(struct hm_ctx *ctx, uint64_t to, struct hm_msg *msg)
{
	msg->to = to;
	if ((msg->flags & (HMI_MSG_EXPIRES | HMI_MSG_SYSTEM)) == HMI_MSG_EXPIRES)
		hmi_deadline_settle_handed(ctx, msg);
	HMI_DEBUG_ASSERT(hmi_local_lcore(to) != hmi_index(ctx));
	hmi_worker_push(&ctx->worker, hmi_local_lcore(to), msg);
}

void
hmi_route_pass(struct hm_ctx *ctx, const struct hmi_route *route, struct hm_msg *msg)
{
	if (route->state == HMI_ROUTE_LOCAL) {
		msg->to = route->target;
		hmi_deliver(ctx, msg);
	} else {
		lane_push(ctx, route->target, msg);
	}
}

static bool
is_holding(enum hmi_route_state state)
{
	return state == HMI_ROUTE_MARKED || state == HMI_ROUTE_RESERVED;
}

void
hmi_route_send(struct hm_ctx *ctx, struct hmi_route *route, struct hm_msg *msg)
{
	if (is_holding(route->state))
		hmi_fifo_push(&route->held, msg);
	else
		hmi_route_pass(ctx, route, msg);
}

void
hmi_route_hold(struct hm_ctx *ctx, struct hmi_route *route, enum hmi_route_state state)
{
	struct hmi_routes *routes = &ctx->routes;

	if (!is_holding(route->state)) {
		route->hold_serial = ++routes->hold_serial;
		route->hold_next = NULL;
		route->hold_prev = routes->hold_last;
		if (routes->hold_last != NULL)
			routes->hold_last->hold_next = route;
		else
			routes->hold_first = route;
		routes->hold_last = route;
	}
	route->state = state;
}

static void
hold_remove(struct hmi_routes *routes, struct hmi_route *route)
{
	if (route->hold_prev != NULL)
		route->hold_prev->hold_next = route->hold_next;
	else
		routes->hold_first = route->hold_next;
	if (route->hold_next != NULL)
		route->hold_next->hold_prev = route->hold_prev;
	else
		routes->hold_last = route->hold_prev;
}

void
hmi_route_release(struct hm_ctx *ctx, struct hmi_route *route, enum hmi_route_state state)
{
	bool held = is_holding(route->state);
	struct hm_msg *msg;

	route->state = state;
	if (!held)
		return;
	while ((msg = hmi_fifo_pop(&route->held)) != NULL)
		hmi_route_pass(ctx, route, msg);
	hold_remove(&ctx->routes, route);
	hmi_fences_advance(ctx);
}

struct hm_msg *
hmi_route_note(struct hm_ctx *ctx, uint16_t type, uint64_t home, uint64_t local)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, type, sizeof(struct hmi_route_note));

	*(struct hmi_route_note *)hm_msg_body_mut(msg) =
		(struct hmi_route_note){ .home = home, .local = local, .index = hmi_index(ctx) };
	return msg;
}

void
hmi_route_note_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t command, uint64_t home, uint64_t local)
{
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), hmi_route_note(ctx, command, home, local));
}

/* ---- The forwarder ------------------------------------------------------------------ */

static bool
is_home(const struct hm_ctx *ctx, const struct hmi_route *route)
{
	return hmi_local_lcore(route->home) == hmi_index(ctx);
}

void
hmi_forward(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_route *route = cell->route;

	/* Away from home what comes was under way when the actor left: other lcores may wait for it. */
	if (is_home(ctx, route))
		hmi_route_send(ctx, route, msg);
	else
		lane_push(ctx, route->forward, msg);
}

const struct hmi_process_ops hmi_forward_ops = {
	.deliver = hmi_forward,
	.system = hmi_forward,
};

static void
forward_set(struct hm_ctx *ctx, struct hmi_route *route, uint64_t place)
{
	if (route->forward != 0)
		ctx->routes.toward[hmi_local_lcore(route->forward)]--;
	if (place != 0)
		ctx->routes.toward[hmi_local_lcore(place)]++;
	route->forward = place;
}

/* The slot of an actor, which keeps its PIDs, is another process. */
static void
cell_become(struct hmi_cell *cell, const struct hmi_process_ops *ops, struct hmi_route *route)
{
	uint32_t generation = cell->generation;

	hmi_cell_clear(cell);
	cell->generation = generation;
	cell->ops = ops;
	cell->route = route;
}

void
hmi_forwarder_make(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_route *route, uint64_t place)
{
	route->here = hmi_place_of(ctx, cell);
	route->target = place;
	route->state = HMI_ROUTE_FORWARD;
	forward_set(ctx, route, place);
	cell_become(cell, &hmi_forward_ops, route);
}

void
hmi_forwarder_end(struct hm_ctx *ctx, struct hmi_route *route)
{
	forward_set(ctx, route, 0);
}

/* ---- Its end ------------------------------------------------------------------------- */

static bool
held_drop(struct hm_ctx *ctx, struct hmi_route *route, enum hm_dead_reason reason)
{
	struct hm_msg *msg;
	bool any = false;

	for (; (msg = hmi_fifo_pop(&route->held)) != NULL; any = true) {
		msg->to = route->home;
		hmi_dead(ctx, msg, reason);
	}
	return any;
}

static void
slot_free(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, local);
	uint32_t budget = UINT32_MAX;

	/* It may be the actor itself, which frees it. */
	if (cell == NULL || hmi_cell_is_actor(cell))
		return;
	if (!hmi_is_forwarder(cell))
		(void)hmi_mailbox_dead_letter(ctx, cell, HM_DEAD_NO_PROCESS, &budget);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_NO_PROCESS);
}

void
hmi_route_end(struct hm_ctx *ctx, uint64_t home)
{
	struct hmi_route *route = hmi_route_find(ctx, home);
	bool held;

	if (route == NULL)
		return;
	held = is_holding(route->state);
	(void)held_drop(ctx, route, HM_DEAD_NO_PROCESS);
	if (held)
		hold_remove(&ctx->routes, route);
	forward_set(ctx, route, 0);
	if (route->here != 0)
		slot_free(ctx, route->here);
	route_free(ctx, route);
	if (held)
		hmi_fences_advance(ctx);
}

/* The sender of what comes too late knows the actor by its home. */
static void
ended_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	msg->to = cell->route->home;
	hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
}

static const struct hmi_process_ops ended_ops = {
	.deliver = ended_deliver,
	.system = ended_deliver,
};

/* `via`: the lcore that forwards to the place, beside home; that of the place: none. */
static void
end_post(struct hm_ctx *ctx, uint32_t lcore, uint64_t home, uint64_t place, uint32_t via)
{
	struct hm_msg *msg = hmi_route_note(ctx, HMI_COMMAND_ROUTE_END, home, place);

	((struct hmi_route_note *)hm_msg_body_mut(msg))->index = via;
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
}

struct hmi_route *
hmi_route_end_away(struct hm_ctx *ctx, uint64_t home, uint32_t via)
{
	struct hmi_route *route = hmi_route_find(ctx, home);

	end_post(ctx, hmi_local_lcore(home), home, route->here, via);
	return route;
}

void
hmi_route_answer(struct hmi_cell *cell, struct hmi_route *route)
{
	cell_become(cell, &ended_ops, route);
}

bool
hmi_routes_shut_down(struct hm_ctx *ctx)
{
	bool any = false;

	for (uint32_t i = 0; i <= ctx->routes.mask; i++) {
		for (struct hmi_route *route = ctx->routes.buckets[i]; route != NULL; route = route->next)
			any |= held_drop(ctx, route, HM_DEAD_SHUTDOWN);
	}
	return any;
}

void
hmi_route_lost(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);

	hmi_route_note_post(ctx, note->index, HMI_COMMAND_ROUTE_END, note->home, 0);
}

/* ---- Commands ---------------------------------------------------------------------------- */

void
hmi_route_moved_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	struct hmi_route *route = hmi_route_find(ctx, note->home);

	/* The actor is gone. */
	if (route == NULL)
		return;
	HMI_ASSERT(route->state == HMI_ROUTE_FORWARD);
	hmi_route_pass(ctx, route, hmi_route_note(ctx, HMI_SYS_ROUTE_MARK, note->home, 0));
	hmi_route_hold(ctx, route, HMI_ROUTE_MARKED);
}

void
hmi_route_ready_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	struct hmi_route *route = hmi_route_find(ctx, note->home);

	if (route == NULL)
		return;
	HMI_ASSERT(route->state == HMI_ROUTE_MARKED);
	if (is_home(ctx, route)) {
		route->target = note->local;
		forward_set(ctx, route, note->local);
	} else {
		route->target = note->home;
	}
	hmi_route_release(ctx, route, HMI_ROUTE_FORWARD);
	hmi_route_note_post(ctx, hmi_local_lcore(note->local), HMI_COMMAND_ROUTE_SETTLED, note->home,
			    note->local);
}

void
hmi_route_end_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_route_note *note = hm_msg_body(msg);
	uint32_t place;

	hmi_route_end(ctx, note->home);
	if (note->local == 0)
		return;
	/* Behind all that was forwarded to there. */
	place = hmi_local_lcore(note->local);
	end_post(ctx, note->index, note->home, note->index != place ? note->local : 0, place);
}
