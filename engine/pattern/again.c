/* SPDX-License-Identifier: Apache-2.0 */
#include "again_pvt.h"

#include <stdlib.h>
#include <string.h>

#include "link_pvt.h"

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
hmi_again_free(struct hmi_again *again)
{
	hmi_owned_remove(&again->owned);
	free(again->body);
	free(again);
}

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
