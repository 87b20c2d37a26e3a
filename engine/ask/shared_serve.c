/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a future with a handle, and what becomes of its answer.
 *
 * There may be a million who wait: they are served in portions, between which others have the lcore. Each gets a copy
 * of the answer, made when it is its turn; the last one of a future that is not to be kept gets the answer itself.
 */
#include "actor_pvt.h"
#include "counter_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "shared_future_pvt.h"
#include "shortage_pvt.h"
#include "type_pvt.h"

/* ---- Results that are kept ------------------------------------------------------------ */

static size_t
answer_bytes(const struct hmi_cell *cell)
{
	const struct hm_msg *answer = cell->box.head;

	if (answer == NULL)
		return 0;
	return hmi_msg_class(answer) < HMI_POOL_CLASSES ? (size_t)HMI_POOL_SMALLEST << hmi_msg_class(answer)
							: sizeof(*answer) + answer->length;
}

static void
kept_add(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_kept *kept = &ctx->kept;
	uint32_t slot = hmi_slot_of(ctx, cell);

	cell->shared.flags |= HMI_SHARED_KEPT;
	cell->shared.kept.older = kept->newest;
	cell->shared.kept.newer = 0;
	if (kept->newest != 0)
		hmi_cells_slot(&ctx->cells, kept->newest)->shared.kept.newer = slot;
	else
		kept->oldest = slot;
	kept->newest = slot;
	kept->count++;
	kept->bytes += answer_bytes(cell);
}

static void
kept_remove(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_kept *kept = &ctx->kept;
	uint32_t older = cell->shared.kept.older, newer = cell->shared.kept.newer;

	if (older != 0)
		hmi_cells_slot(&ctx->cells, older)->shared.kept.newer = newer;
	else
		kept->oldest = newer;
	if (newer != 0)
		hmi_cells_slot(&ctx->cells, newer)->shared.kept.older = older;
	else
		kept->newest = older;
	cell->shared.flags &= (uint8_t)~HMI_SHARED_KEPT;
	kept->count--;
	kept->bytes -= answer_bytes(cell);
}

static bool
too_many(const struct hmi_kept *kept)
{
	return kept->count > HM_FUTURES_KEPT_MAX || (kept->bytes > kept->bytes_max && kept->count > 1);
}

void
hmi_shared_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *answer = hmi_fifo_pop(&cell->box);

	if (answer != NULL)
		hmi_msg_release(&ctx->cache, answer);
	if (cell->shared.owner != NULL)
		hmi_owned_remove(&cell->shared.owned);
	else if ((cell->shared.flags & HMI_SHARED_CLAIMED) != 0)
		hmi_claim_end_post(ctx, cell->shared.home, hmi_place_of(ctx, cell));
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

void
hmi_shared_release(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	cell->shared.flags |= HMI_SHARED_RELEASED;
	if ((cell->shared.flags & HMI_SHARED_KEPT) != 0)
		kept_remove(ctx, cell);
	if ((cell->shared.flags & HMI_SHARED_SERVING) == 0)
		hmi_shared_free(ctx, cell);
}

/* All are served. */
static void
keep_or_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if ((cell->shared.flags & HMI_SHARED_RELEASED) != 0) {
		hmi_shared_free(ctx, cell);
		return;
	}
	if ((cell->shared.flags & HMI_SHARED_KEPT) != 0)
		return;
	kept_add(ctx, cell);
	while (too_many(&ctx->kept)) {
		hmi_shared_release(ctx, hmi_cells_slot(&ctx->cells, ctx->kept.oldest));
		hmi_count(&ctx->stats.futures_evicted, 1);
	}
}

/* ---- Serving --------------------------------------------------------------------------- */

/* The answer for one of those who wait: a copy, or for the very last one the answer itself. NULL: no memory. */
static struct hm_msg *
answer_for(struct hm_ctx *ctx, struct hmi_cell *cell, bool is_last)
{
	struct hm_msg *msg;

	if (is_last && (cell->shared.flags & HMI_SHARED_RELEASED) != 0)
		return hmi_fifo_pop(&cell->box);
	msg = hmi_msg_copy(ctx, cell->box.head, false);
	if (msg == NULL)
		hmi_no_memory(ctx, cell->box.head->type);
	return msg;
}

static void
answer_post(struct hm_ctx *ctx, const struct hmi_await *await, struct hm_msg *msg)
{
	/* To a waiter it is an answer, whatever its type. */
	if (await->kind == HMI_LINK_PIPE)
		msg->flags = hmi_type_flags(ctx->sys->types->info[msg->type]);
	msg->to_node = 0;
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, await->pid, msg);
}

