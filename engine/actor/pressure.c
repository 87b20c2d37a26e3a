/* SPDX-License-Identifier: Apache-2.0 */
#include "pressure_pvt.h"

#include "actor_pvt.h"
#include "buffer_pvt.h"
#include "counter_pvt.h"
#include "flight_pvt.h"
#include "forward_pvt.h"
#include "hm_mailbox.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* Marks of mailboxes without any of their own. */
#define LOOK_MAX   2048u /* messages from which on their size is looked at */
#define HIGH_MAX   16384u
#define BYTES_PART 16u /* of message memory that one mailbox may hold */
/* Actors that a question passes, and questions that an actor knows. */
#define HOPS_MAX 1000u
#define WAVES    8u

struct hmi_pressure {
	struct hmi_owned owned;       /* of the actor */
	struct hmi_owned *muted;      /* links: whom it has muted, the oldest first */
	struct hmi_owned **muted_end; /* where the next one goes */
	struct hmi_owned *muters;     /* links: who has muted it */
	struct hm_pid last;           /* whom it has muted last */
	uint32_t low;                 /* messages, while it is overloaded */
	uint32_t waves_next;
	uint64_t waves[WAVES]; /* questions that it has passed on */
};

/* Body of HMI_COMMAND_MUTE, HMI_COMMAND_UNMUTE and HMI_SYS_UNMUTED. */
struct mute {
	struct hm_pid sender; /* { 0, address of its cell }, or a PID */
	struct hm_pid receiver;
};

/* Body of HMI_SYS_MUTED_AS. */
struct muted_as {
	struct mute mute;
	struct hm_pid actor;
};

/* Body of HMI_SYS_PROBE. */
struct probe {
	struct hm_pid initiator;
	uint64_t wave;
	uint32_t hops;
};

static bool
is_overloaded(const struct hmi_cell *cell)
{
	return (cell->scheduled & HMI_SCHEDULED_OVERLOADED) != 0;
}

/* ---- Memory ------------------------------------------------------------------------- */

void
hmi_pressure_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->pressures, sizeof(struct hmi_pressure));
}

void
hmi_pressure_destroy(struct hm_ctx *ctx)
{
	hmi_slab_destroy(&ctx->pressures);
}

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

static void
link_release(struct hm_ctx *ctx, struct hmi_link *link)
{
	hmi_link_remove(&ctx->links, link);
	hmi_link_free(&ctx->links, link);
}

/* Links are in lists of their own, which drop them. */
static void
link_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)owner;
	hmi_link_unhash(&ctx->links, (struct hmi_link *)owned);
	hmi_link_free(&ctx->links, (struct hmi_link *)owned);
}

static const struct hmi_owned_ops link_ops = { .drop = link_drop, .outlives_restart = true };

static void
command_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t command, struct hm_pid sender,
	     struct hm_pid receiver)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, command, sizeof(struct mute));

	*(struct mute *)hm_msg_body_mut(msg) = (struct mute){ sender, receiver };
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

/* The actor does not mute a sender any more. */
static void
muted_remove(struct hm_ctx *ctx, struct hmi_pressure *pressure, struct hmi_link *link)
{
	if (link->owned.next == NULL)
		pressure->muted_end = link->owned.prev;
	if (hm_pid_equal(pressure->last, link->pid))
		pressure->last = hm_pid_none();
	link_release(ctx, link);
}

/* Release some of those that the actor has muted, the oldest first. Returns whether any are left. */
static bool
muted_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure,
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

static void
muter_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_link *link)
{
	hmi_backlog_forget(ctx, cell, link->pid);
	link_release(ctx, link);
}

static void
muters_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure)
{
	while (pressure->muters != NULL)
		muter_release(ctx, cell, (struct hmi_link *)pressure->muters);
}

/* Tell a receiver that the sender in a cell is not muted: it has ended. */
static void
unmuted_post(struct hm_ctx *ctx, struct hm_pid receiver, struct hm_pid sender)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_UNMUTED, sizeof(struct mute));

	*(struct mute *)hm_msg_body_mut(msg) = (struct mute){ sender, receiver };
	(void)hmi_post(ctx, receiver, msg);
}

