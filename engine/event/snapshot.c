/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All subscriptions of a system. They are few, and events many: so who publishes reads a snapshot of all, which is constant, under
 * RCU; who subscribes or unsubscribes makes another one, under a lock.
 *
 *     old snapshot ──call_rcu──▶ release functions of subscriptions that are not in the new one ─▶ reference ─▶ free
 *
 * Ordering: ES1: what a snapshot points to is written before it is seen. ES3: what a release function has done is seen when the system is
 * destroyed.
 */
#include <errno.h>
#include <string.h>

#include <urcu-qsbr.h>

#include <rte_common.h>

#include "event_pvt.h"
#include "rcu_pvt.h"
#include "tsan_pvt.h"

/* What is matched first lies together. */
struct event_range {
	uint16_t first, span; /* a type is in it if type - first, of 16 bits, is at most span */
};

struct hmi_snapshot {
	struct rcu_head rcu;
	struct hmi_subscription *removed; /* that the next snapshot does not have; by `next` */
	uint32_t count;
	struct event_range *ranges; /* behind the subscriptions */
	struct hmi_subscription *subscriptions[];
};

/* ---- Reading ---------------------------------------------------------------------------- */

const struct hmi_snapshot *
hmi_snapshot_get(const struct hmi_event_stream *stream)
{
	/* ES1, acquire: pairs with the release in snapshot_set. */
	return atomic_load_explicit(&((struct hmi_event_stream *)(uintptr_t)stream)->snapshot,
				    memory_order_acquire);
}

void
hmi_snapshot_done(const struct hmi_snapshot *snapshot)
{
	HMI_TSAN_RELEASE(snapshot);
}

struct hmi_subscription *
hmi_snapshot_next(const struct hmi_snapshot *snapshot, uint16_t type, uint32_t *n)
{
	for (uint32_t i = *n; i < snapshot->count; i++) {
		const struct event_range *range = &snapshot->ranges[i];

		if ((uint16_t)(type - range->first) > range->span)
			continue;
		*n = i + 1;
		return snapshot->subscriptions[i];
	}
	return NULL;
}

/* ---- Snapshots, under the lock ------------------------------------------------------------ */

static struct hmi_snapshot *
current(const struct hmi_event_stream *stream)
{
	return atomic_load_explicit(&((struct hmi_event_stream *)(uintptr_t)stream)->snapshot,
				    memory_order_relaxed);
}

uint32_t
hmi_subscriptions_count(const struct hmi_event_stream *stream)
{
	const struct hmi_snapshot *snapshot = current(stream);

	return snapshot != NULL ? snapshot->count : 0;
}

static struct hmi_snapshot *
snapshot_new(uint32_t room)
{
	struct hmi_snapshot *snapshot =
		malloc(sizeof(*snapshot) +
		       room * (sizeof(snapshot->subscriptions[0]) + sizeof(snapshot->ranges[0])));

	if (snapshot == NULL)
		return NULL;
	snapshot->removed = NULL;
	snapshot->count = 0;
	snapshot->ranges = (struct event_range *)(void *)&snapshot->subscriptions[room];
	return snapshot;
}

static void
snapshot_add(struct hmi_snapshot *snapshot, struct hmi_subscription *subscription)
{
	uint16_t first = subscription->of.first;

	snapshot->ranges[snapshot->count] =
		(struct event_range){ first, (uint16_t)(subscription->of.last - first) };
	snapshot->subscriptions[snapshot->count++] = subscription;
}

static void
subscription_release(struct hmi_subscription *subscription)
{
	struct hmi_event_stream *stream = subscription->stream;
	bool has_release = subscription->of.release != NULL;

	if (has_release)
		subscription->of.release(subscription->of.arg);
	hmi_subscription_put(subscription);
	/* ES3, release: pairs with the acquire in hmi_event_stream_destroy, which waits for it. */
	if (has_release)
		atomic_fetch_sub_explicit(&stream->releases, 1, memory_order_release);
}

/* Behind the grace period. */
static void
snapshot_free(struct rcu_head *head)
{
	struct hmi_snapshot *snapshot = caa_container_of(head, struct hmi_snapshot, rcu);
	struct hmi_subscription *subscription;

	HMI_TSAN_ACQUIRE(snapshot);
	while ((subscription = snapshot->removed) != NULL) {
		snapshot->removed = subscription->next;
		subscription_release(subscription);
	}
	free(snapshot);
}

