/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The round-trip time of a session.
 */
#include <string.h>

#include <rte_common.h>

#include "rtt_pvt.h"

void
hmi_rtt_begin(struct hmi_rtt *rtt)
{
	memset(rtt, 0, sizeof(*rtt));
	rtt->least_ns = rtt->period_ns = UINT64_MAX;
}

/* What the receiver held it for is part of no path, but stays part of the least. */
static void
least_take(struct hmi_rtt *rtt, uint64_t sample, uint64_t now)
{
	if (now >= rtt->period_end_ns) {
		rtt->least_ns = rtt->period_ns;
		rtt->period_ns = UINT64_MAX;
		rtt->period_end_ns = now + HMI_RTT_LEAST_NS;
	}
	rtt->period_ns = RTE_MIN(rtt->period_ns, sample);
	rtt->least_ns = RTE_MIN(rtt->least_ns, rtt->period_ns);
}

void
hmi_rtt_sample(struct hmi_rtt *rtt, uint64_t sample, uint64_t held, uint64_t now)
{
	uint64_t off;

	least_take(rtt, sample, now);
	/* A receiver that says more than can be is not believed. */
	if (sample >= rtt->least_ns + held)
		sample -= held;
	sample = RTE_MAX(sample, UINT64_C(1));
	rtt->latest_ns = sample;
	if (rtt->smoothed_ns == 0) {
		rtt->smoothed_ns = sample;
		rtt->variation_ns = sample / 2;
		return;
	}
	off = sample > rtt->smoothed_ns ? sample - rtt->smoothed_ns : rtt->smoothed_ns - sample;
	rtt->variation_ns = rtt->variation_ns - rtt->variation_ns / 4 + off / 4;
	rtt->smoothed_ns = RTE_MAX(rtt->smoothed_ns - rtt->smoothed_ns / 8 + sample / 8, UINT64_C(1));
}

uint64_t
hmi_rtt_timeout(const struct hmi_rtt *rtt, uint64_t held)
{
	if (rtt->smoothed_ns == 0)
		return 2 * HMI_RTT_FIRST_NS + held;
	return rtt->smoothed_ns + RTE_MAX(4 * rtt->variation_ns, HMI_RTT_GRANULE_NS) + held;
}
