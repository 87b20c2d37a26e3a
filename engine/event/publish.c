/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing: from an event to its subscribers.
 *
 *     hm_publish ──────────────────────────────────────┐        in the turn of an actor
 *     engine, /eventStream ─▶ ctx->dead ─▶ the loop ───┴─▶ hmi_event_publish ─▶ filter ─▶ callback, or mailbox
 *
 * Functions of subscriptions may not return (recover_pvt.h). ctx->event is then what has to be released.
 */
#include <rte_log.h>

#include "annex_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "event_pvt.h"
#include "event_queue_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "shortage_pvt.h"

/* Events that are published in one go. */
#define PORTION 64u

const char *
hm_lifecycle_stage_name(enum hm_lifecycle_stage stage)
{
	static const char *const names[] = {
		[HM_LIFECYCLE_STARTED] = "started",
		[HM_LIFECYCLE_RESTARTED] = "restarted",
		[HM_LIFECYCLE_STOPPED] = "stopped",
	};

	return (unsigned int)stage < RTE_DIM(names) ? names[stage] : "unknown";
}

const char *
hm_event_path(const struct hm_msg *event)
{
	size_t bytes = 0;

	if (event->type == HM_LIFECYCLE)
		bytes = sizeof(struct hm_lifecycle);
	else if (event->type == HM_OVERLOAD)
		bytes = sizeof(struct hm_overload);
	else if (event->type == HM_STALL)
		bytes = sizeof(struct hm_stalled);
	return bytes != 0 && event->length > bytes ? (const char *)event->body + bytes : "";
}

/* ---- To one subscriber ---------------------------------------------------------------- */

/* It does not get the event: a dead letter, of which only the description is left. */
static void
drop(struct hm_ctx *ctx, struct hmi_subscription *subscription, const struct hm_msg *event,
     enum hm_dead_reason reason)
{
	struct hm_dead_letter letter = {
		.to = subscription->of.pid,
		.type = event->type,
		.length = event->length,
		.reason = reason,
	};

	atomic_fetch_add_explicit(&subscription->dropped, 1, memory_order_relaxed);
	hmi_count(&ctx->stats.events_dropped, 1);
	/* As any message that is sent, and is a dead letter. */
	hmi_sent_add(ctx, 1);
	hm_dead_letter_report(ctx, &letter);
}

/* The copy has room for what counts it. */
static struct hm_msg *
copy_counted(struct hm_ctx *ctx, struct hmi_subscription *subscription, const struct hm_msg *event)
{
	struct hm_msg *copy = NULL;

	if (likely((event->size_class & HMI_MSG_ANNEXED) == 0))
		copy = hmi_msg_make_small_up_to(ctx->small_types, &ctx->cache, event->type, event->body,
						HMI_SMALL_BODY_WORD);
	if (likely(copy != NULL)) {
		hmi_annex_subscription_small(copy, subscription);
		return copy;
	}
	copy = hmi_msg_copy(ctx, event, true);
	if (copy == NULL)
		return NULL;
	if (hmi_annex_subscription_set(&ctx->cache, copy, subscription) == HM_OK)
		return copy;
	hmi_msg_release(&ctx->cache, copy);
	return NULL;
}

/* The event itself, if it has that room, and is not wanted any more; else a copy. */
static struct hm_msg *
counted(struct hm_ctx *ctx, struct hmi_subscription *subscription, struct hm_msg *event, bool is_last)
{
	if (is_last && event->size_class == 0 && event->length <= HMI_SMALL_BODY_WORD) {
		hmi_annex_subscription_small(event, subscription);
		return event;
	}
	if (is_last && hmi_annex_subscription_set(&ctx->cache, event, subscription) == HM_OK)
		return event;
	return copy_counted(ctx, subscription, event);
}

