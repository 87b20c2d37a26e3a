/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHARED_FUTURE_PVT_H
#define SHARED_FUTURE_PVT_H

/*
 * Futures with a handle, and who waits for them.
 *
 *     actor ─▶ waiter (a cell) ◀── link WAITER ─┐
 *     PID      ◀──────────────────  link PIPE  ─┼── future (a cell) ◀── answer, deadline, dead letter, cancel
 *     process that is to end ◀────  link END   ─┘        └─▶ answer, while it is kept
 *
 *     hm_reenter_after ── HMI_COMMAND_AWAIT ──▶ the future's lcore, or a call on the same one
 *                      ◀── a copy of the answer, or HMI_SYS_FUTURE_ENDED ── to the waiter
 *
 * The links lie in the future's own list, the oldest first, and in the hash of links, so that one that is gone is
 * found. When the future has ended they are served in portions.
 */

#include "ask_pvt.h"

/* hmi_cell_shared.flags */
#define HMI_SHARED_ENDED    0x01
#define HMI_SHARED_RELEASED 0x02 /* nobody waits for it any more when all that do are served */
#define HMI_SHARED_SERVING  0x04 /* they are being served */
#define HMI_SHARED_KEPT     0x08 /* it is in ctx->kept */
#define HMI_SHARED_CLAIMED  0x10 /* it is of an actor that has left this lcore: claim_pvt.h */

/* Types of system messages of this node, beside enum hm_system_type. */
#define HMI_SYS_FUTURE_ENDED 24u /* to a waiter: there is no answer; body: struct hmi_future_ended */
#define HMI_SYS_FUTURE_SERVE 25u /* to the future: serve those who are left; no body */

/* Body of HMI_SYS_FUTURE_ENDED. */
struct hmi_future_ended {
	uint32_t result; /* enum hm_future_result */
};

/* Body of HMI_COMMAND_AWAIT and HMI_COMMAND_UNAWAIT. */
struct hmi_await {
	uint64_t future; /* local part of its PID */
	struct hm_pid pid;
	uint8_t kind; /* enum hmi_link_kind: HMI_LINK_WAITER or HMI_LINK_PIPE */
};

/* ---- shared_future.c ---- */

extern const struct hmi_process_ops hmi_shared_ops;

/* A future of the running actor. NULL: no slot. */
struct hmi_cell *hmi_shared_new(struct hm_ctx *ctx, uint64_t timeout_us);

/* The cell of a future of this lcore; NULL: it does not exist (any more). */
struct hmi_cell *hmi_shared_of(struct hm_ctx *ctx, uint64_t local);

/* Free a future of the running actor that nobody knows yet. */
void hmi_shared_undo(struct hm_ctx *ctx, struct hmi_cell *cell);

/* End a pending future; by HM_FUTURE_REPLY if there is an answer, which it takes over. */
void hmi_shared_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result,
		    struct hm_msg *answer);

/* ---- shared_serve.c ---- */

/* Free a future that nobody waits for, and that is not kept. */
void hmi_shared_free(struct hm_ctx *ctx, struct hmi_cell *cell);

/* One that has ended is not to be kept: free it, at once or when all who wait are served. */
void hmi_shared_release(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Somebody waits, whose link is made already. When all are inserted comes hmi_await_inserted. */
void hmi_await_insert(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_link *link);

/* If the future has ended they are served. It may be gone from here on. */
void hmi_await_inserted(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Both, and the link. Returns false: no memory, nothing is done. */
bool hmi_await_add(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_link_kind kind, struct hm_pid pid);

/* A waiter, if there is such a one, does not wait any more. */
void hmi_await_remove(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid waiter);

/* The future has ended: serve those who wait, a portion of them. */
void hmi_await_serve(struct hm_ctx *ctx, struct hmi_cell *cell);

/* The same, when this lcore gets to it. */
void hmi_await_serve_later(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Tell somebody who waits that there is no answer. */
void hmi_await_fail(struct hm_ctx *ctx, const struct hmi_await *await, enum hm_future_result result);

/* ---- waiter.c ---- */

/* Commands: somebody waits for a future of this lcore, or not any more. */
void hmi_await_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_unawait_run(struct hm_ctx *ctx, const struct hm_msg *msg);

#endif /* SHARED_FUTURE_PVT_H */
