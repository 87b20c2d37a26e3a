/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other nodes: they are learnt, lost, and learnt again.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_node, .init = hmt_eal_start);

#define NODE_A 4711u
#define NODE_B 4712u

/* A provider of nodes to which nothing ever gets through. */
static void
carrier_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	(void)self;
	hm_dead_letter_publish(ctx, msg, HM_DEAD_NODE_LOST);
}

static const struct hm_provider_ops carrier_ops = { .deliver = carrier_deliver };

static void
scene_start(struct hmt_node *node, uint32_t lcores, uint32_t messages)
{
	hmt_node_start_with(node, lcores, messages, NULL);
	cr_assert_eq(hm_provider_register(node->sys, 0, &carrier_ops, NULL), 0);
	hmt_settle(node);
}

static uint16_t
learn(struct hmt_node *node, uint64_t id)
{
	uint16_t index = 0;

	cr_assert_eq(hm_node_learn(node->sys, id, &index), 0);
	cr_assert_neq(index, 0);
	cr_assert_eq(hm_node_id(node->sys, index), id);
	return index;
}

/* ---- Two nodes that are lost at once ----------------------------------------------------- */

#define WATCHED 8u

/* Add a link to some process of a node which comes first in a bucket. */
static void
link_in_bucket(struct hm_ctx *ctx, struct hmi_cell *owner, enum hmi_link_kind kind, uint64_t node,
	       uint32_t bucket)
{
	static uint64_t local;
	struct hmi_link *link;

	for (;;) {
		link = hmi_link_new(&ctx->links);
		link->pid = (struct hm_pid){ node, ++local };
		link->kind = kind;
		hmi_link_add(&ctx->links, owner, link);
		if (ctx->links.buckets[bucket] == link)
			return;
		hmi_link_remove(&ctx->links, link);
		hmi_link_free(&ctx->links, link);
	}
}

/* Something for the lcore to do later that does not matter. */
static void
outbox_add(struct hm_ctx *ctx, struct hmi_cell *to)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_SYS_UNWATCH, 0);

	msg->to = hmi_pid_of(ctx, to).local;
	hmi_outbox_push(&ctx->outbox, msg, to);
}

/* The news of node A fills the outbox up, so that it delivers that node B is lost as well. */
Test(engine_node, lost__two_at_once_with_a_full_outbox)
{
	static struct hmt_probe probe;
	uint16_t a, b;
	struct hmi_cell *cell;
	struct hmt_node node;
	struct hm_ctx *ctx;

	scene_start(&node, 1, 64);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_settle(&node);
	a = learn(&node, NODE_A);
	b = learn(&node, NODE_B);
	ctx = node.sys->lcores[0];
	cell = hmi_cell_live(ctx, probe.pid.local);
	for (uint32_t i = 0; i < WATCHED; i++) {
		link_in_bucket(ctx, cell, HMI_LINK_WATCHING, NODE_A, 7);
		link_in_bucket(ctx, cell, HMI_LINK_WATCHER, NODE_B, 7);
	}
	link_in_bucket(ctx, cell, HMI_LINK_WATCHING, NODE_A, 7);
	outbox_add(ctx, cell);
	hm_node_lost(ctx, a);
	hm_node_lost(ctx, b);
	while (hmi_outbox_count(&ctx->outbox) <= ctx->outbox.mask)
		outbox_add(ctx, cell);
	hmi_outbox_flush(ctx);
	hmt_settle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), WATCHED + 1);
	hmt_node_end(&node);
}
