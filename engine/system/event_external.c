/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of threads that are no lcore.
 */
#include "event_queue_pvt.h"
#include "external_pvt.h"
#include "hm_stall.h"
#include "lcore_setup_pvt.h"
#include "msg_pvt.h"
#include "pool_pvt.h"

enum hm_result
hm_system_publish(struct hm_system *sys, uint16_t type, const void *body)
{
	if (sys == NULL)
		return HM_INVALID;
	if (!hmi_event_wanted(&sys->events, type))
		return HM_OK;
	if (type < HM_TYPE_USER)
		return HM_UNKNOWN_TYPE;
	return hm_system_send(sys, sys->event_stream, type, body);
}

static void
dropped(struct hm_system *sys)
{
	atomic_fetch_add_explicit(&sys->external_events_dropped, 1, memory_order_relaxed);
}

/* Have another lcore publish an event, which is taken over. What does not fit into its inject ring is dropped, and counted. */
static void
event_inject(struct hm_system *sys, uint32_t lcore, struct hm_msg *event)
{
	struct hm_msg *msg = hmi_control(&sys->external, HMI_COMMAND_EVENT, sizeof(event));

	memcpy(hm_msg_body_mut(msg), &event, sizeof(event));
	if (hmi_inject(sys, hmi_lcore_process(sys, lcore), msg) == HM_OK)
		return;
	hmi_msg_release(&sys->external, event);
	dropped(sys);
}

void
hmi_stall_event(struct hm_system *sys, const struct hm_stall *stall)
{
	struct hm_stalled body = {
		.actor = stall->actor,
		.duration_ns = stall->duration_ns,
		.lcore_index = stall->lcore_index,
		.type = stall->type,
		.event = (uint8_t)stall->event,
		.state = (uint8_t)stall->state,
	};
	struct hm_msg *event;

	if (!hmi_event_wanted(&sys->events, HM_STALL))
		return;
	event = hmi_event_make(&sys->external, HM_STALL, &body, sizeof(body), stall->path);
	if (event == NULL) {
		atomic_fetch_add_explicit(&sys->external_no_memory, 1, memory_order_relaxed);
		dropped(sys);
		return;
	}
	/* Not by the one that hangs, if there is another one. */
	event_inject(sys, (stall->lcore_index + 1) % sys->lcores_count, event);
}
