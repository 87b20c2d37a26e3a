/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours: a stack of receive functions, whose top is in the cell.
 */
#include "actor_pvt.h"
#include "check_pvt.h"
#include "hm_behaviour.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"

/* A function below the current one. */
struct hmi_behaviour {
	struct hmi_behaviour *next;
	hm_receive_fn *receive;
};

void
hmi_behaviours_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->behaviours, sizeof(struct hmi_behaviour));
}

static bool
pop(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;
	struct hmi_behaviour *top = extra != NULL ? extra->behaviours : NULL;

	if (top == NULL)
		return false;
	*hmi_receive_of(cell) = top->receive;
	extra->behaviours = top->next;
	extra->behaviours_count--;
	hmi_slab_put(&ctx->behaviours, top);
	return true;
}

void
hmi_behaviours_drop(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	while (pop(ctx, cell))
		;
}

void
hm_become(struct hm_ctx *ctx, hm_receive_fn *receive)
{
	struct hmi_cell *cell;

	hmi_check_ctx(ctx, "hm_become");
	HMI_MARKED(ctx);
	cell = ctx->cell;
	hmi_behaviours_drop(ctx, cell);
	*hmi_receive_of(cell) = receive != NULL ? receive : cell->actor.props->receive;
}

enum hm_result
hm_become_push(struct hm_ctx *ctx, hm_receive_fn *receive)
{
	struct hmi_behaviour *below;
	struct hmi_extra *extra;

	hmi_check_ctx(ctx, "hm_become_push");
	HMI_MARKED(ctx);
	if (receive == NULL)
		return HM_INVALID;
	extra = hmi_extra_get(&ctx->extras, ctx->cell);
	if (extra == NULL)
		return HM_NO_MEMORY;
	if (extra->behaviours_count == HM_BEHAVIOURS_MAX)
		return HM_WOULD_BLOCK;
	below = hmi_slab_get(&ctx->behaviours);
	if (below == NULL)
		return HM_NO_MEMORY;
	*below = (struct hmi_behaviour){ extra->behaviours, *hmi_receive_of(ctx->cell) };
	extra->behaviours = below;
	extra->behaviours_count++;
	*hmi_receive_of(ctx->cell) = receive;
	return HM_OK;
}

bool
hm_become_pop(struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_become_pop");
	HMI_MARKED(ctx);
	return pop(ctx, ctx->cell);
}
