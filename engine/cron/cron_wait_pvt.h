/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRON_WAIT_PVT_H
#define CRON_WAIT_PVT_H

/*
 * Waiting for the times of a schedule, by the clock of the day, with timers that go by another one.
 *
 *     due - now ─▶ a minute at most ─▶ look at the clock: over? has it been put back?
 */

#include "hm_cron.h"
#include "worker_pvt.h"

struct hmi_cron_wait;

/*
 * Begin to wait; *at_ns: by the worker's clock, when to look. Returns HM_OK, HM_NO_MEMORY, or HM_INVALID: there is nothing to wait
 * for.
 */
enum hm_result hmi_cron_wait_begin(struct hmi_worker *worker, struct hm_cron *cron,
				   struct hmi_cron_wait **wait, uint64_t *at_ns);

/* Whether it is time; else *at_ns is when to look again. */
bool hmi_cron_wait_is_over(struct hmi_worker *worker, struct hmi_cron_wait *wait, uint64_t *at_ns);

/* When to look for the next time; 0: there is none. */
uint64_t hmi_cron_wait_next(struct hmi_worker *worker, struct hmi_cron_wait *wait);

void hmi_cron_wait_end(struct hmi_cron_wait *wait);

#endif /* CRON_WAIT_PVT_H */
