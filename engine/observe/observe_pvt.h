/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_PVT_H
#define OBSERVE_PVT_H

/*
 * What observers of a system have in common: one for each lcore, and an extension of the system that frees them.
 *
 *     extension ─▶ hmi_observers ─▶ [ lcore 0 ][ lcore 1 ] ...      each found in hm_ctx.observers
 */

#include "hm_extension.h"
#include "lcore_pvt.h"

#define HMI_OBSERVER_ALIGN 128u

struct hmi_observers {
	struct hm_system *sys;
	uint32_t count; /* lcores */
	size_t bytes;   /* of each observer */
	char *each; /* aligned to HMI_OBSERVER_ALIGN, and zeroed at first; struct hmi_observer is what they begin with */
};

/* The observer of an lcore. */
static inline void *
hmi_observers_of(const struct hmi_observers *observers, uint32_t lcore)
{
	return observers->each + lcore * observers->bytes;
}

/* Make an observer for each lcore; they observe from hmi_observers_attach on. Returns 0 or -ENOMEM. */
int hmi_observers_init(struct hmi_observers *observers, struct hm_system *sys, size_t bytes);

/* All is made, and the system has not run. */
void hmi_observers_attach(struct hmi_observers *observers, const struct hmi_observer_ops *ops);

/* The lcores are gone. */
void hmi_observers_fini(struct hmi_observers *observers);

/* How an actor of this lcore is called: its path, if it is here and has one; else its PID. Returns `text`, or the path. */
const char *hmi_observed_name(struct hm_ctx *ctx, struct hm_pid pid, char text[HM_PID_TEXT_SIZE]);

#endif /* OBSERVE_PVT_H */
