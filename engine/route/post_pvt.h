/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POST_PVT_H
#define POST_PVT_H

/*
 * Routing: from a receiver's PID to the outbox, a lane, or the provider of other nodes.
 */

#include <rte_branch_prediction.h>

#include "counter_pvt.h"
#include "deliver_pvt.h"
#include "hm_result.h"
#include "mark_pvt.h"

/* With less than this waiting to run, a prefetch would have no time to work. */
#define HMI_DIRECT_BELOW 4u

/* Route a message whose receiver, sender, type and body are set; takes it over. */
enum hm_result hmi_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

/* Post a control message without body. */
void hmi_control_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, uint16_t type);

/*
 * The rest of hmi_post: to another lcore, or to another node. It takes the PID in two parts, so
 * that the caller need not have it in memory.
 */
enum hm_result hmi_post_away(struct hm_ctx *ctx, uint64_t node, struct hm_msg *msg);

/*
 * Let the provider send a message to another node straight from its body. Returns false if it has to
 * be made first, and posted.
 */
bool hmi_send_remote(struct hm_ctx *ctx, uint64_t node, struct hm_outgoing *out);

/*
 * Whether a message to this lcore is delivered at once: when little else is waiting to run, and nothing
 * that was sent before is still in the outbox.
 */
static inline bool
hmi_post_is_direct(const struct hm_ctx *ctx)
{
	return hmi_outbox_count(&ctx->outbox) == 0 && hmi_runq_count(&ctx->worker.runq) < HMI_DIRECT_BELOW;
}

/* Into the outbox. */
static inline void
hmi_post_later(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (likely(hmi_outbox_count(&ctx->outbox) <= ctx->outbox.mask))
		hmi_outbox_push(&ctx->outbox, msg, cell);
	else
		hmi_outbox_full(ctx, msg);
}

/* What hmi_post_here does not do in its place: to another process than an actor, say, or to nobody. */
void hmi_post_here_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* The same: into an outbox without room. */
void hmi_post_here_full(struct hm_ctx *ctx, struct hm_msg *msg);

/* A message is sent, and the call over: it is counted, and the mark cleared. */
static inline void
hmi_post_end(struct hm_ctx *ctx, uint64_t before)
{
	hmi_mark_store(ctx, before + HMI_SENT_ONE);
}

/*
 * A user message to a process of this lcore; counts it, and clears the engine's mark. No call is made from here, but in
 * place of the rest: so a send to this lcore saves no registers. before: hmi_mark_without of now.
 */
static inline void
hmi_post_here(struct hm_ctx *ctx, struct hm_msg *msg, uint64_t before)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, msg->to);

	if (hmi_post_is_direct(ctx)) {
		if (likely(hmi_delivers_to(cell, msg->to))) {
			hmi_fifo_push(&cell->box, msg);
			hmi_schedule(ctx, cell);
			hmi_post_end(ctx, before);
		} else {
			hmi_post_here_other(ctx, cell, msg);
		}
	} else if (likely(hmi_outbox_count(&ctx->outbox) <= ctx->outbox.mask)) {
		hmi_outbox_push(&ctx->outbox, msg, cell);
		hmi_post_end(ctx, before);
	} else {
		hmi_post_here_full(ctx, msg);
	}
}

/* Whether a process is of this lcore. */
static inline bool
hmi_is_here(const struct hm_ctx *ctx, struct hm_pid pid)
{
	return pid.node == ctx->node && hmi_local_lcore(pid.local) == hmi_index(ctx);
}

#endif /* POST_PVT_H */
