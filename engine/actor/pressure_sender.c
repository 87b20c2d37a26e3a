/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure at the sender: it is muted, handles no messages until all who have muted it have drained, and goes on.
 */
#include "pressure_record_pvt.h"

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "flight_pvt.h"
#include "forward_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* ---- Who has muted it ------------------------------------------------------------------ */

static void
muter_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_link *link)
{
	hmi_backlog_forget(ctx, cell, link->pid);
	hmi_pressure_link_release(ctx, link);
}

void
hmi_muters_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure)
{
	while (pressure->muters != NULL)
		muter_release(ctx, cell, (struct hmi_link *)pressure->muters);
}

/* Tell a receiver that the sender in a cell is not muted: it has ended. */
static void
unmuted_post(struct hm_ctx *ctx, struct hm_pid receiver, struct hm_pid sender)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_UNMUTED, sizeof(struct hmi_mute));

	*(struct hmi_mute *)hm_msg_body_mut(msg) = (struct hmi_mute){ sender, receiver };
	(void)hmi_post(ctx, receiver, msg);
}

static struct hm_pid
plain_sender(const struct hmi_cell *cell)
{
	return (struct hm_pid){ 0, (uintptr_t)cell };
}

void
hmi_muters_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_pressure *pressure)
{
	for (const struct hmi_owned *owned = pressure->muters; owned != NULL; owned = owned->next)
		unmuted_post(ctx, ((const struct hmi_link *)owned)->pid, plain_sender(cell));
}

void
hmi_sender_unmute(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (unlikely(hmi_local_is_router(hmi_place_of(ctx, cell)))) {
		hmi_full_remove(&ctx->sys->full, hmi_place_of(ctx, cell));
		return;
	}
	cell->pending &= (uint8_t)~HMI_PENDING_MUTED;
	hmi_flight_note(ctx, cell, HM_EVENT_UNMUTED, HM_TYPE_NONE);
	if (hmi_actor_has_work(cell))
		hmi_schedule(ctx, cell);
}

/* It sends nothing of its own, and has to learn which routees have ended. What it hands on is of threads, which are held up. */
static bool
router_mute(struct hm_ctx *ctx, const struct hmi_cell *cell, bool is_first)
{
	if (!hmi_local_is_router(hmi_place_of(ctx, cell)))
		return false;
	if (is_first)
		hmi_full_add(&ctx->sys->full, hmi_place_of(ctx, cell));
	return true;
}

bool
hmi_pressure_mute(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid muter)
{
	struct hmi_pressure *pressure = hmi_pressure_get(ctx, cell);
	bool is_first = pressure != NULL && pressure->muters == NULL;

	if (pressure == NULL || !hmi_pressure_link(ctx, cell, &pressure->muters, HMI_LINK_MUTER, muter))
		return false;
	hmi_count(&ctx->stats.mutes, 1);
	if (router_mute(ctx, cell, is_first))
		return true;
	if ((cell->pending & HMI_PENDING_MUTED) == 0)
		hmi_flight_note(ctx, cell, HM_EVENT_MUTED, HM_TYPE_NONE);
	cell->pending |= HMI_PENDING_MUTED;
	return true;
}

void
hmi_pressure_unmute(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid muter)
{
	struct hmi_link *link = hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_MUTER, muter);

	if (link == NULL)
		return;
	muter_release(ctx, cell, link);
	if (hmi_pressure_of(cell)->muters == NULL)
		hmi_sender_unmute(ctx, cell);
}

/* ---- What receivers post --------------------------------------------------------------- */

/* The process that has sent; NULL: it is gone. */
static struct hmi_cell *
cell_of(struct hm_ctx *ctx, struct hm_pid sender)
{
	return sender.node == 0 ? (struct hmi_cell *)(uintptr_t)sender.local
				: hmi_cell_named(ctx, sender.local);
}

struct hmi_cell *
hmi_pressure_actor(struct hm_ctx *ctx, struct hm_pid sender)
{
	struct hmi_cell *cell = cell_of(ctx, sender);

	if (cell == NULL || hmi_cell_is_free(cell))
		return NULL;
	if (hmi_cell_is_actor(cell))
		return cell;
	/* Only actors send without a name: the one that did is gone, and another process has its slot. */
	if (sender.node == 0)
		return NULL;
	return cell->ops->owner != NULL ? cell->ops->owner(cell) : NULL;
}

/* The actor was muted by what it has asked, which may be gone before it is to be released: then by its own name. */
static void
name_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_mute *mute)
{
	struct hm_msg *msg;

	if (mute->sender.node == 0 || hm_pid_equal(mute->sender, hmi_pid_of(ctx, cell)))
		return;
	msg = hmi_control(&ctx->cache, HMI_SYS_MUTED_AS, sizeof(struct hmi_muted_as));
	*(struct hmi_muted_as *)hm_msg_body_mut(msg) = (struct hmi_muted_as){ *mute, hmi_pid_of(ctx, cell) };
	(void)hmi_post(ctx, mute->receiver, msg);
}

/* cell: the sender's; NULL: it is gone. */
static void
mute_by(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_mute *mute)
{
	if (cell == NULL || hmi_cell_ends(cell)) {
		/* A PID names nobody else later. */
		if (mute->sender.node == 0)
			unmuted_post(ctx, mute->receiver, mute->sender);
	} else if (hmi_pressure_mute(ctx, cell, mute->receiver)) {
		name_tell(ctx, cell, mute);
		if (hmi_is_overloaded(cell))
			hmi_probe_start(ctx, cell, hmi_pressure_of(cell));
	}
}

void
hmi_pressure_receive(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	const struct hmi_mute *mute = hm_msg_body(msg);

	if (msg->type == HMI_SYS_MUTE)
		mute_by(ctx, cell, mute);
	else
		hmi_pressure_unmute(ctx, cell, mute->receiver);
}

/*
 * The sender has moved, and is told the way that all its messages take, so that being released does not overtake it. By a
 * slot away from home it is not: that would be gone when the sender is to be released. What it sends from where it lives now
 * mutes it.
 */
static bool
is_forwarded(struct hm_ctx *ctx, const struct hmi_mute *mute, uint16_t type)
{
	struct hmi_cell *cell = cell_of(ctx, mute->sender);
	struct hm_msg *msg;

	if (cell == NULL || !hmi_is_forwarder(cell))
		return false;
	if (cell->route->here != cell->route->home)
		return true;
	msg = hmi_control(&ctx->cache, type, sizeof(*mute));
	*(struct hmi_mute *)hm_msg_body_mut(msg) = *mute;
	hmi_forward(ctx, cell, msg);
	return true;
}

void
hmi_mute_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_mute *mute = hm_msg_body(msg);

	if (!is_forwarded(ctx, mute, HMI_SYS_MUTE))
		mute_by(ctx, hmi_pressure_actor(ctx, mute->sender), mute);
}

void
hmi_unmute_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_mute *mute = hm_msg_body(msg);
	struct hmi_cell *cell = hmi_pressure_actor(ctx, mute->sender);

	if (!is_forwarded(ctx, mute, HMI_SYS_UNMUTE) && cell != NULL)
		hmi_pressure_unmute(ctx, cell, mute->receiver);
}
