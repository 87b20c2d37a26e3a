/* SPDX-License-Identifier: Apache-2.0 */
#include "granted_pvt.h"

#include "dead_pvt.h"

/* Another node cannot know the PID: it has not been given to anybody yet. */
static bool
refuse_network(struct hm_ctx *ctx, struct hm_msg *msg)
{
	if ((msg->flags & HMI_MSG_NETWORK) == 0)
		return false;
	hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
	return true;
}

static void
granted_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (!refuse_network(ctx, msg))
		hmi_fifo_push(&cell->box, msg);
}

static void
granted_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (!refuse_network(ctx, msg))
		hmi_cell_push_system(cell, msg);
}

static bool
granted_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t budget = UINT32_MAX;

	return hmi_mailbox_dead_letter(ctx, cell, HM_DEAD_SHUTDOWN, &budget);
}

const struct hmi_process_ops hmi_granted_ops = {
	.deliver = granted_deliver,
	.system = granted_system,
	.shut_down = granted_shut_down,
};

struct hmi_cell *
hmi_granted_take(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, local);

	if (hmi_cells_is_reserved(&ctx->cells, local)) {
		cell = hmi_cells_take(&ctx->cells, hmi_slot_of(ctx, cell));
		if (cell == NULL)
			return NULL;
	} else {
		cell->late = 0;
		ctx->cells.live++;
	}
	cell->ops = &hmi_granted_ops;
	return cell;
}

struct hmi_cell *
hmi_granted_take_early(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct hmi_cell *cell = NULL;

	if (ctx->worker.lcores_count > 1 && (msg->flags & HMI_MSG_NETWORK) == 0 &&
	    hmi_granted_is_free(ctx, msg->to))
		cell = hmi_granted_take(ctx, msg->to);
	ctx->cells.early += cell != NULL;
	return cell;
}

void
hmi_waiting_dead_letter(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg,
			enum hm_dead_reason reason)
{
	struct hmi_cell *process = hmi_cells_at(&ctx->cells, msg->to);

	if (msg->flags & HMI_MSG_RESUME)
		process->ops->discard(ctx, process, msg, reason);
	else
		hmi_dead_of(ctx, cell, msg, reason);
}

bool
hmi_mailbox_dead_letter(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason,
			uint32_t *budget)
{
	struct hm_msg *msg;
	bool any = false;

	while (*budget > 0 &&
	       ((msg = hmi_fifo_pop(&cell->box)) != NULL || (msg = hmi_cell_pop_system(cell)) != NULL)) {
		hmi_waiting_dead_letter(ctx, cell, msg, reason);
		(*budget)--;
		any = true;
	}
	return any;
}
