/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to an actor besides user messages: it starts, is watched, learns who is gone,
 * and stops.
 *
 *     new ──▶ running ──▶ stopping ──(last child gone)──▶ gone
 *        STARTED     STOPPING                      STOPPED
 *
 * When an actor is gone its name is free before anybody learns of it, so that a parent may
 * spawn its successor under the same name at once.
 */
#include "engine_pvt.h"
#include "counter_pvt.h"

struct hm_msg *
hmi_terminated_new(struct hm_ctx *ctx, struct hm_pid who, uint32_t reason)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_SYS_TERMINATED, sizeof(struct hm_terminated));
	struct hm_terminated *body = hm_msg_body_mut(msg);

	body->who = who;
	body->reason = reason;
	msg->sender = who;
	return msg;
}

void
hmi_terminated_post(struct hm_ctx *ctx, struct hm_pid watcher, struct hm_pid who, uint32_t reason)
{
	(void)hmi_post(ctx, watcher, hmi_terminated_new(ctx, who, reason));
}

bool
hmi_mailbox_bury(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason)
{
	struct hm_msg *msg;
	bool any = false;

	/* News of the burial may fill the outbox, whose delivery may put more into this mailbox. */
	while ((msg = hmi_fifo_pop(&cell->box)) != NULL || (msg = hmi_cell_pop_system(cell)) != NULL) {
		if (msg->flags & HMI_MSG_REPLY)
			hmi_future_drop(ctx, msg, reason);
		else
			hmi_dead(ctx, msg, reason);
		any = true;
	}
	return any;
}

static void
link_end(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_link *link, struct hm_pid self)
{
	struct hm_pid other = link->pid, parent = { ctx->node, cell->actor.parent };
	enum hmi_link_kind kind = link->kind;

	hmi_link_remove(&ctx->links, link);
	if (kind == HMI_LINK_TIMER) {
		hmi_timer_free(ctx, link);
		return;
	}
	hmi_link_free(&ctx->links, link);
	if (kind == HMI_LINK_WATCHING)
		hmi_control_post(ctx, other, self, HM_SYS_UNWATCH);
	/* The parent is told in any case, and once. */
	else if (kind == HMI_LINK_WATCHER && !hm_pid_equal(other, parent))
		hmi_terminated_post(ctx, other, self, cell->actor.reason);
}

static void
actor_end(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_pid self = hmi_pid_of(ctx, cell), parent = { ctx->node, cell->actor.parent };

	hmi_lifecycle_receive(ctx, cell, HM_STOPPED);
	hmi_name_remove(&ctx->sys->names, cell->actor.name);
	hm_dead_letters_unsubscribe(ctx->sys, self);
	hmi_futures_drop(ctx, cell);
	while (cell->actor.links != NULL)
		link_end(ctx, cell, cell->actor.links, self);
	if (parent.local != 0)
		hmi_terminated_post(ctx, parent, self, cell->actor.reason);
	else
		hmi_guardian_gone(ctx);
	/* Last: whatever is posted may deliver to this actor. */
	hmi_mailbox_bury(ctx, cell, HM_DEAD_STOPPED);
	hmi_state_free(ctx, cell);
	hmi_cells_put(&ctx->cells, cell);
	hmi_count(&ctx->stats.stopped, 1);
	ctx->cell = NULL;
}

/* User messages are not handled any more, but an actor that stops waits for news of its children. */
static void
news_advance(struct hmi_cell *cell)
{
	struct hmi_fifo waiting = cell->box;
	struct hm_msg *msg;

	cell->box = (struct hmi_fifo){ 0 };
	while ((msg = hmi_fifo_pop(&waiting)) != NULL) {
		if (msg->flags & HMI_MSG_SYSTEM)
			hmi_cell_push_system(cell, msg);
		else
			hmi_fifo_push(&cell->box, msg);
	}
}

bool
hmi_actor_stop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_terminated_reason reason)
{
	if (cell->actor.life == HMI_LIFE_STOPPING)
		return true;
	hmi_cell_set_life(cell, HMI_LIFE_STOPPING);
	cell->actor.reason = (uint8_t)reason;
	hmi_lifecycle_receive(ctx, cell, HM_STOPPING);
	for (const struct hmi_link *link = cell->actor.links; link != NULL; link = link->next) {
		if (link->kind == HMI_LINK_CHILD)
			hmi_control_post(ctx, link->pid, hm_pid_none(), HM_SYS_STOP);
	}
	if (cell->actor.children > 0) {
		news_advance(cell);
		return true;
	}
	actor_end(ctx, cell);
	return false;
}

