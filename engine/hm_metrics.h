/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_METRICS_H
#define HM_METRICS_H

/**
 * @file
 * Metrics of actors, by what the program takes to be their type: messages, time, failures, restarts, how many messages wait.
 *
 *     static struct hm_metrics_type shops = { .name = "shop" };
 *     static const struct hm_metrics_type *const types[] = { &shops, NULL };
 *     static const struct hm_middleware metrics = { .name = "metrics", .receive = hm_metrics_receive, .arg = &shops };
 *
 *     hm_metrics_start(sys, types);           before the system runs
 *     hm_metrics_write(sys, stdout);          at any time, by any thread: text as Prometheus reads it
 *
 * Each lcore counts for itself; who reads adds up, and stops nobody. What is read while lcores run is approximate: a message may
 * be in one number and not in another one yet.
 *
 * Nothing is kept of single actors, and nothing is allocated but by hm_metrics_start. Cost: two looks at the clock a message.
 * Without hm_metrics_start, or of a type that was not among its own, the stage only goes on.
 *
 * Who may call what: hm_metrics_receive is for hm_middleware alone; reading is for any thread.
 *
 * Limits: HM_METRICS_TYPES_MAX types.
 */

#include <stdint.h>
#include <stdio.h>

#include "hm_middleware.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Types of a system. */
#define HM_METRICS_TYPES_MAX 64u
/** Times: below 256 ns, below 512 ns, and so on; the last one: whatever is longer, some two seconds. */
#define HM_METRICS_TIMES 25u
/** Lengths of mailboxes: none, 1, up to 3, up to 7, and so on; the last one: whatever is more. */
#define HM_METRICS_LENGTHS 18u
/** The length of the mailbox is looked at once in so many messages of an lcore. */
#define HM_METRICS_LENGTH_EVERY 16u

/** A type of actors, known by its address; outlives the systems that it is used in. */
struct hm_metrics_type {
	const char *name; /**< a text; types of a system have different ones */
};

/** What the actors of a type have done since the start. */
struct hm_metrics {
	uint64_t
		messages; /**< handed to them, those of their life cycle and those at which they have failed among them */
	uint64_t failures; /**< by hm_fail or by a signal, in reply functions, too */
	uint64_t started;  /**< HM_STARTED, once more with each restart */
	uint64_t restarts; /**< HM_RESTARTING */
	uint64_t stopped;  /**< HM_STOPPED */
	uint64_t time_ns;  /**< that messages have taken, all together */
	uint64_t times
		[HM_METRICS_TIMES]; /**< messages by what each has taken: times[i] below 256 << i ns, and not below half of it */
	uint64_t lengths_sum; /**< messages that waited, each time that it was looked */
	/** Looks by how many messages waited: lengths[i] at most 2^i - 1, and more than lengths[i - 1] says. */
	uint64_t lengths[HM_METRICS_LENGTHS];
};

/**
 * Have a system count, from its start on.
 *
 * Context: the thread that created the system, before it runs; allocates some 500 bytes for each type and lcore. Ownership: the
 * types are kept, the array is not.
 *
 * @param types  all that stages may name, ending with NULL; not NULL
 * @return 0; -EINVAL: an argument or a name is NULL, or a name is there twice; -E2BIG: more than HM_METRICS_TYPES_MAX; -EEXIST:
 *         called before; -EBUSY: the system runs, or has run; -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_metrics_start(struct hm_system *sys, const struct hm_metrics_type *const *types);

/**
 * Count what is received, for hm_middleware. An actor that has it twice with one type, such as inherited and of its own, counts once.
 *
 * Context: as hm_middleware.receive; neither blocks nor allocates. Ownership: nothing passes.
 *
 * @param arg  hm_middleware.arg: the type, a struct hm_metrics_type
 */
void hm_metrics_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
			const struct hm_receive_next *next, void *arg);

/**
 * Read the numbers of a type, of all lcores together.
 *
 * Context: any thread; does not block. Ownership: nothing is kept.
 *
 * @param[out] metrics  untouched on error
 * @return 0; -EINVAL: an argument is NULL; -ENOENT: none of the types of hm_metrics_start, or that was not called
 */
__attribute__((warn_unused_result))
int hm_metrics_read(const struct hm_system *sys, const struct hm_metrics_type *type,
		    struct hm_metrics *metrics);

/**
 * Write the numbers of all types, in the text format of Prometheus (0.0.4), whatever the locale. Times are in seconds; the label
 * `type` is a type's name.
 *
 * Context: any thread; may block as the stream does. Ownership: the stream stays the caller's, and open.
 *
 * @return 0; -EINVAL: an argument is NULL; -ENOENT: hm_metrics_start was not called; -EIO: the stream takes no more
 */
__attribute__((warn_unused_result))
int hm_metrics_write(const struct hm_system *sys, FILE *out);

#ifdef __cplusplus
}
#endif

#endif /* HM_METRICS_H */
