/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_EVENT_STREAM_H
#define TEST_ENGINE_EVENT_STREAM_H

/*
 * A publisher on lcore 0, and subscribers on three lcores.
 */

#include <criterion/criterion.h>

#include "hm_dead_letter.h"
#include "hm_event_stream.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

#define SINKS 3u

struct event_scene {
	struct hmt_node node;
	struct hmt_probe publisher, sinks[SINKS];
};

static inline void
event_scene_start(struct event_scene *s)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, SINKS);
	hmt_probe_spawn(&s->node, &s->publisher, 0, NULL);
	for (uint32_t i = 0; i < SINKS; i++)
		hmt_probe_spawn(&s->node, &s->sinks[i], i, NULL);
	hmt_turn_until_idle(&s->node);
}

/* What an actor publishes in one turn: numbers from 0 on, or other types. */
struct publishing {
	uint16_t type;
	uint64_t count;
	enum hm_result last;
};

static inline void
publish_all(struct hm_ctx *ctx, void *arg)
{
	struct publishing *what = arg;

	for (uint64_t i = 0; i < what->count; i++)
		what->last = hm_publish(ctx, what->type, what->type == HMT_NUMBER ? &i : NULL);
}

/* Publish in one turn of the publisher. Returns the last result. */
static inline enum hm_result
publish_numbers(struct event_scene *s, uint64_t count)
{
	struct publishing what = { HMT_NUMBER, count, HM_OK };

	hmt_do(&s->node, s->publisher.pid, publish_all, &what);
	return what.last;
}

static inline struct hm_subscription
subscribe(struct event_scene *s, const struct hm_event_subscriber *subscriber)
{
	struct hm_subscription subscription = { 0 };

	cr_assert_eq(hm_event_subscribe(s->node.sys, subscriber, &subscription), 0);
	cr_assert_neq(subscription.id, 0);
	return subscription;
}

static inline struct hm_subscription_stats
subscription_stats(struct event_scene *s, struct hm_subscription subscription)
{
	struct hm_subscription_stats stats = { 0 };

	cr_assert_eq(hm_event_subscription_stats(s->node.sys, subscription, &stats), 0);
	return stats;
}

#endif /* TEST_ENGINE_EVENT_STREAM_H */
