/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RTT_PVT_H
#define RTT_PVT_H

/*
 * The round-trip time of a session, from unambiguous samples: smoothed, its variation, and the least (RFC 6298; the least
 * over the last ten to twenty seconds, so that a path that has become longer is believed some day).
 */

#include <stdint.h>

#define HMI_RTT_FIRST_NS   1000000ull     /* before the first sample */
#define HMI_RTT_LEAST_NS   10000000000ull /* how long a least one is believed, and once more */
#define HMI_RTT_GRANULE_NS 10000ull       /* what the loop may add without being late */

struct hmi_rtt {
	uint64_t smoothed_ns, variation_ns; /* smoothed_ns 0: no sample yet */
	uint64_t latest_ns;
	uint64_t least_ns;      /* of the present period and the one before */
	uint64_t period_ns;     /* least of the present period */
	uint64_t period_end_ns; /* when the next one begins */
};

void hmi_rtt_begin(struct hmi_rtt *rtt);

/* A packet's acknowledgement came `sample` after it was sent, of which the receiver held it for `held`. */
void hmi_rtt_sample(struct hmi_rtt *rtt, uint64_t sample, uint64_t held, uint64_t now);

static inline uint64_t
hmi_rtt_smoothed(const struct hmi_rtt *rtt)
{
	return rtt->smoothed_ns != 0 ? rtt->smoothed_ns : HMI_RTT_FIRST_NS;
}

/* Within which an acknowledgement is expected that the receiver holds for `held` at most. */
uint64_t hmi_rtt_timeout(const struct hmi_rtt *rtt, uint64_t held);

#endif /* RTT_PVT_H */
