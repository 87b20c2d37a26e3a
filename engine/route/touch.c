/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HM_TOUCH, which any process that takes messages answers.
 */
#include "mark_pvt.h"
#include "touch_pvt.h"

#include "counter_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

void
hmi_touch_answer(struct hm_ctx *ctx, struct hm_pid who, struct hm_msg *msg)
{
	struct hm_pid to = msg->sender;
	struct hm_msg *answer;

	hmi_msg_release(&ctx->cache, msg);
	if (hm_pid_is_none(to))
		return;
	answer = hmi_control(&ctx->cache, HM_TOUCHED, sizeof(struct hm_touched));
	answer->flags = 0;
	answer->sender = who;
	((struct hm_touched *)hm_msg_body_mut(answer))->who = who;
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, to, answer);
}

void
hmi_touch_post(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_TOUCH, 0);

	msg->flags = HMI_MSG_BY_TYPE;
	msg->sender = hmi_pid_of(ctx, ctx->cell);
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, to, msg);
}