/* Make what is read before the snapshot fit it. */
static void
hints_set(struct hmi_event_stream *stream, const struct hmi_snapshot *snapshot)
{
	uint64_t wanted[RTE_DIM(stream->wanted)] = { 0 }, pids[HMI_EVENT_PID_WORDS] = { 0 };

	for (uint32_t i = 0; i < snapshot->count; i++) {
		const struct hm_event_subscriber *of = &snapshot->subscriptions[i]->of;
		uint32_t bit = hmi_event_pid_bit(of->pid.local);

		for (uint32_t type = of->first; type <= of->last;) {
			uint32_t end = RTE_MIN((uint32_t)of->last, type | 63);

			wanted[type / 64] |= (UINT64_MAX >> (63 - (end - type))) << type % 64;
			type = end + 1;
		}
		if (of->callback == NULL)
			pids[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	for (uint32_t i = 0; i < RTE_DIM(wanted); i++)
		atomic_store_explicit(&stream->wanted[i], wanted[i], memory_order_relaxed);
	for (uint32_t i = 0; i < RTE_DIM(pids); i++)
		atomic_store_explicit(&stream->pids[i], pids[i], memory_order_relaxed);
}

static void
snapshot_set(struct hmi_event_stream *stream, struct hmi_snapshot *snapshot)
{
	struct hmi_snapshot *old = current(stream);

	/* ES1, release: pairs with the acquire in hmi_snapshot_get. */
	atomic_store_explicit(&stream->snapshot, snapshot, memory_order_release);
	hints_set(stream, snapshot);
	if (old == NULL)
		return;
	HMI_TSAN_RELEASE(old);
	/* Of an external thread, which is no reader otherwise. */
	hmi_rcu_enter();
	call_rcu(&old->rcu, snapshot_free);
	hmi_rcu_leave();
}

int
hmi_subscription_add(struct hmi_event_stream *stream, struct hmi_subscription *subscription)
{
	const struct hmi_snapshot *old = current(stream);
	uint32_t count = hmi_subscriptions_count(stream);
	struct hmi_snapshot *snapshot;

	if (count == HM_EVENT_SUBSCRIPTIONS_MAX)
		return -ENOSPC;
	snapshot = snapshot_new(count + 1);
	if (snapshot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		snapshot_add(snapshot, old->subscriptions[i]);
	subscription->id = ++stream->last_id;
	snapshot_add(snapshot, subscription);
	if (subscription->of.release != NULL)
		atomic_fetch_add_explicit(&stream->releases, 1, memory_order_relaxed);
	snapshot_set(stream, snapshot);
	return 0;
}

struct hmi_subscription *
hmi_subscription_find(const struct hmi_event_stream *stream, hmi_subscription_fn *match, const void *what)
{
	for (uint32_t i = 0; i < hmi_subscriptions_count(stream); i++) {
		if (match(current(stream)->subscriptions[i], what))
			return current(stream)->subscriptions[i];
	}
	return NULL;
}

int
hmi_subscriptions_remove(struct hmi_event_stream *stream, hmi_subscription_fn *match, const void *what)
{
	struct hmi_snapshot *old = current(stream), *snapshot;
	int count = 0;

	if (hmi_subscription_find(stream, match, what) == NULL)
		return 0;
	snapshot = snapshot_new(old->count);
	if (snapshot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < old->count; i++) {
		struct hmi_subscription *subscription = old->subscriptions[i];

		if (!match(subscription, what)) {
			snapshot_add(snapshot, subscription);
			continue;
		}
		subscription->next = old->removed;
		old->removed = subscription;
		count++;
	}
	snapshot_set(stream, snapshot);
	return count;
}

/* ---- Start and end ---------------------------------------------------------------------------------- */

void
hmi_event_stream_create(struct hmi_event_stream *stream)
{
	pthread_mutex_init(&stream->lock, NULL);
}

/* The snapshot of now, with all its subscriptions to be released; NULL: there is none. There is none then. */
static struct hmi_snapshot *
snapshot_take(struct hmi_event_stream *stream)
{
	struct hmi_snapshot *last;

	pthread_mutex_lock(&stream->lock);
	last = current(stream);
	atomic_store_explicit(&stream->snapshot, NULL, memory_order_relaxed);
	pthread_mutex_unlock(&stream->lock);
	for (uint32_t i = 0; last != NULL && i < last->count; i++) {
		last->subscriptions[i]->next = last->removed;
		last->removed = last->subscriptions[i];
	}
	return last;
}

void
hmi_event_stream_destroy(struct hmi_event_stream *stream)
{
	struct hmi_snapshot *last;
	bool waits;

	/* Functions that release, some of them in liburcu's thread, may subscribe and unsubscribe. */
	do {
		/* ES3, acquire: pairs with the release in subscription_release. */
		waits = atomic_load_explicit(&stream->releases, memory_order_acquire) > 0;
		last = snapshot_take(stream);
		if (last != NULL)
			snapshot_free(&last->rcu);
		else if (waits)
			rcu_barrier();
	} while (last != NULL || waits);
	pthread_mutex_destroy(&stream->lock);
}
