/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_pvt.h"
#include "check_pvt.h"
#include "hm_children.h"

/* On the actor's lcore, in the ring. While a receive function runs the ring only gets longer, before its first child. */
static bool
next_here(struct hm_ctx *ctx, struct hm_child_iter *iter, struct hm_pid *child)
{
	uint32_t slot = iter->slot != 0 ? hmi_cells_slot(&ctx->cells, iter->slot)->actor.sibling_next
					: ctx->cell->actor.first_child;

	if (slot == 0 || slot == iter->first)
		return false;
	if (iter->slot == 0)
		iter->first = slot;
	iter->slot = slot;
	*child = hmi_pid_of(ctx, hmi_cells_slot(&ctx->cells, slot));
	return true;
}

/* On other lcores: links among what the actor owns. A child's link stays while a receive function runs. */
static bool
next_elsewhere(struct hm_ctx *ctx, struct hm_child_iter *iter, struct hm_pid *child)
{
	const struct hmi_owned *last = iter->at;
	const struct hmi_owned *owned = last != NULL ? last->next : ctx->cell->actor.owned;

	while (owned != NULL && !hmi_child_is_link(owned))
		owned = owned->next;
	if (owned == NULL)
		return false;
	iter->at = owned;
	*child = ((const struct hmi_link *)owned)->pid;
	return true;
}

bool
hm_child_next(struct hm_ctx *ctx, struct hm_child_iter *iter, struct hm_pid *child)
{
	hmi_check_ctx(ctx, "hm_child_next");
	if (iter->at == NULL && next_here(ctx, iter, child))
		return true;
	return next_elsewhere(ctx, iter, child);
}
