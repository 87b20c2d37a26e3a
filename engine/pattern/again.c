/* SPDX-License-Identifier: Apache-2.0 */
#include "again_pvt.h"

#include <stdlib.h>
#include <string.h>

#include "actor_pvt.h"
#include "ask_pvt.h"
#include "link_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"

/* ---- The record --------------------------------------------------------------------------- */

static void
drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_again *again = container_of(owned, struct hmi_again, owned);

	(void)ctx;
	(void)owner;
	free(again->body);
	free(again);
}

/* It is on the heap, and in its actor's list alone. */
static void
leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	(void)ctx;
	(void)owned;
}

static void
arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)ctx;
	(void)owner;
	(void)owned;
}

static const struct hmi_owned_ops again_ops = {
	.drop = drop,
	.may_move = hmi_link_may_move,
	.leave = leave,
	.arrive = arrive,
	.is_awaited = true,
};

enum hm_result
hmi_again_make(struct hm_ctx *ctx, size_t bytes, uint16_t type, const void *body, struct hmi_again **out)
{
	struct hmi_again *again;
	struct hmi_body measured;
	enum hm_result result = hmi_body_measure(ctx->sys, type, body, &measured);

	if (result != HM_OK)
		return result;
	hmi_body_touch(&measured);
	HMI_MARKED(ctx);
	again = calloc(1, bytes);
	if (again == NULL)
		return HM_NO_MEMORY;
	again->type = type;
	if (body != NULL) {
		again->body = malloc(measured.bytes + 1);
		if (again->body == NULL) {
			free(again);
			return HM_NO_MEMORY;
		}
		hmi_body_copy(again->body, &measured);
	}
	hmi_owned_add(&ctx->cell->actor.owned, &again->owned, &again_ops);
	*out = again;
	return HM_OK;
}

void
hmi_again_free(struct hm_ctx *ctx, struct hmi_again *again)
{
	HMI_MARKED(ctx);

	hmi_owned_remove(&again->owned);
	free(again->body);
	free(again);
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* A request on its way through the stages of middleware. */
struct through {
	struct hmi_send how; /* first */
	struct hmi_cell *future;
	bool *is_sent;
};

static enum hm_result
ask_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	const struct through *through = container_of(how, struct through, how);
	enum hm_result result;

	if (!hmi_msg_take(ctx, msg, "hm_send_next"))
		return HM_INVALID;
	HMI_MARKED(ctx);
	result = hmi_ask_prepare(ctx, to, msg, how->timeout_us);
	if (result != HM_OK) {
		hmi_msg_release(&ctx->cache, msg);
		return result;
	}
	*through->is_sent = true;
	return hmi_ask_post(ctx, through->future, to, msg);
}

static struct hmi_cell *
future_make(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *fn, void *arg)
{
	HMI_MARKED(ctx);

	return hmi_future_ask(ctx, timeout_us, fn, arg);
}

static void
future_undo(struct hm_ctx *ctx, struct hmi_cell *future)
{
	HMI_MARKED(ctx);

	hmi_future_undo(ctx, future);
}

static enum hm_result
ask_through(struct hm_ctx *ctx, const struct hmi_again *again, struct hm_pid to,
	    const struct through *through)
{
	enum hm_result result = hmi_send_body_through(ctx, &through->how, to, again->type, again->body);

	/* Once it is sent there will be an answer, whatever a stage says behind that. */
	if (*through->is_sent)
		result = HM_OK;
	if (result != HM_OK)
		future_undo(ctx, through->future);
	return result;
}

enum hm_result
hmi_again_ask(struct hm_ctx *ctx, struct hmi_again *again, struct hm_pid to, uint64_t timeout_us,
	      hm_reply_fn *fn)
{
	bool is_sent = false;
	struct through through = { .how = { .last = ask_last, .timeout_us = timeout_us },
				   .is_sent = &is_sent };

	if (ctx->sending == NULL)
		return hm_ask(ctx, to, again->type, again->body, timeout_us, fn, again);
	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	through.future = future_make(ctx, timeout_us, fn, again);
	return through.future != NULL ? ask_through(ctx, again, to, &through) : HM_NO_MEMORY;
}

/* ---- Waiting -------------------------------------------------------------------------------- */

enum hm_result
hmi_again_wait(struct hm_ctx *ctx, uint64_t us, hm_reply_fn *fn, struct hmi_again *again,
	       struct hm_future *future)
{
	enum hm_result result = hm_future_new(ctx, us != 0 ? us : 1, future);

	if (result != HM_OK)
		return result;
	result = hm_reenter_after(ctx, *future, fn, again);
	if (result != HM_OK)
		hm_future_cancel(ctx, *future);
	/* Its result is for that function alone. */
	hm_future_release(ctx, *future);
	return result;
}