static struct hm_pid
plain_sender(const struct hmi_cell *cell)
{
	return (struct hm_pid){ 0, (uintptr_t)cell };
}

static void
muters_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_pressure *pressure)
{
	for (const struct hmi_owned *owned = pressure->muters; owned != NULL; owned = owned->next)
		unmuted_post(ctx, ((const struct hmi_link *)owned)->pid, plain_sender(cell));
}

static void
pressure_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_pressure *pressure = container_of(owned, struct hmi_pressure, owned);

	if (is_overloaded(owner))
		hmi_full_remove(&ctx->sys->full, hmi_pid_of(ctx, owner).local);
	(void)muted_release(ctx, owner, pressure, UINT32_MAX);
	muters_tell(ctx, owner, pressure);
	muters_release(ctx, owner, pressure);
	owner->actor.extra->pressure = NULL;
	hmi_slab_put(&ctx->pressures, pressure);
}

/* Whether nobody waits for it, and it waits for nobody. */
static bool
pressure_may_move(const struct hmi_owned *owned)
{
	const struct hmi_pressure *pressure = container_of(owned, struct hmi_pressure, owned);

	return pressure->muted == NULL && pressure->muters == NULL;
}

static void
pressure_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	(void)ctx;
	(void)owned;
}

static void
pressure_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)owner;
	pressure_leave(ctx, owned);
}

static const struct hmi_owned_ops pressure_ops = {
	.drop = pressure_drop,
	.outlives_restart = true,
	.may_move = pressure_may_move,
	.leave = pressure_leave,
	.arrive = pressure_arrive,
};

static struct hmi_pressure *
pressure_of(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->pressure : NULL;
}

static struct hmi_pressure *
pressure_get(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, cell);

	if (extra == NULL || extra->pressure != NULL)
		return extra != NULL ? extra->pressure : NULL;
	extra->pressure = hmi_slab_get(&ctx->pressures);
	if (extra->pressure == NULL)
		return NULL;
	memset(extra->pressure, 0, sizeof(*extra->pressure));
	extra->pressure->muted_end = &extra->pressure->muted;
	hmi_owned_add(&cell->actor.owned, &extra->pressure->owned, &pressure_ops);
	return extra->pressure;
}

/* Note whom an actor has muted, or who has muted it. Returns whether that is new. */
static bool
link_note(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_owned **list, enum hmi_link_kind kind,
	  struct hm_pid pid)
{
	uint32_t slot = hmi_slot_of(ctx, cell);
	struct hmi_link *link;

	if (hmi_link_find(&ctx->links, slot, kind, pid) != NULL)
		return false;
	link = hmi_link_new(&ctx->links, kind, pid);
	if (link == NULL)
		return false;
	hmi_link_add_to(&ctx->links, list, slot, link, &link_ops);
	return true;
}

/* ---- Questions that look for a circle -------------------------------------------------- */

static void
probe_send(struct hm_ctx *ctx, const struct hmi_pressure *pressure, const struct probe *probe)
{
	for (const struct hmi_owned *owned = pressure->muters; owned != NULL; owned = owned->next) {
		struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_PROBE, sizeof(*probe));

		*(struct probe *)hm_msg_body_mut(msg) = *probe;
		(void)hmi_post(ctx, ((const struct hmi_link *)owned)->pid, msg);
	}
}

/* It is overloaded, and cannot drain. */
static void
probe_start(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_pressure *pressure)
{
	struct probe probe = {
		.initiator = hmi_pid_of(ctx, cell),
		.wave = hmi_local(hmi_index(ctx), 0, 0) | ++ctx->probe_serial,
	};

	probe_send(ctx, pressure, &probe);
}

/* Whether the actor sees a question for the first time, as far as it remembers. */
static bool
wave_is_new(struct hmi_pressure *pressure, uint64_t wave)
{
	for (uint32_t i = 0; i < WAVES; i++) {
		if (pressure->waves[i] == wave)
			return false;
	}
	pressure->waves[pressure->waves_next++ % WAVES] = wave;
	return true;
}

