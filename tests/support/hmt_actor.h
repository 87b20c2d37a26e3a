/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_ACTOR_H
#define HMT_ACTOR_H

/**
 * @file
 * Actors for tests: a system that the test turns itself, under a clock of its own, and probes,
 * which are actors that write down what they receive and do what they are told.
 *
 *     hmt_node_start ──▶ hmt_probe_spawn ──▶ hmt_do, hmt_turn_until_idle, hmt_elapse ──▶ hmt_node_end
 *
 * All lcores are turned by one thread, so a test may look into a probe at any time, and every
 * run is the same. What fails here ends the process with a message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_future.h"
#include "hm_testkit.h"
#include "lcore_pvt.h"

/** Message types that every such system knows. */
enum hmt_type {
	HMT_DO = HM_TYPE_USER, /**< body: struct hmt_deed; done by a probe, not written down */
	HMT_NUMBER,            /**< body: uint64_t */
	HMT_EMPTY,             /**< no body */
	HMT_BIG,               /**< body: HMT_BIG_BYTES bytes */
	HMT_TYPE_NEXT,         /**< first type of the test's own */
};

#define HMT_BIG_BYTES 1000u

/** Actors of which every system has one each: the guardians. */
#define HMT_GUARDIANS 3u

/** A stepped system: of the test kit, which looks at the accounts at its end, but with a clock that the test may set. */
struct hmt_node {
	struct hm_kit *kit;
	struct hm_system *sys;
	uint64_t now_ns; /**< what its clock says */
};

/** Start a system of @p lcores lcores. EAL runs already (hmt_eal_start). */
void hmt_node_start(struct hmt_node *node, uint32_t lcores);

/** As hmt_node_start, with @p memory bytes for messages, 0: the default, and options behind `--`. */
void hmt_node_start_with(struct hmt_node *node, uint32_t lcores, uint64_t memory, const char *options);

/** Turn until all lcores are idle: nothing is left but to wait for timers. */
void hmt_turn_until_idle(struct hmt_node *node);

/** Let time pass, all at once, and turn until idle. */
void hmt_elapse(struct hmt_node *node, uint64_t us);

/** Stop all actors, which takes no time, and end the kit (hm_kit_end): nothing is left of any actor or message. */
void hmt_node_end(struct hmt_node *node);

/** A reply function that does nothing. */
void hmt_ignore_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result,
		      const struct hm_msg *reply, void *arg);

/** Destroy the system under its actors, and check that no message is lost. */
void hmt_node_drop(struct hmt_node *node);

/** Turn what is under way in a system that does not run any more into dead letters. */
void hmt_system_drain(struct hm_system *sys);

/** Destroy a system that does not run any more, and check that no message is lost. */
void hmt_system_free(struct hm_system *sys);

/** Check that all that was sent was received or is a dead letter, once nothing is under way. */
void hmt_books_check(const struct hm_system *sys);

/** Counters of the system. */
struct hm_stats hmt_stats(const struct hmt_node *node);

/** What a function tells of each lcore, in all. */
uint64_t hmt_lcores_sum(const struct hmt_node *node, uint64_t (*of)(const struct hm_ctx *ctx));

/** For hmt_lcores_sum: slots in use. */
uint64_t hmt_slots_live(const struct hm_ctx *ctx);

/** Dead letters of all reasons. */
uint64_t hmt_dead(const struct hmt_node *node);

/* ---- Probes ------------------------------------------------------------------ */

#define HMT_SEEN_MAX 256u

/** One message as a probe saw it. */
struct hmt_seen {
	uint16_t type;
	struct hm_pid sender;
	size_t length;
	union {
		uint64_t words[8]; /**< the body's beginning */
		uint64_t number;
		struct hm_terminated terminated;
		struct hm_dead_letter dead;
	};
};

/** What a probe has seen; lives in the test. Zeroed by the test, then written by the probe. */
struct hmt_probe {
	uint32_t count; /**< messages seen, those of the life cycle included; may exceed HMT_SEEN_MAX */
	struct hmt_seen seen[HMT_SEEN_MAX];
	/** Called for every message but HMT_DO, after it was written down; may be NULL. */
	void (*on_msg)(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg);
	void *arg; /**< for on_msg */
	struct hm_pid pid;
};

/** For the lcore of a probe, beside its index: as HM_LCORE_SAME, and as HM_LCORE_ANY. */
#define HMT_LCORE_SAME UINT32_MAX
#define HMT_LCORE_ANY  (UINT32_MAX - 1)

/** Props of a probe on the lcore of an index, or one of the above; its args: `struct hmt_probe *`. */
const struct hm_props *hmt_probe_props(uint32_t lcore);

/** Spawn a probe under /user; name may be NULL. */
struct hm_pid hmt_probe_spawn(struct hmt_node *node, struct hmt_probe *probe, uint32_t lcore,
			      const char *name);

/** Spawn a probe as a child of the running actor. @return as hm_spawn */
int hmt_probe_child(struct hm_ctx *ctx, struct hmt_probe *probe, uint32_t lcore, const char *name);

/** How often a probe has seen a type. */
uint32_t hmt_seen_count(const struct hmt_probe *probe, uint16_t type);

/** The last message of a type that a probe has seen; NULL: none. */
const struct hmt_seen *hmt_seen_last(const struct hmt_probe *probe, uint16_t type);

/** Check that a probe has seen messages of just these types, in this order. */
void hmt_sequence_check(const struct hmt_probe *probe, const uint16_t *types, uint32_t count);

#define HMT_SEQUENCE(probe, ...)                                                         \
	do {                                                                             \
		static const uint16_t types_[] = { __VA_ARGS__ };                        \
		hmt_sequence_check((probe), types_, sizeof(types_) / sizeof(types_[0])); \
	} while (0)

/** Something for an actor to do. */
struct hmt_deed {
	void (*fn)(struct hm_ctx *ctx, void *arg);
	void *arg;
};

/** Have a probe do something in its turn, and turn until idle. */
void hmt_do(struct hmt_node *node, struct hm_pid probe, void (*fn)(struct hm_ctx *ctx, void *arg), void *arg);

/** Send a number to anybody as an external thread; does not turn. */
void hmt_number(struct hmt_node *node, struct hm_pid to, uint64_t number);

/** Stop an actor as an external thread, and turn until idle. */
void hmt_stop(struct hmt_node *node, struct hm_pid who);

/* ---- Deeds that many tests want; each one's arg ---------------------------------- */

void hmt_watch(struct hm_ctx *ctx, void *pid);     /**< struct hm_pid * */
void hmt_unwatch(struct hm_ctx *ctx, void *pid);   /**< struct hm_pid * */
void hmt_stop_that(struct hm_ctx *ctx, void *pid); /**< struct hm_pid * */
void hmt_fail(struct hm_ctx *ctx, void *arg);      /**< none; its reason: "on purpose" */
void hmt_ask(struct hm_ctx *ctx, void *question);  /**< struct hmt_question * */

/** What an actor asks, for a second at most. */
struct hmt_question {
	struct hm_pid to;
	uint16_t type;
	uint64_t number; /**< body of HMT_NUMBER, others have none; then the answer's */
	uint32_t result; /**< 1 + enum hm_future_result; 0: none yet */
};

#endif /* HMT_ACTOR_H */
