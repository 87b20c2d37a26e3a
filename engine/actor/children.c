/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The children of an actor: those on its own lcore are a ring of siblings, through their cells; those on
 * other lcores are links.
 *
 *     parent.first_child ──▶ child ⇄ child ⇄ child ⇄ (first)
 *
 * A child leaves the ring when it ends; it counts until its parent has handled the notification.
 * Many are stopped in portions: first the ring, whose cells say which have been sent a stop, then those elsewhere.
 */
#include <errno.h>

#include "actor_pvt.h"
#include "assert_pvt.h"
#include "directive_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* The parent has ended first only when the system is taken apart: nothing is left to do. */
static void
link_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_link *link = (struct hmi_link *)owned;

	(void)owner;
	hmi_link_unhash(&ctx->links, link);
	hmi_link_free(&ctx->links, link);
}

static const struct hmi_owned_ops child_link_ops = {
	.drop = link_drop,
	.outlives_restart = true,
	.may_move = hmi_link_may_move,
	.leave = hmi_link_leave,
	.arrive = hmi_link_arrive,
};

bool
hmi_child_is_link(const struct hmi_owned *owned)
{
	return owned->ops == &child_link_ops && ((const struct hmi_link *)owned)->kind == HMI_LINK_CHILD;
}

static bool
is_here(const struct hm_ctx *ctx, struct hm_pid child)
{
	return hm_pid_lcore(child) == hmi_index(ctx);
}

/* A child leaves the ring that a walk goes over. */
static void
walk_pass(struct hmi_children_walk *walk, uint32_t slot, const struct hmi_cell *child)
{
	if (slot == walk->next)
		walk->next = slot != walk->last ? child->actor.sibling_next : 0;
	else if (slot == walk->last)
		walk->last = child->actor.sibling_prev;
}

static void
ring_remove(struct hm_ctx *ctx, struct hmi_cell *parent, const struct hmi_cell *child)
{
	uint32_t slot = hmi_slot_of(ctx, child), next = child->actor.sibling_next;

	if (unlikely((parent->pending & HMI_PENDING_STOPS) != 0) && parent->actor.extra != NULL &&
	    parent->actor.extra->spread != NULL)
		walk_pass(&parent->actor.extra->spread->ring, slot, child);
	if (next == slot) {
		parent->actor.first_child = 0;
		return;
	}
	hmi_cells_slot(&ctx->cells, next)->actor.sibling_prev = child->actor.sibling_prev;
	hmi_cells_slot(&ctx->cells, child->actor.sibling_prev)->actor.sibling_next = next;
	if (parent->actor.first_child == slot)
		parent->actor.first_child = next;
}

int
hmi_child_link(struct hm_ctx *ctx, struct hm_pid child)
{
	struct hmi_link *link = hmi_link_new(&ctx->links, HMI_LINK_CHILD, child);

	if (link == NULL)
		return -ENOMEM;
	hmi_link_add(&ctx->links, ctx->cell, hmi_slot_of(ctx, ctx->cell), link, &child_link_ops);
	ctx->cell->actor.children++;
	return 0;
}

void
hmi_child_undo(struct hm_ctx *ctx, struct hm_pid child)
{
	if (hmi_child_is_in_ring(ctx, child.local))
		ring_remove(ctx, ctx->cell, hmi_cells_at(&ctx->cells, child.local));
	else
		hmi_link_drop(&ctx->links, hmi_slot_of(ctx, ctx->cell), HMI_LINK_CHILD, child);
	ctx->cell->actor.children--;
}

void
hmi_child_leave(struct hm_ctx *ctx, struct hmi_cell *child)
{
	struct hmi_cell *parent = hmi_cells_at(&ctx->cells, child->actor.parent);

	/* Elsewhere it is a link, which goes when the parent is notified. A ring's parent is here, and waits for its children. */
	if (child->actor.sibling_next == 0)
		return;
	HMI_DEBUG_ASSERT(parent == hmi_cell_live(ctx, child->actor.parent));
	ring_remove(ctx, parent, child);
}

void
hmi_child_gone(struct hm_ctx *ctx, struct hmi_cell *parent, struct hm_pid child)
{
	if (!is_here(ctx, child) || ctx->has_parted)
		hmi_link_drop(&ctx->links, hmi_slot_of(ctx, parent), HMI_LINK_CHILD, child);
	hmi_child_count_down(parent);
	hmi_supervise_forget(ctx, parent, child);
}

/* ---- Parting ----------------------------------------------------------------------- */

/* Links for a number of children, through owned.next; NULL: no memory, or none are needed. */
static struct hmi_owned *
links_new(struct hm_ctx *ctx, uint32_t count)
{
	struct hmi_owned *list = NULL;

	while (count-- > 0) {
		struct hmi_link *link = hmi_link_new(&ctx->links, HMI_LINK_CHILD, hm_pid_none());

		if (link == NULL)
			break;
		link->owned.next = list;
		list = &link->owned;
		if (count == 0)
			return list;
	}
	for (struct hmi_owned *next; list != NULL; list = next) {
		next = list->next;
		hmi_link_free(&ctx->links, (struct hmi_link *)list);
	}
	return NULL;
}

