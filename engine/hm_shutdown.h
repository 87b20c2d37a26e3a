/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_SHUTDOWN_H
#define HM_SHUTDOWN_H

/**
 * @file
 * The stop of a system in phases.
 *
 *     hm_system_stop, SIGTERM ─▶ BEFORE ─▶ UNBIND ─▶ DRAIN ─▶ SERVICES ─▶ CLUSTER ─▶ ACTORS ─▶ SYSTEM ─▶ stopped
 *                                  tasks     tasks     tasks     tasks       tasks     tasks,    tasks,
 *                                                                                      /user     /system
 *
 * A *task* is something to be done in a phase: a function to be called, an actor to be poisoned, or an
 * actor to be spawned for it. The tasks of a phase begin together. The phase ends when all have ended, or
 * their time is up; then the next one begins. A phase without tasks takes no time. Until the phase
 * HM_SHUTDOWN_ACTORS the system works as ever: actors may be spawned, and handle their messages.
 *
 * What does not end in its time is logged with its name, actor and path, and if an lcore is stuck, with the
 * actor and the type of the message that it handles. A task is then left alone; its actors stop with the
 * others. Actors under /user and /system are waited for, and named again each time that the phase's time is
 * up.
 *
 * Times: --phase-timeout-ms for each phase, 5,000 if it is not given; hm_shutdown_timeout and a task's own
 * time override it. --stop-timeout-ms is for the whole stop, which is then forced, as by a second signal;
 * without it the stop is never forced. All are kept by lcore 0: if that is stuck, the thread that takes the
 * signals, or is in hm_system_join, names it and forces the stop. In HM_MODE_STEPPED times are those of the
 * system's clock.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** When something is done, in this order. */
enum hm_shutdown_phase {
	HM_SHUTDOWN_BEFORE = 0, /**< tell others, such as a load balancer, while everything still works */
	HM_SHUTDOWN_UNBIND,     /**< take nothing new: listeners, consumers */
	HM_SHUTDOWN_DRAIN,      /**< finish what is under way */
	HM_SHUTDOWN_SERVICES,   /**< stop services, flush and close */
	HM_SHUTDOWN_CLUSTER,    /**< leave other nodes */
	HM_SHUTDOWN_ACTORS,     /**< tasks; then all actors under /user stop */
	HM_SHUTDOWN_SYSTEM,     /**< tasks, without actors under /user; then all actors under /system stop */
	HM_SHUTDOWN_PHASES,     /**< count of the above */
};

/**
 * Name of a phase, for logs.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_shutdown_phase_name(enum hm_shutdown_phase phase);

/**
 * Called when the phase begins, in the turn of an actor of its own under /system, on lcore 0. The task has
 * ended when it returns; what takes longer, or has to wait for something, is an actor: see
 * hm_shutdown_task.spawn.
 *
 * @param arg  as in the task
 */
typedef void hm_shutdown_fn(struct hm_ctx *ctx, void *arg);

/** Something to be done. One of run, poison and spawn is set, the others are zeroed. */
struct hm_shutdown_task {
	enum hm_shutdown_phase phase; /**< when it is done */
	const char *name;             /**< for the log, and of the actor under /system; as an actor's */
	/** A function to be called. */
	hm_shutdown_fn *run;
	void *arg; /**< for run; must stay as long */
	/** An actor to be poisoned: the task has ended when it has stopped, or if it has before. */
	struct hm_pid poison;
	/** An actor to be spawned under /system: the task has ended when it has stopped, which it does by itself. */
	const struct hm_props *spawn;
	const void *args;    /**< of spawn; copied */
	uint64_t timeout_us; /**< 0: the phase's */
};

/** Names a task for ever. */
struct hm_shutdown {
	uint64_t id; /**< the engine's; 0: of no task */
};

/**
 * Add a task.
 *
 * Context: any thread, actors included, from the creation of the system on; takes a lock for a moment;
 * allocates. Ownership: the task, its name and args are copied; props are kept.
 *
 * @param[out] handle  may be NULL
 * @return 0; -EINVAL: an argument is NULL, no such phase, a name that no actor could have, not just one of
 *         run, poison and spawn, or spawn without a receive function or args; -ENOMEM; -ESHUTDOWN: the phase
 *         has begun, or is over
 */
__attribute__((warn_unused_result))
int hm_shutdown_add(struct hm_system *sys, const struct hm_shutdown_task *task, struct hm_shutdown *handle);

/**
 * Take a task back that has not begun.
 *
 * Context: as hm_shutdown_add.
 *
 * @return false: it has begun, or was taken back before
 */
bool hm_shutdown_remove(struct hm_system *sys, struct hm_shutdown handle);

/**
 * Set the time of a phase.
 *
 * Context: as hm_shutdown_add.
 *
 * @param timeout_us  microseconds, at least 1
 * @return 0; -EINVAL: @p sys is NULL, no such phase, or no time; -ESHUTDOWN: the phase has begun
 */
__attribute__((warn_unused_result))
int hm_shutdown_timeout(struct hm_system *sys, enum hm_shutdown_phase phase, uint64_t timeout_us);

#ifdef __cplusplus
}
#endif

#endif /* HM_SHUTDOWN_H */
