/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Holds EAL's interrupt thread while an lcore uses what that thread would take away.
 */
#include <errno.h>

#include <rte_alarm.h>
#include <rte_cycles.h>

#include "gate_pvt.h"

#define GATE_WAIT_MS 1000u /* longer than the driver takes for anything that it does */

/* On the interrupt thread: an alarm's callback that returns when the lcore says so. */
static void
stand(void *arg)
{
	struct hmi_gate *gate = arg;

	/* G1, release: pairs with the acquire in hmi_gate_is_held. */
	atomic_store_explicit(&gate->state, HMI_GATE_HELD, memory_order_release);
	while (sem_wait(&gate->go_on) != 0 && errno == EINTR)
		;
}

int
hmi_gate_init(struct hmi_gate *gate)
{
	atomic_init(&gate->state, HMI_GATE_OPEN);
	return sem_init(&gate->go_on, 0, 0) == 0 ? 0 : -errno;
}

bool
hmi_gate_ask(struct hmi_gate *gate)
{
	if (atomic_load_explicit(&gate->state, memory_order_relaxed) != HMI_GATE_OPEN)
		return true;
	atomic_store_explicit(&gate->state, HMI_GATE_ASKED, memory_order_relaxed);
	if (rte_eal_alarm_set(1, stand, gate) == 0)
		return true;
	atomic_store_explicit(&gate->state, HMI_GATE_OPEN, memory_order_relaxed);
	return false;
}

bool
hmi_gate_wait(struct hmi_gate *gate)
{
	for (uint32_t ms = 0; ms < GATE_WAIT_MS; ms++) {
		if (hmi_gate_is_held(gate))
			return true;
		if (!hmi_gate_ask(gate))
			return false;
		rte_delay_us_sleep(1000); /* allowed: the lcore has stopped */
	}
	return false;
}

void
hmi_gate_release(struct hmi_gate *gate)
{
	atomic_store_explicit(&gate->state, HMI_GATE_OPEN, memory_order_relaxed);
	(void)sem_post(&gate->go_on);
}

void
hmi_gate_fini(struct hmi_gate *gate)
{
	/* Whether the thread stands there, comes yet, or does not come any more: it will not wait. */
	(void)sem_post(&gate->go_on);
	(void)rte_eal_alarm_cancel(stand, gate);
	(void)sem_destroy(&gate->go_on);
}