static void
watch_add(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct hmi_link *link;

	if (hm_pid_is_none(msg->sender) ||
	    hmi_link_find(&ctx->links, cell, HMI_LINK_WATCHER, msg->sender) != NULL)
		return;
	/* Of a node that is lost by now: nobody is left to be told. */
	if (msg->sender.node != ctx->node && hmi_node_meet(ctx, msg->sender.node) == 0)
		return;
	link = hmi_link_new(&ctx->links);
	if (link == NULL) {
		/* A watch that cannot be kept is over, rather than silently lost. */
		hmi_terminated_post(ctx, msg->sender, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
		return;
	}
	link->pid = msg->sender;
	link->kind = HMI_LINK_WATCHER;
	hmi_link_add(&ctx->links, cell, link);
}

bool
hmi_terminated_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	const struct hm_terminated *body = hm_msg_body(msg);
	bool watched, child = false;

	/* Another node can speak for its own processes alone. */
	if ((msg->flags & HMI_MSG_NETWORK) != 0 && body->who.node == ctx->node)
		return true;
	watched = hmi_link_drop(&ctx->links, cell, HMI_LINK_WATCHING, body->who);
	if (hmi_link_drop(&ctx->links, cell, HMI_LINK_CHILD, body->who)) {
		cell->actor.children--;
		child = true;
	}
	if (!watched && !child)
		return true;
	msg->type = HM_TERMINATED;
	ctx->msg = msg;
	cell->receive(ctx, hmi_cell_state(cell), msg);
	ctx->msg = NULL;
	if (cell->actor.life != HMI_LIFE_STOPPING || cell->actor.children > 0)
		return true;
	actor_end(ctx, cell);
	return false;
}

/* Returns whether the actor still exists. */
static bool
system_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	switch (msg->type) {
	case HM_SYS_STOP:
		return hmi_actor_stop(ctx, cell, HM_TERMINATED_STOPPED);
	case HM_SYS_WATCH:
		watch_add(ctx, cell, msg);
		return true;
	case HM_SYS_UNWATCH:
		hmi_link_drop(&ctx->links, cell, HMI_LINK_WATCHER, msg->sender);
		return true;
	case HM_SYS_TERMINATED:
		return hmi_terminated_receive(ctx, cell, msg);
	default:
		return true;
	}
}

bool
hmi_actor_attend(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg;

	if (cell->actor.life == HMI_LIFE_NEW) {
		hmi_cell_set_life(cell, HMI_LIFE_RUNNING);
		hmi_lifecycle_receive(ctx, cell, HM_STARTED);
	}
	while ((msg = hmi_cell_pop_system(cell)) != NULL) {
		bool exists = system_receive(ctx, cell, msg);

		hmi_msg_release(&ctx->cache, msg);
		if (!exists)
			return false;
	}
	return cell->actor.life == HMI_LIFE_RUNNING;
}

/* ---- What actors ask for ---------------------------------------------------- */

enum hm_result
hm_watch(struct hm_ctx *ctx, struct hm_pid who)
{
	struct hmi_link *link;

	if (hm_pid_is_none(who) || hm_pid_equal(who, hmi_pid_of(ctx, ctx->cell)))
		return HM_NO_RECEIVER;
	if (hmi_link_find(&ctx->links, ctx->cell, HMI_LINK_WATCHING, who) != NULL)
		return HM_OK;
	link = hmi_link_new(&ctx->links);
	if (link == NULL)
		return HM_NO_MEMORY;
	link->pid = who;
	link->kind = HMI_LINK_WATCHING;
	hmi_link_add(&ctx->links, ctx->cell, link);
	if (who.node != ctx->node)
		(void)hmi_node_meet(ctx, who.node);
	hmi_control_post(ctx, who, hmi_pid_of(ctx, ctx->cell), HM_SYS_WATCH);
	return HM_OK;
}

void
hm_unwatch(struct hm_ctx *ctx, struct hm_pid who)
{
	if (hmi_link_drop(&ctx->links, ctx->cell, HMI_LINK_WATCHING, who))
		hmi_control_post(ctx, who, hmi_pid_of(ctx, ctx->cell), HM_SYS_UNWATCH);
}

void
hm_stop(struct hm_ctx *ctx, struct hm_pid who)
{
	struct hm_msg *msg;

	if (hm_pid_is_none(who))
		return;
	if (!hm_pid_equal(who, hmi_pid_of(ctx, ctx->cell))) {
		hmi_control_post(ctx, who, hm_pid_none(), HM_SYS_STOP);
		return;
	}
	/* Not by the outbox: after the current message, not after the turn. */
	msg = hmi_control(&ctx->cache, HM_SYS_STOP, 0);
	msg->to = who.local;
	hmi_cell_push_system(ctx->cell, msg);
}

enum hm_result
hm_poison(struct hm_ctx *ctx, struct hm_pid who)
{
	struct hm_msg *msg;

	if (hm_pid_is_none(who))
		return HM_NO_RECEIVER;
	msg = hmi_control(&ctx->cache, HM_SYS_POISON, 0);
	msg->flags = HMI_MSG_POISON;
	return hmi_post(ctx, who, msg);
}
