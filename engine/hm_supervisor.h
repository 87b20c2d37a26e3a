/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_SUPERVISOR_H
#define HM_SUPERVISOR_H

/**
 * @file
 * Failure and supervision: an actor that fails is judged by its parent.
 *
 *     child: hm_fail, SIGSEGV, abort() ... ──▶ suspended ──── report ────▶ parent: strategy
 *              ▲                                                              │
 *              └── resume, restart, stop ◀──────── directive ◀────────────────┴──▶ escalate: the parent
 *                                                                                  fails in its place
 *
 * The message that was being received is a dead letter (HM_DEAD_FAILED) and is not received again. Those that wait
 * survive a restart and a resume, and so do PID, watchers and watches. While its supervisor decides, an actor
 * handles no user messages. What the failing call held is released: the message, messages that it has made and not
 * sent. A restart also releases the actor's timers and futures, and messages that earlier calls have made and kept; its
 * children stop before. Calls by the offload pool go on, and their results come behind the restart.
 *
 * A failure while an actor handles HM_STOPPING or HM_STOPPED does not keep it from stopping; one while it handles
 * HM_RESTARTING does not keep it from restarting.
 *
 * The strategy is that of the parent's props; children of /user, which external threads spawn, have that of the
 * configuration. Without one, an actor is restarted up to 10 times in 10 seconds; the next failure stops it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_msg.h"
#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;
struct hm_system;

/** What becomes of an actor that has failed. */
enum hm_directive {
	HM_DIRECTIVE_RESTART = 0, /**< it begins anew: HM_RESTARTING, then HM_STARTED on a fresh state */
	HM_DIRECTIVE_RESUME,      /**< it goes on with its next message, and its state as it is */
	HM_DIRECTIVE_STOP,        /**< it stops; watchers are told HM_TERMINATED_FAILED */
	HM_DIRECTIVE_ESCALATE,    /**< its parent fails in its place */
};

/** Which children a restart or a stop is for. A resume is for the one that failed. */
enum hm_supervisor_scope {
	HM_ONE_FOR_ONE = 0, /**< the one that failed */
	HM_ALL_FOR_ONE,     /**< all children */
	/** The one that failed and those that were spawned after it; of several lcores, in the order of the spawn calls. */
	HM_REST_FOR_ONE,
};

/** Longest reason of a failure, in characters with the end of the text. */
#define HM_FAILURE_REASON_MAX 128u

/** A failure, as a decider and the subscribers of supervision see it. */
struct hm_failure {
	struct hm_pid actor; /**< who has failed: a child of the supervisor */
	/** Who has failed first: the same, unless failures were escalated. */
	struct hm_pid origin;
	int32_t signal;    /**< SIGSEGV and its like; 0: hm_fail */
	uint16_t type;     /**< of the message that was being received */
	uint16_t reserved; /**< 0 */
	/** Failures of this actor within the supervisor's window, this one among them. */
	uint32_t failures;
	char reason
		[HM_FAILURE_REASON_MAX]; /**< zero-terminated; the text of hm_fail, or what the signal tells */
};

/**
 * Decide what becomes of a child.
 *
 * Context: in the turn of the supervising actor, with its ctx and state; of the guardian's strategy: ctx and state
 * are NULL, on lcore 0, and it must not fail. If it fails itself, its actor has failed, and the child's failure is
 * escalated with it.
 *
 * @param failure  valid until the function returns
 * @return a directive; another value is taken as HM_DIRECTIVE_STOP
 */
/* allowed: the type of a function, which has to be named */
typedef enum hm_directive hm_decider_fn(struct hm_ctx *ctx, void *state, const struct hm_failure *failure);

/** hm_supervisor.restarts: the directive of every failure is carried out. */
#define HM_RESTARTS_UNLIMITED UINT32_MAX
/** The most that hm_supervisor.restarts may say otherwise. */
#define HM_RESTARTS_MAX 1000u

