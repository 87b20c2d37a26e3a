/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a message through a router: on the sender's lcore; on the router's, for what comes from elsewhere.
 */
#include "buffer_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "expire_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "random_pvt.h"
#include "router_pvt.h"
#include "shortage_pvt.h"

/* A routee with fewer messages takes what its keys bring, whatever the others have. */
#define BOUND_LOOK 16u

static void route(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg,
		  uint32_t depth);

/* ---- To one routee ------------------------------------------------------------------ */

/* Whether messages go to the router's actor, which hands them to routees. */
static bool
goes_home(const struct hmi_router_table *table)
{
	if (likely(table->router->config.kind != HM_ROUTER_BALANCING))
		return false;
	hmi_router_table_done(table);
	return true;
}

/* A router among routees is routed through at once, so that a circle of them ends. */
static bool
nested(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint32_t depth)
{
	const struct hmi_router_table *table;

	if (likely(!hmi_local_is_router(to.local)) || to.node != ctx->node)
		return false;
	table = hmi_router_table(ctx->sys, to.local);
	if (table == NULL || goes_home(table))
		return false;
	msg->to = to.local;
	if (depth + 1 < HM_ROUTER_DEPTH_MAX)
		route(ctx, table, msg, depth + 1);
	else
		hmi_dead(ctx, msg, HM_DEAD_NO_ROUTEE);
	hmi_router_table_done(table);
	return true;
}

/* As when an actor hands a message on: it leaves the node, and who has sent it may be on another one. */
static void
flags_leave(struct hm_msg *msg)
{
	bool is_request = (msg->flags & (HMI_MSG_REQUEST | HMI_MSG_NETWORK)) != 0;

	msg->flags = (uint8_t)((msg->flags & (HMI_MSG_BY_TYPE | HMI_MSG_EXPIRES)) |
			       (is_request ? HMI_MSG_REQUEST : 0));
}

void
hmi_router_pass(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint32_t depth)
{
	if (nested(ctx, to, msg, depth))
		return;
	if (unlikely((msg->flags & HMI_MSG_EXPIRES) != 0) && !hmi_is_here(ctx, to))
		hmi_deadline_settle_handed(ctx, msg);
	if (unlikely(to.node != ctx->node))
		flags_leave(msg);
	(void)hmi_post(ctx, to, msg);
}

/* ---- Which one ---------------------------------------------------------------------- */

/* Where lcores begin differs, so that they do not all send to the same routee at the same time. */
static uint32_t
round_robin(const struct hm_ctx *ctx, const struct hmi_router_table *table)
{
	struct hmi_router_lcore *own = &table->router->lcores[hmi_index(ctx)];
	uint32_t at = own->next < table->count ? own->next : own->next % table->count;

	own->next = at + 1;
	return at;
}

/* The key function is part of the engine, though it may be an actor that sends. */
static uint64_t
key_of(struct hm_ctx *ctx, const struct hm_router *config, const struct hm_msg *msg)
{
	uint8_t in_user = ctx->in_user;
	uint64_t key;

	ctx->in_user = 0;
	hmi_guard_received(msg);
	key = config->key(msg, config->key_arg);
	hmi_guard_handed(msg);
	ctx->in_user = in_user;
	return key;
}

/* How many messages may wait for a routee: a percentage of the mean, one more included. */
static uint64_t
bound_of(struct hm_ctx *ctx, const struct hmi_router_table *table)
{
	uint64_t sum = 1, known = 0;

	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t depth = hmi_router_depth(ctx, table, i);

		sum += depth != HMI_DEPTH_UNKNOWN ? depth : 0;
		known += depth != HMI_DEPTH_UNKNOWN;
	}
	return known > 0 ? (sum * table->router->config.bound + 100 * known - 1) / (100 * known) : UINT64_MAX;
}

/* From a place of the ring on, the first routee that has not too many messages. */
static uint32_t
bounded(struct hm_ctx *ctx, const struct hmi_router_table *table, uint32_t at)
{
	const struct hmi_ring *ring = &table->ring;
	uint32_t first = ring->points[at].index, depth;
	uint64_t bound;

	hmi_router_depths(ctx, table);
	depth = hmi_router_depth(ctx, table, first);
	if (depth < BOUND_LOOK || depth == HMI_DEPTH_UNKNOWN)
		return first;
	bound = bound_of(ctx, table);
	for (uint32_t i = 0; i < ring->count; i++) {
		uint32_t index = ring->points[(at + i) % ring->count].index;

		depth = hmi_router_depth(ctx, table, index);
		if (depth < bound || depth == HMI_DEPTH_UNKNOWN)
			return index;
	}
	return first;
}

static uint32_t
by_hash(struct hm_ctx *ctx, const struct hmi_router_table *table, const struct hm_msg *msg)
{
	const struct hm_router *config = &table->router->config;
	uint32_t at = hmi_ring_find(&table->ring, key_of(ctx, config, msg));

	if (unlikely(config->bound != 0)) {
		at = bounded(ctx, table, at);
		hmi_router_depth_more(ctx, table, at);
		return at;
	}
	return table->ring.points[at].index;
}

