/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a future with a handle: a process on the lcore of the actor that waits.
 *
 *     waits ──(a copy of the answer, or that there is none)──▶ done ──(its actor's turn)──▶ slot is free
 *
 * It is a resource of that actor until its function is called: if the actor ends or restarts, that is not called any
 * more, and the future is told.
 */
#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "shared_future_pvt.h"
#include "type_pvt.h"

/* ---- Between the lcores of the future and of who waits ----------------------------------- */

static void
await_post(struct hm_ctx *ctx, uint16_t command, const struct hmi_await *await)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, command, sizeof(*await));

	memcpy(msg->body, await, sizeof(*await));
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, hmi_local_lcore(await->future)), msg);
}

static bool
is_local(const struct hm_ctx *ctx, const struct hmi_await *await)
{
	return hmi_local_lcore(await->future) == hmi_index(ctx);
}

/* A future that can still be waited for. */
static struct hmi_cell *
open_future(struct hm_ctx *ctx, const struct hmi_await *await)
{
	struct hmi_cell *cell = hmi_shared_of(ctx, await->future);

	return cell != NULL && (cell->shared.flags & HMI_SHARED_RELEASED) == 0 ? cell : NULL;
}

void
hmi_await_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct hmi_cell *cell;
	struct hmi_await await;

	memcpy(&await, hm_msg_body(msg), sizeof(await));
	cell = open_future(ctx, &await);
	if (cell == NULL)
		hmi_await_fail(ctx, &await, HM_FUTURE_DEAD_LETTER);
	else if (!hmi_await_add(ctx, cell, (enum hmi_link_kind)await.kind, await.pid))
		hmi_await_fail(ctx, &await, HM_FUTURE_NO_MEMORY);
}

static void
unawait(struct hm_ctx *ctx, const struct hmi_await *await)
{
	struct hmi_cell *cell = hmi_shared_of(ctx, await->future);

	if (cell != NULL)
		hmi_await_remove(ctx, cell, await->pid);
}

void
hmi_unawait_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct hmi_await await;

	memcpy(&await, hm_msg_body(msg), sizeof(await));
	unawait(ctx, &await);
}

/* ---- Making --------------------------------------------------------------------------------- */

/* Nobody waits any more. */
static void
waiter_give_up(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_await await = { .future = cell->waiter.future,
				   .pid = hmi_pid_of(ctx, cell),
				   .kind = HMI_LINK_WAITER };

	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	if (is_local(ctx, &await))
		unawait(ctx, &await);
	else
		await_post(ctx, HMI_COMMAND_UNAWAIT, &await);
}

/* The actor that waits ends or restarts. */
static void
waiter_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, waiter.owned);

	(void)owner;
	hmi_count(&ctx->stats.continuations_dropped, 1);
	if (cell->waiter.done) {
		/* What ended it is in the mailbox. */
		cell->waiter.fn = NULL;
		return;
	}
	waiter_give_up(ctx, cell);
}

/* It leaves this lcore, and claims the answer. */
static void
waiter_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	struct hmi_cell *cell = container_of(owned, struct hmi_cell, waiter.owned);
	uint64_t home = hmi_pid_of(ctx, cell->waiter.owner).local;

	HMI_ASSERT(!cell->waiter.done);
	(void)hmi_claim_make(ctx, owned, hmi_pid_of(ctx, cell), cell->waiter.fn, cell->waiter.arg);
	cell->waiter.owner = NULL;
	cell->waiter.home = home;
}

static const struct hmi_owned_ops waiter_owned_ops = {
	.drop = waiter_drop,
	.may_move = hmi_link_may_move,
	.is_claimed = true,
	.leave = waiter_leave,
	.is_awaited = true,
};

static const struct hmi_process_ops waiter_ops;

static void
waiter_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (cell->waiter.fn != NULL) {
		hmi_stop_await_end(cell->waiter.owner, cell);
		hmi_owned_remove(&cell->waiter.owned);
	}
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
}

static struct hmi_cell *
waiter_new(struct hm_ctx *ctx, struct hm_future future, hm_reply_fn *fn, void *arg)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);

	if (cell == NULL)
		return NULL;
	cell->ops = &waiter_ops;
	cell->waiter.owner = ctx->cell;
	cell->waiter.fn = fn;
	cell->waiter.arg = arg;
	cell->waiter.sender = hm_sender(ctx);
	cell->waiter.future = future.pid.local;
	hmi_owned_add(&ctx->cell->actor.owned, &cell->waiter.owned, &waiter_owned_ops);
	if (hmi_stop_await(&ctx->extras, ctx->cell, cell))
		return cell;
	waiter_free(ctx, cell);
	return NULL;
}

