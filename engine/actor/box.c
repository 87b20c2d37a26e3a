/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes with a bound, an order or hooks of their own.
 *
 * The engine's own messages, as notifications and answers, are no user's queue's affair: they wait apart, each until as many
 * messages have left as waited before it.
 */
#include "box_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "actor_pvt.h"
#include "dead_pvt.h"
#include "expire_pvt.h"
#include "full_pvt.h"
#include "pressure_pvt.h"
#include "priority_pvt.h"
#include "receive_pvt.h"
#include "type_pvt.h"

/* Priorities of HM_MAILBOX_CONTROL. */
#define OTHERS  0u
#define CONTROL 1u

struct hmi_box {
	const struct hm_mailbox *mailbox;
	uint32_t count; /* messages of users */
	uint32_t
		aside; /* and those of them that wait in the cell's own queue until the actor has restarted */
	uint32_t gone; /* those that have left, free-running */
	uint32_t internal_at;     /* how many have left when the first one of the engine's is next */
	uint16_t handled_type;    /* of the message that the actor handles */
	bool handles;             /* one, of which the hooks are to be told */
	bool is_published;        /* external threads know that it is full */
	struct hmi_fifo internal; /* the engine's own messages */
	union {
		struct hmi_fifo fifo;
		struct hmi_priority priority;
		max_align_t custom; /* and what follows */
	} queue;
};

static struct hmi_box *
box_of(const struct hmi_cell *cell)
{
	return cell->actor.extra->box;
}

struct hmi_fifo *
hmi_box_internal(const struct hmi_cell *cell)
{
	return &box_of(cell)->internal;
}

/* ---- Making ------------------------------------------------------------------------- */

static bool
is_order_valid(const struct hm_mailbox *mailbox)
{
	switch (mailbox->order) {
	case HM_MAILBOX_FIFO:
	case HM_MAILBOX_CONTROL:
		return mailbox->priority == NULL && mailbox->ops == NULL;
	case HM_MAILBOX_PRIORITY:
		return mailbox->priority != NULL && mailbox->ops == NULL;
	case HM_MAILBOX_CUSTOM:
		return mailbox->priority == NULL && mailbox->ops != NULL && mailbox->ops->push != NULL &&
		       mailbox->ops->pop != NULL;
	default:
		return false;
	}
}

bool
hmi_mailbox_is_valid(const struct hm_mailbox *mailbox)
{
	if (mailbox == NULL)
		return true;
	if ((unsigned int)mailbox->overflow > HM_OVERFLOW_DROP_OLDEST || !is_order_valid(mailbox))
		return false;
	if (mailbox->overflow != HM_OVERFLOW_MUTE)
		return mailbox->capacity > 0 && mailbox->low == 0;
	return mailbox->low == 0 || mailbox->low < mailbox->capacity;
}

/* Whether the cell's own queue, with a limit, is all that it needs. */
static bool
is_plain(const struct hm_mailbox *mailbox)
{
	return mailbox->order == HM_MAILBOX_FIFO && mailbox->overflow == HM_OVERFLOW_MUTE &&
	       mailbox->hooks == NULL;
}

static size_t
custom_bytes(const struct hm_mailbox *mailbox)
{
	return mailbox->order == HM_MAILBOX_CUSTOM ? mailbox->ops->size : 0;
}

static int
custom_init(struct hmi_box *box)
{
	const struct hm_mailbox *mailbox = box->mailbox;

	if (mailbox->order != HM_MAILBOX_CUSTOM || mailbox->ops->init == NULL)
		return 0;
	return mailbox->ops->init(&box->queue.custom, mailbox->arg);
}

static int
box_new(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_mailbox *mailbox)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, cell);
	struct hmi_box *box = extra != NULL ? calloc(1, sizeof(*box) + custom_bytes(mailbox)) : NULL;
	int rc;

	if (box == NULL)
		return -ENOMEM;
	box->mailbox = mailbox;
	rc = custom_init(box);
	if (rc != 0) {
		free(box);
		return rc < 0 ? rc : -EINVAL;
	}
	extra->box = box;
	cell->scheduled |= HMI_SCHEDULED_BOX;
	return 0;
}

int
hmi_box_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_mailbox *mailbox)
{
	int rc = 0;

	if (likely(mailbox == NULL) || (is_plain(mailbox) && mailbox->capacity == 0))
		cell->limit = ctx->sys->marks.look;
	else if (is_plain(mailbox))
		cell->limit = mailbox->capacity;
	else
		rc = box_new(ctx, cell, mailbox);
	if (unlikely(rc != 0))
		hmi_extra_free(&ctx->extras, cell);
	return rc;
}

