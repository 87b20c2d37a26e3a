/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_EVENT_STREAM_H
#define HM_EVENT_STREAM_H

/**
 * @file
 * The event stream: who publishes knows no receiver, who subscribes names types.
 *
 *     hm_publish, in an actor's turn ───────────┐
 *     hm_system_publish, a send to              ├─▶ type, filter ─┬─▶ mailbox of an actor, bounded
 *     /eventStream ──▶ queue of lcore 0 ──▶ loop┤                 └─▶ callback
 *     the engine ───▶ queue of its lcore ─▶ loop┘
 *
 * The engine publishes HM_DEAD_LETTER, HM_SUPERVISION, HM_LIFECYCLE, HM_ENDPOINT, HM_OVERLOAD and HM_STALL; programs what
 * types they have registered. An event has no sender. Each subscription gets it once, so that a process with two gets it twice.
 *
 * A type that nobody subscribes costs a load and a branch. Otherwise filters and callbacks run on the lcore that publishes, and
 * each subscribing actor gets a copy; a buffer (hm_buffer.h) is shared.
 *
 * Nobody waits for a subscriber. Of each subscription at most `limit` events are in flight: sent, and not released by their
 * receiver. Those beyond are dropped: each is counted, and is a dead letter (HM_DEAD_SUBSCRIBER_BUSY). An event of the engine that
 * is not received is counted under its reason, but is not published as a dead letter, so that events make no more events.
 *
 * Filters and callbacks run in the turn of the actor that publishes; of events of the engine, and those that come by way of
 * /eventStream, between the turns of actors. They may call what is for any thread, hm_system_send and hm_system_publish, but must
 * not wait, nor turn a system, nor use a ctx that they know from elsewhere (in debug builds the process ends). If one faults
 * (hm_supervisor.h), its subscription ends, with a warning, and the event is lost for those that come behind it; in an actor's
 * turn that actor fails as well, since the call cannot go on.
 *
 * Order: events that one actor publishes, and those that one thread sends to /eventStream, come to a subscriber in order.
 * So do those of one lcore's engine.
 *
 * Who may call what: all functions any thread, but for hm_publish. Limits: HM_EVENT_SUBSCRIPTIONS_MAX a system.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_msg.h"
#include "hm_pid.h"
#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;
struct hm_system;

/** Subscriptions that a system may have at once, those of hm_dead_letters_subscribe and its like among them. */
#define HM_EVENT_SUBSCRIPTIONS_MAX 1024u

/** Events in flight to a subscriber, unless its hm_event_subscriber.limit says otherwise. */
#define HM_EVENT_LIMIT_DEFAULT 4096u
/** The most that it may say. */
#define HM_EVENT_LIMIT_MAX 1000000u

/** For hm_event_subscriber: the first of all types, the engine's and the program's. */
#define HM_EVENT_FIRST ((uint16_t)1)
/** The last one. */
#define HM_EVENT_LAST ((uint16_t)UINT16_MAX)

/* ---- Events of the engine ---------------------------------------------------- */

/** What has become of an actor. */
enum hm_lifecycle_stage {
	HM_LIFECYCLE_STARTED = 0, /**< it was spawned; HM_STARTED is its first message */
	HM_LIFECYCLE_RESTARTED, /**< it begins anew after a failure; the next HM_STARTED is for a fresh state */
	HM_LIFECYCLE_STOPPED,   /**< its children are gone, and HM_STOPPED is its last message */
};

/** Body of HM_LIFECYCLE; hm_event_path has the actor's path. Guardians have no such events. */
struct hm_lifecycle {
	struct hm_pid actor;  /**< whose stage it is */
	struct hm_pid parent; /**< nobody: none that lives on this node */
	uint32_t stage;       /**< enum hm_lifecycle_stage */
	uint32_t reason;      /**< of HM_LIFECYCLE_STOPPED: enum hm_terminated_reason; else 0 */
};

/** What has become of another node. */
enum hm_endpoint_state {
	HM_ENDPOINT_UP = 0, /**< its PIDs can be sent to from here on */
	HM_ENDPOINT_LOST,   /**< watchers are told HM_TERMINATED_NODE_LOST; what was under way is lost */
};

/** Body of HM_ENDPOINT. */
struct hm_endpoint {
	uint64_t node;     /**< its id */
	uint32_t state;    /**< enum hm_endpoint_state */
	uint32_t reserved; /**< 0 */
};