/* Send an event to who has subscribed; takes it over if it `is_last`. Returns false: no memory. */
static bool
hand(struct hm_ctx *ctx, struct hmi_subscription *subscription, struct hm_msg *event, bool is_last)
{
	bool has_room = hmi_subscription_take(subscription);
	struct hm_msg *msg = has_room ? counted(ctx, subscription, event, is_last) : NULL;

	if (msg == NULL) {
		if (has_room)
			hmi_subscription_put(subscription);
		drop(ctx, subscription, event, has_room ? HM_DEAD_NO_MEMORY : HM_DEAD_SUBSCRIBER_BUSY);
	} else {
		msg->sender = hm_pid_none();
		msg->flags = hmi_type_flags(ctx->sys->types->info[msg->type]);
		msg->to_node = 0;
		hmi_sent_add(ctx, 1);
		hmi_guard_handed(msg);
		(void)hmi_post(ctx, subscription->of.pid, msg);
	}
	if (is_last && msg != event)
		hmi_msg_release(&ctx->cache, event);
	return msg != NULL || !has_room;
}

/*
 * Call the functions of a subscription, which are no part of the engine. Returns whether it wants the event.
 * now: what hmi_event_failed is told, if they do not return.
 */
static bool
call(struct hm_ctx *ctx, const struct hmi_event_call *now)
{
	const struct hm_event_subscriber *of = &now->subscription->of;
	const struct hm_msg *event = now->msg;
	bool is_turn = ctx->in_user != 0, is_wanted = true;

	ctx->event = *now;
	hmi_mark_clear(ctx);
	if (!is_turn)
		ctx->in_user = HMI_USER_RUNS;
	rte_compiler_barrier();
	if (of->filter != NULL)
		is_wanted = of->filter(of->arg, event);
	if (is_wanted && of->callback != NULL)
		of->callback(of->arg, event);
	rte_compiler_barrier();
	if (is_turn)
		hmi_mark_set(ctx);
	else
		ctx->in_user = 0;
	rte_compiler_barrier();
	ctx->event.subscription = NULL;
	return is_wanted;
}

/* ---- To all --------------------------------------------------------------------------- */

bool
hmi_event_publish(struct hm_ctx *ctx, struct hm_msg *event, struct hm_msg *entry)
{
	HMI_MARKED(ctx);
	const struct hmi_snapshot *snapshot = hmi_snapshot_get(&ctx->sys->events);
	struct hmi_subscription *subscription, *before = NULL;
	bool all = true;
	uint32_t n = 0;

	/* The last one gets the event itself, the others copies. */
	while (snapshot != NULL && (subscription = hmi_snapshot_next(snapshot, event->type, &n)) != NULL) {
		bool has_function = subscription->of.filter != NULL || subscription->of.callback != NULL;
		struct hmi_event_call now = { subscription, before, event, entry };

		if ((has_function && !call(ctx, &now)) || subscription->of.callback != NULL)
			continue;
		if (before != NULL)
			all &= hand(ctx, before, event, false);
		before = subscription;
	}
	if (before != NULL)
		all &= hand(ctx, before, event, true);
	else
		hmi_msg_release(&ctx->cache, event);
	if (snapshot != NULL)
		hmi_snapshot_done(snapshot);
	return all;
}

/* ---- By actors ------------------------------------------------------------------------- */

static enum hm_result
publish_made(struct hm_ctx *ctx, struct hm_msg *event)
{
	bool all;

	/* Without a sender, who would be held up by a mailbox that is full. */
	event->sender = hm_pid_none();
	hmi_mark_set(ctx);
	all = hmi_event_publish(ctx, event, NULL);
	hmi_mark_clear(ctx);
	return all ? HM_OK : HM_NO_MEMORY;
}

/* Behind the stages: what one of them has sent to somebody else is no event. */
static enum hm_result
publish_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	(void)how;
	if (!hm_pid_equal(to, ctx->sys->event_stream))
		return hm_msg_send(ctx, to, msg);
	if (!hmi_msg_take(ctx, msg, "hm_send_next"))
		return HM_INVALID;
	msg->flags = 0;
	return publish_made(ctx, msg);
}

