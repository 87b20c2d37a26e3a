/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscribing and unsubscribing, and what may be asked of subscriptions.
 */
#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "event_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"

static int
locked_remove(struct hm_system *sys, hmi_subscription_fn *match, const void *what)
{
	HMI_MARKED_HERE();
	int rc;

	pthread_mutex_lock(&sys->events.lock);
	rc = hmi_subscriptions_remove(&sys->events, match, what);
	pthread_mutex_unlock(&sys->events.lock);
	return rc;
}

/* ---- What is removed ------------------------------------------------------------------------ */

static bool
has_id(const struct hmi_subscription *subscription, const void *id)
{
	return subscription->id == *(const uint64_t *)id;
}

static bool
has_pid(const struct hmi_subscription *subscription, const void *pid)
{
	return subscription->of.callback == NULL &&
	       hm_pid_equal(subscription->of.pid, *(const struct hm_pid *)pid);
}

/* As of what hmi_subscribe_once has made. */
static bool
is_same(const struct hmi_subscription *subscription, const void *subscriber)
{
	const struct hm_event_subscriber *of = subscriber;

	return has_pid(subscription, &of->pid) && subscription->of.first == of->first &&
	       subscription->of.last == of->first && subscription->of.filter == NULL;
}

/* ---- Subscribing ------------------------------------------------------------------------------ */

static bool
pid_is_valid(const struct hm_system *sys, struct hm_pid pid)
{
	return pid.node == sys->node && pid.local != 0 && hmi_local_lcore(pid.local) < sys->lcores_count &&
	       pid.local != sys->event_stream.local;
}

static bool
is_valid(const struct hm_system *sys, const struct hm_event_subscriber *of)
{
	if (of->first == HM_TYPE_NONE || (of->last != 0 && of->last < of->first))
		return false;
	if (of->callback != NULL)
		return hm_pid_is_none(of->pid) && of->limit == 0;
	return of->limit <= HM_EVENT_LIMIT_MAX && pid_is_valid(sys, of->pid);
}

static struct hmi_subscription *
subscription_new(struct hm_system *sys, const struct hm_event_subscriber *of)
{
	struct hmi_subscription *subscription = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*subscription), 64));

	if (subscription == NULL)
		return NULL;
	memset(subscription, 0, sizeof(*subscription));
	subscription->of = *of;
	subscription->stream = &sys->events;
	if (of->last == 0)
		subscription->of.last = of->first;
	if (of->limit == 0)
		subscription->of.limit = HM_EVENT_LIMIT_DEFAULT;
	atomic_init(&subscription->references, 1);
	return subscription;
}

/* `once`: unless there is such a one. */
static int
subscribe(struct hm_system *sys, const struct hm_event_subscriber *of, bool once, uint64_t *id)
{
	HMI_MARKED_HERE();
	struct hmi_subscription *subscription;
	int rc;

	if (!is_valid(sys, of))
		return -EINVAL;
	subscription = subscription_new(sys, of);
	if (subscription == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&sys->events.lock);
	if (once && hmi_subscription_find(&sys->events, is_same, of) != NULL)
		rc = -EEXIST;
	else
		rc = hmi_subscription_add(&sys->events, subscription);
	*id = subscription->id;
	pthread_mutex_unlock(&sys->events.lock);
	if (rc != 0)
		free(subscription);
	return rc != -EEXIST ? rc : 0;
}

int
hm_event_subscribe(struct hm_system *sys, const struct hm_event_subscriber *subscriber,
		   struct hm_subscription *subscription)
{
	struct hm_event_subscriber of;
	uint64_t id;
	int rc;

	if (sys == NULL || subscriber == NULL)
		return -EINVAL;
	of = *subscriber;
	hmi_memory_touch_out(subscription, sizeof(*subscription));
	rc = subscribe(sys, &of, false, &id);
	if (rc == 0 && subscription != NULL)
		subscription->id = id;
	return rc;
}

int
hm_event_subscribe_pid(struct hm_system *sys, uint16_t first, uint16_t last, struct hm_pid pid,
		       struct hm_subscription *subscription)
{
	struct hm_event_subscriber of = { .first = first, .last = last, .pid = pid };

	return hm_event_subscribe(sys, &of, subscription);
}

int
hmi_subscribe_once(struct hm_system *sys, uint16_t type, struct hm_pid pid)
{
	struct hm_event_subscriber of = { .first = type, .pid = pid };
	uint64_t id;

	return sys != NULL ? subscribe(sys, &of, true, &id) : -EINVAL;
}

/* ---- Unsubscribing ------------------------------------------------------------------------------ */

int
hm_event_unsubscribe(struct hm_system *sys, struct hm_subscription subscription)
{
	int count;

	if (sys == NULL)
		return -EINVAL;
	count = locked_remove(sys, has_id, &subscription.id);
	if (count < 0)
		return count;
	return count > 0 ? 0 : -ENOENT;
}

uint32_t
hm_event_unsubscribe_pid(struct hm_system *sys, struct hm_pid pid)
{
	int count;

	if (sys == NULL || pid.node != sys->node || !hmi_event_has_pid(&sys->events, pid.local))
		return 0;
	count = locked_remove(sys, has_pid, &pid);
	return count > 0 ? (uint32_t)count : 0;
}

void
hmi_unsubscribe_once(struct hm_system *sys, uint16_t type, struct hm_pid pid)
{
	struct hm_event_subscriber of = { .first = type, .pid = pid };

	if (sys != NULL && pid.node == sys->node && hmi_event_has_pid(&sys->events, pid.local))
		(void)locked_remove(sys, is_same, &of);
}

void
hmi_event_pid_gone(struct hm_system *sys, struct hm_pid pid)
{
	(void)hm_event_unsubscribe_pid(sys, pid);
}

/* ---- Looking --------------------------------------------------------------------------------------- */

bool
hm_event_is_wanted(const struct hm_system *sys, uint16_t type)
{
	return hmi_event_wanted(&sys->events, type);
}

uint32_t
hm_event_subscriptions(struct hm_system *sys)
{
	uint32_t count;

	if (sys == NULL)
		return 0;
	HMI_MARKED_HERE();
	pthread_mutex_lock(&sys->events.lock);
	count = hmi_subscriptions_count(&sys->events);
	pthread_mutex_unlock(&sys->events.lock);
	return count;
}

int
hm_event_subscription_stats(struct hm_system *sys, struct hm_subscription subscription,
			    struct hm_subscription_stats *stats)
{
	struct hm_subscription_stats copy = { 0 };
	const struct hmi_subscription *found;

	if (sys == NULL || stats == NULL)
		return -EINVAL;
	hmi_memory_touch_out(stats, sizeof(*stats));
	HMI_MARKED_HERE();
	pthread_mutex_lock(&sys->events.lock);
	found = hmi_subscription_find(&sys->events, has_id, &subscription.id);
	if (found != NULL) {
		copy.in_flight = atomic_load_explicit(&found->references, memory_order_relaxed) - 1;
		copy.limit = found->of.callback == NULL ? found->of.limit : 0;
		copy.dropped = atomic_load_explicit(&found->dropped, memory_order_relaxed);
	}
	pthread_mutex_unlock(&sys->events.lock);
	if (found == NULL)
		return -ENOENT;
	*stats = copy;
	return 0;
}
