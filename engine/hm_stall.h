/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_STALL_H
#define HM_STALL_H

/**
 * @file
 * Stalls: an lcore that does not come to the end of a turn, since an actor computes, or waits, for too long.
 *
 *     receive function that does not return ──▶ --stall milliseconds later: a warning, and hm_config.on_stall
 *                                               after twice, four times, ... as long: again
 *                                               it has returned: once more, with the whole time
 *
 * A thread of the system looks at the lcores, four times within that time; it costs them nothing. --stall is 1,000
 * unless given; 0 looks for none. An lcore that sleeps for lack of work has no stall, nor has one of a
 * HM_MODE_STEPPED system. In one turn an actor may handle several messages, 64 at most (--quantum): each of them may be
 * short.
 *
 * The lcore's thread says itself where it is, in a signal handler: the highest real-time signal below SIGRTMAX that
 * had no handler when the system was created. A system call that the signal interrupts goes on, but for those that never
 * do (poll, nanosleep, epoll_wait, sem_timedwait and their like: signal(7)); they return EINTR to the actor, which has
 * waited for too long by then. If the thread does not take the signal at once (it waits for a disk, or for its core, or
 * has blocked it), the first report has neither message nor backtrace, and another one follows when it has.
 */

#include <stdint.h>

#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

/** For hm_config.stall_ms: look for no stalls. */
#define HM_STALL_NEVER UINT32_MAX

/** Why hm_config.on_stall is called. */
enum hm_stall_event {
	HM_STALL_BEGAN,   /**< the turn has lasted for as long as --stall says */
	HM_STALL_GOES_ON, /**< twice, four times, ... as long; or the thread has said where it is only now */
	HM_STALL_ENDED,   /**< the turn is over; duration_ns is what is known */
};

/** What the lcore's thread does, by what it has done since the turn was first seen to hang. */
enum hm_stall_state {
	HM_STALL_UNKNOWN = 0,
	HM_STALL_COMPUTES,
	HM_STALL_WAITS,     /**< in the kernel, for a file, a lock, a sleep */
	HM_STALL_PREEMPTED, /**< it could go on, but others have its core */
};

/** A stall, as far as it is known. Texts are valid until the function returns. */
struct hm_stall {
	enum hm_stall_event event; /**< begins, goes on, or is over */
	enum hm_stall_state state; /**< of the lcore's thread */
	uint32_t lcore_index;      /**< of the lcore, in its system */
	uint64_t
		duration_ns; /**< of the turn, at least; it may be longer by a quarter of what --stall says */
	struct hm_pid actor; /**< that runs; none: the engine does, or it is unknown */
	const char *path;    /**< of the actor; NULL: it has no name, or is none */
	/** Type of its message; 0: it has handed the message on, or it is unknown. */
	uint16_t type;
	const char *type_name; /**< NULL: as type 0 */
	/** Innermost call first, one a line, each line with its end; NULL: unknown. */
	const char *backtrace;
};

/**
 * A program's own way to report a stall, beside the warning in the log.
 *
 * Context: a thread of the system, which looks for no other stall meanwhile; the stop of the system waits for it. It may
 * call what hm_system.h has for external threads. Ownership: @p stall is the system's, until the function returns.
 *
 * @param arg  hm_config.on_stall_arg
 */
typedef void hm_stall_fn(void *arg, const struct hm_stall *stall);

#ifdef __cplusplus
}
#endif

#endif /* HM_STALL_H */
