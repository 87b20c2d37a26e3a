/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver_pvt.h"

#include "dead_pvt.h"
#include "granted_pvt.h"

__attribute__((noinline)) void
hmi_deliver_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely(hmi_cell_is_free(cell)))
		hmi_deliver_stale(ctx, cell, msg);
	else if (msg->flags & HMI_MSG_SYSTEM)
		hmi_ops_of(ctx, cell)->system(ctx, cell, msg);
	else
		hmi_ops_of(ctx, cell)->deliver(ctx, cell, msg);
}

/* A process may have several PIDs, of one slot. */
static void
dead_or_another_pid(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (hmi_cell_named(ctx, msg->to) != NULL)
		hmi_deliver_other(ctx, cell, msg);
	else
		hmi_dead(ctx, msg, hmi_cell_late(cell, msg->to));
}

__attribute__((noinline)) void
hmi_deliver_stale(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	cell = hmi_granted_take_early(ctx, msg);
	if (cell != NULL)
		hmi_deliver_other(ctx, cell, msg);
	else
		dead_or_another_pid(ctx, hmi_cells_at(&ctx->cells, msg->to), msg);
}

void
hmi_deliver(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_deliver_to(ctx, hmi_cells_at(&ctx->cells, msg->to), msg);
}

void
hmi_deliver_burst(struct hm_ctx *ctx, struct hm_msg **msgs, uint32_t count)
{
	uint8_t flags = 0;

	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(msgs[i], 1);
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(hmi_cells_at(&ctx->cells, msgs[i]->to), 1);
	for (uint32_t i = 0; i < count; i++) {
		flags |= msgs[i]->flags;
		if (unlikely(msgs[i]->to_node != 0))
			hmi_provider_take(ctx, msgs[i]);
		else
			hmi_deliver(ctx, msgs[i]);
	}
	ctx->special |= flags & HMI_MSG_EXPIRES;
}

/* ---- The outbox ------------------------------------------------------------- */

static inline void
outbox_fetch(struct hmi_outbox *outbox)
{
	uint32_t until = outbox->head + RTE_MIN(hmi_outbox_count(outbox), HMI_OUTBOX_AHEAD);

	/* What was delivered early may be gone. */
	if ((int32_t)(outbox->fetched - outbox->head) < 0)
		outbox->fetched = outbox->head;
	for (; (int32_t)(until - outbox->fetched) > 0; outbox->fetched++) {
		const struct hmi_sent *sent = &outbox->ring[outbox->fetched & outbox->mask];

		__builtin_prefetch(sent->cell, 1);
		__builtin_prefetch(sent->msg, 1);
	}
}

uint32_t
hmi_outbox_deliver(struct hm_ctx *ctx)
{
	struct hmi_outbox *outbox = &ctx->outbox;
	uint32_t n = RTE_MIN(hmi_outbox_count(outbox), HMI_OUTBOX_BATCH);

	outbox_fetch(outbox);
	for (uint32_t i = 0; i < n; i++) {
		struct hmi_sent sent = hmi_outbox_pop(outbox);

		hmi_deliver_to(ctx, sent.cell, sent.msg);
	}
	return n;
}

void
hmi_outbox_flush(struct hm_ctx *ctx)
{
	/* A process that is no actor may send from within its delivery. */
	while (hmi_outbox_count(&ctx->outbox) > 0)
		hmi_outbox_deliver(ctx);
}

__attribute__((noinline)) void
hmi_outbox_full(struct hm_ctx *ctx, struct hm_msg *msg)
{
	(void)hmi_outbox_grow(&ctx->outbox);
	/* Delivering one may send another, into the room that it made. */
	while (hmi_outbox_count(&ctx->outbox) > ctx->outbox.mask) {
		struct hmi_sent oldest = hmi_outbox_pop(&ctx->outbox);

		hmi_deliver_to(ctx, oldest.cell, oldest.msg);
	}
	hmi_outbox_push(&ctx->outbox, msg, hmi_cells_at(&ctx->cells, msg->to));
}
