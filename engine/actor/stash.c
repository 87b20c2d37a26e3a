/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stash: messages that were taken from the mailbox, and go back to its front. One that is stashed was not received:
 * it is counted when it is handled at last.
 */
#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "hm_behaviour.h"
#include "mark_pvt.h"
#include "receive_pvt.h"

static struct hmi_fifo *
stash_of(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? &cell->actor.extra->stash : NULL;
}

static uint32_t
capacity_of(const struct hmi_cell *cell)
{
	return cell->actor.props->stash != 0 ? cell->actor.props->stash : HM_STASH_DEFAULT;
}

void
hmi_stash_return(struct hmi_cell *cell)
{
	struct hmi_fifo *stash = stash_of(cell);

	if (stash != NULL)
		hmi_fifo_prepend(&cell->box, stash);
}

enum hm_result
hm_stash(struct hm_ctx *ctx)
{
	struct hm_msg *msg = ctx->msg;
	struct hmi_extra *extra;

	hmi_check_ctx(ctx, "hm_stash");
	HMI_MARKED(ctx);
	if (msg == NULL || msg->type < HM_TYPE_USER)
		return HM_NO_RECEIVER;
	extra = hmi_extra_get(&ctx->extras, ctx->cell);
	if (extra == NULL)
		return HM_NO_MEMORY;
	if (extra->stash.count >= capacity_of(ctx->cell))
		return HM_WOULD_BLOCK;
	extra->stashed++;
	hmi_received_take(ctx);
	hmi_guard_handed(msg);
	hmi_fifo_push(&extra->stash, msg);
	hmi_count(&ctx->received, (uint64_t)-1);
	return HM_OK;
}

bool
hm_unstash(struct hm_ctx *ctx)
{
	struct hmi_fifo *stash;
	struct hm_msg *msg;

	hmi_check_ctx(ctx, "hm_unstash");
	HMI_MARKED(ctx);
	stash = stash_of(ctx->cell);
	msg = stash != NULL ? hmi_fifo_pop(stash) : NULL;
	if (msg == NULL)
		return false;
	hmi_fifo_unpop(&ctx->cell->box, msg);
	return true;
}

uint32_t
hm_unstash_all(struct hm_ctx *ctx)
{
	const struct hmi_fifo *stash;
	uint32_t count;

	hmi_check_ctx(ctx, "hm_unstash_all");
	HMI_MARKED(ctx);
	stash = stash_of(ctx->cell);
	count = stash != NULL ? stash->count : 0;
	hmi_stash_return(ctx->cell);
	return count;
}

uint32_t
hm_stash_count(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_stash_count");
	return stash_of(ctx->cell) != NULL ? stash_of(ctx->cell)->count : 0;
}
