/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

/**
 * @file
 * A link in virtual time: rate, queue, delay, loss, reordering, duplication; by a seed.
 *
 *     sim_link_put ──▶ queue, at the link's rate ──▶ delay ──▶ sim_link_take, when it is time
 *                        │ full                       │ lost, late, twice
 *                        ▼                            ▼
 *                     dropped                      by chance
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What happens to packets, in parts of one. */
struct sim_odds {
	double loss, late, twice;
	uint64_t late_ns; /**< a late one is so much later at most */
};

struct sim_link_config {
	struct sim_odds odds;
	uint64_t delay_ns;
	uint64_t byte_ps; /**< picoseconds a byte: 800 is 10 Gb/s */
	uint32_t queue;   /**< bytes that wait before it drops; 0: no limit */
	uint64_t seed;
};

/** One packet on its way; the caller's part is a copy of what was put. */
struct sim_flying;

struct sim_link {
	struct sim_link_config config;
	uint64_t free_ps; /* when it has sent what waits */
	uint64_t random, order;
	struct sim_flying *heap;
	size_t count, capacity, bytes;
	uint64_t dropped, lost;
	bool down; /**< nothing comes through */
};

/** A link for packets that are described by @p bytes each. */
void sim_link_init(struct sim_link *link, const struct sim_link_config *config, size_t bytes);

/** Send a packet of @p length bytes on the wire, described by @p packet. */
void sim_link_put(struct sim_link *link, const void *packet, uint32_t length, uint64_t now);

/** When the next packet arrives; UINT64_MAX: none is on its way. */
uint64_t sim_link_next_ns(const struct sim_link *link);

/** The next packet that has arrived by now. Returns whether there is one. */
bool sim_link_take(struct sim_link *link, void *packet, uint64_t now);

void sim_link_fini(struct sim_link *link);

#endif /* SIM_LINK_H */
