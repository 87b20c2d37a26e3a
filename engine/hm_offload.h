/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_OFFLOAD_H
#define HM_OFFLOAD_H

/**
 * @file
 * Calls that block, made by a thread of the offload pool instead of an actor.
 *
 *     actor ── hm_offload(run, args) ──▶ queue ──▶ thread: run(work, args, result)
 *       ▲                                              │
 *       └──────── message of the result's type ◀───────┘
 *
 * A receive function must not block: it would hold up every other actor of its lcore. What blocks (files,
 * name look-ups, databases, a long computation) is a function that knows nothing of actors: it gets a copy of its
 * arguments, and fills in the body of the message that the actor will receive.
 *
 * The pool belongs to the system: --offload-threads threads at most (4), and --offload-queue slots for calls that
 * wait (1,024; one less may wait). Its threads may use all cores that the process may use when its first system starts
 * EAL; if EAL runs already, those of EAL's lcores. Where lcores have cores of their own, let the kernel keep others
 * away from these (isolcpus), or the threads will run there, too.
 *
 * In HM_MODE_STEPPED there are no such threads: hm_system_turn makes the calls, behind the turns of the lcores.
 *
 * Order: calls begin in the order in which they were handed over; with several threads they end in any order.
 *
 * Limits: arguments of 65,000 bytes; a result that is a plain C struct.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;

/** Longest arguments of a call, in bytes. */
#define HM_OFFLOAD_ARGS_MAX 65000u

/** A call that is being made. */
struct hm_work;

/** Names a call for ever; a stale one names none. */
struct hm_offload {
	uint64_t id; /**< the engine's; 0: of no call */
};

/**
 * A call that may block. It must return: the stop of the system waits for it.
 *
 * Context: a thread of the pool, which no actor runs on; what hm_system.h has for external threads may be called, and
 * answers -ESHUTDOWN when the lcores have stopped; what takes a ctx may not.
 *
 * @param work    of this call, for hm_work_is_cancelled; valid until the function returns
 * @param args    the arguments' copy, aligned to 8 bytes; the function may change it
 * @param result  zeroed bytes of the result's type, to be filled in; NULL if that has no body
 */
typedef void hm_offload_fn(const struct hm_work *work, void *args, void *result);

/* ---- Hot path ------------------------------------------------------------ */

/**
 * Have a function called by a thread of the pool. When it has returned, the running actor receives its result, as
 * a message without sender; behind all that waits in its mailbox then. If the actor has ended meanwhile, the
 * result is a dead letter, and a call that still waited is not made.
 *
 * Context: turn; does not block. A system call if a thread of the pool sleeps. Ownership: @p args is copied.
 *
 * @param run        must not be NULL
 * @param args       may be NULL if @p args_size is 0
 * @param args_size  bytes, up to HM_OFFLOAD_ARGS_MAX
 * @param result     registered type of a plain C struct
 * @param[out] call  for hm_offload_cancel; may be NULL; untouched on error
 * @return HM_OK; HM_WOULD_BLOCK: as many calls wait as may, or a thread that takes one is preempted, so try later, or
 *         raise --offload-queue; HM_NO_MEMORY: for the call or its result;
 *         HM_TOO_BIG: the arguments; HM_UNKNOWN_TYPE; HM_INVALID: no @p run, no @p args, or a protobuf type
 */
enum hm_result hm_offload(struct hm_ctx *ctx, hm_offload_fn *run, const void *args, size_t args_size,
			  uint16_t result, struct hm_offload *call);

/**
 * Give a call of the running actor up. If it still waits, it is not made; if it is being made, it goes on, and may
 * ask hm_work_is_cancelled. Its result is not received, unless that waits in the mailbox already: the call is
 * over then, and is ignored.
 *
 * Context: turn; neither blocks nor allocates.
 */
void hm_offload_cancel(struct hm_ctx *ctx, struct hm_offload call);

/* ---- Inspect ------------------------------------------------------------- */

/**
 * Whether nobody wants the result any more: the call was cancelled, its actor has ended, or the system stops.
 *
 * Context: within the call; may be stale by some microseconds. Ownership: the work stays the engine's.
 *
 * @return true: the function may return without a result
 */
bool hm_work_is_cancelled(const struct hm_work *work);

#ifdef __cplusplus
}
#endif

#endif /* HM_OFFLOAD_H */
