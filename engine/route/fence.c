/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fences: when an actor moves, what it has sent from its old lcore must not be overtaken by what it sends from the new one.
 *
 *     old lcore ──FENCE──▶ every other lcore ──FENCE──▶ those that it forwards to ──FENCE──▶ ...
 *               ◀──DONE──
 *               ──the actor──▶ new lcore ──FENCE──▶ those that it forwards to ──FENCE──▶ ...
 *
 * A fence is behind all that its lane was given before. A message to an actor that has moved passes three lanes at most: to
 * its home, to the place that it has left, to its place (it does not move again before its home knows). What a route holds has
 * left it before the fence goes on.
 *
 * A fence lies in a control message, so that there is always memory for it.
 */
#include "forward_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* Lanes that a message passes at most, and those that are left when it has come to the actor's new lcore. */
#define HOPS      3u
#define HOPS_LEFT 2u

struct hmi_fence {
	struct hmi_fence *next, **prev; /* of the lcore's list that it is in */
	struct hm_msg *msg;             /* that holds this */
	uint64_t serial;                /* what was held before is waited for */
	uint64_t place;                 /* of the actor; 0: the fence is another one's */
	struct hmi_fence *origin;       /* that one, ... */
	uint32_t index;                 /* ... and its lcore */
	uint32_t hops, waits;
};

/* Body of HMI_COMMAND_FENCE and HMI_COMMAND_FENCE_DONE. */
struct fence_note {
	struct hmi_fence *origin; /* of its lcore alone */
	uint32_t index, hops;
};

static void
note_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t command, struct fence_note note)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, command, sizeof(note));

	*(struct fence_note *)hm_msg_body_mut(msg) = note;
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
}

static void
list_add(struct hmi_fence **list, struct hmi_fence *fence)
{
	fence->next = *list;
	fence->prev = list;
	if (fence->next != NULL)
		fence->next->prev = &fence->next;
	*list = fence;
}

static void
list_remove(struct hmi_fence *fence)
{
	*fence->prev = fence->next;
	if (fence->next != NULL)
		fence->next->prev = fence->prev;
}

/* One that it has waited for is over. */
static void
done(struct hm_ctx *ctx, struct hmi_fence *fence)
{
	if (--fence->waits > 0)
		return;
	if (fence->place != 0)
		hmi_route_note_post(ctx, hmi_local_lcore(fence->place), HMI_COMMAND_MOVE_FENCED, 0,
				    fence->place);
	else
		note_post(ctx, fence->index, HMI_COMMAND_FENCE_DONE,
			  (struct fence_note){ .origin = fence->origin });
	list_remove(fence);
	hmi_msg_release(&ctx->cache, fence->msg);
}

static bool
has_to_know(const struct hm_ctx *ctx, const struct hmi_fence *fence, uint32_t lcore)
{
	if (lcore == hmi_index(ctx))
		return false;
	return fence->hops == HOPS ? lcore != hmi_local_lcore(fence->place) : ctx->routes.toward[lcore] > 0;
}

static void
spread(struct hm_ctx *ctx, struct hmi_fence *fence)
{
	struct fence_note note = { .origin = fence, .index = hmi_index(ctx), .hops = fence->hops - 1 };

	list_add(&ctx->routes.fences_out, fence);
	fence->waits = 1;
	for (uint32_t i = 0; fence->hops > 0 && i < ctx->sys->lcores_count; i++) {
		if (!has_to_know(ctx, fence, i))
			continue;
		fence->waits++;
		note_post(ctx, i, HMI_COMMAND_FENCE, note);
	}
	done(ctx, fence);
}

void
hmi_fences_advance(struct hm_ctx *ctx)
{
	struct hmi_routes *routes = &ctx->routes;
	struct hmi_fence *fence;

	while ((fence = routes->fence_first) != NULL &&
	       (routes->hold_first == NULL || routes->hold_first->hold_serial > fence->serial)) {
		routes->fence_first = fence->next;
		spread(ctx, fence);
	}
}

static void
add(struct hm_ctx *ctx, const struct hmi_fence *as)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_COMMAND_FENCE, sizeof(struct hmi_fence));
	struct hmi_fence *fence = hm_msg_body_mut(msg);
	struct hmi_routes *routes = &ctx->routes;

	*fence = *as;
	fence->next = NULL;
	fence->msg = msg;
	fence->serial = routes->hold_serial;
	if (routes->fence_first == NULL)
		routes->fence_first = fence;
	else
		routes->fence_last->next = fence;
	routes->fence_last = fence;
	hmi_fences_advance(ctx);
}

void
hmi_fence_leave(struct hm_ctx *ctx, uint64_t place)
{
	add(ctx, &(struct hmi_fence){ .place = place, .hops = HOPS });
}

void
hmi_fence_arrive(struct hm_ctx *ctx, uint64_t place)
{
	add(ctx, &(struct hmi_fence){ .place = place, .hops = HOPS_LEFT });
}

void
hmi_fence_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct fence_note *note = hm_msg_body(msg);

	add(ctx, &(struct hmi_fence){ .origin = note->origin, .index = note->index, .hops = note->hops });
}

void
hmi_fence_done_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	done(ctx, ((const struct fence_note *)hm_msg_body(msg))->origin);
}

void
hmi_fences_shut_down(struct hm_ctx *ctx)
{
	struct hmi_fence *fence;

	while ((fence = ctx->routes.fence_first) != NULL) {
		ctx->routes.fence_first = fence->next;
		hmi_msg_release(&ctx->cache, fence->msg);
	}
	while ((fence = ctx->routes.fences_out) != NULL) {
		list_remove(fence);
		hmi_msg_release(&ctx->cache, fence->msg);
	}
}
