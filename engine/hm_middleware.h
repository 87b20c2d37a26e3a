/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_MIDDLEWARE_H
#define HM_MIDDLEWARE_H

/**
 * @file
 * Middleware: functions around what an actor receives, sends and spawns, as for logs, traces, measurements and checks.
 *
 *     message ─▶ first stage ─▶ second ─▶ ... ─▶ the actor's receive function
 *     hm_send ─▶ first stage ─▶ second ─▶ ... ─▶ on its way
 *     hm_spawn ─▶ first stage ─▶ second ─▶ ... ─▶ the child
 *
 * hm_props.middleware lists stages, the outermost first. Each goes on by the `next` that it is passed, or does not, and
 * nothing behind it happens. An actor without middleware pays nothing.
 *
 *     static void
 *     timed(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next, void *arg)
 *     {
 *             uint64_t began = hm_now_ns(ctx);
 *             uint16_t type = hm_msg_type(msg);
 *
 *             hm_receive_next(ctx, state, msg, next);
 *             took(arg, type, hm_now_ns(ctx) - began);
 *     }
 *
 *     static const struct hm_middleware timing = { .name = "timing", .receive = timed, .arg = &timings };
 *     static const struct hm_middleware *const stages[] = { &timing, NULL };
 *     static const struct hm_props props = { .receive = receive, .middleware = stages };
 *
 * Stages run in the actor's turn, as part of its call: what they do is what it does, and a stage that fails fails the actor.
 * They are the same for all actors that have them, on all lcores. What they keep of one actor is in its extensions
 * (hm_extension.h); what @p arg points to is shared, by threads.
 *
 * What passes through the stages of `receive`: all that a receive function gets, HM_STARTED and its like as well; whatever the
 * behaviour of the time is. Functions of hm_ask and its like are not receive functions, and are called without.
 *
 * What passes through those of `send`: hm_send, hm_request, hm_request_from, hm_respond, hm_send_batch (each), hm_send_buffer,
 * hm_msg_send, hm_msg_request, hm_msg_respond, hm_forward, hm_msg_forward, hm_ask, hm_msg_ask, hm_request_future, hm_ask_batch (each),
 * hm_select_send and its like (each, when its receiver is found, perhaps in a later turn), hm_publish (once, to
 * hm_system_event_stream, if anybody has subscribed), and what typed messages make of these. Not: timers and hm_pipe_to, whose messages
 * are made when the actor has no turn, and what is no message of a user, such as stop, poison and watch. What a stage sends itself does
 * not pass through the stages of `send`.
 *
 * One of several that is refused, or finds no memory: a request of hm_ask_batch has ended by HM_FUTURE_DEAD_LETTER; a copy of a
 * selection to several, or to another node, is not sent. Both are dead letters, HM_DEAD_REFUSED or HM_DEAD_NO_MEMORY; so is what a
 * throttle, a pool of workers or a pipeline hands on, and is refused there.
 */

#include "hm_actor.h"
#include "hm_future.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Stages that an actor may have, its own and those of its ancestors. */
#define HM_MIDDLEWARE_MAX 16u

/** What is behind a stage; valid until the stage returns. */
struct hm_receive_next;
struct hm_send_next;
struct hm_spawn_next;

/** What is spawned: the arguments of hm_spawn or hm_spawn_key. */
struct hm_spawning {
	const struct hm_props *props; /**< must outlive the child; not NULL */
	const char *name;             /**< NULL: none */
	const void *args;             /**< as in hm_spawn */
	uint64_t key;                 /**< of hm_spawn_key */
	bool has_key;                 /**< whether it was hm_spawn_key */
};

/** A stage; constant, and outlives the actors that have it. What it is not for is NULL. */
struct hm_middleware {
	const char *name; /**< for people; may be NULL */
	/**
	 * Around what is received, in the actor's turn. Goes on by hm_receive_next: once, several times, or not at all; then the
	 * message is received, and nothing is done.
	 */
	void (*receive)(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
			const struct hm_receive_next *next, void *arg);
	/**
	 * Around what is sent, in the actor's turn. The message is the stage's: it goes on by hm_send_next, once, or is freed by
	 * hm_msg_free. It may get headers (hm_msg_header_set), and its body may be written; but one that is forwarded
	 * (hm_send_is_forward) is read only, and not freed. Returns what hm_send_next has returned, or a result of its own, which the caller of hm_send gets.
	 * HM_OK of a stage that has freed the message hides that from the caller, and the message is counted nowhere. Whoever
	 * has asked is then never answered, and has no future: refuse that by something else. A kept message that is forwarded
	 * stays the caller's unless the result is HM_OK, so only hm_send_next says that of it.
	 */
	enum hm_result (*send)(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg,
			       const struct hm_send_next *next, void *arg);
	/**
	 * Around what is spawned, in the actor's turn. Goes on by hm_spawn_next with what it was passed, or another one; `pid` is
	 * not NULL. Returns what hm_spawn_next has returned, or a negative errno of its own, and no child; of 0 without a child
	 * the caller gets no PID.
	 */
	int (*spawn)(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
		     const struct hm_spawn_next *next, void *arg);
	void *arg;      /**< of the functions; shared by all actors with this stage, on all lcores */
	bool inherited; /**< the actor's descendants have it, too, outside of their own */
};

/**
 * Go on with what is received: the next stage, or the actor's receive function.
 *
 * Context: turn, in a stage that was passed @p next. Ownership: nothing passes; but who receives @p msg may hand it on or keep
 * it, so what the stage wants to know of it afterwards it copies before.
 *
 * @param state  as it was passed
 * @param msg    as it was passed, or another one, which the stage frees afterwards; hm_sender and hm_respond, hm_forward, hm_stash
 *               and hm_msg_keep are about the one that has come
 * @param next   as it was passed
 */
void hm_receive_next(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		     const struct hm_receive_next *next);

/**
 * Go on with what is sent: the next stage, or the send itself.
 *
 * Context: turn, in a stage that was passed @p next, once. Ownership: the message is handed over; with HM_INVALID it stays the
 * caller's.
 *
 * @param to    as it was passed, or somebody else
 * @param msg   as it was passed, or another one of hm_msg_new's, when the one that was passed is freed by the stage
 * @param next  as it was passed
 * @return as the call that sends
 */
enum hm_result hm_send_next(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg,
			    const struct hm_send_next *next);

/**
 * Whether what is sent was received, by hm_forward or hm_msg_forward: then it is read only, and not the stage's to free.
 *
 * Context: turn, in a stage that was passed @p next. Ownership: nothing passes.
 *
 * @param next  as it was passed
 * @return true: it was received
 */
bool hm_send_is_forward(const struct hm_send_next *next);

/**
 * Go on with what is spawned: the next stage, or the spawn itself.
 *
 * Context: turn, in a stage that was passed @p next; as hm_spawn. Each call spawns a child. Ownership: as hm_spawn.
 *
 * @param what     as it was passed, or changed; not NULL
 * @param[out] pid the child; not NULL; untouched on error
 * @param next     as it was passed
 * @return as hm_spawn and hm_spawn_key; -E2BIG: the child would have more than HM_MIDDLEWARE_MAX stages
 */
__attribute__((warn_unused_result))
int hm_spawn_next(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
		  const struct hm_spawn_next *next);

#ifdef __cplusplus
}
#endif

#endif /* HM_MIDDLEWARE_H */
