/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRON_PVT_H
#define CRON_PVT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hm_cron.h"
#include "zone_pvt.h"

/* Sets of bits, by value. */
struct hm_cron {
	uint64_t seconds, minutes;
	uint32_t hours, days, months, weekdays;
	struct hmi_zone zone;
	_Atomic uint32_t known; /* by so many: its creator, and timers */
};

/* ---- cron_text.c ---- */

/* Returns 0; -EINVAL: it is none; -ERANGE: no date matches. */
int hmi_cron_parse(struct hm_cron *cron, const char *text);

/* ---- cron.c ---- */

/* One more timer knows it. */
void hmi_cron_get(struct hm_cron *cron);

#endif /* CRON_PVT_H */
