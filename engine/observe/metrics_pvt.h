/* SPDX-License-Identifier: Apache-2.0 */
#ifndef METRICS_PVT_H
#define METRICS_PVT_H

/*
 * Metrics: a table for each lcore, a row for each type.
 *
 *     metrics.c ──▶ rows of the lcore ──▶ metrics_text.c        counters with one writer, read by any thread
 */

#include "hm_metrics.h"
#include "observe_pvt.h"

/* Slots of the table that finds a type's row by its address. */
#define HMI_METRICS_SLOTS (2 * HM_METRICS_TYPES_MAX)

struct hmi_meter_slot {
	const struct hm_metrics_type *type; /* NULL: free */
	uint32_t row;
};

struct hmi_metrics {
	struct hmi_observers observers; /* of struct hmi_meter */
	uint32_t count;
	const struct hm_metrics_type *types[HM_METRICS_TYPES_MAX];
	struct hmi_meter_slot slots[HMI_METRICS_SLOTS]; /* constant while the system runs */
};

/* Of an lcore. */
struct hmi_meter {
	struct hmi_observer observer; /* first */
	const struct hmi_metrics *metrics;
	struct hm_metrics rows[];
};

extern const struct hmi_observer_ops hmi_metrics_ops;

/* NULL: hm_metrics_start was not called. */
struct hmi_metrics *hmi_metrics_of(const struct hm_system *sys);

/* The slot of a type, or the free one where it would be. */
static inline struct hmi_meter_slot *
hmi_meter_slot(const struct hmi_metrics *metrics, const struct hm_metrics_type *type)
{
	uint32_t at = (uint32_t)(((uintptr_t)type * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
	const struct hmi_meter_slot *slot = &metrics->slots[at % HMI_METRICS_SLOTS];

	/* At most half of them are taken. */
	while (slot->type != NULL && slot->type != type)
		slot = &metrics->slots[++at % HMI_METRICS_SLOTS];
	return (struct hmi_meter_slot *)(uintptr_t)slot;
}

/* The numbers of a row, of all lcores together. */
void hmi_metrics_sum(const struct hmi_metrics *metrics, uint32_t row, struct hm_metrics *sum);

#endif /* METRICS_PVT_H */
