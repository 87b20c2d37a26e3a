/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who watches whom, and the notification that a process is gone.
 *
 *     watcher: link WATCHING ── HM_SYS_WATCH ──▶ watched: link WATCHER
 *                            ◀─ HM_SYS_TERMINATED ─  at its end, once for each link
 *
 * A parent needs no link: it is notified of its children's end in any case, and once.
 */
#include "actor_pvt.h"
#include "check_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"

struct hm_msg *
hmi_terminated_new(struct hm_ctx *ctx, struct hm_pid who, uint32_t reason, const char *text)
{
	size_t bytes = reason == HM_TERMINATED_FAILED && text != NULL ? strlen(text) + 1 : 0;
	struct hm_msg *msg =
		hmi_control(&ctx->cache, HM_SYS_TERMINATED, sizeof(struct hm_terminated) + bytes);
	struct hm_terminated *body = hm_msg_body_mut(msg);

	body->who = who;
	body->reason = reason;
	if (bytes > 0)
		memcpy(body + 1, text, bytes);
	msg->sender = who;
	return msg;
}

void
hmi_terminated_post(struct hm_ctx *ctx, struct hm_pid watcher, struct hm_pid who, uint32_t reason)
{
	(void)hmi_post(ctx, watcher, hmi_terminated_new(ctx, who, reason, NULL));
}

void
hmi_child_terminated_post(struct hm_ctx *ctx, uint64_t parent, struct hm_pid child, uint32_t reason,
			  const char *text)
{
	struct hm_msg *msg = hmi_terminated_new(ctx, child, reason, text);
	struct hm_terminated *body = hm_msg_body_mut(msg);

	body->reserved = HMI_TERMINATED_CHILD;
	(void)hmi_post(ctx, (struct hm_pid){ ctx->node, parent }, msg);
}

/* ---- Links ------------------------------------------------------------------- */

static struct hmi_link *
link_take_out(struct hm_ctx *ctx, struct hmi_owned *owned, struct hm_pid *other)
{
	struct hmi_link *link = (struct hmi_link *)owned;

	*other = link->pid;
	hmi_link_unhash(&ctx->links, link);
	return link;
}

/* The actor that is watched ends. */
static void
watcher_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hm_pid watcher;

	hmi_link_free(&ctx->links, link_take_out(ctx, owned, &watcher));
	(void)hmi_post(ctx, watcher,
		       hmi_terminated_new(ctx, hmi_pid_of(ctx, owner), owner->reason,
					  hmi_cell_failure(owner)));
}

/* The actor that watches ends. */
static void
watching_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hm_pid watched;

	hmi_link_free(&ctx->links, link_take_out(ctx, owned, &watched));
	hmi_control_post(ctx, watched, hmi_pid_of(ctx, owner), HM_SYS_UNWATCH);
}

/* Whether the other one's node was lost while the actor was on its way, so that nobody has looked at the link. */
static bool
node_is_lost(struct hm_ctx *ctx, const struct hmi_link *link)
{
	return link->node != 0 && hmi_node_reference(ctx, link->pid.node) != link->node;
}

static void
watcher_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_link *link = (struct hmi_link *)owned;

	if (node_is_lost(ctx, link)) {
		hmi_owned_remove(owned);
		hmi_link_free(&ctx->links, link);
	} else {
		hmi_link_arrive(ctx, owner, owned);
	}
}

static void
watching_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_link *link = (struct hmi_link *)owned;

	hmi_link_arrive(ctx, owner, owned);
	if (!node_is_lost(ctx, link))
		return;
	link->node = 0;
	hmi_terminated_post(ctx, hmi_pid_of(ctx, owner), link->pid, HM_TERMINATED_NODE_LOST);
}

static const struct hmi_owned_ops watcher_ops = {
	.drop = watcher_drop,
	.outlives_restart = true,
	.may_move = hmi_link_may_move,
	.leave = hmi_link_leave,
	.arrive = watcher_arrive,
};

static const struct hmi_owned_ops watching_ops = {
	.drop = watching_drop,
	.outlives_restart = true,
	.may_move = hmi_link_may_move,
	.leave = hmi_link_leave,
	.arrive = watching_arrive,
};

/* ---- On the watched actor's lcore --------------------------------------------- */

