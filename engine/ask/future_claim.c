/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures and batches of an actor that leaves this lcore: it claims what will end them, or has.
 */
#include "future_pvt.h"

#include "ask_pvt.h"
#include "assert_pvt.h"

void
hmi_future_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, future.owned);
	uint64_t home = hmi_pid_of(ctx, cell->future.owner).local;

	HMI_ASSERT(!cell->future.done);
	(void)hmi_claim_make(ctx, owned, hmi_pid_of(ctx, cell), cell->future.on_reply, cell->future.arg);
	cell->future.owner = NULL;
	cell->future.home = home;
}

struct hm_msg *
hmi_future_part(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	enum hm_future_result result = (enum hm_future_result)cell->future.result;
	struct hm_pid pid = hmi_pid_of(ctx, cell);
	struct hmi_claim *claim = NULL;

	if (cell->future.on_reply != NULL)
		claim = hmi_claim_make(ctx, &cell->future.owned, pid, cell->future.on_reply,
				       cell->future.arg);
	hmi_future_free(ctx, cell);
	msg->flags &= HMI_MSG_BY_TYPE;
	return hmi_answer_new(ctx, claim, pid.local, result, msg);
}

void
hmi_future_claimed_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result,
		       struct hm_msg *msg)
{
	uint64_t home = cell->future.home, local = hmi_place_of(ctx, cell);

	hmi_future_free(ctx, cell);
	msg->flags &= HMI_MSG_BY_TYPE;
	hmi_answer_post(ctx, home, local, result, msg);
}

/* ---- Orders of the actor --------------------------------------------------------------- */

/*
 * A node is asked. It may be lost since its actor has said so, and then nobody looks at this future any more; and its index may
 * be another one's by now, for which this lcore and that of the actor have made way.
 */
static void
node_note(struct hm_ctx *ctx, struct hmi_cell *cell, uint64_t node)
{
	cell->future.node = hmi_node_reference(ctx, node);
	if (cell->future.node == 0)
		hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
}

void
hmi_future_claimed(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint64_t node)
{
	if (order == HMI_CLAIM_NODE) {
		node_note(ctx, cell, node);
	} else if (order == HMI_CLAIM_DROP) {
		ctx->special |= HMI_MSG_EXPIRES;
		hmi_future_free(ctx, cell);
	}
}
