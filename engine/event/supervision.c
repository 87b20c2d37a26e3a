/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions of supervisors, published to subscribers.
 */
#include <errno.h>

#include <rte_log.h>

#include "counter_pvt.h"
#include "event_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

static_assert(HM_SUPERVISION_SUBSCRIBERS_MAX == HMI_SUBSCRIBERS_MAX, "as many as the header says");

const char *
hm_directive_name(enum hm_directive directive)
{
	static const char *const names[] = {
		[HM_DIRECTIVE_RESTART] = "restart",
		[HM_DIRECTIVE_RESUME] = "resume",
		[HM_DIRECTIVE_STOP] = "stop",
		[HM_DIRECTIVE_ESCALATE] = "escalate",
	};

	return (unsigned int)directive < RTE_DIM(names) ? names[directive] : "unknown";
}

void
hmi_supervision_publish(struct hm_ctx *ctx, const struct hm_supervision *supervision)
{
	uint64_t locals[HMI_SUBSCRIBERS_MAX];
	uint32_t count = hmi_subscribers_read(&ctx->sys->supervision_subscribers, locals);
	char child[HM_PID_TEXT_SIZE];

	rte_log(RTE_LOG_DEBUG, (uint32_t)ctx->sys->logtype, "hermod: supervisor of %s: %s\n",
		hm_pid_format(supervision->failure.actor, child),
		hm_directive_name((enum hm_directive)supervision->directive));
	for (uint32_t i = 0; i < count; i++) {
		struct hm_pid subscriber = { ctx->node, locals[i] };
		struct hm_msg *msg = hm_msg_alloc(ctx, HM_SUPERVISION, sizeof(*supervision));

		if (msg == NULL) {
			hmi_count(&ctx->stats.no_memory, 1);
			return;
		}
		memcpy(msg->body, supervision, sizeof(*supervision));
		msg->sender = supervision->supervisor;
		msg->flags = 0;
		hmi_count(&ctx->sent, 1);
		(void)hmi_post(ctx, subscriber, msg);
	}
}

int
hm_supervision_subscribe(struct hm_system *sys, struct hm_pid subscriber)
{
	return sys != NULL ? hmi_subscribers_add(sys, &sys->supervision_subscribers, subscriber) : -EINVAL;
}

void
hm_supervision_unsubscribe(struct hm_system *sys, struct hm_pid subscriber)
{
	if (sys != NULL)
		hmi_subscribers_remove(sys, &sys->supervision_subscribers, subscriber);
}
