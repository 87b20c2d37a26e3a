/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_PVT_H
#define EVENT_PVT_H

#include "hm_supervisor.h"
#include "lcore_pvt.h"

/* ---- dead_letter.c ---- */

/* The dead letter of an entry of ctx->dead: publish it, notify who waits for an answer or watches, and free the messages. */
void hmi_dead_letter_handle(struct hm_ctx *ctx, struct hm_msg *entry);

/* Only the last of that: a function of a subscription was left meanwhile. */
void hmi_dead_letter_end(struct hm_ctx *ctx, struct hm_msg *entry);

/* ---- supervision.c ---- */

/* A supervisor has decided: tell the subscribers. */
void hmi_supervision_publish(struct hm_ctx *ctx, const struct hm_supervision *supervision);

/* ---- snapshot.c ---- */

struct hmi_snapshot;

void hmi_event_stream_create(struct hmi_event_stream *stream);

/* No lcore runs any more. Waits for functions that release what subscriptions had. */
void hmi_event_stream_destroy(struct hmi_event_stream *stream);

/* That of now; valid until the lcore's next quiescent state. NULL: nobody has ever subscribed. */
const struct hmi_snapshot *hmi_snapshot_get(const struct hmi_event_stream *stream);

/* The next subscription to a type, from the n-th of the snapshot on. NULL: there is none; else *n is behind it. */
struct hmi_subscription *hmi_snapshot_next(const struct hmi_snapshot *snapshot, uint16_t type, uint32_t *n);

/* It is not looked at any more. */
void hmi_snapshot_done(const struct hmi_snapshot *snapshot);

/* The rest is for who holds the stream's lock. */

/* Whether a subscription is meant. */
typedef bool hmi_subscription_fn(const struct hmi_subscription *subscription, const void *what);

uint32_t hmi_subscriptions_count(const struct hmi_event_stream *stream);

/* Give a subscription an id, and have it found. Returns 0, -ENOSPC or -ENOMEM. */
int hmi_subscription_add(struct hmi_event_stream *stream, struct hmi_subscription *subscription);

/* The first that matches; NULL: none. */
struct hmi_subscription *hmi_subscription_find(const struct hmi_event_stream *stream,
					       hmi_subscription_fn *match, const void *what);

/* Remove all that match. Returns how many it were, or -ENOMEM. */
int hmi_subscriptions_remove(struct hmi_event_stream *stream, hmi_subscription_fn *match, const void *what);

/* ---- subscribe.c ---- */

/* As hm_event_subscribe of a PID to a type, unless it is. And back. */
int hmi_subscribe_once(struct hm_system *sys, uint16_t type, struct hm_pid pid);
void hmi_unsubscribe_once(struct hm_system *sys, uint16_t type, struct hm_pid pid);

/* An actor has ended, or a process takes no messages. */
void hmi_event_pid_gone(struct hm_system *sys, struct hm_pid pid);

/* ---- publish.c ---- */

/* Publish a message, which has no subscription yet; takes it over. Returns false: some subscriber did not get it, without memory. */
bool hmi_event_publish(struct hm_ctx *ctx, struct hm_msg *event, struct hm_msg *entry);

/* Publish some of the events that wait in the lcore's queue, dead letters among them. Returns how many. */
uint32_t hmi_events_publish(struct hm_ctx *ctx);

/* A function of a subscription was left, by a fault: the subscription ends. */
void hmi_event_failed(struct hm_ctx *ctx);

/* Commands. */
void hmi_event_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_event_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

/* /eventStream. */
extern const struct hmi_process_ops hmi_event_stream_ops;

#endif /* EVENT_PVT_H */
