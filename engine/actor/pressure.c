/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure at the receiver: when its mailbox is overloaded, whom it mutes, and when it releases them. What becomes of
 * those: pressure_sender.c. Who waits for each other: pressure_probe.c.
 */
#include "pressure_record_pvt.h"

#include "actor_pvt.h"
#include "buffer_pvt.h"
#include "counter_pvt.h"
#include "event_queue_pvt.h"
#include "flight_pvt.h"
#include "forward_pvt.h"
#include "hm_mailbox.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* Marks of mailboxes without any of their own. */
#define LOOK_MAX   2048u /* messages from which on their size is looked at */
#define HIGH_MAX   16384u
#define BYTES_PART 16u /* of message memory that one mailbox may hold */
/* Of those who send to a mailbox with twice as many messages as it may hold, one of so many is told again to wait. */
#define AGAIN_EACH 16u

/* ---- Marks ----------------------------------------------------------------------------- */

void
hmi_pressure_marks(struct hm_system *sys)
{
	uint64_t messages = sys->options.memory / HMI_POOL_SMALLEST;

	sys->marks.look = (uint32_t)RTE_MIN(messages / 32, LOOK_MAX);
	sys->marks.high = (uint32_t)RTE_MIN(messages / 8, HIGH_MAX);
	sys->marks.bytes = sys->options.memory / BYTES_PART;
	if (sys->options.mailbox != 0)
		sys->marks.look = sys->marks.high = (uint32_t)sys->options.mailbox;
}

/* Others of the mailbox are taken to be like the one that is given. */
bool
hmi_pressure_is_much(const struct hm_system *sys, const struct hm_msg *msg, uint32_t count)
{
	const struct hmi_marks *marks = &sys->marks;
	uint64_t bytes = hmi_msg_bytes(msg);

	return count > marks->high || (count > marks->look && count * bytes > marks->bytes);
}

bool
hmi_pressure_is_over(const struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *msg,
		     uint32_t count)
{
	const struct hm_mailbox *mailbox = cell->actor.props->mailbox;

	if (mailbox != NULL && mailbox->capacity != 0)
		return mailbox->capacity != HM_MAILBOX_UNLIMITED && count > mailbox->capacity;
	return hmi_pressure_is_much(ctx->sys, msg, count);
}

/* ---- Whom it has muted ----------------------------------------------------------------- */

static void
command_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t command, struct hm_pid sender,
	     struct hm_pid receiver)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, command, sizeof(struct hmi_mute));

	*(struct hmi_mute *)hm_msg_body_mut(msg) = (struct hmi_mute){ sender, receiver };
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
}

uint32_t
hmi_pressure_lcore(const struct hm_system *sys, struct hm_pid sender)
{
	uintptr_t at = (uintptr_t)sender.local;

	if (sender.node != 0)
		return sender.node == sys->node ? hmi_local_lcore(sender.local) : UINT32_MAX;
	for (uint32_t i = 0; at != 0 && i < sys->lcores_count; i++) {
		if (at - (uintptr_t)sys->lcores[i]->cells.base < HM_SLOTS_MAX * sizeof(struct hmi_cell))
			return i;
	}
	return UINT32_MAX;
}

/* Who has sent a message; nobody: a thread, a timer, another node, or the actor itself. */
static struct hm_pid
sender_of(const struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct hm_pid self = hmi_pid_of(ctx, cell);
	bool is_self = msg->sender.node == 0 ? msg->sender.local == (uintptr_t)cell
					     : hm_pid_equal(msg->sender, self);

	return is_self ? hm_pid_none() : msg->sender;
}

static bool
muted_add(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure,
	  struct hm_pid sender)
{
	if (!hmi_pressure_link(ctx, cell, pressure->muted_end, HMI_LINK_MUTED, sender))
		return false;
	pressure->muted_end = &(*pressure->muted_end)->next;
	return true;
}

/* The actor does not mute a sender any more. */
static void
muted_remove(struct hm_ctx *ctx, struct hmi_pressure *pressure, struct hmi_link *link)
{
	if (link->owned.next == NULL)
		pressure->muted_end = link->owned.prev;
	if (hm_pid_equal(pressure->last, link->pid))
		pressure->last = hm_pid_none();
	hmi_pressure_link_release(ctx, link);
}

bool
hmi_muted_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure,
		  uint32_t portion)
{
	struct hm_pid self = hmi_pid_of(ctx, cell);

	for (uint32_t n = 0; pressure->muted != NULL; n++) {
		struct hmi_link *link = (struct hmi_link *)pressure->muted;
		struct hm_pid sender = link->pid;

		if (n == portion)
			return true;
		muted_remove(ctx, pressure, link);
		command_post(ctx, hmi_pressure_lcore(ctx->sys, sender), HMI_COMMAND_UNMUTE, sender, self);
		(void)hmi_worker_steps(&ctx->worker, 1);
	}
	return false;
}

