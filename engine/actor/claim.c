/* SPDX-License-Identifier: Apache-2.0 */
#include "claim_pvt.h"

#include "actor_pvt.h"
#include "box_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "deliver_pvt.h"
#include "forward_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "replies_pvt.h"

/* Body of HMI_COMMAND_CLAIM. */
struct order {
	uint64_t future; /* local part of its PID */
	uint64_t node;   /* id of the one that is asked, of HMI_CLAIM_NODE */
	uint32_t order;  /* enum hmi_claim_order */
};

void
hmi_claims_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->claims, sizeof(struct hmi_claim));
}

/* ---- Answers that find no function --------------------------------------------------- */

void
hmi_continuation_discard(struct hm_ctx *ctx, struct hm_msg *msg, bool is_reply, enum hm_dead_reason reason)
{
	msg->flags = 0;
	if (is_reply)
		hmi_dead(ctx, msg, reason);
	else
		hmi_msg_release(&ctx->cache, msg);
}

void
hmi_continuation_drop(struct hm_ctx *ctx, struct hm_msg *msg, bool is_reply)
{
	ctx->msg = NULL;
	/* The turn has counted it. */
	if (is_reply && !hmi_msg_is_internal(msg))
		hmi_count(&ctx->received, (uint64_t)-1);
	hmi_continuation_discard(ctx, msg, is_reply, HM_DEAD_LATE_REPLY);
}

void
hmi_replies_discard(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason)
{
	struct hmi_replies *replies = hmi_replies_of(msg);

	for (uint32_t i = 0; i < replies->count; i++) {
		struct hm_msg *reply = replies->entries[i].reply;

		replies->entries[i].reply = NULL;
		if (reply != NULL)
			hmi_dead(ctx, reply, reason);
	}
	hmi_msg_release(&ctx->cache, msg);
}

/* Of what has ended a future that was claimed. */
static void
discard(struct hm_ctx *ctx, const struct hmi_answer *answer, enum hm_dead_reason reason)
{
	hmi_guard_received(answer->msg);
	if (answer->msg->type == HM_REPLIES)
		hmi_replies_discard(ctx, answer->msg, reason);
	else
		hmi_continuation_discard(ctx, answer->msg, answer->result == HM_FUTURE_REPLY, reason);
}

/* ---- Orders ------------------------------------------------------------------------------ */

static void
order_run(struct hm_ctx *ctx, const struct order *order)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, order->future);

	if (cell != NULL && !hmi_cell_is_actor(cell) && cell->ops->claimed != NULL)
		cell->ops->claimed(ctx, cell, (enum hmi_claim_order)order->order, order->node);
}

void
hmi_claim_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	order_run(ctx, hm_msg_body(msg));
}

static void
order_give(struct hm_ctx *ctx, const struct order *order)
{
	uint32_t lcore = hmi_local_lcore(order->future);
	struct hm_msg *msg;

	if (lcore == hmi_index(ctx)) {
		order_run(ctx, order);
		return;
	}
	msg = hmi_control(&ctx->cache, HMI_COMMAND_CLAIM, sizeof(*order));
	memcpy(msg->body, order, sizeof(*order));
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, lcore), msg);
}

static struct hmi_claim *
claim_find(const struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_pid future)
{
	return (struct hmi_claim *)(void *)hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell), HMI_LINK_CLAIM,
							 future);
}

bool
hmi_claim_order(struct hm_ctx *ctx, struct hm_pid future, enum hmi_claim_order order, uint64_t node)
{
	if (claim_find(ctx, ctx->cell, future) == NULL)
		return false;
	order_give(ctx, &(struct order){ future.local, node, order });
	return true;
}

/* ---- A claim's life ------------------------------------------------------------------------ */

/* The actor ends or restarts. */
static void
claim_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_claim *claim = container_of(owned, struct hmi_claim, link.owned);
	struct order order = { .future = claim->link.pid.local, .order = HMI_CLAIM_DROP };

	(void)owner;
	hmi_count(&ctx->stats.continuations_dropped, claim->fn != NULL);
	if (claim->ended) {
		/* What has ended it is in the mailbox. */
		claim->fn = NULL;
		return;
	}
	hmi_link_unhash(&ctx->links, &claim->link);
	hmi_slab_put(&ctx->claims, claim);
	order_give(ctx, &order);
}

static void
claim_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	if (!container_of(owned, struct hmi_claim, link.owned)->ended)
		hmi_link_leave(ctx, owned);
}

static void
claim_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	if (!container_of(owned, struct hmi_claim, link.owned)->ended)
		hmi_link_arrive(ctx, owner, owned);
}