static void
unmute(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->pending &= (uint8_t)~HMI_PENDING_MUTED;
	hmi_flight_note(ctx, cell, HM_EVENT_UNMUTED, HM_TYPE_NONE);
	if (hmi_actor_has_work(cell))
		hmi_schedule(ctx, cell);
}

void
hmi_pressure_probe(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct probe probe = *(const struct probe *)hm_msg_body(msg);
	struct hmi_pressure *pressure = pressure_of(cell);

	if (pressure == NULL || (cell->pending & HMI_PENDING_MUTED) == 0)
		return;
	if (hm_pid_equal(probe.initiator, hmi_pid_of(ctx, cell))) {
		muters_release(ctx, cell, pressure);
		hmi_count(&ctx->stats.circles, 1);
		unmute(ctx, cell);
	} else if (++probe.hops <= HOPS_MAX && wave_is_new(pressure, probe.wave)) {
		probe_send(ctx, pressure, &probe);
	}
}

/* ---- The receiver ----------------------------------------------------------------------- */

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

static void
overload_begin(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_pressure *pressure, uint32_t count)
{
	const struct hm_mailbox *mailbox = cell->actor.props->mailbox;

	pressure->low = mailbox != NULL && mailbox->low != 0 ? mailbox->low : count / 2;
	cell->scheduled |= HMI_SCHEDULED_OVERLOADED;
	hmi_count(&ctx->stats.overloads, 1);
	hmi_flight_note(ctx, cell, HM_EVENT_OVERLOADED, HM_TYPE_NONE);
	hmi_full_add(&ctx->sys->full, hmi_pid_of(ctx, cell).local);
	if ((cell->pending & HMI_PENDING_MUTED) != 0)
		probe_start(ctx, cell, pressure);
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
	if (!link_note(ctx, cell, pressure->muted_end, HMI_LINK_MUTED, sender))
		return false;
	pressure->muted_end = &(*pressure->muted_end)->next;
	return true;
}

static void
sender_mute(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure,
	    const struct hm_msg *msg)
{
	struct hm_pid sender = sender_of(ctx, cell, msg);
	uint32_t lcore = hmi_pressure_lcore(ctx->sys, sender);

	if (lcore >= ctx->sys->lcores_count || hm_pid_equal(sender, pressure->last))
		return;
	pressure->last = sender;
	if (muted_add(ctx, cell, pressure, sender))
		command_post(ctx, lcore, HMI_COMMAND_MUTE, sender, hmi_pid_of(ctx, cell));
}

void
hmi_pressure_look(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg, uint32_t count)
{
	struct hmi_pressure *pressure;

	if (hmi_cell_ends(cell))
		return;
	if (!is_overloaded(cell)) {
		if (!hmi_pressure_is_over(ctx, cell, msg, count))
			return;
		pressure = pressure_get(ctx, cell);
		if (pressure == NULL)
			return;
		overload_begin(ctx, cell, pressure, count);
	}
	sender_mute(ctx, cell, pressure_of(cell), msg);
}

bool
hmi_pressure_relieve(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t count)
{
	struct hmi_pressure *pressure = pressure_of(cell);

	if (count > pressure->low)
		return false;
	if (muted_release(ctx, cell, pressure, HMI_SYSTEM_PORTION))
		return true;
	cell->scheduled &= (uint8_t)~HMI_SCHEDULED_OVERLOADED;
	hmi_flight_note(ctx, cell, HM_EVENT_DRAINED, HM_TYPE_NONE);
	hmi_full_remove(&ctx->sys->full, hmi_pid_of(ctx, cell).local);
	return false;
}

void
hmi_pressure_forget(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct hm_pid sender = ((const struct mute *)hm_msg_body(msg))->sender;
	struct hmi_pressure *pressure = pressure_of(cell);
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
	const struct muted_as *as = hm_msg_body(msg);

	command_post(ctx, hmi_pressure_lcore(ctx->sys, as->actor), HMI_COMMAND_UNMUTE, as->actor,
		     as->mute.receiver);
}