void
hmi_watch_add(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid watcher)
{
	struct hm_pid parent = { ctx->node, cell->actor.parent };
	uint32_t slot = hmi_slot_of(ctx, cell);
	struct hmi_link *link;
	uint16_t node = 0;

	if (hm_pid_is_none(watcher) || hm_pid_equal(watcher, parent) ||
	    hmi_link_find(&ctx->links, slot, HMI_LINK_WATCHER, watcher) != NULL)
		return;
	/* Of a node that is down by now: nobody is left to be notified. */
	if (watcher.node != ctx->node && (node = hmi_node_reference(ctx, watcher.node)) == 0)
		return;
	link = hmi_link_new(&ctx->links, HMI_LINK_WATCHER, watcher);
	if (link == NULL) {
		/* A watch that cannot be kept is over, rather than silently lost. */
		hmi_terminated_post(ctx, watcher, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
		return;
	}
	link->node = node;
	hmi_link_add(&ctx->links, cell, slot, link, &watcher_ops);
}

void
hmi_watch_remove(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid watcher)
{
	hmi_link_drop(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_WATCHER, watcher);
}

/* ---- On the watcher's lcore ---------------------------------------------------- */

/* What its children were is nothing to the actor that it will be. */
static bool
is_restarting(const struct hmi_cell *cell)
{
	return (cell->pending & HMI_PENDING_STOP) != 0 && cell->reason == HMI_REASON_RESTART;
}

static void
terminated_hand(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hm_terminated *body = hm_msg_body_mut(msg);

	body->reserved = 0;
	msg->type = HM_TERMINATED;
	(void)hmi_receive(ctx, cell, msg);
	ctx->msg = NULL;
	hmi_msg_release(&ctx->cache, msg);
}

/* Who is gone is known from here on no more. Returns whether it was watched, or a child. */
static __attribute__((noinline)) bool
terminated_settle(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg, bool child)
{
	const struct hm_terminated *body = hm_msg_body(msg);
	bool watched = false;

	/* Another node can speak for its own processes alone. */
	if (cell->actor.owned != NULL &&
	    !((msg->flags & HMI_MSG_NETWORK) != 0 && body->who.node == ctx->node))
		watched = hmi_link_drop(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_WATCHING, body->who);
	if (child)
		hmi_child_gone(ctx, cell, body->who);
	return watched || child;
}

void
hmi_terminated_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	const struct hm_terminated *body = hm_msg_body(msg);
	bool child = body->reserved == HMI_TERMINATED_CHILD && (msg->flags & HMI_MSG_NETWORK) == 0;
	bool known = true;

	if (likely(child && hmi_child_is_of_ring(ctx, cell, body->who)))
		hmi_child_count_down(cell);
	else
		known = terminated_settle(ctx, cell, msg, child);
	if (likely(known && !is_restarting(cell)))
		terminated_hand(ctx, cell, msg);
	else
		hmi_msg_release(&ctx->cache, msg);
	if (child && (cell->pending & HMI_PENDING_STOP) != 0)
		hmi_actor_stop_advance(ctx, cell);
}

const char *
hm_terminated_text(const struct hm_msg *terminated)
{
	const struct hm_terminated *body = hm_msg_body(terminated);

	return hm_msg_length(terminated) > sizeof(*body) ? (const char *)(body + 1) : "";
}

enum hm_result
hm_watch(struct hm_ctx *ctx, struct hm_pid who)
{
	struct hmi_link *link;
	struct hm_pid self;
	uint32_t slot;

	hmi_check_ctx(ctx, "hm_watch");
	HMI_MARKED(ctx);
	self = hmi_pid_of(ctx, ctx->cell);
	slot = hmi_slot_of(ctx, ctx->cell);
	if (hm_pid_is_none(who) || hm_pid_equal(who, self))
		return HM_NO_RECEIVER;
	if (hmi_link_find(&ctx->links, slot, HMI_LINK_WATCHING, who) != NULL)
		return HM_OK;
	link = hmi_link_new(&ctx->links, HMI_LINK_WATCHING, who);
	if (link == NULL)
		return HM_NO_MEMORY;
	if (who.node != ctx->node)
		link->node = hmi_node_reference(ctx, who.node);
	hmi_link_add(&ctx->links, ctx->cell, slot, link, &watching_ops);
	hmi_control_post(ctx, who, self, HM_SYS_WATCH);
	return HM_OK;
}

void
hm_unwatch(struct hm_ctx *ctx, struct hm_pid who)
{
	hmi_check_ctx(ctx, "hm_unwatch");
	HMI_MARKED(ctx);
	if (hmi_link_drop(&ctx->links, hmi_slot_of(ctx, ctx->cell), HMI_LINK_WATCHING, who))
		hmi_control_post(ctx, who, hmi_pid_of(ctx, ctx->cell), HM_SYS_UNWATCH);
}
