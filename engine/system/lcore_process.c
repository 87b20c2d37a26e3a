/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core process of an lcore: what lcores, and threads outside, ask of it.
 */
#include "engine_pvt.h"

static void
system_stop(struct hm_ctx *ctx)
{
	struct hmi_cell *user = hmi_cell_live(ctx, ctx->sys->user.local);

	if (user != NULL)
		hmi_control_post(ctx, ctx->sys->user, hm_pid_none(), HM_SYS_STOP);
}

static void
call_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct hmi_call *call;

	memcpy(&call, msg->body, sizeof(call));
	call->run(ctx, call);
}

static void
abroad_send(struct hm_ctx *ctx, const struct hmi_abroad *abroad)
{
	struct hm_pid to = { abroad->node, abroad->msg->to };

	(void)hmi_post(ctx, to, abroad->msg);
}

void
hmi_core_receive(struct hm_ctx *ctx, struct hm_msg *msg)
{
	switch (msg->type) {
	case HMI_CORE_SPAWN:
		hmi_spawn_granted(ctx, hm_msg_body(msg));
		break;
	case HMI_CORE_GRANT:
		hmi_grant_take(ctx, hm_msg_body(msg));
		break;
	case HMI_CORE_WANT:
		hmi_grant_wanted(ctx, msg);
		break;
	case HMI_CORE_NODE_LOST:
		hmi_node_forget(ctx, hm_msg_body(msg));
		break;
	case HMI_CORE_NODE_FORGOT:
		hmi_node_forgot(ctx, hm_msg_body(msg));
		break;
	case HMI_CORE_CALL:
		call_run(ctx, msg);
		break;
	case HMI_CORE_SEND:
		abroad_send(ctx, hm_msg_body(msg));
		break;
	case HMI_CORE_STOP_SYSTEM:
		system_stop(ctx);
		break;
	case HMI_CORE_RESOLVE:
		hmi_provider_resolve(ctx, msg);
		break;
	case HM_SYS_WATCH:
		/* It never ends before the node does: there is nothing to tell. */
		break;
	default:
		break;
	}
	hmi_msg_release(&ctx->cache, msg);
}
