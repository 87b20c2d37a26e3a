/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over all that an actor owns, in portions.
 *
 *     owned ─▶ owned ─▶ mark ─▶ owned ─▶ ...      the next turn goes on behind the mark
 *
 * Between two portions the actor may get and lose resources: new ones come before the mark.
 */
#include "actor_pvt.h"

static void
mark_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_link *link = (struct hmi_link *)owned;

	(void)owner;
	hmi_link_unhash(&ctx->links, link);
	hmi_link_free(&ctx->links, link);
}

static const struct hmi_owned_ops mark_ops = { .drop = mark_drop, .outlives_restart = true };

/* Put a mark before what is looked at next. Returns whether there was memory for it. */
static bool
mark_put(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_owned *at)
{
	struct hmi_link *mark = hmi_link_new(&ctx->links, HMI_LINK_MARK, hm_pid_none());

	if (mark == NULL)
		return false;
	hmi_link_add(&ctx->links, cell, hmi_slot_of(ctx, cell), mark, &mark_ops);
	hmi_owned_remove(&mark->owned);
	hmi_owned_add(at->prev, &mark->owned, &mark_ops);
	return true;
}

/* Where the walk goes on: behind the mark, which is taken away, or at the beginning. */
static struct hmi_owned *
mark_take(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	struct hmi_link *mark =
		hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_MARK, hm_pid_none());
	struct hmi_owned *at;

	if (mark == NULL)
		return cell->actor.owned;
	at = mark->owned.next;
	hmi_link_remove(&ctx->links, mark);
	hmi_link_free(&ctx->links, mark);
	return at;
}

void
hmi_owned_walk_end(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	(void)mark_take(ctx, cell);
}

bool
hmi_owned_walk(struct hm_ctx *ctx, struct hmi_cell *cell, hmi_owned_visit_fn *visit)
{
	struct hmi_owned *at = mark_take(ctx, cell), *next;

	for (uint32_t n = 0; at != NULL; n++, at = next) {
		/* Without memory for the mark the portion is a bigger one. */
		if (n > 0 && n % HMI_SYSTEM_PORTION == 0 && mark_put(ctx, cell, at)) {
			(void)hmi_worker_steps(&ctx->worker, n);
			return false;
		}
		next = at->next;
		visit(ctx, cell, at);
	}
	return true;
}
