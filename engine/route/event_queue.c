/* SPDX-License-Identifier: Apache-2.0 */
#include "event_queue_pvt.h"

#include <string.h>

#include "counter_pvt.h"
#include "extra_pvt.h"
#include "msg_pvt.h"

void
hmi_event_queue(struct hm_ctx *ctx, struct hm_msg *event)
{
	hmi_fifo_push(&ctx->dead, event);
}

struct hm_msg *
hmi_event_make(struct hmi_msg_cache *cache, uint16_t type, const void *body, size_t bytes, const char *path)
{
	size_t text = path != NULL ? strlen(path) : 0;
	size_t length = bytes + text + (text > 0);
	unsigned int size_class = hmi_pool_class_word(length);
	struct hm_msg *event = size_class < HMI_POOL_CLASSES ? hmi_pool_get(cache, size_class) : NULL;

	if (event == NULL)
		return NULL;
	hmi_msg_describe(event, type, length, size_class);
	event->sender = hm_pid_none();
	memcpy(event->body, body, bytes);
	if (text > 0)
		memcpy((char *)event->body + bytes, path, text + 1);
	return event;
}

__attribute__((cold)) void
hmi_event_lost(struct hm_ctx *ctx)
{
	hmi_count(&ctx->stats.no_memory, 1);
	hmi_count(&ctx->stats.events_dropped, 1);
}

__attribute__((cold)) void
hmi_event_raise(struct hm_ctx *ctx, uint16_t type, const void *body, size_t bytes, const char *path)
{
	struct hm_msg *event = hmi_event_make(&ctx->cache, type, body, bytes, path);

	if (event != NULL)
		hmi_event_queue(ctx, event);
	else
		hmi_event_lost(ctx);
}

static const char *
path_of(const struct hmi_cell *cell)
{
	const struct hmi_path *path = hmi_cell_path(cell);

	return path != NULL ? path->path : NULL;
}

__attribute__((cold)) void
hmi_event_raise_lifecycle(struct hm_ctx *ctx, const struct hmi_cell *cell, enum hm_lifecycle_stage stage)
{
	struct hm_lifecycle body = { .actor = hmi_pid_of(ctx, cell), .stage = stage };

	if (hmi_is_guardian(ctx->sys, body.actor.local))
		return;
	if (cell->actor.parent != 0)
		body.parent = (struct hm_pid){ ctx->node, cell->actor.parent };
	if (stage == HM_LIFECYCLE_STOPPED)
		body.reason = cell->reason;
	hmi_event_raise(ctx, HM_LIFECYCLE, &body, sizeof(body), path_of(cell));
}

__attribute__((cold)) void
hmi_event_raise_overload(struct hm_ctx *ctx, const struct hmi_cell *cell, uint32_t messages)
{
	struct hm_overload body;

	/* All of it is copied. */
	memset(&body, 0, sizeof(body));
	body.actor = hmi_pid_of(ctx, cell);
	body.messages = messages;
	body.is_over = messages != 0;
	hmi_event_raise(ctx, HM_OVERLOAD, &body, sizeof(body), path_of(cell));
}
