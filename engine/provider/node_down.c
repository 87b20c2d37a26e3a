/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node is lost: actors that watch its processes, or have asked them, are notified, on every lcore.
 *
 *     provider's lcore ── NODE_DOWN ──▶ every lcore: links, futures
 *                      ◀─ NODE_DOWN_ACK ─  behind all that it sent to the node: the index is free again
 */
#include "actor_pvt.h"
#include "ask_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "provider_pvt.h"

/* A link to a process of the node: a watcher is removed, an actor that watches it is to be notified. */
static void
link_down(struct hm_ctx *ctx, struct hmi_link *link, struct hmi_fifo *notifications)
{
	struct hmi_cell *owner = hmi_cells_slot(&ctx->cells, link->owner);
	struct hm_msg *msg;

	if (link->kind == HMI_LINK_WATCHING) {
		msg = hmi_terminated_new(ctx, link->pid, HM_TERMINATED_NODE_LOST);
		msg->to = hmi_pid_of(ctx, owner).local;
		hmi_fifo_push(notifications, msg);
	} else {
		hmi_link_remove(&ctx->links, link);
		hmi_link_free(&ctx->links, link);
	}
}

static void
links_down(struct hm_ctx *ctx, uint64_t node)
{
	struct hmi_links *links = &ctx->links;
	struct hmi_fifo notifications = { 0 };
	struct hm_msg *msg;

	for (uint32_t i = 0; i <= links->mask; i++) {
		for (struct hmi_link *link = links->buckets[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			if (link->pid.node == node)
				link_down(ctx, link, &notifications);
		}
	}
	/* Only now: a full outbox makes posting deliver, and that may change the links. */
	while ((msg = hmi_fifo_pop(&notifications)) != NULL)
		(void)hmi_post(ctx, (struct hm_pid){ ctx->node, msg->to }, msg);
}

static void
futures_down(struct hm_ctx *ctx, uint16_t index)
{
	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < ctx->cells.fresh; slot++) {
		struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

		if (!hmi_cell_is_actor(cell) && cell->ops == &hmi_future_ops && cell->future.node == index)
			hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
	}
}

/* Whether links or futures may be of a node; not any more from here on. */
static bool
node_unreference(struct hm_ctx *ctx, uint16_t index)
{
	uint64_t *bits = &ctx->nodes_referenced[index / 64], bit = 1ull << index % 64;
	bool referenced = (*bits & bit) != 0;

	*bits &= ~bit;
	return referenced;
}

/* Body of HMI_COMMAND_NODE_DOWN and of its acknowledgement. */
struct node_down {
	uint64_t node;
	uint16_t index;
};

static void
node_down_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t type, const struct node_down *down)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, type, sizeof(*down));

	memcpy(msg->body, down, sizeof(*down));
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
}

void
hmi_node_down_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct node_down *down = hm_msg_body(msg);

	if (ctx->last_node == down->node) {
		ctx->last_node = 0;
		ctx->last_node_index = 0;
	}
	/* A node to which no link or future refers is not worth a walk over all of them. */
	if (node_unreference(ctx, down->index)) {
		links_down(ctx, down->node);
		futures_down(ctx, down->index);
	}
	/* Behind all that this lcore has sent to the node. */
	node_down_post(ctx, ctx->sys->provider_lcore, HMI_COMMAND_NODE_DOWN_ACK, down);
}

void
hmi_node_down_ack_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct node_down *down = hm_msg_body(msg);

	ctx->sys->nodes.acks_pending[down->index]--;
}

void
hm_node_lost(struct hm_ctx *ctx, uint16_t index)
{
	struct hm_system *sys = ctx->sys;
	struct node_down down = { hm_node_id(sys, index), index };

	if (index == 0 || down.node == 0)
		return;
	atomic_store_explicit(&sys->nodes.ids[index], 0, memory_order_relaxed);
	sys->nodes.acks_pending[index] = (uint8_t)sys->lcores_count;
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		node_down_post(ctx, i, HMI_COMMAND_NODE_DOWN, &down);
}
