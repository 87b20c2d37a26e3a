/* SPDX-License-Identifier: Apache-2.0 */
#include "dead_pvt.h"

#include "check_pvt.h"
#include "counter_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"

static void
record_push(struct hm_ctx *ctx, const struct hm_dead_letter *letter, struct hm_msg *msg)
{
	struct hm_msg *entry = hmi_control(&ctx->cache, HM_DEAD_LETTER, sizeof(struct hmi_dead_record));
	struct hmi_dead_record *record = hm_msg_body_mut(entry);

	record->letter = *letter;
	record->msg = msg;
	hmi_fifo_push(&ctx->dead, entry);
}

__attribute__((cold)) void
hmi_dead_to(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, enum hm_dead_reason reason)
{
	struct hm_dead_letter letter = {
		.to = to,
		.sender = hm_msg_sender(msg),
		.type = msg->type,
		.length = msg->length,
		.reason = reason,
	};

	if (!hmi_msg_is_internal(msg))
		hmi_count(&ctx->stats.dead[reason], 1);
	record_push(ctx, &letter, msg);
}

__attribute__((cold)) void
hmi_dead(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason)
{
	uint64_t node = msg->to_node == 0 ? ctx->node : hmi_nodes_id(&ctx->sys->nodes, msg->to_node);
	struct hm_pid to = { node, msg->to };
	const struct hmi_cell *cell = node == ctx->node ? hmi_cell_live(ctx, to.local) : NULL;

	/* An actor that has moved has another PID than its slot. */
	if (cell != NULL && hmi_cell_is_actor(cell))
		to = hmi_pid_of(ctx, cell);
	hmi_dead_to(ctx, to, msg, reason);
}

__attribute__((cold)) void
hmi_dead_of(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg, enum hm_dead_reason reason)
{
	hmi_dead_to(ctx, hmi_pid_of(ctx, cell), msg, reason);
}

void
hm_dead_letter_publish(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason)
{
	hmi_check_ctx(ctx, "hm_dead_letter_publish");
	HMI_MARKED(ctx);
	hmi_dead(ctx, msg, reason);
}

void
hm_dead_letter_report(struct hm_ctx *ctx, const struct hm_dead_letter *letter)
{
	struct hm_dead_letter copy;

	hmi_check_ctx(ctx, "hm_dead_letter_report");
	copy = *letter;
	HMI_MARKED(ctx);
	hmi_count(&ctx->stats.dead[copy.reason], 1);
	record_push(ctx, &copy, NULL);
}
