/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_FRAME_H
#define LIMIT_FRAME_H

/**
 * @file
 * Cost of a bare frame over a DPDK port, between two processes.
 *
 *     driver process                        other process
 *     limit_echo_drive    ─── one frame ──▶  limit_echo_serve sends each frame back unchanged
 *                         ◀──────────────
 *     limit_stream_drive  ─── bursts ─────▶  limit_stream_serve frees them,
 *                         ◀── one in 32 ──   and sends a receipt for every 32
 *
 * The serving side neither changes nor parses frames. A slice begins and ends with a control frame,
 * recognised by its length (which is in the mbuf, so no packet data is read). The serving side answers
 * it: so the two sides synchronise, and frames that were delayed have arrived before the clock starts.
 *
 * A port belongs to the thread that calls.
 */

#include <stdint.h>

#include "bench_histogram.h"

/** Frame of the round trips: a cache line; the smallest of Ethernet has 60 bytes without its checksum. */
#define LIMIT_FRAME_BYTES 64

/** Largest frame of standard Ethernet, without its checksum. */
#define LIMIT_FRAME_MAX_BYTES 1514

struct limit_port;

/**
 * Configure and start a port with one queue each way.
 *
 * @param[out] port  untouched on error
 * @param port_id    a DPDK port that nobody else uses
 * @return 0; -ENODEV: no such port; -ENOMEM or another errno of DPDK
 */
__attribute__((warn_unused_result))
int limit_port_open(struct limit_port **port, uint16_t port_id);

/**
 * Wait for the port's link. A memif server has to be open before its client, or the link stays down.
 *
 * @return 0; -ETIMEDOUT
 */
__attribute__((warn_unused_result))
int limit_port_wait(const struct limit_port *port, uint32_t timeout_ms);

/** Stop the port and free its frames; NULL is allowed. */
void limit_port_close(struct limit_port *port);

/**
 * Round trips of one frame of LIMIT_FRAME_BYTES, for a time.
 *
 * @param ticks  receives the round trips in clock ticks; may be NULL
 * @return nanoseconds a round trip, or NaN if the other side does not answer
 */
double limit_echo_drive(struct limit_port *port, double duration_s, struct bench_histogram *ticks);

/**
 * Send back every frame, until the driver ends the slice.
 *
 * @param timeout_ms  give up when nothing was received for this time
 * @return 0; -ETIMEDOUT
 */
__attribute__((warn_unused_result))
int limit_echo_serve(struct limit_port *port, uint32_t timeout_ms);

/**
 * Frames one way, at most 256 of them in flight, for a time.
 *
 * @param frame_bytes  LIMIT_FRAME_BYTES to LIMIT_FRAME_MAX_BYTES
 * @return nanoseconds a frame, or NaN if the other side does not answer
 */
double limit_stream_drive(struct limit_port *port, double duration_s, uint32_t frame_bytes);

/** The other side of limit_stream_drive; parameters and result as of limit_echo_serve. */
__attribute__((warn_unused_result))
int limit_stream_serve(struct limit_port *port, uint32_t timeout_ms);

#endif /* LIMIT_FRAME_H */