/* The first one that has fewest, from the next one of round robin on, so that those that have the same take turns. */
static uint32_t
smallest(struct hm_ctx *ctx, const struct hmi_router_table *table)
{
	uint32_t first = round_robin(ctx, table), found = first, least = HMI_DEPTH_UNKNOWN;

	hmi_router_depths(ctx, table);
	for (uint32_t i = 0; i < table->count && least > 0; i++) {
		uint32_t at = first + i < table->count ? first + i : first + i - table->count;
		uint32_t depth = hmi_router_depth(ctx, table, at);

		if (depth < least) {
			least = depth;
			found = at;
		}
	}
	hmi_router_depth_more(ctx, table, found);
	return found;
}

static uint32_t
any(struct hm_ctx *ctx, const struct hmi_router_table *table)
{
	return (uint32_t)(((hmi_random(&ctx->random) >> 32) * table->count) >> 32);
}

static uint32_t
choose(struct hm_ctx *ctx, const struct hmi_router_table *table, const struct hm_msg *msg)
{
	switch (table->router->config.kind) {
	case HM_ROUTER_RANDOM:
	case HM_ROUTER_TAIL_CHOPPING:
		return any(ctx, table);
	case HM_ROUTER_HASH:
		return by_hash(ctx, table, msg);
	case HM_ROUTER_SMALLEST:
		return smallest(ctx, table);
	default:
		return round_robin(ctx, table);
	}
}

/* ---- To all of them ------------------------------------------------------------------- */

/* There was no memory for a copy: its receiver is told of, and it counts as sent. */
static void
copy_lost(struct hm_ctx *ctx, const struct hm_msg *msg, struct hm_pid to)
{
	struct hm_dead_letter letter = {
		.to = to,
		.sender = hm_msg_sender(msg),
		.type = msg->type,
		.length = msg->length,
		.reason = HM_DEAD_NO_MEMORY,
	};

	hmi_no_memory(ctx, msg->type);
	hmi_sent_add(ctx, 1);
	hm_dead_letter_report(ctx, &letter);
}

bool
hmi_router_copy_pass(struct hm_ctx *ctx, struct hm_pid to, const struct hm_msg *msg, uint8_t flags,
		     uint32_t depth)
{
	struct hm_msg *copy = hmi_msg_copy(ctx, msg, false);

	if (copy == NULL) {
		copy_lost(ctx, msg, to);
		return false;
	}
	copy->to_node = 0;
	copy->flags = (uint8_t)((msg->flags & (HMI_MSG_BY_TYPE | HMI_MSG_NETWORK)) | flags);
	hmi_sent_add(ctx, 1);
	hmi_router_pass(ctx, to, copy, depth);
	return true;
}

/* The message itself is the last one that is sent. */
uint32_t
hmi_router_spread(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg, bool tells,
		  uint32_t depth)
{
	uint32_t last = table->count - 1, sent = 1;
	uint8_t flags = tells ? HMI_MSG_REQUEST : 0;

	hmi_guard_received(msg);
	if (tells)
		msg->flags |= HMI_MSG_REQUEST;
	else if (last > 0)
		msg->flags &= (uint8_t)~HMI_MSG_REQUEST;
	for (uint32_t i = 0; i < last; i++)
		sent += hmi_router_copy_pass(ctx, table->routees[i], msg, flags, depth);
	hmi_guard_handed(msg);
	hmi_router_pass(ctx, table->routees[last], msg, depth);
	return sent;
}

/* ---- All together ---------------------------------------------------------------------- */

static void
route(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg, uint32_t depth)
{
	uint32_t kind = table->router->config.kind;

	if (unlikely(table->count == 0))
		hmi_dead(ctx, msg, HM_DEAD_NO_ROUTEE);
	else if (likely(kind < HM_ROUTER_BROADCAST))
		hmi_router_pass(ctx, table->routees[choose(ctx, table, msg)], msg, depth);
	else if (kind == HM_ROUTER_FIRST && msg->sender.node != 0)
		hmi_router_first(ctx, table, msg, depth);
	else if (kind == HM_ROUTER_TAIL_CHOPPING && msg->sender.node != 0)
		hmi_router_chop(ctx, table, msg, depth);
	else if (kind == HM_ROUTER_BROADCAST || kind == HM_ROUTER_FIRST)
		(void)hmi_router_spread(ctx, table, msg, false, depth);
	else
		hmi_router_pass(ctx, table->routees[choose(ctx, table, msg)], msg, depth);
}

/*
 * A poison pill has come to the actor: one of a pool is to poison its routees first, as it does when it gets a message of its own,
 * which counts as sent. Returns whether the pill is not needed, since that has begun.
 */