static void
failed_post(struct hm_ctx *ctx, const struct hmi_await *await, enum hm_future_result result)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_FUTURE_FAILED, sizeof(struct hm_future_failed));
	struct hm_future_failed *body = hm_msg_body_mut(msg);

	body->future.pid = (struct hm_pid){ ctx->node, await->future };
	body->result = result;
	/* To a future it is no answer. */
	msg->flags = HMI_MSG_BY_TYPE;
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, await->pid, msg);
}

void
hmi_await_fail(struct hm_ctx *ctx, const struct hmi_await *await, enum hm_future_result result)
{
	struct hm_msg *msg;

	if (await->kind == HMI_LINK_PIPE) {
		failed_post(ctx, await, result);
		return;
	}
	msg = hmi_control(&ctx->cache, HMI_SYS_FUTURE_ENDED, sizeof(struct hmi_future_ended));
	((struct hmi_future_ended *)hm_msg_body_mut(msg))->result = result;
	(void)hmi_post(ctx, await->pid, msg);
}

static void
serve(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_await *await, bool is_last)
{
	enum hm_future_result result = (enum hm_future_result)cell->shared.result;
	struct hm_msg *msg = NULL;

	if (await->kind == HMI_LINK_END) {
		/* It has not ended yet, and nobody waits any more. */
		if (result != HM_FUTURE_REPLY)
			hmi_control_post(ctx, await->pid, hmi_pid_of(ctx, cell), HM_SYS_UNWATCH);
		return;
	}
	if (result == HM_FUTURE_REPLY) {
		msg = answer_for(ctx, cell, is_last);
		result = HM_FUTURE_NO_MEMORY;
	}
	if (msg != NULL)
		answer_post(ctx, await, msg);
	else
		hmi_await_fail(ctx, await, result);
}

static void
link_take(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_link *link)
{
	if (cell->shared.last == &link->owned.next)
		cell->shared.last = link->owned.prev;
	hmi_link_remove(&ctx->links, link);
	hmi_link_free(&ctx->links, link);
}

static void
serve_first(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_link *link = container_of(cell->shared.first, struct hmi_link, owned);
	struct hmi_await await = { .future = hmi_pid_of(ctx, cell).local,
				   .pid = link->pid,
				   .kind = link->kind };

	link_take(ctx, cell, link);
	serve(ctx, cell, &await, cell->shared.first == NULL);
}

void
hmi_await_serve_later(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_FUTURE_SERVE, 0);

	cell->shared.flags |= HMI_SHARED_SERVING;
	/* By way of the outbox, which has its share of each turn. */
	msg->to = hmi_pid_of(ctx, cell).local;
	hmi_post_later(ctx, cell, msg);
}

void
hmi_await_serve(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t n = 0;

	/* Posting may deliver other messages, which may want to be served as well: by this loop. */
	cell->shared.flags |= HMI_SHARED_SERVING;
	for (; n < HMI_SYSTEM_PORTION && cell->shared.first != NULL; n++)
		serve_first(ctx, cell);
	(void)hmi_worker_steps(&ctx->worker, n);
	if (cell->shared.first != NULL) {
		hmi_await_serve_later(ctx, cell);
		return;
	}
	cell->shared.flags &= (uint8_t)~HMI_SHARED_SERVING;
	keep_or_free(ctx, cell);
}

/* ---- Who waits ---------------------------------------------------------------------------- */

void
hmi_await_insert(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_link *link)
{
	link->owned.ops = NULL;
	link->owned.next = NULL;
	link->owned.prev = cell->shared.last;
	*cell->shared.last = &link->owned;
	cell->shared.last = &link->owned.next;
	hmi_link_hash(&ctx->links, hmi_slot_of(ctx, cell), link);
}

void
hmi_await_inserted(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if ((cell->shared.flags & (HMI_SHARED_ENDED | HMI_SHARED_SERVING)) == HMI_SHARED_ENDED)
		hmi_await_serve(ctx, cell);
}

bool
hmi_await_add(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_link_kind kind, struct hm_pid pid)
{
	struct hmi_link *link = hmi_link_new(&ctx->links, kind, pid);

	if (link == NULL)
		return false;
	hmi_await_insert(ctx, cell, link);
	hmi_await_inserted(ctx, cell);
	return true;
}

void
hmi_await_remove(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid waiter)
{
	struct hmi_link *link = hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_WAITER, waiter);

	if (link != NULL)
		link_take(ctx, cell, link);
}
