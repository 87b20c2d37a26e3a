/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that want an event: words that any thread may set and clear. The local part of a PID is all there is to
 * know, so nothing is ordered by them.
 */
#include "event_pvt.h"

#include <errno.h>

static bool
is_among(const uint64_t *locals, uint32_t count, uint64_t local)
{
	for (uint32_t i = 0; i < count; i++) {
		if (locals[i] == local)
			return true;
	}
	return false;
}

/* An actor that two threads subscribed at once may have two places, and is listed once. */
uint32_t
hmi_subscribers_read(const struct hmi_subscribers *list, uint64_t locals[HMI_SUBSCRIBERS_MAX])
{
	uint32_t count = 0;

	if (!atomic_load_explicit(&list->had_any, memory_order_relaxed))
		return 0;
	for (uint32_t i = 0; i < HMI_SUBSCRIBERS_MAX; i++) {
		uint64_t local = atomic_load_explicit(&list->locals[i], memory_order_relaxed);

		if (local != 0 && !is_among(locals, count, local))
			locals[count++] = local;
	}
	return count;
}

int
hmi_subscribers_add(const struct hm_system *sys, struct hmi_subscribers *list, struct hm_pid subscriber)
{
	uint64_t locals[HMI_SUBSCRIBERS_MAX];

	if (subscriber.node != sys->node || subscriber.local == 0 ||
	    hmi_local_lcore(subscriber.local) >= sys->lcores_count)
		return -EINVAL;
	if (is_among(locals, hmi_subscribers_read(list, locals), subscriber.local))
		return 0;
	atomic_store_explicit(&list->had_any, true, memory_order_relaxed);
	for (uint32_t i = 0; i < HMI_SUBSCRIBERS_MAX; i++) {
		uint64_t place = 0;

		if (atomic_compare_exchange_strong_explicit(&list->locals[i], &place, subscriber.local,
							    memory_order_relaxed, memory_order_relaxed))
			return 0;
	}
	return -ENOSPC;
}

void
hmi_subscribers_remove(const struct hm_system *sys, struct hmi_subscribers *list, struct hm_pid subscriber)
{
	/* Every actor that stops comes by. */
	if (!atomic_load_explicit(&list->had_any, memory_order_relaxed) || subscriber.node != sys->node)
		return;
	for (uint32_t i = 0; i < HMI_SUBSCRIBERS_MAX; i++) {
		uint64_t place = subscriber.local;

		if (atomic_load_explicit(&list->locals[i], memory_order_relaxed) == place)
			(void)atomic_compare_exchange_strong_explicit(&list->locals[i], &place, 0,
								      memory_order_relaxed,
								      memory_order_relaxed);
	}
}
