/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_PAIR_H
#define SIM_PAIR_H

/**
 * @file
 * Two sessions over two links, in virtual time: no port, no mbuf, no clock. A piece of data is its sequence.
 *
 * What must hold at any time is checked at any time: each piece is handed on once, in order; what was released was
 * acknowledged by the other side; memory for data under way comes back.
 */

#include <stdbool.h>
#include <stdint.h>

#include "session_pvt.h"
#include "sim_link.h"

#define SIM_PACKET_BYTES 1500u
#define SIM_BARE_BYTES   100u

struct sim_end {
	struct hmi_session session;
	struct sim_link link;        /* towards the other end */
	uint64_t to_send[HMI_LANES]; /* pieces that are still to be appended; UINT64_MAX: without end */
	uint64_t appended[HMI_LANES], released, received[HMI_LANES];
	uint64_t windows; /* memory that it has now */
	bool stalled;     /* hands nothing on */
	bool mute;        /* sends nothing */
	bool lost;        /* its timer has said so */
};

struct sim_pair {
	uint64_t now;
	struct sim_end ends[2];
	const char *fault; /* what does not hold; NULL: all does */
};

/** Two open sessions over links of that kind, with that policy of congestion control. */
struct sim_pair *sim_pair_new(const struct sim_link_config *config, enum hmi_congestion_kind kind);

/** Go on for so long, or until something does not hold, or an end is lost. */
void sim_pair_run(struct sim_pair *pair, uint64_t ns);

/** Go on until all that was to be sent is acknowledged, for so long at most. Returns whether it is. */
bool sim_pair_finish(struct sim_pair *pair, uint64_t ns);

void sim_pair_free(struct sim_pair *pair);

#endif /* SIM_PAIR_H */
