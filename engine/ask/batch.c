/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several requests with one function, one deadline and one slot.
 *
 *     generation g        the batch itself
 *     g + 1 ... g + n     a PID for each request, all of the one slot (hmi_process_ops.has)
 *
 * The answers are collected in the message that will be handed to the function, HM_REPLIES, so that nothing can be
 * missing then; until that time it lies in the batch's mailbox. Like a future a batch is a resource of the actor that
 * asked, until its function is called.
 */
#include "actor_pvt.h"
#include "ask_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "future_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "replies_pvt.h"
#include "shortage_pvt.h"

static const struct hmi_process_ops batch_ops;

/* ---- Ending ------------------------------------------------------------------------------ */

/* The answers, of a batch whose message is not under way to its owner. */
static struct hmi_replies *
replies_of(const struct hmi_cell *cell)
{
	return hmi_replies_of(cell->box.head);
}

static struct hm_pid
request_pid(const struct hm_ctx *ctx, const struct hmi_cell *cell, uint32_t index)
{
	struct hm_pid pid = hmi_pid_of(ctx, cell);

	pid.local += 1 + index;
	return pid;
}

/* Which request a PID is of; one that is none is not below the count. */
static uint32_t
request_index(const struct hmi_cell *cell, uint64_t local)
{
	return (uint32_t)local - cell->generation - 1;
}

/* It is nobody's any more, and has not ended. */
static void
batch_give_up(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg = hmi_fifo_pop(&cell->box);

	ctx->special |= HMI_MSG_EXPIRES;
	hmi_future_free(ctx, cell);
	hmi_replies_discard(ctx, msg, HM_DEAD_LATE_REPLY);
}

/* The owner ends or restarts. */
static void
batch_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, future.owned);

	(void)owner;
	hmi_count(&ctx->stats.continuations_dropped, 1);
	if (cell->future.done) {
		/* The answers are in the mailbox. */
		ctx->special |= HMI_MSG_EXPIRES;
		cell->future.on_reply = NULL;
		return;
	}
	batch_give_up(ctx, cell);
}

static const struct hmi_owned_ops batch_owned_ops = {
	.drop = batch_drop,
	.may_move = hmi_link_may_move,
	.is_claimed = true,
	.leave = hmi_future_leave,
	.is_awaited = true,
};

/* Requests that are still pending have ended with this. */
static void
rest_set(struct hmi_replies *replies, enum hm_future_result result)
{
	for (uint32_t i = 0; i < replies->count && replies->pending > 0; i++) {
		if (!replies->entries[i].pending)
			continue;
		replies->entries[i].pending = false;
		replies->entries[i].result = (uint8_t)result;
		replies->pending--;
	}
}

/* Into the owner's mailbox. */
static void
batch_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	struct hmi_cell *owner = cell->future.owner;
	struct hm_msg *msg = hmi_fifo_pop(&cell->box);

	/* Requests may still wait for their receivers' turns. */
	ctx->special |= HMI_MSG_EXPIRES;
	rest_set(hmi_replies_of(msg), result == HM_FUTURE_TIMEOUT ? HM_FUTURE_TIMEOUT : HM_FUTURE_CANCELLED);
	if (owner == NULL) {
		hmi_future_claimed_end(ctx, cell, result, msg);
		return;
	}
	cell->future.done = true;
	cell->future.result = (uint8_t)result;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	msg->to = hmi_pid_of(ctx, cell).local;
	msg->flags = HMI_MSG_RESUME;
	hmi_cell_push(ctx, owner, msg);
	hmi_schedule(ctx, owner);
}

static void
deadline_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	batch_end(ctx, hmi_future_due(ctx, timer), HM_FUTURE_TIMEOUT);
}

/* ---- One request ends ----------------------------------------------------------------------- */

/* A request that is pending; NULL: there is no such one. */
static struct hmi_replies_entry *
pending_entry(const struct hmi_cell *cell, uint64_t local)
{
	uint32_t index = request_index(cell, local);
	struct hmi_replies_entry *entry;

	if (cell->future.done || index >= cell->future.requests)
		return NULL;
	entry = &replies_of(cell)->entries[index];
	return entry->pending ? entry : NULL;
}

