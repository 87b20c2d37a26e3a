/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_STREAM_PVT_H
#define EVENT_STREAM_PVT_H

/*
 * The event stream's structures: who has subscribed to what.
 *
 *     stream ─┬─ wanted: a bit for each type, for who publishes what nobody wants
 *             └─ snapshot ─▶ ranges, subscriptions         constant; replaced as a whole, freed behind a grace period
 *                                │
 *     event ──the last word──▶ subscription                counted: one reference of the stream, one of each event in flight
 *
 * Ordering: ES1: a snapshot is written before it is seen. ES2: who gives the last reference of a subscription back frees it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "hm_event_stream.h"

struct hmi_snapshot;

struct hmi_subscription {
	struct hm_event_subscriber of; /* `last` and `limit` are set */
	uint64_t id;
	struct hmi_subscription *next; /* that a snapshot was the last to have, with this one */
	struct hmi_event_stream *stream;
	/* Written by all who publish or release an event; what is above is constant. */
	_Alignas(64) _Atomic uint32_t references;
	_Atomic uint64_t dropped;
};

/* Bits by the PIDs that have subscribed, so that an actor's end need not look further. */
#define HMI_EVENT_PID_WORDS 16u

struct hmi_event_stream {
	_Atomic uint64_t wanted[(UINT16_MAX + 1) / 64];
	_Atomic uint64_t pids[HMI_EVENT_PID_WORDS];
	_Atomic(struct hmi_snapshot *) snapshot; /* NULL: nobody has ever subscribed */
	pthread_mutex_t lock;                    /* of who replaces it, and of: */
	uint64_t last_id;
	_Atomic uint32_t releases; /* functions that are still to be called */
};

/* Whether anybody has subscribed to a type. */
static inline bool
hmi_event_wanted(const struct hmi_event_stream *stream, uint16_t type)
{
	return (atomic_load_explicit(&stream->wanted[type / 64], memory_order_relaxed) >> type % 64 & 1) != 0;
}

static inline uint32_t
hmi_event_pid_bit(uint64_t local)
{
	return (uint32_t)((local * UINT64_C(0x9e3779b97f4a7c15)) >> 54);
}

/* Whether a PID of this node may have subscribed. */
static inline bool
hmi_event_has_pid(const struct hmi_event_stream *stream, uint64_t local)
{
	uint32_t bit = hmi_event_pid_bit(local);

	_Static_assert(HMI_EVENT_PID_WORDS * 64 == 1u << 10, "a bit for each hash");
	return (atomic_load_explicit(&stream->pids[bit / 64], memory_order_relaxed) >> bit % 64 & 1) != 0;
}

/* Give a reference back. */
static inline void
hmi_subscription_put(struct hmi_subscription *subscription)
{
	/* ES2, release and acquire: pairs with itself, of the last reference. */
	if (atomic_fetch_sub_explicit(&subscription->references, 1, memory_order_acq_rel) == 1)
		free(subscription);
}

/* Take a reference for one more event in flight; the stream has one meanwhile. Returns false: there are as many as may be. */
static inline bool
hmi_subscription_take(struct hmi_subscription *subscription)
{
	uint32_t before = atomic_fetch_add_explicit(&subscription->references, 1, memory_order_relaxed);

	if (before <= subscription->of.limit)
		return true;
	hmi_subscription_put(subscription);
	return false;
}

#endif /* EVENT_STREAM_PVT_H */
