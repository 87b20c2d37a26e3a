/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASK_PVT_H
#define ASK_PVT_H

/*
 * Futures, path resolution, timers, calls by the offload pool, and those of external threads that wait.
 */

#include <semaphore.h>

#include "claim_pvt.h"
#include "lcore_pvt.h"

/* ---- ask.c ---- */

/* Nanoseconds of a timeout; half of all that 64 bits hold for one that never ends, so that a time may be added. */
static inline uint64_t
hmi_timeout_ns(uint64_t timeout_us)
{
	return timeout_us < INT64_MAX / 1000 ? timeout_us * 1000 : INT64_MAX;
}

/* A future with a deadline, without owner. NULL: no memory. */
struct hmi_cell *hmi_future_new(struct hm_ctx *ctx, uint64_t timeout_us);

/* A future of the running actor. NULL: no memory. */
struct hmi_cell *hmi_future_own(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg);

/* The same for what it has asked: if it stops, its end waits for the answer. */
struct hmi_cell *hmi_future_ask(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg);

/* Free a future of the running actor that nobody knows yet. */
void hmi_future_undo(struct hm_ctx *ctx, struct hmi_cell *cell);

/*
 * A message, made with its last word free, becomes a request with this deadline. One to another node has none:
 * nothing would tell of it there.
 */
static inline void
hmi_request_mark(const struct hm_ctx *ctx, struct hm_msg *msg, struct hm_pid to, uint64_t at_ns)
{
	msg->flags |= HMI_MSG_REQUEST;
	if (to.node != ctx->node)
		return;
	msg->flags |= HMI_MSG_EXPIRES;
	*hmi_msg_word(msg) = at_ns;
}

/* ---- ask.c ---- */

/* Whether a made message may be asked, and its deadline, which needs memory beside a buffer. */
enum hm_result hmi_ask_prepare(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint64_t timeout_us);

/* Post one that was prepared, which a future is to be answered for; takes it over. */
enum hm_result hmi_ask_post(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid to, struct hm_msg *msg);

/* ---- future.c ---- */

extern const struct hmi_process_ops hmi_future_ops;

/* End a future without a reply. */
void hmi_future_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result);

/* Whether a message with HMI_MSG_BY_TYPE is none that ends a future: a touch, or poison. Then it is handled. */
bool hmi_future_handles(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg);

/* Another future was piped to one, and has failed: releases HM_FUTURE_FAILED. Returns how. */
enum hm_future_result hmi_future_failure(struct hm_ctx *ctx, struct hm_msg *msg);

/* ---- resolve.c ---- */

/* Command: ask the provider for "node/path", on its lcore. */
void hmi_resolve_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* ---- timer.c ---- */

/* The memory of an lcore's timers. */
void hmi_timers_init(struct hm_ctx *ctx);
void hmi_timers_destroy(struct hm_ctx *ctx);

/* Free the timers of actors that a forced stop has left behind. */
void hmi_timers_shut_down(struct hm_ctx *ctx);

/* ---- offload.c ---- */

/* Command, which it takes over: a call has ended, or was not made. Its actor is told, ... */
void hmi_work_done(struct hm_ctx *ctx, struct hm_msg *msg);

/* ... where it lives, by HMI_SYS_WORK_DONE, and gets the result. Takes the message over. */
void hmi_work_arrive(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg);

/* Either was not handled before the lcores stopped, or has found no actor. */
void hmi_work_lost(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

/* Wait for calls that are being made, and give up those that wait. After all lcores have stopped. */
void hmi_works_stop(struct hm_system *sys);

/* ---- call.c ---- */

enum hmi_call_state {
	HMI_CALL_WAITING = 0, /* the caller waits */
	HMI_CALL_ENDING,      /* an lcore writes the result */
	HMI_CALL_DONE,        /* the result is there */
	HMI_CALL_ABANDONED,   /* the caller has gone: the lcore that ends the call frees it */
};

/* What has become of a reply. */
enum hmi_reply_taken {
	HMI_REPLY_REFUSED, /* there was none, or nobody waits any more */
	HMI_REPLY_COPIED,
	HMI_REPLY_KEPT, /* the message belongs to the call */
};

/*
 * What an external thread wants done on an lcore, and waits for. On the heap: a caller whose time is up
 * leaves it behind. hmi_call_finish is called exactly once for each.
 */
struct hmi_call {
	void (*run)(struct hm_ctx *ctx, struct hmi_call *call);
	/* Release what `run` would have used: the call was abandoned, or no lcore will run it. NULL: nothing. */
	void (*drop)(struct hm_system *sys, struct hmi_call *call);
	/* What hmi_call_finish does instead; NULL: the caller waits for the semaphore. */
	enum hmi_reply_taken (*finish)(struct hmi_call *call, int rc, struct hm_msg *reply);
	struct hm_system *sys;
	sem_t done;
	_Atomic int state; /* enum hmi_call_state */
	int rc;
	struct hm_reply *reply; /* NULL: none is wanted */
};

/* A call of `bytes`, at least a struct hmi_call's, zeroed but for what this sets; NULL: no memory. */
void *hmi_call_new(struct hm_system *sys, size_t bytes,
		   void (*run)(struct hm_ctx *ctx, struct hmi_call *call));

/* Free a call that nobody knows any more. */
void hmi_call_destroy(struct hmi_call *call);

/* Copy a reply to where a caller wants it. Returns 0 or -EMSGSIZE. */
int hmi_reply_copy(const struct hm_system *sys, struct hm_reply *to, const struct hm_msg *msg);

/*
 * Copy the reply, if there is one, and wake the caller; free the call if it was abandoned. The caller's
 * memory is gone from then on.
 */
enum hmi_reply_taken hmi_call_finish(struct hmi_call *call, int rc, struct hm_msg *reply);

/* Move a call from waiting to another state. Returns false if somebody was first. */
bool hmi_call_take(struct hmi_call *call, enum hmi_call_state state);

/* Wait for a call, until a time of CLOCK_MONOTONIC if one is given, and free it. Returns its result or -ETIMEDOUT. */
int hmi_call_wait(struct hmi_call *call, const struct timespec *until);

/* Command: run a call. Its body is a struct hmi_call *. */
void hmi_call_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* The call cannot be run any more. */
void hmi_call_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

#endif /* ASK_PVT_H */
