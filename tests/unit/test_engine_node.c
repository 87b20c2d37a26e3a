/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other nodes: they are learnt, lost, and learnt again.
 */
#include "hmt_eal.h"
#include "actor_pvt.h"
#include "deliver_pvt.h"
#include "msg_pvt.h"
#include "test_engine_future.h"

TestSuite(engine_node, .init = hmt_eal_start);

#define NODE_A 4711u
#define NODE_B 4712u

/* Whether what is sent to other nodes is lost without a word. */
static bool swallows;

/* A provider of nodes to which nothing ever gets through; self: the index that was sent to last. */
static void
carrier_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	*(uint16_t *)self = msg->to_node;
	if (swallows) {
		hm_msg_free(ctx, msg);
		return;
	}
	hm_dead_letter_publish(ctx, msg, HM_DEAD_NODE_LOST);
}

static bool
carrier_send(void *self, struct hm_ctx *ctx, const struct hm_outgoing *out)
{
	(void)ctx;
	*(uint16_t *)self = out->to_node;
	return false;
}

static const struct hm_provider_ops carrier_ops = { .deliver = carrier_deliver, .send = carrier_send };

static uint16_t *
carrier_start(struct hmt_node *node, uint32_t lcores, uint64_t memory)
{
	static uint16_t sent_to;

	sent_to = 0;
	swallows = false;
	hmt_node_start_with(node, lcores, memory, NULL);
	cr_assert_eq(hm_provider_register(node->sys, 0, &carrier_ops, &sent_to), 0);
	hmt_turn_until_idle(node);
	return &sent_to;
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

/* Nobody is told. */
static void
link_forget(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_link *link = (struct hmi_link *)owned;

	(void)owner;
	hmi_link_unhash(&ctx->links, link);
	hmi_link_free(&ctx->links, link);
}

static const struct hmi_owned_ops quiet_ops = { .drop = link_forget };

/* Add a link to some process of a node which comes first in a bucket. */
static void
link_in_bucket(struct hm_ctx *ctx, struct hmi_cell *owner, enum hmi_link_kind kind, uint64_t node,
	       uint32_t bucket)
{
	static uint64_t local;
	struct hmi_link *link;

	for (;;) {
		link = hmi_link_new(&ctx->links, kind, (struct hm_pid){ node, ++local });
		link->node = hmi_nodes_find(&ctx->sys->nodes, node);
		hmi_link_add(&ctx->links, owner, hmi_slot_of(ctx, owner), link, &quiet_ops);
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

/* That node A is down fills the outbox up, so that it delivers that node B is down as well. */
Test(engine_node, lost__two_at_once_with_a_full_outbox)
{
	static struct hmt_probe probe;
	uint16_t a, b;
	struct hmi_cell *cell;
	struct hmt_node node;
	struct hm_ctx *ctx;

	carrier_start(&node, 1, 0);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	a = learn(&node, NODE_A);
	b = learn(&node, NODE_B);
	ctx = node.sys->lcores[0];
	cell = hmi_cell_live(ctx, probe.pid.local);
	for (uint32_t i = 0; i < WATCHED; i++) {
		link_in_bucket(ctx, cell, HMI_LINK_WATCHING, NODE_A, 7);
		link_in_bucket(ctx, cell, HMI_LINK_WATCHER, NODE_B, 7);
	}
	link_in_bucket(ctx, cell, HMI_LINK_WATCHING, NODE_A, 7);
	cr_assert_eq(hmi_node_reference(ctx, NODE_A), a);
	cr_assert_eq(hmi_node_reference(ctx, NODE_B), b);
	outbox_add(ctx, cell);
	hm_node_lost(ctx, a);
	hm_node_lost(ctx, b);
	while (hmi_outbox_count(&ctx->outbox) <= ctx->outbox.mask)
		outbox_add(ctx, cell);
	hmi_outbox_flush(ctx);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), WATCHED + 1);
	hmt_node_end(&node);
}

/* ---- What a lost node leaves --------------------------------------------------------------- */

/* On every lcore, once: who watches it, whom it watched, and who asked it. */
Test(engine_node, lost__ends_watches_and_futures)
{
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		static struct hmt_probe probe;
		struct future_request request = { .to = { NODE_A, 98 }, .timeout_us = 1000000 };
		struct hm_pid who = { NODE_A, 99 };
		struct hmt_node node;
		struct hm_msg *msg;
		uint16_t a;

		probe = (struct hmt_probe){ 0 };
		(void)carrier_start(&node, 3, 0);
		swallows = true;
		a = learn(&node, NODE_A);
		hmt_do(&node, hmt_probe_spawn(&node, &probe, lcore, NULL), hmt_watch, &who);
		hmt_do(&node, probe.pid, ask, &request);
		msg = hm_msg_alloc(node.sys->lcores[0], HM_SYS_WATCH, 0);
		msg->to = probe.pid.local;
		msg->sender = who;
		hm_provider_receive(node.sys->lcores[0], msg);
		hmt_turn_until_idle(&node);
		cr_assert_eq(node.sys->lcores[lcore]->links.count, 2);
		hm_node_lost(node.sys->lcores[0], a);
		hmt_turn_until_idle(&node);
		cr_assert_eq(node.sys->lcores[lcore]->links.count, 0);
		cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
		cr_assert_eq(request.ends, 1);
		cr_assert_eq(request.result, HM_FUTURE_DEAD_LETTER);
		/* What comes late of it leaves nothing behind. */
		msg = hm_msg_alloc(node.sys->lcores[0], HM_SYS_WATCH, 0);
		msg->to = probe.pid.local;
		msg->sender = who;
		hm_provider_receive(node.sys->lcores[0], msg);
		hmt_turn_until_idle(&node);
		cr_assert_eq(node.sys->lcores[lcore]->links.count, 0);
		hmt_node_drop(&node);
	}
}