static bool
poison_take(struct hm_ctx *ctx, struct hm_msg *msg)
{
	const struct hmi_router_table *table = hmi_router_table(ctx->sys, msg->to);
	bool is_pool = table != NULL && table->router->config.props != NULL;
	bool is_closed = is_pool && table->is_closed, has_routees = is_pool && table->count > 0;

	if (table != NULL)
		hmi_router_table_done(table);
	if (is_closed) {
		hmi_msg_release(&ctx->cache, msg);
		return true;
	}
	if (!has_routees)
		return false;
	msg->type = HMI_ROUTER_POISON;
	msg->flags = 0;
	msg->sender = hm_pid_none();
	hmi_sent_add(ctx, 1);
	return false;
}

bool
hmi_router_route(struct hm_ctx *ctx, struct hm_msg *msg)
{
	const struct hmi_router_table *table;

	if (unlikely(msg->type < HM_TYPE_USER || msg->type >= HM_TYPE_RESERVED ||
		     (msg->flags & HMI_MSG_SYSTEM) != 0)) {
		return msg->type == HM_SYS_POISON && hmi_local_lcore(msg->to) == hmi_index(ctx) &&
		       poison_take(ctx, msg);
	}
	table = hmi_router_table(ctx->sys, msg->to);
	if (unlikely(table == NULL || goes_home(table)))
		return false;
	/* Of a thread, which the router stands for where there are too many: see hmi_pressure_mute. */
	if (unlikely(msg->sender.node == 0 && msg->sender.local == 0) &&
	    hmi_local_lcore(msg->to) == hmi_index(ctx))
		msg->sender.local = (uintptr_t)hmi_cells_at(&ctx->cells, msg->to);
	route(ctx, table, msg, 0);
	hmi_router_table_done(table);
	return true;
}

/* ---- Calls ----------------------------------------------------------------------------- */

bool
hm_pid_is_router(const struct hm_system *sys, struct hm_pid pid)
{
	return pid.node == sys->node && hmi_local_is_router(pid.local);
}

static enum hm_result
broadcast(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint32_t *sent)
{
	const struct hmi_router_table *table = hmi_router_table(ctx->sys, to.local);
	uint32_t count = table != NULL ? table->count : 0;

	msg->to = to.local;
	*sent = 0;
	if (count > 0)
		*sent = hmi_router_spread(ctx, table, msg, false, 0);
	else
		hmi_dead(ctx, msg, table != NULL ? HM_DEAD_NO_ROUTEE : HM_DEAD_NO_PROCESS);
	if (table != NULL)
		hmi_router_table_done(table);
	return *sent == count ? HM_OK : HM_NO_MEMORY;
}

enum hm_result
hm_router_broadcast(struct hm_ctx *ctx, struct hm_pid router, uint16_t type, const void *body, uint32_t *sent)
{
	enum hm_result result;
	struct hm_msg *msg;
	uint32_t count = 0;

	hmi_check_send(ctx, type, body, "hm_router_broadcast");
	if (!hm_pid_is_router(ctx->sys, router))
		return HM_NO_RECEIVER;
	hmi_memory_touch_out(sent, sizeof(*sent));
	msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);
	HMI_MARKED(ctx);
	if (msg != NULL) {
		msg->sender = hmi_pid_of(ctx, ctx->cell);
		hmi_sent_add(ctx, 1);
		result = broadcast(ctx, router, msg, &count);
	} else if (result == HM_NO_MEMORY) {
		hmi_no_memory(ctx, type);
	}
	if (sent != NULL)
		*sent = count;
	return result;
}

static enum hm_result
order(struct hm_ctx *ctx, struct hm_pid router, uint16_t type, const void *body)
{
	return hm_pid_is_router(ctx->sys, router) ? hm_send(ctx, router, type, body) : HM_NO_RECEIVER;
}

enum hm_result
hm_router_add(struct hm_ctx *ctx, struct hm_pid router, struct hm_pid routee)
{
	struct hm_routee body = { routee };

	hmi_check_ctx(ctx, "hm_router_add");
	return hm_pid_is_none(routee) ? HM_NO_RECEIVER : order(ctx, router, HM_ROUTER_ADD, &body);
}

enum hm_result
hm_router_remove(struct hm_ctx *ctx, struct hm_pid router, struct hm_pid routee)
{
	struct hm_routee body = { routee };

	hmi_check_ctx(ctx, "hm_router_remove");
	return hm_pid_is_none(routee) ? HM_NO_RECEIVER : order(ctx, router, HM_ROUTER_REMOVE, &body);
}

enum hm_result
hm_router_adjust(struct hm_ctx *ctx, struct hm_pid router, int32_t by)
{
	struct hm_router_change body = { by };

	hmi_check_ctx(ctx, "hm_router_adjust");
	return order(ctx, router, HM_ROUTER_ADJUST, &body);
}

enum hm_result
hm_router_list(struct hm_ctx *ctx, struct hm_pid router)
{
	hmi_check_ctx(ctx, "hm_router_list");
	if (!hm_pid_is_router(ctx->sys, router))
		return HM_NO_RECEIVER;
	return hm_request(ctx, router, HM_ROUTER_LIST, NULL);
}