/* Returns the rest of the list. */
static struct hmi_owned *
link_use(struct hm_ctx *ctx, struct hmi_cell *parent, struct hmi_cell *child, struct hmi_owned *list)
{
	struct hmi_link *link = (struct hmi_link *)list;
	struct hmi_owned *rest = list->next;

	ring_remove(ctx, parent, child);
	child->actor.sibling_next = child->actor.sibling_prev = 0;
	link->pid = hmi_pid_of(ctx, child);
	hmi_link_add(&ctx->links, parent, hmi_slot_of(ctx, parent), link, &child_link_ops);
	return rest;
}

static uint32_t
ring_count(const struct hm_ctx *ctx, const struct hmi_cell *parent)
{
	uint32_t first = parent->actor.first_child, count = first != 0;

	for (uint32_t slot = first; slot != 0; count++) {
		slot = hmi_cells_slot(&ctx->cells, slot)->actor.sibling_next;
		if (slot == first)
			return count;
	}
	return 0;
}

int
hmi_children_part(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_cell *parent =
		cell->actor.sibling_next != 0 ? hmi_cell_live(ctx, cell->actor.parent) : NULL;
	uint32_t count = ring_count(ctx, cell) + (parent != NULL);
	struct hmi_owned *list;

	/* Its links have been looked at, and so nobody would tell this one. */
	if (parent != NULL && (parent->pending & HMI_PENDING_STOPS) != 0)
		return -EAGAIN;
	list = links_new(ctx, count);
	if (list == NULL)
		return count == 0 ? 0 : -ENOMEM;
	ctx->has_parted = true;
	while (cell->actor.first_child != 0)
		list = link_use(ctx, cell, hmi_cells_slot(&ctx->cells, cell->actor.first_child), list);
	if (parent != NULL)
		(void)link_use(ctx, parent, cell, list);
	return 0;
}

/* ---- Stopping, in portions --------------------------------------------------------- */

static void
stop_post(struct hm_ctx *ctx, struct hm_pid child)
{
	hmi_control_post(ctx, child, hm_pid_none(), HM_SYS_STOP);
	(void)hmi_worker_steps(&ctx->worker, 1);
}

/* Those on other lcores are among what the parent owns. */
static void
stop_elsewhere(struct hm_ctx *ctx, struct hmi_cell *parent, struct hmi_owned *owned)
{
	(void)parent;
	if (owned->ops == &child_link_ops)
		stop_post(ctx, ((const struct hmi_link *)owned)->pid);
}

/* Those of this lcore. Returns whether all have been sent a stop. */
static bool
stop_here(struct hm_ctx *ctx, struct hmi_cell *parent)
{
	for (uint32_t n = 0; parent->actor.first_child != 0; n++) {
		struct hmi_cell *child = hmi_cells_slot(&ctx->cells, parent->actor.first_child);

		if ((child->scheduled & HMI_SCHEDULED_STOP_SENT) != 0)
			break;
		if (n == HMI_SYSTEM_PORTION)
			return false;
		child->scheduled |= HMI_SCHEDULED_STOP_SENT;
		/* The ring turns, so that those which have got it come last. */
		parent->actor.first_child = child->actor.sibling_next;
		stop_post(ctx, hmi_pid_of(ctx, child));
	}
	return true;
}

void
hmi_children_stop(struct hm_ctx *ctx, struct hmi_cell *parent)
{
	/* They may be gone before all that the parent owns was looked at. */
	if (parent->actor.children == 0)
		hmi_owned_walk_end(ctx, parent);
	else if (!stop_here(ctx, parent) || !hmi_owned_walk(ctx, parent, stop_elsewhere))
		return;
	parent->pending &= (uint8_t)~HMI_PENDING_STOPS;
}

/* ---- All of them, in portions ------------------------------------------------------- */

void
hmi_children_walk_begin(const struct hm_ctx *ctx, const struct hmi_cell *parent,
			struct hmi_children_walk *walk)
{
	walk->next = walk->last = parent->actor.first_child;
	if (walk->next != 0)
		walk->last = hmi_cells_slot(&ctx->cells, walk->next)->actor.sibling_prev;
}

struct hmi_cell *
hmi_children_walk(const struct hm_ctx *ctx, struct hmi_children_walk *walk)
{
	struct hmi_cell *child = walk->next != 0 ? hmi_cells_slot(&ctx->cells, walk->next) : NULL;

	if (child != NULL)
		walk->next = walk->next != walk->last ? child->actor.sibling_next : 0;
	return child;
}
