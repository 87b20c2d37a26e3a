/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_RING_H
#define LIMIT_RING_H

/**
 * @file
 * Cost of communication between two cores when only the bare work is done.
 *
 *     driver core                              echo core
 *     limit_line_drive     ◀── cache line ──▶  limit_line_echo
 *     limit_pair_drive     ◀── two rings  ──▶  limit_pair_echo
 *     limit_pair_stamp     ◀── two rings  ──▶  limit_pair_echo
 *     limit_messages_send   ── one ring   ──▶  limit_messages_receive
 *
 * A slice is a pair of calls, one on each core, with the same count. Either may be called first: the
 * driver starts its clock after the echo side has answered once. Both spin, so each needs a core.
 *
 * Which calls may run at the same time:
 *
 *                         drive/stamp/send   echo/receive   destroy
 *     drive/stamp/send            -               yes          no
 *     echo/receive               yes               -           no
 */

#include <stdint.h>

#include "bench_histogram.h"

struct limit_ring;

/**
 * Create two rings of 1,024 pointers and a mempool of 64-byte messages; EAL must be up.
 *
 * @return 0, -ENOMEM or another negative errno of DPDK
 */
__attribute__((warn_unused_result))
int limit_ring_create(struct limit_ring **limit);

/** Free it; NULL is allowed. */
void limit_ring_destroy(struct limit_ring *limit);

/** One cache line back and forth. @return nanoseconds a round trip */
double limit_line_drive(struct limit_ring *limit, uint64_t rounds);

/** The other side of limit_line_drive. */
void limit_line_echo(struct limit_ring *limit, uint64_t rounds);

/** Round trips that limit_pair_drive times together. */
#define LIMIT_PAIR_CHUNK 64

/**
 * One pointer in flight through two single-producer single-consumer rings.
 *
 * @param chunks  receives clock ticks of LIMIT_PAIR_CHUNK round trips at a time; their median is not
 *                affected by times when the core is taken away; may be NULL
 * @return nanoseconds a round trip, as a mean
 */
double limit_pair_drive(struct limit_ring *limit, uint64_t rounds, struct bench_histogram *chunks);

/**
 * The same, each round trip timed on its own, which adds the time to read the clock.
 *
 * @param ticks  receives the round trips in clock ticks
 */
void limit_pair_stamp(struct limit_ring *limit, uint64_t rounds, struct bench_histogram *ticks);

/** The other side of limit_pair_drive and limit_pair_stamp. */
void limit_pair_echo(struct limit_ring *limit, uint64_t rounds);

/**
 * 64-byte messages of one mempool, in bursts of 32: filled by this side, read and freed by the other.
 *
 * @param messages  rounded up to whole bursts
 * @return nanoseconds a message, until the last one was freed
 */
double limit_messages_send(struct limit_ring *limit, uint64_t messages);

/** The other side of limit_messages_send. @return sum over all messages, so that each is read */
uint64_t limit_messages_receive(struct limit_ring *limit, uint64_t messages);

#endif /* LIMIT_RING_H */