void
hmi_box_free(struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;
	struct hmi_box *box = extra != NULL ? extra->box : NULL;

	if (box == NULL)
		return;
	if (box->mailbox->order == HM_MAILBOX_CUSTOM && box->mailbox->ops->fini != NULL)
		box->mailbox->ops->fini(&box->queue.custom);
	free(box);
	extra->box = NULL;
}

/* ---- The queue ------------------------------------------------------------------------ */

/* Of a message, where the mailbox has priorities. */
static uint32_t
priority_of(const struct hm_ctx *ctx, const struct hmi_box *box, const struct hm_msg *msg)
{
	switch (box->mailbox->order) {
	case HM_MAILBOX_PRIORITY:
		return RTE_MIN(box->mailbox->priority(msg), HM_PRIORITY_MAX);
	case HM_MAILBOX_CONTROL:
		return (ctx->sys->types->info[msg->type] & HMI_TYPE_CONTROL) != 0 ? CONTROL : OTHERS;
	default:
		return 0;
	}
}

static bool
has_priorities(const struct hmi_box *box)
{
	return box->mailbox->order == HM_MAILBOX_PRIORITY || box->mailbox->order == HM_MAILBOX_CONTROL;
}

static void
queue_push(struct hmi_box *box, struct hm_msg *msg, uint32_t priority)
{
	if (has_priorities(box))
		hmi_priority_push(&box->queue.priority, msg, priority);
	else if (box->mailbox->order == HM_MAILBOX_CUSTOM)
		box->mailbox->ops->push(&box->queue.custom, msg);
	else
		hmi_fifo_push(&box->queue.fifo, msg);
	box->count++;
}

/* A message has left; NULL is none. */
static struct hm_msg *
queue_left(struct hmi_box *box, struct hm_msg *msg)
{
	box->count -= msg != NULL;
	box->gone += msg != NULL;
	return msg;
}

static struct hm_msg *
custom_pop(struct hmi_box *box)
{
	struct hm_msg *msg = box->mailbox->ops->pop(&box->queue.custom);

	if (msg == NULL)
		hmi_misuse("hm_mailbox_ops.pop", "it returns none of %u messages that were pushed",
			   box->count);
	return msg;
}

static struct hm_msg *
queue_pop(struct hmi_box *box)
{
	if (box->count == 0)
		return NULL;
	if (has_priorities(box))
		return queue_left(box, hmi_priority_pop(&box->queue.priority));
	return queue_left(box, box->mailbox->order == HM_MAILBOX_CUSTOM ? custom_pop(box)
									: hmi_fifo_pop(&box->queue.fifo));
}

/* The one that can be spared for a new one of a priority; NULL: none. */
static struct hm_msg *
queue_pop_oldest(struct hmi_box *box, uint32_t priority)
{
	if (!has_priorities(box))
		return queue_pop(box);
	return queue_left(box, hmi_priority_pop_lowest(&box->queue.priority, priority));
}

static struct hm_msg *
internal_pop(struct hmi_box *box)
{
	struct hm_msg *msg = hmi_fifo_pop(&box->internal);

	box->internal_at = box->gone + box->count;
	return msg;
}

/* Not a user's message: it always has room. */
static bool
is_internal(const struct hm_msg *msg)
{
	return (msg->flags & (HMI_MSG_SYSTEM | HMI_MSG_RESUME)) != 0 ||
	       ((msg->flags & HMI_MSG_BY_TYPE) != 0 && msg->type < HM_TYPE_USER);
}

static struct hm_msg *
next(struct hmi_box *box)
{
	if (box->internal.head != NULL && (int32_t)(box->gone - box->internal_at) >= 0)
		return internal_pop(box);
	return queue_pop(box);
}

/* ---- Full ------------------------------------------------------------------------------- */

/* One that ends is never full: what comes is a dead letter soon, and nobody is to wait for room. */
static bool
is_full(const struct hmi_cell *cell, const struct hmi_box *box)
{
	if (box->mailbox->overflow == HM_OVERFLOW_MUTE || hmi_cell_ends(cell))
		return false;
	return box->count + box->aside >= box->mailbox->capacity;
}

/* External threads are told before they send, if they would be rejected. */
static void
full_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_box *box)
{
	bool full = box->mailbox->overflow == HM_OVERFLOW_REJECT && is_full(cell, box);

	if (likely(full == box->is_published))
		return;
	box->is_published = full;
	if (full)
		hmi_full_add(&ctx->sys->full, hmi_pid_of(ctx, cell).local);
	else
		hmi_full_remove(&ctx->sys->full, hmi_pid_of(ctx, cell).local);
}