static const struct hmi_owned_ops claim_ops = {
	.drop = claim_drop,
	.may_move = hmi_link_may_move,
	.leave = claim_leave,
	.arrive = claim_arrive,
	.is_awaited = true,
};

/* Of what had ended before the actor left. */
static const struct hmi_owned_ops ended_claim_ops = {
	.drop = claim_drop,
	.may_move = hmi_link_may_move,
	.leave = claim_leave,
	.arrive = claim_arrive,
};

/* ---- Leaving ------------------------------------------------------------------------------- */

static struct hmi_claim *
spare_take(struct hm_ctx *ctx)
{
	struct hmi_claim *claim = (struct hmi_claim *)(void *)ctx->claims_spare;

	HMI_ASSERT(claim != NULL);
	ctx->claims_spare = claim->link.hash_next;
	return claim;
}

void
hmi_claims_unreserve(struct hm_ctx *ctx)
{
	while (ctx->claims_spare != NULL)
		hmi_slab_put(&ctx->claims, spare_take(ctx));
}

bool
hmi_claims_reserve(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	for (const struct hmi_owned *owned = cell->actor.owned; owned != NULL; owned = owned->next) {
		struct hmi_claim *claim;

		if (!owned->ops->is_claimed)
			continue;
		claim = hmi_slab_get(&ctx->claims);
		if (claim == NULL) {
			hmi_claims_unreserve(ctx);
			return false;
		}
		claim->link.hash_next = ctx->claims_spare;
		ctx->claims_spare = &claim->link;
	}
	return true;
}

struct hmi_claim *
hmi_claim_make(struct hm_ctx *ctx, struct hmi_owned *owned, struct hm_pid future, hm_reply_fn *fn, void *arg)
{
	struct hmi_claim *claim = spare_take(ctx);

	*claim =
		(struct hmi_claim){ .link = { .kind = HMI_LINK_CLAIM, .pid = future }, .fn = fn, .arg = arg };
	claim->link.owned = *owned;
	claim->link.owned.ops = owned->ops->is_awaited ? &claim_ops : &ended_claim_ops;
	*owned->prev = &claim->link.owned;
	if (owned->next != NULL)
		owned->next->prev = &claim->link.owned.next;
	return claim;
}

/* Whether any answer is in a queue. */
static bool
answers_wait(const struct hmi_fifo *queue)
{
	const struct hm_msg *msg = queue->head;

	while (msg != NULL && (msg->flags & HMI_MSG_RESUME) == 0)
		msg = hmi_fifo_after(queue, msg);
	return msg != NULL;
}

static void
queue_part(struct hm_ctx *ctx, struct hmi_fifo *queue)
{
	if (!answers_wait(queue))
		return;
	for (uint32_t n = queue->count; n > 0; n--) {
		struct hm_msg *msg = hmi_fifo_pop(queue);
		struct hmi_cell *process = hmi_cells_at(&ctx->cells, msg->to);

		if ((msg->flags & HMI_MSG_RESUME) != 0 && process->ops->part != NULL)
			msg = process->ops->part(ctx, process, msg);
		hmi_fifo_push(queue, msg);
	}
}

void
hmi_claims_part(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	queue_part(ctx, &cell->box);
	if (hmi_cell_has_box(cell))
		queue_part(ctx, hmi_box_internal(cell));
}

/* ---- At the future --------------------------------------------------------------------------- */

/* An answer as it lies in the mailbox: to its turn it is what it holds. */
static void
answer_describe(const struct hm_ctx *ctx, struct hm_msg *msg, const struct hm_msg *held)
{
	msg->type = held->type;
	msg->flags = HMI_MSG_RESUME;
	msg->to = hmi_lcore_process(ctx->sys, hmi_index(ctx)).local;
}

struct hm_msg *
hmi_answer_new(struct hm_ctx *ctx, struct hmi_claim *claim, uint64_t future, enum hm_future_result result,
	       struct hm_msg *msg)
{
	struct hm_msg *answer = hmi_control(&ctx->cache, HMI_SYS_ANSWER, sizeof(struct hmi_answer));

	*(struct hmi_answer *)hm_msg_body_mut(answer) = (struct hmi_answer){ future, msg, claim, result };
	msg->to = future;
	if (claim != NULL)
		claim->ended = true;
	answer_describe(ctx, answer, msg);
	return answer;
}

void
hmi_claimant_post(struct hm_ctx *ctx, uint64_t home, struct hm_msg *msg)
{
	msg->to = home;
	/* Not by way of the outbox: what comes for the actor itself is not held up there either. */
	if (hmi_local_lcore(home) == hmi_index(ctx))
		hmi_deliver(ctx, msg);
	else
		(void)hmi_post_away(ctx, ctx->node, msg);
}

