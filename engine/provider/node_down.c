/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node is lost: actors that watch its processes, or have asked them, are notified, on every lcore.
 *
 *     provider's lcore ── NODE_DOWN ──▶ every lcore: walks over its links, then over its futures
 *                      ◀─ NODE_DOWN_ACK ─  behind all that it sent to the node: the index is free again
 *
 * There may be millions of them, and others wait for the lcore: it looks at a portion, and sends itself the
 * command again, with the place to go on from. Links and futures know their node by its index, which nobody
 * gets before the end of the walk: a node that is back meanwhile has another one, and keeps its links.
 */
#include "actor_pvt.h"
#include "check_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "provider_pvt.h"

/* What an lcore does next. */
enum walk {
	WALK_BEGIN = 0,
	WALK_LINKS,
	WALK_FUTURES,
	WALK_END,
};

/* Body of HMI_COMMAND_NODE_DOWN and of its acknowledgement. */
struct node_down {
	uint64_t node;
	uint16_t index;
	uint8_t walk; /* enum walk */
	uint32_t at;  /* the bucket or slot to go on from */
};

/* A link to a process of the node: a watcher is removed, an actor that watches it is to be notified, once. */
static void
link_down(struct hm_ctx *ctx, struct hmi_link *link, struct hmi_fifo *notifications)
{
	struct hmi_cell *owner = hmi_cells_slot(&ctx->cells, link->owner);
	struct hm_msg *msg;

	if (link->kind == HMI_LINK_WATCHING) {
		link->node = 0;
		msg = hmi_terminated_new(ctx, link->pid, HM_TERMINATED_NODE_LOST, NULL);
		msg->to = hmi_pid_of(ctx, owner).local;
		hmi_fifo_push(notifications, msg);
	} else {
		hmi_link_remove(&ctx->links, link);
		hmi_link_free(&ctx->links, link);
	}
}

/* Returns how many links it were. */
static uint32_t
bucket_down(struct hm_ctx *ctx, const struct node_down *down, struct hmi_fifo *notifications)
{
	uint32_t count = 0;

	for (struct hmi_link *link = ctx->links.buckets[down->at], *next; link != NULL; link = next) {
		next = link->hash_next;
		count++;
		if (link->node == down->index)
			link_down(ctx, link, notifications);
	}
	return count;
}

/* When the table grows, what was in a bucket stays there, or goes to one further behind. Returns steps of work. */
static uint32_t
links_down(struct hm_ctx *ctx, struct node_down *down)
{
	struct hmi_fifo notifications = { 0 };
	struct hm_msg *msg;
	uint32_t steps = 0;

	for (; steps < HMI_SYSTEM_PORTION && down->at <= ctx->links.mask; down->at++)
		steps += 1 + bucket_down(ctx, down, &notifications);
	if (down->at > ctx->links.mask) {
		down->walk = WALK_FUTURES;
		down->at = 0;
	}
	/* Only now: a full outbox makes posting deliver, and that may change the links. */
	while ((msg = hmi_fifo_pop(&notifications)) != NULL)
		(void)hmi_post(ctx, (struct hm_pid){ ctx->node, msg->to }, msg);
	return steps;
}

static uint32_t
futures_down(struct hm_ctx *ctx, struct node_down *down)
{
	uint32_t steps = 0;

	for (; steps < HMI_SYSTEM_PORTION; steps++, down->at++) {
		struct hmi_cell *cell;

		down->at = hmi_cells_next(&ctx->cells, down->at);
		if (down->at >= hmi_cells_end(&ctx->cells)) {
			down->walk = WALK_END;
			break;
		}
		cell = hmi_cells_slot(&ctx->cells, down->at);
		if (!hmi_cell_is_actor(cell) && !hmi_cell_is_free(cell) && cell->ops->node_down != NULL)
			cell->ops->node_down(ctx, cell, down->index);
	}
	return steps;
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

static struct hm_msg *
node_down_new(struct hm_ctx *ctx, uint16_t type, const struct node_down *down)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, type, sizeof(*down));

	memcpy(msg->body, down, sizeof(*down));
	return msg;
}

static void
node_down_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t type, const struct node_down *down)
{
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), node_down_new(ctx, type, down));
}

static void
walk_begin(struct hm_ctx *ctx, struct node_down *down)
{
	if (ctx->last_node == down->node) {
		ctx->last_node = 0;
		ctx->last_node_index = 0;
	}
	/* A node to which no link or future refers is not worth a walk over all of them. */
	down->walk = node_unreference(ctx, down->index) ? WALK_LINKS : WALK_END;
}

/* By way of the outbox, which has its share of each turn. */
static void
walk_later(struct hm_ctx *ctx, const struct node_down *down)
{
	struct hm_msg *msg = node_down_new(ctx, HMI_COMMAND_NODE_DOWN, down);

	msg->to = hmi_lcore_process(ctx->sys, hmi_index(ctx)).local;
	hmi_post_later(ctx, hmi_cells_at(&ctx->cells, msg->to), msg);
}

void
hmi_node_down_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct node_down down;
	uint32_t steps = 0;

	memcpy(&down, hm_msg_body(msg), sizeof(down));
	if (down.walk == WALK_BEGIN)
		walk_begin(ctx, &down);
	if (down.walk == WALK_LINKS)
		steps = links_down(ctx, &down);
	else if (down.walk == WALK_FUTURES)
		steps = futures_down(ctx, &down);
	(void)hmi_worker_steps(&ctx->worker, steps);
	if (down.walk != WALK_END)
		walk_later(ctx, &down);
	else /* Behind all that this lcore has sent to the node. */
		node_down_post(ctx, ctx->sys->provider_lcore, HMI_COMMAND_NODE_DOWN_ACK, &down);
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
	struct node_down down = { .node = hm_node_id(sys, index), .index = index };

	hmi_check_ctx(ctx, "hm_node_lost");
	HMI_MARKED(ctx);
	if (index == 0 || down.node == 0)
		return;
	atomic_store_explicit(&sys->nodes.ids[index], 0, memory_order_relaxed);
	sys->nodes.acks_pending[index] = (uint8_t)sys->lcores_count;
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		node_down_post(ctx, i, HMI_COMMAND_NODE_DOWN, &down);
	hmi_endpoint_event(ctx, down.node, HM_ENDPOINT_LOST);
}