/* A link that nobody announced tells whether all links were looked at. */
Test(engine_node, lost__a_stranger_costs_no_walk)
{
	struct hmt_node node;
	struct hm_ctx *ctx;
	uint16_t a;

	(void)carrier_start(&node, 1, 0);
	ctx = node.sys->lcores[0];
	a = learn(&node, NODE_A);
	link_in_bucket(ctx, hmi_cell_live(ctx, node.sys->user.local), HMI_LINK_WATCHER, NODE_A, 7);
	hm_node_lost(ctx, a);
	cr_assert_eq(ctx->links.count, 1);
	hmt_node_end(&node);
}

/* ---- Much that is of a lost node ------------------------------------------------------------- */

#define MANY 100000u
/* What is looked at in one turn of the clock below, at most; much less than there is. */
#define TURN_MAX (64 * HMI_SYSTEM_PORTION)

/* A clock that goes on each time somebody looks at it, so that work which is not counted as steps shows. */
static uint64_t
ticking_read(void *node)
{
	return ((struct hmt_node *)node)->now_ns += 1000;
}

/* Processes of a node watch an actor, or are watched by it, in turn. */
static void
links_add(struct hm_ctx *ctx, struct hm_pid actor, uint64_t node, uint32_t first, uint32_t end)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, actor.local);

	ctx->cell = cell;
	for (uint32_t i = first; i < end; i++) {
		struct hm_pid who = { node, i };

		if (i % 2 == 0)
			hmi_watch_add(ctx, cell, who);
		else
			cr_assert_eq(hm_watch(ctx, who), HM_OK);
	}
	ctx->cell = NULL;
}

/* How much a turn takes away from a count, at most, until that is no more than `left`. */
static uint32_t
turns_until(struct hmt_node *node, const uint32_t *count, uint32_t left)
{
	uint32_t most = 0;

	while (*count > left) {
		uint32_t before = *count;

		hm_system_turn(node->sys);
		most = RTE_MAX(most, before - RTE_MIN(before, *count));
	}
	return most;
}

Test(engine_node, lost__many_links_are_looked_at_in_portions)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_ctx *ctx;
	uint16_t a;

	(void)carrier_start(&node, 1, 0);
	swallows = true;
	ctx = node.sys->lcores[0];
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	a = learn(&node, NODE_A);
	learn(&node, NODE_B);
	links_add(ctx, probe.pid, NODE_A, 1, MANY);
	links_add(ctx, probe.pid, NODE_B, 1, 100);
	node.sys->clock.read = ticking_read;
	hm_node_lost(ctx, a);
	cr_assert_geq(ctx->links.count, MANY - 2 * HMI_SYSTEM_PORTION);
	cr_assert_neq(learn(&node, NODE_B + 1), a, "links are still of it");
	cr_assert_leq(turns_until(&node, &ctx->links.count, 99), TURN_MAX);
	hmt_turn_until_idle(&node);
	cr_assert_eq(ctx->links.count, 99);
	cr_assert_eq(hmt_seen_count(&probe, HM_STARTED) + hmt_seen_count(&probe, HM_TERMINATED),
		     RTE_MIN(probe.count, HMT_SEEN_MAX));
	cr_assert_eq(probe.count, 1 + MANY / 2);
	cr_assert_eq(learn(&node, NODE_B + 2), a);
	hmt_node_end(&node);
}

