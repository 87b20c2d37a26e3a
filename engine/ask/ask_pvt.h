/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASK_PVT_H
#define ASK_PVT_H

/*
 * Futures, path resolution, timers, calls by the offload pool, and those of external threads that wait.
 */

#include <semaphore.h>

#include "lcore_pvt.h"

/* ---- future.c ---- */

extern const struct hmi_process_ops hmi_future_ops;

/* A future with a deadline, without owner. NULL: no memory. */
struct hmi_cell *hmi_future_new(struct hm_ctx *ctx, uint64_t timeout_us);

/* A future of the running actor. NULL: no memory. */
struct hmi_cell *hmi_future_own(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg);

/* Free a future of the running actor that nobody knows yet. */
void hmi_future_undo(struct hm_ctx *ctx, struct hmi_cell *cell);

/* End a future without a reply. */
void hmi_future_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result);

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

/* Command: a call has ended, or was not made; its actor gets the result. */
void hmi_work_done(struct hm_ctx *ctx, const struct hm_msg *msg);

/* The command was not handled before the lcores stopped. */
void hmi_work_abandon(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

/* Wait for calls that are being made, and give up those that wait. After all lcores have stopped. */
void hmi_works_stop(struct hm_system *sys);

/* ---- call.c ---- */

enum hmi_call_state {
	HMI_CALL_WAITING = 0, /* the caller waits */
	HMI_CALL_ENDING,      /* an lcore writes the result */
	HMI_CALL_DONE,        /* the result is there */
	HMI_CALL_ABANDONED,   /* the caller has gone: the lcore that ends the call frees it */
};

/*
 * What an external thread wants done on an lcore, and waits for. On the heap: a caller whose time is up
 * leaves it behind. hmi_call_finish is called exactly once for each.
 */
struct hmi_call {
	void (*run)(struct hm_ctx *ctx, struct hmi_call *call);
	/* Release what `run` would have used: the call was abandoned, or no lcore will run it. NULL: nothing. */
	void (*drop)(struct hm_system *sys, struct hmi_call *call);
	const struct hm_system *sys;
	sem_t done;
	_Atomic int state; /* enum hmi_call_state */
	int rc;
	struct hm_reply *reply; /* NULL: none is wanted */
};

/* A call of `bytes`, at least a struct hmi_call's, zeroed but for what this sets; NULL: no memory. */
void *hmi_call_new(struct hm_system *sys, size_t bytes,
		   void (*run)(struct hm_ctx *ctx, struct hmi_call *call));

/*
 * Copy the reply, if there is one, and wake the caller; free the call if it was abandoned. The caller's
 * memory is gone from then on.
 */
void hmi_call_finish(struct hmi_call *call, int rc, const struct hm_msg *reply);

/* Wait for a call, until a time of CLOCK_MONOTONIC if one is given, and free it. Returns its result or -ETIMEDOUT. */
int hmi_call_wait(struct hmi_call *call, const struct timespec *until);

/* Command: run a call. Its body is a struct hmi_call *. */
void hmi_call_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* The call cannot be run any more. */
void hmi_call_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

#endif /* ASK_PVT_H */
