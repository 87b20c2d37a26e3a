/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are answered for the actor: HM_TOUCH, and types with hm_type.auto_respond. A flag
 * (HMI_MSG_BY_TYPE), which HM_FUTURE_FAILED and HM_RECEIVE_TIMEOUT have, too, keeps them off the path of all others.
 */
#include "actor_pvt.h"
#include "counter_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "touch_pvt.h"
#include "type_pvt.h"

static void
auto_respond(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	const struct hmi_type_entry *entry = hmi_type_entry(ctx->sys->types, msg->type);

	bool is_here = hmi_receive(ctx, cell, msg);

	/* HM_FUTURE_FAILED has no answer. Who a message was forwarded to will answer. */
	if (entry != NULL && is_here && !hm_pid_is_none(msg->sender))
		hmi_auto_respond_run(ctx, cell, entry->type.auto_respond);
	if (ctx->msg != NULL)
		hmi_msg_release(&ctx->cache, msg);
}

void
hmi_handled_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	ctx->msg = msg;
	if (msg->type == HM_TOUCH)
		hmi_touch_answer(ctx, hmi_pid_of(ctx, cell), msg);
	else if (msg->type == HM_RECEIVE_TIMEOUT)
		hmi_receive_timeout_receive(ctx, cell, msg);
	else
		auto_respond(ctx, cell, msg);
}
