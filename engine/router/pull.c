/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Balancing: messages wait at the router until a routee has nothing to do.
 *
 *     router ──message, HM_TOUCH──▶ routee
 *            ◀──HM_TOUCHED──────── when it has come to that: the next message
 *
 * All of it is the engine's, and marked so: nothing here is a function of a user, or passes through stages of middleware.
 */
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "expire_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "router_pvt.h"
#include "touch_pvt.h"

/* As when an actor hands a message on, but that its sender stays who is muted if there are too many. */
static void
message_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	bool is_request = (msg->flags & (HMI_MSG_REQUEST | HMI_MSG_NETWORK)) != 0;

	if (unlikely((msg->flags & HMI_MSG_EXPIRES) != 0 && !hmi_is_here(ctx, to)))
		hmi_deadline_settle_handed(ctx, msg);
	msg->flags = (uint8_t)((msg->flags & (HMI_MSG_BY_TYPE | HMI_MSG_EXPIRES)) |
			       (is_request ? HMI_MSG_REQUEST : 0));
	if (msg->sender.node == 0 && msg->sender.local == 0)
		msg->sender.local = (uintptr_t)ctx->cell;
	msg->to_node = 0;
	hmi_guard_handed(msg);
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, to, msg);
}

static void
hand(struct hm_ctx *ctx, struct hmi_router_member *member, struct hm_msg *msg)
{
	member->is_busy = true;
	message_post(ctx, member->pid, msg);
	hmi_touch_post(ctx, member->pid);
}

/* One that has nothing to do, from the one behind the last on; NULL: all have. */
static struct hmi_router_member *
idle(struct hmi_router *router)
{
	for (uint32_t i = 0; i < router->count; i++) {
		uint32_t at = (router->last_idle + 1 + i) % router->count;

		if (router->members[at].is_busy)
			continue;
		router->last_idle = at;
		return &router->members[at];
	}
	return NULL;
}

static void
refuse(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason)
{
	/* It was counted as received when it came. */
	hmi_sent_add(ctx, 1);
	msg->to = hmi_pid_of(ctx, ctx->cell).local;
	hmi_dead(ctx, msg, reason);
}

/* A pool that has none waits for them, as it does for those that are busy. */
static bool
has_none(const struct hmi_router *router)
{
	return router->is_ending || router->is_draining || router->count + router->wanted == 0;
}

void
hmi_router_pull_message(struct hm_ctx *ctx, struct hmi_router *router)
{
	struct hmi_router_member *member = idle(router);
	struct hm_msg *msg = ctx->msg;

	HMI_MARKED(ctx);
	hmi_received_take(ctx);
	if (has_none(router))
		refuse(ctx, msg, HM_DEAD_NO_ROUTEE);
	else if (member != NULL)
		hand(ctx, member, msg);
	else if (router->queue.count < router->config.queue)
		hmi_fifo_push(&router->queue, msg);
	else
		refuse(ctx, msg, HM_DEAD_REJECTED);
}

void
hmi_router_pull_idle(struct hm_ctx *ctx, struct hmi_router *router, struct hm_pid who)
{
	uint32_t i = hmi_router_member_find(router, who);
	struct hm_msg *msg;

	if (i == router->count)
		return;
	HMI_MARKED(ctx);
	router->members[i].is_busy = false;
	msg = hmi_fifo_pop(&router->queue);
	if (msg != NULL)
		hand(ctx, &router->members[i], msg);
}

void
hmi_router_pull(struct hm_ctx *ctx, struct hmi_router *router)
{
	struct hmi_router_member *member;

	HMI_MARKED(ctx);
	while (router->queue.count > 0 && (member = idle(router)) != NULL)
		hand(ctx, member, hmi_fifo_pop(&router->queue));
}

bool
hmi_router_pull_drop(struct hm_ctx *ctx, struct hmi_router *router, enum hm_dead_reason reason)
{
	struct hm_msg *msg;
	bool any = false;

	HMI_MARKED(ctx);
	for (; (msg = hmi_fifo_pop(&router->queue)) != NULL; any = true) {
		hmi_sent_add(ctx, 1);
		msg->to = router->local;
		hmi_dead(ctx, msg, reason);
	}
	return any;
}
