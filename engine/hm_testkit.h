/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_TESTKIT_H
#define HM_TESTKIT_H

/**
 * @file
 * The test kit: a system whose lcores and clock the test turns itself, and probes, which are actors that the test is.
 *
 *     struct hm_kit *kit;
 *
 *     hm_kit_create(&kit, &(struct hm_kit_config){ .system = { .lcores = 2 } });
 *     greeter_register(hm_kit_system(kit));
 *     struct hm_pid greeter = hm_kit_spawn(kit, &greeter_props, "greeter", NULL);
 *     struct hm_probe *probe = hm_kit_probe(kit, "probe");
 *
 *     hm_probe_request(probe, greeter, greet, NULL);
 *     hm_probe_expect(probe, greeting, HM_KIT_WITHIN);
 *     hm_kit_end(kit);
 *
 * Time is virtual: it stands still while there is work, and a call that waits moves it on to the next timer; so a test of an hour
 * takes microseconds, and is the same each time. With hm_kit_config.real_time the lcores are threads, and waiting takes real time.
 *
 * A step is one turn of one lcore, or one message (hm_kit_config.by_message). Which lcore is next is said by
 * hm_kit_config.order: one after the other, or by chance, which a seed repeats. All orders in turn: hm_explore.h.
 *
 * Failures: a call that does not find what it expects says so by hm_kit_config.fail, which by default prints the text and ends
 * the process. Where it returns so does the call, with NULL, false or an error, and the test goes on. The text names the line of the
 * call, and the seed, if chance is involved: HM_SEED=N in the environment repeats the run.
 *
 * Who may call what: the thread that created the kit, outside of turns. Calls that step, wait, spawn or stop are refused elsewhere,
 * as in a receive function or an autopilot: a failure, which is told behind the turn. A kit, a probe or a function that is NULL where
 * nothing else is said ends the process with a message.
 *
 * Ownership: probes are the kit's, until hm_kit_end. Messages are the probe's: see hm_probe_next.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"
#include "hm_system.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_kit;
struct hm_probe;

/** Microseconds to wait where a test has no other wish: three seconds. */
#define HM_KIT_WITHIN 3000000u

/** Types that hm_probe_ignore takes of one probe, at most. */
#define HM_KIT_IGNORED_MAX 32u

/**
 * Told of a failure; may leave the test, as an assertion of a test framework does, or return.
 *
 * Context: the thread of the test, never within a turn.
 *
 * @param arg   hm_kit_config.fail_arg
 * @param text  lines without a newline at the end; valid until the function returns
 */
typedef void hm_kit_fail_fn(void *arg, const char *text);

/** Which lcore a step is of. */
enum hm_kit_order {
	HM_KIT_IN_TURN = 0, /**< one after the other, from the first one on whenever nothing was left to do */
	/** By chance; a step handles one message, and chance also says which of the lcore's actors that have any is the next. */
	HM_KIT_SEEDED,
};

/** How to make a kit; members that are left out are zero, which is their default. */
struct hm_kit_config {
	/**
	 * As of hm_system_create; mode, clock and seed are set by the kit. `lcores` 0: one; in real time all of EAL's but the
	 * main one, which is the test's.
	 */
	struct hm_config system;
	int argc;                /**< as of hm_system_create */
	char **argv;             /**< as of hm_system_create */
	enum hm_kit_order order; /**< which lcore a step is of */
	/**
	 * Of all that is chance. HM_SEED in the environment, digits alone, overrides it. 0: of HM_KIT_SEEDED another one each time; of
	 * HM_KIT_IN_TURN 1.
	 */
	uint64_t seed;
	/** A step handles one message, not all that an lcore has to do. */
	bool by_message;
	/**
	 * Lcores are threads (HM_MODE_BACKGROUND), from the first call that steps, waits or ends on: each takes one of EAL's worker
	 * lcores, so EAL needs one more than `system.lcores`, such as -l 0-2 for two. Neither order nor by_message count.
	 */
	bool real_time;
	hm_kit_fail_fn *fail; /**< NULL: print the text to standard error, and abort */
	void *fail_arg;       /**< for fail */
};

/* ---- The kit ------------------------------------------------------------------------------------ */

/**
 * Make a system for a test, and EAL if it does not run. Message types are registered next.
 *
 * Context: any thread, which is that of the test from here on; allocates. Ownership: the kit is the caller's, who ends it by
 * hm_kit_end; what the configuration points to has to outlive it.
 *
 * @param[out] kit  NULL on error
 * @param config    NULL: all defaults
 * @return 0; -EINVAL: an order that there is not, HM_SEED is no number above 0, which is printed to standard error, or @p kit is
 *         NULL; or as hm_system_create
 */
__attribute__((warn_unused_result))
int hm_kit_create(struct hm_kit **kit, const struct hm_kit_config *config);