/* ---- Overload -------------------------------------------------------------------------- */

static void
overload_begin(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_pressure *pressure, uint32_t count)
{
	const struct hm_mailbox *mailbox = cell->actor.props->mailbox;

	pressure->low = mailbox != NULL && mailbox->low != 0 ? mailbox->low : count / 2;
	pressure->again = 2 * count;
	pressure->beyond = 0;
	cell->scheduled |= HMI_SCHEDULED_OVERLOADED;
	hmi_count(&ctx->stats.overloads, 1);
	hmi_flight_note(ctx, cell, HM_EVENT_OVERLOADED, HM_TYPE_NONE);
	hmi_event_overload(ctx, cell, count);
	hmi_full_add(&ctx->sys->full, hmi_pid_of(ctx, cell).local);
	if ((cell->pending & HMI_PENDING_MUTED) != 0)
		hmi_probe_start(ctx, cell, pressure);
}

/*
 * Whoever was told to wait sends only what was under way. But the order may have found a forwarder, no memory, or somebody
 * who has ended since, and a plain sender's name may be another one's by now. What has gone wrong shows here: they go on.
 */
static bool
is_to_be_told_again(struct hmi_pressure *pressure, uint32_t count)
{
	return unlikely(count >= pressure->again) && ++pressure->beyond % AGAIN_EACH == 0;
}

static void
sender_mute(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure,
	    const struct hm_msg *msg, uint32_t count)
{
	struct hm_pid sender = sender_of(ctx, cell, msg);
	uint32_t lcore = hmi_pressure_lcore(ctx->sys, sender);
	bool again;

	if (lcore >= ctx->sys->lcores_count)
		return;
	again = is_to_be_told_again(pressure, count);
	if (hm_pid_equal(sender, pressure->last) && !again)
		return;
	pressure->last = sender;
	if (muted_add(ctx, cell, pressure, sender) ||
	    (again && hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_MUTED, sender) != NULL))
		command_post(ctx, lcore, HMI_COMMAND_MUTE, sender, hmi_pid_of(ctx, cell));
}

void
hmi_pressure_look(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg, uint32_t count)
{
	struct hmi_pressure *pressure;

	if (hmi_cell_ends(cell))
		return;
	if (!hmi_is_overloaded(cell)) {
		if (!hmi_pressure_is_over(ctx, cell, msg, count))
			return;
		pressure = hmi_pressure_get(ctx, cell);
		if (pressure == NULL)
			return;
		overload_begin(ctx, cell, pressure, count);
	}
	sender_mute(ctx, cell, hmi_pressure_of(cell), msg, count);
}

bool
hmi_pressure_relieve(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t count)
{
	struct hmi_pressure *pressure = hmi_pressure_of(cell);

	if (count > pressure->low)
		return false;
	if (hmi_muted_release(ctx, cell, pressure, HMI_SYSTEM_PORTION))
		return true;
	cell->scheduled &= (uint8_t)~HMI_SCHEDULED_OVERLOADED;
	hmi_flight_note(ctx, cell, HM_EVENT_DRAINED, HM_TYPE_NONE);
	hmi_event_overload(ctx, cell, 0);
	hmi_full_remove(&ctx->sys->full, hmi_pid_of(ctx, cell).local);
	return false;
}

/* ---- A sender ends, or has another name ------------------------------------------------ */

void
hmi_pressure_forget(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct hm_pid sender = ((const struct hmi_mute *)hm_msg_body(msg))->sender;
	struct hmi_pressure *pressure = hmi_pressure_of(cell);
	struct hmi_link *link = hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_MUTED, sender);

	if (pressure == NULL || link == NULL)
		return;
	muted_remove(ctx, pressure, link);
	command_post(ctx, hmi_pressure_lcore(ctx->sys, sender), HMI_COMMAND_UNMUTE, sender,
		     hmi_pid_of(ctx, cell));
}

void
hmi_pressure_muted_as_lost(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_muted_as *as = hm_msg_body(msg);

	command_post(ctx, hmi_pressure_lcore(ctx->sys, as->actor), HMI_COMMAND_UNMUTE, as->actor,
		     as->mute.receiver);
}

__attribute__((noinline)) void
hmi_pressure_muted_as(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	const struct hmi_muted_as *as = hm_msg_body(msg);
	struct hmi_pressure *pressure = hmi_pressure_of(cell);
	uint32_t slot = hmi_slot_of(ctx, cell);
	struct hmi_link *link = hmi_link_find(&ctx->links, slot, HMI_LINK_MUTED, as->mute.sender);

	if (hmi_link_find(&ctx->links, slot, HMI_LINK_MUTED, as->actor) == NULL &&
	    (link == NULL || !muted_add(ctx, cell, pressure, as->actor)))
		hmi_pressure_muted_as_lost(ctx, msg);
	if (link != NULL)
		muted_remove(ctx, pressure, link);
}
