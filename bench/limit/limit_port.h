/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_PORT_H
#define LIMIT_PORT_H

/**
 * @file
 * Shared by echo and stream: the port, and the control frames around a slice.
 *
 * Ports keep order, so when the answer to a control frame arrives, every frame that was sent before it
 * has arrived or is lost. So a slice starts with no frame in flight.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "bench_clock.h"

/** Frames moved at a time. */
#define LIMIT_BURST 32

/** Length of control frames; frames of a slice must have another length. */
#define LIMIT_CONTROL_BYTES 82

/** Time without an answer after which a frame counts as lost. */
#define LIMIT_LOST_MS 10

struct limit_port {
	struct rte_mempool *pool;
	uint16_t id;
	uint32_t slice;      /**< driver: number of the last control frame sent */
	uint32_t last_ended; /**< serving side: number of the last slice that ended here */
	uint64_t lost_ticks;
	bool started;
};

enum limit_control {
	LIMIT_CONTROL_START = 1,
	LIMIT_CONTROL_END = 2,
};

/** A frame of @p bytes with an Ethernet header; NULL: no free buffer. */
struct rte_mbuf *limit_frame_new(struct limit_port *port, uint32_t bytes);

/** Send a control frame until it is answered; other frames are dropped. @return whether it was answered */
bool limit_control_exchange(struct limit_port *port, enum limit_control kind);

/** Serving side: answer a control frame, which is consumed. @return whether the slice ends with it */
bool limit_control_answer(struct limit_port *port, struct rte_mbuf *frame);

/** Send all of them, waiting for room; gives up and frees the rest after LIMIT_LOST_MS. */
static inline void
limit_frames_send(struct limit_port *port, struct rte_mbuf **frames, uint16_t count)
{
	uint16_t sent = rte_eth_tx_burst(port->id, 0, frames, count);

	if (__builtin_expect(sent < count, 0)) {
		uint64_t start = bench_clock_ticks();

		while (sent < count && bench_clock_ticks() - start < port->lost_ticks)
			sent += rte_eth_tx_burst(port->id, 0, frames + sent, (uint16_t)(count - sent));
		if (sent < count)
			rte_pktmbuf_free_bulk(frames + sent, count - sent);
	}
}

#endif /* LIMIT_PORT_H */