/**
 * The system, for all that other headers offer: types, deployment settings, statistics.
 *
 * Context: the test's thread. Ownership: the kit's.
 *
 * @return never NULL
 */
struct hm_system *hm_kit_system(const struct hm_kit *kit);

/**
 * The seed in use.
 *
 * Context: the test's thread.
 *
 * @return never 0
 */
uint64_t hm_kit_seed(const struct hm_kit *kit);

/**
 * Spawn an actor under test, as hm_system_spawn; what that refuses is a failure.
 *
 * Context: the test's thread. Ownership: as hm_spawn.
 *
 * @return the actor; nobody after a failure
 */
struct hm_pid hm_kit_spawn(struct hm_kit *kit, const struct hm_props *props, const char *name,
			   const void *args);

/**
 * Take a step: a turn of one lcore that has work, or one message of it. Time stands still. In real time nothing.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @return whether there was work; false: nothing is left but to wait for timers
 */
bool hm_kit_step(struct hm_kit *kit);

/**
 * Step until nothing is left but to wait for timers. A hundred thousand steps without an end are a failure: actors send to each other for
 * ever. In real time nothing.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @return steps that had work
 */
uint64_t hm_kit_settle(struct hm_kit *kit);

/**
 * Settle, and let time pass from timer to timer, settling after each. In real time sleep.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @param us  microseconds
 */
void hm_kit_advance(struct hm_kit *kit, uint64_t us);

/**
 * Settle, move the clock to the next timer, deadlines of futures among them, and settle. In real time nothing.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @return whether there was a timer
 */
bool hm_kit_advance_next(struct hm_kit *kit);

/**
 * The time, as hm_now_ns of actors.
 *
 * Context: any thread.
 *
 * @return nanoseconds
 */
uint64_t hm_kit_now_ns(const struct hm_kit *kit);

/**
 * Fail. From within a turn the failure is told when the step ends; in real time when the test's thread next waits or ends.
 *
 * Context: the test's thread, or a turn of the kit's system. Ownership: the format and its arguments stay the caller's.
 *
 * @param format  as of printf, without a newline at its end
 */
__attribute__((format(printf, 2, 3)))
void hm_kit_fail(struct hm_kit *kit, const char *format, ...);

/**
 * Fail unless something holds, with the line of the call: `hm_kit_check(kit, count == 3)`.
 *
 * Context: as hm_kit_fail.
 *
 * @param what  a condition
 */
#define hm_kit_check(kit, what) hm_kit_check_at((kit), (what), #what, __FILE__, __LINE__)

/**
 * What hm_kit_check calls.
 *
 * Context: as hm_kit_fail. Ownership: the texts have to stay.
 *
 * @param holds  false: fail
 * @param what   the condition's text
 * @param file   of the call; NULL: unknown
 * @param line   of the call
 * @return @p holds
 */
bool hm_kit_check_at(struct hm_kit *kit, bool holds, const char *what, const char *file, int line);

/* ---- Probes: what a probe does ------------------------------------------------------------------ */

/**
 * A probe: an actor under /user, on lcore 0, that keeps what it receives until the test asks for it. Messages of its own life
 * cycle are not kept; HM_TERMINATED is.
 *
 * Context: the test's thread; allocates. Ownership: the kit's.
 *
 * @param name  as of hm_spawn; NULL: it has none
 * @return NULL after a failure
 */
struct hm_probe *hm_kit_probe(struct hm_kit *kit, const char *name);

/**
 * As hm_kit_probe, on another lcore.
 *
 * Context: the test's thread; allocates. Ownership: the kit's.
 *
 * @param lcore  its index
 * @return NULL after a failure
 */
struct hm_probe *hm_kit_probe_on(struct hm_kit *kit, const char *name, uint32_t lcore);

/**
 * The probe as others see it.
 *
 * Context: any thread.
 *
 * @return its PID
 */
struct hm_pid hm_probe_pid(const struct hm_probe *probe);

/**
 * What a probe is to do in a turn of its own. hm_fail there fails the probe, which is a failure of the test.
 *
 * @param ctx  as of a receive function
 * @param arg  as of hm_probe_do
 */
typedef void hm_probe_do_fn(struct hm_ctx *ctx, void *arg);

/**
 * Have a probe do anything that an actor may do; returns when it is done. Steps until then; not until the rest has settled. A
 * failure that is told meanwhile ends the call: the function does not begin any more; in real time, if it has begun, the call waits
 * until it is over, however long that takes.
 *
 * Context: the test's thread; runs receive functions. Ownership: the argument stays the caller's, and is not used after the return.
 *
 * @param fn   must not be NULL
 * @param arg  for fn
 * @return whether it was done; false: after a failure, since the probe has ended or hangs
 */
bool hm_probe_do(struct hm_probe *probe, hm_probe_do_fn *fn, void *arg);