static const struct hmi_send as_event = { .last = publish_last };

static __attribute__((noinline)) enum hm_result
publish(struct hm_ctx *ctx, uint16_t type, const void *body)
{
	enum hm_result result = HM_UNKNOWN_TYPE;
	struct hm_msg *event;

	if (type < HM_TYPE_USER)
		return result;
	/* A stack that ends behind this would take the event along. */
	hmi_stack_touch_once(ctx);
	if (unlikely(ctx->sending != NULL))
		return hmi_send_body_through(ctx, &as_event, ctx->sys->event_stream, type, body);
	event = hmi_msg_make_small_up_to(ctx->small_types, &ctx->cache, type, body, HMI_SMALL_BODY_WORD);
	if (event == NULL)
		event = hmi_msg_make_word(ctx->sys, &ctx->cache, type, body, &result);
	if (event == NULL) {
		if (result == HM_NO_MEMORY)
			hmi_no_memory(ctx, type);
		return result;
	}
	return publish_made(ctx, event);
}

enum hm_result
hm_publish(struct hm_ctx *ctx, uint16_t type, const void *body)
{
	hmi_check_send(ctx, type, body, "hm_publish");
	return likely(!hmi_event_wanted(&ctx->sys->events, type)) ? HM_OK : publish(ctx, type, body);
}

/* ---- In the loop ------------------------------------------------------------------------- */

static void
entry_handle(struct hm_ctx *ctx, struct hm_msg *entry)
{
	if ((entry->flags & HMI_MSG_SYSTEM) != 0)
		hmi_dead_letter_handle(ctx, entry);
	else
		(void)hmi_event_publish(ctx, entry, NULL);
}

uint32_t
hmi_events_publish(struct hm_ctx *ctx)
{
	struct hm_msg *entry;
	uint32_t n = 0;

	for (; n < PORTION && (entry = hmi_fifo_pop(&ctx->dead)) != NULL; n++)
		entry_handle(ctx, entry);
	return n;
}

void
hmi_event_failed(struct hm_ctx *ctx)
{
	struct hmi_event_call event = ctx->event;
	struct hm_subscription subscription = { event.subscription->id };

	ctx->event = (struct hmi_event_call){ 0 };
	rte_log(RTE_LOG_WARNING, (uint32_t)ctx->sys->logtype,
		"hermod: a subscriber of events has failed, and is unsubscribed, at event type %s: %s\n",
		hm_type_name(ctx->sys, event.msg->type), ctx->failure.reason);
	(void)!hm_event_unsubscribe(ctx->sys, subscription);
	if (event.before != NULL)
		(void)hand(ctx, event.before, event.msg, true);
	else
		hmi_msg_release(&ctx->cache, event.msg);
	if (event.entry != NULL)
		hmi_dead_letter_end(ctx, event.entry);
}

/* ---- From others --------------------------------------------------------------------------- */

static void
stream_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	(void)cell;
	hmi_guard_received(msg);
	if (msg->type < HM_TYPE_USER) {
		hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
		return;
	}
	hmi_count(&ctx->received, 1);
	/* Of an event that was forwarded to here. */
	hmi_annex_subscription_drop(msg);
	msg->flags = 0;
	msg->sender = hm_pid_none();
	hmi_event_queue(ctx, msg);
}

/* A watch, say, has no effect: the process lives as long as the node. */
static void
stream_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	(void)cell;
	hmi_msg_release(&ctx->cache, msg);
}

const struct hmi_process_ops hmi_event_stream_ops = { .deliver = stream_deliver, .system = stream_system };

static struct hm_msg *
event_of(const struct hm_msg *msg)
{
	return *(struct hm_msg *const *)hm_msg_body(msg);
}

void
hmi_event_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	hmi_event_queue(ctx, event_of(msg));
}

void
hmi_event_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	(void)reason;
	hmi_msg_release(&ctx->cache, event_of(msg));
}