void
hmi_answer_post(struct hm_ctx *ctx, uint64_t home, uint64_t future, enum hm_future_result result,
		struct hm_msg *msg)
{
	struct hm_msg *answer = hmi_answer_new(ctx, NULL, future, result, msg);

	answer->type = HMI_SYS_ANSWER;
	answer->flags = HMI_MSG_SYSTEM;
	hmi_claimant_post(ctx, home, answer);
}

void
hmi_claim_end_post(struct hm_ctx *ctx, uint64_t home, uint64_t future)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_CLAIM_END, sizeof(future));

	memcpy(msg->body, &future, sizeof(future));
	hmi_claimant_post(ctx, home, msg);
}

/* ---- At the actor ---------------------------------------------------------------------------- */

void
hmi_answer_lost(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	discard(ctx, hm_msg_body(msg), reason == HM_DEAD_SHUTDOWN ? reason : HM_DEAD_LATE_REPLY);
}

void
hmi_answer_arrive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_answer *answer = hm_msg_body_mut(msg);
	struct hmi_claim *claim = claim_find(ctx, cell, (struct hm_pid){ ctx->node, answer->future });

	if (claim == NULL) {
		discard(ctx, answer, HM_DEAD_LATE_REPLY);
		hmi_msg_release(&ctx->cache, msg);
		return;
	}
	hmi_link_unhash(&ctx->links, &claim->link);
	claim->ended = true;
	answer->claim = claim;
	answer_describe(ctx, msg, answer->msg);
	hmi_cell_push(ctx, cell, msg);
	hmi_schedule(ctx, cell);
}

void
hmi_claim_end(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct hm_pid future = { .node = ctx->node };
	struct hmi_claim *claim;

	memcpy(&future.local, hm_msg_body(msg), sizeof(future.local));
	claim = claim_find(ctx, cell, future);
	if (claim == NULL)
		return;
	hmi_link_remove(&ctx->links, &claim->link);
	hmi_slab_put(&ctx->claims, claim);
}

/* The actor's turn has come to an answer, or it has ended. Returns the function, if it is to be called. */
static hm_reply_fn *
claim_redeem(struct hm_ctx *ctx, struct hmi_claim *claim, void **arg)
{
	hm_reply_fn *fn = claim != NULL ? claim->fn : NULL;

	*arg = claim != NULL ? claim->arg : NULL;
	if (fn != NULL)
		hmi_owned_remove(&claim->link.owned);
	if (claim != NULL)
		hmi_slab_put(&ctx->claims, claim);
	return fn;
}

static void
redeemed_drop(struct hm_ctx *ctx, const struct hmi_answer *answer)
{
	ctx->msg = NULL;
	if (answer->msg->type == HM_REPLIES)
		hmi_replies_discard(ctx, answer->msg, HM_DEAD_LATE_REPLY);
	else
		hmi_continuation_drop(ctx, answer->msg, answer->result == HM_FUTURE_REPLY);
}

void
hmi_answer_resume(struct hm_ctx *ctx, struct hmi_cell *process, struct hm_msg *msg)
{
	struct hmi_answer answer = *(const struct hmi_answer *)hm_msg_body(msg);
	bool is_batch = answer.msg->type == HM_REPLIES;
	void *arg;
	hm_reply_fn *fn = claim_redeem(ctx, answer.claim, &arg);

	(void)process;
	hmi_msg_release(&ctx->cache, msg);
	hmi_guard_received(answer.msg);
	if (fn == NULL) {
		redeemed_drop(ctx, &answer);
		return;
	}
	if (is_batch)
		hmi_count(&ctx->received, hmi_replies_of(answer.msg)->answered);
	/* The function may not return: nothing else is held meanwhile. */
	ctx->msg = answer.msg;
	hmi_reply_run(ctx, fn, (enum hm_future_result)answer.result,
		      is_batch || answer.result == HM_FUTURE_REPLY ? answer.msg : NULL, arg);
	if (ctx->msg != NULL)
		hmi_msg_release(&ctx->cache, answer.msg);
	ctx->msg = NULL;
}

void
hmi_answer_discard(struct hm_ctx *ctx, struct hmi_cell *process, struct hm_msg *msg,
		   enum hm_dead_reason reason)
{
	struct hmi_answer answer = *(const struct hmi_answer *)hm_msg_body(msg);
	void *arg;

	(void)process;
	hmi_count(&ctx->stats.continuations_dropped, claim_redeem(ctx, answer.claim, &arg) != NULL);
	hmi_msg_release(&ctx->cache, msg);
	discard(ctx, &answer, reason);
}