/**
 * hm_send by a probe; a result that is not HM_OK is no failure. Steps as hm_probe_do.
 *
 * Context: the test's thread. Ownership: the body stays the caller's.
 *
 * @return as hm_send; HM_INVALID also: after a failure
 */
enum hm_result hm_probe_send(struct hm_probe *probe, struct hm_pid to, uint16_t type, const void *body);

/**
 * hm_request by a probe, which gets the answer. Steps as hm_probe_do.
 *
 * Context: the test's thread. Ownership: the body stays the caller's.
 *
 * @return as hm_probe_send
 */
enum hm_result hm_probe_request(struct hm_probe *probe, struct hm_pid to, uint16_t type, const void *body);

/**
 * Answer the message that the probe has last handed out, as hm_respond does. Steps as hm_probe_do.
 *
 * Context: the test's thread. Ownership: the body stays the caller's.
 *
 * @return as hm_probe_send; HM_NO_SENDER: there is nobody to answer
 */
enum hm_result hm_probe_reply(struct hm_probe *probe, uint16_t type, const void *body);

/**
 * hm_watch by a probe: hm_probe_expect_terminated finds the end. Steps as hm_probe_do.
 *
 * Context: the test's thread.
 *
 * @return as hm_watch; HM_INVALID: after a failure
 */
enum hm_result hm_probe_watch(struct hm_probe *probe, struct hm_pid who);

/**
 * Spawn a child of a probe, which so is told of its end. Failures of the child are the probe's to decide: by default it is
 * restarted. Steps as hm_probe_do.
 *
 * Context: the test's thread. Ownership: as hm_spawn.
 *
 * @param[out] pid  may be NULL
 * @return as hm_spawn; -ECANCELED: after a failure
 */
__attribute__((warn_unused_result))
int hm_probe_spawn(struct hm_probe *probe, const struct hm_props *props, const char *name, const void *args,
		   struct hm_pid *pid);

/**
 * Stop a probe, as hm_stop would. What it keeps, and nobody has asked for, becomes dead letters (stopped), as at the kit's end.
 * Does not step.
 *
 * Context: the test's thread.
 */
void hm_probe_stop(struct hm_probe *probe);

/**
 * What a probe does with each message when it comes, before it keeps it: to answer by itself, for example.
 *
 * Context: a turn.
 *
 * @param ctx  as of a receive function
 * @param arg  as of hm_probe_autopilot
 * @return whether the message is kept for the test; one that was handed on cannot be: true is a failure
 */
typedef bool hm_probe_autopilot_fn(struct hm_ctx *ctx, const struct hm_msg *msg, void *arg);

/**
 * Have a probe act by itself.
 *
 * Context: the test's thread, in real time before others send to the probe. Ownership: the argument has to stay.
 *
 * @param fn   NULL: not any more
 * @param arg  for fn
 */
void hm_probe_autopilot(struct hm_probe *probe, hm_probe_autopilot_fn *fn, void *arg);

/**
 * Drop messages of a type from here on, those among them that are kept already. Once more of the same type has no effect. More than
 * HM_KIT_IGNORED_MAX types are a failure.
 *
 * Context: the test's thread.
 */
void hm_probe_ignore(struct hm_probe *probe, uint16_t type);

/* ---- Probes: what is expected of them ----------------------------------------------------------- */

/**
 * Have the failure of the call that follows name a line. The macros at the end of this header do it.
 *
 * Context: the test's thread. Ownership: the text has to stay.
 *
 * @param file  NULL: unknown
 * @return @p probe
 */
struct hm_probe *hm_probe_at(struct hm_probe *probe, const char *file, int line);

/**
 * The next message, if one comes in time: no failure if none does. In virtual time the clock is moved on while there is
 * nothing else to do.
 *
 * Context: the test's thread; runs receive functions. Ownership: the message is the probe's, and valid until the next call that
 * hands out or drops one of it, or the probe stops or fails.
 *
 * @param within_us  microseconds to wait at most; 0: what has come, or comes before time passes
 * @return NULL: none
 */
const struct hm_msg *hm_probe_next(struct hm_probe *probe, uint64_t within_us);

/**
 * The next message has to be of a type.
 *
 * Context: the test's thread; runs receive functions. Ownership: as hm_probe_next.
 *
 * @param within_us  as of hm_probe_next
 * @return NULL after a failure: none came in time, or one of another type, which is dropped
 */
const struct hm_msg *hm_probe_expect(struct hm_probe *probe, uint16_t type, uint64_t within_us);

/**
 * The next message has to be HM_TERMINATED of a process.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @param within_us    as of hm_probe_next
 * @param[out] reason  enum hm_terminated_reason; may be NULL; untouched on failure
 * @return false after a failure: as hm_probe_expect, or that of another process
 */
