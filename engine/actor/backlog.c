/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure of lanes: who sends to an lcore that does not take its messages waits until it does.
 *
 * A receiver can mute nobody while its lcore hangs in another actor's function, or has no core. What is sent to it waits for
 * room in the lane; from as many messages on as a mailbox may hold, the lcore of those who have sent them mutes them itself.
 * A lane drains as soon as its receiver's lcore turns, whoever is muted there, so that no circle comes of this.
 */
#include "counter_pvt.h"
#include "pressure_pvt.h"

/* Not a mailbox: its lcore's list is that of all whom lanes have muted, with the lcore that a lane leads to as the PID. */

static void
backlog_mute(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid to)
{
	static const struct hmi_owned_ops none = { 0 };
	struct hmi_link *link = hmi_link_new(&ctx->links, HMI_LINK_BACKLOG, to);

	if (link == NULL)
		return;
	if (hmi_pressure_mute(ctx, cell, to))
		hmi_link_add_to(&ctx->links, &ctx->backlog, hmi_cells_slot_of(&ctx->cells, cell), link,
				&none);
	else
		hmi_link_free(&ctx->links, link);
}

/* The sender of one of this lcore's messages. NULL: nobody whom it could mute. */
static struct hmi_cell *
sender_of(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	if (hmi_pressure_lcore(ctx->sys, msg->sender) != hmi_index(ctx))
		return NULL;
	return hmi_pressure_actor(ctx, msg->sender);
}

static void
senders_mute(struct hm_ctx *ctx, struct hmi_lane *lane, struct hm_pid to)
{
	const struct hm_msg *msg;
	struct hmi_cell *last = NULL, *cell;

	while ((msg = hmi_lane_look(lane)) != NULL) {
		cell = sender_of(ctx, msg);
		if (cell == NULL || cell == last)
			continue;
		last = cell;
		if (!hmi_cell_ends(cell))
			backlog_mute(ctx, cell, to);
	}
}

/* Not in portions: nobody comes back for the rest when the lane is empty. */
static void
senders_release(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hmi_link *next;

	for (struct hmi_link *link = (struct hmi_link *)ctx->backlog; link != NULL; link = next) {
		next = (struct hmi_link *)link->owned.next;
		/* Which removes the link, too. */
		if (hm_pid_equal(link->pid, to))
			hmi_pressure_unmute(ctx, hmi_cells_slot(&ctx->cells, link->owner), to);
	}
}

void
hmi_backlog_forget(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_pid to)
{
	(void)hmi_link_drop(&ctx->links, hmi_cells_slot_of(&ctx->cells, cell), HMI_LINK_BACKLOG, to);
}

void
hmi_backlog_look(struct hmi_worker *worker, uint32_t lcore)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_lane *lane = &worker->lanes_out[lcore];
	struct hm_pid to = hmi_lcore_process(ctx->sys, lcore);
	uint32_t count = lane->overflow.count;

	if (count > 0 && hmi_pressure_is_much(ctx->sys, lane->overflow.tail, count))
		senders_mute(ctx, lane, to);
	else
		hmi_lane_look_past(lane);
	if (unlikely(ctx->backlog != NULL) && count <= ctx->sys->marks.look / 2)
		senders_release(ctx, to);
}
