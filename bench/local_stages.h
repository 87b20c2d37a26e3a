/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCAL_STAGES_H
#define LOCAL_STAGES_H

/**
 * @file
 * Two pairs of actors of one lcore with other stages of middleware, whose messages bounce in turns.
 *
 *     player ◀══ balls ══▶ player      the baseline
 *     player ◀══ balls ══▶ player      the value
 *
 * `local_middleware.c` and `local_tracing.c` differ in the stages.
 */

#include "bench_node.h"

/** A row. */
struct local_stages_kind {
	const char *text; /**< of the option */
	const char *row;
	const struct hm_middleware *const *stages; /**< of the value, as in struct hm_props */
	uint32_t number;                           /**< for local_stages.begin */
};

/** A scenario. */
struct local_stages {
	const char *about;                         /**< one sentence */
	const char *note;                          /**< what the baseline is */
	const char *option, *value, *help;         /**< that chooses the kind */
	const struct local_stages_kind *kinds;     /**< the second one is the default */
	uint32_t count;                            /**< of kinds */
	const struct hm_middleware *const *stages; /**< of the baseline; NULL: none */
	uint64_t warm_up_count;                    /**< messages of the first pair of slices */
	uint64_t count_max;                        /**< messages of a slice */
	/** Before the first slice; NULL: nothing. Returns 0 or a negative errno, printed. */
	int (*begin)(struct bench_node *node, const struct local_stages_kind *kind);
	/** Behind each slice of the value, out of time; NULL: nothing. Returns NULL, or what has failed. */
	const char *(*end)(struct bench_node *node);
};

/** Stages that only go on: of receive, of send, and of both. */
extern const struct hm_middleware local_stages_receive, local_stages_send, local_stages_both;

/** The whole program. @return its exit status */
int local_stages_main(const struct local_stages *scenario, int argc, char **argv);

#endif /* LOCAL_STAGES_H */