/** Delays before restarts that follow each other: doubled each time. All zero: no delay. */
struct hm_backoff {
	uint64_t min_us; /**< the first delay, in microseconds; 0: there are no delays */
	uint64_t max_us; /**< the longest delay; 0: an hour */
	/** Part of each delay that is random, in percent, up to 100: a delay d is between d - d * jitter and d. */
	uint32_t jitter;
	uint32_t reserved; /**< 0 */
	/** Microseconds without a failure after which the next delay is the first again; 0: 2 * max_us. */
	uint64_t reset_us;
};

/**
 * A strategy. Constant, and must outlive the actors that use it. `&(struct hm_supervisor){ 0 }` is not the default:
 * it allows no restart, as Proto.Actor's with 0 retries.
 */
struct hm_supervisor {
	/** What is decided for every failure, unless there is a decider. */
	enum hm_directive directive;
	enum hm_supervisor_scope scope; /**< the children that it is carried out for */
	/**
	 * Restarts of a child in the window; the next failure stops it. 0: the first failure stops it; up to HM_RESTARTS_MAX;
	 * HM_RESTARTS_UNLIMITED: always restart.
	 */
	uint32_t restarts;
	/** The window, in microseconds; 0: all failures count for ever. */
	uint64_t window_us;
	/** NULL: `directive`. A restart that it decides is subject to the limit. */
	hm_decider_fn *decide;
	/** Delays of restarts. */
	struct hm_backoff backoff;
};

/** The strategy of props without one: restart, one for one, 10 times in 10 s. */
extern const struct hm_supervisor hm_supervisor_default;

/** Restart, one for one, without limit and delay. */
extern const struct hm_supervisor hm_supervisor_always;

/** hm_props.faults: what happens when the actor's functions raise SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT. */
enum hm_faults {
	HM_FAULTS_DEFAULT = 0, /**< what --faults says: contain, unless given */
	HM_FAULTS_CONTAIN,     /**< the actor fails */
	HM_FAULTS_ABORT,       /**< the process ends, and names actor and message */
};

/**
 * Fail: leave the receive function at once. Whatever it would have done is not done; C++ destructors and clean-up
 * attributes do not run.
 *
 * Context: turn.
 *
 * Ownership: the text is copied.
 *
 * @param reason  text, up to HM_FAILURE_REASON_MAX - 1 characters; NULL: "failed"
 */
__attribute__((noreturn))
void hm_fail(struct hm_ctx *ctx, const char *reason);

/** Body of HM_SUPERVISION, which subscribers receive: what was decided. */
struct hm_supervision {
	struct hm_pid supervisor; /**< who has decided */
	uint32_t directive; /**< enum hm_directive, that was carried out: of the limit, not of the decider */
	uint32_t reserved;  /**< 0 */
	uint64_t delay_us;  /**< of a restart, by the back-off */
	struct hm_failure failure; /**< for which it was */
};

/**
 * Name of a directive, for logs.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_directive_name(enum hm_directive directive);

/**
 * Why a watched process is gone, in words.
 *
 * Context: the owner of the message. Ownership: the text is the message's.
 *
 * @param terminated  an HM_TERMINATED
 * @return the reason of its failure if it was stopped since it had failed, on this node; else ""; never NULL
 */
const char *hm_terminated_text(const struct hm_msg *terminated);

/**
 * Have all decisions of supervisors sent to an actor, as HM_SUPERVISION: as hm_event_subscribe_pid (hm_event_stream.h), but that
 * subscribing twice is subscribing once. What does not fit into message memory is not published, but counted (hm_stats) all the same.
 *
 * Context: as hm_event_subscribe.
 *
 * Ordering: decisions on failures that happen afterwards on the caller's lcore are published to the subscriber.
 *
 * @param subscriber  an actor of this node
 * @return as hm_event_subscribe
 */
__attribute__((warn_unused_result))
int hm_supervision_subscribe(struct hm_system *sys, struct hm_pid subscriber);

/**
 * Send an actor no further decisions, as hm_dead_letters_unsubscribe.
 *
 * Context: as hm_event_subscribe.
 */
void hm_supervision_unsubscribe(struct hm_system *sys, struct hm_pid subscriber);

#ifdef __cplusplus
}
#endif

#endif /* HM_SUPERVISOR_H */
