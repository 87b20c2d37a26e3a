/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retries with exponential back-off.
 */
#include "hm_retry.h"

#include <rte_common.h>

#include "again_pvt.h"
#include "check_pvt.h"
#include "random_pvt.h"

/* hm_backoff.max_us of 0: an hour. */
#define MOST_US_DEFAULT UINT64_C(3600000000)

uint64_t
hm_backoff_us(const struct hm_backoff *backoff, uint32_t attempt, uint64_t random)
{
	uint64_t most = backoff->max_us != 0 ? backoff->max_us : MOST_US_DEFAULT;
	uint64_t us = RTE_MIN(backoff->min_us, most), chance;

	/* Not doubled beyond what fits. */
	for (uint32_t i = 0; i < attempt && us != 0 && us < most; i++)
		us = us > most / 2 ? most : 2 * us;
	chance = us / 100 * RTE_MIN(backoff->jitter, 100u) + us % 100 * RTE_MIN(backoff->jitter, 100u) / 100;
	return us - (chance > 0 ? random % (chance + 1) : 0);
}

/* ---- Asking ------------------------------------------------------------------------------------- */

struct retry {
	struct hmi_again again; /* first */
	struct hm_retry config;
	struct hm_pid to;
	uint32_t begun; /* requests */
};

static void on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result,
		      const struct hm_msg *reply, void *arg);

static enum hm_result
ask(struct hm_ctx *ctx, struct retry *retry)
{
	retry->begun++;
	return hmi_again_ask(ctx, &retry->again, retry->to, retry->config.timeout_us, on_answer);
}

/* The function may not return, so the record is freed before. */
static void
finish(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
       struct retry *retry)
{
	hm_reply_fn *fn = retry->again.on_reply;
	void *arg = retry->again.arg;

	hmi_again_free(ctx, &retry->again);
	fn(ctx, state, result, reply, arg);
}

static void again_later(struct hm_ctx *ctx, void *state, enum hm_future_result result, struct retry *retry);

/* The time is over. */
static void
on_time(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct retry *retry = arg;
	enum hm_result asked = ask(ctx, retry);

	(void)result;
	(void)reply;
	if (asked != HM_OK)
		again_later(ctx, state, hmi_again_refused(asked), retry);
}

static void
again_later(struct hm_ctx *ctx, void *state, enum hm_future_result result, struct retry *retry)
{
	uint64_t us = hm_backoff_us(&retry->config.backoff, retry->begun - 1, hmi_random(&ctx->random));
	struct hm_future future;

	if (retry->begun >= retry->config.attempts ||
	    hmi_again_wait(ctx, us, on_time, &retry->again, &future) != HM_OK)
		finish(ctx, state, result, NULL, retry);
}

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	if (result == HM_FUTURE_REPLY)
		finish(ctx, state, result, reply, arg);
	else
		again_later(ctx, state, result, arg);
}

enum hm_result
hm_retry_ask(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
	     const struct hm_retry *config, hm_reply_fn *on_reply, void *arg)
{
	struct hm_retry copy;
	struct retry *retry;
	struct hmi_again *again;
	enum hm_result result;

	hmi_check_send(ctx, type, body, "hm_retry_ask");
	if (config == NULL || on_reply == NULL)
		return HM_INVALID;
	copy = *config;
	if (copy.attempts == 0 || copy.timeout_us == 0 || copy.backoff.jitter > 100)
		return HM_INVALID;
	result = hmi_again_make(ctx, sizeof(*retry), type, body, &again);
	if (result != HM_OK)
		return result;
	retry = container_of(again, struct retry, again);
	retry->config = copy;
	retry->to = to;
	again->on_reply = on_reply;
	again->arg = arg;
	result = ask(ctx, retry);
	if (result != HM_OK)
		hmi_again_free(ctx, again);
	return result;
}