static void
watch_again(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_TERMINATED)
		cr_assert_eq(hm_watch(ctx, hm_msg_sender(msg)), HM_OK);
}

/*
 * The table of links grows under the walk, so that it comes twice to some whose owner has not been notified
 * yet; and what is made meanwhile is of the node that is back.
 */
Test(engine_node, lost__a_node_that_is_back_keeps_its_links)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_ctx *ctx;
	uint16_t a;

	(void)carrier_start(&node, 1, 0);
	swallows = true;
	ctx = node.sys->lcores[0];
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	probe.on_msg = watch_again;
	a = learn(&node, NODE_A);
	links_add(ctx, probe.pid, NODE_A, 1, 2001);
	node.sys->clock.read = ticking_read;
	hm_node_lost(ctx, a);
	cr_assert_gt(ctx->links.count, 1000);
	cr_assert_neq(learn(&node, NODE_A), a);
	links_add(ctx, probe.pid, NODE_A, 10001, 20001);
	hmi_outbox_flush(ctx);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probe.count, 1 + 1000, "whom it watched before is lost, once");
	cr_assert_eq(ctx->links.count, 10000 + 1000);
	hmt_node_end(&node);
}

static void
ask_many(struct hm_ctx *ctx, void *request)
{
	for (uint32_t i = 0; i < MANY; i++)
		ask(ctx, request);
}

Test(engine_node, lost__many_futures_are_looked_at_in_portions)
{
	static struct hmt_probe probe;
	struct future_request request = { .to = { NODE_A, 98 }, .timeout_us = 3600000000u };
	struct hmt_node node;
	struct hm_ctx *ctx;
	uint16_t a;

	(void)carrier_start(&node, 1, 0);
	swallows = true;
	ctx = node.sys->lcores[0];
	a = learn(&node, NODE_A);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), ask_many, &request);
	cr_assert_eq(ctx->worker.wheel.count, MANY);
	node.sys->clock.read = ticking_read;
	hm_node_lost(ctx, a);
	cr_assert_leq(turns_until(&node, &ctx->worker.wheel.count, 0), TURN_MAX);
	hmt_turn_until_idle(&node);
	cr_assert_eq(request.ends, MANY);
	cr_assert_eq(request.result, HM_FUTURE_DEAD_LETTER);
	hmt_node_drop(&node);
}

/* ---- Indices ----------------------------------------------------------------------------- */

/* More often than there are indices. */
Test(engine_node, learn__a_hundred_thousand_times)
{
	struct hmt_node node;

	carrier_start(&node, 2, 0);
	for (uint64_t id = 1; id <= 100000; id++) {
		uint16_t index = learn(&node, NODE_A + id);

		cr_assert_leq(index, 2);
		hm_node_lost(node.sys->lcores[0], index);
		for (int i = 0; i < 3; i++)
			hm_system_turn(node.sys);
	}
	hmt_node_end(&node);
}

/* As if all indices but the last were given. */
static void
nodes_fill(struct hmi_node_table *nodes)
{
	for (uint32_t i = 1; i < HMI_NODES_LAST; i++)
		atomic_store(&nodes->ids[i], 1000000 + i);
	atomic_store(&nodes->count, HMI_NODES_LAST - 1);
}

Test(engine_node, learn__as_many_as_there_are_indices_and_one_more)
{
	struct hmt_node node;
	uint16_t index = 7;

	carrier_start(&node, 2, 0);
	nodes_fill(&node.sys->nodes);
	cr_assert_eq(learn(&node, NODE_A), HMI_NODES_LAST);
	cr_assert_eq(hm_node_learn(node.sys, NODE_B, &index), -ENOSPC);
	cr_assert_eq(index, 7);
	cr_assert_eq(learn(&node, NODE_A), HMI_NODES_LAST, "it is known");
	hm_node_lost(node.sys->lcores[0], HMI_NODES_LAST);
	hmt_turn_until_idle(&node);
	cr_assert_eq(learn(&node, NODE_B), HMI_NODES_LAST);
	hmt_node_end(&node);
}

