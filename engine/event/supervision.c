/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions of supervisors, published to subscribers.
 */
#include <rte_log.h>

#include "event_pvt.h"
#include "event_queue_pvt.h"

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
	char child[HM_PID_TEXT_SIZE];

	rte_log(RTE_LOG_DEBUG, (uint32_t)ctx->sys->logtype, "hermod: supervisor of %s: %s\n",
		hm_pid_format(supervision->failure.actor, child),
		hm_directive_name((enum hm_directive)supervision->directive));
	if (hmi_event_wanted(&ctx->sys->events, HM_SUPERVISION))
		hmi_event_raise(ctx, HM_SUPERVISION, supervision, sizeof(*supervision), NULL);
}

int
hm_supervision_subscribe(struct hm_system *sys, struct hm_pid subscriber)
{
	return hmi_subscribe_once(sys, HM_SUPERVISION, subscriber);
}

void
hm_supervision_unsubscribe(struct hm_system *sys, struct hm_pid subscriber)
{
	hmi_unsubscribe_once(sys, HM_SUPERVISION, subscriber);
}