/* ---- The waiter as a process ---------------------------------------------------------------- */

/* The answer comes in the name of whoever the actor was to answer when it began to wait. */
static void
sender_restore(const struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	msg->sender = cell->waiter.sender;
	msg->flags = hmi_type_flags(ctx->sys->types->info[msg->type]);
	/* That may be a future. */
	if (!hm_pid_is_none(msg->sender))
		msg->flags |= HMI_MSG_REQUEST;
}

/* To an actor that has left this lcore. */
static void
claimed_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result, struct hm_msg *msg)
{
	uint64_t home = cell->waiter.home, local = hmi_place_of(ctx, cell);

	sender_restore(ctx, cell, msg);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	hmi_answer_post(ctx, home, local, result, msg);
}

/* Put what ends it into its actor's mailbox. */
static void
waiter_end(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result, struct hm_msg *msg)
{
	struct hmi_cell *owner = cell->waiter.owner;

	if (owner == NULL) {
		claimed_end(ctx, cell, result, msg);
		return;
	}
	cell->waiter.done = true;
	cell->waiter.result = (uint8_t)result;
	msg->to = hmi_pid_of(ctx, cell).local;
	msg->flags = HMI_MSG_RESUME;
	hmi_cell_push(ctx, owner, msg);
	hmi_schedule(ctx, owner);
}

static void
waiter_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if ((msg->flags & HMI_MSG_BY_TYPE) != 0 && hmi_future_handles(ctx, cell, msg))
		return;
	/* Only the future knows its PID. */
	if (cell->waiter.done || msg->flags != 0)
		hmi_dead(ctx, msg, HM_DEAD_UNEXPECTED);
	else
		waiter_end(ctx, cell, HM_FUTURE_REPLY, msg);
}

static void
waiter_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->type == HMI_SYS_FUTURE_ENDED && !cell->waiter.done) {
		const struct hmi_future_ended *body = hm_msg_body(msg);

		msg->type = HM_TYPE_NONE;
		waiter_end(ctx, cell, (enum hm_future_result)body->result, msg);
		return;
	}
	if (msg->type == HM_SYS_WATCH)
		hmi_terminated_post(ctx, msg->sender, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
	hmi_msg_release(&ctx->cache, msg);
}

static void
waiter_resume(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	enum hm_future_result result = (enum hm_future_result)cell->waiter.result;
	bool is_reply = result == HM_FUTURE_REPLY;
	hm_reply_fn *fn = cell->waiter.fn;
	void *arg = cell->waiter.arg;

	sender_restore(ctx, cell, msg);
	waiter_free(ctx, cell);
	if (fn != NULL)
		hmi_reply_run(ctx, fn, result, is_reply ? msg : NULL, arg);
	else
		hmi_continuation_drop(ctx, msg, is_reply);
}

static void
waiter_discard(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg, enum hm_dead_reason reason)
{
	bool is_reply = cell->waiter.result == HM_FUTURE_REPLY;

	if (cell->waiter.fn != NULL)
		hmi_count(&ctx->stats.continuations_dropped, 1);
	waiter_free(ctx, cell);
	hmi_continuation_discard(ctx, msg, is_reply, reason);
}

/* It leaves this lcore with what ends it in its mailbox, which may be nobody's since a restart. */
static struct hm_msg *
waiter_part(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	enum hm_future_result result = (enum hm_future_result)cell->waiter.result;
	struct hm_pid pid = hmi_pid_of(ctx, cell);
	struct hmi_claim *claim = NULL;

	sender_restore(ctx, cell, msg);
	if (cell->waiter.fn != NULL)
		claim = hmi_claim_make(ctx, &cell->waiter.owned, pid, cell->waiter.fn, cell->waiter.arg);
	hmi_cells_put(&ctx->cells, cell, HM_DEAD_LATE_REPLY);
	return hmi_answer_new(ctx, claim, pid.local, result, msg);
}

static void
waiter_claimed(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_claim_order order, uint64_t node)
{
	(void)node;
	if (order == HMI_CLAIM_DROP)
		waiter_give_up(ctx, cell);
}