bool hm_probe_expect_terminated(struct hm_probe *probe, struct hm_pid who, uint64_t within_us,
				uint32_t *reason);

/**
 * No message may come, and none may have come that was not asked for.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @param within_us  microseconds that have to pass
 * @return false after a failure: there is one, which stays the next
 */
bool hm_probe_expect_none(struct hm_probe *probe, uint64_t within_us);

/** What fishing does with a message. */
enum hm_fish {
	HM_FISH_ON = 0, /**< it is dropped, and the next one looked at */
	HM_FISH_TAKE,   /**< it is the one */
	HM_FISH_FAIL,   /**< it must not come: a failure */
};

/**
 * Look at a message while fishing.
 *
 * Context: the test's thread.
 *
 * @param arg  as of hm_probe_fish
 * @return what to do with it; another value: as HM_FISH_FAIL
 */
/* allowed: the type of a function, which has to be named */
typedef enum hm_fish hm_probe_fish_fn(const struct hm_msg *msg, void *arg);

/**
 * Drop messages until one comes that a function takes.
 *
 * Context: the test's thread; runs receive functions. Ownership: as hm_probe_next.
 *
 * @param fn         must not be NULL
 * @param arg        for fn
 * @param within_us  microseconds to wait at most, for all messages together
 * @return NULL after a failure: none came in time, or the function has refused one
 */
const struct hm_msg *hm_probe_fish(struct hm_probe *probe, hm_probe_fish_fn *fn, void *arg,
				   uint64_t within_us);

/**
 * Messages that are kept and were not asked for.
 *
 * Context: the test's thread.
 *
 * @return how many; in real time more may come at any time
 */
uint32_t hm_probe_count(struct hm_probe *probe);

/**
 * Sender of the message that was last handed out.
 *
 * Context: the test's thread.
 *
 * @return nobody: it has none, or no message was handed out
 */
struct hm_pid hm_probe_sender(const struct hm_probe *probe);

/* ---- The end ------------------------------------------------------------------------------------ */

/** What is left of a test. */
struct hm_kit_left {
	uint64_t actors;    /**< that live, but for guardians and probes */
	uint64_t timers;    /**< of actors and of futures' deadlines */
	uint64_t processes; /**< that wait: futures and their like */
	uint64_t messages;  /**< sent, and neither received nor dead letters */
	uint64_t kept;      /**< of probes, not asked for */
};

/**
 * Count what is left. In real time each lcore counts for itself, in its turn, one after the other: what happens between two looks makes
 * it inexact. When the system has stopped all is 0 but what probes keep.
 *
 * Context: the test's thread; in real time waits for each lcore, up to ten seconds.
 *
 * @param[out] left  must not be NULL; all 0 after a failure
 * @return false after a failure: an lcore does not answer, since an actor holds it
 */
bool hm_kit_left(struct hm_kit *kit, struct hm_kit_left *left);

/**
 * Settle; nothing may be left: actors have stopped, timers were cancelled or have fired, futures have ended, and all messages
 * were asked for. The failure names what is left, the actors by their paths. For tests of what is to clean up after itself, before
 * hm_kit_end, which stops actors itself. Of real time only when nothing is under way.
 *
 * Context: the test's thread; runs receive functions.
 *
 * @return false after a failure
 */
bool hm_kit_expect_nothing_left(struct hm_kit *kit);

/**
 * Stop all actors, check the accounts, and free everything: all actors stopped, each message that was sent was received or is a
 * dead letter, and no memory of messages, process or link is left.
 *
 * A failure is told when all is free, so that hm_kit_config.fail may leave the call, too. In real time this waits for every
 * actor.
 *
 * Context: the test's thread; runs receive functions. Ownership: kit, probes and messages are gone, after a failure, too, but for that
 * of a call within a turn, which is refused.
 *
 * @param kit  NULL is allowed, and true
 * @return false after a failure
 */
bool hm_kit_end(struct hm_kit *kit);

/* ---- Lines of calls, for the texts of failures ---------------------------------------------------- */

#ifndef HM_DOXYGEN_
#define hm_probe_expect(probe, type, within_us) \
	hm_probe_expect(hm_probe_at((probe), __FILE__, __LINE__), (type), (within_us))
#define hm_probe_expect_terminated(probe, who, within_us, reason) \
	hm_probe_expect_terminated(hm_probe_at((probe), __FILE__, __LINE__), (who), (within_us), (reason))
#define hm_probe_expect_none(probe, within_us) \
	hm_probe_expect_none(hm_probe_at((probe), __FILE__, __LINE__), (within_us))
#define hm_probe_fish(probe, fn, arg, within_us) \
	hm_probe_fish(hm_probe_at((probe), __FILE__, __LINE__), (fn), (arg), (within_us))
#endif

#ifdef __cplusplus
}
#endif

#endif /* HM_TESTKIT_H */
