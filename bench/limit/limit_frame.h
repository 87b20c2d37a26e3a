/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_FRAME_H
#define LIMIT_FRAME_H

/**
 * @file
 * What a bare frame costs over a DPDK port, between two processes.
 *
 *     driver process                        other process
 *     limit_echo_drive    ─── one frame ──▶  limit_echo_serve sends each burst back as it came
 *                         ◀──────────────
 *     limit_stream_drive  ─── bursts ─────▶  limit_stream_serve frees them,
 *                         ◀── one in 32 ──   and says so now and then
 *
 * The serving side swaps nothing and parses nothing. A slice begins and ends with a control frame,
 * known by its length (which lies in the mbuf: looking at it touches no packet data). The serving
 * side answers it, so the two sides find each other by themselves, and whatever a lossy port kept
 * back or delayed is out of the way before the clock starts.
 *
 * A port belongs to the thread that calls.
 */

#include <stdint.h>

#include "bench_histogram.h"

/** Frame of the round trips: the smallest of Ethernet, rounded to a cache line. */
#define LIMIT_FRAME_BYTES 64

/** Largest frame of a standard Ethernet, without its checksum. */
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
 * Wait for the port's link. A memif server has to be open before its client, or there will be none.
 *
 * @return 0; -ETIMEDOUT
 */
__attribute__((warn_unused_result))
int limit_port_wait(const struct limit_port *port, uint32_t timeout_ms);

/** Stop the port and free its frames; NULL is allowed. */
void limit_port_close(struct limit_port *port);

/**
 * Round trips of one LIMIT_FRAME_BYTES frame, for a time.
 *
 * @param ticks  receives the round trips in clock ticks; may be NULL
 * @return nanoseconds a round trip, or NaN if the other side does not answer
 */
double limit_echo_drive(struct limit_port *port, double duration_s, struct bench_histogram *ticks);

/**
 * Send back whatever comes, until the driver ends the slice.
 *
 * @param silence_ms  give up when nothing came for so long
 * @return 0; -ETIMEDOUT
 */
__attribute__((warn_unused_result))
int limit_echo_serve(struct limit_port *port, uint32_t silence_ms);

/**
 * Frames one way, at most 256 of them under way, for a time.
 *
 * @param frame_bytes  LIMIT_FRAME_BYTES to LIMIT_FRAME_MAX_BYTES
 * @return nanoseconds a frame, or NaN if the other side does not answer
 */
double limit_stream_drive(struct limit_port *port, double duration_s, uint32_t frame_bytes);

/** The other side of limit_stream_drive; parameters and result as of limit_echo_serve. */
__attribute__((warn_unused_result))
int limit_stream_serve(struct limit_port *port, uint32_t silence_ms);

#endif /* LIMIT_FRAME_H */
