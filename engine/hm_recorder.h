/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_RECORDER_H
#define HM_RECORDER_H

/**
 * @file
 * The flight recorder: the last events of each lcore.
 *
 *     lcore 0: [ ... | handles started | muted | handles order | fails ]   a ring of 256, the oldest is overwritten
 *                                                                 └─▶ hm_recorder_read, hm_recorder_dump
 *
 * What an actor goes through is always recorded: start, stop, restart, failure, muting, overload, requests whose time is
 * up. With `--record all` so is each message that is taken from a mailbox, and each timer that fires; that costs a few
 * nanoseconds a message. The newest events are logged with a fault that is contained and with a stall, and are written
 * to standard error when a fault ends the process (docs/guide/faults.md).
 *
 * Who may call what: any thread, lcores among them, while the system exists. What is read while the lcore runs is
 * approximate: it goes on meanwhile. Each event that is returned is whole.
 *
 * Ordering: FR1, FR2: events are whole, and in order.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;

/** Events of an lcore that are kept. */
#define HM_RECORDER_EVENTS 256u

/** What has happened to an actor. */
enum hm_event_kind {
	HM_EVENT_HANDLES = 1, /**< it is handed a message: of its life cycle, or, with `--record all`, any */
	HM_EVENT_FAILS,       /**< it has failed at a message */
	HM_EVENT_MUTED,       /**< it waits until an actor to which it has sent drains */
	HM_EVENT_UNMUTED,     /**< it waits no more */
	HM_EVENT_OVERLOADED,  /**< too many messages wait for it */
	HM_EVENT_DRAINED,     /**< few enough wait for it again */
	HM_EVENT_DEADLINE,    /**< the time of a request of its own is up */
	HM_EVENT_TIMER, /**< with `--record all`: a timer of its own fires; the type is that of its message */
};

/** An event. */
struct hm_event {
	uint64_t time_ns;        /**< as hm_turn_ns, in steps of 1024 ns */
	struct hm_pid actor;     /**< to whom it happened; it may be gone */
	uint16_t type;           /**< of the message; 0: none */
	enum hm_event_kind kind; /**< what has happened */
};

/**
 * Copy the newest events of an lcore.
 *
 * Context: any thread; neither blocks nor allocates. Ownership: @p events is the caller's.
 *
 * @param sys          must not be NULL
 * @param lcore        index, below hm_system_lcores
 * @param[out] events  room for @p max events; the oldest comes first
 * @param max          the most that are copied; more than HM_RECORDER_EVENTS are never there
 * @return how many were copied; 0: none has happened, or there is no such lcore
 */
size_t hm_recorder_read(const struct hm_system *sys, uint32_t lcore, struct hm_event *events, size_t max);

/**
 * Write the events of all lcores as text, a line each.
 *
 * Context: any thread; as the stream does, it may block. Ownership: the stream stays the caller's, and open.
 *
 * @param sys  must not be NULL
 * @param out  must not be NULL
 * @return 0; -EINVAL: an argument is NULL; -EIO: the stream takes no more
 */
__attribute__((warn_unused_result))
int hm_recorder_dump(const struct hm_system *sys, FILE *out);

/**
 * What a kind of event is called in logs.
 *
 * Context: any thread. Ownership: a constant.
 *
 * @return never NULL
 */
const char *hm_event_name(enum hm_event_kind kind);

#ifdef __cplusplus
}
#endif

#endif /* HM_RECORDER_H */
