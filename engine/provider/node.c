/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other nodes: which ones are known, and the way to the provider that serves them.
 *
 * The table of ids is written by the provider's lcore and read by all.
 * Ordering: N1: hm_node_learn releases the count behind the id; hmi_node_find acquires it.
 *
 * A message on its way to the provider's lcore carries the index of its node, so that of a lost one
 * is not given to another one before every lcore has answered that it has forgotten it: lanes keep
 * order, and the answer comes behind all that was sent before.
 */
#include "engine_pvt.h"
#include "counter_pvt.h"

int
hm_provider_register(struct hm_system *sys, uint32_t lcore, const struct hm_provider_ops *ops, void *self)
{
	if (lcore >= sys->lcores_count)
		return -EINVAL;
	if (sys->provider_ops != NULL)
		return -EEXIST;
	sys->provider_ops = ops;
	sys->provider = self;
	sys->provider_lcore = lcore;
	hmi_poller_set(sys->lcores[lcore]);
	return 0;
}

/* An index that no message carries any more, or that none ever did; 0: there is none. */
static uint32_t
index_free(const struct hm_system *sys, uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++) {
		if (hm_node_id(sys, (uint16_t)i) == 0 && sys->nodes_owing[i] == 0)
			return i;
	}
	return count + 1 < HMI_NODES_MAX ? count + 1 : 0;
}

int
hm_node_learn(struct hm_system *sys, uint64_t node, uint16_t *index)
{
	uint32_t count = atomic_load_explicit(&sys->nodes_count, memory_order_relaxed);
	uint16_t known = hmi_node_find(sys, node);
	uint32_t i;

	if (node == 0 || node == sys->node)
		return -EINVAL;
	if (known != 0) {
		*index = known;
		return 0;
	}
	i = index_free(sys, count);
	if (i == 0)
		return -ENOSPC;
	atomic_store_explicit(&sys->nodes[i], node, memory_order_relaxed);
	if (i > count)
		atomic_store_explicit(&sys->nodes_count, i, memory_order_release); /* N1 */
	*index = (uint16_t)i;
	return 0;
}

uint64_t
hm_node_id(const struct hm_system *sys, uint16_t index)
{
	return atomic_load_explicit(&sys->nodes[index], memory_order_relaxed);
}

uint16_t
hmi_node_find(const struct hm_system *sys, uint64_t node)
{
	uint32_t count = atomic_load_explicit(&sys->nodes_count, memory_order_acquire); /* N1 */

	/* The newest incarnations are the likely ones. */
	for (uint32_t i = count; node != 0 && i > 0; i--) {
		if (atomic_load_explicit(&sys->nodes[i], memory_order_relaxed) == node)
			return (uint16_t)i;
	}
	return 0;
}

static uint16_t
node_find_cached(struct hm_ctx *ctx, uint64_t node)
{
	if (ctx->last_node != node) {
		ctx->last_node_index = hmi_node_find(ctx->sys, node);
		ctx->last_node = ctx->last_node_index != 0 ? node : 0;
	}
	return ctx->last_node_index;
}

uint16_t
hmi_node_meet(struct hm_ctx *ctx, uint64_t node)
{
	uint16_t index = node_find_cached(ctx, node);

	ctx->nodes_met[index / 64] |= 1ull << index % 64;
	return index;
}

/* Whether a node was met; not any more from here on. */
static bool
node_part(struct hm_ctx *ctx, uint16_t index)
{
	uint64_t *bits = &ctx->nodes_met[index / 64], bit = 1ull << index % 64;
	bool met = (*bits & bit) != 0;

	*bits &= ~bit;
	return met;
}

bool
hmi_send_remote(struct hm_ctx *ctx, uint64_t node, struct hm_outgoing *out)
{
	const struct hm_system *sys = ctx->sys;

	if (sys->provider_ops == NULL || sys->provider_lcore != hmi_index(ctx) ||
	    sys->provider_ops->send == NULL)
		return false;
	out->to_node = node_find_cached(ctx, node);
	return out->to_node != 0 && sys->provider_ops->send(sys->provider, ctx, out);
}

enum hm_result
hmi_post_remote(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	struct hm_system *sys = ctx->sys;

	if (hm_pid_is_none(to)) {
		hmi_msg_release(&ctx->cache, msg);
		return HM_NO_RECEIVER;
	}
	msg->to_node = node_find_cached(ctx, to.node);
	if (msg->to_node == 0 || sys->provider_ops == NULL) {
		hmi_dead_to(ctx, to, msg, HM_DEAD_NO_NODE);
		return HM_OK;
	}
	if (sys->provider_lcore == hmi_index(ctx))
		sys->provider_ops->deliver(sys->provider, ctx, msg);
	else
		hmi_worker_push(&ctx->worker, sys->provider_lcore, msg);
	return HM_OK;
}

void
hmi_provider_deliver(struct hm_ctx *ctx, struct hm_msg *msg)
{
	ctx->sys->provider_ops->deliver(ctx->sys->provider, ctx, msg);
}

void
hmi_provider_resolve(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const char *address = hm_msg_body(msg), *slash = strchr(address, '/');
	char node[HM_NAME_MAX + 1];

	memcpy(node, address, (size_t)(slash - address));
	node[slash - address] = '\0';
	if (ctx->sys->provider_ops->resolve(ctx->sys->provider, ctx, node, slash, msg->sender) != 0)
		hmi_control_post(ctx, msg->sender, hm_pid_none(), HM_SYS_UNDELIVERED);
}