static void
number_send(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 1;

	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number), HM_OK);
}

/* The provider frees what is sent to it: it is no message that an actor has made, or keeps. */
Test(engine_node, learn__the_last_index)
{
	static struct hmt_probe probe;
	struct hm_pid to = { NODE_A, 99 };
	struct hmt_node node;
	uint16_t *sent_to;

	sent_to = carrier_start(&node, 1, 0);
	swallows = true;
	probe = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &probe, 0, NULL);
	nodes_fill(&node.sys->nodes);
	cr_assert_eq(learn(&node, NODE_A), HMI_NODES_LAST);
	hmt_do(&node, probe.pid, number_send, &to);
	cr_assert_eq(*sent_to, HMI_NODES_LAST);
	hmt_node_drop(&node);
}

static void
nobody_send(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	cr_assert_eq(hm_send(ctx, hm_pid_none(), HMT_NUMBER, &number), HM_NO_RECEIVER);
}

/* Until each lcore has heard of the loss, and what it had sent before has arrived. */
Test(engine_node, learn__index_of_a_lost_one_only_when_nothing_is_under_way_to_it)
{
	static struct hmt_probe probe;
	struct hmt_deed deed = { number_send, &(struct hm_pid){ NODE_A, 99 } };
	uint16_t *sent_to, a;
	struct hmt_node node;

	sent_to = carrier_start(&node, 2, 0);
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_turn_until_idle(&node);
	a = learn(&node, NODE_A);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_DO, &deed), HM_OK);
	/* Lcore 1 sends in this turn, and lcore 0 learns of it in the next one. */
	hm_system_turn(node.sys);
	cr_assert_eq(*sent_to, 0);
	hm_node_lost(node.sys->lcores[0], a);
	cr_assert_neq(learn(&node, NODE_B), a);
	hmt_turn_until_idle(&node);
	cr_assert_eq(*sent_to, a);
	cr_assert_eq(learn(&node, NODE_B + 1), a);
	hmt_node_end(&node);
}

/* What external threads have sent is meant for a node, whoever has its index by now. */
Test(engine_node, learn__index_of_one_that_external_threads_send_to)
{
	struct hm_pid who = { NODE_A, 99 };
	uint16_t *sent_to, a;
	struct hmt_node node;

	sent_to = carrier_start(&node, 1, 0);
	a = learn(&node, NODE_A);
	hmt_number(&node, who, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(*sent_to, a);
	*sent_to = 0;
	hmt_number(&node, who, 2);
	cr_assert_eq(hm_system_stop_actor(node.sys, who), 0);
	hm_node_lost(node.sys->lcores[0], a);
	cr_assert_eq(learn(&node, NODE_B), a);
	hmt_turn_until_idle(&node);
	cr_assert_eq(*sent_to, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_NODE], 1);
	hmt_node_end(&node);
}

Test(engine_node, learn__index_of_one_that_an_actor_sent_to_last)
{
	static struct hmt_probe probe;
	struct hm_pid who = { NODE_A, 99 };
	uint16_t *sent_to, a;
	struct hmt_node node;

	sent_to = carrier_start(&node, 1, 0);
	a = learn(&node, NODE_A);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), number_send, &who);
	cr_assert_eq(*sent_to, a);
	*sent_to = 0;
	hm_node_lost(node.sys->lcores[0], a);
	cr_assert_eq(learn(&node, NODE_B), a);
	hmt_do(&node, probe.pid, nobody_send, NULL);
	hmt_do(&node, probe.pid, number_send, &who);
	cr_assert_eq(*sent_to, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_NODE], 1);
	hmt_node_end(&node);
}

Test(engine_node, drop__what_external_threads_sent_is_freed)
{
	struct hm_pid who = { NODE_A, 99 };
	struct hmt_node node;

	carrier_start(&node, 2, 0);
	learn(&node, NODE_A);
	for (uint64_t i = 0; i < 20; i++)
		hmt_number(&node, who, i);
	cr_assert_eq(hm_system_stop_actor(node.sys, who), 0);
	hmt_system_drain(node.sys);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_SHUTDOWN], 20);
	hmt_node_drop(&node);
}