static void
entry_end(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_replies_entry *entry,
	  enum hm_future_result result)
{
	struct hmi_replies *replies = replies_of(cell);

	entry->pending = false;
	entry->result = (uint8_t)result;
	replies->pending--;
	replies->answered += result == HM_FUTURE_REPLY;
	if (replies->answered == replies->enough)
		batch_end(ctx, cell, HM_FUTURE_REPLY);
	else if (replies->pending == 0)
		batch_end(ctx, cell, HM_FUTURE_DEAD_LETTER);
}

static void
entry_fail(struct hm_ctx *ctx, struct hmi_cell *cell, uint64_t local, enum hm_future_result result)
{
	struct hmi_replies_entry *entry = pending_entry(cell, local);

	if (entry != NULL)
		entry_end(ctx, cell, entry, result);
}

/* ---- The batch as a process ------------------------------------------------------------------- */

static bool
batch_has(const struct hmi_cell *cell, uint64_t local)
{
	return request_index(cell, local) < cell->future.requests;
}

static void
batch_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_replies_entry *entry;

	if ((msg->flags & HMI_MSG_BY_TYPE) != 0 && hmi_future_handles(ctx, cell, msg))
		return;
	entry = pending_entry(cell, msg->to);
	if (entry == NULL) {
		hmi_dead(ctx, msg, HM_DEAD_LATE_REPLY);
		return;
	}
	if (msg->type == HM_FUTURE_FAILED) {
		enum hm_future_result result = hmi_future_failure(ctx, msg);

		entry_end(ctx, cell, entry, result);
		return;
	}
	hmi_guard_received(msg);
	msg->flags = 0;
	entry->reply = msg;
	entry_end(ctx, cell, entry, HM_FUTURE_REPLY);
}

static void
batch_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->type == HM_SYS_UNDELIVERED)
		entry_fail(ctx, cell, msg->to, HM_FUTURE_DEAD_LETTER);
	else if (msg->type == HM_SYS_WATCH)
		hmi_terminated_post(ctx, msg->sender, (struct hm_pid){ ctx->node, msg->to },
				    HM_TERMINATED_NOT_FOUND);
	hmi_msg_release(&ctx->cache, msg);
}

static void
batch_resume(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	enum hm_future_result result = (enum hm_future_result)cell->future.result;
	hm_reply_fn *on_end = cell->future.on_reply;
	void *arg = cell->future.arg;
	struct hmi_replies *replies = hmi_replies_of(msg);

	if (on_end != NULL)
		hmi_owned_remove(&cell->future.owned);
	hmi_future_free(ctx, cell);
	msg->flags = 0;
	if (on_end == NULL) {
		ctx->msg = NULL;
		hmi_replies_discard(ctx, msg, HM_DEAD_LATE_REPLY);
		return;
	}
	hmi_count(&ctx->received, replies->answered);
	hmi_reply_run(ctx, on_end, result, msg, arg);
}

static void
batch_discard(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg, enum hm_dead_reason reason)
{
	if (cell->future.on_reply != NULL) {
		hmi_owned_remove(&cell->future.owned);
		hmi_count(&ctx->stats.continuations_dropped, 1);
	}
	hmi_future_free(ctx, cell);
	msg->flags = 0;
	hmi_replies_discard(ctx, msg, reason);
}

static void
batch_claimed(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint64_t node)
{
	(void)node;
	if (order == HMI_CLAIM_DROP)
		batch_give_up(ctx, cell);
}

static bool
batch_shut_down(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg = hmi_fifo_pop(&cell->box);

	if (msg != NULL)
		hmi_replies_discard(ctx, msg, HM_DEAD_SHUTDOWN);
	/* Whatever comes now is late. */
	cell->future.done = true;
	return msg != NULL;
}

static void
batch_node_down(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t node)
{
	for (uint32_t i = 0; i < cell->future.requests && !cell->future.done; i++) {
		if (replies_of(cell)->entries[i].node == node)
			entry_fail(ctx, cell, request_pid(ctx, cell, i).local, HM_FUTURE_DEAD_LETTER);
	}
}

static struct hmi_cell *
batch_owner(struct hmi_cell *cell)
{
	return cell->future.owner;
}