static const struct hmi_process_ops waiter_ops = {
	.deliver = waiter_deliver,
	.system = waiter_system,
	.resume = waiter_resume,
	.discard = waiter_discard,
	.part = waiter_part,
	.claimed = waiter_claimed,
};

/* ---- What actors call -------------------------------------------------------------------------- */

/* Whether there may be a future of that name. */
static bool
is_of_node(const struct hm_ctx *ctx, struct hm_future future)
{
	return future.pid.node == ctx->node && hmi_local_lcore(future.pid.local) < ctx->worker.lcores_count;
}

enum hm_result
hm_reenter_after(struct hm_ctx *ctx, struct hm_future future, hm_reply_fn *fn, void *arg)
{
	struct hmi_await await = { .future = future.pid.local, .kind = HMI_LINK_WAITER };
	struct hmi_cell *cell, *waiter;

	hmi_check_ctx(ctx, "hm_reenter_after");
	HMI_MARKED(ctx);
	if (fn == NULL)
		return HM_INVALID;
	if (!is_of_node(ctx, future))
		return HM_NO_RECEIVER;
	waiter = waiter_new(ctx, future, fn, arg);
	if (waiter == NULL)
		return HM_NO_MEMORY;
	await.pid = hmi_pid_of(ctx, waiter);
	if (!is_local(ctx, &await)) {
		await_post(ctx, HMI_COMMAND_AWAIT, &await);
		return HM_OK;
	}
	cell = open_future(ctx, &await);
	if (cell == NULL) {
		hmi_await_fail(ctx, &await, HM_FUTURE_DEAD_LETTER);
	} else if (!hmi_await_add(ctx, cell, HMI_LINK_WAITER, await.pid)) {
		waiter_free(ctx, waiter);
		return HM_NO_MEMORY;
	}
	return HM_OK;
}

/* Links for all of them, as a list; NULL: no memory for all. */
static struct hmi_owned *
pipes_new(struct hm_ctx *ctx, const struct hm_pid *pids, uint32_t count)
{
	struct hmi_owned *list = NULL;

	for (uint32_t i = count; i-- > 0;) {
		struct hmi_link *link = hmi_link_new(&ctx->links, HMI_LINK_PIPE, pids[i]);

		if (link == NULL)
			break;
		link->owned.next = list;
		list = &link->owned;
		if (i == 0)
			return list;
	}
	while (list != NULL) {
		struct hmi_link *link = container_of(list, struct hmi_link, owned);

		list = list->next;
		hmi_link_free(&ctx->links, link);
	}
	return NULL;
}

/* To processes that are to get the answer of a future of this lcore. */
static enum hm_result
pipe_here(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_pid *pids, uint32_t count)
{
	struct hmi_owned *list = pipes_new(ctx, pids, count);

	if (list == NULL)
		return HM_NO_MEMORY;
	while (list != NULL) {
		struct hmi_link *link = container_of(list, struct hmi_link, owned);

		list = list->next;
		hmi_await_insert(ctx, cell, link);
	}
	hmi_await_inserted(ctx, cell);
	return HM_OK;
}

static bool
is_any_none(const struct hm_pid *pids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (hm_pid_is_none(pids[i]))
			return true;
	}
	return false;
}

enum hm_result
hm_pipe_to(struct hm_ctx *ctx, struct hm_future future, const struct hm_pid *pids, uint32_t count)
{
	struct hmi_await await = { .future = future.pid.local, .kind = HMI_LINK_PIPE };
	struct hmi_cell *cell;

	hmi_check_ctx(ctx, "hm_pipe_to");
	if (pids == NULL || count == 0 || is_any_none(pids, count))
		return HM_INVALID;
	if (!is_of_node(ctx, future))
		return HM_NO_RECEIVER;
	HMI_MARKED(ctx);
	cell = is_local(ctx, &await) ? open_future(ctx, &await) : NULL;
	if (cell != NULL)
		return pipe_here(ctx, cell, pids, count);
	for (uint32_t i = 0; i < count; i++) {
		await.pid = pids[i];
		if (is_local(ctx, &await))
			hmi_await_fail(ctx, &await, HM_FUTURE_DEAD_LETTER);
		else
			await_post(ctx, HMI_COMMAND_AWAIT, &await);
	}
	return HM_OK;
}