/* ---- From the network ------------------------------------------------------------ */

/* The flags of a system type that may come from another node; -1: none may. */
static int
network_flags(uint16_t type)
{
	switch (type) {
	case HM_SYS_STOP:
	case HM_SYS_WATCH:
	case HM_SYS_UNWATCH:
	case HM_SYS_TERMINATED:
	case HM_SYS_UNDELIVERED:
		return HMI_MSG_SYSTEM;
	case HM_SYS_POISON:
		return HMI_MSG_POISON;
	case HM_IDENTITY:
		return 0;
	default:
		return type >= HM_TYPE_USER ? 0 : -1;
	}
}

void
hm_provider_receive(struct hm_ctx *ctx, struct hm_msg *msg)
{
	uint32_t lcore = hmi_local_lcore(msg->to);
	int flags = network_flags(msg->type);

	/* Another node may stop what lives here, but not all of it. */
	if ((msg->type == HM_SYS_STOP || msg->type == HM_SYS_POISON) && msg->to == ctx->sys->user.local)
		flags = -1;
	if (flags < 0 || (msg->type == HM_SYS_TERMINATED && msg->length < sizeof(struct hm_terminated)) ||
	    (msg->type == HM_IDENTITY && msg->length < sizeof(struct hm_identity))) {
		msg->flags = HMI_MSG_NETWORK;
		hmi_dead(ctx, msg, HM_DEAD_MALFORMED);
		return;
	}
	msg->flags = (uint8_t)(flags | HMI_MSG_NETWORK);
	if (lcore == hmi_index(ctx))
		hmi_deliver(ctx, msg);
	else if (lcore < ctx->worker.lcores_count)
		hmi_worker_push(&ctx->worker, lcore, msg);
	else
		hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
}

/* ---- A node is lost ----------------------------------------------------------------- */

/* A link to a process of a lost node: a watcher is forgotten, whoever watches is to be told. */
static void
link_forget(struct hm_ctx *ctx, struct hmi_link *link, struct hmi_fifo *news)
{
	struct hmi_cell *owner = hmi_cells_at(&ctx->cells, (uint64_t)link->owner << 32);
	struct hm_msg *msg;

	if (link->kind == HMI_LINK_WATCHING) {
		msg = hmi_terminated_new(ctx, link->pid, HM_TERMINATED_NODE_LOST);
		msg->to = hmi_pid_of(ctx, owner).local;
		hmi_fifo_push(news, msg);
	} else {
		hmi_link_remove(&ctx->links, link);
		hmi_link_free(&ctx->links, link);
	}
}

static void
links_forget(struct hm_ctx *ctx, uint64_t node)
{
	struct hmi_links *links = &ctx->links;
	struct hmi_fifo news = { 0 };
	struct hm_msg *msg;

	for (uint32_t i = 0; i <= links->mask; i++) {
		for (struct hmi_link *link = links->buckets[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			if (link->pid.node == node)
				link_forget(ctx, link, &news);
		}
	}
	/* Only now: a full outbox makes posting deliver, and that may change the links. */
	while ((msg = hmi_fifo_pop(&news)) != NULL)
		(void)hmi_post(ctx, (struct hm_pid){ ctx->node, msg->to }, msg);
}

static void
futures_forget(struct hm_ctx *ctx, const struct hmi_node_news *news)
{
	for (uint32_t slot = 0; slot < ctx->cells.fresh; slot++) {
		struct hmi_cell *cell = hmi_cells_at(&ctx->cells, (uint64_t)slot << 32);

		if (cell->kind == HMI_CELL_FUTURE && cell->future.node == news->index)
			hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
	}
}

static void
news_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t type, const struct hmi_node_news *news)
{
	struct hm_pid core = { ctx->node, hmi_local(lcore, HMI_SLOT_CORE, 1) };
	struct hm_msg *msg = hmi_control(&ctx->cache, type, sizeof(*news));

	memcpy(msg->body, news, sizeof(*news));
	(void)hmi_post(ctx, core, msg);
}

void
hmi_node_forget(struct hm_ctx *ctx, const struct hmi_node_news *news)
{
	if (ctx->last_node == news->node) {
		ctx->last_node = 0;
		ctx->last_node_index = 0;
	}
	/* Strangers come and go: who was never met is not worth a walk over all there is. */
	if (node_part(ctx, news->index)) {
		links_forget(ctx, news->node);
		futures_forget(ctx, news);
	}
	/* Behind all that this lcore has sent to the node. */
	news_post(ctx, ctx->sys->provider_lcore, HMI_CORE_NODE_FORGOT, news);
}

void
hmi_node_forgot(struct hm_ctx *ctx, const struct hmi_node_news *news)
{
	ctx->sys->nodes_owing[news->index]--;
}

void
hm_node_lost(struct hm_ctx *ctx, uint16_t index)
{
	struct hm_system *sys = ctx->sys;
	struct hmi_node_news news = { hm_node_id(sys, index), index };

	if (index == 0 || news.node == 0)
		return;
	atomic_store_explicit(&sys->nodes[index], 0, memory_order_relaxed);
	sys->nodes_owing[index] = (uint8_t)sys->lcores_count;
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		news_post(ctx, i, HMI_CORE_NODE_LOST, &news);
}

uint64_t
hm_now_ns(const struct hm_ctx *ctx)
{
	return ctx->worker.now_ns;
}
