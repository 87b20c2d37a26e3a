/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first answer of several routees.
 *
 *     asker ──▶ router ──▶ routee ─┐
 *       ▲             ╰──▶ routee ─┤ sender: the gather, a process of the lcore that routes
 *       ╰──── first answer ◀───────╯ further ones: late replies
 *
 * A routee that never gets the message is told of by HM_SYS_UNDELIVERED, as to a future.
 */
#include "actor_pvt.h"
#include "ask_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "hm_provider.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "random_pvt.h"
#include "router_pvt.h"
#include "shortage_pvt.h"

struct hmi_gather {
	struct hmi_timer timer;
	struct hmi_cell *cell;
	struct hm_pid asker;
	uint64_t until_ns, interval_ns;
	struct hm_msg *msg; /* of tail-chopping: what further ones are sent; NULL: nothing */
	uint64_t router;    /* local part of its PID */
	uint32_t next;      /* routee, counted from any one on */
	uint32_t left;      /* that are still to be tried */
	uint32_t waits;     /* messages whose answer may come */
	uint32_t depth;     /* of the router */
	bool is_request;    /* the asker is to know if nobody has got it */
};

static const struct hmi_process_ops gather_ops;

void
hmi_gathers_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->gathers, sizeof(struct hmi_gather));
}

/* ---- Its end ---------------------------------------------------------------------- */

static void
gather_free(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &gather->timer);
	if (gather->msg != NULL)
		hmi_msg_release(&ctx->cache, gather->msg);
	hmi_cells_put(&ctx->cells, gather->cell, HM_DEAD_LATE_REPLY);
	hmi_slab_put(&ctx->gathers, gather);
}

/* As of a future that was piped to the asker, so that it need not know whether it has asked a router. */
static void
time_up(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_FUTURE_FAILED, sizeof(struct hm_future_failed));
	struct hm_future_failed *failed = hm_msg_body_mut(msg);

	failed->result = HM_FUTURE_TIMEOUT;
	msg->flags = HMI_MSG_BY_TYPE;
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, gather->asker, msg);
	gather_free(ctx, gather);
}

/* Nobody has got it, or can answer any more. */
static void
undelivered(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	if (gather->is_request)
		hmi_control_post(ctx, gather->asker, hm_pid_none(), HM_SYS_UNDELIVERED);
	gather_free(ctx, gather);
}

/* ---- One after the other ------------------------------------------------------------ */

static void
timer_start(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	uint64_t at_ns = gather->until_ns, now_ns = hmi_worker_clock(&ctx->worker);

	if (gather->left > 0)
		at_ns = RTE_MIN(at_ns, now_ns + gather->interval_ns);
	hmi_wheel_add(&ctx->worker.wheel, &gather->timer, at_ns);
}

/* The next routee is tried, by the table as it is now. Returns whether there was one. */
static bool
next_try(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	const struct hmi_router_table *table = hmi_router_table(ctx->sys, gather->router);
	bool sent = false;

	while (!sent && gather->left > 0 && table != NULL && table->count > 0) {
		struct hm_pid to = table->routees[gather->next++ % table->count];

		gather->left--;
		sent = hmi_router_copy_pass(ctx, to, gather->msg, HMI_MSG_REQUEST, gather->depth);
		gather->waits += sent;
	}
	if (table != NULL)
		hmi_router_table_done(table);
	if (!sent)
		gather->left = 0;
	return sent;
}

static void
chop(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &gather->timer);
	if (!next_try(ctx, gather) && gather->waits == 0)
		undelivered(ctx, gather);
	else
		timer_start(ctx, gather);
}

static void
timer_fire(void *arg, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(arg);
	struct hmi_gather *gather = container_of(timer, struct hmi_gather, timer);

	if (gather->left == 0 || ctx->worker.now_ns >= gather->until_ns)
		time_up(ctx, gather);
	else
		chop(ctx, gather);
}

/* ---- The process ---------------------------------------------------------------------- */

static void
answer(struct hm_ctx *ctx, struct hmi_gather *gather, struct hm_msg *msg)
{
	struct hm_pid asker = gather->asker;

	gather_free(ctx, gather);
	/* Who has answered may be on another node. */
	msg->flags &= HMI_MSG_BY_TYPE;
	msg->to_node = 0;
	(void)hmi_post(ctx, asker, msg);
}