/** Body of HM_OVERLOAD: a mailbox has too many messages, or has drained (hm_mailbox.h). hm_event_path has the actor's path. */
struct hm_overload {
	struct hm_pid actor; /**< whose mailbox it is */
	uint32_t messages;   /**< that wait in it; 0 where it ends: as few as allowed */
	bool is_over;        /**< it begins; false: it is over */
};

/**
 * Body of HM_STALL: what hm_config.on_stall is told, but for the backtrace; hm_event_path has the actor's path. It is published on
 * another lcore than the one that hangs; where there is none, when that goes on.
 */
struct hm_stalled {
	struct hm_pid actor;  /**< nobody: the engine, or unknown */
	uint64_t duration_ns; /**< of the turn, at least */
	uint32_t lcore_index; /**< of the lcore that hangs */
	uint16_t type;        /**< of the actor's message; 0: unknown */
	uint8_t event;        /**< enum hm_stall_event */
	uint8_t state;        /**< enum hm_stall_state */
};

/**
 * Path of the actor that an HM_LIFECYCLE, HM_OVERLOAD or HM_STALL is about.
 *
 * Context: the owner of the message. Ownership: the text is the message's.
 *
 * @param event  not NULL
 * @return the path; "": the actor has no name, or the message is another one; never NULL
 */
const char *hm_event_path(const struct hm_msg *event);

/**
 * Name of a stage, for logs.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_lifecycle_stage_name(enum hm_lifecycle_stage stage);

/* ---- Subscribing ------------------------------------------------------------- */

/**
 * Whether a subscriber wants an event.
 *
 * Context: the lcore that publishes; see the top of this file. Ownership: the event is the engine's, until the return.
 *
 * @param arg  hm_event_subscriber.arg
 * @return true: it does
 */
typedef bool hm_event_filter_fn(void *arg, const struct hm_msg *event);

/**
 * A subscriber that is no actor. Several lcores may call it at the same time.
 *
 * Context: as hm_event_filter_fn. Ownership: the event is the engine's, until the return.
 *
 * @param arg  hm_event_subscriber.arg
 */
typedef void hm_event_fn(void *arg, const struct hm_msg *event);

/**
 * Release what a subscription was given.
 *
 * Context: a thread of the library, which must not be held up; or that of hm_system_destroy, when nobody is subscribed any more.
 * It may subscribe and unsubscribe; other functions of the system are not for it, which may be about to be freed.
 *
 * @param arg  hm_event_subscriber.arg
 */
typedef void hm_event_release_fn(void *arg);

/** Who gets which events. Zeroed members mean what they say; either `pid` or `callback` is set. */
struct hm_event_subscriber {
	uint16_t first; /**< type of the events, or the first of a range; not 0 */
	uint16_t last;  /**< last type of the range; 0: `first` alone */
	/** For a PID: events in flight, up to HM_EVENT_LIMIT_MAX; 0: HM_EVENT_LIMIT_DEFAULT. For a callback: 0. */
	uint32_t limit;
	struct hm_pid pid;          /**< an actor of this node */
	hm_event_fn *callback;      /**< or a function */
	hm_event_filter_fn *filter; /**< NULL: all events of the types */
	void *arg;                  /**< for the functions */
	hm_event_release_fn *
		release; /**< called once `arg` is used no more, at the latest by hm_system_destroy; NULL: nothing */
};

/** A subscription; constant, and copied as a value. All zero: none. */
struct hm_subscription {
	uint64_t id; /**< never that of another one of the system */
};

/**
 * Subscribe. It ends by hm_event_unsubscribe, by the end of its actor (a restart is none), when a PID turns out to take no
 * messages, or when one of its functions faults.
 *
 * Context: any thread, actors included, from the system's creation on; allocates, and may wait for another such call.
 *
 * Ownership: the subscriber is copied; `arg` is the caller's until `release`, and on an error.
 *
 * Ordering: what is published by whoever has learnt of the subscription, by a message or otherwise, comes to the
 * subscriber. ES1 releases the subscription.
 *
 * @param subscriber         not NULL
 * @param[out] subscription  untouched on error; may be NULL
 * @return 0; -EINVAL: an argument is NULL, no type, an empty range (last is below first), a PID and a callback or neither, a PID of
 *         another node, of an lcore that does not exist or of /eventStream, or a limit that is not allowed; -ENOSPC: there are
 *         HM_EVENT_SUBSCRIPTIONS_MAX; -ENOMEM: no memory
 */
__attribute__((warn_unused_result))
int hm_event_subscribe(struct hm_system *sys, const struct hm_event_subscriber *subscriber,
		       struct hm_subscription *subscription);

