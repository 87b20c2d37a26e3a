/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests whose time is up.
 */
#include "expire_pvt.h"

#include <rte_common.h>

#include "annex_pvt.h"
#include "check_pvt.h"
#include "msg_pvt.h"

/* The deadline of a request: what it carries, or what the asking process of this lcore knows. */
static uint64_t
deadline_exact(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	uint64_t carried = hmi_annex_deadline(msg), known = 0;
	const struct hmi_cell *cell;

	if (msg->sender.node != ctx->node)
		return carried;
	cell = hmi_cell_live(ctx, msg->sender.local);
	if (cell != NULL && hmi_ops_of(ctx, cell)->waits_until_ns != NULL)
		known = hmi_ops_of(ctx, cell)->waits_until_ns(ctx, cell);
	return RTE_MAX(carried, known);
}

bool
hmi_is_expired(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	uint64_t now_ns = hmi_worker_turn_ns(&ctx->worker);
	uint64_t at_ns = likely(msg->size_class == 0) ? msg->body[HMI_SMALL_WORD] : hmi_annex_deadline(msg);

	return at_ns <= now_ns && deadline_exact(ctx, msg) <= now_ns;
}

void
hmi_deadline_settle(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_annex_deadline_change(msg, deadline_exact(ctx, msg));
}

uint64_t
hm_deadline_ns(struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_deadline_ns");
	if (ctx->msg == NULL || (ctx->msg->flags & HMI_MSG_EXPIRES) == 0)
		return UINT64_MAX;
	return deadline_exact(ctx, ctx->msg);
}