static const struct hmi_process_ops batch_ops = {
	.owner = batch_owner,
	.deliver = batch_deliver,
	.system = batch_system,
	.resume = batch_resume,
	.discard = batch_discard,
	.part = hmi_future_part,
	.claimed = batch_claimed,
	.shut_down = batch_shut_down,
	.node_down = batch_node_down,
	.has = batch_has,
};

/* ---- Making the requests -------------------------------------------------------------------------- */

/* Whether all can be sent, but for want of memory. What the caller passes is read here, before anything is changed. */
static enum hm_result
requests_check(const struct hm_ctx *ctx, const struct hm_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct hm_batch_request *request = &batch->requests[i];
		struct hmi_body measured;
		enum hm_result result;

		hmi_check_body(ctx->sys, request->type, request->body, "hm_ask_batch");
		if (hm_pid_is_none(request->to))
			return HM_NO_RECEIVER;
		result = hmi_body_measure(ctx->sys, request->type, request->body, &measured);
		if (result != HM_OK)
			return result;
		if (request->body != NULL)
			hmi_memory_touch(request->body, ctx->sys->types->info[request->type] & HMI_TYPE_SIZE);
	}
	return HM_OK;
}

/* Make the requests. Returns false: no memory for all of them; then none is left. */
static bool
requests_make(struct hm_ctx *ctx, const struct hm_batch *batch, struct hmi_fifo *requests)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		enum hm_result result;
		struct hm_msg *msg = hmi_msg_make_word(ctx->sys, &ctx->cache, batch->requests[i].type,
						       batch->requests[i].body, &result);

		if (msg == NULL) {
			hmi_no_memory(ctx, batch->requests[i].type);
			while ((msg = hmi_fifo_pop(requests)) != NULL)
				hmi_msg_release(&ctx->cache, msg);
			return false;
		}
		hmi_fifo_push(requests, msg);
	}
	return true;
}

/* A batch without requests. NULL: no slot, or no memory for its answers. */
static struct hmi_cell *
batch_new(struct hm_ctx *ctx, const struct hm_batch *batch)
{
	struct hm_msg *msg = hmi_replies_new(ctx, batch->count);
	struct hmi_cell *cell;

	if (msg == NULL) {
		hmi_no_memory(ctx, HM_REPLIES);
		return NULL;
	}
	cell = hmi_cells_get_many(&ctx->cells, batch->count + 1);
	if (cell == NULL) {
		hmi_msg_release(&ctx->cache, msg);
		return NULL;
	}
	msg->sender = hm_sender(ctx);
	hmi_replies_of(msg)->enough = batch->enough != 0 ? batch->enough : batch->count;
	cell->ops = &batch_ops;
	if (!hmi_stop_await(&ctx->extras, ctx->cell, cell)) {
		hmi_cells_put_many(&ctx->cells, cell, HM_DEAD_LATE_REPLY, batch->count + 1);
		hmi_msg_release(&ctx->cache, msg);
		return NULL;
	}
	hmi_fifo_push(&cell->box, msg);
	cell->future.owner = ctx->cell;
	cell->future.requests = (uint16_t)batch->count;
	cell->future.on_reply = batch->on_end;
	cell->future.arg = batch->arg;
	cell->future.timer.fire = deadline_fire;
	hmi_wheel_add_unstarted(&ctx->worker.wheel, &cell->future.timer, hmi_timeout_ns(batch->timeout_us));
	hmi_owned_add(&ctx->cell->actor.owned, &cell->future.owned, &batch_owned_ops);
	return cell;
}

static void
requests_post(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_batch *batch,
	      struct hmi_fifo *requests)
{
	struct hmi_replies *replies = replies_of(cell);
	uint64_t local = hmi_pid_of(ctx, cell).local;
	uint64_t at_ns = hmi_worker_clock(&ctx->worker) + hmi_timeout_ns(batch->timeout_us);
	struct hm_msg *msg;

	/* Before the first is posted, which might end the batch. */
	for (uint32_t i = 0; i < batch->count; i++) {
		if (batch->requests[i].to.node != ctx->node)
			replies->entries[i].node = hmi_node_reference(ctx, batch->requests[i].to.node);
	}
	hmi_sent_add(ctx, batch->count);
	for (uint32_t i = 0; (msg = hmi_fifo_pop(requests)) != NULL; i++) {
		msg->sender = (struct hm_pid){ ctx->node, local + 1 + i };
		hmi_request_mark(ctx, msg, batch->requests[i].to, at_ns);
		(void)hmi_post(ctx, batch->requests[i].to, msg);
	}
}