__attribute__((noinline)) void
hmi_pressure_muted_as(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	const struct muted_as *as = hm_msg_body(msg);
	struct hmi_pressure *pressure = pressure_of(cell);
	uint32_t slot = hmi_slot_of(ctx, cell);
	struct hmi_link *link = hmi_link_find(&ctx->links, slot, HMI_LINK_MUTED, as->mute.sender);

	if (hmi_link_find(&ctx->links, slot, HMI_LINK_MUTED, as->actor) == NULL &&
	    (link == NULL || !muted_add(ctx, cell, pressure, as->actor)))
		hmi_pressure_muted_as_lost(ctx, msg);
	if (link != NULL)
		muted_remove(ctx, pressure, link);
}

/* ---- The sender ---------------------------------------------------------------------------- */

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

	if (cell == NULL || hmi_cell_is_free(cell) || hmi_cell_is_actor(cell))
		return cell != NULL && hmi_cell_is_actor(cell) ? cell : NULL;
	return cell->ops->owner != NULL ? cell->ops->owner(cell) : NULL;
}

bool
hmi_pressure_mute(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid muter)
{
	struct hmi_pressure *pressure = pressure_get(ctx, cell);

	if (pressure == NULL || !link_note(ctx, cell, &pressure->muters, HMI_LINK_MUTER, muter))
		return false;
	hmi_count(&ctx->stats.mutes, 1);
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
	if (pressure_of(cell)->muters == NULL)
		unmute(ctx, cell);
}

/* The actor was muted by what it has asked, which may be gone before it is to be released: then by its own name. */
static void
name_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct mute *mute)
{
	struct hm_msg *msg;

	if (mute->sender.node == 0 || hm_pid_equal(mute->sender, hmi_pid_of(ctx, cell)))
		return;
	msg = hmi_control(&ctx->cache, HMI_SYS_MUTED_AS, sizeof(struct muted_as));
	*(struct muted_as *)hm_msg_body_mut(msg) = (struct muted_as){ *mute, hmi_pid_of(ctx, cell) };
	(void)hmi_post(ctx, mute->receiver, msg);
}

/* cell: the sender's; NULL: it is gone. */
static void
mute_by(struct hm_ctx *ctx, struct hmi_cell *cell, const struct mute *mute)
{
	if (cell == NULL || hmi_cell_ends(cell)) {
		/* A PID names nobody else later. */
		if (mute->sender.node == 0)
			unmuted_post(ctx, mute->receiver, mute->sender);
	} else if (hmi_pressure_mute(ctx, cell, mute->receiver)) {
		name_tell(ctx, cell, mute);
		if (is_overloaded(cell))
			probe_start(ctx, cell, pressure_of(cell));
	}
}

void
hmi_pressure_receive(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	const struct mute *mute = hm_msg_body(msg);

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
is_forwarded(struct hm_ctx *ctx, const struct mute *mute, uint16_t type)
{
	struct hmi_cell *cell = cell_of(ctx, mute->sender);
	struct hm_msg *msg;

	if (cell == NULL || !hmi_is_forwarder(cell))
		return false;
	if (cell->route->here != cell->route->home)
		return true;
	msg = hmi_control(&ctx->cache, type, sizeof(*mute));
	*(struct mute *)hm_msg_body_mut(msg) = *mute;
	hmi_forward(ctx, cell, msg);
	return true;
}

void
hmi_mute_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct mute *mute = hm_msg_body(msg);

	if (!is_forwarded(ctx, mute, HMI_SYS_MUTE))
		mute_by(ctx, hmi_pressure_actor(ctx, mute->sender), mute);
}

void
hmi_unmute_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct mute *mute = hm_msg_body(msg);
	struct hmi_cell *cell = hmi_pressure_actor(ctx, mute->sender);

	if (!is_forwarded(ctx, mute, HMI_SYS_UNMUTE) && cell != NULL)
		hmi_pressure_unmute(ctx, cell, mute->receiver);
}
