/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper_pvt.h"

#include "middleware_pvt.h"

void
hmi_keeper_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		   const struct hmi_keeper_ops *ops, bool *stops)
{
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		hmi_middleware_maintain(ctx->cell);
		ops->start(ctx, state);
		break;
	case HM_STOPPING:
		*stops = true;
		break;
	case HM_TERMINATED:
		if (!*stops)
			ops->terminated(ctx, state, hm_msg_body(msg));
		break;
	default:
		if (hm_msg_type(msg) >= HM_TYPE_USER)
			ops->message(ctx, state, msg);
		break;
	}
}