/* One of them is no answer any more. */
static void
one_lost(struct hm_ctx *ctx, struct hmi_gather *gather)
{
	gather->waits--;
	if (gather->left > 0)
		chop(ctx, gather);
	else if (gather->waits == 0)
		undelivered(ctx, gather);
}

static void
gather_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if ((msg->flags & HMI_MSG_BY_TYPE) != 0 && hmi_future_handles(ctx, cell, msg))
		return;
	if (msg->type != HM_FUTURE_FAILED) {
		answer(ctx, cell->gather, msg);
		return;
	}
	/* A router among the routees, or a future that one has piped. */
	(void)hmi_future_failure(ctx, msg);
	one_lost(ctx, cell->gather);
}

static void
gather_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	uint16_t type = msg->type;

	if (type == HM_SYS_WATCH)
		hmi_terminated_post(ctx, msg->sender, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
	hmi_msg_release(&ctx->cache, msg);
	if (type == HM_SYS_UNDELIVERED)
		one_lost(ctx, cell->gather);
}

static uint64_t
gather_waits_until_ns(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	(void)ctx;
	return cell->gather->until_ns;
}

static bool
gather_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	undelivered(ctx, cell->gather);
	return true;
}

static const struct hmi_process_ops gather_ops = {
	.deliver = gather_deliver,
	.system = gather_system,
	.waits_until_ns = gather_waits_until_ns,
	.shut_down = gather_shut_down,
};

/* ---- Its beginning ---------------------------------------------------------------------- */

/* NULL: no memory; then the message is a dead letter. */
static struct hmi_gather *
gather_new(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg, uint32_t depth)
{
	struct hmi_gather *gather = hmi_slab_get(&ctx->gathers);
	struct hmi_cell *cell = gather != NULL ? hmi_cells_get(&ctx->cells) : NULL;
	uint64_t within_ns = hmi_timeout_ns(table->router->config.within_us);

	if (cell == NULL) {
		if (gather != NULL)
			hmi_slab_put(&ctx->gathers, gather);
		hmi_dead(ctx, msg, HM_DEAD_NO_MEMORY);
		return NULL;
	}
	cell->ops = &gather_ops;
	cell->gather = gather;
	*gather = (struct hmi_gather){ .cell = cell,
				       .asker = msg->sender,
				       .router = table->local,
				       .until_ns = hmi_worker_clock(&ctx->worker) + within_ns,
				       .interval_ns = hmi_timeout_ns(table->router->config.interval_us),
				       .timer.fire = timer_fire,
				       .depth = depth,
				       .is_request = (msg->flags & HMI_MSG_REQUEST) != 0 };
	msg->sender = hmi_pid_of(ctx, cell);
	return gather;
}

/* Who does not get it is told of behind this call, not within it: dead letters are queued. */
void
hmi_router_first(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg, uint32_t depth)
{
	struct hmi_gather *gather = gather_new(ctx, table, msg, depth);

	if (gather == NULL)
		return;
	hmi_wheel_add(&ctx->worker.wheel, &gather->timer, gather->until_ns);
	gather->waits = table->count;
	gather->waits -= table->count - hmi_router_spread(ctx, table, msg, true, depth);
}

/* Without memory for what further ones are sent it is sent to one alone. */
void
hmi_router_chop(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg, uint32_t depth)
{
	struct hmi_gather *gather = gather_new(ctx, table, msg, depth);
	struct hm_pid to;

	if (gather == NULL)
		return;
	gather->next = (uint32_t)(hmi_random(&ctx->random) >> 32) % table->count;
	to = table->routees[gather->next++];
	hmi_guard_received(msg);
	gather->msg = table->count > 1 ? hmi_msg_copy(ctx, msg, false) : NULL;
	hmi_guard_handed(msg);
	if (gather->msg != NULL) {
		gather->msg->flags = msg->flags & (HMI_MSG_BY_TYPE | HMI_MSG_NETWORK);
		gather->left = table->count - 1;
	}
	gather->waits = 1;
	timer_start(ctx, gather);
	msg->flags |= HMI_MSG_REQUEST;
	hmi_router_pass(ctx, to, msg, depth);
}
