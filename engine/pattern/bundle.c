/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles by count or time.
 */
#include "hm_bundle.h"

#include <errno.h>

#include "check_pvt.h"
#include "hm_keep.h"

int
hm_bundle_init(struct hm_bundle *bundle, struct hm_msg **msgs, uint32_t most, uint64_t delay_us,
	       uint16_t type)
{
	if (bundle == NULL || msgs == NULL || most == 0)
		return -EINVAL;
	*bundle = (struct hm_bundle){ .msgs = msgs, .most = most, .delay_us = delay_us, .type = type };
	return 0;
}

static bool
has_delay(const struct hm_bundle *bundle)
{
	return bundle->delay_us != UINT64_MAX;
}

/* The time of the first one begins. */
static enum hm_result
timer_start(struct hm_ctx *ctx, struct hm_bundle *bundle)
{
	uint64_t now_ns = hm_now_ns(ctx);

	bundle->due_ns = bundle->delay_us > (UINT64_MAX - now_ns) / 1000 ? UINT64_MAX
									 : now_ns + bundle->delay_us * 1000;
	return hm_send_after(ctx, hm_self(ctx), bundle->type, NULL, bundle->delay_us, 0, &bundle->timer);
}

enum hm_result
hm_bundle_add(struct hm_ctx *ctx, struct hm_bundle *bundle)
{
	enum hm_result result;

	hmi_check_ctx(ctx, "hm_bundle_add");
	if (bundle->count == bundle->most)
		return HM_WOULD_BLOCK;
	if (bundle->count == 0 && has_delay(bundle)) {
		result = timer_start(ctx, bundle);
		if (result != HM_OK)
			return result;
	}
	result = hm_msg_keep(ctx, &bundle->msgs[bundle->count]);
	if (result == HM_OK)
		bundle->count++;
	else if (bundle->count == 0 && has_delay(bundle))
		hm_timer_cancel(ctx, bundle->timer);
	return result;
}

bool
hm_bundle_is_ready(struct hm_ctx *ctx, const struct hm_bundle *bundle)
{
	hmi_check_ctx(ctx, "hm_bundle_is_ready");
	if (bundle->count == 0)
		return false;
	return bundle->count == bundle->most || (has_delay(bundle) && hm_now_ns(ctx) >= bundle->due_ns);
}

void
hm_bundle_end(struct hm_ctx *ctx, struct hm_bundle *bundle)
{
	hmi_check_ctx(ctx, "hm_bundle_end");
	for (uint32_t i = 0; i < bundle->count; i++)
		hm_msg_free(ctx, bundle->msgs[i]);
	if (bundle->count > 0 && has_delay(bundle))
		hm_timer_cancel(ctx, bundle->timer);
	bundle->count = 0;
}