/* Those that wait aside stay: if there are no others, the new one is dropped. */
static bool
oldest_drop(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_box *box, struct hm_msg *msg,
	    uint32_t priority)
{
	struct hm_msg *oldest = queue_pop_oldest(box, priority);

	hmi_dead_of(ctx, cell, oldest != NULL ? oldest : msg, HM_DEAD_DROPPED);
	return oldest != NULL;
}

/* Make room for a message, or turn it away. Returns whether it may wait. */
static bool
overflow(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_box *box, struct hm_msg *msg,
	 uint32_t priority)
{
	switch (box->mailbox->overflow) {
	case HM_OVERFLOW_REJECT:
		hmi_dead(ctx, msg, HM_DEAD_REJECTED);
		return false;
	case HM_OVERFLOW_DROP_NEWEST:
		hmi_dead(ctx, msg, HM_DEAD_DROPPED);
		return false;
	default:
		return oldest_drop(ctx, cell, box, msg, priority);
	}
}

/* ---- In and out --------------------------------------------------------------------------- */

/* Mute who has sent a message, if there are too many: a control message only if it is these that are too many. */
static void
pressure_look(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_box *box, const struct hm_msg *msg,
	      uint32_t priority)
{
	bool is_control = box->mailbox->order == HM_MAILBOX_CONTROL && priority == CONTROL;

	if (box->mailbox->overflow != HM_OVERFLOW_MUTE ||
	    (is_control && !hmi_pressure_is_over(ctx, cell, msg, box->queue.priority.queues[CONTROL].count)))
		return;
	hmi_pressure_look(ctx, cell, msg, box->count + box->aside);
}

static void
user_put(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_box *box, struct hm_msg *msg)
{
	const struct hm_mailbox_hooks *hooks = box->mailbox->hooks;
	uint32_t priority;

	/* The user's functions may look at it from here on. */
	hmi_guard_received(msg);
	priority = priority_of(ctx, box, msg);
	if (is_full(cell, box) && !overflow(ctx, cell, box, msg, priority))
		return;
	queue_push(box, msg, priority);
	if (hooks != NULL && hooks->posted != NULL)
		hooks->posted(hooks->arg, hmi_pid_of(ctx, cell), msg, box->count);
	full_tell(ctx, cell, box);
	pressure_look(ctx, cell, box, msg, priority);
}

static void
internal_put(struct hmi_box *box, struct hm_msg *msg)
{
	if (box->internal.head == NULL)
		box->internal_at = box->gone + box->count;
	hmi_fifo_push(&box->internal, msg);
}

void
hmi_box_put(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_box *box = box_of(cell);

	if (is_internal(msg)) {
		internal_put(box, msg);
	} else {
		/* The mailbox's functions are part of the engine, though it may be another actor that sends. */
		uint8_t in_user = ctx->in_user;

		ctx->in_user = 0;
		user_put(ctx, cell, box, msg);
		ctx->in_user = in_user;
	}
	hmi_schedule(ctx, cell);
}

void
hmi_cell_push_closely(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	hmi_receive_timeout_look(ctx, cell, msg);
	if (hmi_cell_has_box(cell))
		hmi_box_put(ctx, cell, msg);
	else
		hmi_fifo_push(&cell->box, msg);
}

/* The actor has handled its message, and none may be left. Functions of the user, in the actor's turn. */
static void
hooks_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_box *box)
{
	const struct hm_mailbox_hooks *hooks = box->mailbox->hooks;

	if (!box->handles)
		return;
	box->handles = false;
	if (hooks == NULL)
		return;
	ctx->msg = NULL;
	hmi_user_enter(ctx);
	if (hooks->received != NULL)
		hooks->received(hooks->arg, hmi_pid_of(ctx, cell), box->handled_type, box->count);
	if (hooks->empty != NULL && box->count == 0)
		hooks->empty(hooks->arg, hmi_pid_of(ctx, cell));
	(void)hmi_user_leave(ctx);
}

struct hm_msg *
hmi_box_next(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_box *box = box_of(cell);
	struct hm_msg *msg;

	hooks_tell(ctx, cell, box);
	msg = next(box);
	if (msg == NULL)
		return NULL;
	box->handles = !is_internal(msg);
	box->handled_type = msg->type;
	full_tell(ctx, cell, box);
	return msg;
}

