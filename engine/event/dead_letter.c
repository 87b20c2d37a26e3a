/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: published to subscribers, logged a few times a second, and reported to who waits for an
 * answer. The queue that they come from is route/dead.c.
 */
#include <rte_log.h>

#include "actor_pvt.h"
#include "annex_pvt.h"
#include "claim_pvt.h"
#include "hm_header.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "event_pvt.h"
#include "event_queue_pvt.h"
#include "forward_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "pressure_pvt.h"

#define LOGGED_A_SECOND 3u
#define SECOND_NS       1000000000ull

const char *
hm_dead_reason_name(enum hm_dead_reason reason)
{
	static const char *const names[HM_DEAD_REASONS] = {
		[HM_DEAD_NO_PROCESS] = "no such process",
		[HM_DEAD_STOPPED] = "the receiver stopped",
		[HM_DEAD_NOT_REMOTE] = "not a protobuf type, cannot cross the network",
		[HM_DEAD_NO_NODE] = "the receiver's node is unknown",
		[HM_DEAD_NODE_LOST] = "the receiver's node was lost",
		[HM_DEAD_UNKNOWN_TYPE] = "unknown message type from the network",
		[HM_DEAD_MALFORMED] = "malformed message from the network",
		[HM_DEAD_TOO_BIG] = "too big",
		[HM_DEAD_NO_MEMORY] = "out of messages",
		[HM_DEAD_LATE_REPLY] = "late reply to a future",
		[HM_DEAD_SHUTDOWN] = "the system stopped",
		[HM_DEAD_SENT_THERE] = "sent to /deadLetters",
		[HM_DEAD_GUARDIAN] = "sent to a guardian, which takes no messages",
		[HM_DEAD_NODE_BUSY] = "too many messages wait for the receiver's node",
		[HM_DEAD_NO_PATH] = "sent by a path that names nobody",
		[HM_DEAD_UNEXPECTED] = "an answer of another type than was asked for",
		[HM_DEAD_REJECTED] = "the receiver's mailbox is full",
		[HM_DEAD_DROPPED] = "dropped by the receiver's mailbox, which is full",
		[HM_DEAD_FAILED] = "the receiver failed",
		[HM_DEAD_SUBSCRIBER_BUSY] = "too many events wait for the subscriber",
		[HM_DEAD_EXPIRED] = "the request's deadline had passed",
		[HM_DEAD_NO_ROUTEE] = "the router has no routee",
		[HM_DEAD_REPEATED] = "it has come before",
		[HM_DEAD_REFUSED] = "refused by its sender's middleware",
	};

	return (unsigned int)reason < HM_DEAD_REASONS ? names[reason] : "unknown";
}

/* While a system stops, messages under way to actors that have stopped are the ordinary course. */
static bool
is_ordinary(const struct hm_system *sys, enum hm_dead_reason reason)
{
	return atomic_load_explicit(&sys->stop_asked, memory_order_relaxed) &&
	       (reason == HM_DEAD_NO_PROCESS || reason == HM_DEAD_STOPPED || reason == HM_DEAD_SHUTDOWN);
}

/* By what path it was sent, or what path the receiver has, if that lives here; NULL: unknown. */
static const char *
path_of(struct hm_ctx *ctx, const struct hm_dead_letter *letter, const struct hm_msg *dead)
{
	const struct hmi_cell *cell;
	const char *path = NULL;

	if (letter->to.node != ctx->node)
		return NULL;
	if (dead != NULL && letter->reason != HM_DEAD_SENT_THERE &&
	    hm_pid_equal(letter->to, ctx->sys->dead_letters))
		path = hm_msg_header(dead, HM_DEAD_LETTER_PATH);
	cell = hmi_cell_live(ctx, letter->to.local);
	if (path == NULL && cell != NULL && hmi_cell_is_actor(cell) && hmi_cell_path(cell) != NULL)
		path = hmi_cell_path(cell)->path;
	return path;
}

static void
letter_log(struct hm_ctx *ctx, const struct hm_dead_letter *letter, const struct hm_msg *dead)
{
	struct hmi_stats *stats = &ctx->stats;
	char to[HM_PID_TEXT_SIZE];
	const char *path;

	if (is_ordinary(ctx->sys, letter->reason))
		return;
	if (ctx->worker.now_ns - stats->log_window_ns > SECOND_NS) {
		stats->log_window_ns = ctx->worker.now_ns;
		stats->logged = 0;
	}
	if (stats->logged >= LOGGED_A_SECOND)
		return;
	stats->logged++;
	path = path_of(ctx, letter, dead);
	rte_log(RTE_LOG_INFO, (uint32_t)ctx->sys->logtype, "hermod: dead letter: %s to %s%s%s: %s%s\n",
		hm_type_name(ctx->sys, letter->type), hm_pid_format(letter->to, to), path != NULL ? " " : "",
		path != NULL ? path : "", hm_dead_reason_name(letter->reason),
		stats->logged == LOGGED_A_SECOND ? " (no more of these this second)" : "");
}

/* Whether a reason means that the receiver takes no messages, now or ever. */
static bool
is_gone(uint32_t reason)
{
	switch (reason) {
	case HM_DEAD_NO_PROCESS:
	case HM_DEAD_STOPPED:
	case HM_DEAD_LATE_REPLY:
	case HM_DEAD_SENT_THERE:
	case HM_DEAD_GUARDIAN:
		return true;
	default:
		return false;
	}
}

