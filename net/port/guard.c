/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Blocks EAL's interrupt thread while an lcore uses rings that this thread could unmap.
 */
#include <errno.h>

#include <rte_alarm.h>
#include <rte_cycles.h>

#include "guard_pvt.h"

#define GUARD_WAIT_MS 1000u /* longer than any of the driver's callbacks takes */

/* Runs on the interrupt thread: an alarm's callback that returns when the guard is released. */
static void
block(void *arg)
{
	struct hmi_guard *guard = arg;

	/* G1, release: pairs with the acquire in hmi_guard_is_held. */
	atomic_store_explicit(&guard->state, HMI_GUARD_HELD, memory_order_release);
	/* G2, acquire: pairs with the sem_post in hmi_guard_release. */
	while (sem_wait(&guard->released) != 0 && errno == EINTR)
		;
}

int
hmi_guard_init(struct hmi_guard *guard)
{
	atomic_init(&guard->state, HMI_GUARD_RELEASED);
	return sem_init(&guard->released, 0, 0) == 0 ? 0 : -errno;
}

bool
hmi_guard_request(struct hmi_guard *guard)
{
	if (atomic_load_explicit(&guard->state, memory_order_relaxed) != HMI_GUARD_RELEASED)
		return true;
	atomic_store_explicit(&guard->state, HMI_GUARD_REQUESTED, memory_order_relaxed);
	if (rte_eal_alarm_set(1, block, guard) == 0)
		return true;
	atomic_store_explicit(&guard->state, HMI_GUARD_RELEASED, memory_order_relaxed);
	return false;
}

bool
hmi_guard_wait(struct hmi_guard *guard)
{
	for (uint32_t ms = 0; ms < GUARD_WAIT_MS; ms++) {
		if (hmi_guard_is_held(guard))
			return true;
		if (!hmi_guard_request(guard))
			return false;
		rte_delay_us_sleep(1000); /* allowed: the lcore has stopped */
	}
	return false;
}

void
hmi_guard_release(struct hmi_guard *guard)
{
	atomic_store_explicit(&guard->state, HMI_GUARD_RELEASED, memory_order_relaxed);
	/* G2, release: pairs with the sem_wait in block; bursts come before the driver's unmapping. */
	(void)sem_post(&guard->released);
}

void
hmi_guard_fini(struct hmi_guard *guard)
{
	/* If the interrupt thread is in the callback, or about to enter it, this lets it pass. */
	(void)sem_post(&guard->released);
	(void)rte_eal_alarm_cancel(block, guard);
	(void)sem_destroy(&guard->released);
}
