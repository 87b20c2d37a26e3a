/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_LOGGING_H
#define HM_LOGGING_H

/**
 * @file
 * Logging middleware: a line for each message that an actor receives and sends, and each child that it spawns.
 *
 *     static const struct hm_middleware logging = {
 *             .name = "logging", .receive = hm_logging_receive, .send = hm_logging_send, .spawn = hm_logging_spawn,
 *     };
 *
 *     hm_logging_start(sys, NULL);            before the system runs; then, with --log-level=hermod.actors:debug,
 *
 *     hermod: lcore 1: /user/shop: received order from /user/customer, 12 us
 *     hermod: lcore 1: /user/shop: sent bill to /user/customer: ok
 *     hermod: lcore 1: /user/shop: spawned /user/shop/till
 *
 * Lines are those of hm_log (hm_log.h), of one level. An actor of the same lcore is named by its path, all others by their PIDs.
 * A message at which the actor fails has no line: the engine logs the failure.
 *
 * Each lcore writes a bounded number of lines a second; those beyond are counted, and the next line is preceded by their number.
 * What is not written costs a look at the level, and a look at the clock where it is the number that forbids it. Nothing is
 * allocated but by hm_logging_start. Without that, the stages only go on.
 *
 * Who may call what: the stages are for hm_middleware alone; each lcore has its own counters.
 */

#include <stdint.h>

#include "hm_log.h"
#include "hm_middleware.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Lines that an lcore writes in a second, unless hm_logging_options says otherwise. */
#define HM_LOGGING_PER_SECOND 100u

/** How the stages of a system log; zeroed members mean the default. */
struct hm_logging_options {
	enum hm_log_level level; /**< of the lines; 0: HM_LOG_DEBUG */
	uint32_t per_second;     /**< lines of each lcore at most; 0: HM_LOGGING_PER_SECOND */
};

/**
 * Have the stages of a system write, from its start on.
 *
 * Context: the thread that created the system, before it runs; allocates. Ownership: the options are copied.
 *
 * @param options  NULL: the default
 * @return 0; -EINVAL: @p sys is NULL, or a level that there is not; -EEXIST: called before; -EBUSY: the system runs, or has run;
 *         -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_logging_start(struct hm_system *sys, const struct hm_logging_options *options);

/**
 * Lines that were left out, since there were too many in their second.
 *
 * Context: any thread; does not block.
 *
 * @param sys  must not be NULL
 * @return how many so far, on all lcores; 0 also: without hm_logging_start
 */
uint64_t hm_logging_suppressed(const struct hm_system *sys);

/* ---- For hm_middleware, whose `arg` is not used ----------------------------------------------------- */

/**
 * Log what is received: its type, its sender, and how long the stages behind and the actor have taken.
 *
 * Context: as hm_middleware.receive; may block as hm_log. Ownership: nothing passes.
 */
void hm_logging_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
			const struct hm_receive_next *next, void *arg);

/**
 * Log what is sent: its type, its receiver, and what has come of it.
 *
 * Context: as hm_middleware.send; may block as hm_log. Ownership: as there.
 *
 * @return what hm_send_next has returned
 */
enum hm_result hm_logging_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg,
			       const struct hm_send_next *next, void *arg);

/**
 * Log who is spawned, or why nobody is.
 *
 * Context: as hm_middleware.spawn; may block as hm_log. Ownership: as there.
 *
 * @return what hm_spawn_next has returned
 */
__attribute__((warn_unused_result))
int hm_logging_spawn(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
		     const struct hm_spawn_next *next, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HM_LOGGING_H */