/* ---- Through the stages of middleware --------------------------------------------------------- */

/* A request on its way through them. */
struct through {
	struct hmi_send how; /* first */
	struct hmi_cell *cell;
	uint32_t index;
};

static enum hm_result
batch_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	const struct through *through = container_of(how, struct through, how);
	struct hmi_cell *cell = through->cell;
	enum hm_result result;

	if (!hmi_msg_take(ctx, msg, "hm_send_next"))
		return HM_INVALID;
	HMI_MARKED(ctx);
	result = hmi_ask_prepare(ctx, to, msg, how->timeout_us);
	if (result != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		return result;
	}
	if (to.node != ctx->node && !cell->future.done)
		replies_of(cell)->entries[through->index].node = hmi_node_reference(ctx, to.node);
	msg->sender = request_pid(ctx, cell, through->index);
	msg->flags |= HMI_MSG_REQUEST;
	hmi_guard_handed(msg);
	hmi_sent_add(ctx, 1);
	return hmi_post(ctx, to, msg);
}

static struct hmi_cell *
batch_new_marked(struct hm_ctx *ctx, const struct hm_batch *batch)
{
	HMI_MARKED(ctx);

	return batch_new(ctx, batch);
}

/* It ends as one that nobody got. */
static void
request_refused(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t index,
		const struct hm_batch_request *request, enum hm_result result)
{
	hmi_send_refused(ctx, request->to, request->type, result);
	HMI_MARKED(ctx);
	entry_fail(ctx, cell, request_pid(ctx, cell, index).local, HM_FUTURE_DEAD_LETTER);
}

/* The requests are made one after the other, since a stage that fails loses what was made. */
static void
requests_send(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct hm_batch_request *request = &batch->requests[i];
		const struct through through = {
			.how = { .last = batch_last, .timeout_us = batch->timeout_us },
			.cell = cell,
			.index = i,
		};
		enum hm_result result =
			hmi_send_body_through(ctx, &through.how, request->to, request->type, request->body);

		if (result != HM_OK)
			request_refused(ctx, cell, i, request, result);
	}
}

static enum hm_result
ask_batch_through(struct hm_ctx *ctx, const struct hm_batch *batch)
{
	struct hmi_cell *cell = batch_new_marked(ctx, batch);
	struct hmi_owned *lost = ctx->lost;

	if (cell == NULL)
		return HM_NO_MEMORY;
	/* With a stage that fails goes the whole batch, unless that is part of more. */
	if (lost == NULL)
		ctx->lost = &cell->future.owned;
	requests_send(ctx, cell, batch);
	ctx->lost = lost;
	return HM_OK;
}

/* ---- What actors call ---------------------------------------------------------------------------- */

enum hm_result
hm_ask_batch(struct hm_ctx *ctx, const struct hm_batch *batch)
{
	struct hmi_fifo requests = { 0 };
	struct hmi_cell *cell;
	enum hm_result result;

	hmi_check_ctx(ctx, "hm_ask_batch");
	if (batch == NULL || batch->requests == NULL || batch->count == 0 || batch->count > HM_BATCH_MAX ||
	    batch->enough > batch->count || batch->timeout_us == 0 || batch->on_end == NULL)
		return HM_INVALID;
	result = requests_check(ctx, batch);
	if (result != HM_OK)
		return result;
	if (unlikely(ctx->sending != NULL))
		return ask_batch_through(ctx, batch);
	HMI_MARKED(ctx);
	if (!requests_make(ctx, batch, &requests))
		return HM_NO_MEMORY;
	cell = batch_new(ctx, batch);
	if (cell == NULL) {
		struct hm_msg *msg;

		while ((msg = hmi_fifo_pop(&requests)) != NULL)
			hmi_msg_release(&ctx->cache, msg);
		return HM_NO_MEMORY;
	}
	requests_post(ctx, cell, batch, &requests);
	return HM_OK;
}
