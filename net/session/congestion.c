/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The policies of congestion control; and the one that has none.
 */
#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "congestion_pvt.h"

static void
none_begin(struct hmi_congestion *c)
{
	c->window = UINT64_MAX;
}

static void
none_acked(struct hmi_congestion *c, const struct hmi_acked *acked, const struct hmi_rtt *rtt)
{
	RTE_SET_USED(c);
	RTE_SET_USED(acked);
	RTE_SET_USED(rtt);
}

static void
none_lost(struct hmi_congestion *c, uint64_t number, uint64_t next, uint64_t now)
{
	RTE_SET_USED(c);
	RTE_SET_USED(number);
	RTE_SET_USED(next);
	RTE_SET_USED(now);
}

static void
none_collapsed(struct hmi_congestion *c)
{
	RTE_SET_USED(c);
}

const struct hmi_congestion_ops hmi_congestion_none = {
	.name = "none",
	.begin = none_begin,
	.acked = none_acked,
	.lost = none_lost,
	.collapsed = none_collapsed,
};

const struct hmi_congestion_ops *const hmi_congestion_ops[HMI_CONGESTION_KINDS] = {
	[HMI_CONGESTION_DELAY] = &hmi_congestion_delay,
	[HMI_CONGESTION_CUBIC] = &hmi_congestion_cubic,
	[HMI_CONGESTION_NONE] = &hmi_congestion_none,
};

int
hmi_congestion_by_name(const char *name, enum hmi_congestion_kind *kind)
{
	for (uint32_t i = 0; i < HMI_CONGESTION_KINDS; i++) {
		if (strcmp(hmi_congestion_ops[i]->name, name) != 0)
			continue;
		*kind = (enum hmi_congestion_kind)i;
		return 0;
	}
	return -ENOENT;
}

void
hmi_congestion_begin(struct hmi_congestion *c, uint32_t packet_bytes)
{
	*c = (struct hmi_congestion){ .kind = c->kind, .packet_bytes = packet_bytes };
	c->window = (uint64_t)HMI_CONGESTION_FIRST * packet_bytes;
	hmi_congestion_ops[c->kind]->begin(c);
}
