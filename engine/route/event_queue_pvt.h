/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_QUEUE_PVT_H
#define EVENT_QUEUE_PVT_H

/*
 * Events of the engine: queued with the lcore's dead letters, and published by its loop (event/publish.c). So nothing is sent, and no
 * function of a subscriber runs, from within the code where something happens.
 */

#include <stddef.h>

#include "lcore_pvt.h"

/* Publish a message in the loop; takes it over. */
void hmi_event_queue(struct hm_ctx *ctx, struct hm_msg *event);

/*
 * Make an event, with a text behind its body. Somebody wants its type. NULL: no memory.
 * `path`: NULL: none.
 */
struct hm_msg *hmi_event_make(struct hmi_msg_cache *cache, uint16_t type, const void *body, size_t bytes,
			      const char *path);

/* Count one that was not made, without memory. */
void hmi_event_lost(struct hm_ctx *ctx);

/* Make an event of this lcore and queue it. Without memory it is counted as dropped. */
void hmi_event_raise(struct hm_ctx *ctx, uint16_t type, const void *body, size_t bytes, const char *path);

/* The same of an actor of this lcore. */
void hmi_event_raise_lifecycle(struct hm_ctx *ctx, const struct hmi_cell *cell,
			       enum hm_lifecycle_stage stage);
void hmi_event_raise_overload(struct hm_ctx *ctx, const struct hmi_cell *cell, uint32_t messages);

/* An actor starts, restarts or ends. One load and a branch, unless somebody wants to know. */
static inline void
hmi_event_lifecycle(struct hm_ctx *ctx, const struct hmi_cell *cell, enum hm_lifecycle_stage stage)
{
	if (unlikely(hmi_event_wanted(&ctx->sys->events, HM_LIFECYCLE)))
		hmi_event_raise_lifecycle(ctx, cell, stage);
}

/* A mailbox is overloaded, by so many messages; 0: it has drained. */
static inline void
hmi_event_overload(struct hm_ctx *ctx, const struct hmi_cell *cell, uint32_t messages)
{
	if (unlikely(hmi_event_wanted(&ctx->sys->events, HM_OVERLOAD)))
		hmi_event_raise_overload(ctx, cell, messages);
}

#endif /* EVENT_QUEUE_PVT_H */