/* dead: what it is about; NULL: only the description is left. */
static void
letter_publish(struct hm_ctx *ctx, const struct hm_dead_letter *letter, const struct hm_msg *dead,
	       struct hm_msg *entry)
{
	struct hm_msg *event;

	if (!hmi_event_wanted(&ctx->sys->events, HM_DEAD_LETTER))
		return;
	event = hmi_event_make(&ctx->cache, HM_DEAD_LETTER, letter, sizeof(*letter), NULL);
	if (event == NULL) {
		hmi_event_lost(ctx);
		return;
	}
	if (dead != NULL && hmi_headers_copy(&ctx->cache, event, dead) != HM_OK)
		hmi_count(&ctx->stats.headers_dropped, 1);
	(void)hmi_event_publish(ctx, event, entry);
}

/* Whether a message is an event of the engine. */
static bool
is_engine_event(uint16_t type)
{
	return type == HM_DEAD_LETTER || type == HM_SUPERVISION ||
	       (type >= HM_LIFECYCLE && type < HM_TYPE_USER);
}

/* A user message, or what is left of one. */
static void
letter_handle(struct hm_ctx *ctx, const struct hmi_dead_record *record, bool quiet, struct hm_msg *entry)
{
	const struct hm_dead_letter *letter = &record->letter;

	/* An event for who takes none is the last that is sent there. */
	if (record->msg != NULL && is_gone(letter->reason) && hmi_annex_subscription(record->msg) != NULL)
		hmi_event_pid_gone(ctx->sys, letter->to);
	/* Counted, but not published: events must not make events without end. */
	if (is_engine_event(letter->type))
		return;
	if (!quiet)
		letter_log(ctx, letter, record->msg);
	letter_publish(ctx, letter, record->msg, entry);
}

/* A message of the engine itself: notify who waits for its effect. */
static void
internal_handle(struct hm_ctx *ctx, const struct hmi_dead_record *record)
{
	const struct hm_dead_letter *letter = &record->letter;
	const struct hm_msg *msg = record->msg;
	bool down = letter->reason == HM_DEAD_NO_NODE || letter->reason == HM_DEAD_NODE_LOST;

	if (msg->type == HM_SYS_WATCH)
		hmi_terminated_post(ctx, msg->sender, letter->to,
				    down ? HM_TERMINATED_NODE_LOST : HM_TERMINATED_NOT_FOUND);
	else if (msg->type == HMI_SYS_MOVE_READY || msg->type == HMI_SYS_ROUTE_MARK)
		hmi_route_lost(ctx, msg);
	else if (msg->type == HMI_SYS_MUTED_AS)
		hmi_pressure_muted_as_lost(ctx, msg);
	else if (msg->type == HMI_SYS_ANSWER)
		hmi_answer_lost(ctx, msg, letter->reason);
	else if (msg->type == HMI_SYS_WORK_DONE)
		ctx->sys->parts->work_lost(ctx, msg, letter->reason);
	else if (hmi_is_command(msg->type) && hmi_command_of(ctx->sys->parts, msg->type)->drop != NULL)
		hmi_command_of(ctx->sys->parts, msg->type)->drop(ctx, msg, letter->reason);
}

/* The asker need not wait for the deadline, unless that was the reason: it is about to notice itself. */
static void
asker_tell(struct hm_ctx *ctx, const struct hm_msg *msg, uint32_t reason)
{
	bool from_network = (msg->flags & (HMI_MSG_NETWORK | HMI_MSG_THIRD)) == HMI_MSG_NETWORK &&
			    !hm_pid_is_none(msg->sender);

	if (((msg->flags & HMI_MSG_REQUEST) != 0 || from_network) && reason != HM_DEAD_EXPIRED)
		hmi_control_post(ctx, msg->sender, hm_pid_none(), HM_SYS_UNDELIVERED);
}

/* Functions of subscriptions may leave it: then hmi_dead_letter_end does the rest. */
void
hmi_dead_letter_handle(struct hm_ctx *ctx, struct hm_msg *entry)
{
	const struct hmi_dead_record *record = hm_msg_body(entry);
	struct hm_msg *msg = record->msg;

	if (msg == NULL) {
		letter_handle(ctx, record, false, entry);
	} else if (hmi_msg_is_internal(msg)) {
		internal_handle(ctx, record);
	} else {
		bool own_timer = (msg->flags & (HMI_MSG_TIMER | HMI_MSG_NETWORK)) == HMI_MSG_TIMER;

		hmi_guard_received(msg);
		letter_handle(ctx, record, own_timer, entry);
	}
	hmi_dead_letter_end(ctx, entry);
}

void
hmi_dead_letter_end(struct hm_ctx *ctx, struct hm_msg *entry)
{
	const struct hmi_dead_record *record = hm_msg_body(entry);

	if (record->msg != NULL) {
		if (!hmi_msg_is_internal(record->msg))
			asker_tell(ctx, record->msg, record->letter.reason);
		hmi_msg_release(&ctx->cache, record->msg);
	}
	hmi_msg_release(&ctx->cache, entry);
}

/* ---- Subscribers ------------------------------------------------------------------ */

int
hm_dead_letters_subscribe(struct hm_system *sys, struct hm_pid subscriber)
{
	return hmi_subscribe_once(sys, HM_DEAD_LETTER, subscriber);
}

void
hm_dead_letters_unsubscribe(struct hm_system *sys, struct hm_pid subscriber)
{
	hmi_unsubscribe_once(sys, HM_DEAD_LETTER, subscriber);
}