void
hmi_box_forget(struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;

	if (extra != NULL && extra->box != NULL)
		extra->box->handles = false;
}

uint32_t
hmi_box_count(const struct hmi_cell *cell)
{
	const struct hmi_box *box = box_of(cell);

	return box->count + box->internal.count;
}

static const struct hmi_fifo *
box_first(const struct hmi_box *box)
{
	const struct hmi_fifo *first = &box->internal;

	if (first->head != NULL || box->mailbox->order == HM_MAILBOX_CUSTOM)
		return first;
	if (!has_priorities(box))
		return &box->queue.fifo;
	for (uint32_t i = HMI_PRIORITIES; first->head == NULL && i-- > 0;)
		first = &box->queue.priority.queues[i];
	return first;
}

const struct hmi_fifo *
hmi_cell_first(const struct hmi_cell *cell)
{
	if (cell->box.head != NULL || !hmi_cell_has_box(cell))
		return &cell->box;
	return box_first(box_of(cell));
}

uint32_t
hmi_actor_waiting(const struct hmi_cell *cell, const struct hm_msg **first)
{
	const struct hmi_extra *extra = cell->actor.extra;
	uint32_t count = cell->box.count;

	*first = hmi_cell_first(cell)->head;
	if (extra == NULL)
		return count;
	if (extra->box != NULL)
		count += hmi_box_count(cell);
	if (*first == NULL)
		*first = extra->kept.head != NULL ? extra->kept.head : extra->stash.head;
	return count + extra->kept.count + extra->stash.count;
}

/* ---- Leaving for another lcore ----------------------------------------------------------------- */

/* The user's functions may have looked at them. */
static void
queue_settle(struct hm_ctx *ctx, const struct hmi_fifo *queue)
{
	for (struct hm_msg *msg = queue->head; msg != NULL; msg = hmi_fifo_after(queue, msg)) {
		if ((msg->flags & HMI_MSG_EXPIRES) != 0)
			hmi_deadline_settle(ctx, msg);
	}
}

void
hmi_box_deadlines_settle(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	const struct hmi_box *box = box_of(cell);

	if (has_priorities(box)) {
		for (uint32_t i = 0; i < HMI_PRIORITIES; i++)
			queue_settle(ctx, &box->queue.priority.queues[i]);
	} else if (box->mailbox->order == HM_MAILBOX_FIFO) {
		queue_settle(ctx, &box->queue.fifo);
	}
}

/* ---- Stop and restart ------------------------------------------------------------------------ */

void
hmi_box_spill(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_box *box;
	struct hm_msg *msg;

	if (!hmi_cell_has_box(cell))
		return;
	box = box_of(cell);
	while ((msg = next(box)) != NULL) {
		box->aside += !is_internal(msg);
		hmi_fifo_push(&cell->box, msg);
	}
	full_tell(ctx, cell, box);
}

/* It has been let in before: nobody is told, and it has its room. */
static void
put_back(const struct hm_ctx *ctx, struct hmi_box *box, struct hm_msg *msg)
{
	if (is_internal(msg)) {
		internal_put(box, msg);
		return;
	}
	hmi_guard_received(msg);
	queue_push(box, msg, priority_of(ctx, box, msg));
}

static uint32_t
users_count(const struct hmi_fifo *fifo)
{
	uint32_t count = 0;

	for (const struct hm_msg *msg = fifo->head; msg != NULL; msg = hmi_fifo_after(fifo, msg))
		count += !is_internal(msg);
	return count;
}

void
hmi_box_refill(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_fifo waiting;
	uint8_t in_user = ctx->in_user;
	struct hm_msg *msg;
	uint32_t own;

	if (!hmi_cell_has_box(cell))
		return;
	/* Those that have come last, behind those that were aside. */
	hmi_box_spill(ctx, cell);
	waiting = cell->box;
	cell->box = (struct hmi_fifo){ 0 };
	/* What was unstashed, or has come before there was a box, was in the cell's own queue, before all others. */
	for (own = users_count(&waiting) - box_of(cell)->aside; own > 0; own -= !is_internal(msg)) {
		msg = hmi_fifo_pop(&waiting);
		hmi_fifo_push(&cell->box, msg);
	}
	ctx->in_user = 0;
	while ((msg = hmi_fifo_pop(&waiting)) != NULL)
		put_back(ctx, box_of(cell), msg);
	ctx->in_user = in_user;
	box_of(cell)->aside = 0;
	full_tell(ctx, cell, box_of(cell));
}