/**
 * Subscribe an actor to events of a range of types, all of them.
 *
 * Context: as hm_event_subscribe. Ownership: nothing is kept of the arguments.
 *
 * @param first         as hm_event_subscriber.first
 * @param last          as hm_event_subscriber.last
 * @param subscription  as in hm_event_subscribe
 * @return as hm_event_subscribe
 */
__attribute__((warn_unused_result))
int hm_event_subscribe_pid(struct hm_system *sys, uint16_t first, uint16_t last, struct hm_pid pid,
			   struct hm_subscription *subscription);

/**
 * End a subscription. Events that are in flight still arrive, and a function of it that runs on another lcore goes on to its end.
 *
 * Context: as hm_event_subscribe; a filter or callback, too.
 *
 * @return 0; -ENOENT: there is none of that id, any more; -EINVAL: @p sys is NULL; -ENOMEM: no memory, and it goes on
 */
__attribute__((warn_unused_result))
int hm_event_unsubscribe(struct hm_system *sys, struct hm_subscription subscription);

/**
 * End all subscriptions of a PID.
 *
 * Context: as hm_event_subscribe.
 *
 * @return how many it were; 0 also: @p sys is NULL, or no memory, and they go on
 */
uint32_t hm_event_unsubscribe_pid(struct hm_system *sys, struct hm_pid pid);

/* ---- Publishing -------------------------------------------------------------- */

/**
 * Publish an event, as a send to each subscriber.
 *
 * Context: turn; runs filters and callbacks. Ownership: the body stays the caller's; it is copied. Ordering: ES1 acquires the
 * subscriptions. The publisher's stages of middleware (hm_middleware.h) see an event that somebody wants, and may refuse it.
 *
 * @param type  registered
 * @param body  as in hm_send
 * @return HM_OK: also if nobody wants it, whatever the type and body; HM_NO_MEMORY: not all subscribers have got it, each of which is
 *         a dead letter, or none; HM_UNKNOWN_TYPE: not registered; HM_INVALID, HM_TOO_BIG: as hm_send
 */
enum hm_result hm_publish(struct hm_ctx *ctx, uint16_t type, const void *body);

/**
 * Publish an event by way of lcore 0, where filters and callbacks run.
 *
 * Context: any thread, external or not; does not block. Ownership: the body stays the caller's; it is copied.
 *
 * @param type  registered
 * @param body  as in hm_send
 * @return HM_OK: also if nobody wants it; HM_WOULD_BLOCK: the inject ring of lcore 0 is full; else as hm_system_send
 */
enum hm_result hm_system_publish(struct hm_system *sys, uint16_t type, const void *body);

/* ---- Inspect ------------------------------------------------------------------ */

/**
 * PID of /eventStream, which hm_lookup finds, too: a message of a registered type that is sent to it is published. A request is,
 * too, and nobody answers it but by its own means: subscribers do not see the sender.
 *
 * Context: any thread.
 *
 * @param sys  must not be NULL
 * @return the PID
 */
struct hm_pid hm_system_event_stream(const struct hm_system *sys);

/**
 * Whether anybody has subscribed to a type, so that who publishes may spare the work of making the event.
 *
 * Context: any thread.
 *
 * @param sys  must not be NULL
 * @return true: somebody has, though a filter may refuse it
 */
bool hm_event_is_wanted(const struct hm_system *sys, uint16_t type);

/** What is known of a subscription. */
struct hm_subscription_stats {
	uint32_t
		in_flight; /**< events that were sent to its PID, and are not released yet; of a callback 0 */
	uint32_t limit;    /**< of these */
	uint64_t dropped;  /**< events that were dropped since there were too many, or no memory */
};

/**
 * Counters of a subscription.
 *
 * Context: as hm_event_subscribe.
 *
 * @param[out] stats  untouched on error; not NULL
 * @return 0; -ENOENT: there is none of that id, any more; -EINVAL: an argument is NULL
 */
__attribute__((warn_unused_result))
int hm_event_subscription_stats(struct hm_system *sys, struct hm_subscription subscription,
				struct hm_subscription_stats *stats);

/**
 * Subscriptions of a system.
 *
 * Context: as hm_event_subscribe.
 *
 * @return how many there are; 0: @p sys is NULL
 */
uint32_t hm_event_subscriptions(struct hm_system *sys);

#ifdef __cplusplus
}
#endif

#endif /* HM_EVENT_STREAM_H */
