/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hedged requests: several are asked, and the first answer counts.
 */
#include <string.h>

#include "again_pvt.h"
#include "check_pvt.h"
#include "hm_retry.h"

struct hedge {
	struct hmi_again again; /* first */
	struct hm_pid to[HM_HEDGE_MAX];
	uint32_t count, begun;
	uint32_t open;          /* functions that are still to be called with the record */
	uint32_t asking;        /* of these, requests without an answer */
	bool is_over;           /* the caller's was called */
	struct hm_future timer; /* until the next one is asked */
	bool has_timer;
	uint64_t delay_us, until_ns;
};

static enum hm_result next_ask(struct hm_ctx *ctx, struct hedge *hedge);

/* Free it if nobody knows it any more. */
static void
settle(struct hm_ctx *ctx, struct hedge *hedge)
{
	if (hedge->open == 0)
		hmi_again_free(ctx, &hedge->again);
}

/* The function may not return: the record is given up before. */
static void
finish(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
       struct hedge *hedge)
{
	hm_reply_fn *fn = hedge->again.on_reply;
	void *arg = hedge->again.arg;

	hedge->is_over = true;
	if (hedge->has_timer)
		hm_future_cancel(ctx, hedge->timer);
	settle(ctx, hedge);
	fn(ctx, state, result, reply, arg);
}

/* Unless an answer may still come, or one is still to be asked. */
static void
may_finish(struct hm_ctx *ctx, void *state, enum hm_future_result result, struct hedge *hedge)
{
	if (hedge->asking == 0 && (!hedge->has_timer || hedge->begun == hedge->count))
		finish(ctx, state, result, NULL, hedge);
}

/* What it counts is right before one is asked: a stage of middleware may not return. */
static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct hedge *hedge = arg;

	hedge->open--;
	hedge->asking--;
	if (hedge->is_over) {
		settle(ctx, hedge);
	} else if (result == HM_FUTURE_REPLY) {
		finish(ctx, state, result, reply, hedge);
	} else {
		if (hedge->begun < hedge->count)
			(void)next_ask(ctx, hedge);
		may_finish(ctx, state, result, hedge);
	}
}

/* Cancelled, or the time is over. */
static void
on_time(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	enum hm_result asked = HM_NO_MEMORY;
	struct hedge *hedge = arg;

	(void)reply;
	hedge->open--;
	hedge->has_timer = false;
	if (!hedge->is_over && result == HM_FUTURE_TIMEOUT && hedge->begun < hedge->count)
		asked = next_ask(ctx, hedge);
	if (hedge->is_over)
		settle(ctx, hedge);
	else
		may_finish(ctx, state, hmi_again_refused(asked), hedge);
}

/* Have the next one asked after the delay. Without memory nobody else is. */
static void
timer_start(struct hm_ctx *ctx, struct hedge *hedge)
{
	if (hedge->begun == hedge->count || hedge->has_timer)
		return;
	hedge->has_timer =
		hmi_again_wait(ctx, hedge->delay_us, on_time, &hedge->again, &hedge->timer) == HM_OK;
	hedge->open += hedge->has_timer;
}

/* Ask one more: of those who are left, the first that can be asked. */
static enum hm_result
one_ask(struct hm_ctx *ctx, struct hedge *hedge)
{
	uint64_t now_ns = hmi_worker_clock(&ctx->worker);
	uint64_t left_us = hedge->until_ns > now_ns ? (hedge->until_ns - now_ns + 999) / 1000 : 0;
	enum hm_result result = HM_INVALID;

	while (left_us > 0 && hedge->begun < hedge->count) {
		hedge->open++;
		hedge->asking++;
		result = hmi_again_ask(ctx, &hedge->again, hedge->to[hedge->begun++], left_us, on_answer);
		if (result == HM_OK && hedge->delay_us > 0)
			break;
		hedge->open -= result != HM_OK;
		hedge->asking -= result != HM_OK;
	}
	return result;
}

static enum hm_result
next_ask(struct hm_ctx *ctx, struct hedge *hedge)
{
	enum hm_result result = one_ask(ctx, hedge);

	if (result == HM_OK && hedge->delay_us > 0)
		timer_start(ctx, hedge);
	return result;
}

static bool
is_valid(const struct hm_hedge *config)
{
	if (config->count == 0 || config->count > HM_HEDGE_MAX || config->to == NULL ||
	    config->timeout_us == 0)
		return false;
	for (uint32_t i = 0; i < config->count; i++) {
		if (hm_pid_is_none(config->to[i]))
			return false;
	}
	return true;
}

static void
config_copy(struct hm_ctx *ctx, struct hedge *hedge, const struct hm_hedge *config)
{
	uint64_t now_ns = hmi_worker_clock(&ctx->worker);

	memcpy(hedge->to, config->to, config->count * sizeof(hedge->to[0]));
	hedge->count = config->count;
	hedge->delay_us = config->delay_us;
	hedge->until_ns = config->timeout_us > (UINT64_MAX / 4 - now_ns) / 1000
				  ? UINT64_MAX / 4
				  : now_ns + config->timeout_us * 1000;
}

enum hm_result
hm_hedge_ask(struct hm_ctx *ctx, const struct hm_hedge *config, uint16_t type, const void *body,
	     hm_reply_fn *on_reply, void *arg)
{
	struct hmi_again *again;
	struct hedge *hedge;
	enum hm_result result;

	hmi_check_send(ctx, type, body, "hm_hedge_ask");
	if (config == NULL || on_reply == NULL || !is_valid(config))
		return HM_INVALID;
	result = hmi_again_make(ctx, sizeof(*hedge), type, body, &again);
	if (result != HM_OK)
		return result;
	hedge = container_of(again, struct hedge, again);
	config_copy(ctx, hedge, config);
	again->on_reply = on_reply;
	again->arg = arg;
	result = one_ask(ctx, hedge);
	if (hedge->open == 0) {
		hmi_again_free(ctx, again);
		return result;
	}
	if (hedge->delay_us > 0)
		timer_start(ctx, hedge);
	return HM_OK;
}
